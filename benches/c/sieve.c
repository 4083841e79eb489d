/* The primes below 131072, a hundred times.  */
#include "start.h"

enum { LIMIT = 131072, ROUNDS = 100 };

static unsigned char composite[LIMIT];

static int run(int argc, char **argv, char **envp)
{
    unsigned found = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < LIMIT; i++)
            ((volatile unsigned char *)composite)[i] = 0;
        for (int i = 2; i < LIMIT; i++) {
            if (composite[i])
                continue;
            found++;
            for (int k = i + i; k < LIMIT; k += i)
                composite[k] = 1;
        }
    }
    print(found);
    return 0;
}
