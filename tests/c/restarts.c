/* Which calls begin anew after a handler: SA_RESTART. */
#include "conform.h"

static int fds[2];
static volatile int runs;
static void feed(int number)
{
    runs++;
    sys(N_write, fds[1], "x", 1);
}
static void nothing(int number) { runs++; }

static void handle(void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct kitimerval timer = {{0, 0}, {0, 3000}};
    sigaction(SIGALRM, &action, 0);
    sys(N_setitimer, 0, &timer, 0);
}

int restarts(int argc, char **argv)
{
    char byte;
    EQ(pipe(fds), 0);
    handle(feed, 0);
    EQ(sys(N_read, fds[0], &byte, 1), -EINTR);
    EQ(sys(N_read, fds[0], &byte, 1), 1);
    handle(feed, SA_RESTART);
    EQ(sys(N_read, fds[0], &byte, 1), 1);
    EQ(runs, 2);
    /* pause and nanosleep always end. */
    handle(nothing, SA_RESTART);
    EQ(sys(N_pause), -EINTR);
    struct ktimespec long_time = {10, 0}, left = {0, 0};
    handle(nothing, SA_RESTART);
    EQ(sys(N_nanosleep, &long_time, &left), -EINTR);
    EQ(left.sec, 9);
    /* wait4 goes on with SA_RESTART. */
    int pid = fork();
    if (pid == 0) {
        pause_ms(10);
        DONE();
    }
    handle(nothing, SA_RESTART);
    ENDS(pid, 0);
    EQ(runs, 5);
    /* A stop without a handler is not seen by the call. */
    if ((pid = fork()) == 0) {
        EQ(sys(N_read, fds[0], &byte, 1), 1);
        DONE();
    }
    pause_ms(3);
    kill(pid, SIGSTOP);
    pause_ms(3);
    kill(pid, SIGCONT);
    pause_ms(3);
    sys(N_write, fds[1], "y", 1);
    ENDS(pid, 0);
    /* A handler that is reset when it has run once; one that may be interrupted by itself. */
    struct sigaction once = {.sa_handler = nothing, .sa_flags = SA_RESETHAND}, now;
    sigaction(SIGUSR1, &once, 0);
    raise(SIGUSR1);
    sigaction(SIGUSR1, 0, &now);
    CHECK(now.sa_handler == SIG_DFL);
    return 0;
}
