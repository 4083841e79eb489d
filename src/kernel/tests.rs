//! Calls as programs make them, and what they find in their memory afterwards.

use super::mm::tests::lab::{Lab, PRIVATE, RW};
use super::task::{SS_DISABLE, SS_ONSTACK};
use crate::abi::{
    Caps, Errno, ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, SigSet, Signal, TaskId, VirtAddr,
};

/// Words of the memory of a task.
fn stored<const N: usize>(lab: &mut Lab, task: TaskId, at: VirtAddr) -> [u32; N] {
    std::array::from_fn(|nth| lab.read(task, VirtAddr(at.0 + 4 * nth as u32)))
}

/// Without capabilities a task chooses among the ids that it has, each call in its own way.
#[test]
fn what_the_calls_make_of_real_effective_and_saved_id() {
    /// The id that means "leave it unchanged".
    const SAME: u32 = u32::MAX;
    const SETUID: u32 = 213;
    const SETREUID: u32 = 203;
    const SETRESUID: u32 = 208;
    const GETRESUID: u32 = 209;
    for (nr, [a, b, c], result) in [
        (SETUID, [1, 0, 0], Ok([1, 1, 3])),
        (SETUID, [3, 0, 0], Ok([1, 3, 3])),
        (SETUID, [2, 0, 0], Err(Errno::EPERM)),
        (SETREUID, [SAME, SAME, 0], Ok([1, 2, 3])),
        (SETREUID, [2, 1, 0], Ok([2, 1, 1])),
        (SETREUID, [1, SAME, 0], Ok([1, 2, 2])),
        (SETREUID, [3, SAME, 0], Err(Errno::EPERM)),
        // The saved id follows unless the effective one only becomes the real one.
        (SETREUID, [SAME, 3, 0], Ok([1, 3, 3])),
        (SETREUID, [SAME, 2, 0], Ok([1, 2, 2])),
        (SETREUID, [SAME, 1, 0], Ok([1, 1, 3])),
        (SETREUID, [SAME, 4, 0], Err(Errno::EPERM)),
        (SETRESUID, [SAME, SAME, SAME], Ok([1, 2, 3])),
        (SETRESUID, [3, 1, 2], Ok([3, 1, 2])),
        (SETRESUID, [SAME, 3, SAME], Ok([1, 3, 3])),
        (SETRESUID, [4, SAME, SAME], Err(Errno::EPERM)),
        (SETRESUID, [SAME, 4, SAME], Err(Errno::EPERM)),
        (SETRESUID, [SAME, SAME, 4], Err(Errno::EPERM)),
    ] {
        let (mut lab, task) = Lab::with_task();
        let page = lab.mmap(task, 1, RW, PRIVATE).0;
        lab.k.task_mut(task).set_caps(Caps::all());
        assert_eq!(lab.int_80(task, SETRESUID, [1, 2, 3]), Ok(0));
        lab.k.task_mut(task).set_caps(Caps::empty());
        let done = lab.int_80(task, nr, [a, b, c]);
        let places = [page, page + 4, page + 8];
        assert_eq!(lab.int_80(task, GETRESUID, places), Ok(0));
        let ids = stored(&mut lab, task, VirtAddr(page));
        assert_eq!(done.map(|_| ids), result, "{nr} {a} {b} {c}");
        assert_eq!(ids, result.unwrap_or([1, 2, 3]));
        for bad in 0..3 {
            let mut places = places;
            places[bad] = 8;
            let refused = lab.int_80(task, GETRESUID, places);
            assert_eq!(refused, Err(Errno::EFAULT));
        }
    }
}

/// `rt_sigpending` stores as much of the set as it is asked for, `sigpending` a word.
#[test]
fn the_set_of_pending_signals_is_stored_in_part_or_as_a_whole() {
    const SIGPENDING: u32 = 73;
    const RT_SIGPENDING: u32 = 176;
    let (mut lab, task) = Lab::with_task();
    let page = lab.mmap(task, 1, RW, PRIVATE);
    let pending = SigSet::of(&[Signal::SIGUSR1, Signal::SIGRTMIN]);
    lab.k.task_mut(task).set_blocked(pending);
    for signal in [Signal::SIGUSR1, Signal::SIGRTMIN] {
        lab.k.task_mut(task).pending.sigaddset(signal);
    }
    // SIGUSR1 is bit 9, SIGRTMIN bit 31; the next word stays as it was.
    for (nr, size, result, words) in [
        (SIGPENDING, 0, Ok(0), [0x8000_0200, 99]),
        (RT_SIGPENDING, 0, Ok(0), [99, 99]),
        (RT_SIGPENDING, 1, Ok(0), [0, 99]),
        (RT_SIGPENDING, 2, Ok(0), [0x0200, 99]),
        (RT_SIGPENDING, 4, Ok(0), [0x8000_0200, 99]),
        (RT_SIGPENDING, 8, Ok(0), [0x8000_0200, 0]),
        (RT_SIGPENDING, 9, Err(Errno::EINVAL), [99, 99]),
    ] {
        lab.store(task, page, &[99, 99]);
        assert_eq!(lab.int_80(task, nr, [page.0, size, 0]), result, "{size}");
        let set: [u32; 2] = stored(&mut lab, task, page);
        assert_eq!(set, words, "{nr} {size}");
    }
}

