/* fork and exit statuses. */
#include "conform.h"

static volatile int memory = 1;

int fork_exit(int argc, char **argv)
{
    int codes[][2] = {{0, 0}, {3, 0x300}, {0x107, 0x700}, {-1, 0xff00}, {255, 0xff00}};
    for (int i = 0; i < 5; i++) {
        int pid = fork();
        if (pid == 0)
            _exit(codes[i][0]);
        ENDS(pid, codes[i][1]);
    }
    int parent = getpid(), pid = fork();
    if (pid == 0) {
        memory = 2;
        EQ(getppid(), parent);
        CHECK(getpid() != parent);
        EQ(getpgrp(), getpgid(parent));
        EQ(getsid(0), getsid(parent));
        DONE();
    }
    CHECK(pid > parent);
    ENDS(pid, 0);
    EQ(memory, 1);
    /* A child that was waited for is gone. */
    EQ(sys(N_waitpid, pid, 0, 0), -ECHILD);
    EQ(sys(N_kill, pid, 0), -ESRCH);
    /* Signals kill: without a core file nothing is added to their number. */
    struct krlimit none = {0, 0};
    EQ(sys(N_setrlimit, 4, &none), 0);
    int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGUSR1, 34, 64};
    for (int i = 0; i < 7; i++) {
        if ((pid = fork()) == 0) {
            sys(N_kill, sys(N_getpid), signals[i]);
            _exit(99);
        }
        ENDS(pid, signals[i]);
    }
    /* An orphan is init's. */
    int fds[2];
    char byte;
    EQ(pipe(fds), 0);
    if ((pid = fork()) == 0) {
        if (fork() == 0) {
            pause_ms(5);
            EQ(getppid(), 1);
            sys(N_write, fds[1], "x", 1);
            DONE();
        }
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_read, fds[0], &byte, 1), 1);
    EQ(sys(N_waitpid, -1, 0, 0), -ECHILD);
    return 0;
}
