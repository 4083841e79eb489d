//! The words of programs that make a system call: names, numbers and parameters, from the kernel's
//! table.
//!
//! `mmap` is the C function: the kernel's mmap2 counts the offset in pages. `exit` ends all threads
//! as the C library's does; `thread_exit` is the raw exit of one thread.

use crate::kernel::syscall::{ProgramWord, SYSCALLS, Status, SyscallInfo};

/// A word that makes a system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SystemCall {
    /// Address of the word.
    pub name: &'static str,
    /// How many arguments must be given.
    pub required: usize,
    /// What the others are if they are left out.
    pub default: u32,
    info: &'static SyscallInfo,
}

impl SystemCall {
    fn new(info: &'static SyscallInfo, word: &ProgramWord) -> Self {
        Self {
            name: word.name,
            required: word.required.unwrap_or(info.param_names().count()),
            default: word.default,
            info,
        }
    }

    /// The number in eax at `int 0x80`.
    pub const fn number(&self) -> u16 {
        self.info.nr
    }

    /// The number of its parameters.
    pub fn arity(&self) -> usize {
        self.info.param_names().count()
    }

    /// The names of its parameters, in order, with commas between.
    pub fn params(&self) -> String {
        let names: Vec<&str> = self.info.param_names().collect();
        names.join(", ")
    }
}

/// The system call of that name.
pub fn system_call(name: &str) -> Option<SystemCall> {
    system_calls().find(|call| call.name == name)
}

/// What to do instead of a system call that 2.6.12 has and that is not emulated, if that is the name
/// of one. It would return `ENOSYS`, which a program seldom expects.
pub fn absent(name: &str) -> Option<&'static str> {
    let wide = |suffix| name.to_owned() + suffix;
    let names = [
        name.to_owned(),
        wide("32"),
        wide("64"),
        format!("_new{name}"),
    ];
    let mut rows = SYSCALLS.iter();
    rows.find(|info| info.status == Status::Absent && names.iter().any(|n| n == info.name))?;
    Some(match name {
        "msync" | "sync" | "fsync" | "fdatasync" => "leave it out: files are only in memory",
        "select" | "poll" | "epoll_create" | "epoll_ctl" | "epoll_wait" => {
            "let one thread or process `read` each descriptor"
        }
        _ => "`docs/syscalls.md` lists the system calls that are emulated",
    })
}

/// All system calls, by number.
pub fn system_calls() -> impl Iterator<Item = SystemCall> {
    let words = |info: &'static SyscallInfo| {
        let words = info.programs.iter();
        words.map(move |word| SystemCall::new(info, word))
    };
    SYSCALLS.iter().flat_map(words)
}
