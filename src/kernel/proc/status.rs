//! `/proc/PID/status`: what a task is and has, a line each.

use crate::abi::{
    ExitState, NSIG, PAGE_SIZE, Resource, SigAction, SigSet, Signal, TaskId, TaskState,
};
use crate::kernel::Kernel;
use crate::kernel::mm::Mm;
use crate::kernel::task::{SignalStruct, Task};

/// How many groups are shown.
const NGROUPS_SMALL: usize = 32;
/// The longest sleep average, in units of 1024 ns.
const MAX_SLEEP_AVG: u64 = 1_020_000_000 / 1024;

/// A name and a value.
type Field = (&'static str, String);

/// The pages between start and end of the program text.
pub(super) const fn text_pages(mm: &Mm) -> u32 {
    let end = mm.end_code.next_multiple_of(PAGE_SIZE);
    let start = mm.start_code & !(PAGE_SIZE - 1);
    end.wrapping_sub(start) / PAGE_SIZE
}

/// The eight sizes.
///
/// Linux 2.6.12: `fs/proc/task_mmu.c`, `task_mem()`.
fn memory(mm: &Mm) -> [Field; 8] {
    let kib = |pages: u32| format!("{:8} kB", pages.wrapping_mul(PAGE_SIZE / 1024));
    let text = text_pages(mm);
    let data = mm.total_vm() - mm.shared_vm() - mm.stack_vm();
    [
        ("VmSize", kib(mm.total_vm() - mm.reserved_vm())),
        ("VmLck", kib(mm.locked_vm())),
        ("VmRSS", kib(mm.rss())),
        ("VmData", kib(data)),
        ("VmStk", kib(mm.stack_vm())),
        ("VmExe", kib(text)),
        // Text that no executable area counts makes it less than nothing.
        ("VmLib", kib(mm.exec_vm().wrapping_sub(text))),
        ("VmPTE", kib(mm.nr_ptes())),
    ]
}

impl Kernel {
    /// The state of a task in words; the first letter stands for it.
    ///
    /// Linux 2.6.12: `fs/proc/array.c`, `get_task_state()`.
    pub(super) fn proc_state(&self, task: TaskId) -> &'static str {
        let state = self.sched.get(task).state;
        match self.task(task).exit_state() {
            ExitState::Zombie => "Z (zombie)",
            ExitState::Dead => "X (dead)",
            ExitState::Alive if state.contains(TaskState::TRACED) => "T (tracing stop)",
            ExitState::Alive if state.contains(TaskState::STOPPED) => "T (stopped)",
            ExitState::Alive if state.contains(TaskState::UNINTERRUPTIBLE) => "D (disk sleep)",
            ExitState::Alive if state.contains(TaskState::INTERRUPTIBLE) => "S (sleeping)",
            ExitState::Alive => "R (running)",
        }
    }

    /// The process that a task's process is a child of.
    pub(super) fn proc_ppid(&self, task: TaskId) -> i32 {
        let leader = self.task(self.task(task).group_leader());
        self.task(leader.real_parent()).tgid().0
    }

    /// The signals that a task's process ignores or handles.
    ///
    /// Linux 2.6.12: `fs/proc/array.c`, `collect_sigign_sigcatch()`.
    pub(super) fn proc_sigset(&self, task: TaskId, wanted: fn(SigAction) -> bool) -> SigSet {
        if self.task(task).sighand().is_none() {
            return SigSet::EMPTY;
        }
        let all = (1..=NSIG).filter_map(Signal::new);
        all.filter(|signal| wanted(self.sigaction_of(task, *signal)))
            .fold(SigSet::EMPTY, SigSet::with)
    }

    /// The lines of a task, each with its name and value.
    ///
    /// Linux 2.6.12: `fs/proc/array.c`, `proc_pid_status()`.
    pub fn proc_status(&self, id: TaskId) -> Vec<Field> {
        let task = self.task(id);
        let mut fields = self.identity(id, task);
        if let Some(mm) = task.mm() {
            fields.extend(memory(&self.mms[mm]));
        }
        fields.extend(self.signal_fields(id, task));
        let cred = task.cred();
        let caps = |caps: u32| format!("{caps:016x}");
        fields.push(("CapInh", caps(cred.inheritable.bits())));
        fields.push(("CapPrm", caps(cred.permitted.bits())));
        fields.push(("CapEff", caps(cred.caps.bits())));
        fields
    }

    /// Linux 2.6.12: `fs/proc/array.c`, `task_name()` and `task_state()`.
    fn identity(&self, id: TaskId, task: &Task) -> Vec<Field> {
        let sched = self.sched.get(id);
        let tracer = if task.ptrace().is_empty() {
            0
        } else {
            self.pid(task.parent()).0
        };
        let ids = |ids: [u32; 4]| ids.map(|id| id.to_string()).join("\t");
        let cred = task.cred();
        let files = task.files();
        let max_fds = files.map_or(0, |files| self.files[files].max_fds());
        let sleep = u64::from(sched.sleep_avg) / 1024 * 100 / MAX_SLEEP_AVG;
        let groups = task.supplementary_groups().iter().take(NGROUPS_SMALL);
        let name = self.names.get(sched.name);
        vec![
            ("Name", name.replace('\\', "\\\\").replace('\n', "\\n")),
            ("State", self.proc_state(id).to_owned()),
            ("SleepAVG", format!("{sleep}%")),
            ("Tgid", task.tgid().to_string()),
            ("Pid", sched.pid.to_string()),
            ("PPid", self.proc_ppid(id).to_string()),
            ("TracerPid", tracer.to_string()),
            ("Uid", ids([cred.uid, cred.euid, cred.suid, cred.fsuid])),
            ("Gid", ids([cred.gid, cred.egid, cred.sgid, cred.fsgid])),
            ("FDSize", max_fds.to_string()),
            ("Groups", groups.map(|group| format!("{group} ")).collect()),
        ]
    }

    /// Linux 2.6.12: `fs/proc/array.c`, `task_sig()`.
    fn signal_fields(&self, id: TaskId, task: &Task) -> Vec<Field> {
        let group = task.signal().map(|signal| &self.signals[signal]);
        let shared = group.map_or(SigSet::EMPTY, |group| group.shared_pending.set());
        let queued = self.users.sigpending(task.cred().uid);
        let limit = group.map_or(0, |group| group.rlimits[Resource::Sigpending].cur);
        let ignored = self.proc_sigset(id, |action| action == SigAction::Ignore);
        let caught = self.proc_sigset(id, |action| matches!(action, SigAction::Handler(_)));
        let set = |set: SigSet| format!("{:016x}", set.0);
        vec![
            ("Threads", group.map_or(0, SignalStruct::count).to_string()),
            ("SigQ", format!("{queued}/{limit}")),
            ("SigPnd", set(task.pending.set())),
            ("ShdPnd", set(shared)),
            ("SigBlk", set(task.blocked())),
            ("SigIgn", set(ignored)),
            ("SigCgt", set(caught)),
        ]
    }
}
