//! The state of a task, as properties of its handle. Reading them changes nothing and takes no
//! time.

use super::convert::{Result, alive, exists, look};
use crate::abi::{ExitState, MmId, Name, TaskId, WaitStatus};
use crate::kernel::Kernel;
use crate::script::session::{Shared, Task};
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// Inspects a task that still exists.
fn of<R>(
    ctx: &NativeCallContext,
    task: &Task,
    get: impl FnOnce(&Kernel, TaskId) -> R,
) -> Result<R> {
    let id = alive(ctx, task)?;
    look(ctx, |machine| get(&machine.kernel, id))
}

fn map<const N: usize>(entries: [(&str, Dynamic); N]) -> Dynamic {
    let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
    entries.collect::<Map>().into()
}

fn int(value: impl Into<i64>) -> Dynamic {
    value.into().into()
}

fn optional(value: Option<Dynamic>) -> Dynamic {
    value.unwrap_or(Dynamic::UNIT)
}

fn name_text(kernel: &Kernel, name: Name) -> String {
    kernel.names.get(name).to_owned()
}

fn mm_map(kernel: &Kernel, id: MmId) -> Dynamic {
    let mm = &kernel.mms()[id];
    map([
        ("users", int(mm.mm_users())),
        ("count", int(mm.mm_count())),
        ("pgd", int(mm.pgd().0)),
        ("rss", int(mm.rss())),
        ("anon_rss", int(mm.anon_rss())),
        ("total_vm", int(mm.total_vm())),
        ("nr_ptes", int(mm.nr_ptes())),
        ("map_count", int(mm.map_count() as i64)),
        ("brk", int(mm.brk)),
        ("start_stack", int(mm.start_stack)),
    ])
}

fn files_map(kernel: &Kernel, id: crate::abi::FilesId) -> Dynamic {
    let files = &kernel.files()[id];
    let fds: Array = files
        .open()
        .map(|(fd, open)| {
            let file = &kernel.open_files()[open.file];
            let path = kernel.inodes()[file.inode()].path.clone();
            map([
                ("fd", int(fd as i64)),
                ("path", path.into()),
                ("f_count", int(file.f_count())),
                ("close_on_exec", open.close_on_exec.into()),
                ("pos", int(file.pos.cast_signed())),
                ("flags", int(file.flags())),
            ])
        })
        .collect();
    map([("count", int(files.count())), ("fds", fds.into())])
}

fn signal_map(kernel: &Kernel, id: TaskId) -> Dynamic {
    let pending = kernel.task(id).pending.set().iter();
    let pending: Array = pending.map(|signal| signal.to_string().into()).collect();
    let shared = kernel
        .task(id)
        .signal()
        .map(|signal| &kernel.signals()[signal]);
    let Some(shared) = shared else {
        return map([("pending", pending.into())]);
    };
    let waiting: Array = shared
        .shared_pending
        .set()
        .iter()
        .map(|signal| signal.to_string().into())
        .collect();
    map([
        ("count", int(shared.count())),
        ("live", int(shared.live())),
        ("pgrp", int(shared.pgrp().0)),
        ("session", int(shared.session().0)),
        ("pending", pending.into()),
        ("shared_pending", waiting.into()),
    ])
}

fn regs_map(kernel: &Kernel, id: TaskId) -> Dynamic {
    let regs = &kernel.task(id).thread.regs;
    map([
        ("eax", int(regs.eax as i32)),
        ("ebx", int(regs.ebx)),
        ("ecx", int(regs.ecx)),
        ("edx", int(regs.edx)),
        ("esi", int(regs.esi)),
        ("edi", int(regs.edi)),
        ("ebp", int(regs.ebp)),
        ("esp", int(regs.esp)),
        ("eip", int(regs.eip)),
        ("eflags", int(regs.eflags)),
    ])
}

#[export_module]
pub mod functions {
    /// The id of the task (its tid).
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").pid, 2);
    /// ```
    #[rhai_fn(get = "pid", return_raw)]
    pub fn get_pid(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        // A thread that calls exec takes over the pid of its process.
        let now = if exists(&ctx, task)? {
            look(&ctx, |machine| machine.kernel.pid(task.id))?
        } else {
            task.pid
        };
        Ok(i64::from(now.0))
    }

