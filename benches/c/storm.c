/* Rounds of fork, execve and waitpid. The arguments say what is executed; without any, nothing is
   to be done.  */
#include "start.h"

enum { ROUNDS = 1000 };

static int run(int argc, char **argv, char **envp)
{
    if (argc < 2)
        return 0;
    unsigned failed = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int status, child = call(FORK, 0, 0, 0);
        if (child == 0) {
            call(EXECVE, (int)argv[1], (int)(argv + 1), (int)envp);
            return 1;
        }
        call(WAITPID, child, (int)&status, 0);
        failed += child < 0 || status != 0;
    }
    print(failed);
    return 0;
}
