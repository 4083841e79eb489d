//! A call of a log in the language of scripts, and what its result is compared with.

use super::words::{fields, filled, flags, literal, number, signals, string};
use super::world::{Task, World};
use crate::import::{LoggedCall, Returned};

/// A call as a puppet makes it.
pub(super) struct Planned {
    /// The method with its arguments.
    pub(super) method: String,
    pub(super) result: Expected,
    /// What is left out of the call, and said of it.
    pub(super) without: Vec<String>,
}

/// How the result here is compared with that of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Expected {
    /// The same number, or a text of that length.
    Number,
    /// The same text, which was read.
    Text(String),
    /// Success: the value depends on the machine.
    Success,
    /// A process, a group or a session: the number here belongs to that of the log.
    Pid,
    /// A child that was waited for, with the status as the log has it.
    Waited(String),
    /// A new process; the flags say whether it shares files and memory.
    Child { files: bool, memory: bool },
    /// A new descriptor, and whether exec closes it.
    Descriptor(bool),
    /// Two of them, and whether they do not block.
    Pipe { closes: bool, nonblocking: bool },
    /// A descriptor that is closed.
    Closed(i64),
    /// Exec closes a descriptor from now on, or does not.
    CloseOnExec(i64, bool),
    /// The program is another one.
    Exec,
    /// The end of the heap.
    Break,
    /// A region of so many bytes.
    Region(i64),
}

/// Calls whose arguments are put into a method as they stand: `F0` is a descriptor, `N1` a number, `C2`
/// constants, `S0` a string, `P0` a process and `A0` an address.
const PLAIN: &[(&str, &str, Expected)] = &[
    ("access", "access(S0, C1)", Expected::Number),
    ("alarm", "alarm(N0)", Expected::Number),
    ("chdir", "chdir(S0)", Expected::Number),
    ("chmod", "chmod(S0, C1)", Expected::Number),
    ("dup", "dup(F0)", Expected::Descriptor(false)),
    ("exit", "exit(N0)", Expected::Number),
    ("exit_group", "exit_group(N0)", Expected::Number),
    ("fchdir", "fchdir(F0)", Expected::Number),
    ("fchmod", "fchmod(F0, C1)", Expected::Number),
    ("fdatasync", "fdatasync(F0)", Expected::Number),
    ("flock", "flock(F0, C1)", Expected::Number),
    (
        "fork",
        "fork()",
        Expected::Child {
            files: false,
            memory: false,
        },
    ),
    ("fstat", "fstat(F0)", Expected::Success),
    ("fsync", "fsync(F0)", Expected::Number),
    ("ftruncate", "ftruncate(F0, N1)", Expected::Number),
    ("getcwd", "getcwd()", Expected::Success),
    ("getegid", "getgid()", Expected::Success),
    ("geteuid", "geteuid()", Expected::Success),
    ("getgid", "getgid()", Expected::Success),
    ("getpgid", "getpgid(P0)", Expected::Pid),
    ("getpgrp", "getpgrp()", Expected::Pid),
    ("getpid", "getpid()", Expected::Pid),
    ("getppid", "getppid()", Expected::Pid),
    ("getrlimit", "getrlimit(C0)", Expected::Success),
    ("getrusage", "getrusage(C0)", Expected::Success),
    ("getsid", "getsid(P0)", Expected::Pid),
    ("gettid", "gettid()", Expected::Pid),
    ("gettimeofday", "gettimeofday()", Expected::Success),
    ("getuid", "getuid()", Expected::Success),
    ("kill", "kill(P0, C1)", Expected::Number),
    ("link", "link(S0, S1)", Expected::Number),
    ("lseek", "lseek(F0, N1, C2)", Expected::Number),
    ("lstat", "lstat(S0)", Expected::Success),
    ("madvise", "madvise(A0, N1, C2)", Expected::Number),
    ("mkdir", "mkdir(S0, C1)", Expected::Number),
    ("mlock", "mlock(A0, N1)", Expected::Number),
    ("mprotect", "mprotect(A0, N1, C2)", Expected::Number),
    ("msync", "msync(A0, N1, C2)", Expected::Number),
    ("munlock", "munlock(A0, N1)", Expected::Number),
    ("munmap", "munmap(A0, N1)", Expected::Number),
    ("nice", "nice(N0)", Expected::Number),
    ("pause", "pause()", Expected::Number),
    ("personality", "personality(C0)", Expected::Success),
    ("pread64", "pread(F0, N2, N3)", Expected::Number),
    ("pwrite64", "pwrite(F0, S1, N3)", Expected::Number),
    ("readlink", "readlink(S0)", Expected::Number),
    ("rename", "rename(S0, S1)", Expected::Number),
    ("rmdir", "rmdir(S0)", Expected::Number),
    (
        "sched_get_priority_max",
        "sched_get_priority_max(C0)",
        Expected::Number,
    ),
    (
        "sched_get_priority_min",
        "sched_get_priority_min(C0)",
        Expected::Number,
    ),
    (
        "sched_getscheduler",
        "sched_getscheduler(P0)",
        Expected::Number,
    ),
    ("sched_yield", "sched_yield()", Expected::Number),
    ("set_tid_address", "set_tid_address(0)", Expected::Pid),
    ("setpgid", "setpgid(P0, P1)", Expected::Number),
    ("setpriority", "setpriority(C0, P1, N2)", Expected::Number),
    ("setsid", "setsid()", Expected::Pid),
    ("stat", "stat(S0)", Expected::Success),
    ("symlink", "symlink(S0, S1)", Expected::Number),
    ("sync", "sync()", Expected::Number),
    ("sysinfo", "sysinfo()", Expected::Success),
    ("tgkill", "tgkill(P0, P1, C2)", Expected::Number),
    ("time", "time()", Expected::Success),
    ("times", "times()", Expected::Success),
    ("tkill", "tkill(P0, C1)", Expected::Number),
    ("truncate", "truncate(S0, N1)", Expected::Number),
    ("umask", "umask(C0)", Expected::Number),
    ("uname", "uname()", Expected::Success),
    ("unlink", "unlink(S0)", Expected::Number),
    (
        "vfork",
        "vfork()",
        Expected::Child {
            files: false,
            memory: true,
        },
    ),
];

