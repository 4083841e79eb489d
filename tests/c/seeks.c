/* lseek and _llseek, pread and pwrite. */
#include "conform.h"

int seeks(int argc, char **argv)
{
    char text[8] = "";
    int64_t result = -1;
    int fd = sys(N_open, "f", O_CREAT | O_RDWR, 0600), fds[2];
    EQ(sys(N_write, fd, "abcdef", 6), 6);
    EQ(sys(N_lseek, fd, 2, SEEK_SET), 2);
    EQ(sys(N_lseek, fd, -1, SEEK_CUR), 1);
    EQ(sys(N_lseek, fd, -1, SEEK_END), 5);
    EQ(sys(N_lseek, fd, -1, SEEK_SET), -EINVAL);
    EQ(sys(N_lseek, fd, -7, SEEK_END), -EINVAL);
    EQ(sys(N_lseek, fd, 0, 3), -EINVAL);
    EQ(sys(N_lseek, fd, 0, SEEK_CUR), 5);
    EQ(sys(N_lseek, 99, 0, 0), -EBADF);
    EQ(pipe(fds), 0);
    EQ(sys(N_lseek, fds[0], 0, 0), -ESPIPE);
    EQ(sys(N_llseek, fds[0], 0, 0, &result, 0), -ESPIPE);
    /* 64 bits. lseek moves there too, but cannot say so. */
    EQ(sys(N_llseek, fd, 1, 5, &result, SEEK_SET), 0);
    CHECK(result == 0x100000005);
    EQ(sys(N_lseek, fd, 1, SEEK_CUR), -EOVERFLOW);
    EQ(sys(N_llseek, fd, 0, 0, &result, SEEK_CUR), 0);
    CHECK(result == 0x100000006);
    EQ(sys(N_read, fd, text, 1), 0);
    EQ(sys(N_llseek, fd, 0, 3, (void *)16, SEEK_SET), -EFAULT);
    EQ(sys(N_lseek, fd, 0, SEEK_CUR), 3);
    /* pread and pwrite leave the offset alone. */
    EQ(sys(N_pread64, fd, text, 8, 1, 0), 5);
    CHECK(memcmp(text, "bcdef", 5) == 0);
    EQ(sys(N_pwrite64, fd, "ZZ", 2, 8, 0), 2);
    EQ(sys(N_lseek, fd, 0, SEEK_CUR), 3);
    EQ(stat_of("f").size, 10);
    EQ(sys(N_pread64, fd, text, 1, -1, -1), -EINVAL);
    EQ(sys(N_pread64, 99, text, 1, -1, -1), -EINVAL);
    EQ(sys(N_pread64, 99, text, 1, 0, 0), -EBADF);
    /* Devices. */
    int null = sys(N_open, "/dev/null", O_RDWR);
    EQ(sys(N_lseek, null, 100, SEEK_SET), 0);
    EQ(sys(N_read, null, text, 8), 0);
    EQ(sys(N_write, null, (char *)16, 8), 8);
    int zero = sys(N_open, "/dev/zero", O_RDWR);
    EQ(sys(N_read, zero, text, 8), 8);
    EQ(text[0], 0);
    EQ(sys(N_write, zero, text, 8), 8);
    return 0;
}
