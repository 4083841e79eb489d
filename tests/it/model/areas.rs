//! Operations that change what is mapped: rights, place and size, what is thrown away, what is
//! locked, and segments of shared memory.

use super::files::FILE;
use super::op::Op;
use super::space::{Cell, Content, READ, Space, WRITE};
use super::world::{ARENA, STACK_TOP, World};
use forklab::abi::{
    Errno, IPC_PRIVATE, IPC_RMID, MADV_DONTNEED, MCL_CURRENT, MCL_FUTURE, PAGE_SHIFT, PAGE_SIZE,
    SHM_REMAP, VirtAddr,
};
use forklab::kernel::mm::{VmFlags, pte_present, pte_to_pgoff};
use forklab::kernel::syscall::{AnswerTo, IpcCall, MremapArgs, ShmatArgs, Syscall};
use std::collections::{BTreeMap, BTreeSet};

const MAYMOVE: u32 = 1;
const FIXED: u32 = 2;
/// Segments at a time.
const MAX_SEGMENTS: usize = 3;

/// A segment of shared memory.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    id: i32,
    object: usize,
    pages: u32,
    removed: bool,
}

/// What the kernel knew of the caller's areas before a call.
#[derive(Default)]
pub struct Before {
    /// Pages of locked areas.
    locked: BTreeSet<u32>,
    /// The first and the last page of each area.
    areas: Vec<(u32, u32)>,
}

impl Before {
    fn in_one_area(&self, first: u32, pages: u32) -> bool {
        let inside = |(start, end): &(u32, u32)| *start <= first && first + pages <= *end;
        self.areas.iter().any(inside)
    }
}

impl World {
    /// The areas of a player as they are.
    pub fn before(&self, player: usize) -> Before {
        let mut before = Before::default();
        for vma in self.lab.kernel().mms()[self.mm(player)].areas() {
            let pages = vma.vm_start >> PAGE_SHIFT..vma.vm_end >> PAGE_SHIFT;
            before.areas.push((pages.start, pages.end));
            if vma.has(VmFlags::LOCKED) {
                before.locked.extend(pages);
            }
        }
        before
    }

    /// The call of an operation; `None` if the model does not follow it here.
    pub fn area_call(&self, player: usize, op: &Op) -> Option<Syscall> {
        let space = &self.spaces[&self.players[player].space.unwrap()];
        let range = |place, pages: u8| {
            let start = self.address(player, place).page_base().0;
            (start, (u32::from(pages) * PAGE_SIZE).min(STACK_TOP - start))
        };
        Some(match *op {
            Op::Mprotect(_, place, pages, prot) => {
                let (start, len) = range(place, pages);
                Syscall::Mprotect(start, len, prot)
            }
            Op::Madvise(_, place, pages, advice) => {
                let (start, len) = range(place, pages);
                Syscall::Madvise(start, len, advice)
            }
            Op::Mlock(_, place, pages, on) => {
                let (start, len) = range(place, pages);
                if on {
                    Syscall::Mlock(start, len)
                } else {
                    Syscall::Munlock(start, len)
                }
            }
            Op::Mremap(_, place, (old, new), flags, target) => {
                let addr = self.address(player, place).page_base().0;
                // Not the program, whose pages the model does not know as those of a file.
                let old_len = u32::from(old) * PAGE_SIZE;
                let new_len = u32::from(new) * PAGE_SIZE;
                if addr < space.start_brk || addr + old_len.max(new_len) > STACK_TOP {
                    return None;
                }
                Syscall::Mremap(MremapArgs {
                    addr,
                    old_len,
                    new_len,
                    flags,
                    new_addr: ARENA + u32::from(target) * PAGE_SIZE,
                })
            }
            Op::Mlockall(_, flags) => Syscall::Mlockall(flags),
            Op::Munlockall(_) => Syscall::Munlockall,
            Op::RemapFilePages(_, place, pages, pgoff) => {
                let (start, len) = range(place, pages);
                Syscall::RemapFilePages([start, len, 0, pgoff.into(), 0])
            }
            Op::ShmGet(_, pages) if self.segments.len() < MAX_SEGMENTS => Syscall::Ipc(
                IpcCall::Shmget(IPC_PRIVATE, u32::from(pages) * PAGE_SIZE, 0o666),
            ),
            Op::ShmAt(_, nr, page, remap) => {
                let segment = self.segment(nr)?;
                Syscall::Ipc(IpcCall::Shmat(ShmatArgs {
                    id: segment.id,
                    addr: ARENA + u32::from(page) * PAGE_SIZE,
                    flags: if remap { SHM_REMAP } else { 0 },
                    answer: AnswerTo::Value,
                }))
            }
            Op::ShmDt(_, place) => {
                let (start, _) = range(place, 1);
                Syscall::Ipc(IpcCall::Shmdt(start))
            }
            Op::ShmRm(_, nr) => {
                let segment = self.segment(nr)?;
                Syscall::Ipc(IpcCall::Shmctl(segment.id, IPC_RMID, VirtAddr(0)))
            }
            _ => return None,
        })
    }

