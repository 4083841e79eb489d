/* Parent and child count as far; who is done first depends on where ticks fall, and on the number of
   CPUs. */
#include <sys/wait.h>
#include <unistd.h>

static volatile int n;

int main(void)
{
    const char *name = fork() == 0 ? "child\n" : "parent\n";
    while (n < 3000)
        n++;
    write(1, name, name[0] == 'c' ? 6 : 7);
    wait(NULL);
    return 0;
}
