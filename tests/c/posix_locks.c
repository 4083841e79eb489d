/* Locks of fcntl: they belong to the descriptor table, and go with any close of the file. */
#include "conform.h"

enum { GETLK32 = 5, SETLK32 = 6, SETLKW32 = 7, SETLK_64 = 13 };

static long lock(int fd, int command, int type, int start, int len)
{
    struct kflock lock = {type, SEEK_SET, start, len, 0};
    return sys(N_fcntl64, fd, command, &lock);
}

static struct kflock holder(int fd, int type, int start, int len)
{
    struct kflock lock = {type, SEEK_SET, start, len, 0};
    EQ(sys(N_fcntl64, fd, GETLK32, &lock), 0);
    return lock;
}

int posix_locks(int argc, char **argv)
{
    int fd = sys(N_open, "f", O_CREAT | O_RDWR, 0600), parent = getpid(), pid;
    int reader = sys(N_open, "f", O_RDONLY);
    EQ(lock(fd, SETLK32, F_WRLCK, 0, 10), 0);
    EQ(holder(fd, F_WRLCK, 0, 10).type, F_UNLCK);
    EQ(lock(reader, SETLK32, F_WRLCK, 0, 1), -EBADF);
    EQ(lock(99, SETLK32, F_WRLCK, 0, 1), -EBADF);
    EQ(lock(fd, SETLK32, 7, 0, 1), -EINVAL);
    EQ(lock(fd, SETLK32, F_WRLCK, -1, 1), -EINVAL);
    EQ(sys(N_fcntl64, fd, SETLK32, 16), -EFAULT);
    EQ(lock(fd, GETLK32, F_UNLCK, 0, 0), -EINVAL);
    if ((pid = fork()) == 0) {
        /* Another table conflicts, and is told with whom. */
        struct kflock lock_of = holder(fd, F_WRLCK, 5, 1);
        EQ(lock_of.type, F_WRLCK);
        EQ(lock_of.pid, parent);
        EQ(lock_of.start, 0);
        EQ(lock_of.len, 10);
        EQ(lock(fd, SETLK32, F_RDLCK, 9, 1), -EAGAIN);
        EQ(lock(fd, SETLK32, F_WRLCK, 10, 0), 0);
        EQ(holder(fd, F_RDLCK, 10, 0).type, F_UNLCK);
        /* Its close takes nothing of the parent's along. */
        sys(N_close, fd);
        DONE();
    }
    ENDS(pid, 0);
    EQ(lock(fd, SETLK32, F_UNLCK, 4, 2), 0);
    if ((pid = fork()) == 0) {
        EQ(holder(fd, F_WRLCK, 0, 0).len, 4);
        EQ(holder(fd, F_WRLCK, 5, 0).start, 6);
        EQ(lock(fd, SETLK32, F_WRLCK, 4, 2), 0);
        DONE();
    }
    ENDS(pid, 0);
    /* Adjacent ones of one type become one; readers share. */
    EQ(lock(fd, SETLK32, F_RDLCK, 0, 100), 0);
    if ((pid = fork()) == 0) {
        EQ(holder(fd, F_WRLCK, 0, 0).type, F_RDLCK);
        EQ(holder(fd, F_WRLCK, 0, 0).len, 100);
        EQ(lock(fd, SETLK32, F_RDLCK, 50, 10), 0);
        DONE();
    }
    ENDS(pid, 0);
    struct kflock64 wide = {F_WRLCK, SEEK_SET, 0x100000000, 5, 0};
    EQ(sys(N_fcntl64, fd, SETLK_64, &wide), 0);
    /* The close of any descriptor for the file lets all of them go. */
    sys(N_close, sys(N_open, "f", O_RDONLY));
    if ((pid = fork()) == 0) {
        EQ(holder(fd, F_WRLCK, 0, 0).type, F_UNLCK);
        DONE();
    }
    ENDS(pid, 0);
    /* SETLKW waits, and is refused where everybody would wait. */
    EQ(lock(fd, SETLK32, F_WRLCK, 0, 1), 0);
    if ((pid = fork()) == 0) {
        EQ(lock(fd, SETLK32, F_WRLCK, 1, 1), 0);
        EQ(lock(fd, SETLKW32, F_WRLCK, 0, 1), 0);
        DONE();
    }
    pause_ms(3);
    EQ(lock(fd, SETLKW32, F_WRLCK, 1, 1), -EDEADLK);
    EQ(lock(fd, SETLK32, F_UNLCK, 0, 1), 0);
    ENDS(pid, 0);
    EQ(lock(fd, SETLKW32, F_WRLCK, 0, 0), 0);
    return 0;
}
