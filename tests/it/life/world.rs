//! Carrying operations out on a machine, and ending everything at the end.

use super::op::{Does, Op, Who};
use super::programs;
use super::rules;
use crate::drive;
use crate::lab::{Footprint, Lab};
use forklab::abi::{
    CloneFlags, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAKE, IPC_PRIVATE, KSigaction, MapFlags, SaFlags,
    SigAction, SigSet, Signal, TaskId, VirtAddr,
};
use forklab::kernel::boot::Config;
use forklab::kernel::fail::FailPoint;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::ipc::SemOp;
use forklab::kernel::syscall::{
    ForkArgs, FutexArgs, InfoTo, IpcCall, PtraceArgs, SigactionArgs, SigprocmaskArgs,
    SigtimedwaitArgs, Syscall, WaitArgs, WaitidArgs,
};
use forklab::machine::{
    Acted, Action, BufferCall, Checkpoint, Command, StackCall, handler_address,
};

/// The data page of every program.
const WORD: VirtAddr = VirtAddr(0x0804_9100);
/// Tasks at a time, with the zombies.
const MAX_TASKS: u32 = 16;
/// `PR_SET_PDEATHSIG`.
const PDEATH: u32 = 1;

pub struct World {
    lab: Lab,
    fresh: Checkpoint,
    before: Footprint,
    observer: TaskId,
    semaphores: i32,
}

impl World {
    pub fn boot(config: Config) -> Self {
        let mut lab = Lab::with(config);
        programs::install(&mut lab.machine);
        let observer = lab.spawn_as("observer", 0);
        // What is sent to the group of all others does not concern it.
        lab.call(observer, Syscall::Setsid);
        let get = Syscall::Ipc(IpcCall::Semget(IPC_PRIVATE, 2, 0o666));
        let semaphores = lab.call(observer, get);
        lab.read(observer, WORD);
        for name in programs::NAMES {
            // What it reads of its file stays in the page cache.
            let reader = lab.spawn("sh");
            lab.act(reader, Action::Syscall(Syscall::Execve(name.into())))
                .ok();
            lab.tick(300);
            if lab.exists(reader) {
                lab.kill(observer, lab.pid(reader), 9);
            }
            lab.tick(10);
        }
        let mut world = Self {
            before: lab.footprint(),
            fresh: lab.machine.checkpoint(),
            lab,
            observer,
            semaphores,
        };
        world.let_idle_go();
        world.before = world.lab.footprint();
        world.fresh = world.lab.machine.checkpoint();
        world
    }

    pub fn reset(&mut self) {
        self.lab.machine.restore(&self.fresh);
        for root in [true, false] {
            self.step(&Op::Spawn(root));
        }
    }

    /// Every task but init, the idle tasks and the observer.
    fn players(&self) -> Vec<TaskId> {
        let hash = self.lab.kernel().pid_hash().tasks().map(|(_, task)| task);
        let init = self.lab.kernel().init();
        hash.filter(|task| *task != init && *task != self.observer)
            .collect()
    }

    fn any(&self, who: Who) -> Option<TaskId> {
        let players = self.players();
        players
            .get(usize::from(who) % players.len().max(1))
            .copied()
    }

    /// Lets a task act, if it can.
    fn act(&mut self, who: Who, action: Action) {
        if let Some(task) = self.any(who) {
            self.lab.act(task, action).ok();
        }
    }

    fn call(&mut self, who: Who, call: Syscall) {
        self.act(who, Action::Syscall(call));
    }

    fn buffer(&mut self, who: Who, call: BufferCall, bytes: Vec<u8>, len: u32) {
        self.act(who, Action::OnStack(StackCall { len, bytes, call }));
    }

    /// Carries an operation out, lets handlers run, and checks everything.
    pub fn step(&mut self, op: &Op) {
        self.carry_out(op);
        for round in 0.. {
            let Some(entered) = self.lab.machine.entered_handler() else {
                break;
            };
            assert!(round < 1000, "handlers without end");
            self.lab
                .machine
                .apply(Command::BeginHandler(entered.task))
                .unwrap();
            let calls = Action::Syscall(Syscall::Getpid);
            self.lab.act(entered.task, calls).ok();
            self.lab
                .machine
                .apply(Command::EndHandler(entered.task))
                .unwrap();
        }
        self.lab.check();
        rules::check(&self.lab.machine, &self.players());
    }

