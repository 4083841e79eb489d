//! The emulated kernel: tasks and everything that they hold, in arenas, changed by functions with
//! the names of their Linux 2.6.12 counterparts. It knows nothing of user mode but `pt_regs`, and
//! nothing of scripts; it never blocks the host.
//!
//! The rooms stand in an order (see `docs/architecture.md`) in which they may name each other's
//! types. This file and `boot.rs` tie them together. Fields of [`Kernel`] without `pub` are private
//! to the kernel: machine and views read them with a method of the same name, and change nothing in
//! them. Which room may change what is in them stands in the `mod.rs` of the room.

pub mod arena;
pub mod boot;
mod check;
mod chunks;
pub mod exec;
pub mod exit;
pub mod fail;
pub mod fork;
pub mod fs;
pub mod ipc;
pub mod mm;
mod observe;
pub mod proc;
pub mod ptrace;
pub mod rules;
pub mod sched;
pub mod signal;
pub mod stat;
pub mod syscall;
pub mod sysctl;
pub mod task;
pub mod time;
pub mod traps;
pub mod tty;

#[cfg(test)]
mod tests;

use crate::abi::{
    AnonLinkId, AnonVmaId, FileId, FilesId, FsId, InodeId, MmId, Name, NamespaceId, Pid, SemUndoId,
    SighandId, SignalId, TaskId,
};
use crate::hw::{Cpu, Ram};
use crate::trace::{CallLog, Cause, Stamp, TraceEvent, TraceLog};
use arena::Arena;
use boot::Config;
use chunks::Chunks;
use exit::{Account, LastEnded};
use fail::FailPoints;
use fork::Forked;
use fs::{File, FileSystem, FilesStruct, FsStruct, Inode, Namespace, Pipe};
use ipc::{SemSets, SemUndoList, ShmSegments};
use mm::{
    AnonLink, AnonVma, DirectIos, Kswapd, Mm, PageAllocator, PageWriteback, SwapInfo, VmStat,
    Writes,
};
use sched::{Ctx, Scheduler};
use slotmap::SecondaryMap;
use stat::Stat;
use task::{PidHash, Pidmap, Sighand, SignalStruct, Task, Totals, UserTable};
use time::{RealTimers, Timers};

/// About how many bytes a task takes in all tables.
const BYTES_OF_TASK: usize = 4 << 10;

