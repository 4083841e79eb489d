/* A loop that uses registers alone.  */
#include "start.h"

static int run(int argc, char **argv, char **envp)
{
    unsigned x = argc, sum = 0;
#pragma clang loop unroll(disable)
    for (int i = 0; i < 100000000; i++) {
        x = x * 5 + 1;
        sum += x ^ i;
    }
    print(sum);
    return 0;
}
