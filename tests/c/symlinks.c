/* Symbolic links: who follows, how deep, how long. */
#include "conform.h"

int symlinks(int argc, char **argv)
{
    char text[16], from[3] = "l0", to[3] = "l1";
    struct kstat stat;
    make_file("f", "abc", 0600);
    EQ(sys(N_symlink, "f", "l6"), 0);
    EQ(stat_of("l6").mode, 0120777);
    EQ(stat_of("l6").size, 1);
    EQ(sys(N_readlink, "l6", text, 16), 1);
    EQ(text[0], 'f');
    EQ(sys(N_readlink, "l6", text, 0), -EINVAL);
    EQ(sys(N_readlink, "f", text, 16), -EINVAL);
    EQ(sys(N_readlink, "nobody", text, 16), -ENOENT);
    EQ(sys(N_symlink, "", "empty"), -ENOENT);
    EQ(sys(N_symlink, "f", "l6"), -EEXIST);
    /* Five links in a row are followed, a sixth is not; O_CREAT follows up to 32. */
    for (char n = '5'; n >= '1'; n--) {
        from[1] = n;
        to[1] = n + 1;
        EQ(sys(N_symlink, to, from), 0);
    }
    EQ(sys(N_stat64, "l2", &stat), 0);
    EQ(stat.size, 3);
    EQ(sys(N_stat64, "l1", &stat), -ELOOP);
    CHECK(sys(N_open, "l1", O_CREAT | O_RDONLY, 0600) >= 0);
    EQ(sys(N_symlink, "loop", "loop"), 0);
    EQ(sys(N_open, "loop", O_RDONLY), -ELOOP);
    EQ(sys(N_open, "loop", O_CREAT | O_RDONLY, 0600), -ELOOP);
    EQ(sys(N_lstat64, "loop", &stat), 0);
    EQ(sys(N_unlink, "loop"), 0);
    /* A link in the middle, and one with a slash behind it, are followed by all. */
    EQ(sys(N_mkdir, "d", 0755), 0);
    EQ(sys(N_symlink, "d", "ld"), 0);
    make_file("ld/x", "x", 0600);
    EQ(stat_of("d/x").size, 1);
    EQ(stat_of("ld/").mode & 0170000, 040000);
    EQ(sys(N_rmdir, "ld"), -ENOTDIR);
    EQ(sys(N_chdir, "ld"), 0);
    EQ(sys(N_chdir, ".."), 0);
    EQ(stat_of("f").size, 3);
    /* link takes the link itself, rename too. */
    EQ(sys(N_link, "l6", "hard"), 0);
    EQ(stat_of("hard").mode, 0120777);
    EQ(stat_of("hard").nlink, 2);
    EQ(sys(N_rename, "ld", "moved"), 0);
    EQ(stat_of("moved").mode, 0120777);
    /* chown follows, lchown does not. */
    EQ(sys(N_chown, "l6", 500, -1), 0);
    EQ(stat_of("f").uid, 500);
    EQ(sys(N_lchown, "l6", 501, -1), 0);
    EQ(stat_of("f").uid, 500);
    EQ(stat_of("l6").uid, 501);
    return 0;
}
