//! A machine with short names for what the tests do to it. When a lab is dropped, the kernel's
//! invariants are checked.

use crate::drive;
use forklab::abi::{
    CSIGNAL, CloneFlags, Errno, MapFlags, Resource, Rlimit, SIG_BLOCK, SIG_UNBLOCK, SigSet, TaskId,
    VirtAddr,
};
use forklab::hw::UserDesc;
use forklab::kernel::Kernel;
use forklab::kernel::boot::Config;
use forklab::kernel::fail::FailPoint;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::fs::{FilesStruct, FsStruct, Inode};
use forklab::kernel::mm::Mm;
use forklab::kernel::sched::SchedTask;
use forklab::kernel::syscall::{ForkArgs, SigprocmaskArgs, Syscall, WaitArgs, eax_of};
use forklab::kernel::task::{Pending, Sighand, SignalStruct, Task};
use forklab::machine::{Acted, Action, BufferCall, Command, Machine, Refusal, StackCall};
use forklab::trace::{Record, TraceEvent};

/// The user that tests run as, unless they say otherwise.
pub const USER: u32 = 500;

/// What is a thread at least.
pub const THREAD: CloneFlags = CloneFlags::CLONE_VM
    .union(CloneFlags::CLONE_SIGHAND)
    .union(CloneFlags::CLONE_THREAD);
/// Memory, directories, files and signal actions.
pub const ALL_SHARED: CloneFlags = CloneFlags::CLONE_VM
    .union(CloneFlags::CLONE_FS)
    .union(CloneFlags::CLONE_FILES)
    .union(CloneFlags::CLONE_SIGHAND);
/// What `pthread_create` of NPTL passes.
pub const PTHREAD: CloneFlags = ALL_SHARED
    .union(CloneFlags::CLONE_THREAD)
    .union(CloneFlags::CLONE_SYSVSEM)
    .union(CloneFlags::CLONE_SETTLS)
    .union(CloneFlags::CLONE_PARENT_SETTID)
    .union(CloneFlags::CLONE_CHILD_CLEARTID);

/// The flags of a child that sends this signal at its end, whether there is such a signal or not.
pub const fn exit_signal(number: u32) -> CloneFlags {
    assert!(number <= CSIGNAL);
    CloneFlags::from_bits_retain(number)
}

/// An open call, or what it returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waited {
    /// Pid and wait status.
    Reaped(i32, u32),
    /// 0 for WNOHANG, or an error.
    Nothing(i32),
    /// The caller sleeps in the call of that number.
    Sleeps(u64),
}

/// What must be as before when everything that was made has ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Footprint {
    pub frames: u32,
    pub committed: u32,
    pub arenas: [usize; 11],
    pub inode_refs: u32,
    pub users: Vec<(u32, u32)>,
    pub pids: usize,
    pub nr_threads: u32,
    pub process_counts: u32,
}

pub struct Lab {
    pub machine: Machine,
}

