//! The invariants of processes, checked over the whole kernel between two commands. This is for
//! tests: it is slow.

use super::Kernel;
use super::arena::Arena;
use crate::abi::{ExitState, PAGE_SIZE, PfFlags, Pid, TaskId, TaskState};
use crate::kernel::fs::{File, FilesStruct, FsStruct, Inode, Namespace, PIPE_BUFFERS};
use crate::kernel::ipc::SemUndoList;
use crate::kernel::task::{Continuation, FutexKey, Sighand, SignalFlags, SignalStruct, Task, Trap};
use slotmap::Key;
use std::collections::BTreeMap;

impl Kernel {
    /// Checks that the process tree, the pid hashes and every count agree with the tasks, then the
    /// runqueues and the memory.
    ///
    /// # Errors
    /// The first invariant that is violated, in words.
    pub fn check(&self) -> Result<(), String> {
        for (id, task) in self.real_tasks() {
            let name = |what| format!("task {}: {what}", self.pid(id));
            self.check_family(id, task).map_err(name)?;
            self.check_state(id, task).map_err(name)?;
            self.check_links(id, task).map_err(name)?;
        }
        self.check_pids()?;
        self.check_totals()?;
        self.check_shared()?;
        self.check_files()?;
        self.check_names()?;
        self.check_pipes()?;
        self.check_tty()?;
        self.check_waits()?;
        self.check_futexes()?;
        self.check_semaphores()?;
        self.check_segments()?;
        self.check_messages()?;
        self.check_signals()?;
        (0..self.cpus.len()).try_for_each(|cpu| self.check_current(cpu))?;
        self.sched.check()?;
        self.check_mm()
    }

    /// Every task except the idle tasks and the kernel threads.
    pub(super) fn real_tasks(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.tasks
            .iter()
            .filter(|(id, _)| self.pid(*id) != Pid(0) && !self.is_kernel_thread(*id))
    }

    /// Checks that the resources and queues of a task agree with its state.
    fn check_state(&self, id: TaskId, task: &Task) -> Result<(), String> {
        let sched = self.sched.try_get(id).ok_or("the scheduler forgot it")?;
        // An exit takes no time, unless it waits until the memory is dumped.
        let waits = matches!(
            task.in_call.continuation,
            Some(Continuation::ExitWaitsForCore { .. })
        );
        let exiting = task.flags.contains(PfFlags::EXITING) && !waits;
        let (usage, holds) = match task.exit_state() {
            ExitState::Alive => (2, true),
            ExitState::Zombie => (1, false),
            ExitState::Dead => return Err("is dead, but was not released".into()),
        };
        demand(task.usage() == usage && exiting != holds, || {
            format!("usage {}, {:?}", task.usage(), task.flags)
        })?;
        let held = [
            task.mm().is_some(),
            task.files.is_some(),
            task.fs.is_some(),
            task.namespace.is_some(),
        ];
        demand(held == [holds; 4], || format!("holds {held:?}"))?;
        demand(sched.has_mm == holds, || "has_mm is wrong".into())?;
        let kept = [task.sighand().is_some(), task.signal().is_some()];
        demand(kept == [true; 2], || "keeps no signals".into())?;
        demand(task.stack.is_some(), || "has no kernel stack".into())?;
        let runnable = sched.state == TaskState::RUNNING;
        demand(runnable == sched.is_queued(), || {
            format!("state {:?}, queued {}", sched.state, sched.is_queued())
        })
    }

    /// Compares the reference counts of shared objects with the tasks that hold them.
    fn check_shared(&self) -> Result<(), String> {
        self.check_holders("files", &self.files, FilesStruct::count, |task| task.files)?;
        self.check_holders("fs", &self.fs, FsStruct::count, |task| task.fs)?;
        self.check_holders("sighand", &self.sighands, Sighand::count, Task::sighand)?;
        self.check_holders("signal", &self.signals, SignalStruct::count, Task::signal)?;
        let namespace = |task: &Task| task.namespace;
        self.check_holders("namespace", &self.namespaces, Namespace::count, namespace)?;
        self.check_holders("sem_undo", &self.sem_undos, SemUndoList::refcnt, |t| {
            t.sem_undo
        })?;
        for (id, signal) in self.signals.iter() {
            let mine = self
                .real_tasks()
                .filter(|(_, task)| task.signal() == Some(id));
            let alive = mine.filter(|(_, task)| !task.flags.contains(PfFlags::EXITING));
            let alive = alive.count() as u32;
            // A failed clone of a thread may leave `live` too high, as in the kernel.
            demand(signal.live() >= alive, || {
                format!("signal.live {}, {alive} tasks", signal.live())
            })?;
        }
        Ok(())
    }

