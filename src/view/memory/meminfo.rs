//! The memory of the whole machine, as `/proc/meminfo`, `/proc/vmstat` and `/proc/buddyinfo` show it.

use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// `/proc/meminfo`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meminfo {
    /// Names and sizes in kB, in the kernel's order.
    pub fields: Vec<(&'static str, u32)>,
}

/// The memory of a machine.
pub fn meminfo(machine: &Machine) -> Meminfo {
    let fields = machine.kernel.proc_meminfo();
    Meminfo { fields }
}

impl Meminfo {
    /// The file's text.
    pub fn text(&self) -> Text {
        let line = |(name, kb): &(&str, u32)| {
            Line::default()
                .plain(format_args!("{:<14}", format!("{name}:")))
                .add(Role::Number, format_args!("{kb:>8}"))
                .plain(" kB")
        };
        self.fields.iter().map(line).collect()
    }
}

/// `/proc/vmstat`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vmstat {
    /// Names and values, in the kernel's order.
    pub fields: Vec<(&'static str, u64)>,
}

/// The counters of memory management.
///
/// Linux 2.6.12: `mm/page_alloc.c`, `vmstat_show()`.
pub fn vmstat(machine: &Machine) -> Vmstat {
    Vmstat {
        fields: machine.kernel.mem().page_state().iter().collect(),
    }
}

impl Vmstat {
    /// The file's text.
    pub fn text(&self) -> Text {
        let line = |(name, value): &(&str, u64)| {
            Line::default()
                .plain(format_args!("{name} "))
                .add(Role::Number, value)
        };
        self.fields.iter().map(line).collect()
    }
}

/// `/proc/buddyinfo`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Buddyinfo {
    /// The zones that have frames, from the lowest.
    pub zones: Vec<BuddyZone>,
}

/// The free lists of a zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BuddyZone {
    /// Its name.
    pub name: &'static str,
    /// The number of free blocks of 2^n frames, for each order n.
    pub free_blocks: Vec<u32>,
}

/// The free blocks of a machine.
pub fn buddyinfo(machine: &Machine) -> Buddyinfo {
    let zones = machine.kernel.free_blocks().into_iter();
    let zone = |(name, free_blocks)| BuddyZone { name, free_blocks };
    Buddyinfo {
        zones: zones.map(zone).collect(),
    }
}

impl Buddyinfo {
    /// The file's text.
    pub fn text(&self) -> Text {
        let line = |zone: &BuddyZone| {
            let blocks = zone.free_blocks.iter();
            let counts: String = blocks.map(|count| format!("{count:>6} ")).collect();
            Line::default()
                .plain("Node 0, zone ")
                .add(Role::Name, format_args!("{:>8}", zone.name))
                .plain(" ")
                .add(Role::Number, counts.trim_end())
        };
        self.zones.iter().map(line).collect()
    }
}
