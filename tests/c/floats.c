/* Floating point: arithmetic, and whose registers they are over fork and in handlers. */
#include "conform.h"

static volatile double x = 1, y = 3;
static volatile int ran;
static void compute(int number)
{
    /* A handler begins with registers of its own. */
    uint16_t control;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    EQ(control, 0x37f);
    volatile double z = x / y * 7;
    ran = z > 2.33 && z < 2.34;
}

static uint16_t control_word(void)
{
    uint16_t control;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    return control;
}

int floats(int argc, char **argv)
{
    char text[32];
    snprintf(text, sizeof text, "%.10f %g", x / y, 1e300);
    CHECK(strcmp(text, "0.3333333333 1e+300") == 0);
    CHECK(strtod("0.1", 0) + strtod("0.2", 0) != 0.3 || sizeof(long double) == 12);
    CHECK((float)x / (float)y * 3 == 1);
    EQ((long)(y * 1e9 / 7), 428571428);
    EQ((int)-1.5, -1);
    CHECK(y / 0.0 > 1e308 && !(0.0 / (y - 3) == 0));
    uint16_t narrow = 0x27f, full = 0x37f;
    signal(SIGUSR1, compute);
    __asm__ volatile("fldcw %0" ::"m"(narrow));
    /* A value that waits in a register while a handler computes, and in both after a fork. */
    double kept;
    __asm__ volatile("fldpi");
    sys(N_kill, sys(N_getpid), SIGUSR1);
    int pid = sys(N_fork);
    if (pid == 0) {
        __asm__ volatile("fld1\nfaddp\nfstpl %0" : "=m"(kept));
        CHECK(kept > 4.1415 && kept < 4.1416);
        EQ(control_word(), 0x27f);
        sys(N_exit_group, 0);
    }
    for (int i = 0; i < 5; i++)
        pause_ms(1);
    __asm__ volatile("fstpl %0" : "=m"(kept));
    CHECK(kept > 3.1415 && kept < 3.1416);
    EQ(control_word(), 0x27f);
    ENDS(pid, 0);
    EQ(ran, 1);
    __asm__ volatile("fldcw %0" ::"m"(full));
    /* Two that compute in turns do not disturb each other. */
    if ((pid = fork()) == 0) {
        double sum = 0;
        for (int i = 1; i <= 20; i++) {
            sum += 1.0 / i;
            sys(N_sched_yield);
        }
        CHECK(sum > 3.5977 && sum < 3.5978);
        DONE();
    }
    double product = 1;
    for (int i = 1; i <= 20; i++) {
        product *= 1.0 + 1.0 / i;
        sys(N_sched_yield);
    }
    CHECK(product > 20.999999 && product < 21.000001);
    ENDS(pid, 0);
    return 0;
}