    fn segment(&self, nr: u8) -> Option<&Segment> {
        self.segments
            .get(usize::from(nr) % self.segments.len().max(1))
    }

    fn segment_of(&self, cell: &Cell) -> Option<&Segment> {
        let Content::Shared { object, .. } = cell.content else {
            return None;
        };
        self.segments
            .iter()
            .find(|segment| segment.object == object)
    }

    /// Removed segments that nobody maps any more are gone.
    pub fn forget_segments(&mut self) {
        let spaces = &self.spaces;
        let is_mapped = |object: usize| {
            let mut cells = spaces.values().flat_map(|space| space.pages.values());
            cells.any(
                |cell| matches!(cell.content, Content::Shared { object: o, .. } if o == object),
            )
        };
        self.segments
            .retain(|segment| !segment.removed || is_mapped(segment.object));
    }

    /// Removes what is left of segments.
    pub fn remove_segments(&mut self) {
        for segment in std::mem::take(&mut self.segments) {
            let call = IpcCall::Shmctl(segment.id, IPC_RMID, VirtAddr(0));
            self.lab.call(self.observer, Syscall::Ipc(call));
        }
    }

    /// What a call does to the model.
    pub fn areas_changed(&mut self, player: usize, call: &Syscall, before: &Before, value: i32) {
        match *call {
            Syscall::Mprotect(start, len, prot) => self.protected(player, start, len, prot, value),
            Syscall::Madvise(start, len, advice) => {
                self.advised(player, (start, len), advice, before, value);
            }
            Syscall::Mlock(start, len) => self.locked(player, start, len, value),
            Syscall::Munlock(start, len) => {
                let space = &self.spaces[&self.players[player].space.unwrap()];
                let whole = mapped(space, start, len) == len >> PAGE_SHIFT;
                assert!(value == 0 && whole || value < 0 && (!whole || self.struck));
                self.relocked(player, start, len, false, value);
            }
            Syscall::Mlockall(flags) => self.all_locked(player, flags, value),
            Syscall::Munlockall => {
                assert_eq!(value, 0);
                let space = self.space(player);
                space.future = false;
                let cells = space.pages.values_mut();
                cells.for_each(|cell| cell.locked = false);
            }
            Syscall::RemapFilePages([start, len, _, pgoff, _]) => {
                self.shown(player, (start, len), pgoff, before, value);
            }
            Syscall::Mremap(args) => self.remapped(player, &args, before, value),
            Syscall::Ipc(IpcCall::Shmget(_, size, _)) if value >= 0 => {
                let pages = size >> PAGE_SHIFT;
                let object = self.objects.create(pages);
                self.segments.push(Segment {
                    id: value,
                    object,
                    pages,
                    removed: false,
                });
            }
            Syscall::Ipc(IpcCall::Shmat(args)) => self.attached(player, args, value),
            Syscall::Ipc(IpcCall::Shmdt(addr)) => self.detached(player, addr, before, value),
            Syscall::Ipc(IpcCall::Shmctl(id, ..)) if value == 0 => {
                let mut segments = self.segments.iter_mut();
                if let Some(segment) = segments.find(|segment| segment.id == id) {
                    segment.removed = true;
                }
            }
            _ => {}
        }
        self.adopt_locked_copies(player);
        self.forget_segments();
    }

