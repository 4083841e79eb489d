/* setjmp and longjmp, out of handlers too. */
#include "conform.h"
#include <setjmp.h>

static jmp_buf plain;
static sigjmp_buf masked;
static void leave(int number) { siglongjmp(masked, number); }
static void deep(int depth)
{
    if (depth == 0)
        longjmp(plain, 3);
    deep(depth - 1);
}

int jumps(int argc, char **argv)
{
    volatile int before = 1;
    int value = setjmp(plain);
    if (value == 0) {
        before = 2;
        deep(20);
    }
    EQ(value, 3);
    EQ(before, 2);
    /* Out of a handler for a fault; the mask is restored, so that it works a second time. */
    signal(SIGSEGV, leave);
    for (volatile int i = 0; i < 3; i++) {
        if ((value = sigsetjmp(masked, 1)) == 0)
            *(volatile char *)8 = 1;
        EQ(value, SIGSEGV);
    }
    /* Without the mask the signal stays blocked. */
    signal(SIGUSR1, leave);
    if (sigsetjmp(masked, 0) == 0)
        kill(getpid(), SIGUSR1);
    uint64_t mask = 0;
    sys(N_rt_sigprocmask, 0, 0, &mask, 8);
    CHECK(mask == 1ull << (SIGUSR1 - 1));
    /* abort raises SIGABRT, even if it is blocked or ignored. */
    int pid = fork();
    if (pid == 0) {
        struct krlimit none = {0, 0};
        sys(N_setrlimit, 4, &none);
        signal(SIGABRT, SIG_IGN);
        abort();
    }
    ENDS(pid, SIGABRT);
    return 0;
}
