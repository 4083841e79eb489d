/* Futexes: wake-ups by number and order, requeues, shared between processes; a mutex on top. */
#include "conform.h"

enum { WAIT, WAKE, FD, REQUEUE, CMP_REQUEUE };
static volatile int *words;

static long futex(volatile int *word, int op, int value, long timeout, volatile int *other, int check)
{
    return sys(N_futex, word, op, value, timeout, other, check);
}

static void lock(volatile int *word)
{
    int seen = __sync_val_compare_and_swap(word, 0, 1);
    while (seen) {
        if (seen == 2 || __sync_val_compare_and_swap(word, 1, 2))
            futex(word, WAIT, 2, 0, 0, 0);
        seen = __sync_val_compare_and_swap(word, 0, 2);
    }
}
static void unlock(volatile int *word)
{
    if (__sync_fetch_and_sub(word, 1) != 1) {
        *word = 0;
        futex(word, WAKE, 1, 0, 0, 0);
    }
}

/* So many children that wait for a word. */
static void sleepers(int *pids, int count, volatile int *word)
{
    for (int i = 0; i < count; i++) {
        if ((pids[i] = fork()) == 0) {
            EQ(futex(word, WAIT, 0, 0, 0, 0), 0);
            _exit(i);
        }
        pause_ms(2);
    }
}

int futexes(int argc, char **argv)
{
    int pids[4], pid;
    words = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EQ(futex(words, 99, 0, 0, 0, 0), -ENOSYS);
    EQ(sys(N_futex, (char *)words + 1, WAIT, 0, 0), -EINVAL);
    /* The first to come is the first to go. */
    sleepers(pids, 4, words);
    EQ(futex(words, WAKE, 1, 0, 0, 0), 1);
    ENDS(pids[0], 0);
    EQ(futex(words, WAKE, 2, 0, 0, 0), 2);
    ENDS(pids[1], 0x100);
    ENDS(pids[2], 0x200);
    EQ(futex(words, WAKE, 9, 0, 0, 0), 1);
    ENDS(pids[3], 0x300);
    /* One is woken, the others wait elsewhere from now on. */
    sleepers(pids, 3, words);
    EQ(futex(words, CMP_REQUEUE, 1, 9, words + 1, 5), -EAGAIN);
    EQ(futex(words, CMP_REQUEUE, 1, 9, words + 1, 0), 3);
    ENDS(pids[0], 0);
    EQ(futex(words, WAKE, 9, 0, 0, 0), 0);
    EQ(futex(words + 1, WAKE, 9, 0, 0, 0), 2);
    ENDS(pids[1], 0x100);
    ENDS(pids[2], 0x200);
    /* A signal ends the wait. */
    if ((pid = fork()) == 0) {
        signal(SIGUSR1, (void (*)(int))sync);
        EQ(futex(words, WAIT, 0, 0, 0, 0), -EINTR);
        DONE();
    }
    pause_ms(3);
    kill(pid, SIGUSR1);
    ENDS(pid, 0);
    /* Counting under a mutex. */
    for (int i = 0; i < 4; i++)
        if ((pids[i] = fork()) == 0) {
            for (int n = 0; n < 20; n++) {
                lock(words + 2);
                int before = words[3];
                if (n % 5 == 0)
                    pause_ms(1);
                words[3] = before + 1;
                unlock(words + 2);
            }
            DONE();
        }
    for (int i = 0; i < 4; i++)
        ENDS(pids[i], 0);
    EQ(words[3], 80);
    /* A word in private memory is each process's own. */
    static int own;
    if ((pid = fork()) == 0) {
        struct ktimespec time = {0, 10000000};
        EQ(futex(&own, WAIT, 0, (long)&time, 0, 0), -ETIMEDOUT);
        DONE();
    }
    pause_ms(3);
    EQ(futex(&own, WAKE, 9, 0, 0, 0), 0);
    ENDS(pid, 0);
    return 0;
}
