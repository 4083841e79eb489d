/* vfork: the child borrows memory until it execs or exits. */
#include "conform.h"

static volatile int shared;

int vfork_parent(int argc, char **argv)
{
    if (argc > 1)
        return atoi(argv[1]);
    int pid = vfork();
    if (pid == 0) {
        shared = 5;
        _exit(3);
    }
    EQ(shared, 5);
    ENDS(pid, 0x300);
    char *args[] = {self, "vfork_parent", "9", 0};
    if ((pid = vfork()) == 0) {
        shared = 6;
        execve(self, args, 0);
        _exit(1);
    }
    EQ(shared, 6);
    ENDS(pid, 0x900);
    /* An execve that fails does not let the parent go. */
    if ((pid = vfork()) == 0) {
        shared = execve("nobody", args, 0) == -1 && errno == ENOENT ? 7 : 8;
        _exit(0);
    }
    EQ(shared, 7);
    ENDS(pid, 0);
    /* The descriptors are copies. */
    if ((pid = vfork()) == 0) {
        sys(N_close, 0);
        _exit(0);
    }
    CHECK(fcntl(0, F_GETFD) >= 0);
    ENDS(pid, 0);
    /* No signal ends the parent's wait: it is uninterruptible. */
    int waiter = fork();
    if (waiter == 0) {
        if (vfork() == 0) {
            pause_ms(20);
            _exit(0);
        }
        _exit(0);
    }
    pause_ms(3);
    kill(waiter, SIGKILL);
    pause_ms(3);
    EQ(sys(N_wait4, waiter, 0, WNOHANG, 0), 0);
    ENDS(waiter, SIGKILL);
    return 0;
}
