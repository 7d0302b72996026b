#include "proto/base/log.h"
#include "proto/rpc/core.h"
#include "proto/rpc/timers.h"

#include <fcntl.h>
#include <grpc/support/log.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    NEEDED_DESCRIPTORS = 64,
    // A signal handler can't wake the queue, so a stop is seen after this at the latest.
    STOP_SEEN_MS = 100,
};

struct cm_loop {
    struct cm_poster poster;
    grpc_completion_queue *queue;
    struct cm_timers timers;
    unsigned held;
    atomic_bool stop;

    // Posting: at most one empty batch on `bell` is in flight; it wakes the loop for all tasks.
    grpc_channel *lame;
    grpc_call *bell;
    struct cm_tag rung;
    pthread_mutex_t lock;
    struct cm_task *first;
    struct cm_task **last;
    bool ringing;
};

// gRPC's threads may outlive main: OpenSSL must not be taken down under them at exit. It heeds this
// only before its first use.
__attribute__((constructor)) static void keep_openssl(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

// Peers can cause lines at will, by failing handshakes: a few a second are enough to see why.
static void log_line(gpr_log_func_args *line)
{
    enum { MOST = 5 };
    static _Atomic int64_t second;
    static atomic_uint lines;
    int64_t now = cm_mono_ms(cm_clock_system()) / 1000;
    if (atomic_exchange(&second, now) != now) {
        atomic_store(&lines, 0);
    }
    if (atomic_fetch_add(&lines, 1) < MOST) {
        cm_log(CM_LOG_WARNING, "grpc", "text=%s", line->message);
    }
}

static void post(struct cm_poster *poster, struct cm_task *task)
{
    struct cm_loop *loop = CM_CONTAINER(poster, struct cm_loop, poster);
    task->next = NULL;
    pthread_mutex_lock(&loop->lock);
    *loop->last = task;
    loop->last = &task->next;
    // Under the lock, so that the loop can't be freed while somebody is in here.
    if (!loop->ringing) {
        loop->ringing =
            grpc_call_start_batch(loop->bell, NULL, 0, &loop->rung, NULL) == GRPC_CALL_OK;
    }
    pthread_mutex_unlock(&loop->lock);
}

static void run_tasks(struct cm_tag *tag, bool ok)
{
    struct cm_loop *loop = CM_CONTAINER(tag, struct cm_loop, rung);
    (void)ok;
    pthread_mutex_lock(&loop->lock);
    struct cm_task *task = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    loop->ringing = false;
    pthread_mutex_unlock(&loop->lock);
    while (task) {
        struct cm_task *next = task->next;
        task->run(task);
        task = next;
    }
}

// gRPC aborts when it finds no descriptor at its start, and stops listening for good later.
static enum cm_status check_descriptors(struct cm_error *error)
{
    int fds[NEEDED_DESCRIPTORS];
    int count = 0;
    while (count < NEEDED_DESCRIPTORS) {
        fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fds[count] < 0) {
            break;
        }
        count++;
    }
    for (int i = 0; i < count; i++) {
        close(fds[i]);
    }
    if (count == NEEDED_DESCRIPTORS) {
        return CM_OK;
    }
    enum cm_status status =
        cm_fail(error, CM_UNAVAILABLE, "descriptors", "only %d more files can be opened, %d needed",
                count, NEEDED_DESCRIPTORS);
    cm_error_hint(error, "raise LimitNOFILE of the unit, or ulimit -n");
    return status;
}

enum cm_status cm_loop_new(struct cm_loop **out, struct cm_error *error)
{
    *out = NULL;
    enum cm_status status = check_descriptors(error);
    if (status) {
        return status;
    }
    struct cm_loop *loop = calloc(1, sizeof *loop);
    if (!loop || pthread_mutex_init(&loop->lock, NULL)) {
        free(loop);
        return cm_fail(error, CM_MEMORY, "loop", "out of memory");
    }
    gpr_set_log_function(log_line);
    grpc_init();
    loop->poster.post = post;
    loop->last = &loop->first;
    loop->rung.run = run_tasks;
    loop->queue = grpc_completion_queue_create_for_next(NULL);
    loop->lame = grpc_lame_client_channel_create("bell", GRPC_STATUS_UNAVAILABLE, "bell");
    loop->bell = grpc_channel_create_call(loop->lame, NULL, 0, loop->queue,
                                          grpc_slice_from_static_string("/bell"), NULL,
                                          gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    *out = loop;
    return CM_OK;
}

static bool busy(struct cm_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool ringing = loop->ringing;
    pthread_mutex_unlock(&loop->lock);
    return ringing || loop->held;
}

void cm_loop_free(struct cm_loop *loop)
{
    if (!loop) {
        return;
    }
    // Operations in flight end first: a batch started after the queue's shutdown aborts.
    while (busy(loop)) {
        cm_loop_step(loop, STOP_SEEN_MS);
    }
    grpc_call_unref(loop->bell);
    grpc_channel_destroy(loop->lame);
    grpc_completion_queue_shutdown(loop->queue);
    gpr_timespec forever = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    grpc_event event;
    do {
        event = grpc_completion_queue_next(loop->queue, forever, NULL);
    } while (event.type != GRPC_QUEUE_SHUTDOWN);
    grpc_completion_queue_destroy(loop->queue);
    grpc_shutdown_blocking();
    cm_timers_clear(&loop->timers);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

bool cm_loop_step(struct cm_loop *loop, int64_t wait_ms)
{
    int64_t now = cm_mono_ms(cm_clock_system());
    bool ran = cm_timers_run(&loop->timers, now);
    int64_t next = cm_timers_next_ms(&loop->timers);
    if (ran) {
        wait_ms = 0;
    } else if (next - now < wait_ms) {
        wait_ms = next - now;
    }
    gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(wait_ms, GPR_TIMESPAN));
    grpc_event event = grpc_completion_queue_next(loop->queue, deadline, NULL);
    if (event.type == GRPC_OP_COMPLETE) {
        struct cm_tag *tag = event.tag;
        tag->run(tag, event.success != 0);
        ran = true;
    }
    return ran || cm_timers_run(&loop->timers, cm_mono_ms(cm_clock_system()));
}

void cm_loop_run(struct cm_loop *loop)
{
    while (!atomic_load(&loop->stop)) {
        cm_loop_step(loop, STOP_SEEN_MS);
    }
    atomic_store(&loop->stop, false);
}

void cm_loop_stop(struct cm_loop *loop)
{
    atomic_store(&loop->stop, true);
}

struct cm_poster *cm_loop_poster(struct cm_loop *loop)
{
    return &loop->poster;
}

grpc_completion_queue *cm_loop_queue(struct cm_loop *loop)
{
    return loop->queue;
}

void cm_loop_hold(struct cm_loop *loop)
{
    loop->held++;
}

void cm_loop_release(struct cm_loop *loop)
{
    loop->held--;
}

enum cm_status cm_timer_set(struct cm_loop *loop, struct cm_timer *timer, int64_t after_ms)
{
    int64_t now = cm_mono_ms(cm_clock_system());
    if (after_ms < 0) {
        after_ms = 0;
    }
    int64_t at = after_ms > INT64_MAX - 1 - now ? INT64_MAX - 1 : now + after_ms;
    return cm_timers_set(&loop->timers, timer, at);
}

void cm_timer_cancel(struct cm_loop *loop, struct cm_timer *timer)
{
    cm_timers_cancel(&loop->timers, timer);
}
