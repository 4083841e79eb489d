/* A child that shares the memory and has a stack of its own, as threads have. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static char stack[16384];
static int value;

static int child(void *given)
{
    value = *(int *)given + 1;
    return 7;
}

int main(void)
{
    int given = 41, status;
    int pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, &given);
    waitpid(pid, &status, 0);
    printf("the child has left %d and %d\n", value, WEXITSTATUS(status));
    return 0;
}
