/* System V messages. */
#include "conform.h"

enum { SND = 11, RCV = 12, GET = 13, CTL = 14, NOWAIT = 04000, NOERROR = 010000, EXCEPT = 020000 };
struct message { int32_t type; char text[20]; };
static int queue;

static long send(int type, const char *text, int size, int flags)
{
    struct message message = {type};
    strncpy(message.text, text, 20);
    return sys(N_ipc, SND, queue, size, flags, &message);
}
static long receive(struct message *to, int size, int type, int flags)
{
    struct { void *to; int32_t type; } kludge = {to, type};
    return sys(N_ipc, RCV, queue, size, flags, &kludge);
}

int message_queues(int argc, char **argv)
{
    struct message got;
    int pid;
    queue = sys(N_ipc, GET, 0, 0600);
    CHECK(queue >= 0);
    EQ(send(0, "", 0, 0), -EINVAL);
    EQ(send(1, "", 8193, 0), -EINVAL);
    EQ(receive(&got, 20, 0, NOWAIT), -ENOMSG);
    EQ(send(5, "five", 5, 0), 0);
    EQ(send(3, "three", 6, 0), 0);
    EQ(send(3, "third", 6, 0), 0);
    EQ(send(9, "nine", 5, 0), 0);
    EQ(receive(&got, 20, 7, NOWAIT), -ENOMSG);
    EQ(receive(&got, 20, 0, 0), 5);
    EQ(got.type, 5);
    EQ(receive(&got, 20, -4, 0), 6);
    CHECK(strcmp(got.text, "three") == 0);
    EQ(receive(&got, 20, 9, EXCEPT), 6);
    CHECK(strcmp(got.text, "third") == 0);
    /* Too long: it stays, or is cut. */
    EQ(receive(&got, 2, 0, 0), -E2BIG);
    EQ(receive(&got, 2, 0, NOERROR), 2);
    EQ(receive(&got, 20, 0, NOWAIT), -ENOMSG);
    /* A receiver sleeps until there is what it wants. */
    if ((pid = fork()) == 0) {
        EQ(receive(&got, 20, 7, 0), 6);
        CHECK(strcmp(got.text, "seven") == 0);
        DONE();
    }
    pause_ms(3);
    EQ(send(6, "six", 4, 0), 0);
    EQ(send(7, "seven", 6, 0), 0);
    ENDS(pid, 0);
    EQ(receive(&got, 20, 0, 0), 4);
    /* A full queue. */
    static struct { int32_t type; char text[8192]; } big = {1};
    EQ(sys(N_ipc, SND, queue, 8192, 0, &big), 0);
    EQ(sys(N_ipc, SND, queue, 8192, 0, &big), 0);
    EQ(sys(N_ipc, SND, queue, 8192, NOWAIT, &big), -EAGAIN);
    if ((pid = fork()) == 0) {
        EQ(sys(N_ipc, SND, queue, 8192, 0, &big), 0);
        EQ(sys(N_ipc, SND, queue, 8192, 0, &big), -EIDRM);
        DONE();
    }
    pause_ms(3);
    EQ(receive(&got, 1, 0, NOERROR), 1);
    pause_ms(3);
    EQ(sys(N_ipc, CTL, queue, 0, 0, 0), 0);
    ENDS(pid, 0);
    EQ(send(1, "", 0, 0), -EINVAL);
    /* 16 queues, no more. */
    for (int i = 0; i < 16; i++)
        CHECK(sys(N_ipc, GET, 0, 0600) >= 0);
    EQ(sys(N_ipc, GET, 0, 0600), -ENOSPC);
    return 0;
}
