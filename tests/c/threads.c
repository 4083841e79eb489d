/* Threads by clone and futex: one process, one memory, ids, TLS, joined through the cleared tid. */
#include "conform.h"

/* int thread(stack top, function, flags, tid word, TLS): a child on its own stack. */
long thread(void *stack, void (*f)(void), int flags, int *tid, struct kuser_desc *tls);
__asm__(".text\n.globl thread\nthread:\n"
        "push %ebx\npush %esi\npush %edi\n"
        "mov 16(%esp), %ecx\nmov 20(%esp), %eax\nmov %eax, -4(%ecx)\nsub $4, %ecx\n"
        "mov 24(%esp), %ebx\nmov 28(%esp), %edx\nmov 28(%esp), %edi\nmov 32(%esp), %esi\n"
        "mov $120, %eax\nint $0x80\ntest %eax, %eax\njnz 1f\n"
        "pop %eax\ncall *%eax\nxor %ebx, %ebx\nmov $1, %eax\nint $0x80\n"
        "1: pop %edi\npop %esi\npop %ebx\nret\n");

/* VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, PARENT_SETTID, CHILD_CLEARTID. */
#define FLAGS 0x350f00
#define SETTLS 0x80000
static char stacks[4][8192] __attribute__((aligned(16)));
static int tids[4];
static volatile int counter, lock, thread_pid, thread_tid, from_tls, group_parent;
static int area[4] = {0, 4711, 0, 0};
static int entry;

static void join(int *tid)
{
    int value;
    while ((value = *(volatile int *)tid) != 0)
        sys(N_futex, tid, 0, value, 0);
}

static void count(void)
{
    for (int i = 0; i < 200; i++) {
        while (__sync_lock_test_and_set(&lock, 1))
            sys(N_sched_yield);
        counter++;
        __sync_lock_release(&lock);
    }
}

static void identify(void)
{
    thread_pid = sys(N_getpid);
    thread_tid = sys(N_gettid);
    group_parent = sys(N_getppid);
}

static void read_tls(void)
{
    int selector = entry * 8 + 3;
    __asm__ volatile("mov %w1, %%fs\nmov %%fs:4, %0" : "=r"(from_tls) : "r"(selector));
}

static void end_all(void)
{
    sys(N_exit_group, 5);
}

int threads(int argc, char **argv)
{
    for (int i = 0; i < 4; i++)
        CHECK(thread(stacks[i] + 8192, count, FLAGS, &tids[i], 0) > 0);
    for (int i = 0; i < 4; i++)
        join(&tids[i]);
    EQ(counter, 800);
    /* A thread has the process's pid and parent, and a tid of its own. */
    int tid = thread(stacks[0] + 8192, identify, FLAGS, &tids[0], 0);
    join(&tids[0]);
    EQ(thread_pid, getpid());
    EQ(thread_tid, tid);
    EQ(group_parent, getppid());
    EQ(sys(N_wait4, tid, 0, 0x40000000, 0), -ECHILD);
    /* TLS: clone fills the entry that the descriptor names. */
    struct kuser_desc desc = {-1, (uint32_t)area, 0xfffff, 0x51};
    EQ(sys(N_set_thread_area, &desc), 0);
    entry = desc.entry;
    CHECK(entry >= 6 && entry <= 8);
    struct kuser_desc unnamed = {-1, (uint32_t)area, 0xfffff, 0x51};
    EQ(thread(stacks[0] + 8192, read_tls, FLAGS | SETTLS, &tids[0], &unnamed), -EINVAL);
    CHECK(thread(stacks[0] + 8192, read_tls, FLAGS | SETTLS, &tids[0], &desc) > 0);
    join(&tids[0]);
    EQ(from_tls, 4711);
    /* Futexes: a value that has changed, a time that is over, nobody to wake. */
    int word = 1;
    struct ktimespec soon = {0, 2000000};
    EQ(sys(N_futex, &word, 0, 0, 0), -EAGAIN);
    EQ(sys(N_futex, &word, 0, 1, &soon), -ETIMEDOUT);
    EQ(sys(N_futex, &word, 1, 1, 0), 0);
    /* exit_group ends all of them, with its code. */
    int pid = fork();
    if (pid == 0) {
        thread(stacks[0] + 8192, end_all, FLAGS, &tids[0], 0);
        for (;;)
            sys(N_pause);
    }
    ENDS(pid, 0x500);
    return 0;
}
