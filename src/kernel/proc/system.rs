//! The small files of the whole system: load, times, counters, and what the system is.

use super::stat::{TICKS_PER_CLOCK, clock_t};
use crate::abi::HZ;
use crate::kernel::Kernel;
use crate::kernel::fs::SystemFile;
use crate::kernel::time::CpuStat;

/// Bits after the binary point of a load average.
const FSHIFT: u32 = 11;
const FIXED_1: u32 = 1 << FSHIFT;
/// Who compiled the kernel, and with what.
const COMPILED_BY: &str = "(root@forklab) (gcc version 3.3.5)";
/// The file systems, in the order in which they are registered. None needs a device.
const FILESYSTEMS: [&str; 5] = ["rootfs", "proc", "pipefs", "tmpfs", "ramfs"];
/// The interrupts of the old controllers, and those with an APIC for input and output, as machines
/// with several CPUs have one.
const NR_IRQS: usize = 16;
const NR_IRQS_APIC: usize = 224;

/// A load average as it is shown, rounded up at the third digit.
///
/// Linux 2.6.12: `fs/proc/proc_misc.c`, `LOAD_INT()` and `LOAD_FRAC()`.
fn load(average: u32) -> String {
    let average = average + FIXED_1 / 200;
    let hundredths = ((average & (FIXED_1 - 1)) * 100) >> FSHIFT;
    format!("{}.{hundredths:02}", average >> FSHIFT)
}

impl Kernel {
    /// The text of a file that one function makes.
    pub(super) fn proc_system_text(&self, file: SystemFile) -> String {
        match file {
            SystemFile::Loadavg => self.proc_loadavg(),
            SystemFile::Uptime => self.proc_uptime(),
            SystemFile::Meminfo => {
                let fields = self.proc_meminfo().into_iter();
                let line = |(name, kb)| format!("{:<14}{kb:>8} kB\n", format!("{name}:"));
                fields.map(line).collect()
            }
            SystemFile::Version => {
                let [system, _, release, version, ..] = self.utsname();
                format!("{system} version {release} {COMPILED_BY} {version}\n")
            }
            SystemFile::Filesystems => {
                let line = |name| format!("nodev\t{name}\n");
                FILESYSTEMS.into_iter().map(line).collect()
            }
            // The kernel is booted without options.
            SystemFile::Cmdline => "\n".to_owned(),
            _ => String::new(),
        }
    }

    /// Tasks that run or wait for a CPU, the idle tasks left out.
    fn proc_nr_running(&self) -> usize {
        let cpus = 0..self.cpus.len();
        cpus.map(|cpu| self.sched.rq(cpu).nr_running() as usize)
            .sum()
    }

    /// `/proc/loadavg`, with its newline.
    ///
    /// Linux 2.6.12: `fs/proc/proc_misc.c`, `loadavg_read_proc()`.
    pub fn proc_loadavg(&self) -> String {
        let loads = self.load.avenrun().map(load).join(" ");
        let (running, all) = (self.proc_nr_running(), self.nr_threads());
        let last_pid = self.pidmap.last_pid();
        format!("{loads} {running}/{all} {last_pid}\n")
    }

    /// Linux 2.6.12: `fs/proc/proc_misc.c`, `uptime_read_proc()`.
    fn proc_uptime(&self) -> String {
        let up = self.monotonic_time();
        let idle = self.task(self.sched.idle(0));
        let idle = u64::from(idle.utime.wrapping_add(idle.stime));
        let hz = u64::from(HZ);
        format!(
            "{}.{:02} {}.{:02}\n",
            up.sec(),
            up.nsec() / 10_000_000,
            idle / hz,
            idle % hz / TICKS_PER_CLOCK
        )
    }

    /// Counters of the whole system. The only interrupt is that of the timer, and nobody waits for a
    /// device in a way that counts.
    ///
    /// Linux 2.6.12: `fs/proc/proc_misc.c`, `show_stat()`.
    pub(super) fn proc_stat(&self) -> String {
        let line = |name: &str, cpu: &CpuStat| {
            let times = [cpu.user, cpu.nice, 0, cpu.idle, 0, 0, 0, 0];
            let times = times.map(|ticks| clock_t(ticks).to_string());
            format!("{name} {}\n", times.join(" "))
        };
        let mut all = CpuStat::default();
        let mut each = String::new();
        for (number, cpu) in self.kstat.iter().enumerate() {
            all.add(cpu);
            each += &line(&format!("cpu{number}"), cpu);
        }
        let irqs = if self.cpus.len() > 1 {
            NR_IRQS_APIC
        } else {
            NR_IRQS
        };
        let others = " 0".repeat(irqs - 1);
        let ticks = self.tick;
        format!(
            "{}{each}intr {ticks} {ticks}{others}\nctxt {}\nbtime {}\nprocesses {}\n\
             procs_running {}\nprocs_blocked 0\n",
            line("cpu ", &all),
            self.stat.switches,
            self.wall.boot_second(),
            self.total_forks(),
            self.proc_nr_running(),
        )
    }

    /// What is mounted, the root file system first.
    ///
    /// Linux 2.6.12: `fs/namespace.c`, `show_vfsmnt()`.
    pub(super) fn proc_mounts(&self) -> Vec<String> {
        let mounts = [("rootfs", "/"), ("proc", "/proc")];
        mounts
            .map(|(kind, place)| format!("{kind} {place} {kind} rw 0 0\n"))
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_shown_with_two_digits() {
        for (average, text) in [
            (0, "0.00"),
            (164, "0.08"),
            (34, "0.02"),
            (1291, "0.63"),
            (2036, "0.99"),
            (2038, "1.00"),
            (4096, "2.00"),
        ] {
            assert_eq!(load(average), text, "{average}");
        }
    }
}
