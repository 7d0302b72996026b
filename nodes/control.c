#include "nodes/control.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/ledger/audit_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CALLER_S = 2, ANSWER_S = 10, BACKLOG = 4, LONGEST_MS = 30000 };

struct cm_control {
    struct cm_control_options options;
    int folder, listener, stop;
    bool bound, started;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct cm_task task;
    // under the lock
    bool asking;  // posted, and not answered yet
    bool waiting; // a caller waits for it
    bool stopped;
    int caller;       // heard now; -1: nobody
    int64_t since_ms; // monotonic
    char word[CM_CONTROL_WORD];
    struct cm_buf answer;
    struct cm_buf payload; // the loop's while asking
};

// A socket's name holds 108 bytes; a data folder's may be longer.
static void address_of(struct sockaddr_un *out, int folder)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/" CM_CONTROL_SOCKET, folder);
}

static void limit(int fd, long seconds)
{
    const struct timeval time = {.tv_sec = seconds};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

static bool send_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        const ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

static void ask(struct cm_task *task)
{
    struct cm_control *control = CM_CONTAINER(task, struct cm_control, task);
    char word[CM_CONTROL_WORD];
    pthread_mutex_lock(&control->lock);
    memcpy(word, control->word, sizeof word);
    const bool stopped = control->stopped;
    pthread_mutex_unlock(&control->lock);
    if (!stopped) {
        control->options.asked(control->options.context, word);
    }
}

void cm_control_answer(struct cm_control *control, struct cm_bytes answer)
{
    pthread_mutex_lock(&control->lock);
    control->answer.len = 0;
    if (control->waiting && cm_buf_add(&control->answer, answer.data, answer.len)) {
        control->answer.len = 0;
    }
    control->asking = false;
    pthread_cond_signal(&control->answered);
    pthread_mutex_unlock(&control->lock);
}

// The answer's bytes, under no lock: nobody else touches them until the next question.
struct cm_bytes cm_control_call(struct cm_control *control, const char *word,
                                struct cm_bytes payload)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ANSWER_S;
    pthread_mutex_lock(&control->lock);
    bool busy = control->asking; // the one before was not answered in time
    if (!busy) {
        control->payload.len = 0;
        busy = cm_buf_add(&control->payload, payload.data, payload.len) != CM_OK;
    }
    if (!busy && !control->stopped) {
        snprintf(control->word, sizeof control->word, "%s", word);
        control->asking = control->waiting = true;
        cm_post(control->options.poster, &control->task);
        while (control->asking && !control->stopped &&
               pthread_cond_timedwait(&control->answered, &control->lock, &until) == 0) {
            ;
        }
        control->waiting = false;
    }
    const bool came = !busy && !control->asking && !control->stopped;
    pthread_mutex_unlock(&control->lock);
    return came ? cm_buf_bytes(&control->answer) : CM_BYTES_NONE;
}

struct cm_bytes cm_control_payload(const struct cm_control *control)
{
    return cm_buf_bytes(&control->payload);
}

