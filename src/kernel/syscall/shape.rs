//! What the arguments of each call are to a tracer: how they are shown, and which memory they point
//! to. Most follows from the parameters in C; a table has the rest.

use super::table::{SYSCALLS, SyscallInfo};
use std::sync::LazyLock;

/// What the arguments of each call are: to find it out takes longer than most calls.
static SHAPES: LazyLock<Vec<Vec<Shape>>> =
    LazyLock::new(|| SYSCALLS.iter().map(SyscallInfo::declared).collect());

/// What an argument is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A number with a sign.
    Decimal,
    /// A number without a sign.
    Unsigned,
    /// An address; 0 is `NULL`.
    Address,
    /// The mode of a file.
    Mode,
    /// A set of flags: those constants whose names begin like that.
    Flags(&'static [&'static str]),
    /// One of the constants whose names begin like that.
    One(&'static [&'static str]),
    /// The flags of `open`, of which two bits are a number.
    OpenFlags,
    /// The flags of `clone`, of which eight bits are a signal.
    CloneFlags,
    /// The number of a signal.
    Signal,
    /// A string that the call reads.
    Path,
    /// Strings that the call reads, up to a null pointer.
    Strings,
    /// Strings of which only the number is shown.
    Environment,
    /// Bytes that the call reads, as many as the next argument says.
    Input,
    /// Bytes that the call stores, as many as it returns.
    Output,
    /// A structure that the call reads.
    In(Struct),
    /// A structure that the call stores.
    Out(Struct),
    /// A structure that it reads and stores.
    InOut(Struct),
}

/// A structure of the C headers, or several of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Struct {
    /// The status of a child.
    WaitStatus,
    /// An `int` or a `long`.
    Word,
    /// The two descriptors of a pipe.
    Pipe,
    /// Seconds and nanoseconds.
    Timespec,
    /// Seconds and microseconds.
    Timeval,
    /// An interval and a value in microseconds.
    Itimerval,
    /// A soft and a hard limit.
    Rlimit,
    /// A set of 64 signals.
    Sigset,
    /// A set of 32 signals.
    OldSigset,
    /// What is done about a signal.
    Sigaction,
    /// The same with 32 signals.
    OldSigaction,
    /// An alternate stack.
    Sigaltstack,
    /// Resources used; the times of it are shown.
    Rusage,
    /// The names of the system.
    Utsname,
    /// The priority of a realtime task.
    SchedParam,
    /// What is known about a file.
    Stat64,
    /// Three descriptors' sets of `select`: as many bits as the first argument says.
    FdSet,
    /// Descriptors and events, as many as the next argument says.
    Pollfds,
    /// Buffers that are read, as many as the next argument says.
    Iovec,
    /// A descriptor of memory, as for thread-local storage.
    UserDesc,
    /// The size of a terminal.
    Winsize,
}

impl Struct {
    /// Its size in bytes; of one, if there can be several.
    pub const fn size(self) -> usize {
        match self {
            Self::WaitStatus | Self::Word | Self::OldSigset | Self::SchedParam => 4,
            Self::Pipe
            | Self::Timespec
            | Self::Timeval
            | Self::Rlimit
            | Self::Sigset
            | Self::Pollfds
            | Self::Iovec
            | Self::Winsize => 8,
            Self::Sigaltstack => 12,
            Self::Itimerval | Self::OldSigaction | Self::UserDesc => 16,
            Self::Sigaction => 20,
            Self::Rusage => 72,
            Self::Stat64 => 96,
            Self::FdSet => 128,
            Self::Utsname => 390,
        }
    }
}

