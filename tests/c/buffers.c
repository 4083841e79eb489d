/* stdio: buffers are memory, which fork copies; exit writes them, _exit does not. */
#include "conform.h"

static int count(const char *name)
{
    return stat_of(name).size;
}

static void note(void) { sys(N_write, 9, "e", 1); }

int buffers(int argc, char **argv)
{
    FILE *file = fopen("f", "w");
    fputs("hello", file);
    EQ(count("f"), 0);
    int pid = fork();
    if (pid == 0)
        exit(0);
    ENDS(pid, 0);
    EQ(count("f"), 5);
    if ((pid = fork()) == 0)
        _exit(0);
    ENDS(pid, 0);
    EQ(count("f"), 5);
    fclose(file);
    EQ(count("f"), 10);
    /* Unbuffered: at once. A line buffer: at the end of the line. */
    file = fopen("g", "w");
    setvbuf(file, 0, _IONBF, 0);
    fputs("x", file);
    EQ(count("g"), 1);
    fclose(file);
    file = fopen("h", "w");
    setvbuf(file, 0, _IOLBF, 512);
    fputs("no line yet", file);
    EQ(count("h"), 0);
    fputs(", now\n", file);
    EQ(count("h"), 17);
    fclose(file);
    /* Reading: what was buffered is the reader's own. */
    char text[16];
    file = fopen("f", "r+");
    EQ(fread(text, 1, 5, file), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    EQ(fseek(file, 2, SEEK_SET), 0);
    EQ(fgetc(file), 'l');
    EQ(ungetc('L', file), 'L');
    EQ(fgetc(file), 'L');
    EQ(fseek(file, 0, SEEK_END), 0);
    EQ(ftell(file), 10);
    EQ(fgetc(file), EOF);
    CHECK(feof(file) && !ferror(file));
    fclose(file);
    /* exit calls what atexit was given, last first, and the child inherits the list. */
    int fd = sys(N_open, "order", O_CREAT | O_RDWR | O_APPEND, 0600);
    sys(N_dup2, fd, 9);
    if ((pid = fork()) == 0) {
        atexit(note);
        exit(5);
    }
    ENDS(pid, 0x500);
    EQ(count("order"), 1);
    sys(N_close, 9);
    /* popen would need a shell: a pipe by hand does the same. */
    int fds[2];
    EQ(pipe(fds), 0);
    if ((pid = fork()) == 0) {
        FILE *out = fdopen(fds[1], "w");
        for (int i = 0; i < 300; i++)
            fprintf(out, "line %d of %s\n", i, "many");
        exit(fclose(out));
    }
    sys(N_close, fds[1]);
    FILE *in = fdopen(fds[0], "r");
    char line[64];
    int lines = 0, last = -1;
    while (fgets(line, sizeof line, in))
        lines += sscanf(line, "line %d of many", &last);
    EQ(lines, 300);
    EQ(last, 299);
    ENDS(pid, 0);
    return 0;
}
