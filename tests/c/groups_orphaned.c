/* Stopped groups that lose their last link to the session get SIGHUP and SIGCONT. */
#include "conform.h"

static int fds[2];
static void tell(int number)
{
    char byte = number;
    sys(N_write, fds[1], &byte, 1);
}

int groups_orphaned(int argc, char **argv)
{
    char bytes[4] = "";
    EQ(pipe(fds), 0);
    int pid = fork();
    if (pid == 0) {
        setsid();
        int middle = fork();
        if (middle == 0) {
            int job = fork();
            if (job == 0) {
                setpgid(0, 0);
                signal(SIGHUP, tell);
                signal(SIGCONT, tell);
                raise(SIGTSTP);
                tell(1);
                DONE();
            }
            setpgid(job, job);
            EQ(waitpid(job, 0, WUNTRACED), job);
            DONE();
        }
        ENDS(middle, 0);
        /* Both handlers run when the job goes on. */
        pause_ms(5);
        EQ(sys(N_read, fds[0], bytes, 4), 3);
        EQ(bytes[0] + bytes[1], SIGHUP + SIGCONT);
        EQ(bytes[2], 1);
        /* An orphaned group does not stop for the terminal's signals, but it does for SIGSTOP. */
        if ((middle = fork()) == 0) {
            setpgid(0, 0);
            if (fork() == 0) {
                pause_ms(3);
                raise(SIGTSTP);
                tell(2);
                DONE();
            }
            DONE();
        }
        ENDS(middle, 0);
        EQ(sys(N_read, fds[0], bytes, 1), 1);
        EQ(bytes[0], 2);
        DONE();
    }
    ENDS(pid, 0);
    return 0;
}