impl Lab {
    pub fn boot() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        let machine = Machine::boot(config).unwrap();
        Self { machine }
    }

    /// A fresh machine and one puppet on it.
    pub fn with_shell() -> (Self, TaskId) {
        let mut lab = Self::boot();
        let sh = lab.spawn("sh");
        (lab, sh)
    }

    pub fn kernel(&self) -> &Kernel {
        &self.machine.kernel
    }

    /// Makes an allocation fail.
    pub fn fail(&mut self, point: FailPoint) {
        self.machine.apply(Command::Fail(point)).unwrap();
    }

    pub fn spawn(&mut self, name: &str) -> TaskId {
        self.spawn_as(name, USER)
    }

    pub fn spawn_as(&mut self, name: &str, uid: u32) -> TaskId {
        self.try_spawn(SpawnArgs::new(name, uid), false).unwrap()
    }

    pub fn spawn_spinning(&mut self, name: &str) -> TaskId {
        self.try_spawn(SpawnArgs::new(name, USER), true).unwrap()
    }

    pub fn try_spawn(&mut self, args: SpawnArgs, spin: bool) -> Result<TaskId, Refusal> {
        let command = Command::Spawn {
            args,
            program: Some("sh".to_owned()),
            spin,
        };
        drive::try_spawn(&mut self.machine, command)
    }

    /// A workload of root with its main script and others by name.
    pub fn workload(&mut self, name: &str, main: &[&str], others: &[(&str, &[&str])]) -> TaskId {
        let scripts: Vec<(&str, &[&str])> = [("main", main)]
            .into_iter()
            .chain(others.iter().copied())
            .collect();
        let args = SpawnArgs::new(name, 0);
        drive::spawn_workload(&mut self.machine, args, drive::workload(&scripts))
    }

    pub fn act(&mut self, task: TaskId, action: Action) -> Result<Acted, Refusal> {
        drive::try_act(&mut self.machine, task, action)
    }

    pub fn outcome(&mut self, task: TaskId, call: Syscall) -> Acted {
        drive::call(&mut self.machine, task, call)
    }

    /// The value of a call that returns at once; of a fork, the child's pid.
    pub fn call(&mut self, task: TaskId, call: Syscall) -> i32 {
        match self.outcome(task, call) {
            Acted::Returned(value) => value as i32,
            Acted::Refused(error) => -error.errno().code(),
            Acted::Forked { child, .. } => self.pid(child),
            other => panic!("{other:?}"),
        }
    }

    pub fn fork(&mut self, task: TaskId) -> TaskId {
        drive::child_of(self.outcome(task, Syscall::Fork))
    }

    pub fn vfork(&mut self, task: TaskId) -> TaskId {
        drive::child_of(self.outcome(task, Syscall::Vfork))
    }

    /// `clone` with flags alone, or the error.
    pub fn clone(&mut self, task: TaskId, flags: CloneFlags) -> Result<TaskId, Errno> {
        self.clone_with(task, flags, ForkArgs::default())
    }

    pub fn clone_with(
        &mut self,
        task: TaskId,
        flags: CloneFlags,
        args: ForkArgs,
    ) -> Result<TaskId, Errno> {
        match self.outcome(task, Syscall::Clone(ForkArgs { flags, ..args })) {
            Acted::Forked { child, .. } => Ok(child),
            Acted::Refused(error) => Err(error.errno()),
            other => panic!("{other:?}"),
        }
    }

    pub fn clone_tls(&mut self, task: TaskId, desc: UserDesc) -> Result<TaskId, Errno> {
        let args = ForkArgs::with_flags(CloneFlags::FORK);
        match self.act(task, Action::CloneTls(args, desc)).unwrap() {
            Acted::Forked { child, .. } => Ok(child),
            Acted::Refused(error) => Err(error.errno()),
            other => panic!("{other:?}"),
        }
    }

    pub fn exit(&mut self, task: TaskId, code: i32) {
        assert_eq!(self.outcome(task, Syscall::Exit(code)), Acted::Ended);
    }

    pub fn exit_group(&mut self, task: TaskId, code: i32) {
        assert_eq!(self.outcome(task, Syscall::ExitGroup(code)), Acted::Ended);
    }

    pub fn wait(&mut self, task: TaskId, pid: i32, options: u32) -> Waited {
        let status = VirtAddr(0);
        let args = WaitArgs {
            pid,
            status,
            options,
            ..WaitArgs::default()
        };
        match self.outcome(task, Syscall::Wait4(args)) {
            Acted::Returned(pid) if pid > 0 => {
                let status = self.task(task).in_call.reaped.unwrap();
                Waited::Reaped(pid as i32, status.0)
            }
            Acted::Returned(value) => Waited::Nothing(value as i32),
            Acted::Refused(error) => Waited::Nothing(-error.errno().code()),
            Acted::Blocks(call) => Waited::Sleeps(call),
            other => panic!("{other:?}"),
        }
    }

    /// What a call that slept has returned, with the status if it was a wait.
    pub fn returned(&self, call: u64) -> Option<(i32, Option<u32>)> {
        let call = self.machine.call(call).unwrap();
        let status = call.status.map(|status| status.0);
        call.result.map(|result| (eax_of(result) as i32, status))
    }

    /// Maps fresh private pages.
    pub fn map(&mut self, task: TaskId, pages: u32) -> VirtAddr {
        drive::mmap(
            &mut self.machine,
            task,
            drive::pages(pages, MapFlags::PRIVATE),
        )
    }

    pub fn write(&mut self, task: TaskId, addr: VirtAddr, word: u32) {
        let bytes = word.to_le_bytes().to_vec();
        drive::write(&mut self.machine, task, addr, bytes);
    }

    pub fn read(&mut self, task: TaskId, addr: VirtAddr) -> u32 {
        match self.act(task, Action::Read { addr, len: 4 }).unwrap() {
            Acted::Bytes(bytes) => u32::from_le_bytes(bytes.try_into().unwrap()),
            other => panic!("{other:?}"),
        }
    }

    pub fn kill(&mut self, task: TaskId, pid: i32, signal: i32) -> i32 {
        self.call(task, Syscall::Kill(pid, signal))
    }

    fn change_mask(&mut self, task: TaskId, how: u32, set: SigSet) {
        let args = SigprocmaskArgs {
            how,
            set: Some(set),
            old: VirtAddr(0),
        };
        assert_eq!(self.call(task, Syscall::RtSigprocmask(args)), 0);
    }

    pub fn block(&mut self, task: TaskId, set: SigSet) {
        self.change_mask(task, SIG_BLOCK, set);
    }

    pub fn unblock(&mut self, task: TaskId, set: SigSet) {
        self.change_mask(task, SIG_UNBLOCK, set);
    }

    /// What SIGCONT does to a new task that was left stopped: there is no `kill` yet.
    pub fn continue_stopped(&mut self, task: TaskId) {
        let kernel = &mut self.machine.kernel;
        kernel.flush_sigqueue(Pending::Private(task));
        assert!(kernel.wake_up_process(task));
        self.tick(0);
    }

    /// A call with a buffer of that length on the stack, and these bytes in it.
    pub fn on_stack(&mut self, task: TaskId, call: BufferCall, len: u32, bytes: &[u8]) -> Acted {
        let bytes = bytes.to_vec();
        let what = StackCall { len, bytes, call };
        self.act(task, Action::OnStack(what)).unwrap()
    }

    /// What `write` returns at once; the number of the call if it blocks.
    pub fn write_fd(&mut self, task: TaskId, fd: u32, bytes: &[u8]) -> Result<i32, u64> {
        match self.on_stack(task, BufferCall::Write(fd), bytes.len() as u32, bytes) {
            Acted::Filled(value, _) => Ok(value as i32),
            Acted::Refused(error) => Ok(-error.errno().code()),
            Acted::Blocks(call) => Err(call),
            other => panic!("{other:?}"),
        }
    }

    /// What `read` reads at once, or its error; the number of the call if it blocks.
    pub fn read_fd(
        &mut self,
        task: TaskId,
        fd: u32,
        len: u32,
    ) -> Result<Result<String, Errno>, u64> {
        match self.on_stack(task, BufferCall::Read(fd), len, &[]) {
            Acted::Filled(read, bytes) => Ok(Ok(String::from_utf8(
                bytes[..read as usize].to_vec(),
            )
            .unwrap())),
            Acted::Refused(error) => Ok(Err(error.errno())),
            Acted::Blocks(call) => Err(call),
            other => panic!("{other:?}"),
        }
    }

    /// What a `read` that slept has read; `None` if it still sleeps.
    pub fn read_late(&self, call: u64) -> Option<String> {
        let call = self.machine.call(call).unwrap();
        let read = call.result?.unwrap() as usize;
        Some(String::from_utf8(call.bytes[..read].to_vec()).unwrap())
    }

    /// A pipe: its descriptors for reading and writing.
    pub fn pipe(&mut self, task: TaskId) -> (u32, u32) {
        match self.on_stack(task, BufferCall::Pipe, 8, &[]) {
            Acted::Filled(0, fds) => (u32::from(fds[0]), u32::from(fds[4])),
            other => panic!("{other:?}"),
        }
    }

    pub fn tick(&mut self, ticks: u64) {
        self.machine.apply(Command::Tick(ticks)).unwrap();
    }

    pub fn exists(&self, task: TaskId) -> bool {
        self.kernel().tasks().contains_key(task)
    }

    pub fn pid(&self, task: TaskId) -> i32 {
        self.kernel().pid(task).0
    }

    pub fn task(&self, task: TaskId) -> &Task {
        self.kernel().task(task)
    }

    pub fn sched(&self, task: TaskId) -> &SchedTask {
        self.kernel().sched.get(task)
    }

    pub fn mm(&self, task: TaskId) -> &Mm {
        &self.kernel().mms()[self.task(task).mm().unwrap()]
    }

    pub fn files(&self, task: TaskId) -> &FilesStruct {
        &self.kernel().files()[self.task(task).files().unwrap()]
    }

    pub fn fs(&self, task: TaskId) -> &FsStruct {
        &self.kernel().fs()[self.task(task).fs().unwrap()]
    }

    pub fn sighand(&self, task: TaskId) -> &Sighand {
        &self.kernel().sighands()[self.task(task).sighand().unwrap()]
    }

    pub fn signal(&self, task: TaskId) -> &SignalStruct {
        &self.kernel().signals()[self.task(task).signal().unwrap()]
    }

    /// The soft limit of a task's process, to be changed at once.
    pub fn rlimit_mut(&mut self, task: TaskId, resource: Resource) -> &mut u32 {
        &mut self.machine.kernel.rlimits_mut(task)[resource].cur
    }

    /// `setrlimit` for both limits alike.
    pub fn setrlimit(&mut self, task: TaskId, resource: Resource, limit: u32) -> i32 {
        let call = Syscall::Setrlimit(resource as u32, Rlimit::both(limit));
        self.call(task, call)
    }

    pub fn last_pid(&self) -> u32 {
        self.kernel().pidmap().last_pid()
    }

    /// The trace's next sequence number, for [`Lab::since`].
    pub fn mark(&self) -> u64 {
        let last = self.kernel().log.records().next_back();
        last.map_or(0, |record| record.seq + 1)
    }

    /// What was traced from a mark on.
    pub fn since(&self, mark: u64) -> Vec<Record> {
        self.kernel().log.records_from(mark).copied().collect()
    }

    /// What was traced from a mark on, as far as `pick` wants it.
    pub fn events<T>(&self, mark: u64, pick: impl Fn(&Record) -> Option<T>) -> Vec<T> {
        self.since(mark).iter().filter_map(pick).collect()
    }

    pub fn footprint(&self) -> Footprint {
        let k = self.kernel();
        let arenas = [
            k.tasks().len(),
            k.mms().len(),
            k.anon_vmas().len(),
            k.files().len(),
            k.open_files().len(),
            k.inodes().len(),
            k.fs().len(),
            k.sighands().len(),
            k.signals().len(),
            k.namespaces().len(),
            k.sem_undos().len(),
        ];
        Footprint {
            frames: k.mem().frames_in_use(),
            committed: k.vm().committed(),
            arenas,
            inode_refs: k.inodes().values().map(Inode::i_count).sum(),
            users: k.users().iter().collect(),
            pids: (0..k.config.pid_max)
                .filter(|pid| k.pidmap().in_use(*pid))
                .count(),
            nr_threads: k.nr_threads(),
            process_counts: k.process_counts(),
        }
    }

    /// The whole state in words, to see whether anything has changed: tasks, what they hold, the
    /// runqueues and the memory.
    pub fn digest(&self) -> String {
        let k = self.kernel();
        let sched: Vec<_> = k.tasks().keys().map(|id| k.sched.get(id)).collect();
        format!(
            "{:?}\n{sched:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
            k.tasks().iter().collect::<Vec<_>>(),
            k.mms().iter().collect::<Vec<_>>(),
            k.files().iter().collect::<Vec<_>>(),
            k.signals().iter().collect::<Vec<_>>(),
            (0..k.sched.cpus())
                .map(|cpu| (k.sched.rq(cpu), k.sched.domains(cpu)))
                .collect::<Vec<_>>(),
            k.pidmap(),
            k.pid_hash(),
            (
                k.tick(),
                k.nr_threads(),
                k.total_forks(),
                k.process_counts()
            ),
            self.footprint(),
            k.stat,
        )
    }

    pub fn check(&self) {
        assert_eq!(self.kernel().check(), Ok(()));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}

/// The error behind a negative return value.
pub fn errno(value: i32) -> Errno {
    Errno::from_code(-value).unwrap_or_else(|| panic!("{value} is no error"))
}

/// The pids that were switched to, for [`Lab::events`].
pub fn switched_to(record: &Record) -> Option<i32> {
    match record.event {
        TraceEvent::SchedSwitch { next, .. } => Some(next.0),
        _ => None,
    }
}
