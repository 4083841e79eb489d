/* Real-time signals queue, in order; rt_sigtimedwait takes them without a handler. */
#include "conform.h"

static volatile int order[8], count;
static void note(int number, siginfo_t *info, void *context)
{
    order[count++] = number * 100 + info->si_value.sival_int;
}

static long queue(int number, int value)
{
    siginfo_t sent = {.si_signo = number, .si_code = -1};
    sent.si_value.sival_int = value;
    return sys(N_rt_sigqueueinfo, getpid(), number, &sent);
}

int queued_signals(int argc, char **argv)
{
    uint64_t both = 3ull << (40 - 1), usr1 = 1ull << (SIGUSR1 - 1), none = 0;
    siginfo_t info;
    struct ktimespec soon = {0, 2000000}, zero = {0, 0}, bad = {0, 1000000000};
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    sigaction(40, &action, 0);
    sigaction(41, &action, 0);
    /* What a handler touches must be there: a page fault would be another return to user mode. */
    EQ(queue(40, 0), 0);
    count = 0;
    sys(N_rt_sigprocmask, SIG_BLOCK, &both, 0, 8);
    EQ(queue(41, 1), 0);
    EQ(queue(40, 2), 0);
    EQ(queue(40, 3), 0);
    /* The lowest number first, the first sent of each first, and one handler after the other. */
    EQ(sys(N_rt_sigtimedwait, &both, &info, &zero, 8), 40);
    EQ(info.si_value.sival_int, 2);
    EQ(info.si_code, -1);
    EQ(sys(N_rt_sigprocmask, SIG_SETMASK, &none, 0, 8), 0);
    EQ(count, 2);
    EQ(order[0], 4003);
    EQ(order[1], 4101);
    /* Waiting. */
    sys(N_rt_sigprocmask, SIG_BLOCK, &usr1, 0, 8);
    EQ(sys(N_rt_sigtimedwait, &usr1, &info, &soon, 8), -EAGAIN);
    EQ(sys(N_rt_sigtimedwait, &usr1, &info, &bad, 8), -EINVAL);
    int parent = getpid(), pid = fork();
    if (pid == 0) {
        pause_ms(3);
        kill(parent, SIGUSR1);
        DONE();
    }
    EQ(sys(N_rt_sigtimedwait, &usr1, &info, 0, 8), SIGUSR1);
    EQ(info.si_pid, pid);
    ENDS(pid, 0);
    /* RLIMIT_SIGPENDING. */
    struct krlimit limit = {0, 0};
    EQ(sys(N_setrlimit, 11, &limit), 0);
    EQ(queue(40, 1), -EAGAIN);
    EQ(sys(N_kill, getpid(), SIGUSR1), 0);
    EQ(sys(N_rt_sigtimedwait, &usr1, &info, &zero, 8), SIGUSR1);
    return 0;
}
