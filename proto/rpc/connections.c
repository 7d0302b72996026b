#include "proto/rpc/connections.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

enum {
    // What may be on its way: 128 streams with a window of 64 KiB, and a message of each size.
    MAX_DEBT = 12 * 1024 * 1024,
    IDLE_CREDIT = 256,   // bytes a second, for pings
    GIVE_UP_BURST = 512, // calls
    GIVE_UP_RATE = 256,  // a second
    PEER_SIZE = 80,
    SWEEP_MS = 100, // at 1 GB/s, 100 MB come in meanwhile
};

struct cm_connection {
    int fd;      // gRPC's; -1 once it closed it
    ino_t inode; // of the socket: tells it from a later user of the number
    unsigned refs;
    char peer[PEER_SIZE];
    uint64_t credit; // bytes; the debt is what was received beyond it
    int64_t tokens;  // thousandths of a call that may be given up
    int64_t refilled_ms;
    int64_t credited_ms;
    bool cut;
    struct cm_connection *next;
};

static struct {
    pthread_mutex_t lock;
    struct cm_connection **buckets;
    size_t bucket_count;
    unsigned count;
    unsigned max;
    unsigned long cut;
    int64_t swept_ms;
    unsigned watchers;
    pthread_t watch;
    pthread_cond_t stop;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .stop = PTHREAD_COND_INITIALIZER};

static size_t bucket_of(const char *peer)
{
    uint32_t hash = 2166136261U; // FNV-1a; a peer can't choose more than its port
    for (; *peer; peer++) {
        hash = (hash ^ (uint8_t)*peer) * 16777619U;
    }
    return hash % all.bucket_count;
}

enum cm_status cm_connections_limit(unsigned max, struct cm_error *error)
{
    enum cm_status status = CM_OK;
    pthread_mutex_lock(&all.lock);
    if (!all.buckets) {
        all.bucket_count = (size_t)max + 1;
        all.buckets = calloc(all.bucket_count, sizeof(struct cm_connection *));
    }
    all.max = max;
    if (!all.buckets) {
        status = cm_fail(error, CM_MEMORY, "connections", "no memory for %u", max);
    }
    pthread_mutex_unlock(&all.lock);
    return status;
}

// As gRPC writes it (a URI), which also takes an IPv4 address out of its IPv6 form.
static bool name_peer(char out[PEER_SIZE], int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {0};
    char text[INET6_ADDRSTRLEN];
    socklen_t len = sizeof at;
    if (getpeername(fd, &at.any, &len)) {
        return false;
    }
    if (at.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &at.v4.sin_addr, text, sizeof text);
        snprintf(out, PEER_SIZE, "ipv4:%s:%u", text, ntohs(at.v4.sin_port));
    } else if (at.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&at.v6.sin6_addr)) {
        inet_ntop(AF_INET, &at.v6.sin6_addr.s6_addr[12], text, sizeof text);
        snprintf(out, PEER_SIZE, "ipv4:%s:%u", text, ntohs(at.v6.sin6_port));
    } else if (at.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &at.v6.sin6_addr, text, sizeof text);
        snprintf(out, PEER_SIZE, "ipv6:%%5B%s%%5D:%u", text, ntohs(at.v6.sin6_port));
    } else {
        return false;
    }
    return true;
}

static void unref(struct cm_connection *connection)
{
    if (--connection->refs == 0) {
        free(connection);
    }
}

static bool is_open(const struct cm_connection *connection)
{
    struct stat st;
    return fstat(connection->fd, &st) == 0 && st.st_ino == connection->inode;
}

// Disconnecting, unlike shutdown(2), also drops what waits to be read.
static void cut(struct cm_connection *connection, const char *why)
{
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    if (connection->cut || connection->fd < 0 || !is_open(connection)) {
        return;
    }
    connection->cut = true;
    all.cut++;
    if (connect(connection->fd, &nobody, sizeof nobody)) {
        shutdown(connection->fd, SHUT_RDWR);
    }
    cm_log(CM_LOG_WARNING, "connection-cut", "peer=%s reason=%s", connection->peer, why);
}

static bool in_debt(struct cm_connection *connection, int64_t now)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int64_t seconds = (now - connection->credited_ms) / 1000;
    connection->credit += (uint64_t)seconds * IDLE_CREDIT;
    connection->credited_ms += seconds * 1000;
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len)) {
        return false;
    }
    // Credit isn't saved up: who delivered much yesterday may not owe more today.
    if (connection->credit > info.tcpi_bytes_received) {
        connection->credit = info.tcpi_bytes_received;
    }
    return info.tcpi_bytes_received - connection->credit > MAX_DEBT;
}