    /// The id of its process: what `getpid` returns.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").tgid, 2);
    /// ```
    #[rhai_fn(get = "tgid", return_raw)]
    pub fn get_tgid(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| i64::from(kernel.task(id).tgid().0))
    }

    /// The pid of its parent process; 0 for init, which has none.
    ///
    /// ```rhai
    /// assert_eq([spawn("sh").ppid, init().ppid], [1, 0]);
    /// ```
    #[rhai_fn(get = "ppid", return_raw)]
    pub fn get_ppid(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| i64::from(kernel.ppid(id).0))
    }

    /// The name of the program that it runs (`comm`).
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").name, "sh");
    /// ```
    #[rhai_fn(get = "name", return_raw)]
    pub fn get_name(ctx: NativeCallContext, task: &mut Task) -> Result<String> {
        of(&ctx, task, |kernel, id| name_text(kernel, kernel.comm(id)))
    }

    /// The state letter that `ps` shows: R runnable, S sleeping, D uninterruptible sleep, T
    /// stopped, Z zombie, X dead.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").state, "S");
    /// ```
    #[rhai_fn(get = "state", return_raw)]
    pub fn get_state(ctx: NativeCallContext, task: &mut Task) -> Result<String> {
        of(&ctx, task, |kernel, id| {
            match kernel.task(id).exit_state() {
                ExitState::Zombie => "Z".to_owned(),
                ExitState::Dead => "X".to_owned(),
                ExitState::Alive => kernel.sched.get(id).state.letter().to_string(),
            }
        })
    }

    /// How far its exit has got: `alive`, `zombie` or `dead`.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").exit_state, "alive");
    /// ```
    #[rhai_fn(get = "exit_state", return_raw)]
    pub fn get_exit_state(ctx: NativeCallContext, task: &mut Task) -> Result<String> {
        of(&ctx, task, |kernel, id| {
            match kernel.task(id).exit_state() {
                ExitState::Alive => "alive".to_owned(),
                ExitState::Zombie => "zombie".to_owned(),
                ExitState::Dead => "dead".to_owned(),
            }
        })
    }

    /// The signal that its parent gets when it exits; -1 for a thread.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").exit_signal, SIGCHLD);
    /// ```
    #[rhai_fn(get = "exit_signal", return_raw)]
    pub fn get_exit_signal(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| {
            i64::from(kernel.task(id).exit_signal())
        })
    }

    /// Its dynamic priority: 0 to 99 real-time, 100 to 139 ordinary. Lower is better.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").prio, 125);
    /// ```
    #[rhai_fn(get = "prio", return_raw)]
    pub fn get_prio(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| {
            i64::from(kernel.sched.get(id).prio)
        })
    }

    /// Its static priority: 120 + nice.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").static_prio, 120);
    /// ```
    #[rhai_fn(get = "static_prio", return_raw)]
    pub fn get_static_prio(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| {
            i64::from(kernel.sched.get(id).static_prio)
        })
    }

    /// Its nice value, -20 to 19.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh", #{nice: 5}).nice, 5);
    /// ```
    #[rhai_fn(get = "nice", return_raw)]
    pub fn get_nice(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| i64::from(kernel.nice(id)))
    }

    /// Its scheduling policy: `other`, `fifo` or `rr`.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").policy, "other");
    /// ```
    #[rhai_fn(get = "policy", return_raw)]
    pub fn get_policy(ctx: NativeCallContext, task: &mut Task) -> Result<String> {
        of(&ctx, task, |kernel, id| {
            kernel.sched.get(id).policy.name().to_owned()
        })
    }

    /// Ticks left of the time slice of `next`.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").time_slice, 100);
    /// ```
    #[rhai_fn(get = "time_slice", return_raw)]
    pub fn get_time_slice(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| {
            i64::from(kernel.sched.get(id).time_slice)
        })
    }

    /// Its sleep average in ns, 0 to 1,000,000,000, from which its bonus is computed.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").sleep_avg, 0);
    /// ```
    #[rhai_fn(get = "sleep_avg", return_raw)]
    pub fn get_sleep_avg(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| {
            i64::from(kernel.sched.get(id).sleep_avg)
        })
    }

    /// The priority array that it is queued on: `active`, `expired`, or `()` if it is not queued.
    ///
    /// ```rhai
    /// assert_eq(spawn("hog", workload(["run 5"])).array, "active");
    /// ```
    #[rhai_fn(get = "array", return_raw)]
    pub fn get_array(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        of(&ctx, task, |kernel, id| {
            optional(kernel.sched.array(id).map(|array| array.name().into()))
        })
    }

    /// The CPU that it runs on, or last ran on.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").cpu, 0);
    /// ```
    #[rhai_fn(get = "cpu", return_raw)]
    pub fn get_cpu(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| i64::from(kernel.sched.get(id).cpu))
    }

    /// Its `PF_*` flags.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").fork().flags, 0x40);
    /// ```
    #[rhai_fn(get = "flags", return_raw)]
    pub fn get_flags(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| {
            i64::from(kernel.task(id).flags().bits())
        })
    }

    /// Its `PT_*` flags; 0 if it is not traced.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").ptrace, 0);
    /// ```
    #[rhai_fn(get = "ptrace", return_raw)]
    pub fn get_ptrace(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| {
            i64::from(kernel.task(id).ptrace().bits())
        })
    }

    /// Its address space: `users`, `count`, `pgd`, `rss`, `anon_rss`, `total_vm` (pages),
    /// `nr_ptes`, `map_count`, `brk`, `start_stack`; `()` if it has none.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").mm.users, 1);
    /// ```
    #[rhai_fn(get = "mm", return_raw)]
    pub fn get_mm(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        of(&ctx, task, |kernel, id| {
            optional(kernel.task(id).mm().map(|mm| mm_map(kernel, mm)))
        })
    }

    /// Its open files: `count` (tasks that share the table) and `fds`.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").files.fds.len(), 3);
    /// ```
    #[rhai_fn(get = "files", return_raw)]
    pub fn get_files(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        of(&ctx, task, |kernel, id| {
            optional(
                kernel
                    .task(id)
                    .files()
                    .map(|files| files_map(kernel, files)),
            )
        })
    }

    /// Its filesystem context: `count`, `umask`, `cwd`.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").fs.cwd, "/");
    /// ```
    #[rhai_fn(get = "fs", return_raw)]
    pub fn get_fs(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        of(&ctx, task, |kernel, id| {
            optional(kernel.task(id).fs().map(|fs| {
                let fs = &kernel.fs()[fs];
                map([
                    ("count", int(fs.count())),
                    ("umask", int(fs.umask)),
                    ("cwd", kernel.d_path(fs.cwd()).into()),
                    ("root", kernel.d_path(fs.root()).into()),
                ])
            }))
        })
    }

    /// Its table of signal actions; `count` is the number of tasks that share it.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").sighand.count, 1);
    /// ```
    #[rhai_fn(get = "sighand", return_raw)]
    pub fn get_sighand(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        of(&ctx, task, |kernel, id| {
            optional(
                kernel
                    .task(id)
                    .sighand()
                    .map(|sighand| map([("count", int(kernel.sighands()[sighand].count()))])),
            )
        })
    }

    /// What the threads of its process share: `count`, `live`, `pgrp`, `session`, and the pending
    /// signals.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").signal.live, 1);
    /// ```
    #[rhai_fn(get = "signal", return_raw)]
    pub fn get_signal(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        of(&ctx, task, signal_map)
    }

    /// Its user registers, `eax` to `eflags`.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").fork().regs.eax, 0);
    /// ```
    #[rhai_fn(get = "regs", return_raw)]
    pub fn get_regs(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        of(&ctx, task, regs_map)
    }

    /// Its three TLS descriptors, each as a low and a high word.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").tls.len(), 3);
    /// ```
    #[rhai_fn(get = "tls", return_raw)]
    pub fn get_tls(ctx: NativeCallContext, task: &mut Task) -> Result<Array> {
        of(&ctx, task, |kernel, id| {
            kernel
                .task(id)
                .thread
                .tls_array
                .iter()
                .map(|d| map([("low", int(d.low)), ("high", int(d.high))]))
                .collect()
        })
    }

    /// Voluntary context switches: it gave up the CPU to sleep.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").nvcsw, 1);
    /// ```
    #[rhai_fn(get = "nvcsw", return_raw)]
    pub fn get_nvcsw(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| {
            i64::from(kernel.sched.stat(id).nvcsw)
        })
    }

    /// Involuntary context switches: it was preempted.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").nivcsw, 0);
    /// ```
    #[rhai_fn(get = "nivcsw", return_raw)]
    pub fn get_nivcsw(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| {
            i64::from(kernel.sched.stat(id).nivcsw)
        })
    }

    /// Minor faults: handled without reading a file.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").min_flt, 0);
    /// ```
    #[rhai_fn(get = "min_flt", return_raw)]
    pub fn get_min_flt(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| i64::from(kernel.task(id).min_flt))
    }

    /// Major faults: handled by reading a file.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").maj_flt, 0);
    /// ```
    #[rhai_fn(get = "maj_flt", return_raw)]
    pub fn get_maj_flt(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| i64::from(kernel.task(id).maj_flt))
    }

    /// Ticks spent in user mode.
    ///
    /// ```rhai
    /// let hog = spawn("hog", workload(["run 9"]));
    /// tick(5);
    /// assert_eq(hog.utime, 5);
    /// ```
    #[rhai_fn(get = "utime", return_raw)]
    pub fn get_utime(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| i64::from(kernel.task(id).utime))
    }

    /// Ticks spent in the kernel; system calls take no time here.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").stime, 0);
    /// ```
    #[rhai_fn(get = "stime", return_raw)]
    pub fn get_stime(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| i64::from(kernel.task(id).stime))
    }

    /// The tick at which it was created.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").start_time, 0);
    /// ```
    #[rhai_fn(get = "start_time", return_raw)]
    pub fn get_start_time(ctx: NativeCallContext, task: &mut Task) -> Result<i64> {
        of(&ctx, task, |kernel, id| kernel.task(id).start_time as i64)
    }

    /// Whether the task still exists, even if only as a zombie.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.exit(0);
    /// assert(!sh.exists);
    /// ```
    #[rhai_fn(get = "exists", return_raw)]
    pub fn get_exists(ctx: NativeCallContext, task: &mut Task) -> Result<bool> {
        exists(&ctx, task)
    }

    /// How the task ended: the value passed to exit, 0 to 255, or 128 plus the signal number if a
    /// signal killed it, as in a shell; `()` while it is alive.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert_eq(sh.exit_status, ());
    /// sh.exit(3);
    /// assert_eq(sh.exit_status, 3);
    /// ```
    #[rhai_fn(get = "exit_status", return_raw)]
    pub fn get_exit_status(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        let status = if exists(&ctx, task)? {
            of(&ctx, task, |kernel, id| {
                let task = kernel.task(id);
                let zombie = task.exit_state() == ExitState::Zombie;
                zombie.then_some(WaitStatus(task.exit_code()))
            })?
        } else {
            Shared::of(&ctx)?.with(|state| {
                let ended = state.machine.kernel.ended(task.id);
                let of_this_boot = ended.filter(|_| task.boot == state.boot);
                of_this_boot.map(|ended| ended.status)
            })?
        };
        Ok(
            status.map_or(Dynamic::UNIT, |status| match status.0 & 0x7f {
                0 => int(status.0 >> 8 & 0xff),
                signal => int(128 + signal),
            }),
        )
    }

    /// Whether two handles refer to the same task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// assert(task(2) == sh);
    /// ```
    #[rhai_fn(name = "==")]
    pub fn same_task(left: Task, right: Task) -> bool {
        left == right
    }

    /// Whether two handles refer to different tasks.
    ///
    /// ```rhai
    /// assert(spawn("sh") != init());
    /// ```
    #[rhai_fn(name = "!=")]
    pub fn other_task(left: Task, right: Task) -> bool {
        left != right
    }
}
