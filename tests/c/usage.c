/* getrusage, times, and what they say of children. */
#include "conform.h"

struct ktms { int32_t utime, stime, cutime, cstime; };

int usage(int argc, char **argv)
{
    struct krusage self_usage, children;
    struct ktms before, after;
    EQ(sys(N_getrusage, 1, &self_usage), -EINVAL);
    EQ(sys(N_getrusage, 0, 16), -EFAULT);
    EQ(sys(N_getrusage, -1, &children), 0);
    EQ(children.minflt, 0);
    CHECK(sys(N_times, &before) >= 0);
    EQ(before.cutime, 0);
    int pid = fork();
    if (pid == 0) {
        struct ktms own;
        sys(N_times, &own);
        EQ(own.utime + own.cutime, 0);
        volatile int turns = 0;
        while (own.utime < 1) {
            for (int i = 0; i < 2000; i++)
                turns++;
            sys(N_times, &own);
        }
        DONE();
    }
    pause_ms(30);
    /* Nothing is added before the wait. */
    sys(N_times, &after);
    EQ(after.cutime, 0);
    ENDS(pid, 0);
    sys(N_times, &after);
    CHECK(after.cutime >= 1);
    EQ(sys(N_getrusage, -1, &children), 0);
    CHECK(children.utime.usec >= 10000);
    CHECK(children.minflt > 0);
    /* Sleeps are voluntary switches. */
    EQ(sys(N_getrusage, 0, &self_usage), 0);
    int switches = self_usage.nvcsw;
    pause_ms(1);
    sys(N_getrusage, 0, &self_usage);
    EQ(self_usage.nvcsw, switches + 1);
    /* A minor fault for each new page. */
    char *area = mmap(0, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sys(N_getrusage, 0, &self_usage);
    int faults = self_usage.minflt;
    for (int i = 0; i < 8; i++)
        ((volatile char *)area)[i * 4096] = 1;
    sys(N_getrusage, 0, &self_usage);
    EQ(self_usage.minflt, faults + 8);
    /* The time since boot, in hundredths of a second. */
    long start = sys(N_times, 0);
    pause_ms(50);
    long took = sys(N_times, 0) - start;
    CHECK(took >= 4 && took <= 6);
    return 0;
}
