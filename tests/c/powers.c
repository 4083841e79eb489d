/* What a user may do follows the effective ids, and for files the filesystem ids. */
#include "conform.h"

enum { SETFSUID = 215, SETFSGID = 216 };

int powers(int argc, char **argv)
{
    make_file("secret", "x", 0600);
    int pid = fork();
    if (pid == 0) {
        /* The effective user alone: powers go, and come back from the saved one. */
        EQ(sys(N_setresuid, -1, 500, -1), 0);
        EQ(sys(N_open, "secret", O_RDONLY), -EACCES);
        EQ(sys(N_setpriority, 0, 0, -5), -EACCES);
        EQ(sys(N_kill, 1, 0), 0);
        EQ(sys(N_setresuid, -1, 0, -1), 0);
        CHECK(sys(N_open, "secret", O_RDONLY) >= 0);
        EQ(sys(N_setpriority, 0, 0, -5), 0);
        /* The filesystem user has only to do with files; the old one is returned, always. */
        EQ(sys(SETFSUID, 500), 0);
        EQ(sys(N_open, "secret", O_RDONLY), -EACCES);
        EQ(sys(N_setpriority, 0, 0, -6), 0);
        EQ(sys(N_geteuid), 0);
        /* 2.6.12 lets root be user -1, too. */
        EQ(sys(SETFSUID, -1), 500);
        EQ(sys(SETFSUID, 0), -1);
        CHECK(sys(N_open, "secret", O_RDONLY) >= 0);
        EQ(sys(SETFSGID, 700), 0);
        make_file("group", "x", 0600);
        EQ(stat_of("group").gid, 700);
        EQ(stat_of("group").uid, 0);
        /* A change of the effective user takes the filesystem user along. */
        EQ(sys(N_setresuid, 500, 600, 700), 0);
        EQ(sys(SETFSUID, -1), 600);
        EQ(sys(SETFSUID, 800), 600);
        EQ(sys(SETFSUID, 700), 600);
        EQ(sys(SETFSUID, -1), 700);
        DONE();
    }
    ENDS(pid, 0);
    if ((pid = fork()) == 0) {
        become(500);
        EQ(sys(N_setresuid, -1, 0, -1), -EPERM);
        EQ(sys(N_setpriority, 0, 0, -1), -EACCES);
        EQ(sys(SETFSUID, 0), 500);
        EQ(sys(SETFSUID, -1), 500);
        DONE();
    }
    ENDS(pid, 0);
    return 0;
}
