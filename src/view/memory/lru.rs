//! The LRU lists: in which order reclaim will look at the pages of each zone, and what it knows
//! about each.

use super::sharing::{Owner, owners_of};
use crate::abi::{Pfn, Pid};
use crate::kernel::Kernel;
use crate::kernel::mm::{LruList, PageFlags, PageMapping};
use crate::kernel::proc::ZONES;
use crate::machine::Machine;
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Pages shown at each end of a long list.
const SHOWN: usize = 4;

/// The LRU lists of all zones.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Lru {
    /// The lists that have pages: the zones from the lowest, the active list first.
    pub lists: Vec<LruView>,
}

/// A list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LruView {
    /// Its zone.
    pub zone: &'static str,
    /// `active` or `inactive`.
    pub list: &'static str,
    /// Number of pages.
    pub len: u32,
    /// The pages, oldest first: reclaim begins there.
    pub pages: Vec<Pfn>,
    /// What is known about the first and the last of them.
    pub shown: Vec<LruPage>,
}

/// A page on a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LruPage {
    /// Its place in the list; 0 is the oldest.
    pub place: u32,
    /// The frame.
    pub pfn: Pfn,
    /// `anon` or `file`.
    pub owner: &'static str,
    /// The pids of the tasks that map it.
    pub pids: Vec<Pid>,
    /// `referenced`, `dirty`, `writeback`, `swapcache`, `locked`, and `accessed` if a page table
    /// entry says so.
    pub flags: Vec<&'static str>,
}

/// The LRU lists of a machine.
pub fn lru(machine: &Machine) -> Lru {
    let kernel = &machine.kernel;
    let both = [(LruList::Active, "active"), (LruList::Inactive, "inactive")];
    let lists = ZONES.into_iter().flat_map(|(zone, name)| {
        both.map(|(list, of)| {
            let mut pages: Vec<Pfn> = kernel.mem().lru(zone, list).collect();
            pages.reverse();
            (name, of, pages)
        })
    });
    let lists: Vec<_> = lists.filter(|(.., pages)| !pages.is_empty()).collect();
    let shown = lists
        .iter()
        .flat_map(|(.., pages)| ends(pages).map(|place| pages[place]));
    let mappings = owners_of(kernel, &shown.collect());
    let view = |(zone, list, pages): (_, _, Vec<Pfn>)| LruView {
        zone,
        list,
        len: pages.len() as u32,
        shown: ends(&pages)
            .map(|place| lru_page(kernel, &mappings, place, pages[place]))
            .collect(),
        pages,
    };
    Lru {
        lists: lists.into_iter().map(view).collect(),
    }
}

/// The places at the ends of a list.
fn ends(pages: &[Pfn]) -> impl Iterator<Item = usize> {
    let len = pages.len();
    let late = len.saturating_sub(SHOWN).max(SHOWN.min(len));
    (0..SHOWN.min(len)).chain(late..len)
}

fn lru_page(
    kernel: &Kernel,
    mappings: &BTreeMap<Pfn, Vec<Owner>>,
    place: usize,
    pfn: Pfn,
) -> LruPage {
    let page = kernel.mem().page(pfn);
    let mappings = mappings.get(&pfn).map_or(&[][..], Vec::as_slice);
    let pids: BTreeSet<Pid> = mappings
        .iter()
        .flat_map(|owner| owner.pids.iter().copied())
        .collect();
    let known = [
        (PageFlags::REFERENCED, "referenced"),
        (PageFlags::DIRTY, "dirty"),
        (PageFlags::WRITEBACK, "writeback"),
        (PageFlags::SWAPCACHE, "swapcache"),
        (PageFlags::LOCKED, "locked"),
    ];
    let set = known
        .into_iter()
        .filter(|(flag, _)| page.flags().contains(*flag));
    let accessed = mappings.iter().any(Owner::is_accessed);
    LruPage {
        place: place as u32,
        pfn,
        owner: match page.mapping() {
            PageMapping::Cache(_) => "file",
            PageMapping::Anon(_) | PageMapping::None => "anon",
        },
        pids: pids.into_iter().collect(),
        flags: set
            .map(|(_, name)| name)
            .chain(accessed.then_some("accessed"))
            .collect(),
    }
}

impl Lru {
    /// For each list a heading and the pages at its ends.
    pub fn text(&self) -> Text {
        let mut text = Text::default();
        if self.lists.is_empty() {
            text.push(Line::default().plain("no page is on an LRU list"));
        }
        for list in &self.lists {
            text.push(
                Line::default()
                    .add(Role::Heading, format_args!("{} {}", list.zone, list.list))
                    .plain(": ")
                    .add(Role::Number, list.len)
                    .plain(" pages, oldest first"),
            );
            text.lines.extend(list.table().lines);
        }
        text
    }
}

impl LruView {
    fn table(&self) -> Text {
        let mut table = Table::new(&[
            ("place", Align::Right),
            ("frame", Align::Left),
            ("owner", Align::Left),
            ("mapped by", Align::Left),
            ("flags", Align::Left),
        ]);
        for page in &self.shown {
            let pids: Vec<String> = page.pids.iter().map(ToString::to_string).collect();
            table.row([
                cell(Role::Number, page.place),
                cell(Role::Frame, page.pfn),
                cell(Role::Plain, page.owner),
                cell(Role::Pid, pids.join(",")),
                cell(Role::Flag, page.flags.join(" ")),
            ]);
        }
        table.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_list_both_ends_are_shown() {
        let places = |len: u32| ends(&(0..len).map(Pfn).collect::<Vec<_>>()).collect::<Vec<_>>();
        assert!(places(0).is_empty());
        assert_eq!(places(3), [0, 1, 2]);
        assert_eq!(places(6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(places(100), [0, 1, 2, 3, 96, 97, 98, 99]);
    }
}
