//! Booting: the options of a machine, and the initial state of a fresh kernel.

use super::Kernel;
use super::arena::Arena;
use super::exit::LastEnded;
use super::fail::FailPoints;
use super::ipc::{SemSets, ShmSegments};
use super::mm::{
    self, DirectIos, Kswapd, MAX_FRAMES, MIN_FRAMES, PageAllocator, PageWriteback, PagevecMode,
    SwapInfo, VmStat, Writes,
};
use super::sched::{Overrides, SchedTask, Scheduler, Tunables, effective_prio};
use super::stat::Stat;
use super::sysctl::Sysctls;
use crate::abi::{
    FilesId, InodeId, Name, Names, PAGE_SIZE, Pid, SigAction, Signal, TaskId, TaskState,
};
use crate::hw::{Cpu, Ram};
use crate::kernel::fs::{FileLocks, FileSystem, InodeKind, Printers};
use crate::kernel::ipc::{Futexes, MsgQueues};
use crate::kernel::task::{
    Cred, PID_MAX_LIMIT, PID_MAX_MIN, PidHash, Pidmap, Rlimits, Sighand, SignalStruct, Task,
    Totals, UserTable,
};
use crate::kernel::time::{CpuStat, LoadAverage, PosixTimers, RealTimers, Timers, WallClock};
use crate::kernel::tty::{Tty, TtyDevice};
use crate::trace::{CallLog, FrameUse, TraceLog};
use slotmap::SecondaryMap;

/// Boot options. Sizes are in bytes, times in ticks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Number of CPUs, 1 to 8.
    pub cpus: u32,
    /// Physical memory, bytes.
    pub mem: u32,
    /// TLB entries per CPU; 0 or a power of two.
    pub tlb: u32,
    /// Size of the swap device that is turned on at boot, bytes; 0 for none.
    pub swap: u32,
    /// How new pages reach the LRU lists.
    pub pagevec: PagevecMode,
    /// Limit of pids: all are below it.
    pub pid_max: u32,
    /// Limit on the number of tasks; `None` means the kernel's default, which depends on the
    /// memory.
    pub threads_max: Option<u32>,
    /// Whether fork copies on write; `false` copies every page, as early Unix systems did.
    pub cow: bool,
    /// Whether a new child runs before its parent (as in 2.6.12); `false` queues it last.
    pub child_runs_first: bool,
    /// Whether fork flushes the parent's translations, which it has made read-only; `false` leaves
    /// them in the TLB, to show what the flush is for.
    pub fork_flushes_tlb: bool,
    /// The constants of the scheduler.
    pub tunables: Tunables,
    /// The tunables of the running kernel.
    pub sysctls: Sysctls,
    /// `jiffies` at boot.
    pub initial_jiffies: u32,
    /// User id of tasks that are spawned without one.
    pub uid: u32,
    /// Whether system calls are recorded as a tracer such as `strace` sees them.
    pub strace: bool,
    /// Number of program instructions per tick.
    pub cycles_per_tick: u32,
    /// With several CPUs: instructions that each CPU executes before the next one's turn.
    pub interleave: u32,
    /// Whether programs of later C libraries find what they cannot do without: another release in
    /// `uname`, `AT_RANDOM`, a few later calls.
    pub compat: bool,
    /// Seed for random variation of the length of ticks.
    pub jitter: Option<u64>,
    /// Forces new children to start on this CPU, as if the parent had been moved meanwhile.
    pub fork_cpu: Option<u32>,
    /// Forces `wake_up_new_task` to find the parent on no priority array.
    pub parent_not_on_array: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cpus: 1,
            mem: 64 << 20,
            tlb: 64,
            swap: 0,
            pagevec: PagevecMode::Drained,
            pid_max: PID_MAX_LIMIT,
            threads_max: None,
            cow: true,
            child_runs_first: true,
            fork_flushes_tlb: true,
            tunables: Tunables::LINUX,
            sysctls: Sysctls::default(),
            initial_jiffies: 0,
            uid: 500,
            strace: false,
            cycles_per_tick: 1000,
            interleave: 100,
            compat: false,
            jitter: None,
            fork_cpu: None,
            parent_not_on_array: false,
        }
    }
}

/// The most instructions that a CPU may execute before the next one's turn. A round of all CPUs
/// cannot be paused, so it must not be long.
pub const MAX_INTERLEAVE: u32 = 100_000;

