//! What each command does itself, before the machine goes on in slices.

use super::command::{Acted, Action, Command, Reply};
use super::pending::{Ending, Outcome, Pending, Started};
use super::puppet::Puppet;
use super::refusal::Refusal;
use super::{Image, Machine, Spawned, Until, UserMode, WorkloadProgram};
use crate::abi::{Errno, ExitState, InodeId, Pid, Signal, TaskId, TaskState};
use crate::kernel::boot::BOOT_FILES;
use crate::kernel::fork::SpawnArgs;
use crate::kernel::fs::{InodeKind, Stream};
use crate::kernel::syscall::{ExecArgs, Syscall};
use crate::kernel::task::Continuation;
use std::sync::Arc;

impl Machine {
    /// Starts a command: does what it does itself, and says what is left to do in slices.
    ///
    /// # Errors
    /// Why it was refused; the machine is then unchanged.
    pub(super) fn start(&mut self, command: Command) -> Result<Started, Refusal> {
        self.is_up()?;
        let tick = self.kernel.tick();
        Ok(Started::Pending(match command {
            Command::Spawn {
                args,
                program,
                spin,
            } => self.spawn(&args, program.as_deref(), spin)?,
            Command::SpawnWorkload { args, program } => {
                let inode = self.workload_inode(&args.name, program);
                let argv = ExecArgs::from(args.name.as_str());
                let spawned = self.spawn_inode(&args, Spawned::sleeping(inode, argv));
                self.kernel.iput(inode);
                spawned?
            }
            Command::SpawnProgram { args, image, argv } => {
                let inode = self.program_inode(&args.name, image);
                let path = args.name.clone();
                let envp = Vec::new();
                let program = Spawned::sleeping(inode, ExecArgs { path, argv, envp });
                let spawned = self.spawn_inode(&args, program);
                self.kernel.iput(inode);
                spawned?
            }
            Command::SpawnFile { args, exec, stdio } => self.spawn_file(&args, exec, &stdio)?,
            Command::Load(tasks) => Pending::Settle(Outcome::Loaded(self.load(&tasks)?)),
            Command::Type(bytes) => {
                self.kernel.type_on_console(&bytes);
                Pending::Settle(Outcome::Done)
            }
            Command::EndInput => {
                self.kernel.end_console_input();
                Pending::Settle(Outcome::Done)
            }
            Command::EndHandler(task) => {
                self.end_handler(task);
                Pending::Settle(Outcome::LeftHandler)
            }
            Command::Tick(ticks) => Pending::Time(tick.saturating_add(ticks), Until::Budget),
            Command::Run(ticks) => Pending::Time(tick.saturating_add(ticks), Until::Idle),
            Command::Step { task, goal, ticks } if self.aim(task, goal) => {
                Pending::Step(tick.saturating_add(ticks))
            }
            at_once => return Ok(Started::Done(self.set(at_once))),
        }))
    }

    /// Whether the emulated kernel still runs.
    fn is_up(&self) -> Result<(), Refusal> {
        match self.kernel.panicked() {
            Some(why) => Err(Refusal::Panicked(why.to_owned())),
            None => Ok(()),
        }
    }

    /// Whether a puppet can begin an action.
    pub(super) fn can_begin(&self, task: TaskId) -> Result<(), Refusal> {
        self.is_up()?;
        self.can_act(task)
    }

    fn spawn(
        &mut self,
        args: &SpawnArgs,
        program: Option<&str>,
        spin: bool,
    ) -> Result<Pending, Refusal> {
        let inode = self.program_file(program.unwrap_or(&args.name))?;
        let program = Spawned {
            spin,
            ..Spawned::sleeping(inode, ExecArgs::from(args.name.as_str()))
        };
        self.spawn_inode(args, program)
    }

