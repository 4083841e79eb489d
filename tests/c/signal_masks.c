/* Blocked and pending signals, and in which order they are taken. */
#include "conform.h"

static volatile int order[16], count;
static void note(int number) { order[count++] = number; }

static long set_mask(int how, uint64_t mask, uint64_t *old)
{
    return sys(N_rt_sigprocmask, how, &mask, old, 8);
}
#define BIT(n) (1ull << ((n) - 1))

int signal_masks(int argc, char **argv)
{
    uint64_t old = -1, pending = 0;
    int me = getpid(), pid;
    signal(SIGUSR1, note);
    signal(SIGUSR2, note);
    signal(SIGHUP, note);
    /* What a handler touches must be there: a page fault would be another return to user mode. */
    raise(SIGUSR1);
    count = 0;
    EQ(set_mask(SIG_BLOCK, BIT(SIGUSR1) | BIT(SIGUSR2) | BIT(SIGHUP) | BIT(SIGKILL), &old), 0);
    CHECK(old == 0);
    EQ(set_mask(SIG_BLOCK, 0, &old), 0);
    CHECK(old == (BIT(SIGUSR1) | BIT(SIGUSR2) | BIT(SIGHUP)));
    kill(me, SIGUSR2);
    kill(me, SIGUSR1);
    kill(me, SIGUSR1);
    kill(me, SIGHUP);
    EQ(sys(N_rt_sigpending, &pending, 8), 0);
    CHECK(pending == old);
    EQ(count, 0);
    /* Standard signals are pending once. 2.6.12 makes one frame at a return to user mode, the lowest
     * number first; later kernels make all of them at once, so that the last one runs first. */
    EQ(set_mask(SIG_SETMASK, 0, 0), 0);
    EQ(count, 3);
    EQ(order[0], SIGHUP);
    EQ(order[1], SIGUSR1);
    EQ(order[2], SIGUSR2);
    EQ(sys(N_rt_sigprocmask, 7, &old, 0, 8), -EINVAL);
    EQ(sys(N_rt_sigprocmask, 0, &old, 0, 4), -EINVAL);
    EQ(sys(N_rt_sigprocmask, 0, 16, 0, 8), -EFAULT);
    /* A child inherits the mask, but nothing that is pending. */
    set_mask(SIG_BLOCK, BIT(SIGUSR1), 0);
    kill(me, SIGUSR1);
    if ((pid = fork()) == 0) {
        pending = -1;
        EQ(sys(N_rt_sigpending, &pending, 8), 0);
        CHECK(pending == 0);
        EQ(set_mask(SIG_BLOCK, 0, &old), 0);
        CHECK(old == BIT(SIGUSR1));
        DONE();
    }
    ENDS(pid, 0);
    /* To ignore a signal discards it. */
    signal(SIGUSR1, SIG_IGN);
    sys(N_rt_sigpending, &pending, 8);
    CHECK(pending == 0);
    signal(SIGUSR1, note);
    count = 0;
    set_mask(SIG_SETMASK, 0, 0);
    EQ(count, 0);
    /* sigsuspend lets one in, and has the old mask again afterwards. */
    set_mask(SIG_BLOCK, BIT(SIGUSR1), 0);
    kill(me, SIGUSR1);
    uint64_t none = 0;
    EQ(sys(N_rt_sigsuspend, &none, 8), -EINTR);
    EQ(count, 1);
    set_mask(SIG_BLOCK, 0, &old);
    CHECK(old == BIT(SIGUSR1));
    /* A handler's own signal is blocked while it runs. Kill and stop cannot be caught. */
    struct sigaction action = {.sa_handler = SIG_IGN};
    EQ(sigaction(SIGKILL, &action, 0), -1);
    EQ(sigaction(SIGSTOP, &action, 0), -1);
    EQ(sys(N_rt_sigaction, SIGUSR1, 0, 0, 4), -EINVAL);
    EQ(sys(N_rt_sigaction, 65, 0, 0, 8), -EINVAL);
    EQ(sys(N_rt_sigaction, 0, 0, 0, 8), -EINVAL);
    /* A fault whose signal is blocked kills. */
    if ((pid = fork()) == 0) {
        struct krlimit no_core = {0, 0};
        sys(N_setrlimit, 4, &no_core);
        signal(SIGSEGV, note);
        set_mask(SIG_BLOCK, BIT(SIGSEGV), 0);
        *(volatile int *)16 = 1;
        _exit(1);
    }
    ENDS(pid, SIGSEGV);
    return 0;
}
