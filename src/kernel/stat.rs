//! Counters since boot, from which `measure` computes differences. Only counts, no invented costs.

use super::Kernel;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters since boot.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Stat {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Stat {
            /// Every counter by name, in the order of declaration.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }

            /// The differences from `earlier`.
            pub fn since(&self, earlier: &Self) -> Self {
                Self { $($name: self.$name - earlier.$name,)* }
            }
        }
    };
}

counters! {
    /// Page faults that the kernel handled or rejected.
    faults,
    /// Zero-filled frames mapped on a first write.
    anon_pages,
    /// Mappings of the zero page on a first read.
    zero_maps,
    /// Pages of files and shared objects mapped.
    file_pages,
    /// Pages copied because a shared private page was written to.
    cow_copies,
    /// Pages made writable in place by their last owner.
    cow_reuses,
    /// Accesses that ended in SIGSEGV or EFAULT.
    bad_accesses,
    /// Page table entries copied by fork.
    ptes_copied,
    /// Frames copied by fork itself (only with `cow: false`).
    frames_copied,
    /// Frames allocated.
    frames_allocated,
    /// Frames freed.
    frames_freed,
    /// Pages written to swap.
    swapped_out,
    /// Pages read from swap.
    swapped_in,
    /// Page tables allocated.
    page_tables,
    /// Successful forks, vforks and clones.
    forks,
    /// Context switches.
    switches,
    /// Loads of CR3.
    cr3_loads,
    /// Instructions of programs; with several CPUs, those of the busiest one in each round.
    instructions,
    /// TLB hits.
    tlb_hits,
    /// TLB misses.
    tlb_misses,
    /// TLB flushes, of all entries or of one page.
    tlb_flushes,
    /// System calls entered.
    syscalls,
    /// Ticks that have passed.
    ticks,
}

impl Kernel {
    /// The counters of the kernel together with those of the hardware.
    pub fn counters(&self) -> Stat {
        let mut stat = self.stat;
        for cpu in &self.cpus {
            let tlb = &cpu.mmu.tlb;
            stat.tlb_hits += tlb.hits;
            stat.tlb_misses += tlb.misses;
            stat.tlb_flushes += tlb.flushes + tlb.flushes_page + tlb.flushes_all;
        }
        stat
    }
}

#[cfg(test)]
mod tests {
    use crate::abi::VirtAddr;
    use crate::hw::{Access, Mode};
    use crate::kernel::Kernel;
    use crate::kernel::boot::Config;

    /// The counters of all CPUs, and flushes of every kind.
    #[test]
    fn the_hardware_s_counters_are_summed() {
        let config = Config {
            cpus: 2,
            ..Config::default()
        };
        let mut kernel = Kernel::boot(config).unwrap();
        let before = kernel.counters();
        let va = VirtAddr(0xc000_0000);
        for _ in 0..2 {
            let cpu = &mut kernel.cpus[1];
            cpu.mmu.flush_all();
            let read = Access::read(Mode::Supervisor);
            for _ in 0..3 {
                cpu.mmu.translate(&mut kernel.ram, va, read).unwrap();
            }
            cpu.mmu.invlpg(va);
            cpu.mmu.load_cr3(cpu.mmu.cr3);
        }
        let after = kernel.counters();
        assert_eq!(after.tlb_misses - before.tlb_misses, 2);
        assert_eq!(after.tlb_hits - before.tlb_hits, 4);
        assert_eq!(after.tlb_flushes - before.tlb_flushes, 6);
    }
}
