//! A machine, what its tasks must see, and the carrying out of operations on both.

use super::areas::Segment;
use super::calls::Effect;
use super::compare;
use super::files::NAME;
use super::op::{Mapping, Op, Who};
use super::space::{Objects, Space};
use super::tables::{self, Table};
use crate::lab::{Footprint, Lab};
use forklab::abi::{CloneFlags, Errno, MmId, PAGE_SHIFT, Pid, TaskId, TaskState, VirtAddr};
use forklab::kernel::boot::Config;
use forklab::kernel::fail::FailPoint;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::mm::pte_present;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, Action, Checkpoint, Command};
use forklab::trace::{EventKind, Record, TraceEvent, TraceFilter};
use std::collections::BTreeMap;

pub const ARENA: u32 = 0x403f_a000;
pub const DATA: u32 = 0x0804_9000;
pub const STACK_TOP: u32 = 0xc000_0000;
/// Tasks that live at a time, and tasks with the zombies.
const MAX_PLAYERS: usize = 7;
const MAX_TASKS: u32 = 14;

/// A task and what it uses, by the numbers of the model.
pub struct Player {
    pub id: TaskId,
    pub pid: Pid,
    /// `None` until it has called exec for the first time.
    pub space: Option<usize>,
    pub table: usize,
}

pub struct World {
    pub lab: Lab,
    fresh: Checkpoint,
    pub observer: TaskId,
    before: Footprint,
    pub players: Vec<Player>,
    pub spaces: BTreeMap<usize, Space>,
    pub tables: BTreeMap<usize, Table>,
    pub objects: Objects,
    pub segments: Vec<Segment>,
    made: usize,
    /// An injected failure acted in the operation at hand.
    pub struck: bool,
    /// Memory is short: pages go to swap before each operation.
    short: bool,
}

impl World {
    pub fn boot(config: Config) -> Self {
        let mut lab = Lab::with(config);
        let observer = lab.spawn_as("observer", 0);
        // Everybody may open it, whatever the mask of new files says.
        lab.call(observer, Syscall::Umask(0));
        // What all sequences find: a file to open, and the program in the page cache.
        let fd = lab.call(observer, Syscall::Open(NAME.to_owned(), 0o100, 0o666));
        lab.call(observer, Syscall::Close(fd as u32));
        lab.read(observer, VirtAddr(DATA));
        lab.machine.kernel.log.filter = TraceFilter::only(&[
            EventKind::SysEnter,
            EventKind::SchedSwitch,
            EventKind::SchedProcessFork,
            EventKind::SchedProcessExec,
            EventKind::ExecTakesPid,
            EventKind::TidWrite,
            EventKind::FailInjected,
        ]);
        let_idle_tasks_go(&mut lab, observer);
        Self {
            before: lab.footprint(),
            fresh: lab.machine.checkpoint(),
            lab,
            observer,
            players: Vec::new(),
            spaces: BTreeMap::new(),
            tables: BTreeMap::new(),
            objects: Objects::default(),
            segments: Vec::new(),
            made: 0,
            struck: false,
            short: false,
        }
    }

    /// A world in which memory is always short.
    pub fn short_of_memory(config: Config) -> Self {
        Self {
            short: true,
            ..Self::boot(config)
        }
    }

    /// As after the boot, with two tasks to begin with, each with a few pages.
    pub fn reset(&mut self) {
        self.lab.machine.restore(&self.fresh);
        self.players.clear();
        self.spaces.clear();
        self.tables.clear();
        self.objects = Objects::default();
        self.segments.clear();
        let private = Mapping {
            prot: 3,
            shared: false,
            extra: 0,
            pgoff: 0,
        };
        for (who, root) in [(0, true), (1, false)] {
            self.step(&Op::Spawn { root, spins: false });
            self.step(&Op::MmapFixed(who, 2, 4, private));
            self.step(&Op::Open(who));
        }
    }

