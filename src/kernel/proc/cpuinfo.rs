//! `/proc/cpuinfo`: the processors, as they describe themselves.

use crate::abi::HZ;
use crate::hw::cpuid;
use crate::kernel::Kernel;

/// The names of the feature bits, but for those that are reserved.
///
/// Linux 2.6.12: `arch/i386/kernel/cpu/proc.c`, `x86_cap_flags`.
const FEATURES: [(u32, &str); 30] = [
    (0, "fpu"),
    (1, "vme"),
    (2, "de"),
    (3, "pse"),
    (4, "tsc"),
    (5, "msr"),
    (6, "pae"),
    (7, "mce"),
    (8, "cx8"),
    (9, "apic"),
    (11, "sep"),
    (12, "mtrr"),
    (13, "pge"),
    (14, "mca"),
    (15, "cmov"),
    (16, "pat"),
    (17, "pse36"),
    (18, "pn"),
    (19, "clflush"),
    (21, "dts"),
    (22, "acpi"),
    (23, "mmx"),
    (24, "fxsr"),
    (25, "sse"),
    (26, "sse2"),
    (27, "ss"),
    (28, "ht"),
    (29, "tm"),
    (30, "ia64"),
    (31, "pbe"),
];

/// The names of processors of family 6 by model.
///
/// Linux 2.6.12: `arch/i386/kernel/cpu/intel.c`, `intel_cpu_dev`.
const P6_MODELS: [(u32, &str); 2] = [(0, "Pentium Pro A-step"), (1, "Pentium Pro")];
/// Descriptors of caches of the second level, and their sizes in KiB.
///
/// Linux 2.6.12: `arch/i386/kernel/cpu/intel_cacheinfo.c`, `cache_table`.
const L2_CACHES: [(u8, u32); 4] = [(0x41, 128), (0x42, 256), (0x43, 512), (0x44, 1024)];

/// What stands in a table for a key.
fn find<K: PartialEq, V: Copy>(table: &[(K, V)], key: K) -> Option<V> {
    let mut rows = table.iter();
    Some(rows.find(|(known, _)| *known == key)?.1)
}

/// The size of the second-level cache by the descriptors of `cpuid` 2.
fn cache_size() -> Option<u32> {
    let words = cpuid(2).into_iter();
    let mut descriptors = words.flat_map(u32::to_le_bytes);
    descriptors.find_map(|descriptor| find(&L2_CACHES, descriptor))
}

impl Kernel {
    /// A record for each CPU. The clock has one cycle for each instruction.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/cpu/proc.c`, `show_cpuinfo()`.
    pub(super) fn proc_cpuinfo(&self) -> Vec<String> {
        let [level, ebx, ecx, edx] = cpuid(0);
        let vendor: Vec<u8> = [ebx, edx, ecx]
            .into_iter()
            .flat_map(u32::to_le_bytes)
            .collect();
        let vendor = String::from_utf8_lossy(&vendor).into_owned();
        let [signature, .., features] = cpuid(1);
        let (family, model) = (signature >> 8 & 15, signature >> 4 & 15);
        let name = find(&P6_MODELS, model).unwrap_or("unknown");
        let khz = self.config.cycles_per_tick;
        let cache = cache_size().map(|kb| format!("cache size\t: {kb} KB\n"));
        let present = FEATURES.iter().filter(|(bit, _)| features >> bit & 1 != 0);
        let flags: String = present.map(|(_, name)| format!(" {name}")).collect();
        let record = |number: usize| {
            format!(
                "processor\t: {number}\nvendor_id\t: {vendor}\ncpu family\t: {family}\n\
                 model\t\t: {model}\nmodel name\t: {name}\nstepping\t: {}\n\
                 cpu MHz\t\t: {}.{:03}\n{}\
                 fdiv_bug\t: no\nhlt_bug\t\t: no\nf00f_bug\t: no\ncoma_bug\t: no\n\
                 fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: {level}\nwp\t\t: yes\n\
                 flags\t\t:{flags}\nbogomips\t: {}.{:02}\n\n",
                signature & 15,
                khz / 1000,
                khz % 1000,
                cache.as_deref().unwrap_or_default(),
                khz / (500_000 / HZ),
                khz / (5000 / HZ) % 100,
            )
        };
        (0..self.cpus.len()).map(record).collect()
    }
}
