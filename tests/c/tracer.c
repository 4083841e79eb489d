/* ptrace: a small strace. It follows a child from call to call, reads its registers and memory. */
#include "conform.h"

enum { TRACEME = 0, PEEKDATA = 2, PEEKUSR = 3, POKEDATA = 5, POKEUSR = 6, CONT = 7, KILL = 8,
       STEP = 9, GETREGS = 12, ATTACH = 16, DETACH = 17, SYSCALL = 24, SETOPTIONS = 0x4200,
       GETEVENTMSG = 0x4201, SYSGOOD = 1, TRACEFORK = 2, TRACEEXIT = 0x40 };
struct kregs { int32_t ebx, ecx, edx, esi, edi, ebp, eax, ds, es, fs, gs, orig_eax, eip, cs, eflags,
               esp, ss; };
static volatile int secret = 4711;

static long trace(int request, int pid, long addr, long data)
{
    return sys(N_ptrace, request, pid, addr, data);
}
static long stopped(int pid)
{
    int status = 0;
    EQ(sys(N_wait4, pid, &status, 0x40000000, 0), pid);
    return status;
}

/* The calls that a child makes, with their results. */
static void list_calls(void)
{
    static const int wanted[][2] = {{N_getpid, 0}, {N_write, 5}, {N_close, -EBADF}, {20000, -ENOSYS}};
    int pid = fork(), at = 0, fds[2], status;
    if (pid == 0) {
        EQ(trace(TRACEME, 0, 0, 0), 0);
        EQ(trace(TRACEME, 0, 0, 0), -EPERM);
        pipe(fds);
        sys(N_kill, sys(N_getpid), SIGSTOP);
        sys(N_getpid);
        sys(N_write, fds[1], "hello", 5);
        sys(N_close, 99);
        sys(20000);
        sys(N_exit, 7);
    }
    EQ(stopped(pid), 0x137f);
    EQ(trace(SETOPTIONS, pid, 0, SYSGOOD), 0);
    for (;;) {
        struct kregs regs;
        EQ(trace(SYSCALL, pid, 0, 0), 0);
        if (stopped(pid) != 0x857f)
            break;
        EQ(trace(GETREGS, pid, 0, (long)&regs), 0);
        if (regs.orig_eax == N_exit) {
            EQ(regs.ebx, 7);
            break;
        }
        EQ(regs.eax, -ENOSYS);
        if (regs.orig_eax == N_write) {
            long word = 0;
            EQ(trace(PEEKDATA, pid, regs.ecx, (long)&word), 0);
            CHECK(memcmp(&word, "hell", 4) == 0);
            EQ(regs.edx, 5);
        }
        EQ(trace(SYSCALL, pid, 0, 0), 0);
        EQ(stopped(pid), 0x857f);
        EQ(trace(GETREGS, pid, 0, (long)&regs), 0);
        if (regs.orig_eax == N_kill)
            continue;
        if (at < 4) {
            EQ(regs.orig_eax, wanted[at][0]);
            EQ(regs.eax, at == 0 ? pid : wanted[at][1]);
        }
        at++;
    }
    EQ(at, 4);
    EQ(trace(CONT, pid, 0, 0), 0);
    status = stopped(pid);
    EQ(status, 0x700);
}

int tracer(int argc, char **argv)
{
    int pid, status;
    long word = 0;
    list_calls();
    /* Attached to a child: its memory is read and written, its signals come here first. */
    if ((pid = fork()) == 0) {
        while (secret == 4711)
            pause();
        _exit(secret);
    }
    pause_ms(3);
    EQ(trace(PEEKDATA, pid, (long)&secret, (long)&word), -ESRCH);
    EQ(trace(ATTACH, pid, 0, 0), 0);
    EQ(stopped(pid), 0x137f);
    EQ(trace(PEEKDATA, pid, (long)&secret, (long)&word), 0);
    EQ(word, 4711);
    EQ(trace(PEEKDATA, pid, 16, (long)&word), -EIO);
    EQ(trace(PEEKUSR, pid, 1, (long)&word), -EIO);
    EQ(trace(PEEKUSR, pid, 4 * 11, (long)&word), 0);
    EQ(word, N_pause);
    EQ(trace(999, pid, 0, 0), -EIO);
    EQ(trace(POKEDATA, pid, (long)&secret, 42), 0);
    EQ(secret, 4711);
    EQ(trace(CONT, pid, 0, 65), -EIO);
    EQ(trace(CONT, pid, 0, 0), 0);
    pause_ms(3);
    /* A signal is seen here, and can be taken away or replaced. */
    kill(pid, SIGTERM);
    EQ(stopped(pid), 0x0f7f);
    EQ(trace(CONT, pid, 0, 0), 0);
    pause_ms(3);
    EQ(sys(N_wait4, pid, &status, WNOHANG, 0), 0);
    kill(pid, SIGUSR1);
    EQ(stopped(pid), 0x0a7f);
    EQ(trace(DETACH, pid, 0, SIGUSR2), 0);
    ENDS(pid, SIGUSR2);
    EQ(trace(ATTACH, 1, 0, 0), -EPERM);
    EQ(trace(ATTACH, getpid(), 0, 0), -EPERM);
    EQ(trace(ATTACH, 30000, 0, 0), -ESRCH);
    /* Forks and ends as events. */
    if ((pid = fork()) == 0) {
        trace(TRACEME, 0, 0, 0);
        sys(N_kill, sys(N_getpid), SIGSTOP);
        if (sys(N_fork) == 0)
            sys(N_exit, 1);
        sys(N_exit, 3);
    }
    EQ(stopped(pid), 0x137f);
    EQ(trace(SETOPTIONS, pid, 0, TRACEFORK | TRACEEXIT), 0);
    EQ(trace(CONT, pid, 0, 0), 0);
    EQ(stopped(pid), 0x1057f);
    int child = 0;
    EQ(trace(GETEVENTMSG, pid, 0, (long)&child), 0);
    CHECK(child > pid);
    EQ(stopped(child), 0x137f);
    EQ(trace(CONT, child, 0, 0), 0);
    EQ(stopped(child), 0x6057f);
    EQ(trace(CONT, child, 0, 0), 0);
    EQ(stopped(child), 0x100);
    EQ(trace(CONT, pid, 0, 0), 0);
    status = stopped(pid);
    /* The child's end comes first. */
    if (status == (SIGCHLD << 8 | 0x7f)) {
        trace(CONT, pid, 0, SIGCHLD);
        status = stopped(pid);
    }
    EQ(status, 0x6057f);
    EQ(trace(GETEVENTMSG, pid, 0, (long)&child), 0);
    EQ(child, 0x300);
    EQ(trace(CONT, pid, 0, 0), 0);
    EQ(stopped(pid), 0x300);
    /* Step by step. */
    if ((pid = fork()) == 0) {
        trace(TRACEME, 0, 0, 0);
        sys(N_kill, sys(N_getpid), SIGSTOP);
        for (;;) {
        }
    }
    EQ(stopped(pid), 0x137f);
    for (int i = 0; i < 20; i++) {
        EQ(trace(STEP, pid, 0, 0), 0);
        EQ(stopped(pid), 0x057f);
    }
    EQ(trace(KILL, pid, 0, 0), 0);
    EQ(stopped(pid), SIGKILL);
    return 0;
}