/// Calls that logs of today have, and since when Linux has them.
const LATER: &[(&str, &str)] = &[
    ("accept4", "2.6.28"),
    ("close_range", "5.9"),
    ("copy_file_range", "4.5"),
    ("epoll_create1", "2.6.27"),
    ("eventfd2", "2.6.27"),
    ("execveat", "3.19"),
    ("faccessat2", "5.8"),
    ("fallocate", "2.6.23"),
    ("futex_waitv", "5.16"),
    ("getrandom", "3.17"),
    ("inotify_init1", "2.6.27"),
    ("memfd_create", "3.17"),
    ("openat2", "5.6"),
    ("ppoll", "2.6.16"),
    ("pselect6", "2.6.16"),
    ("rseq", "4.18"),
    ("set_robust_list", "2.6.17"),
    ("signalfd4", "2.6.27"),
    ("splice", "2.6.17"),
    ("statx", "4.11"),
    ("timerfd_create", "2.6.25"),
    ("utimensat", "2.6.22"),
];

/// A call with the name and the arguments that it would have had in 2.6.12: `openat(AT_FDCWD, ..)` is
/// `open(..)`, `newfstatat` is `stat`, and so on.
fn as_in_2_6_12(call: &LoggedCall) -> Result<(String, Vec<String>), String> {
    let mut args = call.args.clone();
    let name = match call.name.as_str() {
        "newfstatat" | "fstatat64" => "statat",
        "waitpid" => "wait4",
        "_newselect" => "select",
        "sigaction" => "rt_sigaction",
        "sigprocmask" => "rt_sigprocmask",
        "mmap2" => "mmap",
        "ugetrlimit" => "getrlimit",
        "pread64" | "pwrite64" => return Ok((call.name.clone(), args)),
        "prlimit64" if args.first().is_some_and(|pid| pid == "0") => match args.get(2) {
            Some(new) if new == "NULL" => {
                args.remove(0);
                "getrlimit"
            }
            _ => return Err("a limit that is set belongs to the other machine".to_owned()),
        },
        "prlimit64" => {
            return Err("it is about another process; Linux has it since 2.6.36".to_owned());
        }
        other => other
            .strip_suffix("64")
            .or(other.strip_suffix("32"))
            .unwrap_or(other),
    };
    let Some(base) = name
        .strip_suffix("at")
        .filter(|base| args.len() > 1 && IN_FOLDERS.contains(base))
    else {
        return Ok((name.to_owned(), args));
    };
    let has = |flag: &str| call.args.iter().any(|arg| arg.contains(flag));
    // `symlinkat` has its folder in the second place, and two calls have two of them.
    let folders: &[usize] = match base {
        "symlink" => &[1],
        "rename" | "link" => &[2, 0],
        _ => &[0],
    };
    if base == "stat" && has("AT_EMPTY_PATH") {
        args.remove(1);
        return Ok(("fstat".to_owned(), args));
    }
    for place in folders {
        let path_is_whole = args
            .get(place + 1)
            .is_some_and(|path| path.starts_with("\"/"));
        if *place >= args.len() {
            return Err("its arguments are not whole".to_owned());
        }
        if !args.remove(*place).starts_with("AT_FDCWD") && !path_is_whole {
            return Err(
                "its path is below a folder that is open; Linux has that since 2.6.16".to_owned(),
            );
        }
    }
    let name = match base {
        "stat" if has("AT_SYMLINK_NOFOLLOW") => "lstat",
        "unlink" if has("AT_REMOVEDIR") => "rmdir",
        "faccess" => "access",
        "fchmod" => "chmod",
        other => other,
    };
    Ok((name.to_owned(), args))
}

