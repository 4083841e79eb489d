/* select: sets, times, signals. */
#include "conform.h"

static void nothing(int number) {}

int selects(int argc, char **argv)
{
    int fds[2], pid;
    EQ(pipe(fds), 0);
    uint32_t in[32] = {1u << fds[0]}, out[32] = {1u << fds[1]}, bad[32] = {1u << 25};
    struct ktimeval time = {0, 3000};
    /* Nothing to read: the time runs out, the sets come back empty. */
    EQ(sys(N_select, fds[0] + 1, in, 0, 0, &time), 0);
    EQ(in[0], 0);
    EQ(time.sec, 0);
    EQ(time.usec, 0);
    in[0] = 1u << fds[0];
    EQ(sys(N_select, 32, in, out, 0, 0), 1);
    EQ(in[0], 0);
    EQ(out[0], 1u << fds[1]);
    sys(N_write, fds[1], "x", 1);
    in[0] = 1u << fds[0];
    EQ(sys(N_select, 32, in, out, 0, 0), 2);
    /* A number above n is not looked at; a closed one is refused. */
    EQ(sys(N_select, 25, bad, 0, 0, &time), 0);
    bad[0] = 1u << 25;
    EQ(sys(N_select, 26, bad, 0, 0, &time), -EBADF);
    EQ(sys(N_select, -1, 0, 0, 0, 0), -EINVAL);
    time.sec = -1;
    EQ(sys(N_select, 0, 0, 0, 0, &time), -EINVAL);
    EQ(sys(N_select, 0, 0, 0, 0, 16), -EFAULT);
    /* The call of old takes its parameters from memory. */
    uint32_t args[] = {32, (uint32_t)in, 0, 0, 0};
    in[0] = 1u << fds[0];
    EQ(sys(N_old_select, args), 1);
    char byte;
    EQ(sys(N_read, fds[0], &byte, 1), 1);
    /* A handler ends it whatever SA_RESTART says; the time left is told, the sets stay. */
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, 0);
    struct kitimerval timer = {{0, 0}, {0, 5000}};
    time = (struct ktimeval){10, 0};
    in[0] = 1u << fds[0];
    EQ(sys(N_setitimer, 0, &timer, 0), 0);
    EQ(sys(N_select, 32, in, 0, 0, &time), -EINTR);
    EQ(time.sec, 9);
    EQ(in[0], 1u << fds[0]);
    /* The end of a file is readable; without readers a pipe is writable, in error. */
    if ((pid = fork()) == 0) {
        pause_ms(3);
        sys(N_write, fds[1], "y", 1);
        DONE();
    }
    EQ(sys(N_select, 32, in, 0, 0, 0), 1);
    ENDS(pid, 0);
    EQ(sys(N_read, fds[0], &byte, 1), 1);
    sys(N_close, fds[1]);
    EQ(sys(N_select, 32, in, 0, 0, 0), 1);
    EQ(in[0], 1u << fds[0]);
    return 0;
}
