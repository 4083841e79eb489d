/* Pointers that lead nowhere: EFAULT, and never a signal. */
#include "conform.h"

int bad_addresses(int argc, char **argv)
{
    char *bad[] = {(char *)16, (char *)0xc0000000, (char *)0xfffff000};
    int fds[2];
    EQ(pipe(fds), 0);
    make_file("f", "text", 0600);
    int fd = sys(N_open, "f", O_RDWR);
    EQ(sys(N_write, fds[1], "text", 4), 4);
    for (int i = 0; i < 3; i++) {
        EQ(sys(N_open, bad[i], 0), -EFAULT);
        EQ(sys(N_read, fd, bad[i], 4), -EFAULT);
        EQ(sys(N_read, fds[0], bad[i], 4), -EFAULT);
        EQ(sys(N_write, fds[1], bad[i], 4), -EFAULT);
        EQ(sys(N_pipe, bad[i]), -EFAULT);
        EQ(sys(N_stat64, "f", bad[i]), -EFAULT);
        EQ(sys(N_getcwd, bad[i], 100), -EFAULT);
        EQ(sys(N_gettimeofday, bad[i], 0), -EFAULT);
        EQ(sys(N_rt_sigaction, SIGUSR1, bad[i], 0, 8), -EFAULT);
        EQ(sys(N_getrlimit, 1, bad[i]), -EFAULT);
        EQ(sys(N_times, bad[i]), -EFAULT);
        EQ(sys(N_readlink, bad[i], bad[i], 10), -EFAULT);
        EQ(sys(N_poll, bad[i], 1, 0), -EFAULT);
        EQ(sys(N_llseek, fd, 0, 0, bad[i], 0), -EFAULT);
        EQ(sys(N_execve, bad[i], 0, 0), -EFAULT);
        EQ(sys(N_set_thread_area, bad[i]), -EFAULT);
        EQ(sys(N_futex, bad[i], 0, 0, 0), -EFAULT);
    }
    /* Nothing was lost of what could not be stored. */
    char text[8] = "";
    EQ(sys(N_read, fds[0], text, 8), 4);
    CHECK(strcmp(text, "text") == 0);
    /* A buffer that ends in the middle: what fits is transferred. */
    char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EQ(sys(N_munmap, page + 4096, 4096), 0);
    EQ(sys(N_pread64, fd, page + 4094, 4, 0, 0), 2);
    CHECK(memcmp(page + 4094, "te", 2) == 0);
    EQ(sys(N_write, sys(N_open, "/dev/null", O_WRONLY), page + 4094, 100), 100);
    /* Names that end at the end of memory. */
    memcpy(page + 4090, "f", 2);
    EQ(sys(N_access, page + 4090, 0), 0);
    memset(page + 4090, 'f', 6);
    EQ(sys(N_access, page + 4090, 0), -EFAULT);
    /* A handler whose frame cannot be stored: SIGSEGV. */
    int pid = fork();
    if (pid == 0) {
        struct krlimit none = {0, 0};
        sys(N_setrlimit, 4, &none);
        signal(SIGUSR1, (void (*)(int))exit);
        __asm__ volatile("mov $37, %%eax\nmov %0, %%ebx\nmov $10, %%ecx\nmov $0x100, %%esp\nint $0x80"
                         ::"r"(getpid()) : "eax", "ebx", "ecx");
        _exit(1);
    }
    ENDS(pid, SIGSEGV);
    return 0;
}
