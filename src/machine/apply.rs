//! Applying commands to the machine.

use super::command::{Acted, Action, Command, Reply};
use super::puppet::Puppet;
use super::refusal::Refusal;
use super::{Image, Machine, Spawned, Stop, Until, UserMode, WorkloadProgram};
use crate::abi::{Errno, ExitState, InodeId, Signal, TaskId, TaskState};
use crate::kernel::boot::BOOT_FILES;
use crate::kernel::fork::SpawnArgs;
use crate::kernel::fs::InodeKind;
use crate::kernel::syscall::{ExecArgs, Syscall};
use crate::kernel::task::Continuation;
use std::sync::Arc;

impl Machine {
    /// Applies a command. Time passes only if the command says so (or lets calls wait).
    ///
    /// # Errors
    /// Why it was refused; the machine is then unchanged.
    pub fn apply(&mut self, command: Command) -> Result<Reply, Refusal> {
        if let Some(why) = self.kernel.panicked() {
            return Err(Refusal::Panicked(why.to_owned()));
        }
        self.idle_steps = 0;
        // Output and crashes of programs during earlier commands have been fetched by now.
        drop(self.kernel.take_console_output());
        self.crashes.clear();
        match command {
            Command::Spawn {
                args,
                program,
                spin,
            } => self.spawn(&args, program.as_deref(), spin),
            Command::SpawnWorkload { args, program } => {
                let inode = self.workload_inode(&args.name, program);
                let argv = ExecArgs::from(args.name.as_str());
                let reply = self.spawn_inode(&args, Spawned::sleeping(inode, argv));
                self.kernel.iput(inode);
                reply
            }
            Command::SpawnProgram { args, image, argv } => {
                let inode = self.program_inode(&args.name, image);
                let path = args.name.clone();
                let envp = Vec::new();
                let program = Spawned::sleeping(inode, ExecArgs { path, argv, envp });
                let reply = self.spawn_inode(&args, program);
                self.kernel.iput(inode);
                reply
            }
            Command::Install { name, image } => {
                let kind = image.map_or_else(InodeKind::NoImage, InodeKind::Image);
                self.kernel.create(&name, kind);
                Ok(Reply::Done)
            }
            Command::Type(bytes) => {
                self.kernel.type_on_console(&bytes);
                self.settle();
                Ok(Reply::Done)
            }
            Command::EndInput => {
                self.kernel.end_console_input();
                self.settle();
                Ok(Reply::Done)
            }
            Command::Break { .. }
            | Command::Watch { .. }
            | Command::Unbreak(_)
            | Command::Step { .. } => Ok(self.debug_command(command)),
            Command::Load(tasks) => self.load(&tasks),
            Command::Act { task, action } => self.act(task, action),
            Command::BeginHandler(task) => {
                self.begin_handler(task);
                Ok(Reply::Done)
            }
            Command::EndHandler(task) => Ok(self.end_handler(task)),
            Command::Tick(ticks) => Ok(Reply::Stopped(self.pass_time(ticks, Until::Budget))),
            Command::Run(ticks) => Ok(Reply::Stopped(self.pass_time(ticks, Until::Idle))),
            setting => {
                self.set(setting);
                Ok(Reply::Done)
            }
        }
    }

    fn spawn(
        &mut self,
        args: &SpawnArgs,
        program: Option<&str>,
        spin: bool,
    ) -> Result<Reply, Refusal> {
        let path = program.unwrap_or(&args.name);
        let no_program = |errno| Refusal::NoProgram {
            path: path.to_owned(),
            errno,
        };
        let inode = self.kernel.lookup(path).map_err(no_program)?;
        if !self.kernel.inodes()[inode].kind.is_executable() {
            return Err(no_program(Errno::EACCES));
        }
        let program = Spawned {
            spin,
            ..Spawned::sleeping(inode, ExecArgs::from(args.name.as_str()))
        };
        self.spawn_inode(args, program)
    }

