/* Descriptors: what dup, dup2 and fork share. */
#include "conform.h"

int dup_offsets(int argc, char **argv)
{
    char text[16] = "";
    int fd = sys(N_open, "f", O_CREAT | O_RDWR | O_TRUNC, 0600), pid;
    EQ(fd, 3);
    EQ(sys(N_dup, fd), 4);
    EQ(sys(N_dup2, fd, 9), 9);
    EQ(sys(N_dup2, fd, fd), fd);
    EQ(sys(N_dup2, 50, 5), -EBADF);
    EQ(sys(N_dup2, fd, 1024), -EBADF);
    EQ(sys(N_dup2, fd, -1), -EBADF);
    EQ(sys(N_fcntl64, fd, F_DUPFD, 1024), -EINVAL);
    EQ(sys(N_fcntl64, fd, F_DUPFD, 9), 10);
    /* One offset for all copies, another for a second open. */
    EQ(sys(N_write, 4, "abcdef", 6), 6);
    EQ(sys(N_lseek, fd, 0, SEEK_CUR), 6);
    int other = sys(N_open, "f", O_RDWR);
    EQ(other, 5);
    EQ(sys(N_lseek, other, 0, SEEK_CUR), 0);
    if ((pid = fork()) == 0) {
        EQ(sys(N_lseek, fd, 2, SEEK_SET), 2);
        EQ(sys(N_write, fd, "C", 1), 1);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_lseek, 9, 0, SEEK_CUR), 3);
    EQ(sys(N_read, other, text, 16), 6);
    CHECK(strcmp(text, "abCdef") == 0);
    /* Status flags are shared, close-on-exec is not. */
    EQ(sys(N_fcntl64, 4, F_SETFL, O_APPEND), 0);
    CHECK(sys(N_fcntl64, fd, F_GETFL) & O_APPEND);
    EQ(sys(N_fcntl64, 4, F_SETFD, 1), 0);
    EQ(sys(N_fcntl64, fd, F_GETFD), 0);
    EQ(sys(N_dup2, 4, 6), 6);
    EQ(sys(N_fcntl64, 6, F_GETFD), 0);
    EQ(sys(N_dup2, 4, 4), 4);
    EQ(sys(N_fcntl64, 4, F_GETFD), 1);
    /* The lowest free number is taken. */
    sys(N_close, 0);
    EQ(sys(N_dup, fd), 0);
    EQ(sys(N_close, 100), -EBADF);
    /* No descriptor left is found before the name is looked at. */
    struct krlimit limit = {12, 1024};
    EQ(sys(N_setrlimit, 7, &limit), 0);
    while (sys(N_dup, fd) >= 0) {
    }
    EQ(sys(N_dup, fd), -EMFILE);
    EQ(sys(N_open, "/absent", O_RDONLY), -EMFILE);
    EQ(sys(N_open, "", O_RDONLY), -ENOENT);
    return 0;
}