    fn protected(&mut self, player: usize, start: u32, len: u32, prot: u32, value: i32) {
        let struck = self.struck;
        let rights = self.rights_of(player);
        let space = self.space(player);
        let first = start >> PAGE_SHIFT;
        let done = mapped(space, start, len);
        let whole = done == len >> PAGE_SHIFT;
        assert!(
            value == 0 && whole || value == -Errno::ENOMEM.code() && (!whole || struck),
            "mprotect is {value}, {done} pages are mapped"
        );
        for page in first..first + done {
            let cell = space.pages.get_mut(&page).unwrap();
            // How far it came without memory is taken from the kernel.
            let known = rights(page).filter(|_| struck);
            cell.prot = known.unwrap_or(prot);
        }
    }

    /// The rights of the areas of a player, by page.
    fn rights_of(&self, player: usize) -> impl Fn(u32) -> Option<u32> + use<> {
        let areas = self.lab.kernel().mms()[self.mm(player)].areas();
        let rights: Vec<(u32, u32, u32)> = areas
            .map(|vma| {
                let rights = (vma.vm_flags & VmFlags::ACCESS).bits();
                (vma.vm_start >> PAGE_SHIFT, vma.vm_end >> PAGE_SHIFT, rights)
            })
            .collect();
        move |page| {
            let area = rights
                .iter()
                .find(|(start, end, _)| *start <= page && page < *end);
            area.map(|(_, _, rights)| *rights)
        }
    }

    fn advised(
        &mut self,
        player: usize,
        (start, len): (u32, u32),
        advice: i32,
        before: &Before,
        value: i32,
    ) {
        let struck = self.struck;
        let space = self.space(player);
        let pages = start >> PAGE_SHIFT..(start + len) >> PAGE_SHIFT;
        let hole = pages.clone().any(|page| !space.pages.contains_key(&page));
        let expected = if hole { -Errno::ENOMEM.code() } else { 0 };
        if advice != MADV_DONTNEED {
            assert!(value == expected || struck && value == -Errno::EAGAIN.code());
            return;
        }
        for page in pages {
            if before.locked.contains(&page) {
                assert_eq!(value, -Errno::EINVAL.code(), "locked pages thrown away");
                return;
            }
            let Some(cell) = space.pages.get_mut(&page) else {
                continue;
            };
            match &mut cell.content {
                Content::Private(content) => *content = cell.origin.clone(),
                Content::OfFile { own, .. } => *own = None,
                // A nonlinear mapping forgets what it showed.
                Content::Shared { index, .. } => *index = cell.linear,
            }
        }
        assert_eq!(value, expected);
    }

    /// The locks of a range as a call has left them.
    fn relocked(&mut self, player: usize, start: u32, len: u32, on: bool, value: i32) {
        // How far it came before it failed is taken from the kernel.
        let mm = self.mm(player);
        let areas = self.lab.kernel().mms()[mm].areas();
        let locked = areas.filter(|vma| vma.has(VmFlags::LOCKED));
        let locked: Vec<(u32, u32)> = locked
            .map(|vma| (vma.vm_start >> PAGE_SHIFT, vma.vm_end >> PAGE_SHIFT))
            .collect();
        let is_locked = |page: u32| {
            locked
                .iter()
                .any(|(start, end)| (*start..*end).contains(&page))
        };
        let first = start >> PAGE_SHIFT;
        let space = self.space(player);
        for (page, cell) in space.pages.range_mut(first..first + (len >> PAGE_SHIFT)) {
            cell.locked = if value == 0 { on } else { is_locked(*page) };
        }
    }

    fn all_locked(&mut self, player: usize, flags: u32, value: i32) {
        let struck = self.struck;
        let space = self.space(player);
        let current = flags & MCL_CURRENT != 0;
        // All that is mapped counts, whether it is locked or not.
        let unlocked = Space {
            pages: BTreeMap::new(),
            ..space.clone()
        };
        if current && unlocked.locks_too_much(space.pages.len() as u32) {
            assert_eq!(value, -Errno::ENOMEM.code(), "mlockall");
            return;
        }
        assert_eq!(value, 0, "mlockall");
        space.future = flags & MCL_FUTURE != 0;
        if current {
            let value = if struck { -1 } else { 0 };
            self.relocked(player, 0, STACK_TOP, true, value);
        }
    }

    /// Writes to private pages of files are anticipated when they are locked.
    fn adopt_locked_copies(&mut self, player: usize) {
        let space = &self.spaces[&self.players[player].space.unwrap()];
        let locked = space.pages.iter().filter(|(_, cell)| cell.locked);
        let pages: Vec<u32> = locked.map(|(page, _)| page << PAGE_SHIFT).collect();
        pages
            .into_iter()
            .for_each(|at| self.adopt_copies(player, at, 1));
    }

