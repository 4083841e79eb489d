//! What the oracle of clone's flags says is what clone then does: every statement is checked
//! against the machine, for every combination of the flags that interact.

use super::flags::{Bench, COMBINED, UNTOUCHED, clone_tls};
use crate::lab::{Lab, USER, Waited, exit_signal};
use forklab::abi::{
    CloneFlags as F, Errno, PtFlags, SigSet, Signal, TaskId, TaskState, WaitOptions,
};
use forklab::kernel::fork::ObjectFate;
use forklab::kernel::syscall::{PtraceArgs, Syscall};
use forklab::kernel::task::Pending;
use forklab::trace::{ForkStep, TraceEvent, TraceFilter};
use forklab::view::{
    ChildPlan, CloneObject, EndNotice, ExplainClone, ParentOf, Queued, Reaped, RunsNext,
    explain_clone,
};

/// A way to see whether two tasks have the same object, and how many users a task's object has.
struct Counted {
    object: CloneObject,
    same: fn(&Lab, TaskId, TaskId) -> bool,
    users: fn(&Lab, TaskId) -> u32,
}

const COUNTED: [Counted; 7] = [
    Counted {
        object: CloneObject::Mm,
        same: |lab, a, b| lab.task(a).mm() == lab.task(b).mm(),
        users: |lab, task| lab.mm(task).mm_users(),
    },
    Counted {
        object: CloneObject::Files,
        same: |lab, a, b| lab.task(a).files() == lab.task(b).files(),
        users: |lab, task| lab.files(task).count(),
    },
    Counted {
        object: CloneObject::Fs,
        same: |lab, a, b| lab.task(a).fs() == lab.task(b).fs(),
        users: |lab, task| lab.fs(task).count(),
    },
    Counted {
        object: CloneObject::Sighand,
        same: |lab, a, b| lab.task(a).sighand() == lab.task(b).sighand(),
        users: |lab, task| lab.sighand(task).count(),
    },
    Counted {
        object: CloneObject::Signal,
        same: |lab, a, b| lab.task(a).signal() == lab.task(b).signal(),
        users: |lab, task| lab.signal(task).count(),
    },
    Counted {
        object: CloneObject::SemUndo,
        same: |lab, a, b| lab.task(a).sem_undo() == lab.task(b).sem_undo(),
        users: |lab, task| {
            let undo = lab.task(task).sem_undo();
            undo.map_or(0, |undo| lab.kernel().sem_undos()[undo].refcnt())
        },
    },
    Counted {
        object: CloneObject::Namespace,
        same: |lab, a, b| lab.task(a).namespace() == lab.task(b).namespace(),
        users: |lab, task| {
            let namespace = lab.task(task).namespace().unwrap();
            lab.kernel().namespaces()[namespace].count()
        },
    },
];

pub(super) fn told(lab: &Lab, flags: F, caller: Option<TaskId>) -> ExplainClone {
    explain_clone(&lab.machine, flags, caller).unwrap()
}

/// Every signal stays pending where it is sent, so that it can be seen, but for the two that cannot
/// be blocked.
pub(super) fn block_signals(lab: &mut Lab, task: TaskId) {
    let all = SigSet(!0).without(Signal::SIGKILL).without(Signal::SIGSTOP);
    lab.machine.kernel.set_blocked(task, all);
}

fn pending_of_process(lab: &Lab, task: TaskId) -> SigSet {
    lab.signal(task).shared_pending.set()
}

fn take_pending(lab: &mut Lab, task: TaskId) -> Option<String> {
    let pending = pending_of_process(lab, task);
    let signal = lab.task(task).signal().unwrap();
    lab.machine.kernel.flush_sigqueue(Pending::Shared(signal));
    assert_eq!(lab.task(task).pending.set(), SigSet::EMPTY);
    pending.lowest().map(|signal| signal.to_string())
}

/// A caller and its parent that can be asked before and looked at afterwards.
struct Oracle {
    bench: Bench,
}