    fn check_holders<K: Key, V: Clone>(
        &self,
        what: &str,
        arena: &Arena<K, V>,
        count: impl Fn(&V) -> u32,
        held: impl Fn(&Task) -> Option<K>,
    ) -> Result<(), String> {
        let mut holders: BTreeMap<K, u32> = arena.keys().map(|key| (key, 0)).collect();
        for key in self.tasks.values().filter_map(held) {
            *holders.entry(key).or_default() += 1;
        }
        for (key, holders) in holders {
            let stated = arena.get(key).map(&count);
            demand(stated == Some(holders) && holders > 0, || {
                format!("{what} count {stated:?}, but {holders} tasks hold it")
            })?;
        }
        Ok(())
    }

    /// Compares `f_count` with descriptors and mappings, and checks that each inode has enough
    /// holders.
    fn check_files(&self) -> Result<(), String> {
        let mut files = BTreeMap::new();
        let tables = self.files.values();
        let descriptors = tables.flat_map(|table| table.open().map(|(_, open)| open.file));
        let areas = self.mms.values().flat_map(super::mm::Mm::areas);
        let calls = self
            .tasks
            .values()
            .filter_map(|task| task.in_call.continuation);
        let pinned = calls.filter_map(|call| call.pinned_file());
        let polled = self
            .tasks
            .values()
            .filter_map(|task| task.in_call.polling.as_ref());
        let polled = polled.filter(|polling| polling.pinned);
        let pinned = pinned.chain(polled.flat_map(|polling| polling.files.iter().copied()));
        let vectors = self.tasks.values().filter_map(|task| task.in_call.vector);
        let vectors = vectors.filter_map(|io| io.pinned.then_some(io.file));
        let pinned = pinned.chain(vectors);
        let mapped = areas.filter_map(|vma| vma.vm_file);
        let segments = self.shm.iter().map(|(_, segment)| segment.file());
        let areas = self.swap.areas().map(|(_, area)| area.swap_file());
        let kept = segments.chain(areas);
        for file in descriptors.chain(mapped).chain(pinned).chain(kept) {
            *files.entry(file).or_default() += 1;
        }
        let stated = self
            .open_files
            .iter()
            .map(|(id, file)| (id, file.f_count()));
        let stated: BTreeMap<_, u32> = stated.collect();
        demand(stated == files, || {
            format!("f_count {stated:?}, but references {files:?}")
        })?;
        let mut inodes = BTreeMap::new();
        let dirs = self
            .inodes
            .iter()
            .filter_map(|(id, inode)| Some((id, inode.kind.directory()?)));
        let named = dirs.flat_map(|(id, dir)| {
            let parent = (dir.parent() != id).then(|| dir.parent());
            dir.iter().map(|(_, inode)| inode).chain(parent)
        });
        let contexts = self.fs.values().flat_map(|fs| [fs.root(), fs.cwd()]);
        let named = named.chain(contexts);
        let opened = self.open_files.values().map(File::inode);
        let running = self.mms.values().filter_map(super::mm::Mm::exe);
        let waited = self.futexes.waiters().filter_map(|(key, _)| match key {
            FutexKey::Shared(inode, ..) => Some(inode),
            FutexKey::Private(..) => None,
        });
        let looked_up = self.root.proc_inodes();
        let named = named.chain(looked_up);
        for inode in named.chain(opened).chain(running).chain(waited) {
            *inodes.entry(inode).or_default() += 1;
        }
        for (id, holders) in inodes {
            let stated = self.inodes.get(id).map_or(0, Inode::i_count);
            demand(stated >= holders, || {
                format!("i_count {stated}, but {holders} holders")
            })?;
        }
        Ok(())
    }