    /// Sets options of the machine, including forced branches and failures.
    fn set(&mut self, setting: Command) {
        match setting {
            Command::Accounts(on) => self.kernel.keep_accounts(on),
            Command::Patience(ticks) => self.patience = ticks,
            Command::ForkCpu(cpu) => self.kernel.config.fork_cpu = cpu,
            Command::ParentNotOnArray(on) => self.kernel.config.parent_not_on_array = on,
            Command::Fail(point) => self.kernel.fail.set(point),
            Command::Jitter(seed) => {
                let nominal = self.kernel.config.cycles_per_tick;
                self.cycles.throw_with(seed, nominal);
            }
            _ => {}
        }
    }

    fn debug_command(&mut self, command: Command) -> Reply {
        match command {
            Command::Break { image, addr } => Reply::Point(self.debug.add_breakpoint(image, addr)),
            Command::Watch { task, addr } => Reply::Point(self.add_watchpoint(task, addr)),
            Command::Unbreak(id) => {
                self.debug.remove(id);
                Reply::Done
            }
            Command::Step { task, goal, ticks } if self.aim(task, goal) => {
                let stop = self.pass_time(ticks, Until::Idle);
                self.forget_goal();
                Reply::Stopped(stop)
            }
            _ => Reply::Done,
        }
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

    /// A task that gets the CPU at once and finds no memory for its program counts as not created.
    fn spawn_inode(&mut self, args: &SpawnArgs, program: Spawned) -> Result<Reply, Refusal> {
        let task = self.kernel.spawn(args).map_err(Refusal::NoTask)?;
        let pid = self.kernel.pid(task);
        self.kernel.iget(program.exe);
        self.modes.insert(task, UserMode::Spawned(program));
        self.settle();
        match self.modes.get(task) {
            Some(UserMode::Spawned(_)) if self.has_ended(task) => {
                Err(Refusal::NoTask(Errno::ENOMEM.into()))
            }
            _ => Ok(Reply::Spawned { task, pid }),
        }
    }

    /// Makes a puppet perform one action: wakes it as a key press would, and runs it if the
    /// scheduler gives it the CPU at once. If a handler was entered before that, the handler runs
    /// first, and the action is not performed.
    fn act(&mut self, task: TaskId, action: Action) -> Result<Reply, Refusal> {
        self.can_act(task)?;
        self.wait_for_turn(task)?;
        if self.entered_handler().is_some() {
            return Ok(Reply::Stopped(Stop::Handler));
        }
        if let Some(puppet) = self.puppet_mut(task) {
            puppet.action = Some(action.clone());
        }
        self.acted = None;
        let cpu = usize::from(self.kernel.sched.get(task).cpu);
        self.kernel.set_this_cpu(cpu);
        self.kernel.log.console = true;
        self.kernel.wake_from_interrupt(task);
        self.settle();
        self.kernel.log.console = false;
        let ends = matches!(
            action,
            Action::Syscall(Syscall::Exit(_) | Syscall::ExitGroup(_))
        );
        self.finish_exec(&action);
        let nothing = if ends { Acted::Ended } else { Acted::Done };
        Ok(Reply::Acted(self.acted.take().unwrap_or(nothing)))
    }

    /// An exec that first moved the task to another CPU, and has returned by now, counts as
    /// returning at once.
    fn finish_exec(&mut self, action: &Action) {
        if let (Action::Syscall(Syscall::Execve(_)), Some(Acted::Blocks(id))) =
            (action, &self.acted)
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

    /// Waits, as long as `patience` allows, until the task would get the CPU at once.
    fn wait_for_turn(&mut self, task: TaskId) -> Result<(), Refusal> {
        for waited in 0.. {
            // The interrupt of the console goes to the CPU where the task last ran.
            let cpu = usize::from(self.kernel.sched.get(task).cpu);
            let now = self.kernel.sched_clock();
            let verdict = self.kernel.sched.runs_at_once(cpu, now, task);
            let Err(why) = verdict else {
                return Ok(());
            };
            if waited == self.patience {
                return Err(self.cannot_run(task, &why));
            }
            self.pass_time(1, Until::Budget);
            if self.entered_handler().is_some() {
                return Ok(());
            }
            self.can_act(task)?;
        }
        Ok(())
    }
}
