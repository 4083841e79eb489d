/* What a new program has of the old one's descriptors, directory, umask and ids. */
#include "conform.h"

int close_on_exec(int argc, char **argv)
{
    if (argc > 1) {
        char cwd[64] = "", byte;
        EQ(sys(N_fcntl64, 10, F_GETFD), 0);
        EQ(sys(N_fcntl64, 11, F_GETFD), -EBADF);
        EQ(sys(N_fcntl64, 12, F_GETFD), 0);
        EQ(sys(N_read, 12, &byte, 1), 1);
        EQ(byte, 'b');
        EQ(sys(N_umask, 0), 027);
        sys(N_getcwd, cwd, 64);
        CHECK(strcmp(cwd, argv[1]) == 0);
        EQ(getppid(), atoi(argv[2]));
        return 3;
    }
    char cwd[64] = "", parent[16];
    make_file("f", "ab", 0600);
    int fd = sys(N_open, "f", O_RDONLY), byte = 0;
    EQ(sys(N_dup2, fd, 10), 10);
    EQ(sys(N_dup2, fd, 11), 11);
    EQ(sys(N_dup2, fd, 12), 12);
    EQ(sys(N_fcntl64, 11, F_SETFD, 1), 0);
    EQ(sys(N_read, fd, &byte, 1), 1);
    sys(N_getcwd, cwd, 64);
    snprintf(parent, sizeof parent, "%d", getpid());
    char *args[] = {self, "close_on_exec", cwd, parent, 0};
    int pid = fork();
    if (pid == 0) {
        sys(N_umask, 027);
        execve(self, args, 0);
        _exit(1);
    }
    ENDS(pid, 0x300);
    /* The parent's descriptor is its own. */
    EQ(sys(N_fcntl64, 11, F_GETFD), 1);
    return 0;
}
