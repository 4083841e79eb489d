/* alarm and setitimer. */
#include "conform.h"

static volatile int rings;
static void ring(int number) { rings++; }

static struct ktimeval now(void)
{
    struct ktimeval time;
    sys(N_gettimeofday, &time, 0);
    return time;
}

static int ms_since(struct ktimeval before)
{
    struct ktimeval after = now();
    return (after.sec - before.sec) * 1000 + (after.usec - before.usec) / 1000;
}

int alarms(int argc, char **argv)
{
    if (argc > 1)
        return sys(N_alarm, 0) == 50 ? 7 : 8;
    struct kitimerval timer, old, none = {{0, 0}, {0, 0}};
    signal(SIGALRM, ring);
    EQ(sys(N_alarm, 10), 0);
    EQ(sys(N_alarm, 3), 10);
    EQ(sys(N_alarm, 0), 3);
    EQ(sys(N_alarm, 0), 0);
    /* A timer that rings again and again. */
    timer = (struct kitimerval){{0, 10000}, {0, 5000}};
    struct ktimeval start = now();
    EQ(sys(N_setitimer, 0, &timer, 0), 0);
    while (rings < 4)
        sys(N_pause);
    int took = ms_since(start);
    CHECK(took >= 34 && took <= 40);
    EQ(sys(N_getitimer, 0, &old), 0);
    /* A tick has 999,848 ns, and times are rounded up to ticks: 10 ms are 11 of them. */
    EQ(old.interval.usec, 10998);
    CHECK(old.value.usec > 0 && old.value.usec <= 10998);
    EQ(sys(N_setitimer, 0, &none, &old), 0);
    EQ(old.interval.usec, 10998);
    EQ(sys(N_getitimer, 0, &old), 0);
    EQ(old.value.usec + old.interval.usec, 0);
    EQ(sys(N_setitimer, 3, &timer, 0), -EINVAL);
    EQ(sys(N_getitimer, 3, &timer), -EINVAL);
    EQ(sys(N_setitimer, 0, 16, 0), -EFAULT);
    EQ(sys(N_getitimer, 0, 0), -EFAULT);
    /* 2.6.12 takes no timer for a request to disarm. */
    sys(N_alarm, 100);
    EQ(sys(N_setitimer, 0, 0, &old), 0);
    EQ(old.value.sec, 100);
    EQ(sys(N_alarm, 0), 0);
    /* A child has none, a new program keeps it. */
    sys(N_alarm, 50);
    int pid = fork();
    if (pid == 0) {
        EQ(sys(N_alarm, 50), 0);
        char *args[] = {self, "alarms", "left", 0};
        execve(self, args, 0);
    }
    ENDS(pid, 0x700);
    EQ(sys(N_alarm, 0), 50);
    return 0;
}
