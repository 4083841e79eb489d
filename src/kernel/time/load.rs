//! The load averages: every five seconds, how many tasks run or sleep uninterruptibly.

use crate::kernel::Kernel;

/// Ticks from one look at the tasks to the next.
///
/// Linux 2.6.12: `include/linux/sched.h`, `LOAD_FREQ`.
const LOAD_FREQ: i64 = 5000;
/// Bits after the binary point.
const FSHIFT: u32 = 11;
const FIXED_1: u32 = 1 << FSHIFT;
/// By what an average decays in five seconds: that over 1, 5 and 15 minutes.
const DECAY: [u32; 3] = [1884, 2014, 2037];

/// `avenrun`, in fixed point, and the ticks until the next look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoadAverage {
    avenrun: [u32; 3],
    count: i64,
}

impl Default for LoadAverage {
    fn default() -> Self {
        Self {
            avenrun: [0; 3],
            count: LOAD_FREQ,
        }
    }
}

impl LoadAverage {
    /// The three averages, with 16 bits after the binary point.
    pub const fn loads(&self) -> [u32; 3] {
        let [one, five, fifteen] = self.avenrun;
        [
            one << (16 - FSHIFT),
            five << (16 - FSHIFT),
            fifteen << (16 - FSHIFT),
        ]
    }

    /// The three averages, with 11 bits after the binary point.
    pub(in crate::kernel) const fn avenrun(&self) -> [u32; 3] {
        self.avenrun
    }

    /// Ticks have passed, in all of which that many tasks were active.
    ///
    /// Linux 2.6.12: `kernel/timer.c`, `calc_load()`.
    fn calc_load(&mut self, ticks: u64, active: u32) {
        self.count = self.count.saturating_sub_unsigned(ticks);
        while self.count < 0 {
            self.count += LOAD_FREQ;
            for (load, decay) in self.avenrun.iter_mut().zip(DECAY) {
                let active = active.wrapping_mul(FIXED_1).wrapping_mul(FIXED_1 - decay);
                *load = load.wrapping_mul(decay).wrapping_add(active) >> FSHIFT;
            }
        }
    }
}

impl Kernel {
    /// Counts ticks that pass while the same tasks are active.
    pub(super) fn calc_load(&mut self, ticks: u64) {
        // The tasks are counted only where it matters, every five seconds.
        if self.load.count >= 0 && self.load.count.cast_unsigned() >= ticks {
            self.load.count -= ticks as i64;
            return;
        }
        let active = self.count_active_tasks();
        self.load.calc_load(ticks, active);
    }

    /// Linux 2.6.12: `kernel/timer.c`, `count_active_tasks()`.
    fn count_active_tasks(&self) -> u32 {
        let cpus = (0..self.cpus.len()).map(|cpu| self.sched.rq(cpu));
        let active = cpus.map(|rq| rq.nr_running() as i32 + rq.nr_uninterruptible());
        active.sum::<i32>().max(0).cast_unsigned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One busy task: the average over a minute approaches 1 with each look.
    #[test]
    fn the_first_look_comes_after_five_seconds_and_a_tick() {
        let mut load = LoadAverage::default();
        load.calc_load(5000, 1);
        assert_eq!(load.loads(), [0; 3]);
        load.calc_load(1, 1);
        assert_eq!(load.avenrun, [164, 34, 11]);
        load.calc_load(5000, 1);
        assert_eq!(load.avenrun, [314, 67, 21]);
    }

    #[test]
    fn many_ticks_at_once_are_as_many_ticks_one_by_one() {
        let (mut slow, mut fast) = (LoadAverage::default(), LoadAverage::default());
        for _ in 0..12_345 {
            slow.calc_load(1, 3);
        }
        fast.calc_load(12_345, 3);
        assert_eq!(slow, fast);
    }
}
