/* A vfork child borrows its parent's memory: what it stores is there when the parent goes on. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int value = 1;

int main(void)
{
    int status;
    pid_t child = vfork();
    if (child == 0) {
        value = 2;
        _exit(3);
    }
    waitpid(child, &status, 0);
    printf("value %d, the child exited with %d\n", value, WEXITSTATUS(status));
    return 0;
}