impl Oracle {
    fn of_user(uid: u32) -> Self {
        let mut bench = Bench::of_user(uid);
        for task in [bench.grandparent, bench.caller] {
            block_signals(&mut bench.lab, task);
        }
        // The first user_desc takes a page of stack.
        let args = bench.args();
        let child = clone_tls(&mut bench.lab, bench.caller, F::FORK, args).unwrap();
        let mut oracle = Self { bench };
        oracle.leave(child, oracle.bench.caller);
        let (caller, words) = (oracle.bench.caller, oracle.bench.words);
        oracle.bench.lab.write(caller, words, UNTOUCHED);
        oracle.bench.lab.machine.kernel.log.filter = TraceFilter::ALL;
        oracle
    }

    /// Lets a child go without looking.
    fn leave(&mut self, child: TaskId, parent: TaskId) {
        let pid = self.bench.lab.pid(child);
        self.bench.lab.exit(child, 0);
        let any = WaitOptions::ALL.bits();
        assert_eq!(
            self.bench.lab.wait(parent, pid, any),
            Waited::Reaped(pid, 0)
        );
        take_pending(&mut self.bench.lab, parent);
    }

    fn clone(&mut self, flags: F) -> Result<TaskId, Errno> {
        let (caller, args) = (self.bench.caller, self.bench.args());
        for addr in [args.parent_tid, args.child_tid] {
            self.bench.lab.write(caller, addr, UNTOUCHED);
        }
        self.bench.lab.machine.kernel.log.clear();
        match flags.contains(F::CLONE_SETTLS) {
            true => clone_tls(&mut self.bench.lab, caller, flags, args),
            false => self.bench.lab.clone_with(caller, flags, args),
        }
    }

    fn users(&self) -> [u32; 7] {
        COUNTED.map(|counted| (counted.users)(&self.bench.lab, self.bench.caller))
    }

    /// Asks, clones, compares; the child ends and is reaped.
    fn try_flags(&mut self, flags: F) {
        let caller = self.bench.caller;
        // Threads and siblings give their slices to another than the caller.
        self.bench
            .lab
            .machine
            .kernel
            .sched
            .set_time_slice(caller, 100);
        let told = told(&self.bench.lab, flags, Some(caller));
        let before = self.users();
        let result = self.clone(flags);
        let errno = result.err().map(Errno::name);
        assert_eq!(told.error, errno, "{flags:?}");
        assert_eq!(told.child.is_some(), result.is_ok(), "{flags:?}");
        if let (Some(plan), Ok(child)) = (&told.child, result) {
            self.check_tracer(plan, child, flags);
            self.detach(caller);
            self.check_objects(plan, child, before, flags);
            self.check_identity(plan, child, flags);
            self.check_scheduling(plan, child, flags);
            self.detach(child);
            let tid = self.bench.lab.pid(child) as u32;
            // Nobody traces the two any more.
            self.bench
                .lab
                .machine
                .kernel
                .task_mut(caller)
                .set_ptrace(PtFlags::empty());
            let plain = explain_clone(&self.bench.lab.machine, flags, Some(caller));
            let plain = plain.unwrap().child.unwrap();
            self.check_end(&plain, child, flags);
            self.check_words(plan, tid, flags);
        }
        assert_eq!(self.users(), before, "{flags:?}");
    }

    /// The tracer lets a task go that has stopped for it.
    fn detach(&mut self, task: TaskId) {
        let (lab, tracer) = (&mut self.bench.lab, self.bench.grandparent);
        let stops = TaskState::TRACED | TaskState::STOPPED;
        let stopped = lab.sched(task).state.intersects(stops);
        if stopped && lab.kernel().tracer(task) == Some(tracer) {
            let args = PtraceArgs {
                request: 17,
                pid: lab.pid(task),
                addr: 0,
                data: 0,
            };
            assert_eq!(lab.call(tracer, Syscall::Ptrace(args)), 0);
        }
        take_pending(lab, tracer);
    }

