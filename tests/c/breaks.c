/* brk, and the limit of the data segment. */
#include "conform.h"

int breaks(int argc, char **argv)
{
    char *start = (char *)sys(N_brk, 0);
    CHECK((long)start > 0);
    EQ(sys(N_brk, start + 10000), start + 10000);
    EQ(start[0], 0);
    start[9999] = 'x';
    /* A failure returns the break as it is. */
    EQ(sys(N_brk, 0xd0000000), start + 10000);
    EQ(sys(N_brk, 16), start + 10000);
    EQ(sys(N_brk, start), start);
    /* Memory that came back is zero again. */
    EQ(sys(N_brk, start + 10000), start + 10000);
    EQ(start[9999], 0);
    int pid = fork();
    if (pid == 0) {
        EQ(sys(N_brk, 0), start + 10000);
        EQ(sys(N_brk, start + 20000), start + 20000);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_brk, 0), start + 10000);
    /* RLIMIT_DATA. */
    struct krlimit limit = {40960, 0xffffffff};
    EQ(sys(N_setrlimit, 2, &limit), 0);
    EQ(sys(N_brk, start + (1 << 20)), start + 10000);
    /* A mapping in the way. */
    limit.cur = limit.max;
    EQ(sys(N_setrlimit, 2, &limit), 0);
    char *page = (char *)(((long)start + 10000 + 8191) & ~4095l);
    EQ(mmap(page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), page);
    EQ(sys(N_brk, page + 4096), start + 10000);
    /* malloc and free live on all of this. */
    char *blocks[64];
    for (int i = 0; i < 64; i++)
        memset(blocks[i] = malloc(i * 100 + 1), i, i * 100 + 1);
    for (int i = 0; i < 64; i += 2)
        free(blocks[i]);
    for (int i = 1; i < 64; i += 2)
        EQ(blocks[i][i * 100], i);
    return 0;
}
