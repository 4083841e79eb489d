/* set_thread_area: three descriptors of one's own, for segment registers. */
#include "conform.h"

static uint32_t area[4] = {11, 22, 33, 44};

static uint32_t load(int entry, int offset)
{
    uint32_t value;
    __asm__ volatile("push %%fs\nmov %w1, %%fs\nmov %%fs:(%2), %0\npop %%fs"
                     : "=&r"(value) : "r"(entry * 8 + 3), "r"(offset));
    return value;
}

int thread_areas(int argc, char **argv)
{
    struct kuser_desc desc = {-1, (uint32_t)area, 0xfffff, 0x51}, got = {0}, bad = {3, 0, 0, 0x51};
    EQ(sys(N_set_thread_area, &bad), -EINVAL);
    EQ(sys(N_set_thread_area, 16), -EFAULT);
    EQ(sys(N_set_thread_area, &desc), 0);
    int entry = desc.entry;
    EQ(load(entry, 8), 33);
    got.entry = entry;
    EQ(sys(N_get_thread_area, &got), 0);
    EQ(got.base, (long)area);
    EQ(got.limit, 0xfffff);
    EQ(got.flags & 0x7f, 0x51);
    got.entry = 3;
    EQ(sys(N_get_thread_area, &got), -EINVAL);
    /* A child has a copy; its changes are its own. */
    int pid = fork();
    if (pid == 0) {
        EQ(load(entry, 4), 22);
        desc.base = (uint32_t)&area[1];
        EQ(sys(N_set_thread_area, &desc), 0);
        EQ(load(entry, 4), 33);
        DONE();
    }
    ENDS(pid, 0);
    pause_ms(1);
    EQ(load(entry, 4), 22);
    /* The limit is checked: an access behind it is a general protection fault. */
    if ((pid = fork()) == 0) {
        struct krlimit none = {0, 0};
        sys(N_setrlimit, 4, &none);
        struct kuser_desc small = {entry, (uint32_t)area, 7, 0x41};
        EQ(sys(N_set_thread_area, &small), 0);
        EQ(load(entry, 4), 22);
        _exit(load(entry, 8));
    }
    ENDS(pid, SIGSEGV);
    /* An empty descriptor frees the entry; a selector for it cannot be loaded. */
    if ((pid = fork()) == 0) {
        struct krlimit none = {0, 0};
        sys(N_setrlimit, 4, &none);
        struct kuser_desc empty = {entry, 0, 0, 0x28};
        EQ(sys(N_set_thread_area, &empty), 0);
        struct kuser_desc next = {-1, (uint32_t)area, 0xfffff, 0x51};
        EQ(sys(N_set_thread_area, &next), 0);
        EQ(next.entry, entry);
        EQ(sys(N_set_thread_area, &empty), 0);
        _exit(load(entry, 0));
    }
    ENDS(pid, SIGSEGV);
    return 0;
}
