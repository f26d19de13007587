/* Loaded before the C library: counts the calls that change files, and kills the process at one of them.
 *
 * kills_arm(k, half): from now on, die before the k-th such call; with `half`, a write is done by half before.
 * kills_count(): how many there were since then. A process that was never armed only passes the calls on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long fatal = -1, seen = 0;
static int by_half = 0;

void kills_arm(long k, int half) { seen = 0; by_half = half; __atomic_store_n(&fatal, k, __ATOMIC_SEQ_CST); }
long kills_count(void) { return __atomic_load_n(&seen, __ATOMIC_SEQ_CST); }

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

/* Whether this call is the one. */
static int due(void) {
    long k = __atomic_load_n(&fatal, __ATOMIC_SEQ_CST);
    return k >= 0 && __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST) == k;
}

#define PASS(kind, name, parameters, arguments)                       \
    kind name parameters {                                            \
        static kind (*real) parameters;                               \
        if (!real) real = (kind (*) parameters)dlsym(RTLD_NEXT, #name); \
        if (due()) die();                                             \
        return real arguments;                                        \
    }

PASS(int, rename, (const char *a, const char *b), (a, b))
PASS(int, renameat, (int c, const char *a, int d, const char *b), (c, a, d, b))
PASS(int, unlink, (const char *a), (a))
PASS(int, unlinkat, (int c, const char *a, int f), (c, a, f))
PASS(int, mkdir, (const char *a, mode_t m), (a, m))
PASS(int, mkdirat, (int c, const char *a, mode_t m), (c, a, m))
PASS(int, rmdir, (const char *a), (a))
PASS(int, fsync, (int h), (h))
PASS(int, chmod, (const char *a, mode_t m), (a, m))
PASS(int, fchmodat, (int c, const char *a, mode_t m, int f), (c, a, m, f))
PASS(int, flock, (int h, int how), (h, how))
PASS(int, ftruncate, (int h, off_t n), (h, n))
PASS(int, ftruncate64, (int h, off_t n), (h, n))

ssize_t write(int handle, const void *data, size_t n) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (due()) {
        if (by_half) real(handle, data, n / 2);
        die();
    }
    return real(handle, data, n);
}

/* Opening counts where it makes a file. */
#define OPENING(name)                                                                  \
    int name(const char *path, int flags, ...) {                                       \
        static int (*real)(const char *, int, ...);                                    \
        mode_t mode = 0;                                                               \
        if (flags & O_CREAT) {                                                         \
            va_list rest;                                                              \
            va_start(rest, flags);                                                     \
            mode = va_arg(rest, mode_t);                                               \
            va_end(rest);                                                              \
            if (due()) die();                                                          \
        }                                                                              \
        if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name);    \
        return real(path, flags, mode);                                                \
    }

OPENING(open)
OPENING(open64)
