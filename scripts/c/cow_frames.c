/* A page that is written after fork, first by the child, then by the parent: who gets a copy? It needs
   no C library, so that its debug information is small. */
static int page[1024] __attribute__((aligned(4096))) = { 7 };

static int call(int number, int a, const void *b, int c)
{
    int value;
    __asm__ volatile("int $0x80" : "=a"(value) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return value;
}

int main(void)
{
    page[0] = 1;
    if (call(2, 0, 0, 0) == 0) { /* fork */
        page[0] = 2;
        call(4, 1, "child\n", 6); /* write */
        call(1, 0, 0, 0); /* exit */
    }
    call(7, -1, 0, 0); /* waitpid */
    page[0] = 3;
    call(4, 1, "parent\n", 7);
    call(1, 0, 0, 0);
    return 0;
}
