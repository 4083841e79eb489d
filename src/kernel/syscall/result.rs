//! How far a system call has come.

use super::restart::Restart;
use crate::abi::Errno;

/// How far a system call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SysResult {
    /// It is done; this is what it returns.
    Done(Result<u32, Errno>),
    /// A signal has interrupted it: it wants to be made again.
    Restart(Restart),
    /// The caller sleeps inside; its [`Continuation`] says where it goes on, unless it has ended.
    ///
    /// [`Continuation`]: crate::kernel::task::Continuation
    Blocked,
}

impl From<Result<u32, Errno>> for SysResult {
    fn from(result: Result<u32, Errno>) -> Self {
        Self::Done(result)
    }
}

impl From<u32> for SysResult {
    /// Of a call that cannot fail.
    fn from(value: u32) -> Self {
        Self::Done(Ok(value))
    }
}
