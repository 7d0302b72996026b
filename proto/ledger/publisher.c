#include "proto/ledger/publisher.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum {
    RETRY_MS = 10000,
    NICE = 10,
    MUCH_BYTES = 16 * 1024 * 1024, // of the log; published at once
    MANY_FILES = 2 * 1024 * 1024,  // of the log; synced together
};

struct cm_publisher {
    struct cm_publisher_options options;
    pthread_t thread;
    atomic_uint_fast64_t published;
    // The thread's own:
    struct cm_log_item item; // what couldn't be added, to be tried again
    bool has_item;
    bool complained;
    pthread_mutex_t lock; // over the rest
    pthread_cond_t changed;
    uint64_t end;  // of the log
    uint64_t done; // what of it is published
    bool idle;     // waits until there is anything
    bool stopping;
};

static void complain(struct cm_publisher *publisher, const struct cm_error *error)
{
    if (!publisher->complained) {
        char text[600];
        cm_log(CM_LOG_ERROR, "ledger-not-published", "error=\"%s\"",
               cm_error_format(text, sizeof text, error));
    }
    publisher->complained = true;
}

static enum cm_status add_all(struct cm_publisher *publisher, struct cm_error *error)
{
    struct cm_publisher_options *o = &publisher->options;
    for (;;) {
        enum cm_status status = CM_OK;
        if (!publisher->has_item) {
            status = cm_log_reader_next(&publisher->item, o->reader, error);
        }
        if (status || publisher->item.type == CM_ITEM_END) {
            return status;
        }
        publisher->has_item = true;
        status = cm_tiles_add(o->tiles, &publisher->item, error);
        if (status) {
            return status;
        }
        publisher->has_item = false;
    }
}

// Publishes the log as far as end.
static enum cm_status publish(struct cm_publisher *publisher, uint64_t end)
{
    struct cm_publisher_options *o = &publisher->options;
    struct cm_error error = {.text = ""};
    if (end - cm_log_reader_state(o->reader)->end > MANY_FILES) {
        cm_tiles_expect_much(o->tiles);
    }
    cm_log_reader_extend(o->reader, end);
    enum cm_status status = add_all(publisher, &error);
    if (!status) {
        status = cm_tiles_check_end(o->tiles, &error);
    }
    if (!status) {
        const struct cm_log_state *state = cm_log_reader_state(o->reader);
        status = cm_tiles_publish(o->tiles, &state->checkpoint, state->note, &error);
    }
    if (status) {
        complain(publisher, &error);
        return status;
    }
    publisher->complained = false;
    atomic_store(&publisher->published, cm_tiles_published(o->tiles));
    return CM_OK;
}

static struct timespec later(unsigned ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    now.tv_sec += ms / 1000;
    now.tv_nsec += (long)(ms % 1000) * 1000000;
    if (now.tv_nsec >= 1000000000) {
        now.tv_sec++;
        now.tv_nsec -= 1000000000;
    }
    return now;
}

// Under the lock, until it is time or much waits.
static void wait_ms(struct cm_publisher *publisher, unsigned ms, uint64_t much)
{
    const struct timespec until = later(ms);
    while (!publisher->stopping && publisher->end - publisher->done < much) {
        if (pthread_cond_timedwait(&publisher->changed, &publisher->lock, &until) != 0) {
            return;
        }
    }
}

static void *run(void *context)
{
    struct cm_publisher *publisher = context;
    // Of this thread alone: appends come first. Where it isn't allowed nothing is lost.
    setpriority(PRIO_PROCESS, 0, NICE);
    pthread_mutex_lock(&publisher->lock);
    for (;;) {
        while (publisher->done == publisher->end && !publisher->stopping) {
            publisher->idle = true;
            pthread_cond_wait(&publisher->changed, &publisher->lock);
        }
        publisher->idle = false;
        const uint64_t end = publisher->end;
        if (publisher->done == end) {
            break;
        }
        pthread_mutex_unlock(&publisher->lock);
        const enum cm_status status = publish(publisher, end);
        pthread_mutex_lock(&publisher->lock);
        if (!status) {
            publisher->done = end;
            wait_ms(publisher, publisher->options.pace_ms, MUCH_BYTES);
        } else if (publisher->stopping || status != CM_IO) {
            break;
        } else {
            wait_ms(publisher, RETRY_MS, UINT64_MAX);
        }
    }
    pthread_mutex_unlock(&publisher->lock);
    return NULL;
}

static void free_publisher(struct cm_publisher *publisher)
{
    pthread_cond_destroy(&publisher->changed);
    pthread_mutex_destroy(&publisher->lock);
    cm_log_reader_free(publisher->options.reader);
    cm_tiles_free(publisher->options.tiles);
    free(publisher);
}

enum cm_status cm_publisher_start(struct cm_publisher **out,
                                  const struct cm_publisher_options *options)
{
    struct cm_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher) {
        cm_log_reader_free(options->reader);
        cm_tiles_free(options->tiles);
        return CM_MEMORY;
    }
    publisher->options = *options;
    publisher->end = options->end;
    publisher->done = CM_LOG_MAGIC_SIZE;
    const struct cm_log_state *state = cm_log_reader_state(options->reader);
    if (state->checkpoint.size == cm_tiles_published(options->tiles)) {
        publisher->done = state->end;
    }
    atomic_init(&publisher->published, cm_tiles_published(options->tiles));
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&publisher->lock, NULL);
    pthread_cond_init(&publisher->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    // Signals are the loop thread's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&publisher->thread, NULL, run, publisher);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        free_publisher(publisher);
        return CM_UNAVAILABLE;
    }
    *out = publisher;
    return CM_OK;
}

void cm_publisher_follow(struct cm_publisher *publisher, uint64_t end)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->end = end;
    // While it paces itself it needs no waking for each batch.
    if (publisher->idle || end - publisher->done >= MUCH_BYTES) {
        publisher->idle = false;
        pthread_cond_signal(&publisher->changed);
    }
    pthread_mutex_unlock(&publisher->lock);
}

uint64_t cm_publisher_size(const struct cm_publisher *publisher)
{
    return atomic_load(&publisher->published);
}

void cm_publisher_stop(struct cm_publisher *publisher)
{
    if (!publisher) {
        return;
    }
    pthread_mutex_lock(&publisher->lock);
    publisher->stopping = true;
    pthread_cond_signal(&publisher->changed);
    pthread_mutex_unlock(&publisher->lock);
    pthread_join(publisher->thread, NULL);
    free_publisher(publisher);
}
