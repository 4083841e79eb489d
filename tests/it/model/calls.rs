//! System calls: what an operation calls, and what the call then does to the model.

use super::areas::Before;
use super::files::{FILE, FileOp, NAME};
use super::memory::UserAccess;
use super::op::{Mapping, Op, Who};
use super::space::{Cell, Content, Space, zeros};
use super::tables;
use super::world::{ARENA, DATA, STACK_TOP, World};
use forklab::abi::{
    CloneFlags, Errno, MapFlags, O_RDWR, PAGE_SHIFT, PAGE_SIZE, Pid, SigAction, VirtAddr,
};
use forklab::kernel::syscall::{ForkArgs, MmapArgs, Syscall, WaitArgs};
use forklab::machine::{Acted, Action};

/// What an action does to the model, once it is known what came of it.
pub enum Effect {
    Access(UserAccess),
    Mmap(MmapArgs, Mapping, i32),
    Munmap(u32, u32, i32),
    Brk(u32, i32),
    /// A status was to be stored there.
    Status(VirtAddr, i32),
    Table(Syscall, i32),
    /// On the file.
    File(Syscall, i32),
    /// A call that changes areas, and what they were before.
    Areas(Syscall, Before, i32),
    Nothing,
}

impl World {
    /// Lets a task make a system call.
    pub fn call(&mut self, op: &Op) {
        let Some(player) = self.choose(who_acts(op)) else {
            return;
        };
        let forks = matches!(op, Op::Fork(_) | Op::Vfork(_) | Op::Clone(..));
        if forks && self.is_full() {
            return;
        }
        if matches!(op, Op::Exec(..)) && self.waits_for_its_own_parent(player) {
            return;
        }
        let of_areas = changes_areas(op);
        let call = if of_areas {
            self.area_call(player, op)
        } else {
            self.syscall(player, op)
        };
        let Some(call) = call else { return };
        let before = self.before(player);
        let pid = self.players[player].pid;
        let mark = self.lab.mark();
        let outcome = self.perform(player, Action::Syscall(call.clone()));
        let effect = match outcome {
            Some(Acted::Returned(value)) if of_areas => Effect::Areas(call, before, value as i32),
            Some(Acted::Refused(error)) if of_areas => {
                Effect::Areas(call, before, -error.errno().code())
            }
            Some(Acted::Returned(value)) => effect_of(op, call, value as i32),
            Some(Acted::Refused(error)) => effect_of(op, call, -error.errno().code()),
            _ => Effect::Nothing,
        };
        self.follow(mark, Some(pid), effect);
        let may_end = matches!(op, Op::Exit(_) | Op::ExitGroup(_));
        assert!(
            may_end || outcome != Some(Acted::Ended),
            "task {pid} ended in {op:?}"
        );
        let syncs = matches!(op, Op::File(_, FileOp::Msync { .. }));
        let refused =
            matches!(outcome, Some(Acted::Refused(error)) if error.errno() == Errno::ENOMEM);
        // msync says so of holes, and so do the calls on areas.
        if refused && !syncs && !of_areas {
            assert!(self.struck, "no memory for {op:?}");
        }
    }

    /// Whether a task is the vfork child of another thread of its process. Its exec would never end:
    /// it would wait for the end of its parent, which sleeps until the exec has released the memory.
    fn waits_for_its_own_parent(&self, player: usize) -> bool {
        let task = self.lab.task(self.players[player].id);
        let parent = task.vfork_done().map(|parent| self.lab.task(parent));
        parent.is_some_and(|parent| parent.tgid() == task.tgid())
    }

