/* The classic, with its arguments. */
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("hello, world\n");
    for (int i = 1; i < argc; i++)
        printf("argument %d is %s\n", i, argv[i]);
    return 0;
}