/// The kernel and the hardware that it runs on.
///
/// A clone copies the RAM too; a checkpoint takes the RAM out first and saves it as an image.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The options that the machine was booted with.
    pub config: Config,
    /// The physical memory of the machine.
    pub ram: Ram,
    /// The CPUs: the relevant registers, MMU and TLB.
    pub cpus: Vec<Cpu>,
    /// The CPU whose kernel code is running.
    this_cpu: usize,
    /// Ticks since boot.
    tick: u64,
    /// Time since that tick, ns; only program instructions take time.
    since_tick: u32,
    /// The time of day.
    wall: time::WallClock,
    /// The load averages.
    load: time::LoadAverage,
    /// How each CPU has spent its ticks.
    kstat: Vec<time::CpuStat>,
    /// `totalram_pages`: the frames that the boot has left to the page allocator.
    totalram_pages: u32,
    /// Whether interrupt code is running.
    in_interrupt: bool,
    /// Interned task names.
    pub names: crate::abi::Names,
    /// The trace, to which every decision is written.
    pub log: TraceLog,
    /// What a tracer such as `strace` would see, if it is recorded.
    pub calls: CallLog,
    /// Counters since boot.
    pub stat: Stat,
    /// Accounting records of tasks that have exited, if they are kept.
    acct: Option<Vec<Account>>,
    /// How the tasks ended that were reaped last.
    last_ended: LastEnded,
    /// Allocations that are to fail.
    pub fail: FailPoints,
    /// The page frame allocator.
    mem: PageAllocator,
    /// Committed memory, and memory used as page cache.
    vm: VmStat,
    /// Direct I/O in progress.
    direct_io: DirectIos,
    /// The swap areas.
    swap: SwapInfo,
    /// The kernel thread that frees pages.
    kswapd: Kswapd,
    /// The writes to devices that have not yet ended.
    writes: Writes,
    /// Dirty pages of files, and who writes them.
    page_writeback: PageWriteback,
    /// Runqueues and the scheduling fields of every task.
    pub sched: Scheduler,
    /// Every `task_struct`.
    tasks: Arena<TaskId, Task>,
    /// Every `mm_struct`.
    mms: Arena<MmId, Mm>,
    /// Every `anon_vma`.
    anon_vmas: Arena<AnonVmaId, AnonVma>,
    /// The place of every area in the list of its `anon_vma`.
    anon_links: Arena<AnonLinkId, AnonLink>,
    /// Every `files_struct`.
    files: Arena<FilesId, FilesStruct>,
    /// Every open file description.
    open_files: Arena<FileId, File>,
    /// Every inode in memory.
    inodes: Arena<InodeId, Inode>,
    /// The state of each pipe, by inode.
    pipes: SecondaryMap<InodeId, Pipe>,
    /// Every `fs_struct`.
    fs: Arena<FsId, FsStruct>,
    /// Every `sighand_struct`.
    sighands: Arena<SighandId, Sighand>,
    /// Every `signal_struct`.
    signals: Arena<SignalId, SignalStruct>,
    /// Every mount namespace.
    namespaces: Arena<NamespaceId, Namespace>,
    /// Every list of semaphore undo values.
    sem_undos: Arena<SemUndoId, SemUndoList>,
    /// System V semaphores.
    sem_sets: SemSets,
    /// System V shared memory.
    shm: ShmSegments,
    /// System V messages.
    msg_queues: ipc::MsgQueues,
    /// The directory of files and programs.
    root: FileSystem,
    /// Pids in use.
    pidmap: Pidmap,
    /// Tasks by pid, thread group, process group and session.
    pid_hash: PidHash,
    /// `user_struct`s by uid.
    users: UserTable,
    /// Sleeps with a timeout.
    timers: Timers,
    /// `alarm` and the other real-time timers.
    real_timers: RealTimers,
    /// POSIX timers.
    posix_timers: time::PosixTimers,
    /// Tasks that wait for futexes.
    futexes: ipc::Futexes,
    /// The terminal.
    tty: tty::Tty,
    /// Who waits for locks on files.
    locks: fs::FileLocks,
    /// What the printers have printed.
    printers: fs::Printers,
    /// Tasks, processes and forks.
    totals: Totals,
    /// `max_threads`: the limit on the number of tasks.
    pub max_threads: u32,
    /// Tasks that `do_fork` has made and that have no user mode yet: whoever plays user mode takes
    /// them out and gives them one.
    forked: Vec<Forked>,
    /// The mm of the kernel itself, with only the kernel half of the address space.
    init_mm: MmId,
    /// Task 1, the `child_reaper`.
    init: TaskId,
    /// Why the emulated kernel panicked, if it did.
    panic: Option<String>,
}

impl Kernel {
    /// The task on the CPU whose kernel code is running.
    pub fn current(&self) -> TaskId {
        self.sched.current(self.this_cpu)
    }

    /// The CPU whose kernel code is running.
    pub const fn this_cpu(&self) -> usize {
        self.this_cpu
    }

    /// Goes on with the kernel code of a CPU.
    pub const fn set_this_cpu(&mut self, cpu: usize) {
        self.this_cpu = cpu;
    }

    /// Task 1, the `child_reaper`.
    pub const fn init(&self) -> TaskId {
        self.init
    }

    /// Why the emulated kernel panicked, if it did.
    pub fn panicked(&self) -> Option<&str> {
        self.panic.as_deref()
    }

    /// Ticks since boot.
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// `jiffies`: a 32-bit tick counter that started at the value of the boot option.
    pub fn jiffies(&self) -> u32 {
        self.config.initial_jiffies.wrapping_add(self.tick as u32)
    }

    /// `sched_clock()`: ns since boot.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/timers/timer_tsc.c`, `sched_clock()`.
    pub fn sched_clock(&self) -> u64 {
        self.tick * 1_000_000 + u64::from(self.since_tick)
    }

    /// Every `task_struct`.
    pub const fn tasks(&self) -> &Arena<TaskId, Task> {
        &self.tasks
    }

    /// The page frame allocator.
    pub const fn mem(&self) -> &PageAllocator {
        &self.mem
    }

