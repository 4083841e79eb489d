/* nice, getpriority and setpriority. */
#include "conform.h"

int priorities(int argc, char **argv)
{
    /* getpriority gives 20 minus the nice value, so that it is never negative. */
    EQ(sys(N_getpriority, 0, 0), 20);
    EQ(sys(N_nice, 5), 0);
    EQ(sys(N_getpriority, 0, 0), 15);
    EQ(sys(N_nice, -10), 0);
    EQ(sys(N_getpriority, 0, 0), 25);
    EQ(sys(N_setpriority, 0, 0, 100), 0);
    EQ(sys(N_getpriority, 0, 0), 1);
    EQ(sys(N_setpriority, 0, 0, -100), 0);
    EQ(sys(N_getpriority, 0, 0), 40);
    EQ(sys(N_setpriority, 0, 0, 0), 0);
    EQ(sys(N_setpriority, 3, 0, 0), -EINVAL);
    EQ(sys(N_getpriority, 3, 0), -EINVAL);
    EQ(sys(N_getpriority, 0, 30000), -ESRCH);
    int pid = fork();
    if (pid == 0) {
        EQ(sys(N_setpgid, 0, 0), 0);
        int child = fork();
        if (child == 0) {
            pause();
            DONE();
        }
        /* A group; the highest priority of its members is told. */
        EQ(sys(N_setpriority, 1, 0, 7), 0);
        EQ(sys(N_setpriority, 0, child, 3), 0);
        EQ(sys(N_getpriority, 1, 0), 17);
        EQ(sys(N_getpriority, 0, 0), 13);
        become(500);
        EQ(sys(N_nice, -1), -EPERM);
        EQ(sys(N_setpriority, 0, 0, 6), -EACCES);
        EQ(sys(N_setpriority, 0, 0, 8), 0);
        EQ(sys(N_setpriority, 0, getppid(), 8), -EPERM);
        /* Users: those of root are not touched. */
        EQ(sys(N_setpriority, 2, 0, 9), 0);
        EQ(sys(N_getpriority, 2, 500), 11);
        EQ(sys(N_getpriority, 0, child), 17);
        EQ(sys(N_kill, child, SIGKILL), -EPERM);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_getpriority, 0, 0), 20);
    return 0;
}
