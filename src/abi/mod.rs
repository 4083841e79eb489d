//! The shared vocabulary: numbers and names that user programs, the kernel and the explanations
//! have in common. Values here do nothing but name, convert and print themselves.

mod clone_flags;
mod errno;
mod ids;
mod mman;
mod names;
mod prio;
mod siginfo;
mod signal;
mod state;
mod status;

pub use clone_flags::{CSIGNAL, CloneFlags};
pub use errno::Errno;
pub use ids::{
    AnonVmaId, FileId, FilesId, FsId, InodeId, MmId, NamespaceId, PAGE_SHIFT, PAGE_SIZE, Pfn, Pid,
    SemUndoId, SighandId, SignalId, TaskId, VirtAddr,
};
pub use mman::{MapFlags, Prot};
pub use names::{Name, Names};
pub use prio::{
    MAX_PRIO, MAX_RT_PRIO, Policy, nice_to_static_prio, rt_priority_to_prio, static_prio_to_nice,
};
pub use siginfo::{SIGINFO_WORDS, SigInfo, SigOrigin, si_code};
pub use signal::{DefaultAction, NSIG, SigSet, Signal};
pub use state::TaskState;
pub use status::WaitStatus;