static bool may_ask(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

// The limits above are of one part each: a caller that comes in small parts is hung up on.
void cm_control_look(struct cm_control *control, int64_t mono_ms)
{
    pthread_mutex_lock(&control->lock);
    if (control->caller >= 0 && mono_ms - control->since_ms > LONGEST_MS) {
        shutdown(control->caller, SHUT_RDWR);
    }
    pthread_mutex_unlock(&control->lock);
}

// Whom cm_control_look and cm_control_stop hang up on; -1: nobody.
static void heed(struct cm_control *control, int fd)
{
    pthread_mutex_lock(&control->lock);
    control->caller = fd;
    control->since_ms = cm_mono_ms(cm_clock_system());
    if (control->stopped && fd >= 0) {
        shutdown(fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&control->lock);
}

static void serve(struct cm_control *control, int fd)
{
    char word[CM_CONTROL_WORD] = "";
    limit(fd, CALLER_S);
    if (!may_ask(fd)) {
        cm_log(CM_LOG_WARNING, "caller-refused", "socket=" CM_CONTROL_SOCKET);
        return;
    }
    const ssize_t len = recv(fd, word, sizeof word - 1, 0);
    char *end = len > 0 ? memchr(word, '\n', (size_t)len) : NULL;
    if (!end) {
        return;
    }
    *end = '\0';
    if (control->options.auditor && strcmp(word, CM_AUDIT_WORD) == 0) {
        limit(fd, ANSWER_S);
        control->options.auditor(control->options.context, control, fd);
        return;
    }
    const struct cm_bytes answer = cm_control_call(control, word, CM_BYTES_NONE);
    (void)send_all(fd, answer.data, answer.len);
}

static void *listen_to_callers(void *argument)
{
    struct cm_control *control = argument;
    struct pollfd fds[] = {{.fd = control->listener, .events = POLLIN},
                           {.fd = control->stop, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            cm_log(CM_LOG_ERROR, "callers-not-heard", "error=\"%s\"", strerror(errno));
            return NULL;
        }
        if (fds[1].revents) {
            return NULL;
        }
        const int fd = fds[0].revents ? accept4(control->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd >= 0) {
            heed(control, fd);
            serve(control, fd);
            heed(control, -1);
            close(fd);
        }
    }
}

// The folder is this node's alone, by its ledger's lock: a socket found there is left over.
static enum cm_status start(struct cm_control *control, struct cm_error *error)
{
    struct sockaddr_un address;
    control->folder = open(control->options.folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    control->stop = eventfd(0, EFD_CLOEXEC);
    address_of(&address, control->folder);
    if (control->folder >= 0) {
        unlinkat(control->folder, CM_CONTROL_SOCKET, 0);
    }
    // The file gets the socket's own mode on Linux; a umask would be that of every thread.
    control->bound = control->folder >= 0 && control->listener >= 0 && control->stop >= 0 &&
                     fchmod(control->listener, 0600) == 0 &&
                     bind(control->listener, (struct sockaddr *)&address, sizeof address) == 0;
    if (!control->bound || listen(control->listener, BACKLOG) != 0) {
        return cm_fail(error, CM_IO, control->options.folder, "no socket can be made in it: %s",
                       strerror(errno));
    }
    control->started = pthread_create(&control->thread, NULL, listen_to_callers, control) == 0;
    return control->started ? CM_OK
                            : cm_fail(error, CM_MEMORY, "control", "its thread can't be started");
}

enum cm_status cm_control_open(struct cm_control **out, const struct cm_control_options *options,
                               struct cm_error *error)
{
    struct cm_control *control = calloc(1, sizeof *control);
    if (!control) {
        return cm_fail(error, CM_MEMORY, "control", "out of memory");
    }
    control->options = *options;
    control->folder = control->listener = control->stop = control->caller = -1;
    control->answer.max = CM_MAX_CONTROL;
    control->task.run = ask;
    pthread_mutex_init(&control->lock, NULL);
    pthread_cond_init(&control->answered, NULL);
    const enum cm_status status = start(control, error);
    if (status) {
        cm_control_free(control);
        return status;
    }
    *out = control;
    return CM_OK;
}

void cm_control_stop(struct cm_control *control)
{
    const uint64_t one = 1;
    if (!control || !control->started) {
        return;
    }
    pthread_mutex_lock(&control->lock);
    control->stopped = true;
    if (control->caller >= 0) {
        shutdown(control->caller, SHUT_RDWR);
    }
    pthread_cond_signal(&control->answered);
    pthread_mutex_unlock(&control->lock);
    if (write(control->stop, &one, sizeof one) == (ssize_t)sizeof one) {
        pthread_join(control->thread, NULL);
        control->started = false;
    }
}

void cm_control_free(struct cm_control *control)
{
    if (!control) {
        return;
    }
    cm_control_stop(control);
    if (control->bound) {
        unlinkat(control->folder, CM_CONTROL_SOCKET, 0);
    }
    const int fds[] = {control->listener, control->stop, control->folder};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    cm_buf_clear(&control->answer);
    cm_buf_clear(&control->payload);
    pthread_cond_destroy(&control->answered);
    pthread_mutex_destroy(&control->lock);
    free(control);
}

static enum cm_status receive(struct cm_buf *answer, int fd, struct cm_error *error)
{
    uint8_t part[4096];
    ssize_t len;
    enum cm_status status = CM_OK;
    while (!status && (len = recv(fd, part, sizeof part, 0)) > 0) {
        status = answer->len < CM_MAX_CONTROL ? cm_buf_add(answer, part, (size_t)len) : CM_MEMORY;
    }
    if (status || answer->len == 0) {
        return cm_fail(error, CM_UNAVAILABLE, "node", "it runs, but gave no answer in time");
    }
    return CM_OK;
}

enum cm_status cm_control_ask(struct cm_buf *answer, const char *folder, const char *word,
                              struct cm_error *error)
{
    struct sockaddr_un address;
    char line[CM_CONTROL_WORD + 1];
    const int len = snprintf(line, sizeof line, "%s\n", word);
    const int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    enum cm_status status = CM_OK;
    address_of(&address, at);
    if (at < 0 || fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        status = errno == EACCES ? cm_fail(error, CM_FORBIDDEN, folder,
                                           "is the node's own: be its user or root")
                                 : cm_fail(error, CM_UNAVAILABLE, folder, "no node runs here");
    }
    if (!status) {
        limit(fd, CALLER_S + ANSWER_S);
        status = send_all(fd, (const uint8_t *)line, (size_t)len)
                     ? receive(answer, fd, error)
                     : cm_fail(error, CM_UNAVAILABLE, folder, "the node hung up");
    }
    if (fd >= 0) {
        close(fd);
    }
    if (at >= 0) {
        close(at);
    }
    return status;
}
