/* Copy on write over fork, seen from inside: contents, and minor faults. */
#include "conform.h"

#define PAGES 16
static char *memory;

static int faults(void)
{
    struct krusage usage;
    sys(N_getrusage, 0, &usage);
    return usage.minflt;
}

static int write_all(char what)
{
    int before = faults();
    for (int i = 0; i < PAGES; i++)
        ((volatile char *)memory)[i * 4096] = what;
    return faults() - before;
}

int copies(int argc, char **argv)
{
    int fds[2], pid;
    char byte;
    EQ(pipe(fds), 0);
    memory = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    faults();
    EQ(write_all('a'), PAGES);
    EQ(write_all('b'), 0);
    if ((pid = fork()) == 0) {
        faults();
        /* A copy of each page; then they are the child's own. */
        EQ(memory[0], 'b');
        EQ(write_all('c'), PAGES);
        EQ(write_all('d'), 0);
        sys(N_read, fds[0], &byte, 1);
        EQ(memory[PAGES * 4096 - 4096], 'd');
        DONE();
    }
    pause_ms(5);
    EQ(memory[0], 'b');
    /* The child has gone its own way: the pages are the parent's alone, but still write-protected. */
    EQ(write_all('e'), PAGES);
    sys(N_write, fds[1], "x", 1);
    ENDS(pid, 0);
    EQ(memory[0], 'e');
    /* Three generations. */
    if ((pid = fork()) == 0) {
        memory[0] = 'f';
        int grandchild = fork();
        if (grandchild == 0) {
            EQ(memory[0], 'f');
            memory[0] = 'g';
            memory[4096] = 'g';
            DONE();
        }
        ENDS(grandchild, 0);
        EQ(memory[0], 'f');
        EQ(memory[4096], 'e');
        DONE();
    }
    ENDS(pid, 0);
    EQ(memory[0], 'e');
    /* What the kernel writes is copied too. */
    int out[2];
    EQ(pipe(out), 0);
    sys(N_write, out[1], "kk", 2);
    if ((pid = fork()) == 0) {
        EQ(sys(N_read, out[0], memory, 1), 1);
        EQ(memory[0], 'k');
        DONE();
    }
    ENDS(pid, 0);
    EQ(memory[0], 'e');
    return 0;
}