    /// Other pages of an object are shown in a range.
    fn shown(
        &mut self,
        player: usize,
        (start, len): (u32, u32),
        pgoff: u32,
        before: &Before,
        value: i32,
    ) {
        let (first, pages) = (start >> PAGE_SHIFT, len >> PAGE_SHIFT);
        let space = &self.spaces[&self.players[player].space.unwrap()];
        let object = space.pages.get(&first).and_then(|cell| match cell.content {
            Content::Shared { object, .. } => Some(object),
            _ => None,
        });
        let exists = object.is_some_and(|object| {
            let last = self.objects.page(object, pgoff + pages - 1);
            last.is_some() && before.in_one_area(first, pages)
        });
        let Some(object) = object.filter(|_| exists) else {
            assert_eq!(value, -Errno::EINVAL.code(), "remap_file_pages");
            return;
        };
        let failed = value == -Errno::ENOMEM.code() && self.struck;
        assert!(value == 0 || failed, "remap_file_pages is {value}");
        for nr in 0..pages {
            let index = match failed {
                false => pgoff + nr,
                true => self.index_shown(player, first + nr),
            };
            let cell = self.space(player).pages.get_mut(&(first + nr)).unwrap();
            cell.content = Content::Shared { object, index };
        }
    }

    /// What the page table shows of an object at a page.
    fn index_shown(&self, player: usize, page: u32) -> u32 {
        let (kernel, mm) = (self.lab.kernel(), self.mm(player));
        let pte = kernel.pte(mm, VirtAddr(page << PAGE_SHIFT));
        let cell = &self.spaces[&self.players[player].space.unwrap()].pages[&page];
        match pte_to_pgoff(pte) {
            Some(index) => index,
            None if pte_present(pte) => kernel.mem().page(pte.pfn()).index(),
            None => cell.linear,
        }
    }

    fn locked(&mut self, player: usize, start: u32, len: u32, value: i32) {
        let space = &self.spaces[&self.players[player].space.unwrap()];
        if space.locks_too_much(len >> PAGE_SHIFT) {
            assert_eq!(value, -Errno::ENOMEM.code(), "too much is locked");
            return;
        }
        let first = start >> PAGE_SHIFT;
        let cells = space.pages.range(first..first + (len >> PAGE_SHIFT));
        let fine = |(_, cell): (&u32, &Cell)| {
            cell.prot & (READ | WRITE) != 0 && self.objects.get(cell).is_some()
        };
        let whole = mapped(space, start, len) == len >> PAGE_SHIFT;
        let possible = whole && cells.clone().all(fine);
        if value != 0 {
            assert!(!possible || self.struck, "mlock is {value}");
            return self.relocked(player, start, len, true, value);
        }
        // What was locked before is not looked at again, so it may even have become inaccessible.
        assert!(whole, "a hole is locked");
        let mm = self.mm(player);
        for (page, cell) in cells.filter(|_| possible) {
            let pte = self.lab.kernel().pte(mm, VirtAddr(page << PAGE_SHIFT));
            // A file may have grown since its mapping was locked, which brings no page in.
            let exempt = match cell.content {
                Content::Private(_) | Content::OfFile { .. } => true,
                Content::Shared { object, .. } => object == FILE,
            };
            assert!(
                pte.is_hw_present() || exempt,
                "page {page:#x} is locked, but not there"
            );
        }
        self.relocked(player, start, len, true, value);
    }

