//! Whom `wait4` and `waitid` mean, and what they are to report.

flags! {
    /// Options of `wait4` and `waitid`.
    pub struct WaitOptions {
        /// An option of wait: return at once if no child has exited.
        NOHANG "WNOHANG" = 1;
        /// An option of wait: also report children that have stopped.
        UNTRACED "WUNTRACED" = 2;
        /// An option of waitid: wait for children that have exited.
        EXITED "WEXITED" = 4;
        /// An option of wait: also report children that have continued.
        CONTINUED "WCONTINUED" = 8;
        /// An option of waitid: leave the child waitable.
        NOWAIT "WNOWAIT" = 0x0100_0000;
        /// An option of wait: only the caller's own children, not those of other threads.
        NOTHREAD "__WNOTHREAD" = 0x2000_0000;
        /// An option of wait: children with any exit signal.
        ALL "__WALL" = 0x4000_0000;
        /// An option of wait: only children whose exit signal is not SIGCHLD.
        CLONE "__WCLONE" = 0x8000_0000;
    }
}

impl WaitOptions {
    /// The options that `wait4` accepts.
    pub const WAIT4: Self = Self::NOHANG
        .union(Self::UNTRACED)
        .union(Self::CONTINUED)
        .union(Self::NOTHREAD)
        .union(Self::ALL)
        .union(Self::CLONE);
    /// The events of which `waitid` requires at least one.
    pub const EVENTS: Self = Self::EXITED.union(Self::UNTRACED).union(Self::CONTINUED);
    /// The options that `waitid` accepts.
    pub const WAITID: Self = Self::EVENTS.union(Self::NOHANG).union(Self::NOWAIT);
}

constants! {
    /// An option of waitid: wait for children that have stopped.
    WSTOPPED: u32 = WaitOptions::UNTRACED.bits();
    /// `waitid`: any child.
    P_ALL: u32 = 0;
    /// `waitid`: the child with that pid.
    P_PID: u32 = 1;
    /// Waitid: any child in that process group.
    P_PGID: u32 = 2;
}