    fn carry_out(&mut self, op: &Op) {
        match *op {
            Op::Spawn(root) if !self.is_full() => {
                let uid = if root { 0 } else { 500 };
                self.lab.try_spawn(SpawnArgs::new("sh", uid), false).ok();
            }
            Op::Tick(ticks) => {
                self.lab.machine.apply(Command::Tick(ticks.into())).unwrap();
            }
            Op::FailFrame(passes) => self.lab.fail(FailPoint::Frame(Some(passes.into()))),
            Op::FailSlab(passes) => self.lab.fail(FailPoint::Slab(Some(passes.into()))),
            Op::Fork(who) if !self.is_full() => self.call(who, Syscall::Fork),
            Op::Vfork(who) if !self.is_full() => self.call(who, Syscall::Vfork),
            Op::Clone(who, flags) if !self.is_full() => {
                let args = ForkArgs {
                    parent_tid: WORD,
                    child_tid: WORD,
                    tls: VirtAddr(0),
                    ..ForkArgs::with_flags(flags.difference(CloneFlags::CLONE_SETTLS))
                };
                self.call(who, Syscall::Clone(args));
            }
            Op::Exit(who, code) => self.call(who, Syscall::Exit(code.into())),
            Op::ExitGroup(who, code) => self.call(who, Syscall::ExitGroup(code.into())),
            Op::Exec(who, program) => {
                let name = programs::NAMES[usize::from(program) % programs::NAMES.len()];
                self.call(who, Syscall::Execve(name.into()));
            }
            Op::Fill(who, pages) => self.fill(who, pages.into()),
            Op::Compute(who, ticks) => self.act(who, Action::Compute(ticks.into())),
            Op::Pipe(who) => self.buffer(who, BufferCall::Pipe, Vec::new(), 8),
            Op::Write(who, fd, len) => {
                self.buffer(who, BufferCall::Write(fd.into()), Vec::new(), len.into());
            }
            Op::Read(who, fd, len) if fd > 2 => {
                self.buffer(who, BufferCall::Read(fd.into()), Vec::new(), len.into());
            }
            Op::Close(who, fd) => self.call(who, Syscall::Close(fd.into())),
            Op::Dup(who, fd) => self.call(who, Syscall::Dup(fd.into())),
            Op::Semop(who, num, op, flags) => {
                let bytes = SemOp { num, op, flags }.to_bytes().to_vec();
                let call = BufferCall::Semop {
                    id: self.semaphores,
                    count: 1,
                };
                self.buffer(who, call, bytes, 6);
            }
            Op::FutexWait(who) => {
                // Whoever can read the word knows its value.
                self.act(
                    who,
                    Action::Write {
                        addr: WORD,
                        bytes: vec![0; 4],
                    },
                );
                self.call(who, Syscall::Futex(futex(FUTEX_WAIT, 0)));
            }
            Op::FutexWake(who, count) => {
                self.call(who, Syscall::Futex(futex(FUTEX_WAKE, count.into())));
            }
            Op::Requeue(who, wake, most) => {
                let args = FutexArgs {
                    timeout: most.into(),
                    addr2: VirtAddr(WORD.0 + 64),
                    ..futex(FUTEX_REQUEUE, wake.into())
                };
                self.call(who, Syscall::Futex(args));
            }
            _ => self.carry_out_call(op),
        }
    }

