/* Runs one of the programs of this folder: conform NAME. It exits 0 if the system calls do what
 * those of Linux 2.6.12 do, else says what they do instead. conform --list names them. */

#include "conform.h"

#define PROGRAM(name) int name(int argc, char **argv);
#include "programs.h"
#undef PROGRAM

static const struct { const char *name; int (*main)(int, char **); } programs[] = {
#define PROGRAM(name) {#name, name},
#include "programs.h"
#undef PROGRAM
};

char self[4096];
/* Checks that failed in any process: in memory that they share. */
static int *failed;

__asm__(".text\n.globl sys6\n.type sys6, @function\nsys6:\n"
        "push %ebp\npush %ebx\npush %esi\npush %edi\n"
        "mov 20(%esp), %eax\nmov 24(%esp), %ebx\nmov 28(%esp), %ecx\nmov 32(%esp), %edx\n"
        "mov 36(%esp), %esi\nmov 40(%esp), %edi\nmov 44(%esp), %ebp\nint $0x80\n"
        "pop %edi\npop %esi\npop %ebx\npop %ebp\nret\n");

void check_(int holds, const char *file, int line)
{
    if (holds)
        return;
    dprintf(2, "%s:%d: does not hold\n", file, line);
    __sync_fetch_and_add(failed, 1);
}

void equal_(long got, long want, const char *file, int line)
{
    if (got == want)
        return;
    dprintf(2, "%s:%d: %ld (%#lx) instead of %ld (%#lx)\n", file, line, got, got, want, want);
    __sync_fetch_and_add(failed, 1);
}

long status_of(int pid)
{
    int status = 0;
    long waited = sys(N_waitpid, pid, &status, 0);
    return waited < 0 ? waited : status;
}

void pause_ms(int ms)
{
    struct ktimespec time = {ms / 1000, ms % 1000 * 1000000};
    sys(N_nanosleep, &time, 0);
}

void become(int uid)
{
    EQ(sys(N_setgroups, 0, 0), 0);
    EQ(sys(N_setresgid, uid, uid, uid), 0);
    EQ(sys(N_setresuid, uid, uid, uid), 0);
}

void make_file(const char *name, const char *text, int mode)
{
    int fd = sys(N_open, name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    EQ(sys(N_write, fd, text, strlen(text)), strlen(text));
    EQ(sys(N_fchmod, fd, mode), 0);
    sys(N_close, fd);
}

struct kstat stat_of(const char *name)
{
    struct kstat stat = {0};
    sys(N_lstat64, name, &stat);
    return stat;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
            puts(programs[i].name);
        return 0;
    }
    failed = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (*argv && **argv != '/') {
        getcwd(self, sizeof self - 64);
        strcat(strcat(self, "/"), *argv);
    } else if (*argv)
        strcpy(self, *argv);
    for (size_t i = 0; argc > 1 && i < sizeof programs / sizeof *programs; i++)
        if (strcmp(argv[1], programs[i].name) == 0) {
            /* A working directory of its own; one that execs itself is there already. */
            if (argc == 2 && mkdir(argv[1], 0755) == 0)
                chdir(argv[1]);
            int code = programs[i].main(argc - 1, argv + 1);
            return *failed ? 1 : code;
        }
    fputs("usage: conform NAME, or conform --list\n", stderr);
    return 2;
}