    fn check_objects(&self, plan: &ChildPlan, child: TaskId, before: [u32; 7], flags: F) {
        let (lab, caller) = (&self.bench.lab, self.bench.caller);
        for (nr, counted) in COUNTED.iter().enumerate() {
            let fate = plan.fate(counted.object).unwrap();
            let (users, childs) = ((counted.users)(lab, caller), (counted.users)(lab, child));
            let same = (counted.same)(lab, caller, child);
            assert_eq!(same, fate.is_shared(), "{:?} {flags:?}", counted.object);
            let expected = match fate {
                ObjectFate::Shared => (before[nr] + 1, users),
                ObjectFate::Copied | ObjectFate::Fresh => (before[nr], 1),
                ObjectFate::Absent => (before[nr], 0),
            };
            assert_eq!((users, childs), expected, "{:?} {flags:?}", counted.object);
        }
        let tables = plan.fate(CloneObject::PageTables).unwrap().is_shared();
        assert_eq!(
            lab.mm(child).pgd() == lab.mm(caller).pgd(),
            tables,
            "{flags:?}"
        );
        let tls = |task| lab.task(task).thread.tls_array;
        let copied = plan.fate(CloneObject::Tls) == Some(ObjectFate::Copied);
        assert_eq!(tls(child) == tls(caller), copied, "{flags:?}");
        let task = lab.task(child);
        let pending = task.pending.set().without(Signal::SIGSTOP);
        assert_eq!((pending, task.utime, task.stime), (SigSet::EMPTY, 0, 0));
    }

    fn check_identity(&self, plan: &ChildPlan, child: TaskId, flags: F) {
        let lab = &self.bench.lab;
        let parent = self.parent(plan);
        assert_eq!(lab.task(child).real_parent(), parent, "{flags:?}");
        let known = plan.parent_task.as_ref().map(|task| task.pid.0);
        assert_eq!(known, Some(lab.pid(parent)), "{flags:?}");
        let tgid = |task| lab.task(task).tgid();
        let same = tgid(child) == tgid(self.bench.caller);
        assert_eq!(same, plan.same_process, "{flags:?}");
        assert_eq!(tgid(child).0 == lab.pid(child), !same, "{flags:?}");
    }

    fn parent(&self, plan: &ChildPlan) -> TaskId {
        match plan.parent {
            ParentOf::Caller => self.bench.caller,
            ParentOf::CallersParent => self.bench.grandparent,
        }
    }

    fn check_scheduling(&self, plan: &ChildPlan, child: TaskId, flags: F) {
        let (lab, caller) = (&self.bench.lab, self.bench.caller);
        let waits = lab.sched(caller).state == TaskState::UNINTERRUPTIBLE;
        assert_eq!(waits, plan.caller_waits, "{flags:?}");
        assert_eq!(self.queued(child), plan.queued, "{flags:?}");
        let woken = plan.queued != Queued::Nowhere;
        assert_eq!(plan.begins_stopped, !woken, "{flags:?}");
        if plan.begins_stopped {
            assert_eq!(lab.sched(child).state, TaskState::STOPPED);
            assert!(lab.task(child).pending.set().contains(Signal::SIGSTOP));
        }
        assert!(!plan.forced);
        assert_eq!(self.ran_next(plan.queued), plan.runs_next, "{flags:?}");
    }

    /// Where the child was put, by the list that it came to.
    fn queued(&self, child: TaskId) -> Queued {
        let lab = &self.bench.lab;
        let lists = lab.events(0, |record| match record.event {
            TraceEvent::RunList { after, .. } => {
                let pids = lab.kernel().log.pids(after);
                Some(pids.iter().map(|pid| pid.0).collect::<Vec<i32>>())
            }
            _ => None,
        });
        let (caller, child) = (lab.pid(self.bench.caller), lab.pid(child));
        match lists.as_slice() {
            [] => Queued::Nowhere,
            [list] if list.windows(2).any(|two| two == [child, caller]) => Queued::BeforeCaller,
            [list] if list.last() == Some(&child) => Queued::Tail,
            other => panic!("{other:?}"),
        }
    }

    /// Why the caller left the CPU tells who was to run next: a puppet that goes on comes to the
    /// console and sleeps there.
    fn ran_next(&self, queued: Queued) -> RunsNext {
        let lab = &self.bench.lab;
        let caller = lab.pid(self.bench.caller);
        let left = lab.events(0, |record| match record.event {
            TraceEvent::SchedSwitch {
                prev, prev_state, ..
            } if prev.0 == caller => Some(u32::from(prev_state)),
            _ => None,
        });
        match left
            .first()
            .map(|state| TaskState::from_bits_retain(*state as _))
        {
            Some(TaskState::RUNNING) => RunsNext::Child,
            // Nobody else is there: the first in line is the child.
            Some(TaskState::UNINTERRUPTIBLE | TaskState::TRACED)
                if queued == Queued::BeforeCaller =>
            {
                RunsNext::Child
            }
            Some(TaskState::UNINTERRUPTIBLE | TaskState::TRACED) => RunsNext::FirstInLine,
            Some(TaskState::INTERRUPTIBLE) => RunsNext::Caller,
            other => panic!("{other:?}"),
        }
    }

