/* Times of files: who changes which. */
#include "conform.h"

static int64_t ns(struct ktimespec time) { return time.sec * 1000000000ll + time.nsec; }

int file_times(int argc, char **argv)
{
    char byte;
    make_file("f", "abc", 0644);
    struct kstat first = stat_of("f");
    pause_ms(3);
    int fd = sys(N_open, "f", O_RDWR);
    EQ(sys(N_read, fd, &byte, 1), 1);
    struct kstat read = stat_of("f");
    CHECK(ns(read.atime) > ns(first.atime));
    CHECK(ns(read.mtime) == ns(first.mtime) && ns(read.ctime) == ns(first.ctime));
    pause_ms(3);
    EQ(sys(N_write, fd, "x", 1), 1);
    struct kstat written = stat_of("f");
    CHECK(ns(written.mtime) > ns(read.mtime) && ns(written.ctime) == ns(written.mtime));
    CHECK(ns(written.atime) == ns(read.atime));
    pause_ms(3);
    EQ(sys(N_chmod, "f", 0600), 0);
    struct kstat changed = stat_of("f");
    CHECK(ns(changed.ctime) > ns(written.ctime) && ns(changed.mtime) == ns(written.mtime));
    /* utime and utimes. */
    int32_t times[2] = {1000, 2000};
    EQ(sys(N_utime, "f", times), 0);
    changed = stat_of("f");
    EQ(changed.atime.sec, 1000);
    EQ(changed.mtime.sec, 2000);
    CHECK(ns(changed.ctime) > ns(written.ctime));
    struct ktimeval exact[2] = {{5, 6}, {7, 8}};
    EQ(sys(N_utimes, "f", exact), 0);
    changed = stat_of("f");
    EQ(changed.atime.nsec, 6000);
    EQ(changed.mtime.nsec, 8000);
    EQ(sys(N_utime, "f", 16), -EFAULT);
    EQ(sys(N_utime, "nobody", 0), -ENOENT);
    sys(N_chmod, "f", 0666);
    make_file("mine", "", 0644);
    int pid = fork();
    if (pid == 0) {
        become(500);
        /* Who may write may set the times to now, but to nothing else. */
        EQ(sys(N_utime, "f", 0), 0);
        EQ(sys(N_utime, "f", times), -EPERM);
        EQ(sys(N_utime, "mine", 0), -EACCES);
        DONE();
    }
    ENDS(pid, 0);
    CHECK(stat_of("f").mtime.sec > 2000);
    /* A name that is removed is a change of its directory; in ramfs a new one is not. */
    struct kstat dir = stat_of(".");
    pause_ms(3);
    make_file("new", "", 0600);
    CHECK(ns(stat_of(".").mtime) == ns(dir.mtime));
    EQ(sys(N_unlink, "new"), 0);
    CHECK(ns(stat_of(".").mtime) > ns(dir.mtime));
    return 0;
}
