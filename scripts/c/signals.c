/* A child that catches SIGUSR1, and dies of SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void note(int signal)
{
    caught = signal;
}

int main(void)
{
    int status;
    struct sigaction action = {.sa_handler = note};
    sigset_t usr1, old;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    /* Blocked until the child waits for it, or it would come too early. */
    sigprocmask(SIG_BLOCK, &usr1, &old);
    pid_t child = fork();
    if (child == 0) {
        sigaction(SIGUSR1, &action, NULL);
        sigsuspend(&old);
        printf("the child has caught signal %d\n", caught);
        fflush(stdout);
        for (;;)
            pause();
    }
    sleep(1);
    kill(child, SIGUSR1);
    sleep(1);
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    printf("the child was killed by signal %d\n", WTERMSIG(status));
    return 0;
}
