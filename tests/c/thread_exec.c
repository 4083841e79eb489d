/* execve and exit in a process of several threads. */
#include "conform.h"

long thread(void *stack, void (*f)(void), int flags, int *tid, struct kuser_desc *tls);
#define FLAGS 0x350f00
static char stacks[2][8192] __attribute__((aligned(16)));
static int tids[2];
static volatile int handled_by, wanted;

static void run_program(void)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%ld", sys(N_getpid));
    char *args[] = {self, "thread_exec", pid, 0};
    sys(N_execve, self, args, 0);
}
static void sleep_long(void)
{
    for (;;)
        pause_ms(1000);
}
static void leave(void) { sys(N_exit, 9); }
static void note(int number) { handled_by = sys(N_gettid); }
static void wait_signal(void)
{
    uint64_t none = 0;
    wanted = sys(N_gettid);
    sys(N_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
    while (!handled_by)
        pause_ms(1);
}

int thread_exec(int argc, char **argv)
{
    int status, pid = 0;
    if (argc > 1) {
        /* The thread that called execve is the process now. */
        EQ(sys(N_getpid), atoi(argv[1]));
        EQ(sys(N_gettid), atoi(argv[1]));
        return 8;
    }
    if ((pid = fork()) == 0) {
        thread(stacks[0] + 8192, sleep_long, FLAGS, &tids[0], 0);
        thread(stacks[1] + 8192, run_program, FLAGS, &tids[1], 0);
        sleep_long();
    }
    ENDS(pid, 0x800);
    /* The leader may end first: the process lives on, and is waited for when the last one has ended.
     * Its status is the leader's. */
    if ((pid = fork()) == 0) {
        thread(stacks[0] + 8192, leave, FLAGS, &tids[0], 0);
        sys(N_exit, 4);
    }
    ENDS(pid, 0x400);
    /* A fatal signal ends all of them. */
    if ((pid = fork()) == 0) {
        thread(stacks[0] + 8192, sleep_long, FLAGS, &tids[0], 0);
        sleep_long();
    }
    pause_ms(3);
    kill(pid, SIGTERM);
    ENDS(pid, SIGTERM);
    /* A stop stops all of them. */
    if ((pid = fork()) == 0) {
        thread(stacks[0] + 8192, sleep_long, FLAGS, &tids[0], 0);
        sleep_long();
    }
    pause_ms(3);
    kill(pid, SIGSTOP);
    EQ(waitpid(pid, &status, WUNTRACED), pid);
    EQ(status, 0x137f);
    kill(pid, SIGKILL);
    ENDS(pid, SIGKILL);
    /* A signal to the process goes to a thread that does not block it. */
    if ((pid = fork()) == 0) {
        uint64_t usr1 = 1ull << (SIGUSR1 - 1);
        signal(SIGUSR1, note);
        sys(N_rt_sigprocmask, SIG_BLOCK, &usr1, 0, 8);
        thread(stacks[0] + 8192, wait_signal, FLAGS, &tids[0], 0);
        pause_ms(3);
        kill(sys(N_getpid), SIGUSR1);
        pause_ms(3);
        EQ(handled_by, wanted);
        CHECK(wanted != sys(N_getpid));
        DONE();
    }
    ENDS(pid, 0);
    return 0;
}
