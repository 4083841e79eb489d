/* truncate and ftruncate, holes, the limit of file sizes. */
#include "conform.h"

static volatile int caught;
static void note(int number) { caught = number; }

int truncation(int argc, char **argv)
{
    char text[8] = "zzzzzzz";
    int fd = sys(N_open, "f", O_CREAT | O_RDWR, 0600);
    EQ(sys(N_write, fd, "a", 1), 1);
    EQ(sys(N_lseek, fd, 9000, SEEK_SET), 9000);
    EQ(sys(N_write, fd, "b", 1), 1);
    EQ(stat_of("f").size, 9001);
    /* Pages 0 and 2 are there, page 1 is a hole, and reads as zeros. */
    EQ(stat_of("f").blocks, 16);
    EQ(sys(N_pread64, fd, text, 4, 5000, 0), 4);
    CHECK(memcmp(text, "\0\0\0\0zzz", 7) == 0);
    EQ(sys(N_ftruncate, fd, 1), 0);
    EQ(sys(N_lseek, fd, 0, SEEK_CUR), 9001);
    EQ(sys(N_read, fd, text, 4), 0);
    EQ(sys(N_truncate, "f", 4), 0);
    EQ(sys(N_pread64, fd, text, 8, 0, 0), 4);
    CHECK(memcmp(text, "a\0\0\0", 4) == 0);
    /* What was cut off does not come back. */
    EQ(sys(N_pwrite64, fd, "abcd", 4, 0, 0), 4);
    EQ(sys(N_ftruncate, fd, 2), 0);
    EQ(sys(N_ftruncate64, fd, 4, 0), 0);
    EQ(sys(N_pread64, fd, text, 8, 0, 0), 4);
    CHECK(memcmp(text, "ab\0\0", 4) == 0);
    EQ(sys(N_truncate, "f", -1), -EINVAL);
    EQ(sys(N_truncate, "nobody", 0), -ENOENT);
    EQ(sys(N_mkdir, "d", 0755), 0);
    EQ(sys(N_truncate, "d", 0), -EISDIR);
    EQ(sys(N_ftruncate, 99, 0), -EBADF);
    EQ(sys(N_ftruncate, 99, -1), -EINVAL);
    EQ(sys(N_ftruncate, sys(N_open, "f", O_RDONLY), 0), -EINVAL);
    int fds[2];
    EQ(pipe(fds), 0);
    EQ(sys(N_ftruncate, fds[1], 0), -EINVAL);
    /* A mapping of pages that are gone. */
    EQ(sys(N_ftruncate, fd, 4096), 0);
    int pid = fork();
    if (pid == 0) {
        volatile char *page = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
        EQ(page[0], 'a');
        EQ(sys(N_ftruncate, fd, 0), 0);
        struct krlimit none = {0, 0};
        sys(N_setrlimit, 4, &none);
        _exit(page[0]);
    }
    ENDS(pid, SIGBUS);
    /* RLIMIT_FSIZE. */
    signal(SIGXFSZ, note);
    struct krlimit limit = {100, 100};
    EQ(sys(N_ftruncate, fd, 90), 0);
    EQ(sys(N_setrlimit, 1, &limit), 0);
    EQ(sys(N_lseek, fd, 0, SEEK_END), 90);
    EQ(sys(N_write, fd, "12345678901234567890", 20), 10);
    EQ(caught, 0);
    EQ(sys(N_write, fd, "x", 1), -EFBIG);
    EQ(caught, SIGXFSZ);
    caught = 0;
    EQ(sys(N_ftruncate, fd, 101), -EFBIG);
    EQ(caught, SIGXFSZ);
    EQ(stat_of("f").size, 100);
    return 0;
}
