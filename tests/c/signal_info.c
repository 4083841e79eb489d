/* siginfo and the context: who sent what, from where, and where the program was. */
#include "conform.h"
#include <ucontext.h>

static siginfo_t seen;
static volatile uint32_t at;
static void note(int number, siginfo_t *info, void *context)
{
    seen = *info;
    at = ((ucontext_t *)context)->uc_mcontext.gregs[14];
}
/* Skips the instruction of two bytes that faulted. */
static void skip(int number, siginfo_t *info, void *context)
{
    note(number, info, context);
    ((ucontext_t *)context)->uc_mcontext.gregs[14] += 2;
}

static void catch(int number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    EQ(sigaction(number, &action, 0), 0);
}

int signal_info(int argc, char **argv)
{
    int me = getpid(), pid;
    catch(SIGUSR1, note);
    kill(me, SIGUSR1);
    EQ(seen.si_signo, SIGUSR1);
    EQ(seen.si_code, 0);
    EQ(seen.si_pid, me);
    EQ(seen.si_uid, getuid());
    sys(N_tgkill, me, me, SIGUSR1);
    EQ(seen.si_code, -6);
    siginfo_t sent = {.si_signo = SIGUSR1, .si_code = -1};
    sent.si_pid = 77;
    sent.si_value.sival_int = 4711;
    EQ(sys(N_rt_sigqueueinfo, me, SIGUSR1, &sent), 0);
    EQ(seen.si_code, -1);
    EQ(seen.si_pid, 77);
    EQ(seen.si_value.sival_int, 4711);
    sent.si_code = 0;
    EQ(sys(N_rt_sigqueueinfo, me, SIGUSR1, &sent), -EPERM);
    /* A child's end. */
    catch(SIGCHLD, note);
    if ((pid = fork()) == 0)
        _exit(6);
    ENDS(pid, 0x600);
    EQ(seen.si_signo, SIGCHLD);
    EQ(seen.si_code, CLD_EXITED);
    EQ(seen.si_pid, pid);
    EQ(seen.si_status, 6);
    /* Faults: the address of the memory, or of the instruction. */
    catch(SIGSEGV, skip);
    __asm__ volatile("movb %%al, (%0)" ::"r"(0x1234), "a"(0));
    EQ(seen.si_signo, SIGSEGV);
    EQ(seen.si_code, SEGV_MAPERR);
    EQ(seen.si_addr, 0x1234);
    char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    __asm__ volatile("movb %%al, (%0)" ::"r"(page), "a"(0));
    EQ(seen.si_code, SEGV_ACCERR);
    EQ(seen.si_addr, page);
    catch(SIGFPE, skip);
    __asm__ volatile("idivl %%ecx" ::"a"(1), "d"(0), "c"(0));
    EQ(seen.si_code, FPE_INTDIV);
    EQ(seen.si_addr, at);
    catch(SIGILL, skip);
    __asm__ volatile("ud2");
    EQ(seen.si_signo, SIGILL);
    EQ(seen.si_code, ILL_ILLOPN);
    EQ(seen.si_addr, at);
    /* int3: the program stands behind it. 2.6.12 gives the code and address of a kernel's signal. */
    catch(SIGTRAP, note);
    __asm__ volatile("int3");
    EQ(seen.si_signo, SIGTRAP);
    EQ(seen.si_code, 0x80);
    return 0;
}
