/*
 * The pause container of a task. It owns the task's network namespace, so that containers come and go
 * while the address of the task stays; with pidMode=task it is PID 1 as well, and reaps orphans.
 *
 * Before it pauses it may be asked for one thing, for which it needs CAP_NET_ADMIN:
 *
 *   pause address <address>                gives the namespace one more address, on its loopback interface;
 *   pause route <address> via <address>    sends what is for the first address to the second.
 *
 * It ends at once, with the kernel's error as its exit code, when that can't be had.
 *
 * No libc: the program is about a kilobyte of code, and blocks in one system call for its whole life.
 */

#define SIGINT 2
#define SIGTERM 15
#define SIGCHLD 17
#define SIG_BLOCK 0
#define WNOHANG 1
#define BIT(sig) (1UL << ((sig) - 1))

#if defined(__x86_64__)
enum {
    sys_read = 0, sys_write = 1, sys_sigprocmask = 14, sys_socket = 41, sys_wait4 = 61, sys_sigtimedwait = 128,
    sys_exit_group = 231
};

/* The kernel leaves the number of arguments and the arguments on the stack. */
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");

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
enum {
    sys_read = 63, sys_write = 64, sys_exit_group = 94, sys_sigprocmask = 135, sys_sigtimedwait = 137, sys_socket = 198,
    sys_wait4 = 260
};

__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tb begin\n");

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

#define AF_INET 2
#define AF_NETLINK 16
#define SOCK_RAW 3
#define EINVAL 22
#define EEXIST 17

/* From linux/netlink.h, linux/rtnetlink.h and linux/if_addr.h. */
enum { NLM_F_REQUEST = 1, NLM_F_ACK = 4, NLM_F_EXCL = 0x200, NLM_F_CREATE = 0x400 };
enum { RTM_NEWADDR = 20, RTM_NEWROUTE = 24 };
enum { IFA_ADDRESS = 1, IFA_LOCAL = 2, RTA_DST = 1, RTA_GATEWAY = 5 };
enum { RT_TABLE_MAIN = 254, RTPROT_STATIC = 4, RT_SCOPE_UNIVERSE = 0, RT_SCOPE_HOST = 254, RTN_UNICAST = 1 };
/* The loopback interface is the first one of every namespace. */
enum { LOOPBACK = 1 };

struct header {
    unsigned int length;
    unsigned short type, flags;
    unsigned int sequence, port;
};

struct attribute {
    unsigned short length, type;
    unsigned int address;
};

struct new_address {
    struct header header;
    unsigned char family, prefix, flags, scope;
    unsigned int interface;
    struct attribute local, address;
};

struct new_route {
    struct header header;
    unsigned char family, prefix, source_prefix, tos, table, protocol, scope, type;
    unsigned int flags;
    struct attribute destination, gateway;
};

static struct new_address new_address = {
    {sizeof new_address, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 1, 0},
    AF_INET, 32, 0, RT_SCOPE_HOST, LOOPBACK,
    {sizeof(struct attribute), IFA_LOCAL, 0}, {sizeof(struct attribute), IFA_ADDRESS, 0},
};

static struct new_route new_route = {
    {sizeof new_route, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 1, 0},
    AF_INET, 32, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0,
    {sizeof(struct attribute), RTA_DST, 0}, {sizeof(struct attribute), RTA_GATEWAY, 0},
};

static struct {
    struct header header;
    int error;
    char rest[512];
} answer;

static void fail(long error) { syscall4(sys_exit_group, error, 0, 0, 0); }

static int same(const char *one, const char *other)
{
    while (*one && *one == *other)
        one++, other++;
    return *one == *other;
}

/* Reads 169.254.172.2 into the order of bytes that the network has. */
static unsigned int address(const char *text)
{
    unsigned int bytes = 0;
    for (int place = 0; place < 4; place++) {
        unsigned int byte = 0;
        if (place && *text++ != '.')
            fail(EINVAL);
        if (*text < '0' || *text > '9')
            fail(EINVAL);
        while (*text >= '0' && *text <= '9' && byte < 256)
            byte = byte * 10 + (unsigned int)(*text++ - '0');
        if (byte > 255)
            fail(EINVAL);
        bytes |= byte << (8 * place);
    }
    if (*text)
        fail(EINVAL);
    return bytes;
}

/* Sends the request to the kernel, and waits for its answer. */
static void ask(const void *request, unsigned int length)
{
    long link = syscall4(sys_socket, AF_NETLINK, SOCK_RAW, 0, 0);
    if (link < 0)
        fail(-link);
    long done = syscall4(sys_write, link, (long)request, length, 0);
    if (done < 0)
        fail(-done);
    done = syscall4(sys_read, link, (long)&answer, sizeof answer, 0);
    if (done < 0)
        fail(-done);
    if (answer.error && answer.error != -EEXIST)
        fail(-answer.error);
}

static void prepare(long count, char **words)
{
    if (count == 3 && same(words[1], "address")) {
        new_address.local.address = new_address.address.address = address(words[2]);
        ask(&new_address, sizeof new_address);
    } else if (count == 5 && same(words[1], "route") && same(words[3], "via")) {
        new_route.destination.address = address(words[2]);
        new_route.gateway.address = address(words[4]);
        ask(&new_route, sizeof new_route);
    } else if (count > 1) {
        fail(EINVAL);
    }
}

__attribute__((used, noreturn)) void begin(long *stack)
{
    /* A blocked signal is queued even for PID 1, for which the kernel drops signals without a handler. */
    unsigned long signals = BIT(SIGINT) | BIT(SIGTERM) | BIT(SIGCHLD);
    syscall4(sys_sigprocmask, SIG_BLOCK, (long)&signals, 0, sizeof signals);
    prepare(stack[0], (char **)(stack + 1));

    for (;;) {
        long signal = syscall4(sys_sigtimedwait, (long)&signals, 0, 0, sizeof signals);
        if (signal == SIGTERM || signal == SIGINT)
            syscall4(sys_exit_group, 0, 0, 0, 0);
        /* One SIGCHLD may stand for many children. */
        while (syscall4(sys_wait4, -1, 0, WNOHANG, 0) > 0)
            ;
    }
}
