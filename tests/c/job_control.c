/* The terminal and its groups: who may read and write, who is stopped, hang-up. */
#include "conform.h"

enum { GPGRP = 0x540f, SPGRP = 0x5410, STI = 0x5412, NOTTY = 0x5422, GSID = 0x5429, GETS = 0x5401,
       SETS = 0x5402 };
struct ktermios { uint32_t iflag, oflag, cflag, lflag; uint8_t line, cc[19]; };

static void type(int fd, const char *text)
{
    for (; *text; text++)
        EQ(sys(N_ioctl, fd, STI, text), 0);
}

static void session(void)
{
    char text[16] = "";
    struct ktermios termios;
    int me = sys(N_setsid), foreground = -1, status, pid;
    EQ(sys(N_open, "/dev/tty", O_RDWR), -ENXIO);
    int fd = sys(N_open, "/dev/tty1", O_RDWR);
    CHECK(fd >= 0);
    EQ(sys(N_ioctl, fd, GPGRP, &foreground), 0);
    EQ(foreground, me);
    EQ(sys(N_ioctl, fd, GSID, &foreground), 0);
    EQ(foreground, me);
    int tty = sys(N_open, "/dev/tty", O_RDWR);
    CHECK(tty >= 0);
    EQ(sys(N_ioctl, fd, GETS, &termios), 0);
    EQ(termios.lflag, 0x8a3b);
    termios.lflag &= ~8u;
    EQ(sys(N_ioctl, fd, SETS, &termios), 0);
    /* A line at a time; an EOF ends a read without a byte. */
    type(fd, "one\ntwo\n");
    EQ(sys(N_read, tty, text, 16), 4);
    CHECK(memcmp(text, "one\n", 4) == 0);
    EQ(sys(N_read, tty, text, 2), 2);
    EQ(sys(N_read, tty, text, 16), 2);
    type(fd, "x\177y\4");
    EQ(sys(N_read, fd, text, 16), 1);
    EQ(text[0], 'y');
    type(fd, "\4");
    EQ(sys(N_read, fd, text, 16), 0);
    /* A background job that reads stops, and goes on once it is in the foreground. */
    if ((pid = fork()) == 0) {
        setpgid(0, 0);
        EQ(sys(N_read, fd, text, 16), 3);
        DONE();
    }
    setpgid(pid, pid);
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    EQ(status, 0x157f);
    EQ(sys(N_ioctl, fd, SPGRP, &pid), 0);
    kill(-pid, SIGCONT);
    type(fd, "go\n");
    ENDS(pid, 0);
    signal(SIGTTOU, SIG_IGN);
    EQ(sys(N_ioctl, fd, SPGRP, &me), 0);
    signal(SIGTTOU, SIG_DFL);
    /* Whoever ignores SIGTTIN gets EIO. Writing is free as long as TOSTOP is not set. */
    if ((pid = fork()) == 0) {
        setpgid(0, 0);
        signal(SIGTTIN, SIG_IGN);
        EQ(sys(N_read, fd, text, 16), -EIO);
        int own = getpid();
        EQ(sys(N_write, fd, "", 0), 0);
        termios.lflag |= 0400;
        sys(N_ioctl, fd, SPGRP, &own);
        _exit(9);
    }
    setpgid(pid, pid);
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    EQ(status, 0x167f);
    kill(pid, SIGKILL);
    ENDS(pid, SIGKILL);
    int stranger = 1;
    EQ(sys(N_ioctl, fd, SPGRP, &stranger), -EPERM);
    stranger = -1;
    EQ(sys(N_ioctl, fd, SPGRP, &stranger), -EINVAL);
    /* The interrupt character signals the foreground group, the suspend character stops it. */
    if ((pid = fork()) == 0)
        for (setpgid(0, 0);;)
            pause();
    setpgid(pid, pid);
    EQ(sys(N_ioctl, fd, SPGRP, &pid), 0);
    type(fd, "\32");
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    EQ(status, 0x147f);
    kill(pid, SIGCONT);
    type(fd, "\3");
    ENDS(pid, SIGINT);
    signal(SIGTTOU, SIG_IGN);
    EQ(sys(N_ioctl, fd, SPGRP, &me), 0);
    /* Without a canonical mode bytes are there at once. */
    termios.lflag &= ~2u;
    termios.cc[6] = 0;
    EQ(sys(N_ioctl, fd, SETS, &termios), 0);
    EQ(sys(N_read, fd, text, 16), 0);
    type(fd, "ab");
    EQ(sys(N_read, fd, text, 16), 2);
}

int job_control(int argc, char **argv)
{
    int fds[2], pid;
    char byte;
    EQ(pipe(fds), 0);
    if ((pid = fork()) == 0) {
        session();
        /* The end of the leader is the end of the connection: foreground jobs hear of it. */
        int job = fork();
        if (job == 0) {
            int fd = sys(N_open, "/dev/tty", O_RDWR);
            signal(SIGHUP, SIG_IGN);
            pause_ms(5);
            EQ(sys(N_read, fd, &byte, 1), 0);
            EQ(sys(N_write, fd, "x", 1), -EIO);
            EQ(sys(N_open, "/dev/tty", O_RDWR), -ENXIO);
            sys(N_write, fds[1], "x", 1);
            DONE();
        }
        pause_ms(2);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_read, fds[0], &byte, 1), 1);
    return 0;
}