    /// The locked pages that are in memory: address space and page.
    fn locked_pages(&self) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        for (nr, player) in self.players.iter().enumerate() {
            let Some(space) = player.space else { continue };
            let locked = self.spaces[&space].pages.iter();
            let locked = locked.filter(|(_, cell)| cell.locked);
            let mm = self.mm(nr);
            let there = locked.filter(|(page, _)| {
                let pte = self.lab.kernel().pte(mm, VirtAddr(*page << PAGE_SHIFT));
                pte_present(pte)
            });
            found.extend(there.map(|(page, _)| (nr, *page)));
        }
        found
    }

    /// Carries an operation out and compares everything.
    pub fn step(&mut self, op: &Op) {
        // Without copy on write a fork also copies pages that the parent has in common with the file.
        if matches!(op, Op::File(..)) && !self.lab.kernel().config.cow {
            return;
        }
        if self.short {
            let locked = self.locked_pages();
            // Twice: a page that was used is passed over once.
            (0..2).for_each(|_| {
                self.lab.machine.kernel.shrink_all_memory(64);
            });
            self.lab.check();
            assert_eq!(self.locked_pages(), locked, "locked pages stay in memory");
        }
        self.carry_out(op);
        self.adopt_tail();
        self.lab.check();
        compare::all(self);
    }

    fn carry_out(&mut self, op: &Op) {
        let command = match *op {
            Op::Spawn { root, spins } => return self.spawn(root, spins),
            Op::Tick(ticks) => Command::Tick(ticks.into()),
            Op::Patience(ticks) => Command::Patience(ticks.into()),
            Op::ForkCpu(cpu) => {
                let cpu = u32::from(cpu);
                let cpus = self.lab.kernel().config.cpus;
                Command::ForkCpu((cpu < cpus).then_some(cpu))
            }
            Op::FailFrame(passes) => Command::Fail(FailPoint::Frame(Some(passes.into()))),
            Op::FailSlab(passes) => Command::Fail(FailPoint::Slab(Some(passes.into()))),
            Op::FailCopy(stage) => Command::Fail(FailPoint::Copy(Some(stage))),
            _ => return self.act(op),
        };
        let mark = self.lab.mark();
        self.lab.machine.apply(command).unwrap();
        self.follow(mark, None, Effect::Nothing);
    }

    fn spawn(&mut self, root: bool, spins: bool) {
        if self.is_full() {
            return;
        }
        let mark = self.lab.mark();
        let uid = if root { 0 } else { 500 };
        let spawned = self.lab.try_spawn(SpawnArgs::new("sh", uid), spins);
        self.follow(mark, None, Effect::Nothing);
        if let Err(refusal) = spawned {
            assert_eq!(refusal.errno(), Some(Errno::ENOMEM));
            assert!(self.struck, "no memory for a spawn");
        }
    }

    pub fn is_full(&self) -> bool {
        self.players.len() >= MAX_PLAYERS || self.lab.kernel().nr_threads() >= MAX_TASKS
    }

    /// One of the tasks that are in user mode.
    pub fn choose(&self, who: Who) -> Option<usize> {
        let free = |player: &&Player| {
            player.space.is_some() && self.lab.task(player.id).in_call.open().is_none()
        };
        let free: Vec<&Player> = self.players.iter().filter(free).collect();
        let chosen = free.get(usize::from(who) % free.len().max(1))?;
        self.players
            .iter()
            .position(|player| player.id == chosen.id)
    }

    fn act(&mut self, op: &Op) {
        match op {
            Op::Read(who, at, len) => self.access(*who, *at, (*len).into(), None),
            Op::Write(who, at, bytes) => self.access(*who, *at, bytes.len() as u32, Some(bytes)),
            Op::Touch(who, at, pages) => self.touch(*who, *at, (*pages).into()),
            Op::Compute(who, ticks) => {
                if let Some(player) = self.choose(*who) {
                    let mark = self.lab.mark();
                    self.perform(player, Action::Compute((*ticks).into()));
                    self.follow(mark, None, Effect::Nothing);
                }
            }
            _ => self.call(op),
        }
    }

    /// Lets a task act; `None` if that was refused, because it does not get the CPU.
    pub fn perform(&mut self, player: usize, action: Action) -> Option<Acted> {
        self.lab.act(self.players[player].id, action).ok()
    }

    /// What the trace tells from a mark on, told to the model in this order. The effect of the
    /// actor's action comes where the trace says that it was made.
    pub fn follow(&mut self, mark: u64, actor: Option<Pid>, effect: Effect) {
        let records = self.lab.since(mark);
        let injected = |record: &Record| matches!(record.event, TraceEvent::FailInjected { .. });
        self.struck = records.iter().any(injected);
        let place = actor.and_then(|actor| place_of(&records, actor, &effect));
        let (before, after) = records.split_at(place.unwrap_or(0));
        before.iter().for_each(|record| self.note(record));
        if let Some(actor) = actor {
            self.apply(actor, effect);
        }
        after.iter().for_each(|record| self.note(record));
        self.forget_the_dead();
    }

    fn note(&mut self, record: &Record) {
        let pid = record.stamp.pid;
        match record.event {
            TraceEvent::SchedProcessFork { child, flags, .. } => self.forked(pid, child, flags),
            TraceEvent::SchedProcessExec { .. } => self.executed(pid),
            TraceEvent::ExecTakesPid { pid: leaders } => {
                self.players.retain(|player| player.pid != leaders);
                if let Some(player) = self.player(pid) {
                    self.players[player].pid = leaders;
                }
            }
            TraceEvent::TidWrite {
                addr,
                value,
                failed,
            } => self.kernel_store(pid, addr, value.0 as u32, failed),
            _ => {}
        }
    }

    /// The address space of a task, by number.
    pub fn space_of(&self, pid: Pid) -> Option<usize> {
        self.player(pid)
            .and_then(|player| self.players[player].space)
    }

    pub fn player(&self, pid: Pid) -> Option<usize> {
        self.players.iter().position(|player| player.pid == pid)
    }

    fn number(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    /// A task was made: it shares what the flags say and has copies of the rest.
    fn forked(&mut self, parent: Pid, child: Pid, flags: CloneFlags) {
        let Some(id) = self.lab.kernel().pid_hash().find(child) else {
            return;
        };
        let (space, table) = match self.player(parent) {
            // Spawned: init's memory until its exec, and a copy of init's descriptors.
            None => {
                let number = self.number();
                self.tables
                    .insert(number, tables::of_init(self.lab.kernel()));
                (None, number)
            }
            Some(player) => {
                let Player { space, table, .. } = self.players[player];
                let space = space.map(|space| self.copied_space(space, flags));
                (space, self.copied_table(table, flags))
            }
        };
        self.players.push(Player {
            id,
            pid: child,
            space,
            table,
        });
    }

    fn copied_space(&mut self, space: usize, flags: CloneFlags) -> usize {
        if flags.contains(CloneFlags::CLONE_VM) {
            return space;
        }
        let number = self.number();
        self.spaces.insert(number, self.spaces[&space].forked());
        number
    }

    fn copied_table(&mut self, table: usize, flags: CloneFlags) -> usize {
        if flags.contains(CloneFlags::CLONE_FILES) {
            return table;
        }
        let number = self.number();
        self.tables.insert(number, self.tables[&table].clone());
        number
    }

    /// A task runs a new program, in memory of its own and with a table of its own.
    fn executed(&mut self, pid: Pid) {
        let Some(player) = self.player(pid) else {
            return;
        };
        let id = self.players[player].id;
        if self.lab.machine.has_ended(id) {
            return;
        }
        let (space, table) = (self.number(), self.number());
        let root = self.lab.task(id).cred().euid == 0;
        let image = Space {
            root,
            ..compare::image(self.lab.kernel(), self.mm(player))
        };
        self.spaces.insert(space, image);
        let kept = tables::kept_by_exec(&self.tables[&self.players[player].table]);
        self.tables.insert(table, kept);
        self.players[player].space = Some(space);
        self.players[player].table = table;
    }

    /// What nobody uses any more is forgotten.
    fn forget_the_dead(&mut self) {
        let machine = &self.lab.machine;
        self.players.retain(|player| !machine.has_ended(player.id));
        let players = &self.players;
        let used = |of: fn(&Player) -> Option<usize>, nr: usize| {
            players.iter().any(|player| of(player) == Some(nr))
        };
        self.spaces.retain(|nr, _| used(|player| player.space, *nr));
        self.tables
            .retain(|nr, _| used(|player| Some(player.table), *nr));
        self.forget_segments();
    }

    pub fn mm(&self, player: usize) -> MmId {
        self.lab.task(self.players[player].id).mm().unwrap()
    }

    /// Ends all tasks but the observer and looks for what they left behind.
    pub fn finish(&mut self) {
        self.lab.machine.kernel.fail.clear();
        self.lab.machine.apply(Command::Patience(300)).unwrap();
        for round in 0.. {
            assert!(round < 100, "{} tasks do not end", self.players.len());
            let ids: Vec<TaskId> = self.players.iter().map(|player| player.id).collect();
            if ids.is_empty() {
                break;
            }
            for id in ids {
                self.lab
                    .act(id, Action::Syscall(Syscall::ExitGroup(0)))
                    .ok();
            }
            self.lab.tick(100);
            self.forget_the_dead();
        }
        self.lab
            .call(self.observer, Syscall::Truncate(NAME.to_owned(), 0));
        self.remove_segments();
        let_idle_tasks_go(&mut self.lab, self.observer);
        let mut after = self.lab.footprint();
        after.committed -= self.lab.kernel().vm().never_returned();
        if self.short {
            // Pages of programs and of the observer are gone as well; `check` explains the rest.
            after.frames = self.before.frames;
            self.lab.check();
        }
        assert_eq!(after, self.before);
    }
}

