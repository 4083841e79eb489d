/* mmap: private, shared, of files; munmap and msync. */
#include "conform.h"

static long map(void *at, uint32_t len, int prot, int flags, int fd, uint32_t page)
{
    return sys(N_mmap2, at, len, prot, flags, fd, page);
}

int mappings(int argc, char **argv)
{
    int rw = PROT_READ | PROT_WRITE, priv = MAP_PRIVATE | MAP_ANONYMOUS, pid;
    char text[8] = "";
    make_file("f", "file", 0644);
    int fd = sys(N_open, "f", O_RDWR), readonly = sys(N_open, "f", O_RDONLY);
    EQ(map(0, 0, rw, priv, -1, 0), -EINVAL);
    EQ(map((void *)1, 4096, rw, priv | MAP_FIXED, -1, 0), -EINVAL);
    EQ(map(0, 4096, rw, MAP_ANONYMOUS, -1, 0), -EINVAL);
    EQ(map(0, 4096, rw, MAP_PRIVATE, 99, 0), -EBADF);
    EQ(map(0, 0xd0000000, rw, priv, -1, 0), -ENOMEM);
    EQ(map(0, 4096, rw, MAP_SHARED, readonly, 0), -EACCES);
    EQ(map(0, 4096, PROT_READ, MAP_PRIVATE, sys(N_open, "f", O_WRONLY), 0), -EACCES);
    /* Private anonymous memory is a child's own, shared memory is not. */
    volatile char *own = (char *)map(0, 8192, rw, priv, -1, 0);
    volatile char *both = (char *)map(0, 8192, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EQ(own[5000], 0);
    own[0] = both[0] = 'a';
    if ((pid = fork()) == 0) {
        own[0] = both[0] = 'b';
        DONE();
    }
    ENDS(pid, 0);
    EQ(own[0], 'a');
    EQ(both[0], 'b');
    /* A shared mapping of a file is the file; a private one is not once it was written. */
    volatile char *shared = (char *)map(0, 4096, rw, MAP_SHARED, fd, 0);
    volatile char *copy = (char *)map(0, 4096, rw, MAP_PRIVATE, readonly, 0);
    EQ(copy[0], 'f');
    EQ(copy[4], 0);
    shared[0] = 'F';
    EQ(copy[0], 'F');
    copy[1] = 'I';
    EQ(shared[1], 'i');
    sys(N_pwrite64, fd, "L", 1, 2, 0);
    EQ(shared[2], 'L');
    EQ(copy[2], 'l');
    EQ(sys(N_msync, shared, 4096, MS_SYNC), 0);
    EQ(sys(N_msync, (long)shared + 1, 4096, MS_SYNC), -EINVAL);
    EQ(sys(N_pread64, fd, text, 8, 0, 0), 4);
    CHECK(memcmp(text, "FiLe", 4) == 0);
    /* Behind the end of the file: SIGBUS, even where the area reaches. */
    if ((pid = fork()) == 0) {
        struct krlimit none = {0, 0};
        sys(N_setrlimit, 4, &none);
        volatile char *far = (char *)map(0, 8192, rw, MAP_SHARED, fd, 0);
        far[4095] = 1;
        far[4096] = 1;
        _exit(0);
    }
    ENDS(pid, SIGBUS);
    /* A hole in the middle; what is unmapped is gone. */
    char *three = (char *)map(0, 3 * 4096, rw, priv, -1, 0);
    three[0] = three[8192] = 'x';
    EQ(sys(N_munmap, three + 4096, 4096), 0);
    EQ(sys(N_munmap, three + 4096, 4096), 0);
    EQ(sys(N_munmap, three + 1, 4096), -EINVAL);
    EQ(three[8192], 'x');
    EQ(shared[0], 'F');
    EQ(sys(N_write, fd, three + 4096, 1), -EFAULT);
    /* 2.6.12 clears what a write should have filled. */
    EQ(shared[0], 0);
    EQ(map(three, 8192, rw, priv | MAP_FIXED, -1, 0), (long)three);
    EQ(three[0], 0);
    EQ(three[8192], 'x');
    /* mincore knows only of pages of files. */
    unsigned char there[3] = {0};
    EQ(sys(N_mincore, three, 4096, there), -ENOMEM);
    EQ(sys(N_mincore, three + 1, 4096, there), -EINVAL);
    EQ(sys(N_mincore, shared, 4096, there), 0);
    EQ(there[0], 1);
    /* MADV_DONTNEED throws private pages away. */
    own[0] = 'z';
    EQ(sys(N_madvise, own, 8192, 4), 0);
    EQ(own[0], 0);
    EQ(sys(N_madvise, own, 8192, 99), -EINVAL);
    /* The file may be closed and removed. */
    sys(N_close, fd);
    sys(N_unlink, "f");
    EQ(shared[1], 'i');
    return 0;
}
