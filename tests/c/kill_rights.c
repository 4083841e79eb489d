/* Who may send signals to whom. */
#include "conform.h"

int kill_rights(int argc, char **argv)
{
    EQ(sys(N_kill, getpid(), 0), 0);
    EQ(sys(N_kill, getpid(), 65), -EINVAL);
    EQ(sys(N_kill, getpid(), -1), -EINVAL);
    EQ(sys(N_kill, 30000, 0), -ESRCH);
    /* The task is sought first. */
    EQ(sys(N_kill, 30000, 65), -ESRCH);
    EQ(sys(N_tkill, 0, SIGTERM), -EINVAL);
    EQ(sys(N_tgkill, 1, getpid(), 0), -ESRCH);
    int roots = fork();
    if (roots == 0)
        for (;;)
            pause();
    int users = fork();
    if (users == 0) {
        become(500);
        for (;;)
            pause();
    }
    pause_ms(3);
    int pid = fork();
    if (pid == 0) {
        become(501);
        EQ(sys(N_kill, users, SIGTERM), -EPERM);
        EQ(sys(N_kill, roots, 0), -EPERM);
        EQ(sys(N_kill, roots, 65), -EINVAL);
        /* SIGCONT may be sent within the session. */
        EQ(sys(N_kill, roots, SIGCONT), 0);
        EQ(sys(N_kill, 1, SIGCONT), getsid(0) == getsid(1) ? 0 : -EPERM);
        /* To a group: it is enough that one is allowed, as it is to oneself. */
        signal(SIGUSR1, SIG_IGN);
        DONE();
    }
    ENDS(pid, 0);
    /* The sender's real or effective user must be the target's real or saved one. */
    if ((pid = fork()) == 0) {
        EQ(sys(N_setresuid, 501, 500, 501), 0);
        EQ(sys(N_kill, users, 0), 0);
        DONE();
    }
    ENDS(pid, 0);
    if ((pid = fork()) == 0) {
        become(500);
        EQ(sys(N_kill, users, SIGUSR1), 0);
        DONE();
    }
    ENDS(pid, 0);
    ENDS(users, SIGUSR1);
    EQ(sys(N_kill, roots, SIGTERM), 0);
    ENDS(roots, SIGTERM);
    return 0;
}
