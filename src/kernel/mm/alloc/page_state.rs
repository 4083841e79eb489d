//! The counters of `/proc/vmstat`, under 2.6.12's names: how many pages are in some state now, and
//! how often something has happened since boot.

use super::zone::ZoneIdx;

/// A counter that each zone has, by [`ZoneIdx`].
pub type PerZone = [u64; 2];

macro_rules! page_state {
    (
        gauges { $($(#[$gdoc:meta])* $gauge:ident,)* }
        events { $($(#[$edoc:meta])* $event:ident,)* }
        zones { $($(#[$zdoc:meta])* $zoned:ident,)* }
    ) => {
        /// `struct page_state`. What counts pages goes up and down; what counts events only goes up.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct PageState {
            $($(#[$gdoc])* pub $gauge: u64,)*
            $($(#[$edoc])* pub $event: u64,)*
            $($(#[$zdoc])* pub $zoned: PerZone,)*
        }

        impl PageState {
            /// Begins to count events anew; what counts pages goes on.
            pub(in crate::kernel) fn reset_events(&mut self) {
                *self = Self { $($gauge: self.$gauge,)* ..Self::default() };
            }

            fn by_name(&self, name: &str) -> u64 {
                match name {
                    $(stringify!($gauge) => self.$gauge,)*
                    $(stringify!($event) => self.$event,)*
                    $(concat!(stringify!($zoned), "_normal") => self.$zoned[ZoneIdx::Normal as usize],)*
                    $(concat!(stringify!($zoned), "_dma") => self.$zoned[ZoneIdx::Dma as usize],)*
                    // There is no highmem, no inode cache to shrink and no I/O but for swap.
                    _ => 0,
                }
            }
        }
    };
}

page_state! {
    gauges {
        /// Dirty pages of files.
        nr_dirty,
        /// Pages that are being written.
        nr_writeback,
        /// Pages written over a network but not committed there; always 0.
        nr_unstable,
        /// Page tables.
        nr_page_table_pages,
        /// Pages that at least one page table entry maps.
        nr_mapped,
        /// Pages of slab caches; always 0, because slab objects take no frames here.
        nr_slab,
    }
    events {
        /// KiB read from devices.
        pgpgin,
        /// KiB written to devices.
        pgpgout,
        /// Pages read from swap.
        pswpin,
        /// Pages written to swap.
        pswpout,
        /// Frames freed.
        pgfree,
        /// Pages moved to an active list.
        pgactivate,
        /// Pages moved from an active to an inactive list.
        pgdeactivate,
        /// Calls of `handle_mm_fault()`.
        pgfault,
        /// Faults for which a page was read.
        pgmajfault,
        /// Slab objects looked at by reclaim; always 0.
        slabs_scanned,
        /// Pages freed by kswapd.
        kswapd_steal,
        /// Runs of kswapd's `balance_pgdat()`.
        pageoutrun,
        /// Starts of direct reclaim.
        allocstall,
        /// Pages moved to the tail of the inactive list when their write ended.
        pgrotated,
    }
    zones {
        /// Frames allocated.
        pgalloc,
        /// Pages of the active list looked at, one more for each batch.
        pgrefill,
        /// Pages freed by reclaim.
        pgsteal,
        /// Pages of the inactive list looked at by kswapd, one more for each batch.
        pgscan_kswapd,
        /// Pages of the inactive list looked at by direct reclaim, one more for each batch.
        pgscan_direct,
    }
}

/// The names in the order of `/proc/vmstat`.
///
/// Linux 2.6.12: `mm/page_alloc.c`, `vmstat_text`.
const VMSTAT_TEXT: [&str; 37] = [
    "nr_dirty",
    "nr_writeback",
    "nr_unstable",
    "nr_page_table_pages",
    "nr_mapped",
    "nr_slab",
    "pgpgin",
    "pgpgout",
    "pswpin",
    "pswpout",
    "pgalloc_high",
    "pgalloc_normal",
    "pgalloc_dma",
    "pgfree",
    "pgactivate",
    "pgdeactivate",
    "pgfault",
    "pgmajfault",
    "pgrefill_high",
    "pgrefill_normal",
    "pgrefill_dma",
    "pgsteal_high",
    "pgsteal_normal",
    "pgsteal_dma",
    "pgscan_kswapd_high",
    "pgscan_kswapd_normal",
    "pgscan_kswapd_dma",
    "pgscan_direct_high",
    "pgscan_direct_normal",
    "pgscan_direct_dma",
    "pginodesteal",
    "slabs_scanned",
    "kswapd_steal",
    "kswapd_inodesteal",
    "pageoutrun",
    "allocstall",
    "pgrotated",
];

impl PageState {
    /// Pages of the LRU lists that reclaim has looked at.
    pub fn scanned(&self) -> u64 {
        let counters = [self.pgrefill, self.pgscan_kswapd, self.pgscan_direct];
        counters.iter().flatten().sum()
    }

    /// Every counter with its name, in the order of `/proc/vmstat`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        VMSTAT_TEXT
            .into_iter()
            .map(|name| (name, self.by_name(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_stands_under_its_name() {
        let state = PageState {
            nr_mapped: 3,
            pswpout: 4,
            pgscan_kswapd: [1, 2],
            pgrotated: 9,
            ..PageState::default()
        };
        let of = |name| state.iter().find(|(other, _)| *other == name).unwrap().1;
        assert_eq!(
            [
                "nr_mapped",
                "pswpout",
                "pgscan_kswapd_normal",
                "pgscan_kswapd_dma"
            ]
            .map(of),
            [3, 4, 2, 1]
        );
        assert_eq!(state.iter().count(), 37);
        assert_eq!(state.iter().last(), Some(("pgrotated", 9)));
    }

    #[test]
    fn events_begin_anew_and_what_is_there_stays() {
        let mut state = PageState {
            nr_mapped: 3,
            pgfree: 4,
            pgalloc: [5, 6],
            ..PageState::default()
        };
        state.reset_events();
        assert_eq!(
            (state.nr_mapped, state.pgfree, state.pgalloc),
            (3, 0, [0; 2])
        );
    }
}
