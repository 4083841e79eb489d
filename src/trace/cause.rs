//! What an event came of. The kernel says so where it happens; nothing is concluded from the order.
//!
//! Each CPU has a context: the event by which its task came into the kernel, or, for what is done
//! on behalf of another event (the wake-up for a signal, the end of a vfork), that event. An
//! interrupt has a context of its own. What happens is because of the context in which it happens.

use super::log::TraceLog;

/// The most CPUs that a machine can have.
const CPUS: usize = 8;
/// How [`Cause::Timer`] is written as a distance between events.
const TIMER: u32 = u32::MAX;
/// How [`Cause::Console`] is written as a distance between events.
const CONSOLE: u32 = u32::MAX - 1;

/// What an event came of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Cause {
    /// Nothing in the kernel: a program or a puppet came into it, or a command acted from outside.
    #[default]
    Outside,
    /// A tick: the interrupt of the timer.
    Timer,
    /// An interrupt of the console: something was typed, or a puppet was told to act.
    Console,
    /// The event with this number.
    Event(u64),
}

impl Cause {
    /// How far it lies behind the event `seq`, in the form that a record keeps. What is farther
    /// behind than fits is forgotten.
    #[inline]
    pub(super) fn distance(self, seq: u64) -> u32 {
        match self {
            Self::Outside => 0,
            Self::Timer => TIMER,
            Self::Console => CONSOLE,
            Self::Event(cause) => u32::try_from(seq - cause)
                .ok()
                .filter(|distance| *distance < CONSOLE)
                .unwrap_or(0),
        }
    }

    /// The cause that lies so far behind the event `seq`.
    pub(super) const fn behind(seq: u64, distance: u32) -> Self {
        match distance {
            0 => Self::Outside,
            TIMER => Self::Timer,
            CONSOLE => Self::Console,
            distance => Self::Event(seq - distance as u64),
        }
    }
}

/// The contexts in which events happen now.
#[derive(Clone, Debug, Default)]
pub(super) struct Contexts {
    cpus: [Cause; CPUS],
    interrupt: Option<Cause>,
}

impl Contexts {
    #[inline]
    pub(super) fn of(&self, cpu: usize) -> Cause {
        self.interrupt.unwrap_or(self.cpus[cpu])
    }
}

impl TraceLog {
    /// What an event on that CPU would come of now.
    #[inline]
    pub fn context(&self, cpu: usize) -> Cause {
        self.contexts.of(cpu)
    }

    /// What happens on that CPU from now on comes of `cause`. Returns the context until now, which
    /// the caller puts back if the new one is only for a part of what the CPU does.
    #[inline]
    pub fn set_context(&mut self, cpu: usize, cause: Cause) -> Cause {
        match &mut self.contexts.interrupt {
            Some(context) => std::mem::replace(context, cause),
            None => std::mem::replace(&mut self.contexts.cpus[cpu], cause),
        }
    }

    /// An interrupt begins: what happens until [`Self::leave_interrupt`] does not come of what the
    /// tasks of the CPUs were doing.
    pub const fn enter_interrupt(&mut self, which: Cause) {
        self.contexts.interrupt = Some(which);
    }

    /// The interrupt is over.
    pub const fn leave_interrupt(&mut self) {
        self.contexts.interrupt = None;
    }

    /// The event that is emitted next, as the cause of others.
    #[inline]
    pub const fn next_event(&self) -> Cause {
        Cause::Event(self.event_seq())
    }

    /// The event that was emitted last, as the cause of others.
    #[inline]
    pub const fn last_event(&self) -> Cause {
        Cause::Event(self.event_seq().saturating_sub(1))
    }
}
