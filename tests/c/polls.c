/* poll: what is ready, and how it ends. */
#include "conform.h"

static void nothing(int number) {}

int polls(int argc, char **argv)
{
    int fds[2];
    EQ(pipe(fds), 0);
    struct kpollfd all[] = {{-1, 1, 99}, {50, 1, 0}, {sys(N_open, "/dev/null", O_RDWR), 5, 0}};
    EQ(sys(N_poll, all, 3, 0), 2);
    EQ(all[0].revents, 0);
    EQ(all[1].revents, 0x20);
    EQ(all[2].revents, 5);
    struct kpollfd in = {fds[0], 0x41, 0}, out = {fds[1], 0x104, 0};
    EQ(sys(N_poll, &in, 1, 3), 0);
    EQ(sys(N_poll, &out, 1, -1), 1);
    EQ(out.revents, 0x104);
    sys(N_write, fds[1], "x", 1);
    EQ(sys(N_poll, &in, 1, -1), 1);
    EQ(in.revents, 0x41);
    EQ(sys(N_poll, 16, 1, 0), -EFAULT);
    EQ(sys(N_poll, &in, 1025, 0), -EINVAL);
    EQ(sys(N_poll, 0, 0, 2), 0);
    /* A hang-up: what is left can be read all the same. */
    sys(N_close, fds[1]);
    EQ(sys(N_poll, &in, 1, -1), 1);
    EQ(in.revents, 0x51);
    char byte;
    EQ(sys(N_read, fds[0], &byte, 1), 1);
    EQ(sys(N_poll, &in, 1, -1), 1);
    EQ(in.revents, 0x10);
    EQ(pipe(fds), 0);
    out.fd = fds[1];
    sys(N_close, fds[0]);
    EQ(sys(N_poll, &out, 1, -1), 1);
    EQ(out.revents, 0x10c);
    /* Signals end it, a stop too: unlike others 2.6.12's poll is never restarted. */
    EQ(pipe(fds), 0);
    in.fd = fds[0];
    int pid = fork();
    if (pid == 0) {
        EQ(sys(N_poll, &in, 1, 10000), -EINTR);
        struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
        sigaction(SIGUSR1, &action, 0);
        EQ(sys(N_poll, &in, 1, 10000), -EINTR);
        DONE();
    }
    pause_ms(3);
    kill(pid, SIGSTOP);
    pause_ms(3);
    kill(pid, SIGCONT);
    pause_ms(3);
    kill(pid, SIGUSR1);
    ENDS(pid, 0);
    return 0;
}