    fn check_tracer(&self, plan: &ChildPlan, child: TaskId, flags: F) {
        let lab = &self.bench.lab;
        let took = |wanted| {
            let steps = lab.events(0, |record| match record.event {
                TraceEvent::DoForkStep { step } if step == wanted => Some(()),
                _ => None,
            });
            !steps.is_empty()
        };
        let hears = plan.traced_now;
        assert_eq!(
            hears.is_some(),
            !lab.task(self.bench.caller).ptrace().is_empty()
        );
        let event = hears.is_some_and(|hears| hears.event.is_some());
        assert_eq!(took(ForkStep::PtraceNotify), event, "{flags:?}");
        assert_eq!(took(ForkStep::AddClonePtrace), event, "{flags:?}");
        let traced = hears.is_some_and(|hears| hears.child_traced);
        let is_traced = lab.task(child).ptrace().contains(PtFlags::PTRACED);
        assert_eq!(is_traced, traced, "{flags:?}");
        let sigstop = traced || plan.begins_stopped;
        assert_eq!(took(ForkStep::SigstopPending), sigstop, "{flags:?}");
        let stops = TaskState::STOPPED | TaskState::TRACED;
        assert_eq!(lab.sched(child).state.intersects(stops), sigstop);
    }

    fn check_end(&mut self, plan: &ChildPlan, child: TaskId, flags: F) {
        let parent = self.parent(plan);
        let lab = &mut self.bench.lab;
        let pid = lab.pid(child);
        assert_eq!(
            lab.task(child).exit_signal(),
            plan.end.exit_signal,
            "{flags:?}"
        );
        if lab.sched(child).state == TaskState::STOPPED {
            // The stop of a thread is that of its process, and so is the end of the stop.
            let (grandparent, caller) = (self.bench.grandparent, self.bench.caller);
            assert_eq!(lab.kill(grandparent, pid, 18), 0);
            for task in [grandparent, caller] {
                take_pending(lab, task);
            }
        }
        lab.exit(child, 3);
        let signal = take_pending(lab, parent);
        assert_eq!(signal, plan.end.signal, "{flags:?}");
        let notice = plan.end.notice == EndNotice::Signal;
        assert_eq!(signal.is_some(), notice, "{flags:?}");
        for task in [self.bench.grandparent, self.bench.caller] {
            assert_eq!(take_pending(lab, task), None, "only the parent: {flags:?}");
        }
        let awake = lab.sched(self.bench.caller).state != TaskState::UNINTERRUPTIBLE;
        assert!(awake, "the end of the child ends the wait: {flags:?}");
        self.check_reaping(plan, pid, child, flags);
    }

    fn check_reaping(&mut self, plan: &ChildPlan, pid: i32, child: TaskId, flags: F) {
        let parent = self.parent(plan);
        let lab = &mut self.bench.lab;
        let zombie = plan.end.reaped != Reaped::ByItself;
        assert_eq!(lab.exists(child), zombie, "{flags:?}");
        let none = Waited::Nothing(-Errno::ECHILD.code());
        let status = Waited::Reaped(pid, 0x300);
        let clone = WaitOptions::CLONE.bits();
        let waits = match plan.end.reaped {
            Reaped::ByWait => vec![(clone, none), (0, status)],
            Reaped::ByCloneWait => vec![(0, none), (clone, status)],
            Reaped::ByItself => vec![(WaitOptions::ALL.bits(), none)],
        };
        for (options, expected) in waits {
            let waited = lab.wait(parent, pid, options);
            assert_eq!(waited, expected, "{options:#x} {flags:?}");
        }
    }

    /// The tids as the caller sees them at the end.
    fn check_words(&mut self, plan: &ChildPlan, tid: u32, flags: F) {
        let (words, args) = (plan.tid_stores, self.bench.args());
        let parents = if words.parent { tid } else { UNTOUCHED };
        let shared = plan.fate(CloneObject::Mm) == Some(ObjectFate::Shared);
        let childs = match (words.child, words.clear) {
            (_, true) if shared => 0,
            (true, _) if shared => tid,
            _ => UNTOUCHED,
        };
        // A traced caller may have stopped for its tracer.
        let machine = &self.bench.lab.machine;
        for (addr, expected) in [(args.parent_tid, parents), (args.child_tid, childs)] {
            let found = machine.peek(self.bench.caller, addr);
            assert_eq!(found, Some(expected), "{flags:?}");
        }
    }
}

