/* Resource limits. */
#include "conform.h"

static struct krlimit limit_of(int resource)
{
    struct krlimit limit = {1, 1};
    EQ(sys(N_getrlimit, resource, &limit), 0);
    return limit;
}

int limits(int argc, char **argv)
{
    /* The limits of the boot. */
    EQ(limit_of(3).cur, 8 << 20);
    EQ(limit_of(3).max, 0xffffffff);
    EQ(limit_of(7).cur, 1024);
    EQ(limit_of(7).max, 1024);
    EQ(limit_of(8).cur, 32 << 10);
    EQ(limit_of(4).cur, 0);
    struct krlimit limit = {5, 4}, old;
    EQ(sys(N_setrlimit, 7, &limit), -EINVAL);
    EQ(sys(N_setrlimit, 99, &limit), -EINVAL);
    EQ(sys(N_getrlimit, 99, &limit), -EINVAL);
    EQ(sys(N_getrlimit, 7, 16), -EFAULT);
    /* The call of old knows no more than 31 bits. */
    EQ(sys(N_old_getrlimit, 3, &old), 0);
    EQ(old.max, 0x7fffffff);
    limit = (struct krlimit){1024, 2048};
    EQ(sys(N_setrlimit, 7, &limit), 0);
    int pid = fork();
    if (pid == 0) {
        EQ(limit_of(7).max, 2048);
        become(500);
        limit = (struct krlimit){10, 100};
        EQ(sys(N_setrlimit, 7, &limit), 0);
        limit.max = 101;
        EQ(sys(N_setrlimit, 7, &limit), -EPERM);
        limit = (struct krlimit){100, 100};
        EQ(sys(N_setrlimit, 7, &limit), 0);
        /* Processes of the user: this one is the first of two. */
        limit = (struct krlimit){2, 2};
        EQ(sys(N_setrlimit, 6, &limit), 0);
        int child = fork();
        if (child == 0) {
            EQ(sys(N_fork), -EAGAIN);
            DONE();
        }
        ENDS(child, 0);
        /* Memory. */
        limit = (struct krlimit){8 << 20, 8 << 20};
        EQ(sys(N_setrlimit, 9, &limit), 0);
        EQ(sys(N_mmap2, 0, 9 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -ENOMEM);
        CHECK(sys(N_mmap2, 0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) > 0xfffff000u ? 0 : 1);
        DONE();
    }
    ENDS(pid, 0);
    /* CPU time: SIGXCPU at the soft limit, SIGKILL at the hard one. */
    if ((pid = fork()) == 0) {
        signal(SIGXCPU, SIG_IGN);
        limit = (struct krlimit){1, 1};
        EQ(sys(N_setrlimit, 0, &limit), 0);
        EQ(limit_of(0).cur, 1);
        DONE();
    }
    ENDS(pid, 0);
    /* The stack grows down to its limit. */
    if ((pid = fork()) == 0) {
        limit = (struct krlimit){256 << 10, 256 << 10};
        EQ(sys(N_setrlimit, 3, &limit), 0);
        /* At once by no more than the call of a function needs. */
        __asm__ volatile("sub $102400, %esp\npush %eax\nadd $102404, %esp");
        __asm__ volatile("movb $0, -204800(%esp)");
        _exit(1);
    }
    ENDS(pid, SIGSEGV);
    return 0;
}
