//! kswapd, the kernel thread that frees pages before tasks have to do it themselves.

use super::vmscan::SWAP_CLUSTER_MAX;
use crate::abi::{HZ, PfFlags, TaskId, TaskState};
use crate::kernel::Kernel;
use crate::kernel::sched::Waker;
use crate::trace::TraceEvent;

/// Its pid, out of the way of other tasks and behind those of the migration threads.
const PID: u32 = 9008;
/// How long it sleeps when a pass has not freed enough and nothing is being written, in ticks.
const NAP: u64 = HZ as u64 / 10;

/// What the thread is about.
#[derive(Clone, Debug, Default)]
pub struct Kswapd {
    task: TaskId,
    /// It is between two passes of a run, rather than asleep until it is woken.
    balancing: bool,
    /// The order of the blocks that the run is to make.
    order: u32,
    /// The largest order for which it was woken since (`kswapd_max_order`).
    max_order: u32,
    /// The run is over although the thread has not noticed.
    finished: bool,
    /// It was woken at least once.
    was_woken: bool,
}

impl Kernel {
    /// Creates the thread; it sleeps.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `kswapd_init()`.
    pub(in crate::kernel) fn make_kswapd(&mut self) {
        let flags = PfFlags::MEMALLOC | PfFlags::KSWAPD;
        self.kswapd.task = self.make_daemon(PID, "kswapd0", flags);
    }

    /// Whether a task is kswapd.
    #[inline]
    pub(super) fn is_kswapd(&self, task: TaskId) -> bool {
        task == self.kswapd.task
    }

    /// kswapd.
    pub(super) const fn kswapd_task(&self) -> TaskId {
        self.kswapd.task
    }

    /// kswapd, once it was woken or if there is swap: machines that are never short of memory do
    /// not show it.
    pub fn visible_kswapd(&self) -> Option<TaskId> {
        let seen = self.kswapd.was_woken || self.swap.total_swap_pages() > 0;
        seen.then_some(self.kswapd.task)
    }

    /// Lets kswapd make passes, if it is awake, while a task waits inside an allocation: until there
    /// is enough, or it waits for a device itself.
    ///
    /// Simplified: a task cannot leave the CPU in the middle of an allocation, so kswapd works
    /// without having the CPU. If it has finished, it has nothing left to do when it gets it.
    pub(super) fn kswapd_runs_meanwhile(&mut self) {
        while self.kswapd_is_awake() {
            if !self.kswapd.balancing {
                self.begin_run();
            }
            let balance = self.balance_pgdat(self.kswapd.order);
            self.kswapd.finished = balance.all_ok;
            if balance.napped {
                break;
            }
        }
    }

    fn kswapd_is_awake(&self) -> bool {
        let woken = self.sched.get(self.kswapd.task).state == TaskState::RUNNING;
        (woken || self.kswapd.balancing) && !self.kswapd.finished
    }

    /// Wakes kswapd because an allocation found a zone with too few free frames.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `wakeup_kswapd()`.
    pub(super) fn wakeup_kswapd(&mut self, order: u32) {
        self.kswapd.max_order = self.kswapd.max_order.max(order);
        self.kswapd.finished = false;
        self.kswapd.was_woken = true;
        if self.kswapd.balancing {
            return;
        }
        let order = order as u8;
        let task = self.kswapd.task;
        let (sched, mut ctx) = self.sched_ctx();
        if sched.try_to_wake_up(&mut ctx, task, TaskState::INTERRUPTIBLE, Waker::GoesOn) {
            self.trace_current(TraceEvent::WakeupKswapd { order });
        }
    }

    /// Runs one pass of kswapd, if this CPU runs it.
    ///
    /// Linux 2.6.12: `mm/vmscan.c`, `kswapd()`. Simplified: the waits for the device within a pass
    /// take no time; a pass that got stuck is followed by one of 100 ms.
    pub(super) fn kswapd_round(&mut self, current: TaskId) -> bool {
        if !self.is_kswapd(current) {
            return false;
        }
        if std::mem::take(&mut self.kswapd.finished) {
            self.end_run(current);
            return true;
        }
        if !self.kswapd.balancing {
            self.begin_run();
        }
        let balance = self.balance_pgdat(self.kswapd.order);
        if balance.all_ok {
            self.end_run(current);
        } else if balance.reclaimed < SWAP_CLUSTER_MAX {
            let until = Some(self.tick() + NAP);
            self.sleep(current, TaskState::UNINTERRUPTIBLE, until);
        }
        true
    }

    fn begin_run(&mut self) {
        self.kswapd.balancing = true;
        self.kswapd.order = self.kswapd.max_order;
        let order = self.kswapd.order as u8;
        self.trace(self.kswapd.task, TraceEvent::KswapdWake { order });
    }

    /// The zones have enough: it sleeps, unless somebody wants larger blocks meanwhile.
    fn end_run(&mut self, current: TaskId) {
        let wanted = std::mem::take(&mut self.kswapd.max_order);
        if self.kswapd.order < wanted {
            self.kswapd.order = wanted;
            return;
        }
        self.kswapd.balancing = false;
        self.sleep(current, TaskState::INTERRUPTIBLE, None);
    }
}
