/* timer_create and its kin. */
#include "conform.h"

struct kevent { int value, signo, notify, tid, pad[12]; };
static volatile int rings, last_value, last_code, last_id, last_overrun;
static void ring(int number, siginfo_t *info, void *context)
{
    rings++;
    last_value = info->si_value.sival_int;
    last_code = info->si_code;
    last_id = info->si_timerid;
    last_overrun = info->si_overrun;
}

int posix_timers(int argc, char **argv)
{
    int id = -1, other = -1;
    struct kevent event = {4711, 40, 0};
    struct kitimerspec spec = {{0, 0}, {0, 5000000}}, old, none = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_sigaction = ring, .sa_flags = SA_SIGINFO};
    sigaction(40, &action, 0);
    sigaction(SIGALRM, &action, 0);
    EQ(sys(N_timer_create, 77, &event, &id), -EINVAL);
    EQ(sys(N_timer_create, 1, &event, &id), 0);
    EQ(sys(N_timer_create, 0, 0, &other), 0);
    CHECK(other != id);
    EQ(sys(N_timer_settime, id, 0, &spec, &old), 0);
    EQ(old.value.nsec, 0);
    EQ(sys(N_timer_gettime, id, &old), 0);
    CHECK(old.value.nsec > 3000000 && old.value.nsec <= 8000000);
    sys(N_pause);
    EQ(rings, 1);
    EQ(last_value, 4711);
    EQ(last_code, -2);
    EQ(last_id, id);
    /* Without an event: SIGALRM, with the timer's number as its value. */
    EQ(sys(N_timer_settime, other, 0, &spec, 0), 0);
    sys(N_pause);
    EQ(rings, 2);
    EQ(last_value, other);
    /* While the signal is blocked the expiries are counted. */
    uint64_t mask = 1ull << (40 - 1), nothing = 0;
    spec.interval.nsec = 10000000;
    sys(N_rt_sigprocmask, SIG_BLOCK, &mask, 0, 8);
    EQ(sys(N_timer_settime, id, 0, &spec, 0), 0);
    pause_ms(55);
    sys(N_rt_sigprocmask, SIG_SETMASK, &nothing, 0, 8);
    EQ(rings, 3);
    CHECK(last_overrun >= 4 && last_overrun <= 5);
    EQ(sys(N_timer_getoverrun, id), last_overrun);
    EQ(sys(N_timer_settime, id, 0, &none, &old), 0);
    /* In ticks of 999,848 ns, rounded up. */
    EQ(old.interval.nsec, 11 * 999848);
    pause_ms(15);
    EQ(rings, 3);
    struct kitimerspec bad = {{0, 0}, {0, 1000000000}};
    EQ(sys(N_timer_settime, id, 0, &bad, 0), -EINVAL);
    EQ(sys(N_timer_settime, id, 0, 0, 0), -EINVAL);
    /* They are the process's own. */
    int pid = fork();
    if (pid == 0) {
        EQ(sys(N_timer_gettime, id, &old), -EINVAL);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_timer_delete, id), 0);
    EQ(sys(N_timer_delete, id), -EINVAL);
    return 0;
}
