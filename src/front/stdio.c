/* Linked with each C file: musl writes the first line of its output at once, even to a file. Other C
   libraries look before that whether it is a terminal. */
#include <stdio.h>
#include <unistd.h>

#ifndef __GLIBC__
__attribute__((constructor)) static void full_buffers_in_files(void)
{
    if (!isatty(1))
        setvbuf(stdout, NULL, _IOFBF, 0);
}
#endif