/// The smallest swap device: `mkswap` requires ten pages.
const MIN_SWAP: u32 = 10 * PAGE_SIZE;
/// The largest swap device. The host has to keep what is written to it.
pub const MAX_SWAP: u32 = 2 << 30;

/// The environment of the first program: `forklab run` gives it to its program, and a script to those
/// that it spawns.
///
/// Linux 2.6.12: `init/main.c`, `envp_init`.
pub const ENVP_INIT: [&str; 2] = ["HOME=/", "TERM=linux"];

/// The files that exist from boot on: two devices and three programs.
pub const BOOT_FILES: [&str; 5] = ["console", "null", "init", "sh", "true"];

/// An ELF magic number and the name, so that the pages of programs differ.
fn program_file(name: &str) -> InodeKind {
    let mut bytes = b"\x7fELF\x01\x01\x01".to_vec();
    bytes.extend_from_slice(name.as_bytes());
    InodeKind::Program(bytes)
}

impl Kernel {
    /// Boots a kernel: memory, idle tasks, init with its own address space, the files `console`,
    /// `null`, `zero`, `tty`, `init`, `sh` and `true`, and the directories `/bin`, `/dev` and `/tmp`.
    ///
    /// # Errors
    /// If the options are invalid, in words for the user.
    pub fn boot(config: Config) -> Result<Self, String> {
        config.validate()?;
        let mut ram = Ram::new(config.mem / PAGE_SIZE);
        let mut mem = config.new_allocator();
        let mut cpus = config.new_cpus();
        let kstat = vec![CpuStat::default(); cpus.len()];
        let mut mms = Arena::new();
        let init_mm = mm::mm_init(&mut ram, &mut mem, &mut cpus, &mut mms);
        let mut kernel = Self {
            pidmap: Pidmap::new(config.pid_max),
            sched: config.new_scheduler(),
            max_threads: config.max_threads(),
            wall: WallClock::at_boot(config.initial_jiffies),
            config,
            ram,
            cpus,
            this_cpu: 0,
            tick: 0,
            since_tick: 0,
            kstat,
            load: LoadAverage::default(),
            totalram_pages: mem.nr_free_pages(),
            in_interrupt: false,
            names: Names::default(),
            log: TraceLog::default(),
            calls: CallLog::default(),
            stat: Stat::default(),
            acct: None,
            last_ended: LastEnded::default(),
            fail: FailPoints::default(),
            mem,
            vm: VmStat::default(),
            direct_io: DirectIos::default(),
            swap: SwapInfo::default(),
            kswapd: Kswapd::default(),
            writes: Writes::default(),
            page_writeback: PageWriteback::default(),
            tasks: Arena::new(),
            mms,
            anon_vmas: Arena::new(),
            anon_links: Arena::new(),
            files: Arena::new(),
            open_files: Arena::new(),
            inodes: Arena::new(),
            pipes: SecondaryMap::new(),
            fs: Arena::new(),
            sighands: Arena::new(),
            signals: Arena::new(),
            namespaces: Arena::new(),
            sem_undos: Arena::new(),
            sem_sets: SemSets::default(),
            shm: ShmSegments::default(),
            msg_queues: MsgQueues::default(),
            root: FileSystem::default(),
            pid_hash: PidHash::default(),
            users: UserTable::default(),
            timers: Timers::default(),
            real_timers: RealTimers::default(),
            posix_timers: PosixTimers::default(),
            futexes: Futexes::default(),
            tty: Tty::default(),
            locks: FileLocks::default(),
            printers: Printers::default(),
            totals: Totals::default(),
            forked: Vec::new(),
            init_mm,
            init: TaskId::default(),
            panic: None,
        };
        kernel.make_first_objects()?;
        Ok(kernel)
    }

    /// The tasks and files of a fresh kernel.
    fn make_first_objects(&mut self) -> Result<(), String> {
        // Every CPU needs a current task before anything can be traced or allocated in its name, and
        // init needs its program file.
        self.make_idle_tasks();
        self.make_migration_threads();
        self.make_kswapd();
        self.make_pdflush();
        self.make_root();
        self.swapon_at_boot();
        self.make_init()?;
        // Counters and trace start with the machine that the user sees.
        self.log = TraceLog::default();
        self.calls.enabled = self.config.strace;
        self.stat = Stat::default();
        self.mem.page_state_mut().reset_events();
        Ok(())
    }