    fn remapped(&mut self, player: usize, args: &MremapArgs, before: &Before, value: i32) {
        let [first, target] = [args.addr, args.new_addr].map(|addr| addr >> PAGE_SHIFT);
        let [old, new] = [args.old_len, args.new_len].map(|len| len >> PAGE_SHIFT);
        let fixed = args.flags & FIXED != 0;
        let still = self.rights_of(player);
        let struck = self.struck;
        if (-4095..0).contains(&value) {
            let fault = value == -Errno::EFAULT.code();
            assert!(
                !fault
                    || !before.in_one_area(first, old.min(new).max(1))
                    || old < new && !before.in_one_area(first, old.max(1)),
                "mremap is EFAULT"
            );
            // What was to be cut off or replaced may be gone.
            let gone = |page: u32| {
                let cut = first + new <= page && page < first + old;
                let replaced = fixed && target <= page && page < target + new;
                (cut || replaced) && still(page).is_none()
            };
            self.space(player).pages.retain(|page, _| !gone(*page));
            return;
        }
        let to = value as u32 >> PAGE_SHIFT;
        let space = self.space(player);
        if fixed {
            space.unmap(target << PAGE_SHIFT, new);
        }
        if old > new {
            space.unmap((first + new) << PAGE_SHIFT, old - new);
        }
        if to == first && (old >= new || old == 0 && new == 0) {
            return;
        }
        let kept = old.min(new);
        let last = space.pages.get(&(first + kept.max(1) - 1)).cloned();
        let last = last.expect("what grows or moves is mapped");
        let moved: Vec<Cell> = (0..kept)
            .map(|nr| space.pages[&(first + nr)].clone())
            .collect();
        if to != first {
            space.unmap(first << PAGE_SHIFT, kept);
            for nr in (0..kept).filter(|nr| struck && still(first + nr).is_some()) {
                // Without memory to cut it out, the range stays mapped, but its pages are gone.
                let cell = &moved[nr as usize];
                space.pages.insert(first + nr, cell.fresh(0));
            }
        }
        // Behind the old end, or for a second mapping from its beginning.
        let offset = |nr: u32| nr - kept + u32::from(kept > 0);
        for nr in 0..new {
            let cell = match moved.get(nr as usize) {
                Some(cell) => cell.clone(),
                None => last.fresh(offset(nr)),
            };
            space.pages.insert(to + nr, cell);
        }
    }

    fn attached(&mut self, player: usize, args: ShmatArgs, value: i32) {
        let found = self.segments.iter().find(|segment| segment.id == args.id);
        let Segment { object, pages, .. } = *found.expect("only known segments are attached");
        let struck = self.struck;
        let still = self.rights_of(player);
        let space = self.space(player);
        let first = args.addr >> PAGE_SHIFT;
        if (-4095..0).contains(&value) {
            let used = space.pages.range(first..first + pages).next().is_some();
            let in_use = used && args.flags & SHM_REMAP == 0 && value == -Errno::EINVAL.code();
            // Memory that is to be locked at once may be too much.
            let limited = value == -Errno::EAGAIN.code();
            assert!(in_use || struck || limited, "shmat is {value}");
            space.pages.retain(|page, _| {
                *page < first || *page >= first + pages || still(*page).is_some()
            });
            return;
        }
        let locked = space.future;
        space.map(value as u32, pages, |nr| Cell {
            locked,
            ..Cell::shared(READ | WRITE, object, nr)
        });
    }

    /// Of the areas that show a segment from `addr` on, all that lie within the size of the first one
    /// are gone. The first one is gone whatever its length is.
    fn detached(&mut self, player: usize, addr: u32, before: &Before, value: i32) {
        let at = addr >> PAGE_SHIFT;
        let space = &self.spaces[&self.players[player].space.unwrap()];
        let segment_at = |start: u32| {
            let cell = &space.pages[&start];
            let segment = self.segment_of(cell)?;
            (start - at == cell.linear).then_some(segment.pages)
        };
        let areas = before.areas.iter().filter(|(start, _)| *start >= at);
        let mut parts = areas.filter_map(|area| Some((*area, segment_at(area.0)?)));
        let Some((first, size)) = parts.next() else {
            let nothing = -Errno::EINVAL.code();
            assert_eq!(value, nothing, "nothing is attached at {addr:#x}");
            return;
        };
        assert_eq!(value, 0, "shmdt");
        let behind = parts.map(|(area, _)| area);
        let within = behind.filter(|(_, end)| end - at <= size);
        let gone: Vec<(u32, u32)> = std::iter::once(first).chain(within).collect();
        for (start, end) in gone {
            self.space(player).unmap(start << PAGE_SHIFT, end - start);
        }
    }
}

/// How many pages are mapped from the start of a range on without a hole.
fn mapped(space: &Space, start: u32, len: u32) -> u32 {
    let first = start >> PAGE_SHIFT;
    let hole = (0..len >> PAGE_SHIFT).find(|nr| !space.pages.contains_key(&(first + nr)));
    hole.unwrap_or(len >> PAGE_SHIFT)
}

/// Flags of mremap, and those that are wrong together.
pub const REMAP_FLAGS: [u32; 4] = [0, MAYMOVE, MAYMOVE | FIXED, FIXED];
