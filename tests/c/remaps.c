/* mremap: shrinks, grows, moves. */
#include "conform.h"

int remaps(int argc, char **argv)
{
    int rw = PROT_READ | PROT_WRITE, priv = MAP_PRIVATE | MAP_ANONYMOUS;
    char *area = mmap(0, 4 * 4096, rw, priv, -1, 0);
    area[0] = 'a';
    area[3 * 4096] = 'd';
    EQ(sys(N_mremap, area, 4 * 4096, 2 * 4096, 0), area);
    EQ(sys(N_mincore, area + 2 * 4096, 4096, area), -ENOMEM);
    /* It grows where there is room, and moves where it may. */
    EQ(sys(N_mremap, area, 2 * 4096, 3 * 4096, 0), area);
    EQ(area[2 * 4096], 0);
    mmap(area + 3 * 4096, 4096, PROT_NONE, priv | MAP_FIXED, -1, 0);
    EQ(sys(N_mremap, area, 3 * 4096, 8 * 4096, 0), -ENOMEM);
    char *moved = (char *)sys(N_mremap, area, 3 * 4096, 8 * 4096, 1);
    CHECK(moved != area && ((long)moved & 4095) == 0);
    EQ(moved[0], 'a');
    moved[7 * 4096] = 'h';
    EQ(sys(N_msync, area, 4096, MS_ASYNC), -ENOMEM);
    /* To a place of one's choice, whatever is there. */
    char *target = mmap(0, 8 * 4096, rw, priv, -1, 0);
    target[0] = 't';
    EQ(sys(N_mremap, moved, 8 * 4096, 8 * 4096, 3, target), target);
    EQ(target[0], 'a');
    EQ(target[7 * 4096], 'h');
    EQ(sys(N_mremap, target, 8 * 4096, 8 * 4096, 3, target + 4096), -EINVAL);
    EQ(sys(N_mremap, target + 1, 4096, 8192, 1), -EINVAL);
    EQ(sys(N_mremap, target, 4096, 0, 1), -EINVAL);
    EQ(sys(N_mremap, target, 4096, 8192, 4), -EINVAL);
    EQ(sys(N_munmap, target, 4096), 0);
    EQ(sys(N_mremap, target, 4096, 8192, 1), -EFAULT);
    /* A shared page stays shared. */
    volatile char *shared = mmap(0, 4096, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared[0] = 's';
    int pid = fork();
    if (pid == 0) {
        volatile char *other = (char *)sys(N_mremap, shared, 4096, 8192, 1);
        other[0] = 'S';
        DONE();
    }
    ENDS(pid, 0);
    EQ(shared[0], 'S');
    return 0;
}
