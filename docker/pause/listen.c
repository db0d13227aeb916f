/*
 * Listens at 169.254.170.2 for a LocalECS that can't do it itself: because the port is a privileged one and it is
 * not root, or because it is in a container, where the address is not its own. It runs for a moment in the network
 * of the engine's host, and hands the listening sockets over.
 *
 *   listen SOCKET PORT...
 *
 * SOCKET is a Unix socket that LocalECS listens on. For each port one byte is sent there: 0 and the socket, or the
 * number of the error.
 *
 * No libc, as in pause.c.
 */

#define AF_UNIX 1
#define AF_INET 2
#define SOCK_STREAM 1
#define SOCK_CLOEXEC 02000000
#define SOL_SOCKET 1
#define SO_REUSEADDR 2
#define SCM_RIGHTS 1
#define BACKLOG 1024

#if defined(__x86_64__)
enum {
    sys_close = 3, sys_socket = 41, sys_connect = 42, sys_sendmsg = 46, sys_bind = 49, sys_listen = 50,
    sys_setsockopt = 54, sys_exit_group = 231
};

static long call(long number, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return number;
}

__asm__(".globl _start\n"
        "_start: mov %rsp, %rdi\n"
        "        and $-16, %rsp\n"
        "        call run\n");
#elif defined(__aarch64__)
enum {
    sys_close = 57, sys_exit_group = 94, sys_socket = 198, sys_bind = 200, sys_listen = 201, sys_connect = 203,
    sys_setsockopt = 208, sys_sendmsg = 211
};

static long call(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

__asm__(".globl _start\n"
        "_start: mov x0, sp\n"
        "        bl run\n");
#else
#error "listen: add the system call numbers of this architecture"
#endif

struct unix_address {
    unsigned short family;
    char path[108];
};

struct inet_address {
    unsigned short family;
    unsigned char port[2];
    unsigned char address[4];
    unsigned char zero[8];
};

struct vector {
    void *base;
    unsigned long length;
};

struct message {
    void *name;
    unsigned int name_length;
    struct vector *vectors;
    unsigned long count;
    void *control;
    unsigned long control_length;
    int flags;
};

/* A control message with one descriptor, as the kernel lays it out on 64 bits. */
struct rights {
    unsigned long length;
    int level;
    int type;
    int descriptor;
    int padding;
};

/* Zero until they are filled in; none of them is needed twice at once. */
static struct unix_address there;
static struct inet_address here;
static struct rights rights;
static struct vector vector;
static struct message message;
static unsigned char told;

static void leave(int code)
{
    for (;;)
        call(sys_exit_group, code, 0, 0, 0, 0);
}

static int listen_on(unsigned int port, long *listener)
{
    int on = 1;
    long made = call(sys_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
    if (made < 0)
        return (int)-made;
    here.family = AF_INET;
    here.port[0] = (unsigned char)(port >> 8);
    here.port[1] = (unsigned char)port;
    here.address[0] = 169;
    here.address[1] = 254;
    here.address[2] = 170;
    here.address[3] = 2;
    call(sys_setsockopt, made, SOL_SOCKET, SO_REUSEADDR, (long)&on, sizeof on);
    long bound = call(sys_bind, made, (long)&here, sizeof here, 0, 0);
    if (bound == 0)
        bound = call(sys_listen, made, BACKLOG, 0, 0, 0);
    if (bound != 0) {
        call(sys_close, made, 0, 0, 0, 0);
        return (int)-bound;
    }
    *listener = made;
    return 0;
}

static void tell(long to, int error, long listener)
{
    told = (unsigned char)error;
    vector.base = &told;
    vector.length = 1;
    message.vectors = &vector;
    message.count = 1;
    message.control = 0;
    message.control_length = 0;
    if (error == 0) {
        rights.length = 20; /* the header's 16 bytes and the descriptor's 4 */
        rights.level = SOL_SOCKET;
        rights.type = SCM_RIGHTS;
        rights.descriptor = (int)listener;
        message.control = &rights;
        message.control_length = sizeof rights;
    }
    if (call(sys_sendmsg, to, (long)&message, 0, 0, 0) != 1)
        leave(3);
    if (error == 0)
        call(sys_close, listener, 0, 0, 0, 0);
}

__attribute__((used)) void run(long *stack)
{
    long count = stack[0];
    char **words = (char **)&stack[1];
    if (count < 3)
        leave(2);
    there.family = AF_UNIX;
    for (unsigned int place = 0; words[1][place] != 0 && place < sizeof there.path - 1; place++)
        there.path[place] = words[1][place];
    long to = call(sys_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
    if (to < 0 || call(sys_connect, to, (long)&there, sizeof there, 0, 0) != 0)
        leave(4);
    for (long place = 2; place < count; place++) {
        unsigned int port = 0;
        long listener = -1;
        for (const char *digit = words[place]; *digit >= '0' && *digit <= '9'; digit++)
            port = port * 10 + (unsigned int)(*digit - '0');
        int error = listen_on(port, &listener);
        tell(to, error, listener);
    }
    leave(0);
}