    /// Creates one idle task for each CPU: pid 0, priority 140, no address space of its own.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `fork_idle()`.
    fn make_idle_tasks(&mut self) {
        for cpu in 0..self.cpus.len() {
            let idle = self
                .tasks
                .insert_with_key(|id| Task::bare(id, Pid(0), Cred::of_user(0)));
            self.enter_lazy_tlb(self.init_mm, idle);
            self.sched
                .add_idle(cpu, idle, SchedTask::new(Pid(0), Name::default()));
        }
    }

    /// The files of the boot. Programs have the numbers that they have always had, whatever
    /// directories there are: their inodes come first.
    fn make_root(&mut self) {
        let made = BOOT_FILES.map(|name| {
            let kind = match name {
                "console" => InodeKind::Tty(TtyDevice::Console),
                "null" => InodeKind::Null,
                program => program_file(program),
            };
            (name, self.new_inode(kind, name))
        });
        self.make_tree();
        for (name, inode) in made {
            self.install(name, inode);
        }
        for (name, kind) in [
            ("zero", InodeKind::Zero),
            ("tty", InodeKind::Tty(TtyDevice::Own)),
        ] {
            let inode = self.new_inode(kind, name);
            self.install(name, inode);
        }
        for (name, device) in [("tty0", TtyDevice::Shown), ("tty1", TtyDevice::First)] {
            self.create_device(name, InodeKind::Tty(device), device.number());
        }
    }

    /// Creates a program file in `/bin`.
    pub fn create_program(&mut self, name: &str) -> InodeId {
        self.create(name, program_file(name))
    }

    /// Creates a program file that no directory lists, with one reference held by the caller.
    pub fn unnamed_program(&mut self, name: &str) -> InodeId {
        self.new_inode(program_file(name), name)
    }

    /// Creates task 1: the parent of spawned tasks and of orphans. It is never queued and ignores
    /// SIGCHLD.
    ///
    /// Linux 2.6.12: `init/main.c`, `rest_init()`.
    fn make_init(&mut self) -> Result<(), String> {
        let too_small = || "too little memory to boot".to_owned();
        let pid = self.pidmap.alloc().ok_or("no pid for init")?;
        let stack = self
            .alloc_frame(1, FrameUse::KernelStack)
            .map_err(|_| too_small())?;
        let init = self
            .tasks
            .insert_with_key(|id| Task::bare(id, pid, Cred::of_user(0)));
        self.init = init;
        let name = self.names.intern("init");
        let mut entry = SchedTask::new(pid, name);
        entry.state = TaskState::INTERRUPTIBLE;
        // The state in which wake_up_new_task() and a first tick leave every task.
        entry.prio = effective_prio(&entry).prio;
        entry.time_slice = self.sched.tunables.task_timeslice(entry.static_prio);
        self.sched.insert(init, entry);
        let rlimits = Rlimits::initial(self.max_threads);
        let exe = self.lookup("init").map_err(|_| "no init".to_owned())?;
        let (mm, esp) = self
            .mm_for_exec(exe, &"init".into())
            .map_err(|_| too_small())?;

        let mut sighand = Sighand::new();
        sighand.set_action(Signal::SIGCHLD, SigAction::Ignore);
        let files = self.console_files()?;
        let fs = self.initial_fs();
        let namespace = self.new_namespace();
        let task = self.task_mut(init);
        task.files = Some(files);
        task.fs = Some(fs);
        task.namespace = Some(namespace);
        task.exit_signal = Signal::SIGCHLD.number() as i32;
        task.stack = Some(stack);
        task.did_exec = true;
        task.thread.regs.esp = esp;
        self.set_mm(init, mm);
        self.set_sighand(init, sighand);
        self.set_signal(init, SignalStruct::of_session_leader(pid, rlimits));
        self.hash_process(init);
        self.users.get(0);
        Ok(())
    }

    /// A descriptor table with descriptors 0, 1 and 2 on the console.
    fn console_files(&mut self) -> Result<FilesId, String> {
        let console = self
            .lookup("console")
            .map_err(|_| "no console".to_owned())?;
        Ok(self.open_stdio(console))
    }
}

impl Config {
    /// The page allocator of the machine.
    fn new_allocator(&self) -> PageAllocator {
        let mut mem = PageAllocator::new(self.mem / PAGE_SIZE, self.cpus as usize);
        mem.set_pagevec_mode(self.pagevec);
        mem
    }

    /// The scheduler of the machine, with nothing to schedule.
    fn new_scheduler(&self) -> Scheduler {
        let mut sched = Scheduler::new(self.cpus as usize, self.initial_jiffies);
        sched.tunables = self.tunables;
        sched
    }

