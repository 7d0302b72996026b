#include "proto/rpc/accept_guard.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/rpc/connections.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    MAX_SHED = 1024, // connections closed in one go, so that the loop comes back
    LOG_MS = 1000,
    RECEIVE_BUFFER = 256 * 1024,
};

static struct guard {
    pthread_mutex_t lock;
    int reserve;
    unsigned per_second; // 0: not set up
    int64_t tokens;      // thousandths of a connection
    int64_t refilled_ms;
    int64_t logged_ms;
    struct cm_accept_guard_counts counts;
} guard = {.lock = PTHREAD_MUTEX_INITIALIZER, .reserve = -1};

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

enum cm_status cm_accept_guard_set(unsigned max_connections, unsigned per_second,
                                   struct cm_error *error)
{
    enum cm_status status = cm_connections_limit(max_connections, error);
    if (status) {
        return status;
    }
    pthread_mutex_lock(&guard.lock);
    if (guard.reserve < 0) {
        guard.reserve = open_reserve();
    }
    guard.per_second = per_second;
    guard.tokens = (int64_t)per_second * 1000;
    guard.refilled_ms = cm_mono_ms(cm_clock_system());
    if (guard.reserve < 0) {
        status = cm_fail(error, CM_UNAVAILABLE, "descriptors", "none left for the reserve");
    }
    pthread_mutex_unlock(&guard.lock);
    return status;
}

void cm_accept_guard_counts(struct cm_accept_guard_counts *out)
{
    pthread_mutex_lock(&guard.lock);
    *out = guard.counts;
    pthread_mutex_unlock(&guard.lock);
}

static bool has_token(int64_t now)
{
    int64_t most = (int64_t)guard.per_second * 1000;
    int64_t passed = now - guard.refilled_ms;
    guard.refilled_ms = now;
    guard.tokens += passed * guard.per_second;
    if (passed > 1000 || guard.tokens > most) {
        guard.tokens = most;
    }
    if (guard.tokens < 1000) {
        return false;
    }
    guard.tokens -= 1000;
    return true;
}

static bool admit(int fd, int64_t now)
{
    int room = RECEIVE_BUFFER;
    if (!has_token(now)) {
        guard.counts.too_fast++;
        return false;
    }
    if (!cm_connections_add(fd)) {
        guard.counts.too_many++;
        return false;
    }
    // What a peer that is cut may still have under way.
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    guard.counts.accepted++;
    return true;
}

static int real_accept(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
    return (int)syscall(SYS_accept4, listener, address, len, flags);
}

static bool out_of_descriptors(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// With the reserve's number: takes what waits and closes it, so that peers needn't wait.
static bool shed_one(int listener)
{
    if (guard.reserve < 0) {
        return false;
    }
    close(guard.reserve);
    int fd = real_accept(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
    }
    guard.reserve = open_reserve();
    guard.counts.no_descriptor += fd >= 0;
    return fd >= 0;
}

static void report(int64_t now)
{
    if (now - guard.logged_ms < LOG_MS) {
        return;
    }
    guard.logged_ms = now;
    cm_log(CM_LOG_WARNING, "connections-shed", "no_descriptor=%lu too_many=%lu too_fast=%lu",
           guard.counts.no_descriptor, guard.counts.too_many, guard.counts.too_fast);
}

static int guarded_accept(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
    int64_t now = cm_mono_ms(cm_clock_system());
    socklen_t room = len ? *len : 0;
    for (int shed = 0; shed < MAX_SHED; shed++) {
        if (len) {
            *len = room;
        }
        int fd = real_accept(listener, address, len, flags);
        if (fd >= 0 && admit(fd, now)) {
            return fd;
        }
        if (fd >= 0) {
            close(fd);
        } else if (!out_of_descriptors(errno)) {
            return -1;
        } else if (!shed_one(listener)) {
            break;
        }
        report(now);
    }
    errno = EAGAIN;
    return -1;
}

// Preempts the C library's, also for libgrpc: this is in the executable. Under another name here,
// as the GNU header gives the address a type of its own.
int cm_accept4(int listener, struct sockaddr *address, socklen_t *len,
               int flags) __asm__("accept4");
int cm_accept4(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
    pthread_mutex_lock(&guard.lock);
    int fd = guard.per_second ? guarded_accept(listener, address, len, flags)
                              : real_accept(listener, address, len, flags);
    int error = errno;
    pthread_mutex_unlock(&guard.lock);
    errno = error;
    return fd;
}