    fn spawn_file(
        &mut self,
        args: &SpawnArgs,
        exec: ExecArgs,
        stdio: &[Stream; 3],
    ) -> Result<Pending, Refusal> {
        let inode = self.program_file(&exec.path)?;
        let pending = self.spawn_inode(args, Spawned::sleeping(inode, exec))?;
        if let Pending::Settle(Outcome::Spawned(task, _)) = pending {
            self.kernel.set_stdio(task, stdio);
        }
        Ok(pending)
    }

    /// The program file at a path.
    fn program_file(&self, path: &str) -> Result<InodeId, Refusal> {
        let no_program = |errno| Refusal::NoProgram {
            path: path.to_owned(),
            errno,
        };
        let inode = self.kernel.lookup(path).map_err(no_program)?;
        if self.kernel.may_execute(inode) {
            Ok(inode)
        } else {
            Err(no_program(Errno::EACCES))
        }
    }

    /// Carries out what needs neither time nor any task: options of the machine, forced branches
    /// and failures, files, breakpoints.
    fn set(&mut self, setting: Command) -> Reply {
        match setting {
            Command::Accounts(on) => self.kernel.keep_accounts(on),
            Command::Patience(ticks) => self.patience = ticks,
            Command::ForkCpu(cpu) => self.kernel.config.fork_cpu = cpu,
            Command::ParentNotOnArray(on) => self.kernel.config.parent_not_on_array = on,
            Command::EndDirectIo { id, data } => {
                let read = self.kernel.end_direct_io(id, &data);
                return Reply::Acted(Acted::Bytes(read));
            }
            Command::Sysctl(sysctl, value) => self.kernel.set_sysctl(sysctl, value),
            Command::Fail(point) => self.kernel.fail.set(point),
            Command::KernelRule { decision, rule } => self.kernel.sched.rules.set(decision, rule),
            Command::Jitter(seed) => {
                let nominal = self.kernel.config.cycles_per_tick;
                self.cycles.throw_with(seed, nominal);
            }
            Command::PutFile { path, mode, bytes } => {
                self.kernel.put_file(&path, mode, &bytes);
            }
            Command::PutLink { path, target } => {
                self.kernel.create(&path, InodeKind::Symlink(target));
            }
            Command::Describe { path, debug } => {
                if let Ok(inode) = self.kernel.lookup(&path) {
                    self.described.insert(inode, debug);
                }
            }
            Command::Install { name, image } => {
                let kind = image.map_or_else(InodeKind::NoImage, InodeKind::Image);
                self.kernel.create(&name, kind);
            }
            Command::BeginHandler(task) => self.begin_handler(task),
            Command::Break { program, addr } => {
                return Reply::Point(self.debug.add_breakpoint(program, addr));
            }
            Command::Watch { task, addr } => return Reply::Point(self.add_watchpoint(task, addr)),
            Command::Unbreak(id) => self.debug.remove(id),
            _ => {}
        }
        Reply::Done
    }

    /// The program file of a workload, with a reference for the caller. Exec finds it by name,
    /// unless a file from boot has that name.
    pub(super) fn workload_inode(&mut self, name: &str, program: Arc<WorkloadProgram>) -> InodeId {
        let inode = if BOOT_FILES.contains(&name) {
            self.kernel.unnamed_program(name)
        } else {
            let inode = self.kernel.create_program(name);
            self.kernel.iget(inode);
            inode
        };
        self.images.insert(inode, Image::Workload(program));
        inode
    }

    fn spawn_inode(&mut self, args: &SpawnArgs, program: Spawned) -> Result<Pending, Refusal> {
        let task = self.kernel.spawn(args).map_err(Refusal::NoTask)?;
        let pid = self.kernel.pid(task);
        self.kernel.iget(program.exe);
        self.modes.insert(task, UserMode::Spawned(program));
        Ok(Pending::Settle(Outcome::Spawned(task, pid)))
    }

