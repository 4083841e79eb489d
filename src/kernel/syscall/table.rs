//! The table of system calls: every number that 2.6.12 knows on i386, with its name, its
//! parameters in C, how far forklab has the call, who can make it, what its arguments are decoded
//! to and which function carries it out. Everything else that is said about a call follows from
//! its row: the [`Syscall`], decoding, dispatch, the words of programs, the list in
//! `docs/syscalls.md`.
//!
//! Linux 2.6.12: `include/asm-i386/unistd.h`, `arch/i386/kernel/entry.S` (`sys_call_table`).

use super::args::{
    AnswerTo, ExecArgs, ForkArgs, FutexArgs, GroupWidth, IpcCall, ItimerVal, MmapArgs, MremapArgs,
    PtraceArgs, SigactionArgs, SigprocmaskArgs, SigtimedwaitArgs, WaitArgs, WaitidArgs,
};
use super::compat::later_name;
use super::decode::{
    Argument, Decode, Registers, affinity_mask, high_groups, id16, ids16, known_resource,
    low_groups, old_mmap, old_select, old_sigaction, old_sigmask_change, old_sigset, rt_sigaction,
    rt_sigmask_change, rt_sigset, rt_sigset_size, sched_pid, sched_priority, sigqueue_info,
    waitpid,
};
use super::result::SysResult;
use crate::abi::{Errno, Rlimit, SigAction, SigInfo, SigSet, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::trace::Memory;
use std::borrow::Cow;

/// How many numbers there are (`NR_syscalls`).
pub const NR_SYSCALLS: usize = 289;

/// How far forklab has a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// As in 2.6.12.
    Exact,
    /// With something left out, which the ledger names.
    Simplified,
    /// Not at all: `ENOSYS`.
    Absent,
    /// 2.6.12 has none under that number either: `ENOSYS`.
    Hole,
}

/// A word of programs that makes a system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProgramWord {
    /// The word; in most cases the name of the call.
    pub name: &'static str,
    /// How many arguments must be given, if not all.
    pub required: Option<usize>,
    /// What the others are if they are left out.
    pub default: u32,
}

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyscallInfo {
    /// What `eax` holds at `int 0x80`.
    pub nr: u16,
    /// Its name, `__NR_` left out; `ni_syscall` for the holes that have none.
    pub name: &'static str,
    /// Its parameters in C, with commas between.
    pub params: &'static str,
    /// How far forklab has it.
    pub status: Status,
    /// Whether it may be restarted after a signal.
    pub restarts: bool,
    /// The methods of puppets that make it.
    pub puppets: &'static [&'static str],
    /// The words of programs that make it.
    pub programs: &'static [ProgramWord],
}

impl SyscallInfo {
    /// The row of a number.
    pub fn of(nr: u16) -> Option<&'static Self> {
        SYSCALLS.get(usize::from(nr))
    }

    /// The names of the parameters, in order.
    pub fn param_names(&self) -> impl Iterator<Item = &'static str> {
        let params = self.params.split(',').filter(|param| !param.is_empty());
        params.map(|param| {
            let name = param.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            &param[name.map_or(0, |at| at + 1)..]
        })
    }
}

/// An argument, decoded by its type or, if a function is named, by that.
macro_rules! taken {
    ($registers:ident, $ty:ty) => {
        <$ty as Decode>::take(&mut $registers)?
    };
    ($registers:ident, $ty:ty, $take:ident) => {
        $take(&mut $registers)?
    };
}

/// A row: `number name("parameters") Status`, then, if there is such a call, `= Variant(arguments)
/// => function` with `, again` if it may be restarted after a signal, then who can make it.
macro_rules! syscalls {
    ($(
        $nr:literal $name:ident($params:literal) $status:ident
        $(= $variant:ident $(($($arg:ident: $ty:ty $(= $take:ident)?),*))? => $function:ident
            $(, $again:ident)?)?
        $(puppets($($method:ident),*))?
        $(programs($($word:ident $($required:literal $(or $default:literal)?)?),*))?;
    )*) => {
        /// A system call with its arguments.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Syscall {
            $($(
                #[doc = concat!("`", stringify!($name), "(", $params, ")`")]
                $variant $(($($ty),*))?,
            )?)*
            /// A number without a call: `ENOSYS`.
            Absent(u16),
        }

        /// The numbers of the calls, by their names: `__NR_*`.
        #[allow(non_upper_case_globals, reason = "they are called as the calls are")]
        pub mod nr {
            $($(
                #[doc = concat!("Of `", stringify!($variant), "`.")]
                pub const $name: u16 = $nr;
            )?)*
        }

        impl Syscall {
            /// The i386 system call number.
            pub const fn nr(&self) -> u16 {
                match self {
                    $($(Self::$variant { .. } => $nr,)?)*
                    Self::Absent(nr) => *nr,
                }
            }

            /// The first argument as a word, for the trace; 0 for what lies in memory.
            pub(in crate::kernel) fn first_arg(&self) -> u32 {
                match self {
                    $($(Self::$variant $(($($arg),*))? => {
                        let words: &[u32] = &[$($($arg.word()),*)?];
                        words.first().copied().unwrap_or(0)
                    })?)*
                    Self::Absent(_) => 0,
                }
            }

            /// The words that its arguments would be passed in, and what they would point to, as
            /// far as it is known: the caller may have passed it in no registers.
            pub(in crate::kernel) fn told(&self) -> ([u32; 6], Memory) {
                let (mut words, mut memory) = (Vec::new(), Memory::new());
                match self {
                    $($(Self::$variant $(($($arg),*))? => {
                        $($(
                            let first = words.len() as u8;
                            memory.extend((first..).zip($arg.pointed()));
                            words.extend($arg.words());
                        )*)?
                    })?)*
                    Self::Absent(_) => {}
                }
                let word = |at| words.get(at).copied().unwrap_or(0);
                (std::array::from_fn(word), memory)
            }

            /// The first argument of the call that registers ask for.
            pub(super) fn first_arg_of(nr: u32, words: [u32; 6]) -> u32 {
                let first: &[fn([u32; 6]) -> u32] = match nr {
                    $($($nr => &[$($(<$ty as Argument>::first_word),*)?],)?)*
                    _ => &[],
                };
                first.first().map_or(0, |word| word(words))
            }
        }

        impl Kernel {
            /// The call of that number with the arguments in these registers; what the caller's
            /// memory holds of them is copied.
            ///
            /// # Errors
            /// Of that copying: `EFAULT`, `ENAMETOOLONG`, `ENOENT`, `E2BIG`; and what a call
            /// checks before it copies: `EINVAL`, `ENOSYS`.
            pub(super) fn decode(
                &mut self,
                current: TaskId,
                (nr, words): (u32, [u32; 6]),
            ) -> Result<Syscall, Errno> {
                let mut registers = Registers::of(self, current, words);
                Ok(match nr {
                    $($($nr => {
                        $($(let $arg: $ty = taken!(registers, $ty $(, $take)?);)*)?
                        Syscall::$variant $(($($arg),*))?
                    })?)*
                    _ => Syscall::Absent(nr as u16),
                })
            }

            /// Carries a system call out.
            pub(super) fn dispatch(
                &mut self,
                current: TaskId,
                call: Syscall,
            ) -> SysResult {
                match call {
                    $($(Syscall::$variant $(($($arg),*))? => {
                        SysResult::from(self.$function(current $($(, $arg)*)?))
                    })?)*
                    Syscall::Absent(_) => Err(Errno::ENOSYS).into(),
                }
            }
        }

        /// All system calls, each at its number.
        pub static SYSCALLS: [SyscallInfo; NR_SYSCALLS] = [$(
            SyscallInfo {
                nr: $nr,
                name: stringify!($name),
                params: $params,
                status: Status::$status,
                restarts: matches!(&[$($(stringify!($again),)?)?] as &[&str], [_]),
                puppets: &[$($(stringify!($method)),*)?],
                programs: &[$($(ProgramWord {
                    name: stringify!($word),
                    required: required!($($required)?),
                    default: default!($($($default)?)?),
                }),*)?],
            },
        )*];
    };
}

