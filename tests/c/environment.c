/* The environment: a copy for each process, handed on by exec. */
#include "conform.h"

extern char **environ;

int environment(int argc, char **argv)
{
    if (argc > 1) {
        CHECK(getenv("SHARED") == 0);
        CHECK(strcmp(getenv("COLOR"), "green") == 0);
        return 2;
    }
    EQ(setenv("COLOR", "red", 1), 0);
    EQ(setenv("COLOR", "blue", 0), 0);
    CHECK(strcmp(getenv("COLOR"), "red") == 0);
    setenv("SHARED", "x", 1);
    int pid = fork();
    if (pid == 0) {
        CHECK(strcmp(getenv("COLOR"), "red") == 0);
        setenv("COLOR", "green", 1);
        unsetenv("SHARED");
        char *args[] = {self, "environment", "again", 0};
        execve(self, args, environ);
        _exit(1);
    }
    ENDS(pid, 0x200);
    CHECK(strcmp(getenv("COLOR"), "red") == 0);
    CHECK(strcmp(getenv("SHARED"), "x") == 0);
    return 0;
}
