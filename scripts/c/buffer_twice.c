/* "hello" is printed once on a terminal, and twice in a file: without a newline to flush it, it lies
   in stdio's buffer, which fork copies with the rest of the memory. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    printf("hello\n");
    if (fork() == 0)
        return 0;
    wait(NULL);
    return 0;
}
