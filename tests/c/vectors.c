/* readv and writev. */
#include "conform.h"

int vectors(int argc, char **argv)
{
    char a[3] = "", b[8] = "";
    static struct kiovec many[1025];
    int fd = sys(N_open, "f", O_CREAT | O_RDWR, 0600), fds[2];
    struct kiovec out[] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
    struct kiovec in[] = {{a, 2}, {b, 8}};
    EQ(sys(N_writev, fd, out, 3), 6);
    EQ(sys(N_lseek, fd, 0, 0), 0);
    EQ(sys(N_readv, fd, in, 2), 6);
    CHECK(strcmp(a, "ab") == 0 && strcmp(b, "cdef") == 0);
    EQ(sys(N_readv, fd, in, 2), 0);
    EQ(sys(N_writev, fd, out, 0), 0);
    EQ(sys(N_writev, fd, many, 1024), 0);
    EQ(sys(N_writev, fd, many, 1025), -EINVAL);
    EQ(sys(N_writev, fd, (void *)16, 1), -EFAULT);
    EQ(sys(N_writev, 99, out, 1), -EBADF);
    /* A length is negative: EFAULT if the segment reaches beyond user space, and else EINVAL. */
    struct kiovec beyond[] = {{"ab", 2}, {"x", (uint32_t)-1}};
    EQ(sys(N_writev, fd, beyond, 2), -EFAULT);
    struct kiovec negative[] = {{"ab", 2}, {(void *)4096, 0x80000000}};
    EQ(sys(N_writev, fd, negative, 2), -EINVAL);
    /* A bad address behind a good one: what came before is written. 2.6.12 has by then cleared the
     * bytes that the bad one should have filled. */
    struct kiovec half[] = {{"XY", 2}, {(void *)16, 4}};
    EQ(sys(N_lseek, fd, 0, 0), 0);
    EQ(sys(N_writev, fd, half, 2), 2);
    EQ(sys(N_pread64, fd, b, 6, 0, 0), 6);
    CHECK(memcmp(b, "XY\0\0\0\0", 6) == 0);
    /* A pipe takes the vector as one. */
    EQ(pipe(fds), 0);
    EQ(sys(N_writev, fds[1], out, 3), 6);
    EQ(sys(N_readv, fds[0], in, 2), 6);
    CHECK(memcmp(b, "cdef", 4) == 0);
    return 0;
}