    /// Checks that a pipe knows how many can read and write it and who sleeps in it, and that none
    /// of its pages is empty.
    fn check_pipes(&self) -> Result<(), String> {
        for (inode, pipe) in &self.pipes {
            let ends = self
                .open_files
                .values()
                .filter(|file| file.inode() == inode);
            let ends = ends.fold((0, 0), |(readers, writers), file| {
                (
                    readers + u32::from(file.can_read()),
                    writers + u32::from(file.can_write()),
                )
            });
            let counted = (pipe.readers(), pipe.writers());
            demand(ends == counted, || {
                format!("a pipe counts {counted:?}, but has {ends:?}")
            })?;
            let fits = pipe.buffers().len() <= PIPE_BUFFERS;
            let full = pipe
                .buffers()
                .all(|b| b.len > 0 && b.offset + b.len <= PAGE_SIZE);
            demand(fits && full, || format!("bad pages in a pipe: {pipe:?}"))?;
            let inside = |task: &TaskId| match self.task(*task).in_call.continuation {
                Some(Continuation::PipeRead(io) | Continuation::PipeWrite(io)) => {
                    self.open_files[io.file].inode() == inode
                }
                Some(Continuation::Polling) => true,
                Some(Continuation::FifoOpen(wait)) => self.open_files[wait.file].inode() == inode,
                _ => false,
            };
            demand(pipe.sleepers().all(|task| inside(&task)), || {
                format!("a task sleeps in a pipe without a call: {pipe:?}")
            })?;
        }
        Ok(())
    }

    /// Checks that a CPU runs its idle task or one that is on its runqueue.
    fn check_current(&self, cpu: usize) -> Result<(), String> {
        let current = self.sched.current(cpu);
        let task = self.sched.get(current);
        let queued_here = task.is_queued() && usize::from(task.cpu) == cpu;
        demand(queued_here || current == self.sched.idle(cpu), || {
            format!(
                "CPU {cpu} runs task {}, which is not queued there",
                task.pid
            )
        })
    }

    /// Checks that queued signals are charged and belong to pending ones, that groups refer to
    /// their own threads, and real timers to their processes.
    fn check_signals(&self) -> Result<(), String> {
        let mut counted: BTreeMap<u32, u32> = BTreeMap::new();
        let private = self.tasks.values().map(|task| &task.pending);
        let shared = self.signals.values().map(|group| &group.shared_pending);
        for pending in private.chain(shared) {
            for uid in pending.users() {
                *counted.entry(uid).or_default() += 1;
            }
            let mut infos = pending.infos();
            let stray = infos.find(|info| !pending.set().contains(info.signal));
            demand(stray.is_none(), || {
                format!("{stray:?} is queued, not pending")
            })?;
        }
        // A timer holds an entry from its beginning to its end.
        for uid in self.posix_timers.users() {
            *counted.entry(uid).or_default() += 1;
        }
        let stated: BTreeMap<u32, u32> = self.users.sigpending_of_all().collect();
        demand(stated == counted, || {
            format!("sigpending {stated:?}, but {counted:?} are queued")
        })?;
        for (id, group) in self.signals.iter() {
            let named = [group.curr_target, group.group_exit_task()];
            for thread in named.into_iter().flatten() {
                let member = self
                    .tasks
                    .get(thread)
                    .is_some_and(|t| t.signal() == Some(id));
                demand(member, || "a group names a thread of another".into())?;
            }
            // The count for a core dump is never reset, as in the kernel.
            let exits = group.flags().contains(SignalFlags::GROUP_EXIT);
            demand(exits || group.group_stop_count() <= group.count(), || {
                format!("{} of {} stop", group.group_stop_count(), group.count())
            })?;
        }
        let due = self
            .signals
            .iter()
            .filter_map(|(id, group)| Some((group.itimers.real()?, id)));
        let timers: BTreeMap<_, _> = self
            .real_timers
            .iter()
            .map(|(tick, id)| (id, tick))
            .collect();
        let due: BTreeMap<_, _> = due.map(|(tick, id)| (id, tick)).collect();
        demand(timers == due, || {
            format!("real timers {timers:?}, not {due:?}")
        })
    }

    /// Checks that timers have sleepers, and vfork parents a child that will wake them.
    fn check_waits(&self) -> Result<(), String> {
        for (tick, id) in self.timers.iter() {
            let timer = self.tasks.get(id).map(|task| task.in_call.timer());
            demand(timer == Some(Some(tick)), || {
                format!("the timer of tick {tick} has no sleeper")
            })?;
        }
        for (id, task) in self.real_tasks() {
            let (child, done) = match task.in_call.continuation {
                Some(
                    Continuation::VforkWait { child, done }
                    | Continuation::PtraceStop(Trap::Fork {
                        child,
                        vfork: true,
                        done,
                    }),
                ) => (child, done),
                _ => continue,
            };
            let child = self.pid_hash.find(child);
            let held = child.is_some_and(|child| self.task(child).vfork_done == Some(id));
            demand(held != done, || {
                format!("vfork of {}: done {done}, held {held}", self.pid(id))
            })?;
        }
        Ok(())
    }
}

pub(super) fn demand(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
