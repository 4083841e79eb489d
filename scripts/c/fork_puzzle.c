/* How many processes are there, and how many lines are printed? */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    if (fork() && fork())
        fork();
    printf("hello\n");
    while (wait(NULL) > 0)
        ;
    return 0;
}
