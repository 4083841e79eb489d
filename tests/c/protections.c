/* mprotect, and a handler that mends what faulted. */
#include "conform.h"

static char *page;
static volatile int faults, code;
static void mend(int number, siginfo_t *info, void *context)
{
    faults++;
    code = info->si_code;
    sys(N_mprotect, (long)info->si_addr & ~4095l, 4096, PROT_READ | PROT_WRITE);
}

int protections(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = mend, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    page = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EQ(sys(N_mprotect, page, 3 * 4096, PROT_READ), 0);
    ((volatile char *)page)[4096] = 'x';
    EQ(faults, 1);
    EQ(code, SEGV_ACCERR);
    EQ(page[4096], 'x');
    EQ(sys(N_mprotect, page + 4096, 4096, PROT_NONE), 0);
    EQ(((volatile char *)page)[4096], 'x');
    EQ(faults, 2);
    /* The kernel does not call handlers for its own accesses. */
    int fds[2];
    EQ(pipe(fds), 0);
    EQ(sys(N_write, fds[1], "abc", 3), 3);
    EQ(sys(N_read, fds[0], page, 3), -EFAULT);
    EQ(sys(N_mprotect, page + 4096, 4096, PROT_NONE), 0);
    EQ(sys(N_write, fds[1], page + 4096, 1), -EFAULT);
    EQ(faults, 2);
    EQ(sys(N_mprotect, page + 1, 4096, PROT_READ), -EINVAL);
    EQ(sys(N_mprotect, page, 4096, 0x40), -EINVAL);
    EQ(sys(N_mprotect, page, 0, PROT_READ), 0);
    EQ(sys(N_munmap, page + 8192, 4096), 0);
    /* Up to the hole it is done. */
    EQ(sys(N_mprotect, page, 3 * 4096, PROT_READ | PROT_WRITE), -ENOMEM);
    page[0] = 'y';
    EQ(faults, 2);
    /* A shared mapping of a file that is open for reading only. */
    make_file("f", "x", 0600);
    char *file = mmap(0, 4096, PROT_READ, MAP_SHARED, sys(N_open, "f", O_RDONLY), 0);
    EQ(sys(N_mprotect, file, 4096, PROT_READ | PROT_WRITE), -EACCES);
    /* Code written into memory can be executed: i386 has no right that would forbid it. */
    static const unsigned char code_bytes[] = {0xb8, 42, 0, 0, 0, 0xc3};
    memcpy(page, code_bytes, sizeof code_bytes);
    EQ(((int (*)(void))page)(), 42);
    return 0;
}
