//! The out-of-memory killer: whom it chooses, and what it does to them.

use super::unmap::MmuGather;
use super::vma::Vma;
use crate::abi::{Caps, ExitState, HZ, MmId, PfFlags, Pid, Signal, TASK_SIZE, TaskId};
use crate::kernel::Kernel;
use crate::kernel::sched::ThreadFlags;
use crate::kernel::task::{PidType, Seq};
use crate::trace::TraceEvent;

/// log2 of the ticks that count as one unit of CPU time: about eight seconds.
const CPU_TIME_SHIFT: u32 = 13;
/// log2 of the seconds that count as one unit of run time: about a quarter of an hour.
const RUN_TIME_SHIFT: u32 = 10;

/// What the badness of a task is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BadnessFacts {
    /// Size of its address space, pages; `None` without one.
    pub total_vm: Option<u32>,
    /// Sum of the sizes of its children's address spaces, but for its own.
    pub children_vm: u32,
    /// CPU time that it has used, ticks.
    pub cpu_ticks: u32,
    /// Seconds since it was created.
    pub run_seconds: u32,
    /// Nice value.
    pub nice: i32,
    /// It is privileged: CAP_SYS_ADMIN, or user or effective user id 0.
    pub admin: bool,
    /// It has CAP_SYS_RAWIO.
    pub rawio: bool,
    /// `oomkilladj`: how its owner has adjusted it.
    pub adjust: i32,
}

/// How much it helps to kill a task, and how little is lost.
///
/// Linux 2.6.12: `mm/oom_kill.c`, `badness()`.
pub fn badness(facts: &BadnessFacts) -> u32 {
    let Some(total_vm) = facts.total_vm else {
        return 0;
    };
    let mut points = total_vm.wrapping_add(facts.children_vm);
    let divisors = [
        (facts.cpu_ticks >> CPU_TIME_SHIFT).isqrt(),
        (facts.run_seconds >> RUN_TIME_SHIFT).isqrt().isqrt(),
    ];
    for divisor in divisors.into_iter().filter(|divisor| *divisor != 0) {
        points /= divisor;
    }
    if facts.nice > 0 {
        points = points.wrapping_mul(2);
    }
    for _ in [facts.admin, facts.rawio].into_iter().filter(|has| *has) {
        points /= 4;
    }
    match facts.adjust {
        up @ 0.. => points << up,
        down => points >> -down,
    }
}

/// A task that the killer looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate<T> {
    /// The task.
    pub task: T,
    /// Its badness.
    pub points: u32,
    /// It is dying already, and has not given back its memory yet.
    pub dying: bool,
    /// It turns a swap area off.
    pub swapoff: bool,
}

/// Whom the killer chooses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice<T> {
    /// Nobody now: a task is dying, and its memory will come free.
    Wait,
    /// This task, with so many points.
    Task(T, u32),
    /// There is nobody.
    None,
}

/// Chooses the task with the most points, the first of them if there are several, but before all
/// others one that turns a swap area off.
///
/// Linux 2.6.12: `mm/oom_kill.c`, `select_bad_process()`.
pub fn select_bad_process<T>(candidates: impl Iterator<Item = Candidate<T>>) -> Choice<T> {
    let mut chosen = Choice::None;
    for Candidate {
        task,
        points,
        dying,
        swapoff,
    } in candidates
    {
        if dying {
            return Choice::Wait;
        }
        // Whoever brings pages back from swap is what memory is short for.
        if swapoff {
            return Choice::Task(task, points);
        }
        let better = match &chosen {
            Choice::Task(_, most) => points > *most,
            Choice::Wait | Choice::None => true,
        };
        if better {
            chosen = Choice::Task(task, points);
        }
    }
    chosen
}

/// What came of a call of the killer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Somebody was killed: the allocation starts over.
    Killed,
    /// Nobody was, and nobody will be.
    Nobody,
}

impl Kernel {
    /// The facts about a task that its badness is made of.
    pub fn badness_facts(&self, task: TaskId) -> BadnessFacts {
        let it = self.task(task);
        let size = |mm: MmId| self.mms[mm].total_vm;
        let others = it.children().values();
        let others = others.filter_map(|child| self.task(*child).mm());
        let others = others.filter(|mm| Some(*mm) != it.mm()).map(size);
        let cred = it.cred();
        let seconds = |ticks: u64| (ticks / u64::from(HZ)) as u32;
        BadnessFacts {
            total_vm: it.mm().map(size),
            children_vm: others.fold(0, u32::wrapping_add),
            cpu_ticks: it.utime.wrapping_add(it.stime),
            run_seconds: seconds(self.tick()).saturating_sub(seconds(it.start_time)),
            nice: self.nice(task),
            admin: cred.capable(Caps::SYS_ADMIN) || cred.uid == 0 || cred.euid == 0,
            rawio: cred.capable(Caps::SYS_RAWIO),
            adjust: it.oomkilladj,
        }
    }

