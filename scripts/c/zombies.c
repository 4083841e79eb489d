/* Three children end, and only one is waited for; an orphan is adopted by init. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    for (int i = 0; i < 3; i++)
        if (fork() == 0)
            exit(i);
    if (fork() == 0) {
        sleep(1);
        printf("my parent is %d now\n", getppid());
        exit(0);
    }
    wait(NULL);
    printf("one of four was reaped\n");
    return 0;
}
