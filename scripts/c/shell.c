/* A shell of 60 lines: it runs pipelines in process groups of their own, which get the terminal while
   they run, and tells how they ended. Programs are built in, as there is nothing to execute. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(char *command)
{
    char *word = strtok(command, " "), *rest = strtok(NULL, "");
    char c;
    if (!word)
        _exit(0);
    if (!strcmp(word, "echo")) {
        puts(rest ? rest : "");
    } else if (!strcmp(word, "upper")) {
        while (read(0, &c, 1) > 0)
            putchar(toupper(c));
    } else if (!strcmp(word, "count")) {
        int n = 0;
        while (read(0, &c, 1) > 0)
            n++;
        printf("%d\n", n);
    } else if (!strcmp(word, "sleep")) {
        sleep(atoi(rest ? rest : "1"));
    } else {
        fprintf(stderr, "%s: not found\n", word);
        _exit(127);
    }
    /* exit() would also give back what stdin has read ahead, which the shell has yet to read. */
    fflush(stdout);
    _exit(0);
}

static void pipeline(char *line)
{
    int in = 0, fds[2], status = 0;
    pid_t group = 0, pid = 0;
    for (char *next, *stage = line; stage; stage = next) {
        next = strchr(stage, '|');
        if (next)
            *next++ = 0, pipe(fds);
        pid = fork();
        if (pid == 0) {
            setpgid(0, group);
            signal(SIGTTOU, SIG_IGN);
            tcsetpgrp(0, getpgrp());
            signal(SIGTTOU, SIG_DFL);
            dup2(in, 0);
            if (next)
                dup2(fds[1], 1), close(fds[0]);
            run(stage);
        }
        if (!group)
            group = pid;
        setpgid(pid, group);
        if (in)
            close(in);
        if (next)
            close(fds[1]), in = fds[0];
    }
    while (waitpid(-group, &status, WUNTRACED) > 0)
        if (WIFSTOPPED(status) || WIFSIGNALED(status))
            printf("[signal %d]\n", WIFSTOPPED(status) ? WSTOPSIG(status) : WTERMSIG(status));
    tcsetpgrp(0, getpgrp());
}

int main(void)
{
    char line[256];
    signal(SIGTTOU, SIG_IGN);
    while (printf("$ "), fflush(stdout), fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        pipeline(line);
    }
    return 0;
}
