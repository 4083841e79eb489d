//! What memory must hold: pages of bytes, private ones copied at fork, shared ones held in common.
//! A plain account, without page tables, frames or faults.

use super::files::FILE;
use forklab::abi::{PAGE_SHIFT, PAGE_SIZE, VirtAddr};
use std::collections::BTreeMap;
use std::sync::Arc;

pub type Page = Arc<[u8; PAGE_SIZE as usize]>;

pub const READ: u32 = 1;
pub const WRITE: u32 = 2;
pub const EXEC: u32 = 4;
/// How far a stack may lie above an address and still grow down to it; all stacks here are small
/// against their limit, and all other distances are large.
const REACH: u32 = 1024;
/// An access may be so many bytes below `esp`.
const SLACK: u32 = 32;
/// Pages that may be locked by who is not root (`MLOCK_LIMIT`).
const LOCK_LIMIT: usize = 8;

/// What a page holds.
#[derive(Clone, Debug)]
pub enum Content {
    Private(Page),
    /// A page of a shared object.
    Shared {
        object: usize,
        index: u32,
    },
    /// A page of the file, or the private copy of it that a write has made.
    OfFile {
        index: u32,
        own: Option<Page>,
    },
}

/// A page that is mapped.
#[derive(Clone, Debug)]
pub struct Cell {
    pub prot: u32,
    /// Its area grows downwards.
    pub grows: bool,
    /// Its area is locked.
    pub locked: bool,
    /// Of a shared object: the index that the page has by its place in the area. A nonlinear mapping
    /// may show another one.
    pub linear: u32,
    /// What a private page holds before it is written, and after it was thrown away.
    pub origin: Page,
    pub content: Content,
}

/// An address space, by page number.
#[derive(Clone, Debug, Default)]
pub struct Space {
    pub pages: BTreeMap<u32, Cell>,
    pub start_brk: u32,
    pub brk: u32,
    /// What is mapped from now on is locked (`MCL_FUTURE`).
    pub future: bool,
    /// Whoever uses it may lock as much as he likes.
    pub root: bool,
}

/// Shared objects, by number; their pages by index. The first one is the file.
#[derive(Clone, Debug)]
pub struct Objects {
    pub pages: Vec<Vec<Page>>,
    /// Length of the file in bytes.
    pub file_size: u32,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            pages: vec![Vec::new()],
            file_size: 0,
        }
    }
}

/// What an access to a page comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Fine,
    Segv,
    Bus,
}

/// Who accesses, and how.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Access {
    pub write: bool,
    /// The stack pointer; `None` for the kernel, which is not asked for it.
    pub esp: Option<u32>,
    /// The page table maps the page already: then it may be read, whatever its area says.
    pub present: bool,
}

/// The parts of an access that lie in one page each: address and length.
pub fn pieces(addr: VirtAddr, len: u32) -> impl Iterator<Item = (u32, u32)> {
    let end = addr.0 + len;
    let mut at = addr.0;
    std::iter::from_fn(move || {
        let piece = (at, (PAGE_SIZE - at % PAGE_SIZE).min(end - at));
        at += piece.1;
        (piece.1 > 0).then_some(piece)
    })
}

pub fn zeros() -> Page {
    Arc::new([0; PAGE_SIZE as usize])
}

impl Space {
    /// What an access to an address comes to. A stack grows for it first, also if it is then
    /// refused.
    pub fn access(&mut self, objects: &Objects, addr: u32, access: Access) -> Verdict {
        let page = addr >> PAGE_SHIFT;
        if !self.pages.contains_key(&page) && !self.grow(addr, access.esp) {
            return Verdict::Segv;
        }
        let cell = &self.pages[&page];
        let allowed = match access.write {
            true => cell.prot & WRITE != 0,
            false => access.present || cell.prot & (READ | EXEC) != 0,
        };
        match &cell.content {
            _ if !allowed => Verdict::Segv,
            Content::Shared { object, index } if objects.page(*object, *index).is_none() => {
                Verdict::Bus
            }
            Content::OfFile { index, own: None } if objects.page(FILE, *index).is_none() => {
                Verdict::Bus
            }
            _ => Verdict::Fine,
        }
    }

    /// Grows the stack above an address down to it. Returns whether there is one that may.
    pub fn grow(&mut self, addr: u32, esp: Option<u32>) -> bool {
        let page = addr >> PAGE_SHIFT;
        let Some((&next, above)) = self.pages.range(page..).next() else {
            return false;
        };
        let too_low = esp.is_some_and(|esp| addr.wrapping_add(SLACK) < esp);
        let locks_too_much = above.locked && self.locks_too_much(next - page);
        if !above.grows || too_low || next - page > REACH || locks_too_much {
            return false;
        }
        let above = above.clone();
        for new in page..next {
            self.pages.insert(new, above.fresh(new.wrapping_sub(next)));
        }
        true
    }

    /// Whether so many pages more may not be locked.
    pub fn locks_too_much(&self, pages: u32) -> bool {
        let locked = self.pages.values().filter(|cell| cell.locked).count();
        !self.root && locked + pages as usize > LOCK_LIMIT
    }

    /// What a fork copies: no locks.
    pub fn forked(&self) -> Self {
        let mut copy = self.clone();
        copy.future = false;
        copy.pages.values_mut().for_each(|cell| cell.locked = false);
        copy
    }

