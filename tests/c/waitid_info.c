/* waitid: what siginfo says. */
#include "conform.h"

#define W_STOPPED 2
#define W_EXITED 4
#define W_CONTINUED 8
#define W_NOWAIT 0x01000000

int waitid_info(int argc, char **argv)
{
    siginfo_t info;
    EQ(sys(N_waitid, 0, 0, &info, WNOHANG, 0), -EINVAL);
    EQ(sys(N_waitid, 3, 1, &info, W_EXITED, 0), -EINVAL);
    EQ(sys(N_waitid, 1, 0, &info, W_EXITED, 0), -EINVAL);
    EQ(sys(N_waitid, 0, 0, &info, W_EXITED, 0), -ECHILD);
    int pid = fork();
    if (pid == 0) {
        pause();
        _exit(1);
    }
    memset(&info, 0xff, sizeof info);
    EQ(sys(N_waitid, 1, pid, &info, W_EXITED | WNOHANG, 0), 0);
    EQ(info.si_signo, 0);
    EQ(info.si_pid, 0);
    kill(pid, SIGSTOP);
    EQ(sys(N_waitid, 1, pid, &info, W_STOPPED, 0), 0);
    EQ(info.si_signo, SIGCHLD);
    EQ(info.si_code, CLD_STOPPED);
    EQ(info.si_status, SIGSTOP);
    EQ(info.si_pid, pid);
    EQ(info.si_uid, getuid());
    kill(pid, SIGCONT);
    EQ(sys(N_waitid, 0, 0, &info, W_CONTINUED, 0), 0);
    EQ(info.si_code, CLD_CONTINUED);
    EQ(info.si_status, SIGCONT);
    kill(pid, SIGKILL);
    /* WNOWAIT leaves it to be waited for. */
    EQ(sys(N_waitid, 2, getpgrp(), &info, W_EXITED | W_NOWAIT, 0), 0);
    EQ(info.si_code, CLD_KILLED);
    EQ(info.si_status, SIGKILL);
    EQ(sys(N_waitid, 1, pid, &info, W_EXITED, 0), 0);
    EQ(info.si_pid, pid);
    if ((pid = fork()) == 0)
        _exit(42);
    /* Without a buffer 2.6.12 returns the pid. */
    EQ(sys(N_waitid, 1, pid, &info, W_EXITED | W_NOWAIT, 0), 0);
    EQ(info.si_code, CLD_EXITED);
    EQ(info.si_status, 42);
    EQ(sys(N_waitid, 1, pid, 0, W_EXITED, 0), pid);
    return 0;
}
