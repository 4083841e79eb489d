//! Doubly linked lists of page frames whose links lie in the pages themselves, like the kernel's
//! `list_head` in `page.lru`: linking and unlinking anywhere is a few stores.

use super::page::MemMap;
use crate::abi::Pfn;

/// No neighbour: no machine has this many frames.
const NONE: u32 = u32::MAX;

/// The neighbours of a page in the list that it is on. What they were is left in a page that is
/// taken off its list.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    next: u32,
    prev: u32,
}

impl Links {
    /// Those of a page that has not been on a list yet.
    pub const UNLINKED: Self = Self {
        next: NONE,
        prev: NONE,
    };
}

/// The head of a list. A page is on at most one list; the caller knows which.
#[derive(Clone, Debug)]
pub struct PageList {
    first: u32,
    last: u32,
    len: u32,
}

impl PageList {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            first: NONE,
            last: NONE,
            len: 0,
        }
    }

    /// Number of pages on the list; blocks count as one.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// The entry at the head, which is the next to be taken.
    pub fn first(&self) -> Option<Pfn> {
        (self.first != NONE).then_some(Pfn(self.first))
    }

    /// Last entry, the first one added with `add`.
    pub fn last(&self) -> Option<Pfn> {
        (self.last != NONE).then_some(Pfn(self.last))
    }

    /// The entries, head first.
    pub fn iter<'a>(&self, pages: &'a MemMap) -> impl Iterator<Item = Pfn> + use<'a> {
        std::iter::successors(self.first(), |pfn| {
            let next = pages[pfn.index()].links.next;
            (next != NONE).then_some(Pfn(next))
        })
    }

    /// Adds at the head: `list_add()`.
    pub fn add(&mut self, pages: &mut MemMap, pfn: Pfn) {
        let page = &mut pages[pfn.index()];
        page.links.prev = NONE;
        page.links.next = self.first;
        match self.first {
            NONE => self.last = pfn.0,
            old => pages[old as usize].links.prev = pfn.0,
        }
        self.first = pfn.0;
        self.len += 1;
    }

    /// Adds at the tail: `list_add_tail()`.
    pub fn add_tail(&mut self, pages: &mut MemMap, pfn: Pfn) {
        let page = &mut pages[pfn.index()];
        page.links.prev = self.last;
        page.links.next = NONE;
        match self.last {
            NONE => self.first = pfn.0,
            old => pages[old as usize].links.next = pfn.0,
        }
        self.last = pfn.0;
        self.len += 1;
    }

    /// Removes an entry of this list: `list_del()`.
    pub fn del(&mut self, pages: &mut MemMap, pfn: Pfn) {
        let Links { next, prev } = pages[pfn.index()].links;
        match prev {
            NONE => self.first = next,
            before => pages[before as usize].links.next = next,
        }
        match next {
            NONE => self.last = prev,
            after => pages[after as usize].links.prev = prev,
        }
        self.len -= 1;
    }

    /// Whether the backward links mirror the forward ones and the length is right.
    pub fn is_well_formed(&self, pages: &MemMap) -> bool {
        let mut before = NONE;
        let mut seen = 0;
        for pfn in self.iter(pages) {
            if pages[pfn.index()].links.prev != before || seen == self.len {
                return false;
            }
            before = pfn.0;
            seen += 1;
        }
        self.last == before && self.len == seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::mm::alloc::page::Page;

    #[test]
    fn head_tail_and_middle() {
        let mut pages = MemMap::filled(Page::at_boot(), 8);
        let mut list = PageList::new();
        list.add(&mut pages, Pfn(1));
        list.add(&mut pages, Pfn(2));
        list.add_tail(&mut pages, Pfn(3));
        let entries = |list: &PageList, pages: &MemMap| {
            assert!(list.is_well_formed(pages));
            list.iter(pages).map(|pfn| pfn.0).collect::<Vec<_>>()
        };
        assert_eq!(entries(&list, &pages), [2, 1, 3]);
        assert_eq!((list.first(), list.last()), (Some(Pfn(2)), Some(Pfn(3))));

        for (gone, left) in [(1, vec![2, 3]), (3, vec![2]), (2, vec![])] {
            list.del(&mut pages, Pfn(gone));
            assert_eq!(entries(&list, &pages), left);
        }
        assert_eq!((list.first(), list.last(), list.len()), (None, None, 0));
    }

    #[test]
    fn a_list_with_a_broken_link_or_a_wrong_length_is_not_well_formed() {
        type Break = fn(&mut PageList, &mut MemMap);
        let breaks: [Break; 6] = [
            |list, _| list.len = 2,
            |list, _| list.len = 4,
            |list, _| list.last = 2,
            |_, pages| pages[2].links.prev = 3,
            |_, pages| pages[1].links.prev = 2,
            // A circle.
            |_, pages| pages[3].links.next = 2,
        ];
        for (number, change) in breaks.into_iter().enumerate() {
            let mut pages = MemMap::filled(Page::at_boot(), 8);
            let mut list = PageList::new();
            for pfn in 1..=3 {
                list.add_tail(&mut pages, Pfn(pfn));
            }
            assert!(list.is_well_formed(&pages));
            change(&mut list, &mut pages);
            assert!(!list.is_well_formed(&pages), "break {number}");
        }
    }
}
