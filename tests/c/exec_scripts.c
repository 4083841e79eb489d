/* Scripts: #! and what becomes of the arguments. */
#include "conform.h"

static void script(const char *name, const char *line, const char *rest)
{
    char text[4400];
    snprintf(text, sizeof text, line, self, rest);
    make_file(name, text, 0755);
}

int exec_scripts(int argc, char **argv)
{
    char *args[] = {"zero", "one", 0};
    int pid;
    if (argc > 1) {
        /* The interpreter, its one argument, the script, the script's arguments but the first. */
        EQ(argc, 3);
        CHECK(strcmp(argv[-1], self) == 0);
        CHECK(strcmp(argv[1], "./script") == 0);
        CHECK(strcmp(argv[2], "one") == 0);
        char name[16] = "";
        sys(N_prctl, 16, name);
        CHECK(strcmp(name, "script") == 0);
        return 6;
    }
    script("script", "#! %s exec_scripts\nany%s", "thing");
    if ((pid = fork()) == 0) {
        sys(N_execve, "./script", args, 0);
        _exit(1);
    }
    ENDS(pid, 0x600);
    /* All behind the interpreter is one argument: no program has that name. */
    script("two", "#!%s exec_scripts and more%s\n", "");
    if ((pid = fork()) == 0) {
        sys(N_close, 2);
        sys(N_execve, "./two", args, 0);
        _exit(1);
    }
    ENDS(pid, 0x200);
    make_file("nobody", "#!/nobody\n", 0755);
    EQ(sys(N_execve, "nobody", args, 0), -ENOENT);
    make_file("nothing", "#!\n", 0755);
    EQ(sys(N_execve, "nothing", args, 0), -ENOEXEC);
    make_file("locked", "#!/bin/sh\n", 0644);
    EQ(sys(N_execve, "locked", args, 0), -EACCES);
    /* In 2.6.12 the interpreter of a script must not be a script itself. */
    char line[64];
    make_file("inner", "#!/bin/sh\n", 0755);
    getcwd(line + 2, 40);
    memcpy(line, "#!", 2);
    strcat(line, "/inner\n");
    make_file("outer", line, 0755);
    EQ(sys(N_execve, "outer", args, 0), -ENOEXEC);
    return 0;
}