static void sweep(int64_t now)
{
    all.swept_ms = now;
    for (size_t i = 0; i < all.bucket_count; i++) {
        struct cm_connection **link = &all.buckets[i];
        while (*link) {
            struct cm_connection *connection = *link;
            if (is_open(connection)) {
                if (in_debt(connection, now)) {
                    cut(connection, "sent more than it delivered");
                }
                link = &connection->next;
                continue;
            }
            *link = connection->next;
            connection->fd = -1;
            all.count--;
            unref(connection);
        }
    }
}

static void *watch(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&all.lock);
    while (all.watchers) {
        struct timespec next;
        sweep(cm_mono_ms(cm_clock_system()));
        clock_gettime(CLOCK_REALTIME, &next);
        next.tv_nsec += SWEEP_MS * 1000000L;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&all.stop, &all.lock, &next);
    }
    pthread_mutex_unlock(&all.lock);
    return NULL;
}

enum cm_status cm_connections_watch_start(struct cm_error *error)
{
    sigset_t every, before;
    int failed = 0;
    sigfillset(&every);
    pthread_mutex_lock(&all.lock);
    if (all.watchers++ == 0) {
        // Signals are for the program's own threads.
        pthread_sigmask(SIG_SETMASK, &every, &before);
        failed = pthread_create(&all.watch, NULL, watch, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    all.watchers -= failed != 0;
    pthread_mutex_unlock(&all.lock);
    return failed ? cm_fail(error, CM_UNAVAILABLE, "connections", "can't start a thread") : CM_OK;
}

void cm_connections_watch_stop(void)
{
    pthread_mutex_lock(&all.lock);
    bool last = --all.watchers == 0;
    pthread_t ending = all.watch;
    pthread_cond_signal(&all.stop);
    pthread_mutex_unlock(&all.lock);
    if (last) {
        pthread_join(ending, NULL);
    }
}

unsigned long cm_connections_cut(void)
{
    pthread_mutex_lock(&all.lock);
    unsigned long count = all.cut;
    pthread_mutex_unlock(&all.lock);
    return count;
}

static bool add(int fd, int64_t now)
{
    struct stat st;
    if (all.count >= all.max && now - all.swept_ms >= SWEEP_MS) {
        sweep(now);
    }
    if (all.count >= all.max || fstat(fd, &st)) {
        return false;
    }
    struct cm_connection *connection = calloc(1, sizeof *connection);
    if (!connection || !name_peer(connection->peer, fd)) {
        free(connection);
        return false;
    }
    connection->fd = fd;
    connection->inode = st.st_ino;
    connection->refs = 1;
    connection->tokens = (int64_t)GIVE_UP_BURST * 1000;
    connection->refilled_ms = connection->credited_ms = now;
    size_t bucket = bucket_of(connection->peer);
    connection->next = all.buckets[bucket];
    all.buckets[bucket] = connection;
    all.count++;
    return true;
}

bool cm_connections_add(int fd)
{
    pthread_mutex_lock(&all.lock);
    bool added = add(fd, cm_mono_ms(cm_clock_system()));
    pthread_mutex_unlock(&all.lock);
    return added;
}

struct cm_connection *cm_connection_find(const char *peer)
{
    struct cm_connection *found = NULL;
    pthread_mutex_lock(&all.lock);
    if (all.bucket_count) {
        found = all.buckets[bucket_of(peer)];
    }
    // The newest comes first: an older one of the same name is closed already.
    while (found && strcmp(found->peer, peer) != 0) {
        found = found->next;
    }
    if (found) {
        found->refs++;
    }
    pthread_mutex_unlock(&all.lock);
    return found;
}

void cm_connection_unref(struct cm_connection *connection)
{
    if (!connection) {
        return;
    }
    pthread_mutex_lock(&all.lock);
    unref(connection);
    pthread_mutex_unlock(&all.lock);
}

void cm_connection_credit(struct cm_connection *connection, size_t bytes)
{
    if (!connection) {
        return;
    }
    pthread_mutex_lock(&all.lock);
    connection->credit += bytes;
    pthread_mutex_unlock(&all.lock);
}

void cm_connection_gave_up(struct cm_connection *connection)
{
    if (!connection) {
        return;
    }
    pthread_mutex_lock(&all.lock);
    int64_t now = cm_mono_ms(cm_clock_system());
    int64_t most = (int64_t)GIVE_UP_BURST * 1000;
    connection->tokens += (now - connection->refilled_ms) * GIVE_UP_RATE;
    connection->refilled_ms = now;
    if (connection->tokens > most) {
        connection->tokens = most;
    }
    connection->tokens -= 1000;
    if (connection->tokens < 0) {
        cut(connection, "gave up calls too fast");
    }
    pthread_mutex_unlock(&all.lock);
}