/// Calls that have a variant with `at` for paths below an open folder.
const IN_FOLDERS: &[&str] = &[
    "open", "mkdir", "unlink", "rename", "link", "symlink", "readlink", "fchmod", "faccess", "stat",
];

/// The call in the language of scripts.
///
/// # Errors
/// Why it cannot be made, in words for the user.
#[allow(clippy::too_many_lines, reason = "a list of calls")]
pub(super) fn plan(world: &World, task: &Task, call: &LoggedCall) -> Result<Planned, String> {
    let (name, args) = as_in_2_6_12(call)?;
    let args = Args {
        world,
        task,
        call,
        args,
    };
    let planned = |method: String, result| Planned {
        method,
        result,
        without: Vec::new(),
    };
    if name == "lseek" && world.is_terminal(task, args.number(0)?) {
        return Err("the log does not tell what its process had opened before".to_owned());
    }
    if let Some((_, method, result)) = PLAIN.iter().find(|(known, ..)| *known == name) {
        return Ok(planned(args.fill(method)?, result.clone()));
    }
    Ok(match name.as_str() {
        "open" | "creat" => args.open(&name)?,
        "close" => {
            let fd = args.number(0)?;
            planned(
                format!("close({})", args.descriptor(0)?),
                Expected::Closed(fd),
            )
        }
        "dup2" | "dup3" => {
            let (from, to) = (args.descriptor(0)?, args.number(1)?);
            let closes = args.text(2).is_ok_and(|flags| flags.contains("O_CLOEXEC"));
            let to = world.place_for(task, to);
            planned(format!("dup2({from}, {to})"), Expected::Descriptor(closes))
        }
        "fcntl" => args.fcntl()?,
        "pipe" | "pipe2" => {
            let has = |flag: &str| args.text(1).is_ok_and(|flags| flags.contains(flag));
            let result = Expected::Pipe {
                closes: has("O_CLOEXEC"),
                nonblocking: has("O_NONBLOCK"),
            };
            planned("pipe()".to_owned(), result)
        }
        "read" => {
            if world.is_terminal(task, args.number(0)?) {
                return Err("its input comes from outside of the log".to_owned());
            }
            // A read that has not returned breaks off before its length.
            let length = args.number(2).unwrap_or(4096);
            let result = match &call.returned {
                Returned::Value(len) => match filled(args.text(1)?, Some(*len)) {
                    Ok(text) => Expected::Text(text),
                    Err(_) => Expected::Number,
                },
                _ => Expected::Number,
            };
            planned(
                format!("sys_read({}, {length})", args.descriptor(0)?),
                result,
            )
        }
        "write" => {
            let text = literal(&filled(args.text(1)?, args.number(2).ok())?);
            planned(
                format!("sys_write({}, {text})", args.descriptor(0)?),
                Expected::Number,
            )
        }
        "readv" => {
            let lengths = fields(args.text(1)?, "iov_len").filter_map(number);
            let length: i64 = lengths.sum();
            planned(
                format!("sys_read({}, {length})", args.descriptor(0)?),
                Expected::Number,
            )
        }
        "writev" => {
            let parts: Result<Vec<String>, String> =
                fields(args.text(1)?, "iov_base").map(string).collect();
            let text = literal(&parts?.concat());
            planned(
                format!("sys_write({}, {text})", args.descriptor(0)?),
                Expected::Number,
            )
        }
        "wait4" => {
            let options = match args.text(2) {
                Ok("0") | Err(_) => String::new(),
                Ok(options) => format!(", {}", flags(options)?),
            };
            let status = args.text(1).unwrap_or_default().to_owned();
            let method = match (args.number(0)?, options.as_str()) {
                (-1, "") => "wait()".to_owned(),
                _ => format!("wait({}{options})", args.pid(0)?),
            };
            planned(method, Expected::Waited(status))
        }
        "clone" | "clone3" => args.clone_call()?,
        "execve" => match (&call.returned, args.string(0)) {
            // What the new program does is in the log, and so a puppet goes on.
            (Returned::Value(0), _) => planned("exec(\"sh\")".to_owned(), Expected::Exec),
            (Returned::Error(_), Ok(path)) => {
                planned(format!("exec({})", literal(&path)), Expected::Number)
            }
            _ => return Err("the log does not tell whether there is such a program".to_owned()),
        },
        "rt_sigaction" => {
            let signal = flags(args.text(0)?)?;
            let method = match args.text(1)? {
                "NULL" => format!("sigaction({signal})"),
                action => {
                    let handler =
                        fields(action, "sa_handler").chain(fields(action, "sa_sigaction"));
                    match handler.into_iter().next() {
                        Some(default @ ("SIG_DFL" | "SIG_IGN")) => {
                            format!("sigaction({signal}, {default})")
                        }
                        // What the handler does is in the log.
                        Some(_) => format!("sigaction({signal}, || ())"),
                        None => return Err("its handler is not in the log".to_owned()),
                    }
                }
            };
            planned(method, Expected::Success)
        }
        "rt_sigprocmask" => {
            let set = match args.text(1)? {
                "NULL" => "[]".to_owned(),
                set => signals(set)?,
            };
            let how = flags(args.text(0)?)?;
            planned(format!("sigprocmask({how}, {set})"), Expected::Success)
        }
        "rt_sigsuspend" => {
            let set = signals(args.text(0)?)?;
            planned(format!("sigsuspend({set})"), Expected::Number)
        }
        "sched_setscheduler" => {
            let prio = args.text(2)?.trim_matches(['[', ']', '{', '}']);
            let prio = prio.trim_start_matches("sched_priority=");
            let prio = number(prio).ok_or("its priority is not in the log")?;
            let method = args.fill("sched_setscheduler(P0, C1, ")?;
            planned(format!("{method}{prio})"), Expected::Number)
        }
        "brk" => {
            let to = match args.text(0)? {
                "NULL" | "0" => 0,
                addr => world.break_here(task, number(addr).unwrap_or(0))?,
            };
            planned(format!("brk({to})"), Expected::Break)
        }
        "mmap" => args.mmap()?,
        "arch_prctl" => return Err("only 64-bit kernels have it".to_owned()),
        _ => {
            let later = LATER.iter().find(|(known, _)| *known == call.name);
            return Err(match later {
                Some((_, since)) => format!("Linux has it since {since}"),
                None => "puppets do not make this call".to_owned(),
            });
        }
    })
}

