/* System V shared memory. */
#include "conform.h"

enum { SHMAT = 21, SHMDT = 22, SHMGET = 23, SHMCTL = 24, CREAT = 01000, EXCL = 02000, RMID = 0,
       STAT = 0x102, RDONLY = 010000, RND = 020000 };
struct kshm { uint32_t key, uid, gid, cuid, cgid, mode, seq, pad[2], size, atime, pad2, dtime, pad3,
              ctime, pad4, cpid, lpid, nattch, pad5[2]; };

static long get(int key, int size, int flags) { return sys(N_ipc, SHMGET, key, size, flags); }
static long at(int id, void *where, int flags)
{
    long address = 0, result = sys(N_ipc, SHMAT, id, flags, &address, where);
    return result < 0 ? result : address;
}
static long stat_shm(int id, struct kshm *to) { return sys(N_ipc, SHMCTL, id, STAT, 0, to); }

int shared_memory(int argc, char **argv)
{
    struct kshm stat;
    int id = get(0, 5000, 0600), pid;
    CHECK(id >= 0);
    EQ(get(4711, 4096, 0), -ENOENT);
    EQ(get(0, 0, 0600), -EINVAL);
    EQ(get(0, 0x2000001, 0600), -EINVAL);
    int keyed = get(4711, 4096, CREAT | 0640);
    CHECK(keyed != id);
    EQ(get(4711, 4096, CREAT | EXCL | 0600), -EEXIST);
    EQ(get(4711, 0, 0), keyed);
    EQ(get(4711, 8192, 0), -EINVAL);
    volatile char *memory = (char *)at(id, 0, 0);
    CHECK(((long)memory & 4095) == 0);
    EQ(memory[4999], 0);
    EQ(stat_shm(id, &stat), 0);
    EQ(stat.size, 5000);
    EQ(stat.nattch, 1);
    EQ(stat.cpid, getpid());
    EQ(stat.mode, 0600);
    /* A fork attaches it once more; everybody sees the same. */
    if ((pid = fork()) == 0) {
        stat_shm(id, &stat);
        EQ(stat.nattch, 2);
        EQ(stat.lpid, getppid());
        memory[0] = 'c';
        DONE();
    }
    ENDS(pid, 0);
    EQ(memory[0], 'c');
    stat_shm(id, &stat);
    EQ(stat.nattch, 1);
    EQ(stat.lpid, pid);
    volatile char *second = (char *)at(id, 0, RDONLY);
    EQ(second[0], 'c');
    memory[1] = 'd';
    EQ(second[1], 'd');
    /* Addresses. */
    EQ(at(id, (char *)memory + 1, 0), -EINVAL);
    EQ(at(id, (char *)memory, 0), -EINVAL);
    EQ(at(id, (void *)0x50000123, RND), 0x50000000);
    EQ(sys(N_ipc, SHMDT, 0, 0, 0, 0x50000000), 0);
    EQ(sys(N_ipc, SHMDT, 0, 0, 0, 0x50000000), -EINVAL);
    EQ(sys(N_ipc, SHMDT, 0, 0, 0, second), 0);
    /* Removed: it lives as long as it is attached, and can be attached still. */
    EQ(sys(N_ipc, SHMCTL, id, RMID, 0, 0), 0);
    EQ(stat_shm(id, &stat), 0);
    EQ(stat.mode, 01600);
    second = (char *)at(id, 0, 0);
    EQ(second[0], 'c');
    EQ(sys(N_ipc, SHMDT, 0, 0, 0, second), 0);
    EQ(sys(N_ipc, SHMDT, 0, 0, 0, memory), 0);
    EQ(stat_shm(id, &stat), -EINVAL);
    EQ(at(id, 0, 0), -EINVAL);
    /* The number's place is used again, the number is not. */
    int next = get(0, 4096, 0600);
    CHECK(next != id && next % 32768 == id % 32768);
    EQ(at(id, 0, 0), -EIDRM);
    /* Rights. */
    if ((pid = fork()) == 0) {
        become(500);
        EQ(at(keyed, 0, 0), -EACCES);
        EQ(get(4711, 0, 0600), -EACCES);
        EQ(sys(N_ipc, SHMCTL, keyed, RMID, 0, 0), -EPERM);
        EQ(stat_shm(keyed, &stat), -EACCES);
        DONE();
    }
    ENDS(pid, 0);
    EQ(sys(N_ipc, SHMCTL, keyed, RMID, 0, 0), 0);
    EQ(get(4711, 0, 0), -ENOENT);
    EQ(sys(N_ipc, 99, 0, 0, 0, 0), -ENOSYS);
    return 0;
}