/// An idle task borrows the memory of the dead until its CPU runs somebody else: here a task that
/// has read nothing and written nothing.
fn let_idle_tasks_go(lab: &mut Lab, observer: TaskId) {
    for cpu in 0..lab.kernel().config.cpus {
        let args = SpawnArgs {
            cpu: cpu as u8,
            ..SpawnArgs::new("sh", 0)
        };
        let task = lab.try_spawn(args, false).unwrap();
        lab.exit(task, 0);
    }
    lab.call(observer, Syscall::Getpid);
}

/// Before which record an actor acted: a system call where it was entered, an access where the
/// actor got the CPU last; if it had it already, at once.
fn place_of(records: &[Record], actor: Pid, effect: &Effect) -> Option<usize> {
    let gets_cpu = |record: &Record| matches!(record.event, TraceEvent::SchedSwitch { next, .. } if next == actor);
    let enters = |record: &Record| {
        record.stamp.pid == actor && matches!(record.event, TraceEvent::SysEnter { .. })
    };
    // A task that dies of an access clears its tid word on the way out, and before it dumps core
    // it waits for the other users of its memory.
    let dies = |record: &Record| match record.event {
        TraceEvent::TidWrite { value, .. } => record.stamp.pid == actor && value.0 == 0,
        TraceEvent::SchedSwitch {
            prev, prev_state, ..
        } => prev == actor && prev_state == TaskState::UNINTERRUPTIBLE.bits(),
        _ => false,
    };
    match effect {
        Effect::Access(_) => {
            let end = records.iter().position(dies).unwrap_or(records.len());
            records[..end].iter().rposition(gets_cpu)
        }
        _ => records.iter().position(enters),
    }
}
