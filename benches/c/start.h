/* A program without a C library: calls of the kernel, and the way in.  */

static inline int call(int number, int a, int b, int c)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

enum { EXIT = 1, FORK = 2, WRITE = 4, WAITPID = 7, EXECVE = 11 };

/* Linux 2.6.12 clears the rest of the last page that comes from the file, and kills a program that
   has no data, whose last page is code.  */
static char line[9];

/* Writes a number in hexadecimal, and a newline.  */
static void print(unsigned number)
{
    for (int i = 7; i >= 0; i--, number >>= 4)
        line[i] = "0123456789abcdef"[number & 15];
    line[8] = '\n';
    call(WRITE, 1, (int)line, 9);
}

static int run(int argc, char **argv, char **envp);

__attribute__((used)) static void start(int *stack)
{
    char **argv = (char **)(stack + 1);
    call(EXIT, run(*stack, argv, argv + *stack + 1), 0, 0);
}

__asm__(".globl _start\n_start: mov %esp, %eax; and $-16, %esp; sub $12, %esp; push %eax; call start");
