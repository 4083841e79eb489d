/* link, unlink, rename, mkdir and rmdir. */
#include "conform.h"

int names(int argc, char **argv)
{
    make_file("a", "one", 0644);
    EQ(sys(N_link, "a", "b"), 0);
    EQ(stat_of("a").nlink, 2);
    EQ(stat_of("a").ino, stat_of("b").ino);
    EQ(sys(N_link, "a", "b"), -EEXIST);
    EQ(sys(N_link, "nobody", "c"), -ENOENT);
    /* The new name is looked at first. */
    EQ(sys(N_link, 16, ""), -ENOENT);
    EQ(sys(N_link, "", 16), -EFAULT);
    EQ(sys(N_link, "a", "c/"), -ENOENT);
    /* Both names of one inode: nothing happens. */
    EQ(sys(N_rename, "a", "b"), 0);
    EQ(stat_of("a").nlink, 2);
    EQ(sys(N_unlink, "a"), 0);
    EQ(stat_of("b").nlink, 1);
    EQ(sys(N_unlink, "a"), -ENOENT);
    /* What is open stays until it is closed. */
    int fd = sys(N_open, "b", O_RDWR);
    char text[4] = "";
    EQ(sys(N_unlink, "b"), 0);
    struct kstat stat;
    EQ(sys(N_fstat64, fd, &stat), 0);
    EQ(stat.nlink, 0);
    EQ(sys(N_read, fd, text, 3), 3);
    CHECK(strcmp(text, "one") == 0);
    /* Directories. */
    int before = stat_of(".").nlink;
    EQ(sys(N_mkdir, "d", 07777), 0);
    EQ(stat_of("d").mode, 041755);
    EQ(stat_of("d").nlink, 2);
    EQ(stat_of(".").nlink, before + 1);
    EQ(sys(N_mkdir, "d", 0755), -EEXIST);
    EQ(sys(N_mkdir, "d/e/", 0755), 0);
    EQ(sys(N_mkdir, "d/e/x/y", 0755), -ENOENT);
    EQ(sys(N_link, "d", "dd"), -EPERM);
    EQ(sys(N_unlink, "d"), -EISDIR);
    EQ(sys(N_rmdir, "d"), -ENOTEMPTY);
    EQ(sys(N_rmdir, "d/."), -EINVAL);
    EQ(sys(N_rmdir, "d/.."), -ENOTEMPTY);
    EQ(sys(N_rmdir, "/"), -EBUSY);
    EQ(sys(N_mkdir, "/", 0755), -EEXIST);
    EQ(sys(N_rename, "d", "d/e/f"), -EINVAL);
    EQ(sys(N_rename, "d/e", "d"), -ENOTEMPTY);
    EQ(sys(N_rename, "d/.", "x"), -EBUSY);
    make_file("f", "x", 0600);
    EQ(sys(N_rmdir, "f"), -ENOTDIR);
    EQ(sys(N_unlink, "f/"), -ENOTDIR);
    EQ(sys(N_rename, "f", "d"), -EISDIR);
    EQ(sys(N_rename, "d", "f"), -ENOTDIR);
    EQ(sys(N_rename, "f", "g/"), -ENOTDIR);
    EQ(sys(N_mkdir, "target", 0755), 0);
    EQ(sys(N_rename, "d/e", "target"), 0);
    EQ(stat_of("d").nlink, 2);
    make_file("target/full", "x", 0600);
    EQ(sys(N_rename, "d", "target"), -ENOTEMPTY);
    EQ(sys(N_rmdir, "d"), 0);
    EQ(sys(N_rmdir, "d"), -ENOENT);
    /* A file over a file. */
    make_file("g", "new", 0600);
    uint64_t ino = stat_of("g").ino;
    EQ(sys(N_rename, "g", "f"), 0);
    EQ(stat_of("f").ino, ino);
    EQ(sys(N_rename, "nobody", "f"), -ENOENT);
    /* Long names. */
    static char longest[4200];
    memset(longest, 'n', 255);
    EQ(sys(N_mkdir, longest, 0755), 0);
    longest[255] = 'n';
    EQ(sys(N_mkdir, longest, 0755), -ENAMETOOLONG);
    memset(longest, '/', 4200);
    EQ(sys(N_mkdir, longest, 0755), -ENAMETOOLONG);
    return 0;
}
