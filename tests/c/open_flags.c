/* Flags of open, in the order in which they are looked at. */
#include "conform.h"

#define NOFOLLOW 0400000
#define DIRECTORY 0200000

int open_flags(int argc, char **argv)
{
    char text[16] = "";
    sys(N_umask, 022);
    int fd = sys(N_open, "f", O_CREAT | O_EXCL | O_WRONLY, 0666);
    CHECK(fd >= 0);
    EQ(stat_of("f").mode, 0100644);
    EQ(sys(N_read, fd, text, 1), -EBADF);
    EQ(sys(N_open, "f", O_CREAT | O_EXCL, 0666), -EEXIST);
    EQ(sys(N_open, "g", O_RDONLY), -ENOENT);
    EQ(sys(N_open, "f/g", O_RDONLY), -ENOTDIR);
    EQ(sys(N_open, "f/", O_RDONLY), -ENOTDIR);
    EQ(sys(N_open, "f", DIRECTORY), -ENOTDIR);
    EQ(sys(N_open, (char *)0xc0000000, 0), -EFAULT);
    EQ(sys(N_mkdir, "d", 0755), 0);
    EQ(sys(N_open, "d", O_WRONLY), -EISDIR);
    EQ(sys(N_open, "d", O_CREAT | O_RDONLY), -EISDIR);
    EQ(sys(N_open, "x/", O_CREAT, 0600), -EISDIR);
    /* 2.6.12 does not look at O_DIRECTORY if there is O_CREAT. */
    CHECK(sys(N_open, "x", O_CREAT | DIRECTORY, 0600) >= 0);
    EQ(stat_of("x").mode, 0100600);
    /* Links. */
    EQ(sys(N_symlink, "nowhere", "l"), 0);
    EQ(sys(N_open, "l", O_RDONLY), -ENOENT);
    EQ(sys(N_open, "l", O_CREAT | O_EXCL, 0600), -EEXIST);
    EQ(sys(N_open, "l", O_CREAT | NOFOLLOW, 0600), -ELOOP);
    EQ(sys(N_open, "l", NOFOLLOW), -ELOOP);
    CHECK(sys(N_open, "l", O_CREAT | O_WRONLY, 0600) >= 0);
    EQ(stat_of("nowhere").mode, 0100600);
    /* A new file may be opened in a way that its mode forbids. */
    int pid = fork();
    if (pid == 0) {
        sys(N_chmod, ".", 0777);
        become(500);
        int secret = sys(N_open, "secret", O_CREAT | O_RDWR, 0);
        CHECK(secret >= 0);
        EQ(sys(N_write, secret, "x", 1), 1);
        EQ(sys(N_open, "secret", O_RDONLY), -EACCES);
        DONE();
    }
    ENDS(pid, 0);
    /* O_APPEND: each write goes to the end, whoever wrote before. */
    int a = sys(N_open, "log", O_CREAT | O_WRONLY | O_APPEND, 0600);
    int b = sys(N_open, "log", O_WRONLY | O_APPEND);
    sys(N_write, a, "aaaa", 4);
    sys(N_write, b, "bb", 2);
    sys(N_write, a, "cc", 2);
    EQ(sys(N_lseek, a, 0, SEEK_CUR), 8);
    EQ(sys(N_lseek, b, 0, SEEK_CUR), 6);
    EQ(sys(N_pwrite64, a, "d", 1, 0, 0), 1);
    fd = sys(N_open, "log", O_RDONLY);
    EQ(sys(N_read, fd, text, 16), 9);
    CHECK(memcmp(text, "aaaabbccd", 9) == 0);
    /* O_TRUNC, which is not kept in the flags, nor is O_CREAT. */
    fd = sys(N_open, "log", O_RDWR | O_TRUNC | O_CREAT | O_NONBLOCK);
    EQ(stat_of("log").size, 0);
    EQ(sys(N_fcntl64, fd, F_GETFL), O_RDWR | O_NONBLOCK);
    /* Access mode 3: neither reading nor writing. */
    fd = sys(N_open, "log", 3);
    EQ(sys(N_read, fd, text, 1), -EBADF);
    EQ(sys(N_write, fd, text, 1), -EBADF);
    return 0;
}
