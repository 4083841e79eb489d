/* Calls.  */
#include "start.h"

static __attribute__((noinline)) unsigned fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static int run(int argc, char **argv, char **envp)
{
    print(fib(29 + argc));
    return 0;
}