    /// The bytes at an address, which lie in one mapped page.
    pub fn bytes<'a>(&'a self, objects: &'a Objects, addr: u32, len: u32) -> &'a [u8] {
        let at = (addr % PAGE_SIZE) as usize;
        let page = objects.of(&self.pages[&(addr >> PAGE_SHIFT)]);
        &page[at..at + len as usize]
    }

    /// Stores bytes that lie in one mapped page.
    pub fn store(&mut self, objects: &mut Objects, addr: u32, bytes: &[u8]) {
        let at = (addr % PAGE_SIZE) as usize;
        self.copy_page(objects, addr);
        let cell = self.pages.get_mut(&(addr >> PAGE_SHIFT)).unwrap();
        let page = match &mut cell.content {
            Content::Private(page) => page,
            Content::Shared { object, index } => &mut objects.pages[*object][*index as usize],
            Content::OfFile { own, .. } => own.as_mut().expect("it was copied just now"),
        };
        Arc::make_mut(page)[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// A write makes a private copy of a page of the file, even if it stores nothing.
    pub fn copy_page(&mut self, objects: &Objects, addr: u32) {
        let cell = self.pages.get_mut(&(addr >> PAGE_SHIFT));
        if let Some(Content::OfFile { index, own }) = cell.map(|cell| &mut cell.content)
            && own.is_none()
        {
            *own = objects.page(FILE, *index).cloned();
        }
    }

    /// Maps pages, in place of what was there.
    pub fn map(&mut self, start: u32, pages: u32, cell: impl Fn(u32) -> Cell) {
        for nr in 0..pages {
            self.pages.insert((start >> PAGE_SHIFT) + nr, cell(nr));
        }
    }

    pub fn unmap(&mut self, start: u32, pages: u32) {
        let first = start >> PAGE_SHIFT;
        self.pages
            .retain(|page, _| *page < first || *page >= first + pages);
    }

    /// The first page from there on, or else the last of all.
    pub fn page_from(&self, page: u32) -> Option<u32> {
        let next = self.pages.range(page..).next();
        next.or(self.pages.last_key_value()).map(|(page, _)| *page)
    }

    pub fn nth_page(&self, nr: usize) -> Option<u32> {
        let nr = nr % self.pages.len().max(1);
        self.pages.keys().nth(nr).copied()
    }

    /// First pages of areas that can grow downwards.
    pub fn starts_of_stacks(&self) -> impl Iterator<Item = u32> {
        let growing = self.pages.iter().filter(|(_, cell)| cell.grows);
        growing
            .map(|(page, _)| *page)
            .filter(|page| !self.pages.contains_key(&(page - 1)))
    }

    /// The heap ends there now.
    pub fn set_brk(&mut self, brk: u32) {
        let old = self.brk.div_ceil(PAGE_SIZE);
        let new = brk.div_ceil(PAGE_SIZE);
        if new > old {
            let locked = self.future;
            self.map(old << PAGE_SHIFT, new - old, |_| Cell {
                locked,
                ..Cell::private(READ | WRITE, zeros())
            });
        } else {
            self.unmap(new << PAGE_SHIFT, old - new);
        }
        self.brk = brk;
    }
}

impl Cell {
    /// A private page that begins like that.
    pub fn private(prot: u32, origin: Page) -> Self {
        Self {
            prot,
            grows: false,
            locked: false,
            linear: 0,
            content: Content::Private(origin.clone()),
            origin,
        }
    }

    /// A page of a shared object, at its place.
    pub fn shared(prot: u32, object: usize, index: u32) -> Self {
        Self {
            linear: index,
            content: Content::Shared { object, index },
            ..Self::private(prot, zeros())
        }
    }

    /// The page of the same area that lies so many pages behind it, never touched.
    pub fn fresh(&self, pages: u32) -> Self {
        let linear = self.linear.wrapping_add(pages);
        let content = match self.content {
            Content::Private(_) => Content::Private(zeros()),
            Content::Shared { object, .. } => Content::Shared {
                object,
                index: linear,
            },
            Content::OfFile { index, .. } => Content::OfFile {
                index: index.wrapping_add(pages),
                own: None,
            },
        };
        Self {
            content,
            linear,
            origin: zeros(),
            ..self.clone()
        }
    }
}

impl Objects {
    pub fn create(&mut self, pages: u32) -> usize {
        self.pages.push((0..pages).map(|_| zeros()).collect());
        self.pages.len() - 1
    }

    pub fn page(&self, object: usize, index: u32) -> Option<&Page> {
        self.pages[object].get(index as usize)
    }

    /// What a mapped page holds; nothing beyond the end of its object.
    pub fn get<'a>(&'a self, cell: &'a Cell) -> Option<&'a Page> {
        match &cell.content {
            Content::Private(page) => Some(page),
            Content::Shared { object, index } => self.page(*object, *index),
            Content::OfFile {
                own: Some(page), ..
            } => Some(page),
            Content::OfFile { index, own: None } => self.page(FILE, *index),
        }
    }

    fn of<'a>(&'a self, cell: &'a Cell) -> &'a Page {
        self.get(cell).expect("within the object")
    }
}