    /// The frames that the boot has left to the page allocator, `totalram_pages`.
    pub const fn totalram_pages(&self) -> u32 {
        self.totalram_pages
    }

    /// Committed memory, and memory used as page cache.
    pub const fn vm(&self) -> &VmStat {
        &self.vm
    }

    /// Every `mm_struct`.
    pub const fn mms(&self) -> &Arena<MmId, Mm> {
        &self.mms
    }

    /// Every `anon_vma`.
    pub const fn anon_vmas(&self) -> &Arena<AnonVmaId, AnonVma> {
        &self.anon_vmas
    }

    /// Every `files_struct`.
    pub const fn files(&self) -> &Arena<FilesId, FilesStruct> {
        &self.files
    }

    /// Every open file description.
    pub const fn open_files(&self) -> &Arena<FileId, File> {
        &self.open_files
    }

    /// Every inode in memory.
    pub const fn inodes(&self) -> &Arena<InodeId, Inode> {
        &self.inodes
    }

    /// How each CPU has spent its ticks.
    pub fn kstat(&self) -> &[time::CpuStat] {
        &self.kstat
    }

    /// The state of each pipe, by inode.
    pub const fn pipes(&self) -> &SecondaryMap<InodeId, Pipe> {
        &self.pipes
    }

    /// Every `fs_struct`.
    pub const fn fs(&self) -> &Arena<FsId, FsStruct> {
        &self.fs
    }

    /// Every mount namespace.
    pub const fn namespaces(&self) -> &Arena<NamespaceId, Namespace> {
        &self.namespaces
    }

    /// Every list of semaphore undo values.
    pub const fn sem_undos(&self) -> &Arena<SemUndoId, SemUndoList> {
        &self.sem_undos
    }

    /// System V semaphores.
    pub const fn sem_sets(&self) -> &SemSets {
        &self.sem_sets
    }

    /// Direct I/O in progress.
    pub const fn direct_io(&self) -> &DirectIos {
        &self.direct_io
    }

    /// System V shared memory.
    pub const fn shm(&self) -> &ShmSegments {
        &self.shm
    }

    /// System V messages.
    pub const fn msg_queues(&self) -> &ipc::MsgQueues {
        &self.msg_queues
    }

    /// The directory of files and programs.
    pub const fn root(&self) -> &FileSystem {
        &self.root
    }

    /// Sleeps with a timeout.
    pub const fn timers(&self) -> &Timers {
        &self.timers
    }

    /// `alarm` and the other real-time timers.
    pub const fn real_timers(&self) -> &RealTimers {
        &self.real_timers
    }

    /// POSIX timers.
    pub const fn posix_timers(&self) -> &time::PosixTimers {
        &self.posix_timers
    }

    /// Tasks that wait for futexes.
    pub const fn futexes(&self) -> &ipc::Futexes {
        &self.futexes
    }

    /// The terminal.
    pub const fn tty(&self) -> &tty::Tty {
        &self.tty
    }

    /// The output of programs on the terminal.
    pub const fn console(&self) -> &tty::Output {
        self.tty.output()
    }

    /// Every `sighand_struct`.
    pub const fn sighands(&self) -> &Arena<SighandId, Sighand> {
        &self.sighands
    }

    /// Every `signal_struct`.
    pub const fn signals(&self) -> &Arena<SignalId, SignalStruct> {
        &self.signals
    }

    /// The `task_struct` with a live id.
    ///
    /// # Panics
    /// If the task is gone: the kernel keeps no dangling ids, so this would be a bug of ours.
    #[track_caller]
    pub fn task(&self, id: TaskId) -> &Task {
        &self.tasks[id]
    }

    /// The `task_struct` with a live id, for modification.
    ///
    /// # Panics
    /// As for [`Kernel::task`].
    #[track_caller]
    pub fn task_mut(&mut self, id: TaskId) -> &mut Task {
        &mut self.tasks[id]
    }

    /// The address space of a task.
    ///
    /// # Panics
    /// If it has none, which is a bug of ours where this is asked: whoever runs in user mode has
    /// one, from its exec to `exit_mm()`.
    #[track_caller]
    pub(in crate::kernel) fn mm_id(&self, id: TaskId) -> MmId {
        let mm = self.task(id).mm();
        mm.expect("a task in user mode has an address space")
    }

