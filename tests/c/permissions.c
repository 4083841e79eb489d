/* Who may do what to a file: one class only, capabilities, search, access. */
#include "conform.h"

int permissions(int argc, char **argv)
{
    make_file("own", "x", 0077);
    EQ(sys(N_chown, "own", 500, 500), 0);
    make_file("group", "x", 0604);
    EQ(sys(N_chown, "group", 0, 500), 0);
    make_file("other", "x", 0660);
    make_file("plain", "x", 0666);
    make_file("exec", "x", 0601);
    make_file("secret", "x", 0600);
    EQ(sys(N_mkdir, "closed", 0700), 0);
    make_file("closed/f", "x", 0666);
    EQ(sys(N_mkdir, "readable", 0744), 0);
    make_file("readable/f", "x", 0666);
    EQ(sys(N_mkdir, "searchable", 0711), 0);
    make_file("searchable/f", "x", 0666);
    int pid = fork();
    if (pid == 0) {
        become(500);
        /* The owner's class alone counts for the owner, the group's for the group. */
        EQ(sys(N_open, "own", O_RDONLY), -EACCES);
        EQ(sys(N_open, "group", O_RDONLY), -EACCES);
        EQ(sys(N_open, "other", O_RDONLY), -EACCES);
        CHECK(sys(N_open, "plain", O_RDWR) >= 0);
        EQ(sys(N_access, "own", F_OK), 0);
        EQ(sys(N_access, "own", R_OK), -EACCES);
        EQ(sys(N_access, "plain", R_OK | W_OK), 0);
        EQ(sys(N_access, "plain", X_OK), -EACCES);
        EQ(sys(N_access, "exec", X_OK), 0);
        EQ(sys(N_access, "nobody", 8), -EINVAL);
        EQ(sys(N_access, "nobody", 0), -ENOENT);
        /* Search of a directory needs x, and comes before the lookup. */
        EQ(sys(N_open, "closed/f", O_RDONLY), -EACCES);
        EQ(sys(N_open, "closed/nobody", O_RDONLY), -EACCES);
        EQ(sys(N_open, "readable/f", O_RDONLY), -EACCES);
        CHECK(sys(N_open, "readable", O_RDONLY) >= 0);
        CHECK(sys(N_open, "searchable/f", O_RDONLY) >= 0);
        EQ(sys(N_open, "searchable", O_RDONLY), -EACCES);
        EQ(sys(N_chdir, "readable"), -EACCES);
        EQ(sys(N_chdir, "searchable"), 0);
        EQ(sys(N_open, "new", O_CREAT | O_WRONLY, 0600), -EACCES);
        EQ(sys(N_open, "nobody", O_RDONLY), -ENOENT);
        EQ(sys(N_unlink, "f"), -EACCES);
        /* Truncation asks for the right to write. */
        EQ(sys(N_open, "../exec", O_RDONLY | O_TRUNC), -EACCES);
        DONE();
    }
    ENDS(pid, 0);
    /* Root reads and writes all, but executes only what somebody may. */
    CHECK(sys(N_open, "own", O_RDWR) >= 0);
    EQ(sys(N_access, "plain", X_OK), -EACCES);
    EQ(sys(N_access, "exec", X_OK), 0);
    EQ(sys(N_access, "closed", X_OK), 0);
    /* access() asks for the real user. */
    if ((pid = fork()) == 0) {
        EQ(sys(N_setresuid, 500, 0, 0), 0);
        CHECK(sys(N_open, "secret", O_RDONLY) >= 0);
        EQ(sys(N_access, "secret", R_OK), -EACCES);
        DONE();
    }
    ENDS(pid, 0);
    /* Supplementary groups count. */
    if ((pid = fork()) == 0) {
        int groups[] = {700, 500};
        EQ(sys(N_setgroups, 2, groups), 0);
        EQ(sys(N_setresgid, 600, 600, 600), 0);
        EQ(sys(N_setresuid, 600, 600, 600), 0);
        EQ(sys(N_open, "group", O_RDONLY), -EACCES);
        EQ(sys(N_getgroups, 0, 0), 2);
        EQ(sys(N_getgroups, 1, groups), -EINVAL);
        EQ(sys(N_setgroups, 0, 0), -EPERM);
        DONE();
    }
    ENDS(pid, 0);
    return 0;
}
