/*
 * The pause container of a task. It owns the task's network namespace, so that containers come and go
 * while the address of the task stays; with pidMode=task it is PID 1 as well, and reaps orphans.
 *
 * No libc: the program is a few hundred bytes of code, and blocks in one system call for its whole life.
 */

#define SIGINT 2
#define SIGTERM 15
#define SIGCHLD 17
#define SIG_BLOCK 0
#define WNOHANG 1
#define BIT(sig) (1UL << ((sig) - 1))

#if defined(__x86_64__)
enum { sys_sigprocmask = 14, sys_wait4 = 61, sys_sigtimedwait = 128, sys_exit_group = 231 };

static long syscall4(long number, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return number;
}
#elif defined(__aarch64__)
enum { sys_exit_group = 94, sys_sigprocmask = 135, sys_sigtimedwait = 137, sys_wait4 = 260 };

static long syscall4(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#else
#error "pause: add the system call numbers of this architecture"
#endif

void _start(void)
{
    /* A blocked signal is queued even for PID 1, for which the kernel drops signals without a handler. */
    unsigned long signals = BIT(SIGINT) | BIT(SIGTERM) | BIT(SIGCHLD);
    syscall4(sys_sigprocmask, SIG_BLOCK, (long)&signals, 0, sizeof signals);

    for (;;) {
        long signal = syscall4(sys_sigtimedwait, (long)&signals, 0, 0, sizeof signals);
        if (signal == SIGTERM || signal == SIGINT)
            syscall4(sys_exit_group, 0, 0, 0, 0);
        /* One SIGCHLD may stand for many children. */
        while (syscall4(sys_wait4, -1, 0, WNOHANG, 0) > 0)
            ;
    }
}
