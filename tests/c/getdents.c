/* Directories as lists: records, order, positions. */
#include "conform.h"

struct dirent64 { uint64_t ino; int64_t off; uint16_t reclen; uint8_t type; char name[]; }
    __attribute__((packed));
struct dirent32 { uint32_t ino, off; uint16_t reclen; char name[]; };

int getdents(int argc, char **argv)
{
    char buffer[512];
    EQ(sys(N_mkdir, "d", 0755), 0);
    make_file("d/a", "", 0600);
    EQ(sys(N_mkdir, "d/bb", 0755), 0);
    EQ(sys(N_symlink, "a", "d/ccc"), 0);
    int fd = sys(N_open, "d", O_RDONLY);
    EQ(sys(N_read, fd, buffer, 10), -EISDIR);
    EQ(sys(N_getdents64, fd, buffer, 20), -EINVAL);
    /* The newest comes first. */
    const char *names[] = {".", "..", "ccc", "bb", "a"};
    int types[] = {4, 4, 10, 4, 8}, at = 0;
    EQ(sys(N_getdents64, fd, buffer, sizeof buffer), 5 * 24);
    for (int i = 0; i < 5; i++) {
        struct dirent64 *entry = (struct dirent64 *)(buffer + at);
        CHECK(strcmp(entry->name, names[i]) == 0);
        EQ(entry->type, types[i]);
        EQ(entry->reclen, 24);
        EQ(entry->off, i + 1);
        at += entry->reclen;
    }
    EQ(((struct dirent64 *)buffer)->ino, stat_of("d").ino);
    EQ(sys(N_getdents64, fd, buffer, sizeof buffer), 0);
    EQ(sys(N_lseek, fd, 0, SEEK_SET), 0);
    EQ(sys(N_getdents64, fd, buffer, 24), 24);
    EQ(sys(N_lseek, fd, 0, SEEK_CUR), 1);
    EQ(sys(N_lseek, fd, 0, SEEK_END), -EINVAL);
    /* The records of old have their type in the last byte. */
    EQ(sys(N_lseek, fd, 2, SEEK_SET), 2);
    EQ(sys(N_getdents, fd, buffer, sizeof buffer), 16 + 16 + 16);
    struct dirent32 *old = (struct dirent32 *)buffer;
    CHECK(strcmp(old->name, "ccc") == 0);
    EQ(buffer[old->reclen - 1], 10);
    /* No directory, no descriptor, removed. */
    EQ(sys(N_getdents64, 99, buffer, sizeof buffer), -EBADF);
    int file = sys(N_open, "d/a", O_RDONLY);
    EQ(sys(N_getdents64, file, buffer, sizeof buffer), -ENOTDIR);
    EQ(sys(N_mkdir, "gone", 0755), 0);
    fd = sys(N_open, "gone", O_RDONLY);
    EQ(sys(N_rmdir, "gone"), 0);
    EQ(sys(N_getdents64, fd, buffer, sizeof buffer), -ENOENT);
    EQ(sys(N_fsync, fd), -EINVAL);
    EQ(sys(N_fsync, file), 0);
    return 0;
}
