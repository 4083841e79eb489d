/* chmod, chown and write, and what they do to the set-id bits. */
#include "conform.h"

static int mode(const char *name) { return stat_of(name).mode & 07777; }

int set_id_bits(int argc, char **argv)
{
    make_file("f", "x", 0600);
    EQ(sys(N_chmod, "f", 06755), 0);
    EQ(mode("f"), 06755);
    EQ(sys(N_chmod, "nobody", 0), -ENOENT);
    /* chown clears them, always. Without x for the group, set-group-id means something else. */
    EQ(sys(N_chown, "f", -1, -1), 0);
    EQ(mode("f"), 0755);
    EQ(sys(N_chmod, "f", 06644), 0);
    EQ(sys(N_chown, "f", 500, 500), 0);
    EQ(mode("f"), 02644);
    /* Root's writes clear nothing. */
    EQ(sys(N_chmod, "f", 06777), 0);
    int fd = sys(N_open, "f", O_WRONLY);
    EQ(sys(N_write, fd, "x", 1), 1);
    EQ(mode("f"), 06777);
    make_file("roots", "x", 0666);
    make_file("setid", "x", 04755);
    int pid = fork();
    if (pid == 0) {
        become(500);
        fd = sys(N_open, "f", O_WRONLY);
        EQ(sys(N_write, fd, "x", 0), 0);
        EQ(mode("f"), 06777);
        EQ(sys(N_ftruncate, fd, 0), 0);
        EQ(mode("f"), 06777);
        EQ(sys(N_write, fd, "x", 1), 1);
        EQ(mode("f"), 0777);
        /* Only the owner changes the mode, and gives the file to an own group. */
        EQ(sys(N_chmod, "roots", 0600), -EPERM);
        EQ(sys(N_chown, "f", 501, -1), -EPERM);
        EQ(sys(N_chown, "f", 500, 501), -EPERM);
        EQ(sys(N_chown, "f", 500, 500), 0);
        EQ(sys(N_chown, "roots", -1, -1), 0);
        EQ(sys(N_chown, "setid", -1, -1), -EPERM);
        DONE();
    }
    ENDS(pid, 0);
    /* Set-group-id is dropped if the file's group is a stranger's. */
    EQ(sys(N_chown, "f", 500, 700), 0);
    if ((pid = fork()) == 0) {
        become(500);
        EQ(sys(N_chmod, "f", 06755), 0);
        EQ(mode("f"), 04755);
        DONE();
    }
    ENDS(pid, 0);
    /* Such a directory gives its group away, and the bit to directories. */
    EQ(sys(N_mkdir, "d", 0755), 0);
    EQ(sys(N_chown, "d", 0, 700), 0);
    EQ(sys(N_chmod, "d", 02777), 0);
    EQ(sys(N_mkdir, "d/e", 0755), 0);
    make_file("d/f", "x", 0600);
    EQ(stat_of("d/e").gid, 700);
    EQ(mode("d/e"), 02755);
    EQ(stat_of("d/f").gid, 700);
    return 0;
}