    /// The tasks in the order of the task list: kernel threads, then process by process in the order of
    /// their forks, each with its threads.
    fn task_list(&self) -> Vec<TaskId> {
        let threads: Vec<_> = self.pid_hash.entries(PidType::Tgid).collect();
        // The hash has the threads of a process in a row, the leader first.
        let processes = threads.chunk_by(|(a, ..), (b, ..)| a == b);
        let of_process = |process: &[(Pid, Seq, TaskId)]| {
            let leader = process[0].1;
            let threads = process.iter().map(|(_, seq, task)| (leader, *seq, *task));
            threads.collect::<Vec<_>>()
        };
        let mut ordered: Vec<_> = processes.flat_map(of_process).collect();
        ordered.sort_unstable_by_key(|(leader, seq, _)| (*leader, *seq));
        let tasks = ordered.into_iter().map(|(_, _, task)| task);
        self.daemons().chain(tasks).collect()
    }

    /// Kills somebody because no page can be freed.
    ///
    /// Linux 2.6.12: `mm/oom_kill.c`, `out_of_memory()`. Simplified: the caller does not sleep a
    /// tick while the victim exits. Instead the victim's pages are unmapped at once, as later
    /// kernels do, and it exits when it next gets the CPU. If all victims are gone and there is
    /// still no frame, the allocation fails; 2.6.12 would retry for ever.
    pub(super) fn out_of_memory(&mut self) -> Outcome {
        let tasks = self.task_list();
        self.vm.looked_at += tasks.len() as u64;
        let candidates = tasks.into_iter();
        let candidates = candidates.filter(|task| self.pid(*task) > Pid::INIT);
        let candidate = |task| Candidate {
            task,
            points: badness(&self.badness_facts(task)),
            dying: self.is_dying(task),
            swapoff: self.task(task).flags().contains(PfFlags::SWAPOFF),
        };
        // Whose memory was taken already counts as dead, or nobody else would ever be chosen.
        let candidates = candidates
            .filter(|task| !self.is_memdie(*task))
            .map(candidate);
        match select_bad_process(candidates) {
            Choice::Wait => Outcome::Nobody,
            Choice::None => {
                self.panic("Out of memory and no killable processes...");
                Outcome::Nobody
            }
            Choice::Task(task, points) => self.oom_kill_process(task, points),
        }
    }

    fn is_dying(&self, task: TaskId) -> bool {
        let it = self.task(task);
        it.flags().contains(PfFlags::EXITING) && it.exit_state() == ExitState::Alive
    }

    /// Whether the killer has killed a task.
    pub fn is_memdie(&self, task: TaskId) -> bool {
        let flags = self.sched.get(task).thread_flags;
        flags.contains(ThreadFlags::MEMDIE)
    }

    /// Kills the first child that has memory of its own, or else the task.
    ///
    /// Linux 2.6.12: `mm/oom_kill.c`, `oom_kill_process()`.
    fn oom_kill_process(&mut self, task: TaskId, points: u32) -> Outcome {
        let mm = self.task(task).mm();
        let children: Vec<TaskId> = self.task(task).children().values().copied().collect();
        let own = |child: &TaskId| self.task(*child).mm() != mm;
        let children = children.into_iter().filter(own);
        let victims: Vec<TaskId> = children.chain([task]).collect();
        let has_mm =
            |victim: &TaskId| self.task(*victim).mm().is_some() && !self.is_memdie(*victim);
        match victims.into_iter().find(has_mm) {
            Some(victim) => {
                self.oom_kill_task(victim, points);
                Outcome::Killed
            }
            None => Outcome::Nobody,
        }
    }

    /// Kills a task, and every process that shares its memory.
    ///
    /// Linux 2.6.12: `mm/oom_kill.c`, `oom_kill_task()`.
    fn oom_kill_task(&mut self, victim: TaskId, points: u32) {
        let Some(mm) = self.task(victim).mm() else {
            return;
        };
        let tgid = self.task(victim).tgid();
        self.oom_kill_one(victim, points);
        for other in self.task_list() {
            if self.task(other).mm() == Some(mm) && self.task(other).tgid() != tgid {
                self.oom_kill_one(other, points);
            }
        }
        if self.task(self.current()).mm() != Some(mm) {
            self.reap_pages(mm);
        }
    }

    /// Linux 2.6.12: `mm/oom_kill.c`, `__oom_kill_task()`.
    fn oom_kill_one(&mut self, victim: TaskId, points: u32) {
        // init is only reported.
        if self.pid(victim) == Pid::INIT {
            return;
        }
        let (pid, name) = (self.pid(victim), self.comm(victim));
        let current = self.current();
        let context = self.trace_cause(current, TraceEvent::MarkVictim { pid, name, points });
        self.sched.set_time_slice(victim, HZ);
        self.sched.set_tsk_thread_flag(victim, ThreadFlags::MEMDIE);
        self.force_signal(victim, Signal::SIGKILL);
        self.end_cause(context);
    }

