//! What a system call comes to: a value, or an error with the rule of the kernel that refused it,
//! so that whoever explains the error need not search for it.

use super::area_refusal::AreaRefusal;
use super::file_refusal::FileRefusal;
use super::fork_refusal::ForkRefusal;
use super::map_refusal::MapRefusal;
use super::refusal::{LimitRefusal, NoChild, PgrpRefusal};
use super::restart::Restart;
use crate::abi::Errno;

/// What a system call returns to user mode.
pub type SysReturn = Result<u32, SysError>;

/// The state of a system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SysResult {
    /// It is finished, with this return value.
    Done(SysReturn),
    /// A signal has interrupted it, and it asks to be restarted.
    Restart(Restart),
    /// The caller sleeps inside; its `Continuation` says where it goes on, unless it has ended.
    Blocked,
}

/// Why a system call fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SysError {
    /// The number says all that there is to say.
    Errno(Errno),
    /// `fork`, `vfork` or `clone`.
    Fork(ForkRefusal),
    /// `mmap` or `munmap`.
    Map(MapRefusal),
    /// A call on a file in memory, or on the length of a file.
    File(FileRefusal),
    /// `mprotect` and the other calls that change mapped memory.
    Area(AreaRefusal),
    /// `wait4` or `waitid` finds no child.
    NoChild(NoChild),
    /// `setpgid` or `setsid`.
    Pgrp(PgrpRefusal),
    /// `setrlimit`, with the limits that were compared.
    Limit(LimitRefusal),
}

impl SysError {
    /// The error number that user mode gets.
    pub const fn errno(self) -> Errno {
        match self {
            Self::Errno(errno) => errno,
            Self::Fork(refusal) => refusal.errno(),
            Self::Map(refusal) => refusal.errno(),
            Self::File(refusal) => refusal.errno(),
            Self::Area(refusal) => refusal.errno(),
            Self::NoChild(_) => Errno::ECHILD,
            Self::Pgrp(refusal) => refusal.errno(),
            Self::Limit(refusal) => refusal.rule.errno(),
        }
    }
}

/// A result as the word that user mode finds in `eax`.
pub fn eax_of(result: SysReturn) -> u32 {
    match result {
        Ok(value) => value,
        Err(error) => -error.errno().code() as u32,
    }
}

impl<E: Into<SysError>> From<Result<u32, E>> for SysResult {
    fn from(result: Result<u32, E>) -> Self {
        Self::Done(result.map_err(Into::into))
    }
}

impl From<u32> for SysResult {
    /// Of a call that cannot fail.
    fn from(value: u32) -> Self {
        Self::Done(Ok(value))
    }
}

impl From<Errno> for SysError {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<ForkRefusal> for SysError {
    fn from(refusal: ForkRefusal) -> Self {
        Self::Fork(refusal)
    }
}

impl From<MapRefusal> for SysError {
    fn from(refusal: MapRefusal) -> Self {
        Self::Map(refusal)
    }
}

impl From<FileRefusal> for SysError {
    fn from(refusal: FileRefusal) -> Self {
        Self::File(refusal)
    }
}

impl From<AreaRefusal> for SysError {
    fn from(refusal: AreaRefusal) -> Self {
        Self::Area(refusal)
    }
}

impl From<NoChild> for SysError {
    fn from(why: NoChild) -> Self {
        Self::NoChild(why)
    }
}

impl From<PgrpRefusal> for SysError {
    fn from(refusal: PgrpRefusal) -> Self {
        Self::Pgrp(refusal)
    }
}

impl From<LimitRefusal> for SysError {
    fn from(refusal: LimitRefusal) -> Self {
        Self::Limit(refusal)
    }
}
