/* Pipes: 16 buffers of a page, PIPE_BUF, ends of file. */
#include "conform.h"
#include <sys/ioctl.h>

static char big[70000];

int pipe_buffers(int argc, char **argv)
{
    int fds[2], left;
    EQ(sys(N_pipe, 16), -EFAULT);
    EQ(pipe(fds), 0);
    EQ(sys(N_write, fds[1], "abc", 3), 3);
    EQ(ioctl(fds[0], FIONREAD, &left), 0);
    EQ(left, 3);
    EQ(sys(N_read, fds[0], big, 10), 3);
    EQ(sys(N_read, fds[1], big, 1), -EBADF);
    EQ(sys(N_write, fds[0], big, 1), -EBADF);
    EQ(sys(N_lseek, fds[0], 0, 0), -ESPIPE);
    EQ(sys(N_pread64, fds[0], big, 1, 0, 0), -ESPIPE);
    EQ(sys(N_read, fds[0], big, 0), 0);
    EQ(sys(N_fcntl64, fds[0], F_SETFL, O_NONBLOCK), 0);
    EQ(sys(N_fcntl64, fds[1], F_SETFL, O_NONBLOCK), 0);
    EQ(sys(N_read, fds[0], big, 1), -EAGAIN);
    /* A pipe takes 16 pages. */
    EQ(sys(N_write, fds[1], big, 70000), 65536);
    EQ(sys(N_write, fds[1], big, 1), -EAGAIN);
    EQ(sys(N_read, fds[0], big, 70000), 65536);
    /* Room is counted in buffers: small writes that cannot be merged take one each. */
    for (int i = 0; i < 16; i++)
        EQ(sys(N_write, fds[1], big, 3000), 3000);
    EQ(sys(N_write, fds[1], big, 3000), -EAGAIN);
    /* The rest modulo 4096 goes into the last buffer if it fits there, all of 4096 bytes never. */
    EQ(sys(N_write, fds[1], big, 5000), 904);
    EQ(sys(N_write, fds[1], big, 4096), -EAGAIN);
    EQ(sys(N_write, fds[1], big, 100), 100);
    EQ(sys(N_read, fds[0], big, 70000), 16 * 3000 + 1004);
    /* The end of file needs every writer's close, the child's copy too. */
    EQ(sys(N_fcntl64, fds[0], F_SETFL, 0), 0);
    int pid = fork();
    if (pid == 0) {
        pause_ms(5);
        sys(N_write, fds[1], "x", 1);
        DONE();
    }
    sys(N_close, fds[1]);
    EQ(sys(N_read, fds[0], big, 5), 1);
    EQ(sys(N_read, fds[0], big, 5), 0);
    ENDS(pid, 0);
    struct kstat stat;
    EQ(sys(N_fstat64, fds[0], &stat), 0);
    EQ(stat.mode, 010600);
    EQ(stat.size, 0);
    /* A blocked writer writes on as the reader takes. */
    EQ(pipe(fds), 0);
    if ((pid = fork()) == 0) {
        sys(N_close, fds[0]);
        EQ(sys(N_write, fds[1], big, 70000), 70000);
        DONE();
    }
    sys(N_close, fds[1]);
    int sum = 0;
    for (int got; (got = sys(N_read, fds[0], big, 8192)) > 0;)
        sum += got;
    EQ(sum, 70000);
    ENDS(pid, 0);
    return 0;
}
