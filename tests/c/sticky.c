/* Sticky directories: who may remove and rename what is in them. */
#include "conform.h"

int sticky(int argc, char **argv)
{
    EQ(sys(N_mkdir, "t", 01777), 0);
    EQ(sys(N_chmod, "t", 01777), 0);
    EQ(stat_of("t").mode, 041777);
    make_file("t/others", "x", 0666);
    EQ(sys(N_chown, "t/others", 501, 501), 0);
    make_file("t/roots", "x", 0666);
    int pid = fork();
    if (pid == 0) {
        become(500);
        make_file("t/own", "x", 0666);
        EQ(sys(N_unlink, "t/others"), -EPERM);
        EQ(sys(N_rename, "t/own", "t/others"), -EPERM);
        EQ(sys(N_rename, "t/others", "t/mine"), -EPERM);
        EQ(sys(N_unlink, "t/roots"), -EPERM);
        EQ(sys(N_rename, "t/own", "t/mine"), 0);
        EQ(sys(N_unlink, "t/mine"), 0);
        DONE();
    }
    ENDS(pid, 0);
    /* The directory's owner may, and so may root. */
    EQ(sys(N_chown, "t", 502, 502), 0);
    if ((pid = fork()) == 0) {
        become(502);
        EQ(sys(N_unlink, "t/others"), 0);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_unlink, "t/roots"), 0);
    return 0;
}