/// The alternate stack: who stands on it may not change it, then flags and size are checked.
#[test]
fn an_alternate_stack_has_a_least_size_and_stays_while_it_is_used() {
    const SIGALTSTACK: u32 = 186;
    const LEAST: u32 = 2048;
    let stack = [0x1000, SS_ONSTACK, LEAST];
    let none = [0, SS_DISABLE, 0];
    let off = [0x1000, 0, LEAST];
    for (new, result, after) in [
        (stack, Ok(0), off),
        ([0x1000, 0, LEAST], Ok(0), off),
        ([0x1000, 0, LEAST - 1], Err(Errno::ENOMEM), none),
        ([0x1000, SS_ONSTACK, 0], Err(Errno::ENOMEM), none),
        ([0x1000, SS_DISABLE, 0], Ok(0), none),
        ([0x1000, 4, 0], Err(Errno::EINVAL), none),
    ] {
        let (mut lab, task) = Lab::with_task();
        let page = lab.mmap(task, 1, RW, PRIVATE);
        let old = VirtAddr(page.0 + 64);
        lab.store(task, page, &new);
        let told = |lab: &mut Lab| stored::<3>(lab, task, old);
        assert_eq!(lab.int_80(task, SIGALTSTACK, [page.0, 0, 0]), result);
        assert_eq!(lab.int_80(task, SIGALTSTACK, [0, old.0, 0]), Ok(0));
        assert_eq!(told(&mut lab), after, "{new:?}");
        // The first byte of the stack is on it, the one behind it is not.
        lab.k.task_mut(task).thread.regs.esp = 0x1000 + LEAST;
        assert_eq!(lab.int_80(task, SIGALTSTACK, [page.0, 0, 0]), result);
        if after == off {
            lab.k.task_mut(task).thread.regs.esp = 0x1000;
            assert_eq!(lab.int_80(task, SIGALTSTACK, [0, old.0, 0]), Ok(0));
            assert_eq!(told(&mut lab), stack);
            let refused = lab.int_80(task, SIGALTSTACK, [page.0, 0, 0]);
            assert_eq!(refused, Err(Errno::EPERM));
        }
    }
}

/// The room is checked before the task is looked for, and what is stored is one word.
#[test]
fn the_affinity_mask_is_stored_in_a_word() {
    const GETAFFINITY: u32 = 242;
    let (mut lab, task) = Lab::with_task();
    let page = lab.mmap(task, 1, RW, PRIVATE).0;
    for (pid, len, at, result) in [
        (0, 4, page, Ok(4)),
        (0, 128, page, Ok(4)),
        (0, 3, page, Err(Errno::EINVAL)),
        (4711, 3, page, Err(Errno::EINVAL)),
        (4711, 4, page, Err(Errno::ESRCH)),
        (0, 4, 8, Err(Errno::EFAULT)),
    ] {
        lab.store(task, VirtAddr(page), &[99, 99]);
        let words = [pid, len, at];
        assert_eq!(lab.int_80(task, GETAFFINITY, words), result, "{words:?}");
        let mask: [u32; 2] = stored(&mut lab, task, VirtAddr(page));
        assert_eq!(mask, [if result.is_ok() { 1 } else { 99 }, 99]);
    }
}

/// A timer that is off has only zeros, one that is on has whole ticks. Without a new value it is
/// turned off; without a place for the old one nobody is told.
#[test]
fn the_values_of_a_timer_lie_in_the_callers_memory() {
    const SETITIMER: u32 = 104;
    const GETITIMER: u32 = 105;
    let (mut lab, task) = Lab::with_task();
    let (new, old) = (
        lab.mmap(task, 1, RW, PRIVATE),
        lab.mmap(task, 1, RW, PRIVATE),
    );
    let told = |lab: &mut Lab| stored::<4>(lab, task, old);
    let value = [1, 500_000, 2, 250_000];
    lab.store(task, new, &value);
    // The timers that count CPU time begin with the tick that has begun.
    for (which, micros) in [
        (ITIMER_REAL, 250_657),
        (ITIMER_VIRTUAL, 251_657),
        (ITIMER_PROF, 251_657),
    ] {
        let in_ticks = [1, 500_771, 2, micros];
        for (to, before) in [
            (new.0, [0; 4]),
            (new.0, in_ticks),
            (0, in_ticks),
            (0, [0; 4]),
        ] {
            lab.store(task, old, &[99; 4]);
            assert_eq!(lab.int_80(task, GETITIMER, [which, old.0, 0]), Ok(0));
            assert_eq!(told(&mut lab), before, "{which}");
            lab.store(task, old, &[99; 4]);
            assert_eq!(lab.int_80(task, SETITIMER, [which, to, old.0]), Ok(0));
            assert_eq!(told(&mut lab), before, "{which}");
        }
        assert_eq!(lab.int_80(task, SETITIMER, [which, new.0, 0]), Ok(0));
    }
    for (nr, words, errno) in [
        (GETITIMER, [ITIMER_REAL, 0, 0], Errno::EFAULT),
        (GETITIMER, [ITIMER_REAL, 8, 0], Errno::EFAULT),
        (GETITIMER, [3, 0, 0], Errno::EFAULT),
        (GETITIMER, [3, old.0, 0], Errno::EINVAL),
        (SETITIMER, [3, new.0, 0], Errno::EINVAL),
        (SETITIMER, [3, 8, 0], Errno::EFAULT),
        (SETITIMER, [ITIMER_REAL, 0, 8], Errno::EFAULT),
    ] {
        assert_eq!(lab.int_80(task, nr, words), Err(errno), "{nr} {words:?}");
    }
    // The new value counts, wherever the old one was to go.
    assert_eq!(lab.int_80(task, GETITIMER, [ITIMER_REAL, old.0, 0]), Ok(0));
    assert_eq!(told(&mut lab), [0; 4]);
}
