//! Accesses to memory: those of tasks in user mode, and the kernel's own on their behalf.

use super::calls::Effect;
use super::op::{Place, Who};
use super::space::{Access, Space, Verdict, pieces};
use super::world::{ARENA, STACK_TOP, World};
use forklab::abi::{PAGE_SHIFT, PAGE_SIZE, Pid, VirtAddr};
use forklab::machine::{Acted, Action};

/// An access of a task in user mode, and what it came to.
pub struct UserAccess {
    /// Its parts, each in one page: address and length.
    spots: Vec<(u32, u32)>,
    /// How each part is accessed.
    accesses: Vec<Access>,
    /// What was written, if anything was.
    bytes: Option<Vec<u8>>,
    outcome: Acted,
}

impl World {
    pub fn address(&self, player: usize, place: Place) -> VirtAddr {
        let space = &self.spaces[&self.players[player].space.unwrap()];
        let arena = |page: u8| (ARENA >> PAGE_SHIFT) + u32::from(page);
        let (page, at) = match place {
            Place::Arena(page, at) => (space.page_from(arena(page)), at),
            Place::Mapped(nr, at) => (space.nth_page(nr.into()), at),
            Place::Below(pages, at) => {
                let start = space.starts_of_stacks().next();
                let page = start.map(|start| start - 1 - u32::from(pages));
                (page.or(space.page_from(arena(0))), at)
            }
            Place::Wild(page, at) => (Some(arena(page)), at),
        };
        VirtAddr((page.unwrap_or(arena(0)) << PAGE_SHIFT) + u32::from(at))
    }

    /// A place that the kernel stores a word at; it never crosses a page.
    pub fn word(&self, player: usize, place: Place) -> VirtAddr {
        VirtAddr(self.address(player, place).0 & !3)
    }

    /// Lets a task write to pages without changing them.
    pub fn touch(&mut self, who: Who, place: Place, pages: u32) {
        let Some(player) = self.choose(who) else {
            return;
        };
        let addr = self.address(player, place);
        let pages = pages.min((STACK_TOP - addr.page_base().0) >> PAGE_SHIFT);
        let spots = (0..pages).map(|page| (addr.0 + page * PAGE_SIZE, 0));
        let action = Action::Touch { addr, pages };
        self.user_access(player, spots.collect(), action, None);
    }

    /// Lets a task read, or write those bytes.
    pub fn access(&mut self, who: Who, place: Place, len: u32, bytes: Option<&[u8]>) {
        let Some(player) = self.choose(who) else {
            return;
        };
        let addr = self.address(player, place);
        let len = len.min(STACK_TOP - addr.0);
        let bytes = bytes.map(|bytes| bytes[..len as usize].to_vec());
        let action = match bytes.clone() {
            Some(bytes) => Action::Write { addr, bytes },
            None => Action::Read { addr, len },
        };
        self.user_access(player, pieces(addr, len).collect(), action, bytes);
    }

    fn user_access(
        &mut self,
        player: usize,
        spots: Vec<(u32, u32)>,
        action: Action,
        bytes: Option<Vec<u8>>,
    ) {
        let (id, pid) = (self.players[player].id, self.players[player].pid);
        let mm = self.mm(player);
        let write = !matches!(action, Action::Read { .. });
        let esp = Some(self.lab.task(id).thread.regs.esp);
        let access = |(addr, _): &(u32, u32)| Access {
            write,
            esp,
            present: self.lab.kernel().pte(mm, VirtAddr(*addr)).is_hw_present(),
        };
        let accesses = spots.iter().map(access).collect();
        let mark = self.lab.mark();
        let Some(outcome) = self.perform(player, action) else {
            return self.follow(mark, None, Effect::Nothing);
        };
        let faults = matches!(outcome, Acted::Fault(_));
        let access = UserAccess {
            spots,
            accesses,
            bytes,
            outcome,
        };
        self.follow(mark, Some(pid), Effect::Access(access));
        let alive = !self.lab.machine.has_ended(id);
        assert!(alive || faults, "task {pid} died of an access");
    }

    /// What an access does, part by part.
    pub fn accessed(&mut self, pid: Pid, made: UserAccess) {
        let Some(number) = self.space_of(pid) else {
            return;
        };
        let fault = match &made.outcome {
            Acted::Fault(fault) => Some(fault.addr.page_base().0),
            _ => None,
        };
        let forced = fault.filter(|_| self.struck);
        let space = self.spaces.get_mut(&number).unwrap();
        // A word is stored whole or not at all.
        let word = made.bytes.as_ref().is_some_and(|bytes| bytes.len() <= 4);
        let mut expected = None;
        for ((addr, len), access) in made.spots.iter().zip(&made.accesses) {
            let page = addr & !(PAGE_SIZE - 1);
            if forced == Some(page) {
                break;
            }
            if space.access(&self.objects, *addr, *access) != Verdict::Fine {
                expected = Some(page);
                break;
            }
            if access.write {
                space.copy_page(&self.objects, *addr);
            }
            if let (Some(bytes), false) = (&made.bytes, word && fault.is_some()) {
                let from = (addr - made.spots[0].0) as usize;
                let piece = &bytes[from..from + *len as usize];
                space.store(&mut self.objects, *addr, piece);
            }
        }
        let (spots, outcome) = (&made.spots, &made.outcome);
        assert!(
            forced.is_some() || fault == expected,
            "access to {spots:x?} was {outcome:?}, not a fault at {expected:x?}"
        );
        if let Acted::Bytes(read) = outcome {
            let held = spots
                .iter()
                .flat_map(|(addr, len)| space.bytes(&self.objects, *addr, *len));
            assert!(read.iter().eq(held), "read {read:x?} at {spots:x?}");
        }
        if let Some(fault) = forced {
            self.adopt_growth(number, fault);
        }
    }

    /// The kernel stores a word in the memory of a task, or fails to.
    pub fn kernel_store(&mut self, pid: Pid, addr: VirtAddr, word: u32, failed: bool) {
        let Some(number) = self.space_of(pid) else {
            return;
        };
        if failed && self.struck {
            return self.adopt_growth(number, addr.0);
        }
        let access = Access {
            write: true,
            esp: None,
            present: false,
        };
        let space = self.spaces.get_mut(&number).unwrap();
        let verdict = space.access(&self.objects, addr.0, access);
        assert_eq!(verdict == Verdict::Fine, !failed, "{verdict:?} at {addr}");
        if !failed {
            space.store(&mut self.objects, addr.0, &word.to_le_bytes());
        }
    }

    /// Whether a stack grew before an access failed for want of memory is taken from the kernel.
    pub fn adopt_growth(&mut self, number: usize, addr: u32) {
        let sharer = self.players.iter().position(|player| {
            player.space == Some(number) && !self.lab.machine.has_ended(player.id)
        });
        let Some(sharer) = sharer else { return };
        let vma = self.lab.kernel().mms()[self.mm(sharer)].find_vma(VirtAddr(addr));
        if vma.is_some_and(|vma| vma.contains(VirtAddr(addr))) {
            let space: &mut Space = self.spaces.get_mut(&number).unwrap();
            if !space.pages.contains_key(&(addr >> PAGE_SHIFT)) {
                space.grow(addr, None);
            }
        }
    }
}