fn combined(flags: &[F], combination: usize, signal: u32) -> F {
    let chosen = flags.iter().enumerate();
    let chosen = chosen.filter(|(bit, _)| combination >> bit & 1 != 0);
    let flags: F = chosen.map(|(_, flag)| *flag).collect();
    flags | exit_signal(signal)
}

/// All 32,768 combinations of fifteen flags by root; each with one of five exit signals. Those with
/// CLONE_NEWNS also by a user, and by a caller that nothing is known of.
#[test]
fn the_oracle_of_flags_predicts_every_combination() {
    let (mut root, mut user) = (Oracle::of_user(0), Oracle::of_user(USER));
    let before = root.bench.lab.footprint();
    for combination in 0..1 << COMBINED.len() {
        // Five is odd, so each flag meets each signal.
        let signal = [17, 0, 10, 64, 200][combination % 5];
        let flags = combined(&COMBINED, combination, signal);
        root.try_flags(flags);
        let anyone = told(&root.bench.lab, flags, None);
        let newns = flags.contains(F::CLONE_NEWNS) && anyone.error.is_none();
        assert_eq!(anyone.needs.is_some(), newns, "{flags:?}");
        if let Some(corrected) = anyone.corrected {
            assert_eq!(anyone.error, Some("EINVAL"));
            let corrected = told(&root.bench.lab, F::from_bits_retain(corrected), None);
            assert_eq!(corrected.error, None, "{flags:?}");
        }
        if flags.contains(F::CLONE_NEWNS) {
            user.try_flags(flags);
        }
        if combination % 256 == 0 {
            assert_eq!(root.bench.lab.footprint(), before, "{flags:?}");
        }
    }
}

/// The flags that decide about the end, the place and the tracer, with exit signals of every kind,
/// by a caller that is traced in each way.
#[test]
fn the_oracle_of_flags_predicts_signals_and_events() {
    let flags = [
        F::CLONE_VM,
        F::CLONE_SIGHAND,
        F::CLONE_THREAD,
        F::CLONE_PARENT,
        F::CLONE_VFORK,
        F::CLONE_PTRACE,
        F::CLONE_UNTRACED,
        F::CLONE_STOPPED,
    ];
    let options = [
        PtFlags::TRACE_FORK,
        PtFlags::TRACE_VFORK,
        PtFlags::TRACE_CLONE,
    ];
    let all = options.into_iter().fold(PtFlags::PTRACED, PtFlags::union);
    let names = [
        "PTRACE_EVENT_FORK",
        "PTRACE_EVENT_VFORK",
        "PTRACE_EVENT_CLONE",
    ];
    let mut oracle = Oracle::of_user(USER);
    let caller = oracle.bench.caller;
    for combination in 0..1 << flags.len() {
        for signal in [0, 1, 10, 17, 18, 32, 64, 65, 255] {
            let flags = combined(&flags, combination, signal);
            oracle.try_flags(flags);
            let event = told(&oracle.bench.lab, flags, None).child;
            let event = event.and_then(|child| child.tracer.event);
            // With all options the event comes that is named, with one alone only that one.
            for (ptrace, heard) in options
                .iter()
                .zip(names)
                .map(|(option, name)| (PtFlags::PTRACED | *option, event == Some(name)))
                .chain([(all, event.is_some()), (PtFlags::PTRACED, false)])
            {
                oracle
                    .bench
                    .lab
                    .machine
                    .kernel
                    .task_mut(caller)
                    .set_ptrace(ptrace);
                let now = told(&oracle.bench.lab, flags, Some(caller)).child;
                let now = now.and_then(|child| child.traced_now);
                assert_eq!(now.is_some_and(|now| now.event.is_some()), heard);
                oracle.try_flags(flags);
            }
            oracle
                .bench
                .lab
                .machine
                .kernel
                .task_mut(caller)
                .set_ptrace(PtFlags::empty());
        }
    }
}