    /// Calls about signals and other tasks.
    fn carry_out_call(&mut self, op: &Op) {
        let number = |world: &Self, who| world.any(who).map_or(1, |task| world.lab.pid(task));
        let signal = |call| call;
        let (who, call) = match *op {
            Op::Wait(who, options, child) => {
                let args = WaitArgs {
                    pid: child.map_or(-1, |child| number(self, child)),
                    options,
                    ..WaitArgs::default()
                };
                (who, Syscall::Wait4(args))
            }
            Op::Waitid(who, options) => {
                let args = WaitidArgs {
                    which: 0,
                    id: 0,
                    info: InfoTo::Task,
                    options,
                    rusage: VirtAddr(0),
                };
                (who, Syscall::Waitid(args))
            }
            Op::Kill(who, to, nr) => (who, signal(Syscall::Kill(number(self, to), nr))),
            Op::KillGroup(who, nr) => (who, signal(Syscall::Kill(0, nr))),
            Op::Tkill(who, to, nr) => (who, signal(Syscall::Tkill(number(self, to), nr))),
            Op::Sigaction(who, nr, does, flags) => {
                let args = SigactionArgs {
                    signal: nr,
                    new: Some(KSigaction {
                        handler: action(does),
                        flags: SaFlags::from_bits_retain(flags),
                        ..KSigaction::default()
                    }),
                    old: VirtAddr(0),
                };
                (who, signal(Syscall::RtSigaction(args)))
            }
            Op::Mask(who, how, set) => {
                let args = SigprocmaskArgs {
                    how,
                    set: Some(SigSet(set)),
                    old: VirtAddr(0),
                };
                (who, signal(Syscall::RtSigprocmask(args)))
            }
            Op::Pause(who) => (who, signal(Syscall::Pause)),
            Op::Sigwait(who, nr) => {
                let args = SigtimedwaitArgs {
                    set: Signal::new(nr).map_or(SigSet::EMPTY, |nr| SigSet::of(&[nr])),
                    info: InfoTo::Task,
                    timeout: None,
                };
                (who, signal(Syscall::RtSigtimedwait(args)))
            }
            Op::Alarm(who, seconds) => (who, signal(Syscall::Alarm(seconds.into()))),
            Op::Pdeath(who, nr) => (who, Syscall::Prctl(PDEATH, nr)),
            Op::Setpgid(who, member) => {
                let pid = number(self, member);
                (who, Syscall::Setpgid(pid, 0))
            }
            Op::Setsid(who) => (who, Syscall::Setsid),
            Op::Ptrace(who, child, request, data) => {
                let args = PtraceArgs {
                    request,
                    pid: number(self, child),
                    addr: 0,
                    data,
                };
                (who, Syscall::Ptrace(args))
            }
            _ => return,
        };
        self.call(who, call);
    }

    fn fill(&mut self, who: Who, pages: u32) {
        let Some(task) = self.any(who) else {
            return;
        };
        let map = Syscall::Mmap2(drive::pages(pages, MapFlags::PRIVATE));
        if let Ok(Acted::Returned(addr)) = self.lab.act(task, Action::Syscall(map)) {
            let addr = VirtAddr(addr);
            self.lab.act(task, Action::Touch { addr, pages }).ok();
        }
    }

    fn is_full(&self) -> bool {
        self.lab.kernel().nr_threads() >= MAX_TASKS
    }

    /// Kills everybody: nobody may be left, and nothing of them.
    pub fn finish(&mut self) {
        rules::check_waits(&self.lab.machine, &self.players());
        self.lab.machine.kernel.fail.clear();
        for round in 0.. {
            let players = self.players();
            if players.is_empty() {
                break;
            }
            assert!(round < 20, "{} tasks do not end", players.len());
            for task in players {
                if self.lab.exists(task) {
                    let pid = self.lab.pid(task);
                    // The observer may not get the CPU from one that computes.
                    let kill = Syscall::Tkill(pid, 9);
                    self.lab.act(self.observer, Action::Syscall(kill)).ok();
                }
            }
            self.lab.tick(200);
        }
        self.lab.check();
        self.let_idle_go();
        let mut after = self.lab.footprint();
        after.committed -= self.lab.kernel().vm().never_returned();
        assert_eq!(after, self.before);
    }

    /// An idle task borrows the memory of the dead until its CPU runs somebody else.
    fn let_idle_go(&mut self) {
        for cpu in 0..self.lab.kernel().config.cpus {
            let args = SpawnArgs {
                cpu: cpu as u8,
                ..SpawnArgs::new("sh", 0)
            };
            let task = self.lab.try_spawn(args, false).unwrap();
            self.lab.exit(task, 0);
        }
        self.lab.call(self.observer, Syscall::Getpid);
    }
}

fn futex(op: u32, val: u32) -> FutexArgs {
    FutexArgs {
        addr: WORD,
        op,
        val,
        timeout: 0,
        addr2: VirtAddr(0),
        val3: 0,
    }
}

fn action(does: Does) -> SigAction {
    match does {
        Does::Default => SigAction::Default,
        Does::Ignore => SigAction::Ignore,
        Does::Returns => SigAction::Handler(VirtAddr(0x1000)),
        Does::Handler(nr) => {
            let addr = handler_address(usize::from(nr)).unwrap();
            SigAction::Handler(VirtAddr(addr))
        }
    }
}
