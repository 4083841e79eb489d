//! The decisions at a task's exit that depend on only a few facts: who is notified, with which
//! signal, and who may wait for it. They are pure functions, so that the kernel and its
//! explanations cannot differ.

use crate::abi::{PtFlags, SaFlags, SigAction, Signal, VirtAddr, WaitOptions};

const SIGCHLD: i32 = Signal::SIGCHLD.number() as i32;

/// Whether a task that releases its memory clears its tid. If nobody is left to see it, nothing is
/// written, and the address stays set.
///
/// Linux 2.6.12: `kernel/fork.c`, `mm_release()`.
pub const fn clears_tid(addr: VirtAddr, mm_users: u32) -> bool {
    addr.0 != 0 && mm_users > 1
}

/// Whether an exiting task may no longer send the exit signal that its creator chose: it or its
/// parent has called exec since, or its parent runs another program than its creator did. CAP_KILL
/// lifts the restriction.
///
/// Linux 2.6.12: `kernel/exit.c`, `exit_notify()`.
pub const fn is_chosen_by_a_stranger(exit_signal: i32, exec_between: bool) -> bool {
    exec_between && exit_signal != SIGCHLD && exit_signal != -1
}

/// What decides whether the parent of an exiting task is notified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exiting {
    /// The signal that its creator chose.
    pub exit_signal: i32,
    /// Whether and how it is traced.
    pub ptrace: PtFlags,
    /// Whether its process has no other threads.
    pub last_thread: bool,
    /// Whether its parent is a tracer, not the real parent.
    pub parent_is_tracer: bool,
}

/// The signal number with which the parent of an exiting task is notified; `None` if it is not. A
/// task with other threads exits silently.
///
/// Linux 2.6.12: `kernel/exit.c`, `exit_notify()`.
pub const fn exit_notice(exiting: Exiting) -> Option<i32> {
    if exiting.exit_signal != -1 && exiting.last_thread {
        Some(if exiting.parent_is_tracer {
            SIGCHLD
        } else {
            exiting.exit_signal
        })
    } else if exiting.ptrace.is_empty() {
        None
    } else {
        Some(SIGCHLD)
    }
}

/// How a parent is notified. It is woken from `wait4` in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// The signal that it gets: none for 0 and for invalid numbers.
    pub signal: Option<Signal>,
    /// Whether it ignores SIGCHLD and will not wait, so that the child's `exit_signal` becomes -1.
    pub child_is_forgotten: bool,
}

/// What a parent has declared about the exits of its children, by its action for SIGCHLD.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParentsWish {
    /// Nothing: it will wait.
    Waits,
    /// `SIG_IGN`: it wants neither zombies nor signals.
    Ignores,
    /// `SA_NOCLDWAIT`: it wants signals but no zombies.
    NoZombies,
}

/// What an action for SIGCHLD declares. The default action, to ignore it, declares nothing.
///
/// Linux 2.6.12: `kernel/signal.c`, `do_notify_parent()`.
pub const fn parents_wish(action: SigAction, flags: SaFlags) -> ParentsWish {
    match action {
        SigAction::Ignore => ParentsWish::Ignores,
        _ if flags.contains(SaFlags::NOCLDWAIT) => ParentsWish::NoZombies,
        _ => ParentsWish::Waits,
    }
}

/// How a parent is notified with that number. Its declaration only matters for SIGCHLD.
///
/// Linux 2.6.12: `kernel/signal.c`, `do_notify_parent()`.
pub fn tell_parent(number: i32, wish: ParentsWish) -> Told {
    let signal = u32::try_from(number).ok().and_then(Signal::new);
    let wish = match signal {
        Some(Signal::SIGCHLD) => wish,
        _ => ParentsWish::Waits,
    };
    Told {
        signal: signal.filter(|_| wish != ParentsWish::Ignores),
        child_is_forgotten: wish != ParentsWish::Waits,
    }
}

/// Whether a task that has exited is released at once instead of becoming a zombie.
///
/// Linux 2.6.12: `kernel/exit.c`, `exit_notify()`.
pub const fn reaps_itself(exit_signal: i32, ptrace: PtFlags) -> bool {
    exit_signal == -1 && ptrace.is_empty()
}

