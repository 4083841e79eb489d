/* SIGPIPE and EPIPE. */
#include "conform.h"

static volatile int caught;
static void note(int number) { caught += number; }

int broken_pipe(int argc, char **argv)
{
    int fds[2], pid;
    EQ(pipe(fds), 0);
    sys(N_close, fds[0]);
    if ((pid = fork()) == 0) {
        sys(N_write, fds[1], "x", 1);
        _exit(1);
    }
    ENDS(pid, SIGPIPE);
    EQ(sys(N_write, fds[1], "x", 0), 0);
    signal(SIGPIPE, SIG_IGN);
    EQ(sys(N_write, fds[1], "x", 1), -EPIPE);
    signal(SIGPIPE, note);
    EQ(sys(N_write, fds[1], "x", 1), -EPIPE);
    EQ(caught, SIGPIPE);
    /* Somebody reads part of it and goes: the count comes, and the signal too. */
    static char big[70000];
    EQ(pipe(fds), 0);
    if ((pid = fork()) == 0) {
        sys(N_close, fds[1]);
        pause_ms(3);
        DONE();
    }
    sys(N_close, fds[0]);
    EQ(sys(N_write, fds[1], big, 70000), 65536);
    EQ(caught, 2 * SIGPIPE);
    ENDS(pid, 0);
    return 0;
}
