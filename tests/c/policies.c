/* Scheduling policies, and who runs first. */
#include "conform.h"

int policies(int argc, char **argv)
{
    int param = 0, bad = 100, fifo = 10, pid, fds[2];
    struct ktimespec interval;
    unsigned long mask = 0;
    char order[8] = "";
    EQ(sys(N_sched_getscheduler, 0), 0);
    EQ(sys(N_sched_getscheduler, -1), -EINVAL);
    EQ(sys(N_sched_getscheduler, 30000), -ESRCH);
    EQ(sys(N_sched_get_priority_max, 1), 99);
    EQ(sys(N_sched_get_priority_min, 2), 1);
    EQ(sys(N_sched_get_priority_max, 0), 0);
    EQ(sys(N_sched_get_priority_max, 3), -EINVAL);
    EQ(sys(N_sched_setscheduler, 0, 1, &param), -EINVAL);
    EQ(sys(N_sched_setscheduler, 0, 1, &bad), -EINVAL);
    EQ(sys(N_sched_setscheduler, 0, 7, &fifo), -EINVAL);
    EQ(sys(N_sched_setscheduler, 0, 0, &fifo), -EINVAL);
    EQ(sys(N_sched_setscheduler, 0, 1, &fifo), 0);
    EQ(sys(N_sched_getscheduler, 0), 1);
    EQ(sys(N_sched_getparam, 0, &param), 0);
    EQ(param, 10);
    /* The policy is inherited. A real-time task runs until it sleeps. */
    EQ(pipe(fds), 0);
    if ((pid = fork()) == 0) {
        EQ(sys(N_sched_getscheduler, 0), 1);
        sys(N_write, fds[1], "c", 1);
        DONE();
    }
    int high = 20, other = fork();
    if (other == 0) {
        EQ(sys(N_sched_setparam, 0, &high), 0);
        sys(N_write, fds[1], "d", 1);
        sys(N_sched_yield);
        sys(N_write, fds[1], "D", 1);
        DONE();
    }
    sys(N_write, fds[1], "p", 1);
    ENDS(pid, 0);
    ENDS(other, 0);
    EQ(sys(N_read, fds[0], order, 8), 4);
    /* 2.6.12 lets a forked child run first, whatever its policy. */
    CHECK(memcmp(order, "cdDp", 4) == 0);
    /* Slices: none for FIFO. */
    EQ(sys(N_sched_rr_get_interval, 0, &interval), 0);
    EQ(interval.nsec, 0);
    EQ(sys(N_sched_setscheduler, 0, 2, &fifo), 0);
    EQ(sys(N_sched_rr_get_interval, 0, &interval), 0);
    CHECK(interval.nsec >= 99000000 && interval.nsec <= 100000000);
    param = 0;
    EQ(sys(N_sched_setscheduler, 0, 0, &param), 0);
    /* Only root may become real-time. */
    if ((pid = fork()) == 0) {
        become(500);
        EQ(sys(N_sched_setscheduler, 0, 1, &fifo), -EPERM);
        EQ(sys(N_sched_setscheduler, getppid(), 0, &param), -EPERM);
        EQ(sys(N_sched_setscheduler, 0, 0, &param), 0);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_sched_getaffinity, 0, 4, &mask), 4);
    CHECK(mask & 1);
    EQ(sys(N_sched_getaffinity, 0, 3, &mask), -EINVAL);
    mask = 0;
    EQ(sys(N_sched_setaffinity, 0, 4, &mask), -EINVAL);
    return 0;
}