impl SyscallInfo {
    /// What each argument of a call is, in order; `None` if there is no such call.
    pub fn shapes(nr: u16) -> Option<&'static [Shape]> {
        SHAPES.get(usize::from(nr)).map(Vec::as_slice)
    }

    fn declared(&self) -> Vec<Shape> {
        let params = self.params.split(',').map(str::trim);
        let params = params.filter(|param| !param.is_empty());
        let names = self.param_names();
        params
            .zip(names)
            .map(|(param, name)| self.special(name).unwrap_or_else(|| by_type(param, name)))
            .collect()
    }

    /// What cannot be seen by the type of an argument.
    fn special(&self, param: &str) -> Option<Shape> {
        use Shape::{CloneFlags, Decimal, Flags, In, InOut, One, OpenFlags, Out};
        Some(match (self.name, param) {
            ("open", "flags") => OpenFlags,
            ("clone", "flags") => CloneFlags,
            ("clone", _) => Shape::Address,
            ("mmap2" | "mprotect", "prot") => Flags(&["PROT_"]),
            ("mmap2", "flags") => Flags(&["MAP_"]),
            ("mmap2", "fd") => Decimal,
            ("mremap", "flags") => Flags(&["MREMAP_"]),
            ("msync", "flags") => Flags(&["MS_"]),
            ("mlockall", "flags") => Flags(&["MCL_"]),
            ("madvise", "advice") => One(&["MADV_"]),
            ("wait4" | "waitpid" | "waitid", "options") => Flags(&["W", "__W"]),
            ("waitid", "which") => One(&["P_"]),
            ("access", "mode") => Flags(&["R_OK", "W_OK", "X_OK"]),
            ("lseek" | "_llseek", "whence") => One(&["SEEK_"]),
            ("fcntl" | "fcntl64", "command") => One(&["F_"]),
            ("ioctl", "command") => One(&["TC", "TIOC", "FIO"]),
            ("ptrace", "request") => One(&["PTRACE_"]),
            ("futex", "op") => One(&["FUTEX_"]),
            ("getpriority" | "setpriority", "which") => One(&["PRIO_"]),
            ("getitimer" | "setitimer", "which") => One(&["ITIMER_"]),
            ("sched_setscheduler", "policy") => One(&["SCHED_"]),
            ("sigprocmask" | "rt_sigprocmask", "how") => {
                One(&["SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"])
            }
            (_, "resource") => One(&["RLIMIT_"]),
            (_, "clock") => One(&["CLOCK_"]),
            ("getrusage", "who") => One(&["RUSAGE_"]),
            ("kill" | "tkill" | "tgkill" | "signal" | "sigaction" | "rt_sigaction", "sig") => {
                Shape::Signal
            }
            ("rt_sigqueueinfo", "sig") => Shape::Signal,
            ("pipe", "fds") => Out(Struct::Pipe),
            ("rt_sigprocmask", "set") | ("rt_sigsuspend", "mask") => In(Struct::Sigset),
            ("sigprocmask", "set") => In(Struct::OldSigset),
            ("nanosleep", "request") | ("futex", "timeout") => In(Struct::Timespec),
            ("setitimer", "value") => In(Struct::Itimerval),
            ("setrlimit", "limit") => In(Struct::Rlimit),
            ("sched_setparam" | "sched_setscheduler", "param") => In(Struct::SchedParam),
            ("settimeofday" | "utimes", "time" | "times") => In(Struct::Timeval),
            ("_newselect", "in" | "out" | "except") => InOut(Struct::FdSet),
            ("_newselect", "timeout") => InOut(Struct::Timeval),
            ("poll", "fds") => InOut(Struct::Pollfds),
            ("set_thread_area", _) => InOut(Struct::UserDesc),
            _ => return None,
        })
    }

    /// Whether its value is an address.
    pub fn returns_address(&self) -> bool {
        matches!(self.name, "brk" | "mmap" | "mmap2" | "mremap")
    }
}

/// What an argument is by its declaration.
fn by_type(param: &str, name: &str) -> Shape {
    let declared = param[..param.len() - name.len()].trim_end();
    let named = declared.trim_end_matches('*').trim_end();
    if !declared.ends_with('*') {
        return by_word(named, name);
    }
    match (named, name) {
        ("char", "argv") => Shape::Strings,
        ("char", "envp") => Shape::Environment,
        ("const char", "buffer") => Shape::Input,
        ("char", "buffer" | "list") => Shape::Output,
        ("const char" | "char", _) => Shape::Path,
        ("int", "status") => Shape::Out(Struct::WaitStatus),
        _ => match named.strip_prefix("const ") {
            Some(read) => structure(read).map_or(Shape::Address, Shape::In),
            None => structure(named).map_or(Shape::Address, Shape::Out),
        },
    }
}

fn structure(named: &str) -> Option<Struct> {
    Some(match named {
        "struct timespec" => Struct::Timespec,
        "struct timeval" => Struct::Timeval,
        "struct itimerval" => Struct::Itimerval,
        "struct rlimit" => Struct::Rlimit,
        "struct rusage" => Struct::Rusage,
        "struct new_utsname" => Struct::Utsname,
        "struct sched_param" => Struct::SchedParam,
        "struct stat64" => Struct::Stat64,
        "struct sigaction" => Struct::Sigaction,
        "struct old_sigaction" => Struct::OldSigaction,
        "struct iovec" => Struct::Iovec,
        "sigset_t" => Struct::Sigset,
        "old_sigset_t" => Struct::OldSigset,
        "stack_t" => Struct::Sigaltstack,
        "fd_set" => Struct::FdSet,
        "struct pollfd" => Struct::Pollfds,
        "struct user_desc" => Struct::UserDesc,
        _ => return None,
    })
}

fn by_word(declared: &str, name: &str) -> Shape {
    match (declared, name) {
        ("mode_t", _) | (_, "mode") => Shape::Mode,
        ("unsigned long", "addr") => Shape::Address,
        ("int" | "long" | "pid_t" | "off_t" | "clockid_t" | "timer_t" | "loff_t", _) => {
            Shape::Decimal
        }
        (_, "fd") => Shape::Decimal,
        _ => Shape::Unsigned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(name: &str) -> &[Shape] {
        let nr = SYSCALLS.iter().position(|row| row.name == name).unwrap();
        SyscallInfo::shapes(nr as u16).unwrap()
    }

    #[test]
    fn most_shapes_follow_from_the_declaration() {
        use Shape::{Decimal, Input, OpenFlags, Out, Output, Path, Unsigned};
        assert_eq!(shapes("read"), [Decimal, Output, Unsigned]);
        assert_eq!(shapes("write"), [Decimal, Input, Unsigned]);
        assert_eq!(shapes("open"), [Path, OpenFlags, Shape::Mode]);
        assert_eq!(
            shapes("waitpid"),
            [
                Decimal,
                Out(Struct::WaitStatus),
                Shape::Flags(&["W", "__W"])
            ]
        );
        assert_eq!(shapes("stat64"), [Path, Out(Struct::Stat64)]);
        assert_eq!(shapes("getpid"), []);
    }

    #[test]
    fn each_argument_has_a_shape() {
        for row in &SYSCALLS {
            assert_eq!(
                row.declared().len(),
                row.param_names().count(),
                "{}",
                row.name
            );
        }
    }
}