macro_rules! default {
    () => {
        0
    };
    ($value:literal) => {
        $value
    };
}

macro_rules! required {
    () => {
        None
    };
    ($count:literal) => {
        Some($count)
    };
}

syscalls! {
    0 restart_syscall("") Exact = RestartSyscall => sys_restart_syscall;
    1 exit("int status") Exact = Exit(status: i32) => sys_exit
        puppets(exit) programs(thread_exit);
    2 fork("") Exact = Fork => sys_fork puppets(fork) programs(fork);
    3 read("unsigned int fd, char *buffer, size_t count") Simplified
        = Read(fd: u32, buffer: VirtAddr, count: u32) => sys_read, again
        puppets(sys_read) programs(read);
    4 write("unsigned int fd, const char *buffer, size_t count") Simplified
        = Write(fd: u32, buffer: VirtAddr, count: u32) => sys_write, again
        puppets(sys_write) programs(write);
    5 open("const char *path, int flags, int mode") Exact
        = Open(path: String, flags: u32, mode: u32) => sys_open, again
        puppets(open) programs(open 2 or 0o666);
    6 close("unsigned int fd") Exact = Close(fd: u32) => sys_close puppets(close) programs(close);
    7 waitpid("pid_t pid, int *status, int options") Exact
        = Waitpid(args: WaitArgs = waitpid) => sys_wait4, again programs(waitpid);
    8 creat("const char *path, int mode") Exact
        = Creat(path: String, mode: u32) => sys_creat, again programs(creat);
    9 link("const char *old, const char *new") Exact
        = Link(old: Result<String, Errno>, new: String) => sys_link puppets(link) programs(link);
    10 unlink("const char *path") Exact
        = Unlink(path: String) => sys_unlink puppets(unlink) programs(unlink);
    11 execve("char *path, char **argv, char **envp") Simplified
        = Execve(args: ExecArgs) => sys_execve puppets(exec) programs(execve);
    12 chdir("const char *path") Exact
        = Chdir(path: String) => sys_chdir puppets(chdir) programs(chdir);
    13 time("int *result") Exact = Time(result: VirtAddr) => sys_time
        puppets(time) programs(time 0);
    14 mknod("const char *path, int mode, unsigned int dev") Exact
        = Mknod(path: String, mode: u32, dev: u32) => sys_mknod
        puppets(mknod) programs(mknod 2);
    15 chmod("const char *path, mode_t mode") Exact
        = Chmod(path: String, mode: u32) => sys_chmod puppets(chmod) programs(chmod);
    16 lchown("const char *path, old_uid_t user, old_gid_t group") Exact
        = Lchown(path: String, user: u32 = id16, group: u32 = id16) => sys_lchown;
    17 break("") Hole;
    18 oldstat("char *path, struct __old_kernel_stat *buffer") Exact
        = Oldstat(path: String, buffer: VirtAddr) => sys_stat;
    19 lseek("unsigned int fd, off_t offset, unsigned int whence") Exact
        = Lseek(fd: u32, offset: i32, whence: u32) => sys_lseek puppets(lseek) programs(lseek);
    20 getpid("") Exact = Getpid => sys_getpid puppets(getpid) programs(getpid);
    21 mount("char *dev, char *dir, char *type, unsigned long flags, void *data") Absent;
    22 umount("char *path") Absent;
    23 setuid("old_uid_t uid") Exact = Setuid(uid: u32 = id16) => sys_setuid;
    24 getuid("") Exact = Getuid => sys_getuid16 puppets(getuid);
    25 stime("time_t *time") Exact = Stime(time: VirtAddr) => sys_stime programs(stime);
    26 ptrace("long request, long pid, long addr, long data") Simplified
        = Ptrace(args: PtraceArgs) => sys_ptrace
        puppets(
            ptrace_attach, ptrace_cont, ptrace_detach, ptrace_geteventmsg, ptrace_getregs,
            ptrace_getsiginfo, ptrace_kill, ptrace_peek, ptrace_peekuser, ptrace_poke,
            ptrace_pokeuser, ptrace_setoptions, ptrace_singlestep, ptrace_syscall, ptrace_traceme
        ) programs(ptrace);
    27 alarm("unsigned int seconds") Exact
        = Alarm(seconds: u32) => sys_alarm puppets(alarm) programs(alarm);
    28 oldfstat("unsigned int fd, struct __old_kernel_stat *buffer") Exact
        = Oldfstat(fd: u32, buffer: VirtAddr) => sys_fstat;
    29 pause("") Exact = Pause => sys_pause, again puppets(pause) programs(pause);
    30 utime("char *path, struct utimbuf *times") Exact
        = Utime(path: String, times: VirtAddr) => sys_utime programs(utime 1);
    31 stty("") Hole;
    32 gtty("") Hole;
    33 access("const char *path, int mode") Exact
        = Access(path: String, mode: u32) => sys_access puppets(access) programs(access);
    34 nice("int increment") Exact = Nice(increment: i32) => sys_nice puppets(nice) programs(nice);
    35 ftime("") Hole;
    36 sync("") Exact = Sync => sys_sync puppets(sync) programs(sync);
    37 kill("int pid, int sig") Exact
        = Kill(pid: i32, sig: i32) => sys_kill puppets(kill) programs(kill);
    38 rename("const char *old, const char *new") Exact
        = Rename(old: String, new: String) => sys_rename puppets(rename) programs(rename);
    39 mkdir("const char *path, int mode") Exact
        = Mkdir(path: String, mode: u32) => sys_mkdir
        puppets(mkdir) programs(mkdir 1 or 0o777);
    40 rmdir("const char *path") Exact
        = Rmdir(path: String) => sys_rmdir puppets(rmdir) programs(rmdir);
    41 dup("unsigned int fd") Exact = Dup(fd: u32) => sys_dup puppets(dup) programs(dup);
    42 pipe("unsigned long *fds") Exact = Pipe(fds: VirtAddr) => sys_pipe
        puppets(pipe) programs(pipe);
    43 times("struct tms *buffer") Exact = Times(buffer: VirtAddr) => sys_times
        puppets(times) programs(times 0);
    44 prof("") Hole;
    45 brk("unsigned long addr") Exact = Brk(addr: u32) => sys_brk puppets(brk) programs(brk);
    46 setgid("old_gid_t gid") Exact = Setgid(gid: u32 = id16) => sys_setgid;
    47 getgid("") Exact = Getgid => sys_getgid16;
    48 signal("int sig, __sighandler_t handler") Exact
        = Signal(sig: u32, handler: SigAction) => sys_signal, again programs(signal);
    49 geteuid("") Exact = Geteuid => sys_geteuid16 puppets(geteuid);
    50 getegid("") Exact = Getegid => sys_getegid16;
    51 acct("const char *path") Absent;
    52 umount2("char *path, int flags") Absent;
    53 lock("") Hole;
    54 ioctl("unsigned int fd, unsigned int command, unsigned long arg") Exact
        = Ioctl(fd: u32, command: u32, arg: u32) => sys_ioctl, again
        puppets(ioctl, tcgetpgrp, tcsetpgrp) programs(ioctl 2);
    55 fcntl("unsigned int fd, unsigned int command, unsigned long arg") Simplified
        = Fcntl(fd: u32, command: u32, arg: u32) => sys_fcntl, again
        puppets(fcntl) programs(fcntl 2);
    56 mpx("") Hole;
    57 setpgid("pid_t pid, pid_t pgid") Exact
        = Setpgid(pid: i32, pgid: i32) => sys_setpgid puppets(setpgid) programs(setpgid);
    58 ulimit("") Hole;
    59 oldolduname("struct oldold_utsname *name") Exact
        = Oldolduname(name: VirtAddr) => sys_olduname;
    60 umask("int mask") Exact = Umask(mask: u32) => sys_umask puppets(umask) programs(umask);
    61 chroot("const char *path") Exact
        = Chroot(path: String) => sys_chroot puppets(chroot) programs(chroot);
    62 ustat("unsigned int dev, struct ustat *buffer") Absent;
    63 dup2("unsigned int fd, unsigned int new_fd") Exact
        = Dup2(fd: u32, new_fd: u32) => sys_dup2 puppets(dup2) programs(dup2);
    64 getppid("") Exact = Getppid => sys_getppid puppets(getppid) programs(getppid);
    65 getpgrp("") Exact = Getpgrp => sys_getpgrp puppets(getpgrp) programs(getpgrp);
    66 setsid("") Exact = Setsid => sys_setsid puppets(setsid) programs(setsid);
    67 sigaction(
        "int sig, const struct old_sigaction *action, struct old_sigaction *old"
    ) Exact
        = Sigaction(args: SigactionArgs = old_sigaction) => sys_sigaction, again
        puppets(sigaction) programs(sigaction);
    68 sgetmask("") Exact = Sgetmask => sys_sgetmask programs(sgetmask);
    69 ssetmask("int mask") Exact = Ssetmask(mask: u32) => sys_ssetmask programs(ssetmask);
    70 setreuid("old_uid_t ruid, old_uid_t euid") Exact
        = Setreuid(ruid: u32 = id16, euid: u32 = id16) => sys_setreuid;
    71 setregid("old_gid_t rgid, old_gid_t egid") Exact
        = Setregid(rgid: u32 = id16, egid: u32 = id16) => sys_setregid;
    72 sigsuspend("int unused, int unused2, old_sigset_t mask") Exact
        = Sigsuspend(mask: SigSet = old_sigset) => sys_sigsuspend programs(sigsuspend);
    73 sigpending("old_sigset_t *set") Exact
        = Sigpending(set: VirtAddr) => sys_sigpending programs(sigpending);
    74 sethostname("char *name, int len") Absent;
    75 setrlimit("unsigned int resource, struct rlimit *limit") Exact
        = Setrlimit(resource: u32 = known_resource, limit: Rlimit) => sys_setrlimit
        puppets(setrlimit) programs(setrlimit);
    76 getrlimit("unsigned int resource, struct rlimit *limit") Exact
        = Getrlimit(resource: u32, limit: VirtAddr) => sys_old_getrlimit
        programs(old_getrlimit);
    77 getrusage("int who, struct rusage *usage") Exact
        = Getrusage(who: i32, usage: VirtAddr) => sys_getrusage
        puppets(getrusage) programs(getrusage);
    78 gettimeofday("struct timeval *time, struct timezone *zone") Exact
        = Gettimeofday(time: VirtAddr, zone: VirtAddr) => sys_gettimeofday
        puppets(gettimeofday) programs(gettimeofday 1);
    79 settimeofday("struct timeval *time, struct timezone *zone") Exact
        = Settimeofday(time: VirtAddr, zone: VirtAddr) => sys_settimeofday
        programs(settimeofday 1);
    80 getgroups("int size, old_gid_t *list") Exact
        = Getgroups(size: u32, list: VirtAddr, width: GroupWidth = low_groups) => sys_getgroups;
    81 setgroups("int size, old_gid_t *list") Exact
        = Setgroups(size: u32, list: VirtAddr, width: GroupWidth = low_groups) => sys_setgroups;
    82 select("struct sel_arg_struct *args") Exact
        = OldSelect(args: [u32; 5] = old_select) => sys_select, again programs(old_select);
    83 symlink("const char *old, const char *new") Exact
        = Symlink(old: String, new: String) => sys_symlink puppets(symlink) programs(symlink);
    84 oldlstat("char *path, struct __old_kernel_stat *buffer") Exact
        = Oldlstat(path: String, buffer: VirtAddr) => sys_lstat;
    85 readlink("const char *path, char *buffer, int size") Exact
        = Readlink(path: String, buffer: VirtAddr, size: i32) => sys_readlink
        puppets(readlink) programs(readlink);
    86 uselib("const char *library") Absent;
    87 swapon("const char *path, int flags") Exact
        = Swapon(path: Result<String, Errno>, flags: u32) => sys_swapon
        puppets(swapon) programs(swapon);
    88 reboot("int magic, int magic2, unsigned int command, void *arg") Absent;
    89 readdir("unsigned int fd, struct old_linux_dirent *entry, unsigned int count") Exact
        = Readdir(fd: u32, entry: VirtAddr) => sys_old_readdir;
    90 mmap("struct mmap_arg_struct *args") Simplified
        = Mmap(args: MmapArgs = old_mmap) => sys_mmap2 programs(old_mmap);
    91 munmap("unsigned long addr, size_t len") Exact
        = Munmap(addr: u32, len: u32) => sys_munmap puppets(munmap) programs(munmap);
    92 truncate("const char *path, unsigned long length") Simplified
        = Truncate(path: String, length: i32) => sys_truncate puppets(truncate) programs(truncate);
    93 ftruncate("unsigned int fd, unsigned long length") Simplified
        = Ftruncate(fd: u32, length: i32) => sys_ftruncate puppets(ftruncate) programs(ftruncate);
    94 fchmod("unsigned int fd, mode_t mode") Exact
        = Fchmod(fd: u32, mode: u32) => sys_fchmod puppets(fchmod) programs(fchmod);
    95 fchown("unsigned int fd, old_uid_t user, old_gid_t group") Exact
        = Fchown(fd: u32, user: u32 = id16, group: u32 = id16) => sys_fchown;
    96 getpriority("int which, int who") Exact
        = Getpriority(which: i32, who: i32) => sys_getpriority
        puppets(getpriority) programs(getpriority);
    97 setpriority("int which, int who, int nice") Exact
        = Setpriority(which: i32, who: i32, nice: i32) => sys_setpriority
        puppets(setpriority) programs(setpriority);
    98 profil("") Hole;
    99 statfs("const char *path, struct statfs *buffer") Exact
        = Statfs(path: String, buffer: VirtAddr) => sys_statfs programs(statfs);
    100 fstatfs("unsigned int fd, struct statfs *buffer") Exact
        = Fstatfs(fd: u32, buffer: VirtAddr) => sys_fstatfs programs(fstatfs);
    101 ioperm("unsigned long from, unsigned long count, int on") Absent;
    102 socketcall("int call, unsigned long *args") Absent;
    103 syslog("int type, char *buffer, int len") Absent;
    104 setitimer("int which, struct itimerval *value, struct itimerval *old") Simplified
        = Setitimer(which: u32, value: ItimerVal, old: VirtAddr) => sys_setitimer
        puppets(setitimer) programs(setitimer);
    105 getitimer("int which, struct itimerval *value") Simplified
        = Getitimer(which: u32, value: VirtAddr) => sys_getitimer
        puppets(getitimer) programs(getitimer);
    106 stat("char *path, struct stat *buffer") Exact
        = Stat(path: String, buffer: VirtAddr) => sys_newstat;
    107 lstat("char *path, struct stat *buffer") Exact
        = Lstat(path: String, buffer: VirtAddr) => sys_newlstat;
    108 fstat("unsigned int fd, struct stat *buffer") Exact
        = Fstat(fd: u32, buffer: VirtAddr) => sys_newfstat;
    109 olduname("struct old_utsname *name") Exact = Olduname(name: VirtAddr) => sys_uname;
    110 iopl("unsigned long level") Absent;
    111 vhangup("") Exact = Vhangup => sys_vhangup puppets(vhangup) programs(vhangup);
    112 idle("") Hole;
    113 vm86old("struct vm86_struct *info") Absent;
    114 wait4("pid_t pid, int *status, int options, struct rusage *usage") Exact
        = Wait4(args: WaitArgs) => sys_wait4, again puppets(wait) programs(wait4);
    115 swapoff("const char *path") Exact
        = Swapoff(path: Result<String, Errno>) => sys_swapoff puppets(swapoff) programs(swapoff);
    116 sysinfo("struct sysinfo *info") Exact = Sysinfo(info: VirtAddr) => sys_sysinfo
        puppets(sysinfo) programs(sysinfo);
    117 ipc("unsigned int call, int first, int second, int third, void *ptr, long fifth") Exact
        = Ipc(call: IpcCall) => sys_ipc, again puppets(msgctl, msgget, msgrcv, msgsnd, semctl, semget, semop, shmat, shmctl, shmdt, shmget) programs(ipc);
    118 fsync("unsigned int fd") Exact
        = Fsync(fd: u32) => sys_fsync puppets(fsync) programs(fsync);
    119 sigreturn("") Simplified = Sigreturn => sys_sigreturn programs(sigreturn);
    120 clone(
        "unsigned long flags, unsigned long stack, int *parent_tid, struct user_desc *tls, \
         int *child_tid"
    ) Exact
        = Clone(args: ForkArgs) => sys_clone puppets(clone) programs(sys_clone 2);
    121 setdomainname("char *name, int len") Absent;
    122 uname("struct new_utsname *name") Exact = Uname(name: VirtAddr) => sys_newuname
        puppets(uname) programs(uname);
    123 modify_ldt("int func, void *ptr, unsigned long count") Absent;
    124 adjtimex("struct timex *time") Absent;
    125 mprotect("unsigned long addr, size_t len, unsigned long prot") Exact
        = Mprotect(addr: u32, len: u32, prot: u32) => sys_mprotect
        puppets(mprotect) programs(mprotect);
    126 sigprocmask("int how, old_sigset_t *set, old_sigset_t *old") Exact
        = Sigprocmask(args: SigprocmaskArgs = old_sigmask_change) => sys_sigprocmask
        programs(sigprocmask);
    127 create_module("") Hole;
    128 init_module("void *image, unsigned long len, const char *args") Absent;
    129 delete_module("const char *name, unsigned int flags") Absent;
    130 get_kernel_syms("") Hole;
    131 quotactl("unsigned int command, const char *dev, int id, void *addr") Absent;
    132 getpgid("pid_t pid") Exact = Getpgid(pid: i32) => sys_getpgid
        puppets(getpgid) programs(getpgid);
    133 fchdir("unsigned int fd") Exact
        = Fchdir(fd: u32) => sys_fchdir puppets(fchdir) programs(fchdir);
    134 bdflush("int func, long data") Absent;
    135 sysfs("int option, unsigned long arg, unsigned long arg2") Absent;
    136 personality("unsigned long personality") Simplified
        = Personality(persona: u32) => sys_personality
        puppets(personality) programs(personality);
    137 afs_syscall("") Hole;
    138 setfsuid("old_uid_t uid") Simplified
        = Setfsuid(uid: u32 = id16) => sys_setfsuid;
    139 setfsgid("old_gid_t gid") Exact
        = Setfsgid(gid: u32 = id16) => sys_setfsgid;
    140 _llseek(
        "unsigned int fd, unsigned long high, unsigned long low, loff_t *result, \
         unsigned int whence"
    ) Exact
        = Llseek(fd: u32, high: u32, low: u32, result: VirtAddr, whence: u32) => sys_llseek
        programs(_llseek);
    141 getdents("unsigned int fd, struct linux_dirent *entries, unsigned int count") Exact
        = Getdents(fd: u32, entries: VirtAddr, count: u32) => sys_getdents programs(getdents);
    142 _newselect(
        "int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout"
    ) Exact
        = Select(args: [u32; 5]) => sys_select, again puppets(select) programs(select);
    143 flock("unsigned int fd, unsigned int command") Exact
        = Flock(fd: u32, command: u32) => sys_flock, again puppets(flock) programs(flock);
    144 msync("unsigned long addr, size_t len, int flags") Exact
        = Msync(addr: u32, len: u32, flags: u32) => sys_msync puppets(msync) programs(msync);
    145 readv("unsigned long fd, const struct iovec *vector, unsigned long count") Exact
        = Readv(fd: u32, vector: VirtAddr, count: u32) => sys_readv, again
        programs(readv);
    146 writev("unsigned long fd, const struct iovec *vector, unsigned long count") Exact
        = Writev(fd: u32, vector: VirtAddr, count: u32) => sys_writev, again
        programs(writev);
    147 getsid("pid_t pid") Exact = Getsid(pid: i32) => sys_getsid puppets(getsid) programs(getsid);
    148 fdatasync("unsigned int fd") Exact
        = Fdatasync(fd: u32) => sys_fdatasync puppets(fdatasync) programs(fdatasync);
    149 _sysctl("struct __sysctl_args *args") Absent;
    150 mlock("unsigned long addr, size_t len") Exact
        = Mlock(addr: u32, len: u32) => sys_mlock puppets(mlock) programs(mlock);
    151 munlock("unsigned long addr, size_t len") Exact
        = Munlock(addr: u32, len: u32) => sys_munlock puppets(munlock) programs(munlock);
    152 mlockall("int flags") Exact
        = Mlockall(flags: u32) => sys_mlockall puppets(mlockall) programs(mlockall);
    153 munlockall("") Exact = Munlockall => sys_munlockall
        puppets(munlockall) programs(munlockall);
    154 sched_setparam("pid_t pid, struct sched_param *param") Exact
        = SchedSetparam(pid: i32 = sched_pid, param: i32 = sched_priority) => sys_sched_setparam
        puppets(sched_setparam) programs(sched_setparam);
    155 sched_getparam("pid_t pid, struct sched_param *param") Exact
        = SchedGetparam(pid: i32, param: AnswerTo) => sys_sched_getparam
        puppets(sched_getparam) programs(sched_getparam);
    156 sched_setscheduler("pid_t pid, int policy, struct sched_param *param") Exact
        = SchedSetscheduler(pid: i32 = sched_pid, policy: i32, param: i32 = sched_priority)
            => sys_sched_setscheduler
        puppets(sched_setscheduler) programs(sched_setscheduler);
    157 sched_getscheduler("pid_t pid") Exact
        = SchedGetscheduler(pid: i32) => sys_sched_getscheduler
        puppets(sched_getscheduler) programs(sched_getscheduler);
    158 sched_yield("") Exact = SchedYield => sys_sched_yield
        puppets(sched_yield) programs(sched_yield);
    159 sched_get_priority_max("int policy") Exact
        = SchedGetPriorityMax(policy: i32) => sys_sched_get_priority_max
        puppets(sched_get_priority_max) programs(sched_get_priority_max);
    160 sched_get_priority_min("int policy") Exact
        = SchedGetPriorityMin(policy: i32) => sys_sched_get_priority_min
        puppets(sched_get_priority_min) programs(sched_get_priority_min);
    161 sched_rr_get_interval("pid_t pid, struct timespec *interval") Exact
        = SchedRrGetInterval(pid: i32, interval: AnswerTo) => sys_sched_rr_get_interval
        puppets(sched_rr_get_interval) programs(sched_rr_get_interval);
    162 nanosleep("struct timespec *request, struct timespec *remaining") Exact
        = Nanosleep(request: VirtAddr, remaining: VirtAddr) => sys_nanosleep, again
        programs(nanosleep);
    163 mremap(
        "unsigned long addr, unsigned long old_len, unsigned long new_len, unsigned long flags, \
         unsigned long new_addr"
    ) Exact
        = Mremap(args: MremapArgs) => sys_mremap puppets(mremap) programs(mremap 4);
    164 setresuid("old_uid_t ruid, old_uid_t euid, old_uid_t suid") Exact
        = Setresuid(ids: [u32; 3] = ids16) => sys_setresuid;
    165 getresuid("old_uid_t *ruid, old_uid_t *euid, old_uid_t *suid") Exact
        = Getresuid(ids: [VirtAddr; 3]) => sys_getresuid16;
    166 vm86("unsigned long command, struct vm86plus_struct *info") Absent;
    167 query_module("") Hole;
    168 poll("struct pollfd *fds, unsigned int count, long timeout") Exact
        = Poll(fds: VirtAddr, count: u32, timeout: u32) => sys_poll puppets(poll) programs(poll);
    169 nfsservctl("int command, struct nfsctl_arg *arg, void *result") Absent;
    170 setresgid("old_gid_t rgid, old_gid_t egid, old_gid_t sgid") Exact
        = Setresgid(ids: [u32; 3] = ids16) => sys_setresgid;
    171 getresgid("old_gid_t *rgid, old_gid_t *egid, old_gid_t *sgid") Exact
        = Getresgid(ids: [VirtAddr; 3]) => sys_getresgid16;
    172 prctl(
        "int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5"
    ) Exact
        = Prctl(option: u32, arg2: u32) => sys_prctl puppets(prctl) programs(prctl 1);
    173 rt_sigreturn("") Simplified = RtSigreturn => sys_rt_sigreturn programs(rt_sigreturn);
    174 rt_sigaction(
        "int sig, const struct sigaction *action, struct sigaction *old, size_t size"
    ) Exact
        = RtSigaction(args: SigactionArgs = rt_sigaction) => sys_rt_sigaction, again
        puppets(sigaction) programs(rt_sigaction);
    175 rt_sigprocmask("int how, sigset_t *set, sigset_t *old, size_t size") Exact
        = RtSigprocmask(args: SigprocmaskArgs = rt_sigmask_change) => sys_rt_sigprocmask
        puppets(sigprocmask) programs(rt_sigprocmask);
    176 rt_sigpending("sigset_t *set, size_t size") Exact
        = RtSigpending(set: VirtAddr, size: u32 = rt_sigset_size) => sys_rt_sigpending
        puppets(sigpending) programs(rt_sigpending);
    177 rt_sigtimedwait(
        "const sigset_t *set, siginfo_t *info, const struct timespec *timeout, size_t size"
    ) Exact
        = RtSigtimedwait(args: SigtimedwaitArgs) => sys_rt_sigtimedwait
        puppets(sigtimedwait, sigwait) programs(rt_sigtimedwait);
    178 rt_sigqueueinfo("int pid, int sig, siginfo_t *info") Exact
        = RtSigqueueinfo(pid: i32, sig: i32, info: SigInfo = sigqueue_info) => sys_rt_sigqueueinfo
        puppets(sigqueue) programs(rt_sigqueueinfo);
    179 rt_sigsuspend("sigset_t *mask, size_t size") Exact
        = RtSigsuspend(mask: SigSet = rt_sigset) => sys_sigsuspend
        puppets(sigsuspend) programs(rt_sigsuspend);
    180 pread64("unsigned int fd, char *buffer, size_t count, loff_t offset") Simplified
        = Pread64(fd: u32, buffer: VirtAddr, count: u32, offset: i64) => sys_pread64 puppets(pread);
    181 pwrite64("unsigned int fd, const char *buffer, size_t count, loff_t offset") Simplified
        = Pwrite64(fd: u32, buffer: VirtAddr, count: u32, offset: i64) => sys_pwrite64
        puppets(pwrite);
    182 chown("const char *path, old_uid_t user, old_gid_t group") Exact
        = Chown(path: String, user: u32 = id16, group: u32 = id16) => sys_chown;
    183 getcwd("char *buffer, unsigned long size") Exact
        = Getcwd(buffer: VirtAddr, size: u32) => sys_getcwd puppets(getcwd) programs(getcwd);
    184 capget("cap_user_header_t header, cap_user_data_t data") Exact
        = Capget(header: VirtAddr, data: VirtAddr) => sys_capget programs(capget);
    185 capset("cap_user_header_t header, const cap_user_data_t data") Exact
        = Capset(header: VirtAddr, data: VirtAddr) => sys_capset programs(capset);
    186 sigaltstack("const stack_t *stack, stack_t *old") Exact
        = Sigaltstack(stack: Option<[u32; 3]>, old: VirtAddr) => sys_sigaltstack
        puppets(sigaltstack) programs(sigaltstack);
    187 sendfile("int out_fd, int in_fd, off_t *offset, size_t count") Exact
        = Sendfile(out_fd: u32, in_fd: u32, offset: VirtAddr, count: u32) => sys_sendfile;
    188 getpmsg("") Hole;
    189 putpmsg("") Hole;
    190 vfork("") Exact = Vfork => sys_vfork puppets(vfork) programs(vfork);
    191 ugetrlimit("unsigned int resource, struct rlimit *limit") Exact
        = Ugetrlimit(resource: u32, limit: VirtAddr) => sys_getrlimit
        puppets(getrlimit) programs(getrlimit);
    192 mmap2(
        "unsigned long addr, size_t len, unsigned long prot, unsigned long flags, \
         unsigned long fd, unsigned long offset"
    ) Simplified
        = Mmap2(args: MmapArgs) => sys_mmap2 puppets(mmap) programs(mmap);
    193 truncate64("const char *path, loff_t length") Simplified
        = Truncate64(path: String, length: i64) => sys_truncate64;
    194 ftruncate64("unsigned int fd, loff_t length") Simplified
        = Ftruncate64(fd: u32, length: i64) => sys_ftruncate64;
    195 stat64("char *path, struct stat64 *buffer") Exact
        = Stat64(path: String, buffer: VirtAddr) => sys_stat64
        puppets(stat) programs(stat);
    196 lstat64("char *path, struct stat64 *buffer") Exact
        = Lstat64(path: String, buffer: VirtAddr) => sys_lstat64
        puppets(lstat) programs(lstat);
    197 fstat64("unsigned long fd, struct stat64 *buffer") Exact
        = Fstat64(fd: u32, buffer: VirtAddr) => sys_fstat64
        puppets(fstat) programs(fstat);
    198 lchown32("const char *path, uid_t user, gid_t group") Exact
        = Lchown32(path: String, user: u32, group: u32) => sys_lchown
        puppets(lchown) programs(lchown);
    199 getuid32("") Exact = Getuid32 => sys_getuid programs(getuid);
    200 getgid32("") Exact = Getgid32 => sys_getgid puppets(getgid) programs(getgid);
    201 geteuid32("") Exact = Geteuid32 => sys_geteuid programs(geteuid);
    202 getegid32("") Exact = Getegid32 => sys_getegid programs(getegid);
    203 setreuid32("uid_t ruid, uid_t euid") Exact
        = Setreuid32(ruid: u32, euid: u32) => sys_setreuid puppets(setreuid) programs(setreuid);
    204 setregid32("gid_t rgid, gid_t egid") Exact
        = Setregid32(rgid: u32, egid: u32) => sys_setregid programs(setregid);
    205 getgroups32("int size, gid_t *list") Exact
        = Getgroups32(size: u32, list: VirtAddr, width: GroupWidth = high_groups) => sys_getgroups
        puppets(getgroups) programs(getgroups);
    206 setgroups32("int size, gid_t *list") Exact
        = Setgroups32(size: u32, list: VirtAddr, width: GroupWidth = high_groups) => sys_setgroups
        puppets(setgroups) programs(setgroups);
    207 fchown32("unsigned int fd, uid_t user, gid_t group") Exact
        = Fchown32(fd: u32, user: u32, group: u32) => sys_fchown
        puppets(fchown) programs(fchown);
    208 setresuid32("uid_t ruid, uid_t euid, uid_t suid") Exact
        = Setresuid32(ids: [u32; 3]) => sys_setresuid puppets(setresuid) programs(setresuid);
    209 getresuid32("uid_t *ruid, uid_t *euid, uid_t *suid") Exact
        = Getresuid32(ids: [VirtAddr; 3]) => sys_getresuid puppets(getresuid) programs(getresuid);
    210 setresgid32("gid_t rgid, gid_t egid, gid_t sgid") Exact
        = Setresgid32(ids: [u32; 3]) => sys_setresgid programs(setresgid);
    211 getresgid32("gid_t *rgid, gid_t *egid, gid_t *sgid") Exact
        = Getresgid32(ids: [VirtAddr; 3]) => sys_getresgid programs(getresgid);
    212 chown32("const char *path, uid_t user, gid_t group") Exact
        = Chown32(path: String, user: u32, group: u32) => sys_chown
        puppets(chown) programs(chown);
    213 setuid32("uid_t uid") Exact = Setuid32(uid: u32) => sys_setuid puppets(setuid) programs(setuid);
    214 setgid32("gid_t gid") Exact = Setgid32(gid: u32) => sys_setgid
        puppets(setgid) programs(setgid);
    215 setfsuid32("uid_t uid") Simplified = Setfsuid32(uid: u32) => sys_setfsuid programs(setfsuid);
    216 setfsgid32("gid_t gid") Exact = Setfsgid32(gid: u32) => sys_setfsgid programs(setfsgid);
    217 pivot_root("const char *new, const char *old") Absent;
    218 mincore("unsigned long addr, size_t len, unsigned char *vector") Exact
        = Mincore(addr: u32, len: u32, vector: VirtAddr) => sys_mincore
        puppets(mincore) programs(mincore);
    219 madvise("unsigned long addr, size_t len, int advice") Simplified
        = Madvise(addr: u32, len: u32, advice: i32) => sys_madvise
        puppets(madvise) programs(madvise);
    220 getdents64("unsigned int fd, struct linux_dirent64 *entries, unsigned int count") Exact
        = Getdents64(fd: u32, entries: VirtAddr, count: u32) => sys_getdents64
        puppets(getdents) programs(getdents64);
    221 fcntl64("unsigned int fd, unsigned int command, unsigned long arg") Simplified
        = Fcntl64(fd: u32, command: u32, arg: u32) => sys_fcntl64, again
        puppets(getlk, setlk, setlkw) programs(fcntl64 2);
    222 ni_syscall("") Hole;
    223 ni_syscall("") Hole;
    224 gettid("") Exact = Gettid => sys_gettid puppets(gettid) programs(gettid);
    225 readahead("int fd, loff_t offset, size_t count") Exact
        = Readahead(fd: u32, offset: i64, count: u32) => sys_readahead puppets(readahead);
    226 setxattr(
        "char *path, char *name, void *value, size_t size, int flags"
    ) Absent;
    227 lsetxattr("char *path, char *name, void *value, size_t size, int flags") Absent;
    228 fsetxattr("int fd, char *name, void *value, size_t size, int flags") Absent;
    229 getxattr("char *path, char *name, void *value, size_t size") Absent;
    230 lgetxattr("char *path, char *name, void *value, size_t size") Absent;
    231 fgetxattr("int fd, char *name, void *value, size_t size") Absent;
    232 listxattr("char *path, char *list, size_t size") Absent;
    233 llistxattr("char *path, char *list, size_t size") Absent;
    234 flistxattr("int fd, char *list, size_t size") Absent;
    235 removexattr("char *path, char *name") Absent;
    236 lremovexattr("char *path, char *name") Absent;
    237 fremovexattr("int fd, char *name") Absent;
    238 tkill("int tid, int sig") Exact
        = Tkill(tid: i32, sig: i32) => sys_tkill puppets(tkill) programs(tkill);
    239 sendfile64("int out_fd, int in_fd, loff_t *offset, size_t count") Exact
        = Sendfile64(out_fd: u32, in_fd: u32, offset: VirtAddr, count: u32) => sys_sendfile64;
    240 futex(
        "u32 *addr, int op, int value, struct timespec *timeout, u32 *addr2, int value3"
    ) Simplified
        = Futex(args: FutexArgs) => sys_futex programs(futex 3);
    241 sched_setaffinity("pid_t pid, unsigned int len, unsigned long *mask") Exact
        = SchedSetaffinity(pid: i32, mask: u32 = affinity_mask) => sys_sched_setaffinity
        puppets(sched_setaffinity) programs(sched_setaffinity);
    242 sched_getaffinity("pid_t pid, unsigned int len, unsigned long *mask") Exact
        = SchedGetaffinity(pid: i32, len: u32, mask: AnswerTo) => sys_sched_getaffinity
        puppets(sched_getaffinity) programs(sched_getaffinity);
    243 set_thread_area("struct user_desc *descriptor") Exact
        = SetThreadArea(descriptor: VirtAddr) => sys_set_thread_area programs(set_thread_area);
    244 get_thread_area("struct user_desc *descriptor") Exact
        = GetThreadArea(descriptor: VirtAddr) => sys_get_thread_area programs(get_thread_area);
    245 io_setup("unsigned int events, aio_context_t *context") Absent;
    246 io_destroy("aio_context_t context") Absent;
    247 io_getevents(
        "aio_context_t context, long least, long most, struct io_event *events, \
         struct timespec *timeout"
    ) Absent;
    248 io_submit("aio_context_t context, long count, struct iocb **blocks") Absent;
    249 io_cancel("aio_context_t context, struct iocb *block, struct io_event *result") Absent;
    250 fadvise64("int fd, loff_t offset, size_t len, int advice") Exact
        = Fadvise64(fd: u32, offset: i64, len: u32, advice: i32) => sys_fadvise64
        puppets(fadvise);
    251 ni_syscall("") Hole;
    252 exit_group("int status") Exact = ExitGroup(status: i32) => sys_exit_group
        puppets(exit_group) programs(exit, _exit, exit_group);
    253 lookup_dcookie("u64 cookie, char *buffer, size_t len") Absent;
    254 epoll_create("int size") Absent;
    255 epoll_ctl("int epfd, int op, int fd, struct epoll_event *event") Absent;
    256 epoll_wait("int epfd, struct epoll_event *events, int most, int timeout") Absent;
    257 remap_file_pages(
        "unsigned long start, unsigned long size, unsigned long prot, unsigned long pgoff, \
         unsigned long flags"
    ) Exact
        = RemapFilePages(args: [u32; 5]) => sys_remap_file_pages
        puppets(remap_file_pages) programs(remap_file_pages);
    258 set_tid_address("int *addr") Exact
        = SetTidAddress(addr: VirtAddr) => sys_set_tid_address
        puppets(set_tid_address) programs(set_tid_address);
    259 timer_create("clockid_t clock, struct sigevent *event, timer_t *timer") Simplified
        = TimerCreate(clock: u32, event: VirtAddr, timer: VirtAddr) => sys_timer_create
        puppets(timer_create) programs(timer_create);
    260 timer_settime(
        "timer_t timer, int flags, const struct itimerspec *value, struct itimerspec *old"
    ) Exact
        = TimerSettime(timer: i32, flags: u32, value: VirtAddr, old: VirtAddr) => sys_timer_settime
        puppets(timer_settime) programs(timer_settime 3);
    261 timer_gettime("timer_t timer, struct itimerspec *value") Exact
        = TimerGettime(timer: i32, value: VirtAddr) => sys_timer_gettime
        puppets(timer_gettime) programs(timer_gettime);
    262 timer_getoverrun("timer_t timer") Exact
        = TimerGetoverrun(timer: i32) => sys_timer_getoverrun
        puppets(timer_getoverrun) programs(timer_getoverrun);
    263 timer_delete("timer_t timer") Exact
        = TimerDelete(timer: i32) => sys_timer_delete
        puppets(timer_delete) programs(timer_delete);
    264 clock_settime("clockid_t clock, const struct timespec *time") Exact
        = ClockSettime(clock: u32, time: VirtAddr) => sys_clock_settime programs(clock_settime);
    265 clock_gettime("clockid_t clock, struct timespec *time") Exact
        = ClockGettime(clock: u32, time: VirtAddr) => sys_clock_gettime programs(clock_gettime);
    266 clock_getres("clockid_t clock, struct timespec *resolution") Exact
        = ClockGetres(clock: u32, resolution: VirtAddr) => sys_clock_getres programs(clock_getres);
    267 clock_nanosleep(
        "clockid_t clock, int flags, const struct timespec *request, struct timespec *remaining"
    ) Simplified
        = ClockNanosleep(clock: u32, flags: u32, request: VirtAddr, remaining: VirtAddr)
            => sys_clock_nanosleep, again
        programs(clock_nanosleep 3);
    268 statfs64("const char *path, size_t size, struct statfs64 *buffer") Exact
        = Statfs64(path: String, size: u32, buffer: VirtAddr) => sys_statfs64
        programs(statfs64);
    269 fstatfs64("unsigned int fd, size_t size, struct statfs64 *buffer") Exact
        = Fstatfs64(fd: u32, size: u32, buffer: VirtAddr) => sys_fstatfs64
        programs(fstatfs64);
    270 tgkill("int tgid, int tid, int sig") Exact
        = Tgkill(tgid: i32, tid: i32, sig: i32) => sys_tgkill puppets(tgkill) programs(tgkill);
    271 utimes("char *path, struct timeval *times") Exact
        = Utimes(path: String, times: VirtAddr) => sys_utimes programs(utimes 1);
    272 fadvise64_64("int fd, loff_t offset, loff_t len, int advice") Exact
        = Fadvise64x64(fd: u32, offset: i64, len: i64, advice: i32) => sys_fadvise64_64;
    273 vserver("") Hole;
    274 mbind(
        "unsigned long start, unsigned long len, unsigned long mode, unsigned long *nodes, \
         unsigned long most, unsigned int flags"
    ) Absent;
    275 get_mempolicy(
        "int *policy, unsigned long *nodes, unsigned long most, unsigned long addr, \
         unsigned long flags"
    ) Absent;
    276 set_mempolicy("int mode, unsigned long *nodes, unsigned long most") Absent;
    277 mq_open("const char *name, int flags, mode_t mode, struct mq_attr *attr") Absent;
    278 mq_unlink("const char *name") Absent;
    279 mq_timedsend(
        "mqd_t queue, const char *message, size_t len, unsigned int priority, \
         const struct timespec *timeout"
    ) Absent;
    280 mq_timedreceive(
        "mqd_t queue, char *message, size_t len, unsigned int *priority, \
         const struct timespec *timeout"
    ) Absent;
    281 mq_notify("mqd_t queue, const struct sigevent *event") Absent;
    282 mq_getsetattr("mqd_t queue, const struct mq_attr *new, struct mq_attr *old") Absent;
    283 sys_kexec_load("") Hole;
    284 waitid("int which, pid_t id, struct siginfo *info, int options, struct rusage *usage") Exact
        = Waitid(args: WaitidArgs) => sys_waitid, again puppets(waitid) programs(waitid);
    285 ni_syscall("") Hole;
    286 add_key(
        "const char *type, const char *description, const void *payload, size_t len, \
         key_serial_t keyring"
    ) Absent;
    287 request_key(
        "const char *type, const char *description, const char *info, key_serial_t keyring"
    ) Absent;
    288 keyctl(
        "int command, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5"
    ) Absent;
}

