/* flock: locks that belong to the open file. */
#include "conform.h"

enum { SH = 1, EX = 2, NB = 4, UN = 8 };

int file_locks(int argc, char **argv)
{
    int fd = sys(N_open, "f", O_CREAT | O_RDWR, 0600), pid;
    EQ(sys(N_flock, 99, EX), -EBADF);
    EQ(sys(N_flock, fd, 0), -EINVAL);
    EQ(sys(N_flock, fd, EX), 0);
    EQ(sys(N_flock, fd, EX | NB), 0);
    int second = sys(N_open, "f", O_RDONLY);
    EQ(sys(N_flock, second, SH | NB), -EAGAIN);
    if ((pid = fork()) == 0) {
        EQ(sys(N_flock, fd, EX | NB), 0);
        EQ(sys(N_flock, second, EX | NB), -EAGAIN);
        EQ(sys(N_flock, fd, UN), 0);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_flock, second, SH | NB), 0);
    EQ(sys(N_flock, fd, SH | NB), 0);
    /* A conversion lets the old lock go first: if it fails, nothing is held. */
    EQ(sys(N_flock, fd, EX | NB), -EAGAIN);
    EQ(sys(N_flock, second, EX | NB), 0);
    if ((pid = fork()) == 0) {
        EQ(sys(N_flock, fd, EX), 0);
        EQ(sys(N_flock, fd, UN), 0);
        DONE();
    }
    pause_ms(3);
    EQ(sys(N_flock, second, UN), 0);
    ENDS(pid, 0);
    /* It goes with the last descriptor of the open file. */
    EQ(sys(N_flock, second, EX), 0);
    int copy = sys(N_dup, second);
    sys(N_close, second);
    EQ(sys(N_flock, fd, EX | NB), -EAGAIN);
    sys(N_close, copy);
    EQ(sys(N_flock, fd, EX | NB), 0);
    /* Locks of fcntl are another matter. */
    struct kflock other = {F_WRLCK, 0, 0, 0, 0};
    if ((pid = fork()) == 0) {
        EQ(sys(N_fcntl64, fd, 6, &other), 0);
        DONE();
    }
    ENDS(pid, 0);
    return 0;
}