/// Whether a `wait4` with these options includes children with this exit signal. A child with
/// another exit signal than SIGCHLD is a clone child. Nobody can wait for a child that reaps
/// itself.
///
/// Linux 2.6.12: `kernel/exit.c`, `eligible_child()`.
pub const fn options_mean(exit_signal: i32, options: WaitOptions) -> bool {
    let clone_child = exit_signal != SIGCHLD;
    options.contains(WaitOptions::ALL) || options.contains(WaitOptions::CLONE) == clone_child
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_thread_is_silent_unless_it_is_traced() {
        let (free, traced) = (PtFlags::empty(), PtFlags::PTRACED);
        for (exit_signal, ptrace, last, tracer, expected) in [
            (17, free, true, false, Some(17)),
            (10, free, true, false, Some(10)),
            (10, traced, true, true, Some(17)),
            (17, free, false, false, None),
            (17, traced, false, false, Some(17)),
            (-1, free, true, false, None),
            (-1, traced, false, false, Some(17)),
        ] {
            let notice = exit_notice(Exiting {
                exit_signal,
                ptrace,
                last_thread: last,
                parent_is_tracer: tracer,
            });
            assert_eq!(notice, expected, "{exit_signal} {ptrace:?}");
        }
    }

    /// `exit_notify()`: SIGCHLD needs no demotion, and -1 stands for no signal at all.
    #[test]
    fn only_a_chosen_signal_is_demoted_and_only_after_an_exec() {
        for (exit_signal, expected) in [(-1, false), (0, true), (10, true), (16, true), (17, false)]
        {
            assert_eq!(is_chosen_by_a_stranger(exit_signal, true), expected);
            assert!(!is_chosen_by_a_stranger(exit_signal, false));
        }
    }

    /// `mm_release()`: `atomic_read(&mm->mm_users) > 1`.
    #[test]
    fn the_tid_word_is_cleared_while_others_use_the_memory() {
        for (addr, users, expected) in [(0x1000, 2, true), (0x1000, 1, false), (0, 2, false)] {
            assert_eq!(clears_tid(VirtAddr(addr), users), expected);
        }
    }

    #[test]
    fn only_an_ignored_sigchld_makes_the_parent_forget() {
        use ParentsWish::{Ignores, NoZombies, Waits};
        let told = |number, wish| {
            let told = tell_parent(number, wish);
            (told.signal.map(Signal::number), told.child_is_forgotten)
        };
        assert_eq!(told(17, Waits), (Some(17), false));
        assert_eq!(told(17, Ignores), (None, true));
        assert_eq!(told(17, NoZombies), (Some(17), true));
        assert_eq!(told(10, Ignores), (Some(10), false));
        for number in [0, 65, 255] {
            assert_eq!(told(number, Ignores), (None, false));
        }
        let (ignore, none) = (SigAction::Ignore, SaFlags::empty());
        assert_eq!(parents_wish(ignore, SaFlags::NOCLDWAIT), Ignores);
        assert_eq!(parents_wish(SigAction::Default, none), Waits);
        assert_eq!(
            parents_wish(SigAction::Default, SaFlags::NOCLDWAIT),
            NoZombies
        );
    }

    #[test]
    fn clone_children_need_an_option_and_threads_are_waited_for_by_nobody() {
        let none = WaitOptions::empty();
        assert!(options_mean(17, none));
        assert!(!options_mean(17, WaitOptions::CLONE));
        for exit_signal in [-1, 0, 10] {
            assert!(!options_mean(exit_signal, none));
            assert!(options_mean(exit_signal, WaitOptions::CLONE));
        }
        for exit_signal in [-1, 0, 10, 17] {
            assert!(options_mean(exit_signal, WaitOptions::ALL));
            let free = reaps_itself(exit_signal, PtFlags::empty());
            assert_eq!(free, exit_signal == -1);
            assert!(!reaps_itself(exit_signal, PtFlags::PTRACED));
        }
    }
}