    /// Unmaps the pages of a victim, which will touch none of them any more, and frees its page
    /// tables. Its areas go with its exit.
    fn reap_pages(&mut self, mm: MmId) {
        let vmas: Vec<Vma> = self.mms[mm].areas().copied().collect();
        self.lru_add_drain();
        let mut tlb = MmuGather::new(self, mm);
        // What is charged stays charged until the exit.
        let _charged = self.unmap_vmas(&mut tlb, &vmas);
        self.clear_page_range(&mut tlb, 0, TASK_SIZE);
        self.tlb_finish_mmu(&mut tlb);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: BadnessFacts = BadnessFacts {
        total_vm: None,
        children_vm: 0,
        cpu_ticks: 0,
        run_seconds: 0,
        nice: 0,
        admin: false,
        rawio: false,
        adjust: 0,
    };

    fn of_size(pages: u32) -> BadnessFacts {
        BadnessFacts {
            total_vm: Some(pages),
            ..NOBODY
        }
    }

    #[test]
    fn memory_example_37_badness_of_three_tasks() {
        let user = of_size(3200);
        let nice = BadnessFacts { nice: 5, ..user };
        let root = BadnessFacts {
            admin: true,
            rawio: true,
            ..user
        };
        assert_eq!(
            [user, nice, root].map(|facts| badness(&facts)),
            [3200, 6400, 200]
        );
    }

    /// The five tasks of example 64, by pid.
    fn five(child: BadnessFacts, children_vm: u32) -> [(u32, BadnessFacts); 5] {
        [
            (
                100,
                BadnessFacts {
                    children_vm,
                    ..of_size(600)
                },
            ),
            (101, child),
            (
                102,
                BadnessFacts {
                    cpu_ticks: 66_000,
                    ..of_size(9000)
                },
            ),
            (
                103,
                BadnessFacts {
                    admin: true,
                    rawio: true,
                    ..of_size(30_000)
                },
            ),
            (
                104,
                BadnessFacts {
                    nice: 5,
                    ..of_size(6000)
                },
            ),
        ]
    }

    fn choose(tasks: &[(u32, BadnessFacts)], exiting: Option<u32>) -> Choice<u32> {
        select_bad_process(tasks.iter().map(|(task, facts)| Candidate {
            task: *task,
            points: badness(facts),
            dying: exiting == Some(*task),
            swapoff: false,
        }))
    }

    #[test]
    fn reclaim_example_64_children_count_for_their_parent() {
        let child = BadnessFacts {
            cpu_ticks: 900,
            ..of_size(5000)
        };
        let tasks = five(child, 14_000);
        let points = tasks.map(|(_, facts)| badness(&facts));
        assert_eq!(points, [14_600, 5000, 4500, 1875, 12_000]);
        assert_eq!(choose(&tasks, None), Choice::Task(100, 14_600));
    }

    #[test]
    fn reclaim_example_65_a_zombie_has_no_memory() {
        let zombie = choose(&five(NOBODY, 9000), None);
        assert_eq!(zombie, Choice::Task(104, 12_000));
        let childless = choose(&five(of_size(5000), 0), None);
        assert_eq!(childless, Choice::Task(104, 12_000));
    }

    #[test]
    fn reclaim_example_66_nobody_is_killed_while_somebody_is_dying() {
        let tasks = five(of_size(5000), 14_000);
        assert_eq!(choose(&tasks, Some(104)), Choice::Wait);
    }

    #[test]
    fn reclaim_example_67_of_equal_ones_the_oldest() {
        let equal = [(50, of_size(3200)), (60, of_size(3200))];
        assert_eq!(choose(&equal, None), Choice::Task(50, 3200));
    }

    /// Section 15.3, step 1.
    #[test]
    fn whoever_turns_swap_off_is_chosen_at_once() {
        let candidate = |task, points, swapoff| Candidate {
            task,
            points,
            dying: false,
            swapoff,
        };
        let tasks = [(1, 900, false), (2, 0, true), (3, 1000, false)];
        let tasks = tasks.map(|(task, points, swapoff)| candidate(task, points, swapoff));
        assert_eq!(select_bad_process(tasks.into_iter()), Choice::Task(2, 0));
    }

    #[test]
    fn reclaim_example_68_a_kernel_thread_is_chosen_rather_than_nobody() {
        assert_eq!(choose(&[(9, NOBODY)], None), Choice::Task(9, 0));
        assert_eq!(choose(&[], None), Choice::None);
    }

    #[test]
    fn long_use_of_the_cpu_and_long_life_protect() {
        let points = |cpu_ticks, run_seconds| {
            badness(&BadnessFacts {
                cpu_ticks,
                run_seconds,
                ..of_size(3200)
            })
        };
        assert_eq!([points(32_767, 0), points(32_768, 0)], [3200, 1600]);
        assert_eq!([points(0, 16_383), points(0, 16_384)], [3200, 1600]);
    }
}