impl Syscall {
    /// The name of a system call number; beyond the table, the number.
    pub fn name_of(nr: u16) -> Cow<'static, str> {
        match SyscallInfo::of(nr) {
            Some(info) => info.name.into(),
            None => match later_name(nr) {
                Some(name) => name.into(),
                None => nr.to_string().into(),
            },
        }
    }

    /// What the C library calls a call: it has one function for the old and the new form. What is
    /// in no table is `ni_syscall`, as in the kernel.
    pub fn c_name(nr: u16) -> &'static str {
        match SyscallInfo::of(nr).map_or("ni_syscall", |info| info.name) {
            "mmap2" => "mmap",
            "_newselect" => "select",
            "ugetrlimit" => "getrlimit",
            name => name.strip_suffix("32").unwrap_or(name),
        }
    }

    /// The call itself, if it may be restarted after a signal.
    pub(super) fn made_again(&self) -> Option<Self> {
        let restarts = SyscallInfo::of(self.nr()).is_some_and(|info| info.restarts);
        restarts.then(|| self.clone())
    }

    /// `sigaction(signal, action, NULL)` without flags; `None` changes nothing.
    pub fn sigaction(signal: u32, action: Option<SigAction>) -> Self {
        Self::Sigaction(SigactionArgs {
            signal,
            new: action.map(Into::into),
            old: VirtAddr(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_number_has_its_row() {
        for (nr, info) in SYSCALLS.iter().enumerate() {
            assert_eq!(usize::from(info.nr), nr, "{}", info.name);
        }
    }

    #[test]
    fn names_and_words_are_unique() {
        let named = SYSCALLS.iter().filter(|info| info.name != "ni_syscall");
        let names: Vec<_> = named.map(|info| info.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let words = SYSCALLS.iter().flat_map(|info| info.programs);
        let words: Vec<_> = words.map(|word| word.name).collect();
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
    }

    /// A word that only ever returned `ENOSYS` would look like one that works.
    #[test]
    fn only_calls_that_exist_have_words_and_methods() {
        for info in &SYSCALLS {
            if matches!(info.status, Status::Absent | Status::Hole) {
                assert!(
                    info.programs.is_empty() && info.puppets.is_empty(),
                    "{}",
                    info.name
                );
            }
        }
    }

    #[test]
    fn a_number_has_a_name_or_stands_for_itself() {
        assert_eq!(Syscall::name_of(76), "getrlimit");
        assert_eq!(Syscall::name_of(251), "ni_syscall");
        assert_eq!(Syscall::name_of(289), "289");
    }

    #[test]
    fn parameters_have_names_and_fit_into_six_registers() {
        let names: Vec<_> = SYSCALLS[240].param_names().collect();
        assert_eq!(names, ["addr", "op", "value", "timeout", "addr2", "value3"]);
        for info in &SYSCALLS {
            let count = info.param_names().count();
            assert!(count <= 6, "{}", info.name);
            assert!(
                info.param_names().all(|name| !name.is_empty()),
                "{}",
                info.name
            );
            for word in info.programs {
                assert!(
                    word.required.is_none_or(|required| required < count),
                    "{}",
                    word.name
                );
            }
        }
    }
}
