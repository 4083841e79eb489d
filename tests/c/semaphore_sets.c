/* System V semaphores: operations all or nothing, waits, undo. */
#include "conform.h"

enum { SEMOP = 1, SEMGET = 2, SEMCTL = 3, CREAT = 01000, NOWAIT = 04000, UNDO = 010000, RMID = 0,
       GETPID = 11, GETVAL = 12, GETALL = 13, GETNCNT = 14, GETZCNT = 15, SETVAL = 16, SETALL = 17 };
struct ksembuf { uint16_t number; int16_t op, flags; };

static int set;
static long op(int number, int value, int flags)
{
    struct ksembuf one = {number, value, flags};
    return sys(N_ipc, SEMOP, set, 1, 0, &one);
}
/* The last argument is a union, which is read from memory. */
static long control(int number, int command, long value)
{
    return sys(N_ipc, SEMCTL, set, number, command, &value);
}

int semaphore_sets(int argc, char **argv)
{
    uint16_t values[3] = {1, 2, 3};
    int pid;
    EQ(sys(N_ipc, SEMGET, 0, 0, 0600), -EINVAL);
    EQ(sys(N_ipc, SEMGET, 0, 251, 0600), -EINVAL);
    set = sys(N_ipc, SEMGET, 0, 3, 0600);
    CHECK(set >= 0);
    EQ(control(0, SETALL, (long)values), 0);
    EQ(control(2, GETVAL, 0), 3);
    EQ(control(3, GETVAL, 0), -EINVAL);
    EQ(control(0, SETVAL, 32768), -ERANGE);
    EQ(op(0, -1, 0), 0);
    EQ(control(0, GETPID, 0), getpid());
    EQ(op(0, -1, NOWAIT), -EAGAIN);
    EQ(op(1, 0, NOWAIT), -EAGAIN);
    EQ(op(3, 1, 0), -EFBIG);
    EQ(op(1, 32767, 0), -ERANGE);
    /* All or nothing. */
    struct ksembuf two[] = {{1, -1, NOWAIT}, {0, -1, NOWAIT}};
    EQ(sys(N_ipc, SEMOP, set, 2, 0, two), -EAGAIN);
    EQ(control(1, GETVAL, 0), 2);
    EQ(sys(N_ipc, SEMOP, set, 0, 0, two), -EINVAL);
    EQ(sys(N_ipc, SEMOP, set, 33, 0, two), -E2BIG);
    /* One waits until another gives; those for zero as well. */
    if ((pid = fork()) == 0) {
        EQ(op(0, -2, 0), 0);
        DONE();
    }
    pause_ms(3);
    EQ(control(0, GETNCNT, 0), 1);
    EQ(op(0, 1, 0), 0);
    pause_ms(3);
    EQ(control(0, GETNCNT, 0), 1);
    EQ(op(0, 1, 0), 0);
    ENDS(pid, 0);
    EQ(control(0, GETVAL, 0), 0);
    if ((pid = fork()) == 0) {
        EQ(op(2, 0, 0), 0);
        DONE();
    }
    pause_ms(3);
    EQ(control(2, GETZCNT, 0), 1);
    EQ(control(2, SETVAL, 0), 0);
    ENDS(pid, 0);
    /* What was done with SEM_UNDO is undone at exit. */
    if ((pid = fork()) == 0) {
        EQ(op(1, -1, UNDO), 0);
        EQ(op(2, 5, UNDO), 0);
        DONE();
    }
    ENDS(pid, 0);
    EQ(control(1, GETVAL, 0), 2);
    EQ(control(2, GETVAL, 0), 0);
    /* Who sleeps when the set is removed is told so. */
    if ((pid = fork()) == 0) {
        EQ(op(0, -1, 0), -EIDRM);
        DONE();
    }
    pause_ms(3);
    EQ(control(0, RMID, 0), 0);
    ENDS(pid, 0);
    EQ(op(0, 1, 0), -EINVAL);
    return 0;
}
