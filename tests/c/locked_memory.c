/* mlock and its limit. */
#include "conform.h"

int locked_memory(int argc, char **argv)
{
    char *area = mmap(0, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EQ(sys(N_mlock, area, 4 * 4096), 0);
    /* The pages are there now. */
    struct krusage before, after;
    sys(N_getrusage, 0, &before);
    sys(N_getrusage, 0, &before);
    for (int i = 0; i < 4; i++)
        ((volatile char *)area)[i * 4096] = 1;
    sys(N_getrusage, 0, &after);
    EQ(after.minflt, before.minflt);
    EQ(sys(N_munlock, area, 4 * 4096), 0);
    EQ(sys(N_munmap, area + 4096, 4096), 0);
    EQ(sys(N_mlock, area, 3 * 4096), -ENOMEM);
    EQ(sys(N_mlockall, 0), -EINVAL);
    EQ(sys(N_mlockall, 8), -EINVAL);
    EQ(sys(N_mlockall, 2), 0);
    EQ(sys(N_munlockall), 0);
    int pid = fork();
    if (pid == 0) {
        become(500);
        struct krlimit limit = {4 * 4096, 4 * 4096};
        EQ(sys(N_setrlimit, 8, &limit), 0);
        char *own = mmap(0, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        EQ(sys(N_mlock, own, 5 * 4096), -ENOMEM);
        EQ(sys(N_mlock, own, 4 * 4096), 0);
        EQ(sys(N_mlock, own + 4 * 4096, 1), -ENOMEM);
        EQ(sys(N_munlock, own, 4096), 0);
        EQ(sys(N_mlock, own + 4 * 4096, 1), 0);
        EQ(sys(N_mlockall, 1), -ENOMEM);
        limit.cur = limit.max = 0;
        EQ(sys(N_setrlimit, 8, &limit), 0);
        EQ(sys(N_mlock, own, 4096), -EPERM);
        DONE();
    }
    ENDS(pid, 0);
    /* Locks are not inherited. */
    EQ(sys(N_mlock, area, 4096), 0);
    if ((pid = fork()) == 0) {
        struct krlimit limit = {4096, 4096};
        become(500);
        EQ(sys(N_setrlimit, 8, &limit), 0);
        EQ(sys(N_mlock, area + 8192, 4096), 0);
        DONE();
    }
    ENDS(pid, 0);
    return 0;
}