    /// The CPUs of the machine.
    fn new_cpus(&self) -> Vec<Cpu> {
        let cpu = |_| Cpu::new(self.tlb as usize);
        (0..self.cpus).map(cpu).collect()
    }

    /// The limit on the number of tasks: an eighth of the frames, divided by the two frames of a
    /// kernel stack, unless it was chosen.
    ///
    /// Linux 2.6.12: `kernel/fork.c`, `fork_init()`.
    fn max_threads(&self) -> u32 {
        let frames = self.mem / PAGE_SIZE;
        self.threads_max.unwrap_or((frames / 16).max(20))
    }

    /// The branches of `wake_up_new_task` to force.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            fork_cpu: self.fork_cpu.map(|cpu| cpu as u8),
            parent_not_on_array: self.parent_not_on_array,
            child_runs_first: self.child_runs_first,
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Which option is wrong, and which values are valid.
    pub fn validate(&self) -> Result<(), String> {
        let (min, max) = (MIN_FRAMES * PAGE_SIZE, MAX_FRAMES * PAGE_SIZE);
        if !(1..=8).contains(&self.cpus) {
            return Err(format!("cpus is {}, but must be 1 to 8", self.cpus));
        }
        if !(min..=max).contains(&self.mem) {
            let mib = |bytes| bytes >> 20;
            return Err(format!(
                "mem is {} bytes, but must be {} MiB to {} MiB",
                self.mem,
                mib(min),
                mib(max)
            ));
        }
        if self.tlb > 4096 || (self.tlb != 0 && !self.tlb.is_power_of_two()) {
            return Err(format!(
                "tlb is {}, but must be 0 or a power of two up to 4096",
                self.tlb
            ));
        }
        if self.swap != 0 && !(MIN_SWAP..=MAX_SWAP).contains(&self.swap) {
            return Err(format!(
                "swap is {} bytes, but must be 0 (none) or {} KiB to {} MiB",
                self.swap,
                MIN_SWAP >> 10,
                MAX_SWAP >> 20
            ));
        }
        if !(PID_MAX_MIN..=PID_MAX_LIMIT).contains(&self.pid_max) {
            return Err(format!(
                "pid_max is {}, but must be {PID_MAX_MIN} to {PID_MAX_LIMIT}",
                self.pid_max
            ));
        }
        self.tunables.validate()?;
        for (name, value, max) in [
            ("cycles_per_tick", self.cycles_per_tick, 1_000_000_000),
            ("interleave", self.interleave, MAX_INTERLEAVE),
        ] {
            if !(1..=max).contains(&value) {
                return Err(format!("{name} is {value}, but must be 1 to {max}"));
            }
        }
        if self.fork_cpu.is_some_and(|cpu| cpu >= self.cpus) {
            return Err(format!("fork_cpu must be below cpus ({})", self.cpus));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_what_a_machine_may_be() {
        type Change = fn(&mut Config, u32);
        let tlb: Change = |config, value| config.tlb = value;
        let cpus: Change = |config, value| config.cpus = value;
        let mem: Change = |config, value| config.mem = value;
        let pid_max: Change = |config, value| config.pid_max = value;
        let fork_cpu: Change = |config, value| config.fork_cpu = Some(value);
        for (change, good, bad) in [
            (tlb, &[0, 1, 64, 4096][..], &[3, 65, 8192][..]),
            (cpus, &[1, 8], &[0, 9]),
            (
                mem,
                &[4 << 20, 896 << 20],
                &[(4 << 20) - 1, (896 << 20) + 4096],
            ),
            (pid_max, &[301, 32768], &[300, 32769]),
            (fork_cpu, &[0], &[1]),
        ] {
            let valid = |value: &u32| {
                let mut config = Config::default();
                change(&mut config, *value);
                config.validate().is_ok()
            };
            assert!(good.iter().all(valid), "{good:?}");
            assert!(!bad.iter().any(valid), "{bad:?}");
        }
    }

    /// `fork_init()`: an eighth of the frames by kernel stacks of two frames, but 20 at least.
    #[test]
    fn memory_limits_the_number_of_threads() {
        for (mib, threads) in [(4, 64), (64, 1024)] {
            let config = Config {
                mem: mib << 20,
                ..Config::default()
            };
            assert_eq!(Kernel::boot(config).unwrap().max_threads, threads);
        }
    }
}
