//! The outline of a fork says what happened: every ticked box is checked against the machine.

use super::flags::Bench;
use crate::lab::Lab;
use forklab::abi::{CloneFlags as F, Errno, Resource, TaskId, TaskState};
use forklab::kernel::fail::FailPoint;
use forklab::kernel::syscall::ForkArgs;
use forklab::trace::{CopyStage, TraceFilter};
use forklab::view::{Mark, Path, path};

/// The flags that decide about branches, or about one another.
const COMBINED: [F; 12] = [
    F::CLONE_VM,
    F::CLONE_FS,
    F::CLONE_FILES,
    F::CLONE_SIGHAND,
    F::CLONE_THREAD,
    F::CLONE_PARENT,
    F::CLONE_NEWNS,
    F::CLONE_SYSVSEM,
    F::CLONE_VFORK,
    F::CLONE_PARENT_SETTID,
    F::CLONE_CHILD_SETTID,
    F::CLONE_STOPPED,
];

/// A step that says what is shared, and the count of a task's object that sharing raises.
type Counted = (&'static str, fn(&Lab, TaskId) -> u32);

const COUNTED: [Counted; 7] = [
    ("copy_semundo", |lab, task| {
        let undo = lab.task(task).sem_undo();
        undo.map_or(0, |undo| lab.kernel().sem_undos()[undo].refcnt())
    }),
    ("copy_files", |lab, task| lab.files(task).count()),
    ("copy_fs", |lab, task| lab.fs(task).count()),
    ("copy_sighand", |lab, task| lab.sighand(task).count()),
    ("copy_signal", |lab, task| lab.signal(task).count()),
    ("copy_mm", |lab, task| lab.mm(task).mm_users()),
    ("copy_namespace", |lab, task| {
        let namespace = lab.task(task).namespace().unwrap();
        lab.kernel().namespaces()[namespace].count()
    }),
];

impl Bench {
    fn counts(&self) -> [u32; 7] {
        COUNTED.map(|(_, count)| count(&self.lab, self.caller))
    }

    fn try_outline(&mut self, flags: F) {
        self.lab.machine.kernel.log.clear();
        self.lab.write(self.caller, self.words, 0);
        let before = self.counts();
        let mark = self.lab.mark();
        let args = ForkArgs {
            parent_tid: self.words,
            child_tid: self.words,
            ..ForkArgs::default()
        };
        let result = self.lab.clone_with(self.caller, flags | F::FORK, args);
        let path = path(&self.lab.machine, mark).unwrap();
        match result {
            Ok(child) => {
                self.check_sharing(&path, before, flags);
                self.check_branches(&path, child, flags);
                self.end(child, flags);
            }
            Err(errno) => self.check_refusal(&path, errno, flags),
        }
        assert_eq!(self.counts(), before, "{flags:?}");
    }

    fn check_sharing(&self, path: &Path, before: [u32; 7], flags: F) {
        let after = self.counts();
        for (nr, (step, _)) in COUNTED.iter().enumerate() {
            let shared = path.mark(step) == Some(Mark::Shared);
            assert_eq!(after[nr] > before[nr], shared, "{step} {flags:?}");
            assert!(path.mark(step).unwrap().is_taken(), "{step} {flags:?}");
        }
    }

    fn check_branches(&mut self, path: &Path, child: TaskId, flags: F) {
        let is_stopped = self.lab.sched(child).state == TaskState::STOPPED;
        let waits = self.lab.sched(self.caller).state == TaskState::UNINTERRUPTIBLE;
        let joined = self.lab.task(child).tgid() == self.lab.task(self.caller).tgid();
        for (step, happened) in [
            ("pid = alloc_pidmap()", true),
            ("p = copy_process()", true),
            ("CLONE_THREAD: join the thread group", joined),
            ("CLONE_STOPPED: p->state = TASK_STOPPED", is_stopped),
            ("traced or CLONE_STOPPED: SIGSTOP pending", is_stopped),
            ("not CLONE_STOPPED: wake_up_new_task()", !is_stopped),
            ("CLONE_VFORK: p->vfork_done = &vfork", waits),
            ("CLONE_VFORK: wait_for_completion(&vfork)", waits),
            ("current->ptrace: fork_traceflag()", false),
            ("trace: ptrace_notify()", false),
            ("error: free_pidmap(pid)", false),
        ] {
            let ticked = path.mark(step).unwrap().is_taken();
            assert_eq!(ticked, happened, "{step} {flags:?}");
        }
        let put = [
            "same CPU, no CLONE_VM: right before the parent",
            "the parent is on no array: __activate_task()",
            "run child last: __activate_task()",
            "other CPU: __activate_task() there",
        ];
        let put = put.map(|step| path.mark(step) == Some(Mark::Taken));
        let vm = flags.contains(F::CLONE_VM);
        assert_eq!(put, [!vm && !is_stopped, false, vm && !is_stopped, false]);
        let pid = self.lab.pid(child);
        assert_eq!(path.child.map(|pid| pid.0), Some(pid));
        assert_eq!(path.value, (!waits).then_some(pid), "{flags:?}");
    }

    /// One step failed, nothing behind it was done but to give the pid back.
    fn check_refusal(&self, path: &Path, errno: Errno, flags: F) {
        assert_eq!(path.error, Some(errno.name()), "{flags:?}");
        assert_eq!((path.value, path.child), (Some(-errno.code()), None));
        let marks: Vec<Mark> = path.steps.iter().map(|step| step.mark).collect();
        let failed: Vec<usize> = (0..marks.len())
            .filter(|nr| marks[*nr] == Mark::Failed)
            .collect();
        let [call, inner] = failed[..] else {
            panic!("{path:?}");
        };
        assert_eq!(path.steps[call].step, "p = copy_process()");
        assert_eq!(path.steps[inner].depth, 1);
        let (last, between) = marks[inner + 1..].split_last().unwrap();
        assert_eq!(*last, Mark::Taken, "{flags:?}");
        assert!(between.iter().all(|mark| *mark == Mark::NotReached));
        let stored = path.mark("CLONE_PARENT_SETTID: tid to the parent") == Some(Mark::Taken);
        assert!(!stored, "illegal flags are refused first: {flags:?}");
    }
}

/// All 4,096 of them, by root.
#[test]
fn the_outline_of_every_combination_of_flags_agrees_with_what_happened() {
    let mut bench = Bench::of_user(0);
    bench.lab.machine.kernel.log.filter = TraceFilter::ALL;
    for combination in 0..1 << COMBINED.len() {
        let chosen = COMBINED.iter().enumerate();
        let chosen = chosen.filter(|(bit, _)| combination >> bit & 1 != 0);
        bench.try_outline(chosen.map(|(_, flag)| *flag).collect());
    }
}

/// Failures behind the checks of flags: the step that failed, and the reason.
#[test]
fn a_late_failure_is_shown_at_its_step() {
    type Prepare = fn(&mut Lab, TaskId);
    let cases: [(F, Prepare, &str, &str); 7] = [
        (
            F::FORK,
            |lab, sh| *lab.rlimit_mut(sh, Resource::Nproc) = 1,
            "RLIMIT_NPROC allows it",
            "EAGAIN: the user has 1 task and RLIMIT_NPROC is 1",
        ),
        (
            F::FORK,
            |lab, _| lab.machine.kernel.max_threads = 2,
            "max_threads allows it",
            "EAGAIN: max_threads (2) is reached",
        ),
        (
            F::CLONE_PARENT_SETTID | F::FORK,
            |_, _| (),
            "CLONE_PARENT_SETTID: tid to the parent",
            "EFAULT: the tid cannot be stored at that address",
        ),
        (
            F::CLONE_NEWNS | F::FORK,
            |_, _| (),
            "copy_namespace",
            "EPERM: CLONE_NEWNS needs CAP_SYS_ADMIN",
        ),
        (
            F::CLONE_SETTLS | F::FORK,
            |_, _| (),
            "copy_thread",
            "EFAULT: the user_desc cannot be read",
        ),
        (
            F::FORK,
            |lab, _| lab.fail(FailPoint::Copy(Some(CopyStage::Files))),
            "copy_files",
            "ENOMEM: out of memory (forced: no files_cache object)",
        ),
        (
            F::FORK,
            |lab, _| lab.fail(FailPoint::Frame(Some(2))),
            "copy_mm",
            "ENOMEM: out of memory (forced: no page_table frame)",
        ),
    ];
    for (flags, prepare, step, why) in cases {
        let (mut lab, sh) = Lab::with_shell();
        prepare(&mut lab, sh);
        let mark = lab.mark();
        lab.clone(sh, flags).unwrap_err();
        let path = path(&lab.machine, mark).unwrap();
        let failed = path.steps.iter().rfind(|step| step.mark == Mark::Failed);
        let failed = failed.unwrap();
        assert_eq!((failed.step, failed.why.as_str()), (step, why));
    }
}
