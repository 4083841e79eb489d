/* Options of wait4: what is reported, and once only. */
#include "conform.h"

int wait_options(int argc, char **argv)
{
    int status = 1234;
    EQ(sys(N_wait4, -1, &status, 0, 0), -ECHILD);
    /* WEXITED is none of wait4's options in 2.6.12, and is refused before children are sought. */
    EQ(sys(N_wait4, -1, &status, 4, 0), -EINVAL);
    EQ(sys(N_wait4, -1, &status, 0x01000000, 0), -EINVAL);
    int pid = fork();
    if (pid == 0) {
        sys(N_pause);
        _exit(1);
    }
    EQ(sys(N_wait4, pid, &status, WNOHANG, 0), 0);
    EQ(status, 1234);
    pause_ms(3);
    EQ(kill(pid, SIGSTOP), 0);
    EQ(sys(N_wait4, pid, &status, WUNTRACED, 0), pid);
    EQ(status, 0x137f);
    EQ(sys(N_wait4, pid, &status, WUNTRACED | WNOHANG, 0), 0);
    EQ(kill(pid, SIGCONT), 0);
    EQ(sys(N_wait4, pid, &status, WCONTINUED, 0), pid);
    EQ(status, 0xffff);
    EQ(sys(N_wait4, pid, &status, WCONTINUED | WNOHANG, 0), 0);
    /* An unread stop is not reported once the child goes on. */
    EQ(kill(pid, SIGTSTP), 0);
    pause_ms(3);
    EQ(kill(pid, SIGCONT), 0);
    pause_ms(3);
    EQ(sys(N_wait4, pid, &status, WUNTRACED | WNOHANG, 0), 0);
    EQ(kill(pid, SIGTERM), 0);
    struct krusage usage;
    memset(&usage, 0xff, sizeof usage);
    EQ(sys(N_wait4, pid, &status, 0, &usage), pid);
    EQ(status, SIGTERM);
    EQ(usage.maxrss, 0);
    CHECK(usage.minflt > 0);

    /* Groups: 0 is the caller's, -pgid another one. */
    if ((pid = fork()) == 0) {
        sys(N_setpgid, 0, 0);
        sys(N_pause);
    }
    pause_ms(3);
    EQ(sys(N_wait4, 0, &status, WNOHANG, 0), -ECHILD);
    EQ(sys(N_wait4, -pid, &status, WNOHANG, 0), 0);
    kill(pid, SIGKILL);
    EQ(sys(N_wait4, -pid, &status, 0, 0), pid);

    /* A bad address: the child stays a zombie. */
    if ((pid = fork()) == 0)
        _exit(7);
    EQ(sys(N_wait4, pid, (int *)16, 0, 0), -EFAULT);
    EQ(sys(N_kill, pid, 0), 0);
    ENDS(pid, 0x700);

    /* Who ignores SIGCHLD has no zombies: the wait ends when the last child has. */
    signal(SIGCHLD, SIG_IGN);
    if ((pid = fork()) == 0) {
        pause_ms(3);
        DONE();
    }
    EQ(sys(N_wait4, pid, &status, 0, 0), -ECHILD);
    return 0;
}
