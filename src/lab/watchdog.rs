//! A watchdog: it stops what runs for longer than it may in the time of the host. The emulated limits
//! stop a script at the same place in every run; this is for what they do not see.

use crate::script::Interrupt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
#[expect(
    clippy::disallowed_types,
    reason = "it watches over the time of whoever waits; nothing but that it has stopped depends on it"
)]
use std::time::Instant;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(10);

/// Watches over everything that runs under it.
pub struct Watchdog {
    limit: Duration,
    watched: Mutex<Vec<Run>>,
}

/// Something that runs.
struct Run {
    interrupt: Interrupt,
    is_over: Arc<AtomicBool>,
    #[expect(clippy::disallowed_types, reason = "see above")]
    begun: Instant,
}

/// Something that is being watched, until it is dropped.
pub struct Watched<'a> {
    dog: &'a Watchdog,
    interrupt: Interrupt,
    is_over: Arc<AtomicBool>,
    #[expect(clippy::disallowed_types, reason = "see above")]
    begun: Instant,
}

/// Runs something under a watchdog. When `outer` is raised, everything that it watches is stopped.
pub fn watching<R>(limit: Duration, outer: &Interrupt, run: impl FnOnce(&Watchdog) -> R) -> R {
    let dog = Watchdog {
        limit,
        watched: Mutex::new(Vec::new()),
    };
    let (running, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let dog = &dog;
        scope.spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = end.recv_timeout(LOOK) {
                dog.look(outer);
            }
        });
        let result = run(dog);
        drop(running);
        result
    })
}

impl Watchdog {
    /// Begins to watch over something that stops when the interrupt is raised.
    #[expect(clippy::disallowed_types, reason = "see above")]
    pub fn watch(&self) -> Watched<'_> {
        let (interrupt, is_over) = (Interrupt::default(), Arc::default());
        let begun = Instant::now();
        self.with_runs(|runs| {
            runs.push(Run {
                interrupt: interrupt.clone(),
                is_over: Arc::clone(&is_over),
                begun,
            });
        });
        Watched {
            dog: self,
            interrupt,
            is_over,
            begun,
        }
    }

    fn look(&self, outer: &Interrupt) {
        self.with_runs(|runs| {
            for run in runs.iter() {
                if outer.is_raised() {
                    run.interrupt.raise();
                } else if run.begun.elapsed() > self.limit {
                    run.is_over.store(true, Ordering::Relaxed);
                    run.interrupt.raise();
                }
            }
        });
    }

    /// A list of runs is as good after a panic as before.
    fn with_runs<R>(&self, run: impl FnOnce(&mut Vec<Run>) -> R) -> R {
        run(&mut self.watched.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Watched<'_> {
    /// What stops it.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// How long it has been running.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether it was stopped because it ran for too long.
    pub fn has_timed_out(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let ours = |run: &Run| Arc::ptr_eq(&run.is_over, &self.is_over);
        self.dog.with_runs(|runs| runs.retain(|run| !ours(run)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_too_long_is_stopped_and_the_rest_is_not() {
        watching(Duration::from_millis(30), &Interrupt::default(), |dog| {
            let long = dog.watch();
            while !long.interrupt().is_raised() {
                thread::yield_now();
            }
            assert!(long.has_timed_out());
            let short = dog.watch();
            assert!(!short.interrupt().is_raised() && !short.has_timed_out());
        });
    }

    #[test]
    fn what_stops_all_is_no_timeout() {
        let outer = Interrupt::default();
        outer.raise();
        watching(Duration::from_secs(600), &outer, |dog| {
            let run = dog.watch();
            while !run.interrupt().is_raised() {
                thread::yield_now();
            }
            assert!(!run.has_timed_out());
        });
    }
}