/// The arguments of a call.
struct Args<'a> {
    world: &'a World,
    task: &'a Task,
    call: &'a LoggedCall,
    args: Vec<String>,
}

impl Args<'_> {
    fn text(&self, place: usize) -> Result<&str, String> {
        let text = self.args.get(place).map(String::as_str);
        text.ok_or_else(|| "its arguments are not whole".to_owned())
    }

    fn number(&self, place: usize) -> Result<i64, String> {
        let text = self.text(place)?;
        number(text).ok_or_else(|| format!("{text} is not a number"))
    }

    fn string(&self, place: usize) -> Result<String, String> {
        string(self.text(place)?)
    }

    fn descriptor(&self, place: usize) -> Result<i64, String> {
        let fd = self.number(place)?;
        match self.world.descriptor(self.task, fd) {
            Some(here) => Ok(here),
            // There is none in the log either.
            None if self.call.returned == Returned::Error("EBADF".to_owned()) => Ok(UNUSED),
            None => Err(format!("descriptor {fd} is of a file that is not here")),
        }
    }

    fn pid(&self, place: usize) -> Result<i64, String> {
        let there = self.number(place)?;
        if (-1..=0).contains(&there) {
            return Ok(there);
        }
        match self.world.pid(there.abs()) {
            Some(here) => Ok(here * there.signum()),
            None if self.call.returned == Returned::Error("ESRCH".to_owned()) => Ok(NOBODY),
            None => Err(format!("process {there} is not here")),
        }
    }

    /// A method whose placeholders are replaced by the arguments.
    fn fill(&self, method: &str) -> Result<String, String> {
        let (name, list) = method.split_once('(').unwrap_or((method, ""));
        let mut out = format!("{name}(");
        let mut chars = list.chars().peekable();
        while let Some(c) = chars.next() {
            let place = chars.peek().and_then(|c| c.to_digit(10));
            let Some(place) = place.filter(|_| c.is_ascii_uppercase()) else {
                out.push(c);
                continue;
            };
            chars.next();
            let place = place as usize;
            out += &match c {
                'F' => self.descriptor(place)?.to_string(),
                'N' => self.number(place)?.to_string(),
                'S' => literal(&self.string(place)?),
                'P' => self.pid(place)?.to_string(),
                'A' => self
                    .world
                    .address_here(self.task, self.number(place)?)?
                    .to_string(),
                _ => flags(self.text(place)?)?,
            };
        }
        Ok(out)
    }

    fn open(&self, name: &str) -> Result<Planned, String> {
        let path = literal(&self.string(0)?);
        let given = match name {
            "creat" => "O_CREAT|O_WRONLY|O_TRUNC",
            _ => self.text(1)?,
        };
        let is_later = |flag: &&str| ["O_CLOEXEC", "O_PATH", "O_TMPFILE"].contains(flag);
        let (later, known): (Vec<&str>, Vec<&str>) = given.split('|').partition(is_later);
        if let Some(flag) = later.iter().find(|flag| **flag != "O_CLOEXEC") {
            return Err(format!("2.6.12 has no {flag}"));
        }
        let mode = match self.args.get(if name == "creat" { 1 } else { 2 }) {
            Some(mode) => format!(", {}", flags(mode)?),
            None => String::new(),
        };
        Ok(Planned {
            method: format!("open({path}, {}{mode})", flags(&known.join("|"))?),
            result: Expected::Descriptor(!later.is_empty()),
            without: Vec::new(),
        })
    }

    fn fcntl(&self) -> Result<Planned, String> {
        let (fd, command) = (self.descriptor(0)?, self.text(1)?);
        let arg = match self.args.get(2) {
            Some(arg) if arg.starts_with('{') => {
                return Err("its argument is a structure".to_owned());
            }
            Some(arg) => format!(", {}", flags(&arg.replace("O_LARGEFILE|", ""))?),
            None => String::new(),
        };
        let (command, result) = match command {
            "F_DUPFD_CLOEXEC" => ("F_DUPFD", Expected::Descriptor(true)),
            "F_DUPFD" => ("F_DUPFD", Expected::Descriptor(false)),
            "F_SETFD" => {
                let closes = self.text(2)?.contains("FD_CLOEXEC");
                ("F_SETFD", Expected::CloseOnExec(self.number(0)?, closes))
            }
            "F_GETFL" => ("F_GETFL", Expected::Success),
            other => (other, Expected::Number),
        };
        Ok(Planned {
            method: format!("fcntl({fd}, {}{arg})", flags(command)?),
            result,
            without: Vec::new(),
        })
    }

    fn mmap(&self) -> Result<Planned, String> {
        let given = self.text(3)?;
        let addr = match self.text(0)? {
            addr if given.contains("MAP_FIXED") => self
                .world
                .address_here(self.task, number(addr).unwrap_or(0))?,
            _ => 0,
        };
        let is_hint =
            |flag: &&str| ["MAP_FIXED_NOREPLACE", "MAP_STACK", "MAP_HUGETLB"].contains(flag);
        let (hints, known): (Vec<&str>, Vec<&str>) = given.split('|').partition(is_hint);
        let file = match self.number(4)? {
            -1 => String::new(),
            _ => format!(", {}, {}", self.descriptor(4)?, self.number(5)?),
        };
        let (len, prot) = (self.number(1)?, flags(self.text(2)?)?);
        Ok(Planned {
            method: format!(
                "mmap({addr}, {len}, {prot}, {}{file})",
                flags(&known.join("|"))?
            ),
            result: Expected::Region(len),
            without: hints.into_iter().map(str::to_owned).collect(),
        })
    }

    fn clone_call(&self) -> Result<Planned, String> {
        let given = self.args.iter().find_map(|arg| fields(arg, "flags").next());
        let given = given.ok_or("its flags are not in the log")?;
        // What these do needs addresses of the other machine.
        let needs_address = |flag: &&str| {
            [
                "CLONE_SETTLS",
                "CLONE_PARENT_SETTID",
                "CLONE_CHILD_SETTID",
                "CLONE_CHILD_CLEARTID",
            ]
            .contains(flag)
        };
        let (without, mut kept): (Vec<&str>, Vec<&str>) = given.split('|').partition(needs_address);
        let signal = self
            .args
            .iter()
            .find_map(|arg| fields(arg, "exit_signal").next());
        kept.extend(signal.filter(|signal| *signal != "0"));
        kept.retain(|flag| *flag != "0");
        let has = |flag: &str| kept.contains(&flag);
        let result = Expected::Child {
            files: has("CLONE_FILES"),
            memory: has("CLONE_VM"),
        };
        let method = match kept.as_slice() {
            [] => "clone(0)".to_owned(),
            ["SIGCHLD"] => "fork()".to_owned(),
            kept => format!("clone({})", flags(&kept.join("|"))?),
        };
        Ok(Planned {
            method,
            result,
            // For a process of its own they only tell the C library its pid.
            without: if has("CLONE_VM") {
                without.into_iter().map(str::to_owned).collect()
            } else {
                Vec::new()
            },
        })
    }
}

/// A descriptor that no puppet has.
const UNUSED: i64 = 1000;
/// A pid that no puppet has.
const NOBODY: i64 = 32_000;