    fn syscall(&self, player: usize, op: &Op) -> Option<Syscall> {
        Some(match op {
            Op::File(_, op) => return self.file_call(player, *op),
            Op::Fork(_) => Syscall::Fork,
            Op::Vfork(_) => Syscall::Vfork,
            Op::Clone(_, flags, place) => {
                let at = self.word(player, *place);
                Syscall::Clone(ForkArgs {
                    stack: if flags.contains(CloneFlags::CLONE_VM) {
                        at
                    } else {
                        VirtAddr(0)
                    },
                    parent_tid: at,
                    child_tid: at,
                    tls: VirtAddr(DATA),
                    ..ForkArgs::with_flags(*flags)
                })
            }
            Op::Exit(_) => Syscall::Exit(3),
            Op::ExitGroup(_) => Syscall::ExitGroup(4),
            Op::Wait(_, options, place) => Syscall::Wait4(WaitArgs {
                pid: -1,
                status: place.map_or(VirtAddr(0), |place| self.word(player, place)),
                options: *options,
                ..WaitArgs::default()
            }),
            Op::Exec(_, program) => Syscall::Execve((*program).into()),
            Op::MmapFixed(_, page, pages, how) => {
                let addr = ARENA + u32::from(*page) * PAGE_SIZE;
                Syscall::Mmap2(mmap_args(addr, *pages, how, MapFlags::FIXED))
            }
            Op::MmapAnywhere(_, pages, how) => {
                Syscall::Mmap2(mmap_args(0, *pages, how, MapFlags::empty()))
            }
            Op::Munmap(_, place, pages) => {
                let start = self.address(player, *place).page_base().0;
                let room = STACK_TOP - start;
                Syscall::Munmap(start, (u32::from(*pages) * PAGE_SIZE).min(room))
            }
            Op::Brk(_, size) => {
                let space = &self.spaces[&self.players[player].space.unwrap()];
                Syscall::Brk(space.start_brk + u32::from(*size))
            }
            Op::Open(_) => Syscall::Open(NAME.to_owned(), O_RDWR, 0o666),
            Op::Dup(_, fd) => Syscall::Dup((*fd).into()),
            Op::Close(_, fd) => Syscall::Close((*fd).into()),
            Op::CloseOnExec(_, fd) => Syscall::Fcntl((*fd).into(), 2, 1),
            Op::Sigaction(_, usr1) => {
                // Not SIGCHLD: a thread that ignores it leaves the zombies it inherits lying.
                let signal = if *usr1 { 10 } else { 12 };
                Syscall::sigaction(signal, Some(SigAction::Ignore))
            }
            Op::Nice(_, nice) => Syscall::Nice((*nice).into()),
            _ => Syscall::SchedYield,
        })
    }

    pub fn apply(&mut self, pid: Pid, effect: Effect) {
        let Some(player) = self.player(pid) else {
            return;
        };
        match effect {
            Effect::Access(access) => self.accessed(pid, access),
            Effect::Mmap(args, how, value) => self.mapped(player, &args, how, value),
            Effect::Munmap(start, len, value) => {
                if value == 0 {
                    self.space(player).unmap(start, len >> PAGE_SHIFT);
                } else {
                    self.must_be_struck(value, Errno::ENOMEM);
                }
            }
            Effect::Brk(wanted, value) => self.moved_brk(player, wanted, value as u32),
            Effect::Status(addr, value) => {
                if value > 0 {
                    let status = self
                        .lab
                        .task(self.players[player].id)
                        .in_call
                        .reaped
                        .unwrap();
                    self.kernel_store(pid, addr, status.0, false);
                } else if value == -Errno::EFAULT.code() {
                    self.kernel_store(pid, addr, 0, true);
                }
            }
            Effect::File(call, value) => self.file_called(pid, &call, value),
            Effect::Table(call, value) => {
                let kernel = self.lab.machine.kernel.lookup(NAME).unwrap();
                let table = self.tables.get_mut(&self.players[player].table).unwrap();
                tables::apply(table, &call, value, kernel);
            }
            Effect::Areas(call, before, value) => {
                self.areas_changed(player, &call, &before, value);
            }
            Effect::Nothing => {}
        }
    }

    pub fn space(&mut self, player: usize) -> &mut Space {
        let number = self.players[player].space.unwrap();
        self.spaces.get_mut(&number).unwrap()
    }

    fn must_be_struck(&self, value: i32, errno: Errno) {
        assert!(
            self.struck && value == -errno.code(),
            "failed with {value}, although nothing was injected"
        );
    }

    fn mapped(&mut self, player: usize, args: &MmapArgs, how: Mapping, value: i32) {
        let pages = args.len >> PAGE_SHIFT;
        let fixed = args.addr != 0;
        let space = self.space(player);
        let locked = space.future || args.flags & MapFlags::LOCKED.bits() != 0;
        let locks_too_much = locked && space.locks_too_much(pages);
        if (-4095..0).contains(&value) {
            if !(locks_too_much && value == -Errno::EAGAIN.code()) {
                self.must_be_struck(value, Errno::ENOMEM);
            }
            // A fixed mapping that fails late has unmapped what was there.
            let mm = self.mm(player);
            let gone = !self.lab.kernel().mms()[mm].intersects(args.addr, args.addr + args.len);
            if fixed && gone {
                self.space(player).unmap(args.addr, pages);
            }
            return;
        }
        let start = value as u32;
        assert!(!locks_too_much && (!fixed || start == args.addr));
        let anonymous = args.fd.is_none();
        let object = (how.shared && anonymous).then(|| self.objects.create(pages));
        let space = self.space(player);
        let range = start >> PAGE_SHIFT..(start >> PAGE_SHIFT) + pages;
        let free = space.pages.range(range).next().is_none();
        assert!(fixed || free, "{start:#x} was in use");
        let private = Cell::private(how.prot, zeros());
        space.map(start, pages, |nr| Cell {
            grows: args.flags & MapFlags::GROWSDOWN.bits() != 0,
            locked,
            ..match object {
                Some(object) => Cell::shared(how.prot, object, how.pgoff + nr),
                None if anonymous => private.clone(),
                None if how.shared => Cell::shared(how.prot, FILE, args.pgoff + nr),
                None => Cell {
                    content: Content::OfFile {
                        index: args.pgoff + nr,
                        own: None,
                    },
                    linear: args.pgoff + nr,
                    ..private.clone()
                },
            }
        });
        if !anonymous {
            self.adopt_copies(player, start, pages);
        }
    }

