/* The working directory: getcwd, chdir, fchdir, chroot, and one that is gone. */
#include "conform.h"

int directories(int argc, char **argv)
{
    char cwd[64] = "", start[64] = "";
    long length = sys(N_getcwd, start, 64);
    EQ(length, strlen(start) + 1);
    EQ(sys(N_mkdir, "a", 0755), 0);
    EQ(sys(N_mkdir, "a/b", 0755), 0);
    EQ(sys(N_chdir, "a/b"), 0);
    EQ(sys(N_getcwd, cwd, 64), length + 4);
    EQ(sys(N_getcwd, cwd, length + 3), -ERANGE);
    EQ(sys(N_getcwd, 16, 64), -EFAULT);
    EQ(sys(N_chdir, "nobody"), -ENOENT);
    int up = sys(N_open, "..", O_RDONLY);
    EQ(sys(N_fchdir, up), 0);
    EQ(stat_of("b").mode & 0170000, 040000);
    EQ(sys(N_fchdir, 99), -EBADF);
    EQ(sys(N_fchdir, sys(N_open, "/dev/null", O_RDONLY)), -ENOTDIR);
    /* A child's chdir is its own; a rename moves whoever stands there. */
    int pid = fork();
    if (pid == 0) {
        EQ(sys(N_chdir, "b"), 0);
        EQ(sys(N_rename, "../b", "../c"), 0);
        sys(N_getcwd, cwd, 64);
        CHECK(strcmp(cwd + strlen(cwd) - 4, "/a/c") == 0);
        /* It can be removed although it is in use: nothing is found in it any more. */
        EQ(sys(N_rmdir, "../c"), 0);
        EQ(sys(N_getcwd, cwd, 64), -ENOENT);
        EQ(sys(N_open, "x", O_CREAT | O_WRONLY, 0600), -ENOENT);
        EQ(sys(N_mkdir, "x", 0700), -ENOENT);
        EQ(stat_of(".").nlink, 0);
        EQ(sys(N_chdir, ".."), 0);
        EQ(stat_of("c").mode, 0);
        DONE();
    }
    ENDS(pid, 0);
    sys(N_getcwd, cwd, 64);
    CHECK(strcmp(cwd + strlen(cwd) - 2, "/a") == 0);
    /* chroot: "/" and ".." end there; the working directory stays outside. */
    if ((pid = fork()) == 0) {
        make_file("inside", "x", 0644);
        EQ(sys(N_chroot, "."), 0);
        EQ(stat_of("/inside").size, 1);
        EQ(sys(N_chdir, "/"), 0);
        EQ(stat_of("../../inside").size, 1);
        EQ(sys(N_getcwd, cwd, 64), 2);
        become(500);
        EQ(sys(N_chroot, "/"), -EPERM);
        DONE();
    }
    ENDS(pid, 0);
    return 0;
}
