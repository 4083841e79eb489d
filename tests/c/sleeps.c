/* nanosleep and clock_nanosleep. */
#include "conform.h"

static void nothing(int number) {}

static int ms(void)
{
    struct ktimespec time;
    sys(N_clock_gettime, 1, &time);
    return time.sec * 1000 + time.nsec / 1000000;
}

int sleeps(int argc, char **argv)
{
    struct ktimespec bad = {0, 1000000000}, negative = {-1, 0}, zero = {0, 0}, left;
    EQ(sys(N_nanosleep, &bad, 0), -EINVAL);
    EQ(sys(N_nanosleep, &negative, 0), -EINVAL);
    EQ(sys(N_nanosleep, 16, 0), -EFAULT);
    EQ(sys(N_nanosleep, &zero, 0), 0);
    int start = ms();
    pause_ms(20);
    CHECK(ms() - start >= 20 && ms() - start <= 23);
    /* A handler ends it, and the rest is told. */
    signal(SIGALRM, nothing);
    struct kitimerval timer = {{0, 0}, {0, 10000}};
    struct ktimespec time = {0, 100000000};
    sys(N_setitimer, 0, &timer, 0);
    EQ(sys(N_nanosleep, &time, &left), -EINTR);
    CHECK(left.sec == 0 && left.nsec >= 85000000 && left.nsec <= 93000000);
    /* A stop does not, but the time goes on. */
    int pid = fork();
    if (pid == 0) {
        start = ms();
        struct ktimespec short_time = {0, 20000000};
        EQ(sys(N_nanosleep, &short_time, 0), 0);
        CHECK(ms() - start >= 20 && ms() - start <= 24);
        DONE();
    }
    pause_ms(3);
    kill(pid, SIGSTOP);
    pause_ms(3);
    kill(pid, SIGCONT);
    ENDS(pid, 0);
    /* Until a moment; the past is no time at all. */
    sys(N_clock_gettime, 1, &time);
    start = ms();
    EQ(sys(N_clock_nanosleep, 1, 1, &time, 0), 0);
    CHECK(ms() - start <= 1);
    time.sec++;
    EQ(sys(N_clock_nanosleep, 1, 1, &time, 0), 0);
    CHECK(ms() - start >= 1000 && ms() - start <= 1003);
    EQ(sys(N_clock_nanosleep, 77, 0, &time, 0), -EINVAL);
    EQ(sys(N_clock_nanosleep, 1, 0, &bad, 0), -EINVAL);
    return 0;
}
