/* sigaltstack. */
#include "conform.h"

struct kstack { void *sp; int flags; uint32_t size; };
static char stack[16384];
static volatile int inside, during, refused;

static void note(int number)
{
    char here;
    struct kstack now;
    inside = &here >= stack && &here < stack + sizeof stack;
    sys(N_sigaltstack, 0, &now);
    during = now.flags;
    struct kstack none = {0, 2, 0};
    refused = sys(N_sigaltstack, &none, 0);
}

int alternate_stack(int argc, char **argv)
{
    struct kstack old = {0, -1, 0}, small = {stack, 0, 1000}, strange = {stack, 4, 16384};
    struct kstack good = {stack, 0, sizeof stack};
    EQ(sys(N_sigaltstack, 0, &old), 0);
    EQ(old.flags, 2);
    EQ(sys(N_sigaltstack, &small, 0), -ENOMEM);
    EQ(sys(N_sigaltstack, &strange, 0), -EINVAL);
    EQ(sys(N_sigaltstack, 16, 0), -EFAULT);
    EQ(sys(N_sigaltstack, &good, 0), 0);
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, 0);
    raise(SIGUSR1);
    EQ(inside, 1);
    EQ(during, 1);
    EQ(refused, -EPERM);
    EQ(sys(N_sigaltstack, 0, &old), 0);
    EQ(old.flags, 0);
    EQ(old.size, sizeof stack);
    action.sa_flags = 0;
    sigaction(SIGUSR1, &action, 0);
    raise(SIGUSR1);
    EQ(inside, 0);
    /* There it could be given up. */
    EQ(refused, 0);
    EQ(sys(N_sigaltstack, &good, 0), 0);
    /* A fork keeps it. Without one, an overflow of the stack cannot be handled. */
    int pid = fork();
    if (pid == 0) {
        sys(N_sigaltstack, 0, &old);
        CHECK(old.sp == stack && old.flags == 0);
        struct kstack none = {0, 2, 0};
        EQ(sys(N_sigaltstack, &none, 0), 0);
        EQ(sys(N_sigaltstack, 0, &old), 0);
        EQ(old.flags, 2);
        struct krlimit no_core = {0, 0};
        sys(N_setrlimit, 4, &no_core);
        signal(SIGSEGV, note);
        __asm__ volatile("mov $0x10, %esp\npush %eax");
        _exit(1);
    }
    ENDS(pid, SIGSEGV);
    return 0;
}
