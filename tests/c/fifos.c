/* Fifos: whose open waits for whom. */
#include "conform.h"

static volatile int caught;
static void note(int number) { caught = number; }

int fifos(int argc, char **argv)
{
    char byte;
    EQ(sys(N_mknod, "p", 010600, 0), 0);
    EQ(stat_of("p").mode, 010600);
    EQ(sys(N_open, "p", O_WRONLY | O_NONBLOCK), -ENXIO);
    EQ(sys(N_open, "p", 3), -EINVAL);
    int reader = sys(N_open, "p", O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0);
    struct kpollfd poll = {reader, 1, 0};
    /* No writer yet: the end of the file, but no hang-up. */
    EQ(sys(N_read, reader, &byte, 1), 0);
    EQ(sys(N_poll, &poll, 1, 0), 0);
    int writer = sys(N_open, "p", O_WRONLY);
    CHECK(writer >= 0);
    EQ(sys(N_read, reader, &byte, 1), -EAGAIN);
    sys(N_close, writer);
    EQ(sys(N_poll, &poll, 1, 0), 1);
    EQ(poll.revents, 0x10);
    sys(N_close, reader);
    /* A reader sleeps until a writer opens, and the other way round. */
    int pid = fork();
    if (pid == 0) {
        int fd = sys(N_open, "p", O_RDONLY);
        CHECK(fd >= 0);
        EQ(sys(N_read, fd, &byte, 1), 1);
        DONE();
    }
    pause_ms(3);
    /* The sleeper counts as a reader. */
    writer = sys(N_open, "p", O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0);
    EQ(sys(N_write, writer, "x", 1), 1);
    ENDS(pid, 0);
    sys(N_close, writer);
    /* A signal ends the wait. */
    struct sigaction action = {.sa_handler = note};
    sigaction(SIGALRM, &action, 0);
    struct kitimerval timer = {{0, 0}, {0, 5000}};
    EQ(sys(N_setitimer, 0, &timer, 0), 0);
    EQ(sys(N_open, "p", O_WRONLY), -EINTR);
    EQ(caught, SIGALRM);
    EQ(sys(N_open, "p", O_WRONLY | O_NONBLOCK), -ENXIO);
    /* For both at once: never waits. What nobody read is gone with the last close. */
    int both = sys(N_open, "p", O_RDWR);
    EQ(sys(N_write, both, "abc", 3), 3);
    EQ(sys(N_read, both, &byte, 1), 1);
    EQ(sys(N_lseek, both, 0, 0), -ESPIPE);
    sys(N_close, both);
    both = sys(N_open, "p", O_RDWR | O_NONBLOCK);
    EQ(sys(N_read, both, &byte, 1), -EAGAIN);
    /* mknod makes plain files too, and no directories. */
    EQ(sys(N_mknod, "f", 0640, 0), 0);
    EQ(stat_of("f").mode, 0100640);
    EQ(sys(N_mknod, "d", 040755, 0), -EPERM);
    EQ(sys(N_mknod, "f", 0640, 0), -EEXIST);
    return 0;
}
