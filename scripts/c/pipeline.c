/* ls | wc, as a shell makes it: two children, and a pipe between them. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void producer(int to)
{
    const char *lines = "one\ntwo\nthree\n";
    write(to, lines, strlen(lines));
}

static void consumer(int from)
{
    char buffer[64];
    int lines = 0;
    ssize_t got;
    while ((got = read(from, buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < got; i++)
            lines += buffer[i] == '\n';
    printf("%d lines\n", lines);
    fflush(stdout);
}

int main(void)
{
    int ends[2];
    pipe(ends);
    if (fork() == 0) {
        close(ends[0]);
        producer(ends[1]);
        _exit(0);
    }
    if (fork() == 0) {
        /* While this end is open, the reader waits for more. */
        close(ends[1]);
        consumer(ends[0]);
        _exit(0);
    }
    close(ends[0]);
    close(ends[1]);
    while (wait(NULL) > 0)
        ;
    return 0;
}