    /// The directory context of a task.
    ///
    /// # Panics
    /// If it has none, which is a bug of ours where this is asked: every process has one until it
    /// ends.
    #[track_caller]
    pub(in crate::kernel) fn fs_id(&self, id: TaskId) -> FsId {
        let fs = self.task(id).fs;
        fs.expect("a task has a directory context until it ends")
    }

    /// The tid of a task (`task->pid`).
    pub fn pid(&self, id: TaskId) -> Pid {
        self.sched.get(id).pid
    }

    /// The name of a task (`task->comm`).
    pub fn comm(&self, id: TaskId) -> Name {
        self.sched.get(id).name
    }

    /// Traces an event about the task `about`.
    // Always inlined: where the kind of the event is a constant, the filter costs one test of a bit,
    // and an event that is not recorded is not even built.
    #[inline(always)]
    pub fn trace(&mut self, about: TaskId, event: TraceEvent) {
        if let Some(seq) = self.log.count(event.kind()) {
            let stamp = self.stamp(about);
            self.log.record_as(seq, stamp, event);
        }
    }

    /// Traces an event by which a task comes from user mode into the kernel. What the CPU does from
    /// then on comes of it.
    #[inline(always)]
    pub(in crate::kernel) fn trace_entry(&mut self, current: TaskId, event: TraceEvent) {
        self.log.set_context(self.this_cpu, Cause::Outside);
        self.trace(current, event);
        self.log.set_context(self.this_cpu, self.log.last_event());
    }

    /// Traces an event that others come of: the context of the CPU is that event until the caller
    /// puts back the one that is returned.
    #[inline(always)]
    pub(in crate::kernel) fn trace_cause(&mut self, about: TaskId, event: TraceEvent) -> Cause {
        self.trace(about, event);
        let cause = self.log.last_event();
        self.log.set_context(self.this_cpu, cause)
    }

    /// Puts a context back.
    #[inline(always)]
    pub(in crate::kernel) fn end_cause(&mut self, context: Cause) {
        self.log.set_context(self.this_cpu, context);
    }

    /// Prepares a copy: whatever has been written since the last one is shared with it.
    pub fn share_tables(&mut self) {
        self.tasks.share();
        self.mms.share();
        self.anon_vmas.share();
        self.anon_links.share();
        self.files.share();
        self.open_files.share();
        self.inodes.share();
        self.fs.share();
        self.sighands.share();
        self.signals.share();
        self.namespaces.share();
        self.sem_undos.share();
        self.pid_hash.share();
        self.mem.share();
    }

    /// Where the chunks of the largest tables lie that copies of the kernel may have, too, and about
    /// how many bytes each of them stands for.
    pub fn shared_tables(&self) -> impl Iterator<Item = (usize, usize)> {
        let tasks = self.tasks.shared();
        let tasks = tasks.map(|place| (place, Chunks::<Task>::CHUNK * BYTES_OF_TASK));
        self.mem.shared().chain(tasks)
    }

    /// The task of this CPU is back in user mode: what happens next comes of nothing that the trace
    /// has.
    pub fn end_context(&mut self) {
        self.log.set_context(self.this_cpu, Cause::Outside);
    }

    fn stamp(&self, about: TaskId) -> Stamp {
        let task = self.sched.get(about);
        Stamp {
            tick: self.tick,
            cpu: self.this_cpu as u8,
            pid: task.pid,
            name: task.name,
        }
    }

    /// The scheduler, with the context that its functions need.
    pub fn sched_ctx(&mut self) -> (&mut Scheduler, Ctx<'_>) {
        let now = self.sched_clock();
        let jiffies = self.jiffies();
        self.sched.rules.learn(&self.names);
        let ctx = Ctx {
            cpu: self.this_cpu,
            now,
            tick: self.tick,
            jiffies,
            in_interrupt: self.in_interrupt,
            log: &mut self.log,
        };
        (&mut self.sched, ctx)
    }

    /// `panic()`: the emulated kernel stops; only the first reason is kept.
    ///
    /// Linux 2.6.12: `kernel/panic.c`, `panic()`.
    pub fn panic(&mut self, reason: &str) {
        if self.panic.is_none() {
            self.panic = Some(reason.to_owned());
            let current = self.current();
            self.trace(current, TraceEvent::KernelPanic {});
        }
    }
}
