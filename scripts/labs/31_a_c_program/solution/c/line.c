#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    for (int i = 0; i < 3; i++)
        if (fork() != 0)
            break;
    while (wait(NULL) > 0)
        ;
    printf("hello\n");
    return 0;
}
