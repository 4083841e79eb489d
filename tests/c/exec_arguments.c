/* execve: arguments, environment, auxiliary vector, and what is refused. */
#include "conform.h"

extern char **environ;

/* What the new program finds. */
static int arrived(int argc, char **argv)
{
    EQ(argc, 3);
    CHECK(strcmp(argv[1], "") == 0 && strcmp(argv[2], "three") == 0);
    CHECK(strcmp(environ[0], "A=1") == 0 && strcmp(environ[1], "B=two words") == 0);
    EQ(environ[2], 0);
    uint32_t *entry = (uint32_t *)(environ + 3), seen[64] = {0};
    for (; *entry; entry += 2)
        if (*entry < 64)
            seen[*entry] = entry[1];
    EQ(seen[6], 4096);
    EQ(seen[4], 32);
    EQ(seen[17], 100);
    EQ(seen[11], getuid());
    EQ(seen[12], geteuid());
    EQ(seen[23], 0);
    CHECK(seen[3] != 0 && seen[5] > 0 && seen[9] > 0);
    CHECK(memcmp((char *)seen[15], "i", 1) == 0);
    /* The stack: aligned by 16 at argc, the strings above it all. */
    EQ((long)(argv - 2) & 15, 0);
    CHECK(argv[-1] > (char *)entry);
    CHECK(argv[0] + strlen(argv[0]) + 1 == argv[1]);
    /* Handlers are gone, what was ignored is ignored still; mask and what is pending stay. */
    struct sigaction action;
    sigaction(SIGUSR1, 0, &action);
    CHECK(action.sa_handler == SIG_DFL);
    sigaction(SIGUSR2, 0, &action);
    CHECK(action.sa_handler == SIG_IGN);
    uint64_t set = 0;
    sys(N_rt_sigprocmask, 0, 0, &set, 8);
    CHECK(set == 1ull << (SIGHUP - 1));
    sys(N_rt_sigpending, &set, 8);
    CHECK(set == 1ull << (SIGHUP - 1));
    return 5;
}

static void nothing(int number) {}

int exec_arguments(int argc, char **argv)
{
    if (argc > 1)
        return arrived(argc, argv);
    char *with[] = {self, "exec_arguments", "", "three", 0};
    char *env[] = {"A=1", "B=two words", 0};
    EQ(sys(N_execve, "nobody", with, env), -ENOENT);
    EQ(sys(N_execve, "", with, env), -ENOENT);
    EQ(sys(N_execve, ".", with, env), -EACCES);
    EQ(sys(N_execve, 16, with, env), -EFAULT);
    EQ(sys(N_execve, self, 16, env), -EFAULT);
    make_file("plain", "text", 0644);
    EQ(sys(N_execve, "plain", with, env), -EACCES);
    make_file("text", "text", 0755);
    EQ(sys(N_execve, "text", with, env), -ENOEXEC);
    make_file("empty", "", 0755);
    EQ(sys(N_execve, "empty", with, env), -ENOEXEC);
    EQ(sys(N_execve, "text/x", with, env), -ENOTDIR);
    /* Whoever has it open for writing keeps it from being executed. */
    int fd = sys(N_open, "text", O_WRONLY);
    EQ(sys(N_execve, "text", with, env), -ETXTBSY);
    sys(N_close, fd);
    EQ(sys(N_open, self, O_WRONLY), -ETXTBSY);
    /* 128 KiB of strings, less a word and the name. */
    static char *many[3], longest[131072];
    memset(longest, 'x', sizeof longest - 1);
    many[0] = longest;
    EQ(sys(N_execve, self, many, 0), -E2BIG);
    int pid = fork();
    if (pid == 0) {
        signal(SIGUSR1, nothing);
        signal(SIGUSR2, SIG_IGN);
        uint64_t set = 1ull << (SIGHUP - 1);
        sys(N_rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
        kill(getpid(), SIGHUP);
        sys(N_execve, self, with, env);
        _exit(1);
    }
    ENDS(pid, 0x500);
    return 0;
}
