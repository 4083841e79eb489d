/* Process groups and sessions. */
#include "conform.h"

int groups(int argc, char **argv)
{
    if (argc > 1)
        for (;;)
            pause();
    int pid = fork(), ready[2];
    if (pid == 0) {
        EQ(sys(N_setsid), getpid());
        EQ(getpgrp(), getpid());
        EQ(sys(N_getsid, 0), getpid());
        EQ(sys(N_setsid), -EPERM);
        EQ(sys(N_setpgid, 0, 0), -EPERM);
        EQ(sys(N_setpgid, 0, -1), -EINVAL);
        EQ(sys(N_setpgid, 30000, 0), -ESRCH);
        EQ(sys(N_getpgid, 30000), -ESRCH);
        EQ(sys(N_getsid, 30000), -ESRCH);
        /* Children may be moved, until they exec; to groups that are there. */
        EQ(pipe(ready), 0);
        int child = fork();
        if (child == 0) {
            char byte;
            sys(N_read, ready[0], &byte, 1);
            char *args[] = {self, "groups", "sleep", 0};
            execve(self, args, 0);
        }
        EQ(sys(N_setpgid, child, 29999), -EPERM);
        EQ(sys(N_setpgid, child, child), 0);
        EQ(sys(N_getpgid, child), child);
        int other = fork();
        if (other == 0)
            for (;;)
                pause();
        EQ(sys(N_setpgid, other, child), 0);
        /* A signal to the group reaches both of them. */
        sys(N_write, ready[1], "x", 1);
        pause_ms(5);
        pause_ms(3);
        EQ(sys(N_setpgid, child, 0), -EACCES);
        EQ(sys(N_kill, -child, SIGTERM), 0);
        ENDS(child, SIGTERM);
        ENDS(other, SIGTERM);
        EQ(sys(N_kill, -child, 0), -ESRCH);
        /* Another session's members stay where they are. */
        if ((child = fork()) == 0) {
            setsid();
            for (;;)
                pause();
        }
        pause_ms(3);
        EQ(sys(N_setpgid, child, getpid()), -EPERM);
        kill(child, SIGKILL);
        ENDS(child, SIGKILL);
        DONE();
    }
    ENDS(pid, 0);
    return 0;
}
