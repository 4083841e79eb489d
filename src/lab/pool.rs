//! Work on several threads, with its results in the order of the work: whoever takes them cannot tell
//! how many threads there were.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// The threads that share work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pool {
    /// How many there are at most.
    pub threads: usize,
    /// The stack of each, in bytes.
    pub stack: usize,
}

/// Does the work of each item, and hands the results to `each` in the order of the items, until it
/// breaks.
///
/// # Errors
/// If no thread can be started.
///
/// # Panics
/// If the work panics.
pub fn in_order<T: Sync, R: Send>(
    pool: Pool,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut each: impl FnMut(&T, R) -> ControlFlow<()>,
) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let (done, results) = mpsc::channel();
    let take = |done: mpsc::Sender<(usize, R)>| {
        while let place = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(place)
        {
            // Nobody listens any more if `each` has broken off.
            if done.send((place, work(item))).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        let take = &take;
        let mut started = 0;
        for _ in 0..pool.threads.min(items.len()) {
            let done = done.clone();
            let thread = thread::Builder::new().stack_size(pool.stack);
            match thread.spawn_scoped(scope, move || take(done)) {
                Ok(_) => started += 1,
                Err(error) if started == 0 => return Err(error),
                // The others do its share.
                Err(_) => break,
            }
        }
        drop(done);
        let mut early = BTreeMap::new();
        let mut wanted = 0;
        for (place, result) in results {
            early.insert(place, result);
            while let Some(result) = early.remove(&wanted) {
                if each(&items[wanted], result).is_break() {
                    return Ok(());
                }
                wanted += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes back from that many threads, up to the first 50.
    fn results(threads: usize) -> Vec<u64> {
        let items: Vec<u64> = (0..100).collect();
        let mut seen = Vec::new();
        let stack = 1 << 20;
        // The first ones take longest.
        let work = |item: &u64| (0..(100 - item) * 1000).fold(*item, |sum, nr| sum ^ (nr & 1));
        in_order(Pool { threads, stack }, &items, work, |item, result| {
            seen.push(item * 1000 + result);
            if *item == 50 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
        seen
    }

    #[test]
    fn the_results_are_those_of_one_thread() {
        let alone = results(1);
        assert_eq!(alone.len(), 51);
        for threads in [2, 3, 7] {
            assert_eq!(results(threads), alone);
        }
    }
}