    fn moved_brk(&mut self, player: usize, wanted: u32, value: u32) {
        let struck = self.struck;
        let space = self.space(player);
        let [old, new] = [space.brk, wanted].map(|brk| brk.div_ceil(PAGE_SIZE));
        let more = new.saturating_sub(old);
        // The page behind the new end must be free as well.
        let used = more > 0 && space.pages.range(old..=new).next().is_some();
        let refused = used || more > 0 && space.future && space.locks_too_much(more);
        if value == wanted {
            assert!(!refused, "brk {wanted:#x}");
            return space.set_brk(value);
        }
        assert!(
            (struck || refused) && value == space.brk,
            "brk {wanted:#x} is {value:#x}"
        );
    }
}

fn changes_areas(op: &Op) -> bool {
    matches!(
        op,
        Op::Mprotect(..)
            | Op::Mremap(..)
            | Op::Madvise(..)
            | Op::Mlock(..)
            | Op::Mlockall(..)
            | Op::Munlockall(..)
            | Op::RemapFilePages(..)
            | Op::ShmGet(..)
            | Op::ShmAt(..)
            | Op::ShmDt(..)
            | Op::ShmRm(..)
    )
}

fn who_acts(op: &Op) -> Who {
    match op {
        Op::Mprotect(who, ..) | Op::Mremap(who, ..) | Op::Madvise(who, ..) => *who,
        Op::Mlockall(who, _) | Op::Munlockall(who) | Op::RemapFilePages(who, ..) => *who,
        Op::Mlock(who, ..) | Op::ShmGet(who, _) | Op::ShmAt(who, ..) => *who,
        Op::ShmDt(who, _) | Op::ShmRm(who, _) => *who,
        Op::Fork(who) | Op::Vfork(who) | Op::Exit(who) | Op::ExitGroup(who) => *who,
        Op::Clone(who, ..) | Op::Wait(who, ..) | Op::Exec(who, _) | Op::Brk(who, _) => *who,
        Op::MmapFixed(who, ..) | Op::MmapAnywhere(who, ..) | Op::Munmap(who, ..) => *who,
        Op::Open(who) | Op::Dup(who, _) | Op::Close(who, _) | Op::CloseOnExec(who, _) => *who,
        Op::File(who, _) => *who,
        Op::Sigaction(who, _) | Op::Nice(who, _) | Op::Yield(who) => *who,
        _ => 0,
    }
}

fn mmap_args(addr: u32, pages: u8, how: &Mapping, fixed: MapFlags) -> MmapArgs {
    let kind = match how.shared {
        true => MapFlags::SHARED,
        false => MapFlags::PRIVATE,
    };
    MmapArgs {
        addr,
        len: u32::from(pages) * PAGE_SIZE,
        prot: how.prot,
        flags: (kind | MapFlags::ANONYMOUS | fixed).bits() | how.extra,
        fd: None,
        pgoff: how.pgoff,
    }
}

fn effect_of(op: &Op, call: Syscall, value: i32) -> Effect {
    match (op, call) {
        (Op::MmapFixed(_, _, _, how) | Op::MmapAnywhere(_, _, how), Syscall::Mmap2(args)) => {
            Effect::Mmap(args, *how, value)
        }
        (Op::File(_, FileOp::Map { how, .. }), Syscall::Mmap2(args)) => {
            Effect::Mmap(args, *how, value)
        }
        (Op::File(..), call) => Effect::File(call, value),
        (_, Syscall::Munmap(start, len)) => Effect::Munmap(start, len, value),
        (_, Syscall::Brk(wanted)) => Effect::Brk(wanted, value),
        (_, Syscall::Wait4(args)) if args.status != VirtAddr(0) => {
            Effect::Status(args.status, value)
        }
        (Op::Open(_) | Op::Dup(..) | Op::Close(..) | Op::CloseOnExec(..), call) => {
            Effect::Table(call, value)
        }
        _ => Effect::Nothing,
    }
}
