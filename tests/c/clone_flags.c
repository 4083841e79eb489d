/* clone: what each flag shares. */
#include "conform.h"

enum { VM = 0x100, FS = 0x200, FILES = 0x400, SIGHAND = 0x800, VFORK = 0x4000, THREAD = 0x10000,
       SYSVSEM = 0x40000, PARENT_SETTID = 0x100000, CHILD_CLEARTID = 0x200000,
       CHILD_SETTID = 0x1000000 };

static long clone_child(int flags, int *parent_tid, int *child_tid)
{
    return sys(N_clone, flags, 0, parent_tid, 0, child_tid);
}

int clone_flags(int argc, char **argv)
{
    /* A thread needs shared handlers, those need shared memory. */
    EQ(clone_child(THREAD | SIGCHLD, 0, 0), -EINVAL);
    EQ(clone_child(SIGHAND | SIGCHLD, 0, 0), -EINVAL);
    EQ(clone_child(0x20000 | FS | SIGCHLD, 0, 0), -EINVAL);
    /* Unknown flags are ignored. */
    int pid = clone_child(0x10000000 | SIGCHLD, 0, 0);
    if (pid == 0)
        DONE();
    ENDS(pid, 0);
    /* Both numbers are written: the child's only into its own memory. */
    int ids[2] = {0, 0};
    pid = clone_child(PARENT_SETTID | CHILD_SETTID | SIGCHLD, &ids[0], &ids[1]);
    if (pid == 0) {
        EQ(ids[1], getpid());
        DONE();
    }
    EQ(ids[0], pid);
    EQ(ids[1], 0);
    ENDS(pid, 0);
    /* Files: a descriptor opened by one is the other's. */
    int fd = open("/dev/null", O_RDWR);
    pid = clone_child(FILES | SIGCHLD, 0, 0);
    if (pid == 0) {
        EQ(sys(N_dup2, fd, 20), 20);
        sys(N_close, fd);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_fcntl64, 20, F_GETFD), 0);
    EQ(sys(N_fcntl64, fd, F_GETFD), -EBADF);
    /* Without the flag it is not. */
    if ((pid = clone_child(SIGCHLD, 0, 0)) == 0) {
        sys(N_close, 20);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_fcntl64, 20, F_GETFD), 0);
    /* Working directory and umask. */
    sys(N_umask, 022);
    if ((pid = clone_child(FS | SIGCHLD, 0, 0)) == 0) {
        EQ(sys(N_chdir, "/tmp"), 0);
        sys(N_umask, 0700);
        DONE();
    }
    ENDS(pid, 0);
    char cwd[16] = "";
    EQ(sys(N_getcwd, cwd, sizeof cwd), 5);
    CHECK(strcmp(cwd, "/tmp") == 0);
    EQ(sys(N_umask, 022), 0700);
    /* Another signal than SIGCHLD at the end makes a "clone child". */
    signal(SIGUSR1, SIG_IGN);
    if ((pid = clone_child(SIGUSR1, 0, 0)) == 0)
        DONE();
    EQ(sys(N_wait4, pid, 0, 0, 0), -ECHILD);
    EQ(sys(N_wait4, pid, 0, (int)0x80000000, 0), pid);
    if ((pid = clone_child(0, 0, 0)) == 0)
        DONE();
    EQ(sys(N_wait4, -1, 0, 0x40000000, 0), pid);
    return 0;
}
