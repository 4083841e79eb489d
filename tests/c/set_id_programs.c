/* Set-id programs, and the calls that change ids. */
#include "conform.h"

static void copy_self(const char *name, int uid, int mode)
{
    static char buffer[4096];
    int from = sys(N_open, self, O_RDONLY), to = sys(N_open, name, O_CREAT | O_WRONLY, 0700);
    for (long got; (got = sys(N_read, from, buffer, sizeof buffer)) > 0;)
        sys(N_write, to, buffer, got);
    sys(N_close, from);
    sys(N_close, to);
    EQ(sys(N_chown, name, uid, uid), 0);
    EQ(sys(N_chmod, name, mode), 0);
}

int set_id_programs(int argc, char **argv)
{
    int pid, real, effective, saved;
    if (argc > 1) {
        EQ(sys(209, &real, &effective, &saved), 0);
        EQ(real, 500);
        EQ(effective, atoi(argv[1]));
        EQ(saved, atoi(argv[1]));
        EQ(sys(N_prctl, 3), atoi(argv[1]) == 500);
        return 4;
    }
    copy_self("setuid", 600, 04755);
    copy_self("setgid", 600, 02745);
    char *path[] = {"./setuid", "./setgid"}, *expected[] = {"600", "500"};
    for (int i = 0; i < 2; i++) {
        if ((pid = fork()) == 0) {
            become(500);
            char *args[] = {path[i], "set_id_programs", expected[i], 0};
            execve(path[i], args, 0);
            _exit(1);
        }
        ENDS(pid, 0x400);
    }
    /* A user's ids: the effective one to the real or saved one and back. */
    if ((pid = fork()) == 0) {
        EQ(sys(N_setresuid, 500, 600, 700), 0);
        EQ(sys(N_setuid, 800), -EPERM);
        EQ(sys(N_setuid, 700), 0);
        EQ(sys(N_geteuid), 700);
        EQ(sys(N_setresuid, -1, 500, -1), 0);
        EQ(sys(N_setresuid, -1, 600, -1), -EPERM);
        EQ(sys(N_setreuid, -1, 700), 0);
        EQ(sys(N_setreuid, 700, -1), 0);
        EQ(sys(209, &real, &effective, &saved), 0);
        EQ(real, 700);
        EQ(saved, 700);
        EQ(sys(N_setuid, 0), -EPERM);
        DONE();
    }
    ENDS(pid, 0);
    /* Root's setuid sets all three. */
    if ((pid = fork()) == 0) {
        EQ(sys(N_setuid, 500), 0);
        sys(209, &real, &effective, &saved);
        EQ(real, 500);
        EQ(saved, 500);
        DONE();
    }
    ENDS(pid, 0);
    return 0;
}
