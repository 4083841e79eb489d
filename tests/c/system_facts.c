/* uname, sysinfo, statfs, clocks: what the kernel says of itself. */
#include "conform.h"

struct knames { char sysname[65], nodename[65], release[65], version[65], machine[65], domain[65]; };

int system_facts(int argc, char **argv)
{
    struct knames names;
    EQ(sys(N_uname, &names), 0);
    CHECK(strcmp(names.sysname, "Linux") == 0);
    CHECK(strncmp(names.machine, "i", 1) == 0 && strcmp(names.machine + 2, "86") == 0);
    CHECK(names.release[1] == '.');
    EQ(sys(N_uname, 16), -EFAULT);
    struct { int32_t uptime; uint32_t loads[3], total, free, shared, buffer, swap, free_swap;
             uint16_t procs, pad; uint32_t high, free_high, unit; } info;
    EQ(sys(N_sysinfo, &info), 0);
    EQ(info.unit, 1);
    CHECK(info.total > info.free && info.free > 0 && info.procs >= 2);
    uint32_t statfs[21];
    EQ(sys(N_statfs64, ".", 84, statfs), 0);
    EQ(statfs[0], 0x858458f6);
    EQ(statfs[1], 4096);
    EQ(sys(N_statfs64, ".", 64, statfs), -EINVAL);
    EQ(sys(N_statfs64, "nobody", 84, statfs), -ENOENT);
    /* Numbers that 2.6.12 does not have. */
    for (int number = 289; number < 460; number += 10)
        EQ(sys(number), -ENOSYS);
    EQ(sys(-1), -ENOSYS);
    EQ(sys(17), -ENOSYS);
    EQ(sys(222), -ENOSYS);
    /* The clocks agree. */
    struct ktimeval time;
    struct ktimespec real, monotonic;
    int32_t seconds;
    EQ(sys(N_gettimeofday, &time, 0), 0);
    EQ(sys(N_time, &seconds), time.sec);
    EQ(seconds, time.sec);
    EQ(sys(N_clock_gettime, 0, &real), 0);
    EQ(real.sec, time.sec);
    EQ(sys(N_clock_gettime, 1, &monotonic), 0);
    CHECK(monotonic.sec <= real.sec);
    EQ(sys(N_clock_gettime, 9, &real), -EINVAL);
    EQ(sys(N_clock_gettime, 0, 16), -EFAULT);
    /* The personality: 0xffffffff asks. */
    long personality = sys(N_personality, 0xffffffff);
    EQ(sys(N_personality, 8), personality);
    EQ(sys(N_personality, personality), 8);
    /* The name of a task. */
    char name[16] = "";
    EQ(sys(N_prctl, 15, "a name longer than fifteen"), 0);
    EQ(sys(N_prctl, 16, name), 0);
    CHECK(strcmp(name, "a name longer t") == 0);
    EQ(sys(N_prctl, 9999), -EINVAL);
    return 0;
}
