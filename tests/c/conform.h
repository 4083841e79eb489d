/* What the programs of this folder share: checks, children, and the system calls of Linux 2.6.12
 * for i386 by their numbers, without what a C library makes of them. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Says where a condition does not hold, and counts it, in whichever process. */
#define CHECK(condition) check_((condition) != 0, __FILE__, __LINE__)
/* The same of two numbers that should be equal, and shows both. */
#define EQ(got, want) equal_((long)(got), (long)(want), __FILE__, __LINE__)
/* Waits for a child, whose status should be this. */
#define ENDS(pid, status) EQ(status_of(pid), status)
/* Ends a child that did all it was to do. */
#define DONE() _exit(0)

void check_(int holds, const char *file, int line);
void equal_(long got, long want, const char *file, int line);
/* The status of a child that has ended, or the negated error. */
long status_of(int pid);
/* Sleeps for so many milliseconds: time enough for others to come to where they sleep or stop. */
void pause_ms(int ms);
/* Becomes a user without capabilities, who is in no other group. */
void become(int uid);
/* Makes a file of these bytes. */
void make_file(const char *name, const char *text, int mode);
/* The path of this program. */
extern char self[4096];

/* A system call: its result, or the negated error. */
long sys6(long number, long a, long b, long c, long d, long e, long f);
#define SYS_(n, a, b, c, d, e, f, ...) \
    sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define sys(...) SYS_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* The numbers of arch/i386/kernel/syscall_table.S. */
enum {
    N_exit = 1, N_fork = 2, N_read = 3, N_write = 4, N_open = 5, N_close = 6, N_waitpid = 7,
    N_creat = 8, N_link = 9, N_unlink = 10, N_execve = 11, N_chdir = 12, N_time = 13, N_mknod = 14,
    N_chmod = 15, N_lseek = 19, N_getpid = 20, N_ptrace = 26, N_alarm = 27, N_pause = 29,
    N_utime = 30, N_access = 33, N_nice = 34, N_kill = 37, N_rename = 38, N_mkdir = 39,
    N_rmdir = 40, N_dup = 41, N_pipe = 42, N_times = 43, N_brk = 45, N_ioctl = 54, N_setpgid = 57,
    N_umask = 60, N_chroot = 61, N_dup2 = 63, N_getppid = 64, N_getpgrp = 65, N_setsid = 66,
    N_sigaction = 67, N_setrlimit = 75, N_old_getrlimit = 76, N_getrusage = 77,
    N_gettimeofday = 78, N_old_select = 82, N_symlink = 83, N_readlink = 85, N_munmap = 91,
    N_truncate = 92, N_ftruncate = 93, N_fchmod = 94, N_getpriority = 96, N_setpriority = 97,
    N_setitimer = 104, N_getitimer = 105, N_stat = 106, N_wait4 = 114, N_sysinfo = 116,
    N_ipc = 117, N_fsync = 118, N_sigreturn = 119, N_clone = 120, N_uname = 122, N_mprotect = 125,
    N_getpgid = 132, N_fchdir = 133, N_personality = 136, N_llseek = 140, N_getdents = 141,
    N_select = 142, N_flock = 143, N_msync = 144, N_readv = 145, N_writev = 146, N_getsid = 147,
    N_mlock = 150, N_munlock = 151, N_mlockall = 152, N_munlockall = 153, N_sched_setparam = 154,
    N_sched_getparam = 155, N_sched_setscheduler = 156, N_sched_getscheduler = 157,
    N_sched_yield = 158, N_sched_get_priority_max = 159, N_sched_get_priority_min = 160,
    N_sched_rr_get_interval = 161, N_nanosleep = 162, N_mremap = 163, N_poll = 168, N_prctl = 172,
    N_rt_sigaction = 174, N_rt_sigprocmask = 175, N_rt_sigpending = 176, N_rt_sigtimedwait = 177,
    N_rt_sigqueueinfo = 178, N_rt_sigsuspend = 179, N_pread64 = 180, N_pwrite64 = 181,
    N_getcwd = 183, N_sigaltstack = 186, N_vfork = 190, N_getrlimit = 191, N_mmap2 = 192,
    N_truncate64 = 193, N_ftruncate64 = 194, N_stat64 = 195, N_lstat64 = 196, N_fstat64 = 197,
    N_lchown = 198, N_getuid = 199, N_getgid = 200, N_geteuid = 201, N_getegid = 202,
    N_setreuid = 203, N_getgroups = 205, N_setgroups = 206, N_fchown = 207, N_setresuid = 208,
    N_setresgid = 210, N_chown = 212, N_setuid = 213, N_mincore = 218, N_madvise = 219,
    N_getdents64 = 220, N_fcntl64 = 221, N_gettid = 224, N_tkill = 238, N_futex = 240,
    N_sched_setaffinity = 241, N_sched_getaffinity = 242, N_set_thread_area = 243,
    N_get_thread_area = 244, N_exit_group = 252, N_set_tid_address = 258, N_timer_create = 259,
    N_timer_settime = 260, N_timer_gettime = 261, N_timer_getoverrun = 262, N_timer_delete = 263,
    N_clock_gettime = 265, N_clock_nanosleep = 267, N_statfs64 = 268, N_tgkill = 270,
    N_utimes = 271, N_waitid = 284,
};

/* Structures as the kernel has them. */
struct ktimespec { int32_t sec, nsec; };
struct ktimeval { int32_t sec, usec; };
struct kitimerval { struct ktimeval interval, value; };
struct kitimerspec { struct ktimespec interval, value; };
struct krlimit { uint32_t cur, max; };
struct kflock { int16_t type, whence; int32_t start, len, pid; };
struct kflock64 { int16_t type, whence; int64_t start, len; int32_t pid; } __attribute__((packed));
struct kiovec { const void *base; uint32_t len; };
struct kpollfd { int32_t fd; int16_t events, revents; };
struct krusage { struct ktimeval utime, stime; int32_t maxrss, ixrss, idrss, isrss, minflt, majflt;
                 int32_t nswap, inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw; };
struct kstat {
    uint64_t dev; uint32_t pad, low_ino, mode, nlink, uid, gid; uint64_t rdev; uint32_t pad2;
    int64_t size; uint32_t blksize; uint64_t blocks; struct ktimespec atime, mtime, ctime;
    uint64_t ino;
} __attribute__((packed));
struct kuser_desc { uint32_t entry, base, limit, flags; };

/* lstat64 of a name, all zero if there is none. */
struct kstat stat_of(const char *name);