    /// A task that gets the CPU at once and finds no memory for its program counts as not created.
    pub(super) fn spawn_outcome(&self, task: TaskId, pid: Pid) -> Result<Reply, Refusal> {
        match self.modes.get(task) {
            Some(UserMode::Spawned(_)) if self.has_ended(task) => {
                Err(Refusal::NoTask(Errno::ENOMEM.into()))
            }
            _ => Ok(Reply::Spawned { task, pid }),
        }
    }

    /// Gives a puppet an action, and wakes it as a key press would.
    pub(super) fn begin_action(&mut self, task: TaskId, action: Action) {
        if let Some(puppet) = self.puppet_mut(task) {
            puppet.action = Some(action);
        }
        self.acted = None;
        let cpu = usize::from(self.kernel.sched.get(task).cpu);
        self.kernel.set_this_cpu(cpu);
        self.kernel.log.console = true;
        self.kernel.wake_from_interrupt(task);
    }

    /// What an action has come to, once the machine has settled.
    pub(super) fn action_outcome(&mut self, ending: Ending) -> Acted {
        self.kernel.log.console = false;
        if ending == Ending::Exec {
            self.finish_exec();
        }
        let nothing = match ending {
            Ending::Exit => Acted::Ended,
            Ending::Done | Ending::Exec => Acted::Done,
        };
        self.acted.take().unwrap_or(nothing)
    }

    /// An exec that first moved the task to another CPU, and has returned by now, counts as
    /// returning at once.
    fn finish_exec(&mut self) {
        if let Some(Acted::Blocks(id)) = &self.acted
            && let Some(result) = self.calls.get(id).and_then(|call| call.result)
        {
            self.calls.remove(id);
            self.acted = Some(result.into());
        }
    }

    /// Whether the task is a puppet that is free to act.
    pub(super) fn can_act(&self, task: TaskId) -> Result<(), Refusal> {
        let Some(kernel_task) = self.kernel.tasks().get(task) else {
            return Err(Refusal::Gone);
        };
        if kernel_task.exit_state() != ExitState::Alive {
            return Err(Refusal::Zombie {
                who: self.who(task),
                parent: self.who(kernel_task.real_parent()),
            });
        }
        let state = self.kernel.sched.get(task).state;
        if state.intersects(TaskState::STOPPED | TaskState::TRACED) {
            return Err(self.is_stopped(task));
        }
        let puppet: &Puppet = match self.modes.get(task) {
            Some(UserMode::Puppet(puppet)) => puppet,
            Some(UserMode::Spawned(_)) => return Ok(()),
            _ if task == self.kernel.init() => return Err(Refusal::Init(self.who(task))),
            _ => return Err(Refusal::NotAPuppet(self.who(task))),
        };
        if let Some(call) = kernel_task.in_call.open() {
            return Err(Refusal::Inside {
                who: self.who(task),
                call: Syscall::c_name(call.nr),
                awaits: self.awaits(task),
            });
        }
        if puppet.compute_left > 0 {
            return Err(Refusal::Computing(self.who(task), puppet.compute_left));
        }
        Ok(())
    }

    /// The refusal for a stopped task: by which signal it was stopped, and for which tracer.
    fn is_stopped(&self, task: TaskId) -> Refusal {
        let kernel_task = self.kernel.task(task);
        let traced = matches!(
            kernel_task.in_call.continuation,
            Some(Continuation::PtraceStop(_))
        );
        // A new task that starts stopped has not taken a signal yet.
        let begun = !matches!(
            kernel_task.in_call.continuation,
            Some(Continuation::RetFromFork)
        );
        let group = kernel_task
            .signal()
            .map(|group| &self.kernel.signals()[group]);
        let signal = group.and_then(|group| Signal::new(group.group_exit_code() & 0x7f));
        Refusal::Stopped {
            who: self.who(task),
            signal: signal.filter(|_| begun),
            tracer: traced.then(|| self.who(kernel_task.parent())),
        }
    }
}
