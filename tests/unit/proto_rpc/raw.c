#include "raw.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, ACK = 1, END_STREAM = 1 };

struct raw {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    struct cm_buf out;
    struct cm_buf in;
};

static void frame(struct raw *raw, uint8_t type, uint8_t flags, uint32_t stream,
                  struct cm_bytes payload)
{
    uint8_t head[9] = {(uint8_t)(payload.len >> 16),
                       (uint8_t)(payload.len >> 8),
                       (uint8_t)payload.len,
                       type,
                       flags,
                       (uint8_t)(stream >> 24),
                       (uint8_t)(stream >> 16),
                       (uint8_t)(stream >> 8),
                       (uint8_t)stream};
    cr_assert(!cm_buf_add(&raw->out, head, sizeof head));
    cr_assert(!cm_buf_add(&raw->out, payload.data, payload.len));
}

struct raw *raw_connect(const char *dir, const char *name, int port)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const unsigned char alpn[] = "\x02h2";
    struct raw *raw = calloc(1, sizeof *raw);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(raw->fd, (struct sockaddr *)&to, sizeof to) == 0);
    raw->context = SSL_CTX_new(TLS_client_method());
    char path[256];
    snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    cr_assert(SSL_CTX_use_certificate_chain_file(raw->context, path) == 1);
    snprintf(path, sizeof path, "%s/%s.key", dir, name);
    cr_assert(SSL_CTX_use_PrivateKey_file(raw->context, path, SSL_FILETYPE_PEM) == 1);
    raw->ssl = SSL_new(raw->context);
    SSL_set_alpn_protos(raw->ssl, alpn, 3);
    SSL_set_fd(raw->ssl, raw->fd);
    cr_assert(SSL_connect(raw->ssl) == 1);
    cr_assert(!cm_buf_add(&raw->out, preface, sizeof preface - 1));
    frame(raw, SETTINGS, 0, 0, CM_BYTES_NONE);
    return raw;
}

// HPACK, RFC 7541 section 6.2.2: literal without indexing, new name, no Huffman.
static void field(struct cm_buf *block, const char *name, const char *value)
{
    uint8_t lens[2] = {(uint8_t)strlen(name), (uint8_t)strlen(value)};
    cr_assert(lens[0] < 127 && lens[1] < 127);
    cr_assert(!cm_buf_add(block, "\0", 1));
    cr_assert(!cm_buf_add(block, &lens[0], 1) && !cm_buf_add(block, name, lens[0]));
    cr_assert(!cm_buf_add(block, &lens[1], 1) && !cm_buf_add(block, value, lens[1]));
}

void raw_headers(struct raw *raw, uint32_t stream, const char *path, const char *encoding)
{
    enum { END_HEADERS = 4 };
    struct cm_buf block = {0};
    field(&block, ":method", "POST");
    field(&block, ":scheme", "https");
    field(&block, ":path", path);
    field(&block, ":authority", TEST_NAME);
    field(&block, "te", "trailers");
    field(&block, "content-type", "application/grpc");
    if (encoding) {
        field(&block, "grpc-encoding", encoding);
    }
    frame(raw, HEADERS, END_HEADERS, stream, cm_buf_bytes(&block));
    cm_buf_clear(&block);
}

void raw_data(struct raw *raw, uint32_t stream, struct cm_bytes data, bool end)
{
    frame(raw, DATA, end ? END_STREAM : 0, stream, data);
}

void raw_reset(struct raw *raw, uint32_t stream)
{
    static const uint8_t cancel[4] = {0, 0, 0, 8};
    frame(raw, RST_STREAM, 0, stream, (struct cm_bytes){cancel, sizeof cancel});
}

static bool read_more(struct raw *raw)
{
    uint8_t *room;
    cr_assert(!cm_buf_reserve(&raw->in, 16384, &room));
    int got = SSL_read(raw->ssl, room, 16384);
    if (got <= 0) {
        return false;
    }
    raw->in.len += (size_t)got;
    return true;
}

// Takes one whole frame off; false when there is none yet.
static bool take_frame(struct raw *raw, uint8_t *type, uint8_t *flags, uint32_t *stream)
{
    const uint8_t *p = raw->in.data;
    if (raw->in.len < 9) {
        return false;
    }
    size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
    if (raw->in.len < 9 + len) {
        return false;
    }
    *type = p[3];
    *flags = p[4];
    *stream = (uint32_t)(p[5] & 0x7f) << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
    if (*type == SETTINGS && !(*flags & ACK)) {
        frame(raw, SETTINGS, ACK, 0, CM_BYTES_NONE);
    }
    if (*type == PING && !(*flags & ACK)) {
        frame(raw, PING, ACK, 0, (struct cm_bytes){p + 9, len});
    }
    memmove(raw->in.data, p + 9 + len, raw->in.len - 9 - len);
    raw->in.len -= 9 + len;
    return true;
}

bool raw_flush(struct raw *raw)
{
    uint8_t type, flags;
    uint32_t stream;
    struct pollfd waiting = {.fd = raw->fd, .events = POLLIN};
    while (SSL_pending(raw->ssl) || poll(&waiting, 1, 0) > 0) {
        if (!read_more(raw)) {
            return false;
        }
        while (take_frame(raw, &type, &flags, &stream)) {
            continue;
        }
    }
    bool sent = !raw->out.len || SSL_write(raw->ssl, raw->out.data, (int)raw->out.len) > 0;
    raw->out.len = 0;
    return sent;
}

bool raw_wait_end(struct raw *raw, uint32_t wanted)
{
    uint8_t type, flags;
    uint32_t stream;
    for (;;) {
        while (take_frame(raw, &type, &flags, &stream)) {
            if (stream == wanted && (type == RST_STREAM ||
                                     ((type == HEADERS || type == DATA) && (flags & END_STREAM)))) {
                return true;
            }
        }
        if (raw->out.len && SSL_write(raw->ssl, raw->out.data, (int)raw->out.len) <= 0) {
            return false;
        }
        raw->out.len = 0;
        if (!read_more(raw)) {
            return false;
        }
    }
}

void raw_close(struct raw *raw)
{
    SSL_free(raw->ssl);
    SSL_CTX_free(raw->context);
    close(raw->fd);
    cm_buf_clear(&raw->in);
    cm_buf_clear(&raw->out);
    free(raw);
}

struct job {
    struct test_rig *rig;
    void (*work)(struct test_rig *rig);
    atomic_bool done;
};

static void *run_job(void *context)
{
    struct job *job = context;
    job->work(job->rig);
    atomic_store(&job->done, true);
    return NULL;
}

void raw_run(struct test_rig *rig, void (*work)(struct test_rig *rig))
{
    struct job job = {rig, work, false};
    pthread_t thread;
    signal(SIGPIPE, SIG_IGN);
    cr_assert(pthread_create(&thread, NULL, run_job, &job) == 0);
    while (!atomic_load(&job.done)) {
        cm_loop_step(rig->loop, 10);
    }
    pthread_join(thread, NULL);
}

size_t raw_resident(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert(file && fscanf(file, "%*u %zu", &pages) == 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}
