/* fcntl and ioctl on what is open. */
#include "conform.h"

/* The O_SYNC of that time. */
#define SYNC 010000

int fcntl_flags(int argc, char **argv)
{
    int fd = sys(N_open, "f", O_CREAT | O_RDWR | SYNC, 0600), fds[2], value = 1;
    char termios[64];
    EQ(sys(N_fcntl64, fd, F_GETFL), O_RDWR | SYNC);
    EQ(sys(N_fcntl64, fd, F_SETFL, O_APPEND | O_WRONLY | O_CREAT), 0);
    EQ(sys(N_fcntl64, fd, F_GETFL), O_RDWR | SYNC | O_APPEND);
    EQ(sys(N_fcntl64, fd, F_SETFL, 0), 0);
    EQ(sys(N_fcntl64, fd, F_GETFD), 0);
    EQ(sys(N_fcntl64, fd, F_SETFD, 3), 0);
    EQ(sys(N_fcntl64, fd, F_GETFD), 1);
    EQ(sys(N_fcntl64, fd, 9999), -EINVAL);
    EQ(sys(N_fcntl64, 99, F_GETFL), -EBADF);
#ifndef __GLIBC__
    /* F_DUPFD_CLOEXEC came later; programs of glibc run with compat, which has it. */
    EQ(sys(N_fcntl64, fd, 1030, 0), -EINVAL);
#endif
    EQ(sys(N_ioctl, fd, 0x5450, 0), 0);
    EQ(sys(N_fcntl64, fd, F_GETFD), 0);
    EQ(sys(N_ioctl, fd, 0x5451, 0), 0);
    EQ(sys(N_fcntl64, fd, F_GETFD), 1);
    EQ(sys(N_ioctl, fd, 0x5421, &value), 0);
    CHECK(sys(N_fcntl64, fd, F_GETFL) & O_NONBLOCK);
    EQ(sys(N_ioctl, fd, 0x5421, 16), -EFAULT);
    sys(N_write, fd, "abcdef", 6);
    sys(N_lseek, fd, 2, 0);
    EQ(sys(N_ioctl, fd, 0x541b, &value), 0);
    EQ(value, 4);
    /* TCGETS: what tells a terminal from all else. */
    EQ(pipe(fds), 0);
    EQ(sys(N_ioctl, fd, 0x5401, termios), -ENOTTY);
    EQ(sys(N_ioctl, fds[0], 0x5401, termios), -EINVAL);
    EQ(sys(N_ioctl, sys(N_open, ".", 0), 0x5401, termios), -ENOTTY);
    EQ(sys(N_ioctl, sys(N_open, "/dev/null", 0), 0x5401, termios), -ENOTTY);
    EQ(sys(N_ioctl, 99, 0x5401, termios), -EBADF);
    return 0;
}
