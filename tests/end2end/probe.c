// Makes signed questions of any shape and sends any bytes as one, to see how a gateway takes them.
// probe sign CONFIG PASSPHRASE-FILE OUT [change]...   writes an encoded LookupRequest
//   gateway=NAME plate=P reason=R purpose=P issued=MS (ago) life=MS from=MS (ago) to=MS (ago)
//   serial=N set=FIELD:HEX varint=FIELD:N drop=FIELD append=HEX   on the payload, before it is
//   signed family=reach (signed as) alter=OLD:NEW (in the envelope, same length) tail=HEX (after
//   the request)
// probe rules CONFIG PASSPHRASE-FILE OUT RULES AGENCY PREVIOUS   a rule set that follows PREVIOUS,
//   signed by whoever CONFIG says
// probe approve CONFIG PASSPHRASE-FILE OUT REQUEST AGO LIFE   an approval of REQUEST, unchecked,
// signed
//   AGO ms ago for LIFE ms
// probe send CONFIG PASSPHRASE-FILE HOST:PORT FILE [TIMES]   one line a call: what came of it
#include "gateway/client/approve.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/codec/gateway.h"
#include "proto/codec/ruleset.h"
#include "proto/envelope/dsse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CALLS = 64, MAX_FILE = 64 * 1024 * 1024, MAX_VALUE = 8192 };

_Noreturn static void die(const char *what, const struct cm_error *error)
{
    char text[512] = "";
    if (error != NULL) {
        cm_error_format(text, sizeof text, error);
    }
    fprintf(stderr, "probe: %s %s\n", what, text);
    exit(1);
}

static void add(struct cm_buf *out, const void *data, size_t len)
{
    if (cm_buf_add(out, data, len) != CM_OK) {
        die("out of memory", NULL);
    }
}

static void add_varint(struct cm_buf *out, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        add(out, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static void add_bytes(struct cm_buf *out, unsigned field, struct cm_bytes value)
{
    add_varint(out, field << 3 | 2);
    add_varint(out, value.len);
    add(out, value.data, value.len);
}

static uint64_t take_varint(struct cm_bytes *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && in->len > 0; shift += 7) {
        uint8_t byte = *in->data;
        in->data++;
        in->len--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    die("a payload of our own is damaged", NULL);
}

// The payload without that field; with instead in its place, when it isn't empty.
static void replace_field(struct cm_buf *payload, unsigned field, struct cm_bytes instead)
{
    struct cm_buf out = {0};
    struct cm_bytes in = cm_buf_bytes(payload);
    bool placed = false;
    while (in.len > 0) {
        const uint8_t *start = in.data;
        uint64_t tag = take_varint(&in);
        uint64_t len = take_varint(&in);
        if ((tag & 7) == 2) {
            in.data += len;
            in.len -= (size_t)len;
        }
        if (!placed && tag >> 3 >= field) {
            add(&out, instead.data, instead.len);
            placed = true;
        }
        if (tag >> 3 != field) {
            add(&out, start, (size_t)(in.data - start));
        }
    }
    if (!placed) {
        add(&out, instead.data, instead.len);
    }
    cm_buf_clear(payload);
    *payload = out;
}

static void add_hex(struct cm_buf *out, const char *hex)
{
    uint8_t raw[MAX_VALUE];
    size_t len = strlen(hex) / 2;
    if (len > sizeof raw || cm_unhex(raw, len, hex) != CM_OK) {
        die("no hex:", NULL);
    }
    add(out, raw, len);
}

// The value of NAME=VALUE, or NULL.
static const char *value_of(const char *change, const char *name)
{
    size_t len = strlen(name);
    return strncmp(change, name, len) == 0 && change[len] == '=' ? change + len + 1 : NULL;
}

static const char *find(int count, char **changes, const char *name, const char *fallback)
{
    for (int i = 0; i < count; i++) {
        const char *value = value_of(changes[i], name);
        if (value != NULL) {
            return value;
        }
    }
    return fallback;
}

static int64_t number(int count, char **changes, const char *name, const char *fallback)
{
    return strtoll(find(count, changes, name, fallback), NULL, 10);
}

static void make_query(struct cm_buf *payload, const struct cm_settings *settings,
                       const char *federation, int count, char **changes)
{
    struct cm_error error = {0};
    int64_t now = cm_wall_ms(cm_clock_system());
    struct cm_query query = {
        .federation = federation,
        .gateway = find(count, changes, "gateway", "gw1"),
        .signer = settings->identity.spiffe,
        .key_hash = settings->identity.key_hash,
        .issued_ms = now - number(count, changes, "issued", "0"),
        .action = CM_ACTION_LOOKUP,
        .plate = {find(count, changes, "plate", "8ABC123"), ""},
        .window = {now - number(count, changes, "from", "86400000"),
                   now - number(count, changes, "to", "0")},
        .purpose = find(count, changes, "purpose", "homicide"),
        .case_number = "26-1234",
        .reason = find(count, changes, "reason", "seen near the scene twice"),
        .on_behalf_of = "",
        .court_order = "",
        .limit = 100,
        .order = CM_ORDER_TIME_DESCENDING,
        .deadline_ms = CM_MAX_DEADLINE_MS,
    };
    query.expires_ms = query.issued_ms + number(count, changes, "life", "60000");
    if (cm_random(query.query_id, sizeof query.query_id) != CM_OK ||
        cm_random(query.blind, sizeof query.blind) != CM_OK ||
        cm_query_encode(payload, &query, &error) != CM_OK) {
        die("no query:", &error);
    }
}

static void edit(struct cm_buf *payload, const char *change)
{
    struct cm_buf piece = {0};
    struct cm_buf value = {0};
    const char *text;
    char *rest;
    if ((text = value_of(change, "append")) != NULL) {
        add_hex(payload, text);
    } else if ((text = value_of(change, "drop")) != NULL) {
        replace_field(payload, (unsigned)strtoul(text, NULL, 10), CM_BYTES_NONE);
    } else if ((text = value_of(change, "set")) != NULL) {
        unsigned field = (unsigned)strtoul(text, &rest, 10);
        add_hex(&value, rest + 1);
        add_bytes(&piece, field, cm_buf_bytes(&value));
        replace_field(payload, field, cm_buf_bytes(&piece));
    } else if ((text = value_of(change, "varint")) != NULL) {
        unsigned field = (unsigned)strtoul(text, &rest, 10);
        add_varint(&piece, field << 3);
        add_varint(&piece, strtoull(rest + 1, NULL, 10));
        replace_field(payload, field, cm_buf_bytes(&piece));
    }
    cm_buf_clear(&piece);
    cm_buf_clear(&value);
}

static void alter(struct cm_buf *envelope, const char *text)
{
    const char *colon = strchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    uint8_t *at = len > 0 ? memmem(envelope->data, envelope->len, text, len) : NULL;
    if (at == NULL || strlen(colon + 1) != len) {
        die("nothing to alter", NULL);
    }
    memcpy(at, colon + 1, len);
}

static int sign(const struct cm_settings *settings, const char *out, int count, char **changes)
{
    struct cm_error error = {0};
    struct cm_buf payload = {0};
    struct cm_buf envelope = {0};
    struct cm_buf request = {0};
    struct cm_trust *trust = cm_directory_store_newest(settings->store);
    if (trust == NULL) {
        die("no directory", NULL);
    }
    const struct cm_directory *directory = cm_trust_directory(trust);
    make_query(&payload, settings, directory->federation, count, changes);
    for (int i = 0; i < count; i++) {
        edit(&payload, changes[i]);
    }
    enum cm_family family = strcmp(find(count, changes, "family", ""), "reach") == 0
                                ? CM_FAMILY_REACH
                                : CM_FAMILY_QUERY;
    if (cm_dsse_sign(&envelope, family, cm_buf_bytes(&payload), settings->signer, true) != CM_OK) {
        die("not signed", NULL);
    }
    for (int i = 0; i < count; i++) {
        const char *text = value_of(changes[i], "alter");
        if (text != NULL) {
            alter(&envelope, text);
        }
    }
    add_bytes(&request, 1, cm_buf_bytes(&envelope));
    const char *serial = find(count, changes, "serial", NULL);
    add_varint(&request, 2 << 3);
    add_varint(&request, serial != NULL ? strtoull(serial, NULL, 10) : directory->serial);
    add_hex(&request, find(count, changes, "tail", ""));
    if (cm_file_write(out, cm_buf_bytes(&request), 0600, &error) != CM_OK) {
        die("not written:", &error);
    }
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
    cm_buf_clear(&request);
    cm_trust_unref(trust);
    return 0;
}

// RULES AGENCY PREVIOUS
static int sign_rules(const struct cm_settings *settings, const char *out, char **args)
{
    struct cm_error error = {0};
    struct cm_buf text = {0};
    struct cm_buf bytes = {0};
    struct cm_buf payload = {0};
    struct cm_buf envelope = {0};
    struct cm_envelope before;
    struct cm_ruleset set;
    struct cm_arena *arena = cm_arena_new(MAX_FILE);
    if (arena == NULL || cm_file_read(&text, args[0], MAX_FILE, &error) != CM_OK ||
        cm_file_read(&bytes, args[2], MAX_FILE, &error) != CM_OK ||
        cm_envelope_decode(&before, arena, cm_buf_bytes(&bytes), &error) != CM_OK ||
        cm_ruleset_decode(&set, arena, before.payload, &error) != CM_OK) {
        die("cannot read:", &error);
    }
    const struct cm_rule_file file = {set.main, cm_buf_bytes(&text)};
    set.agency = args[1];
    set.sequence++;
    cm_sha256_of(&set.previous, before.payload);
    set.signed_ms = cm_wall_ms(cm_clock_system());
    set.files = &file;
    set.file_count = 1;
    if (cm_ruleset_encode(&payload, &set, &error) != CM_OK ||
        cm_dsse_sign(&envelope, CM_FAMILY_RULESET, cm_buf_bytes(&payload), settings->signer,
                     true) != CM_OK ||
        cm_file_write(out, cm_buf_bytes(&envelope), 0600, &error) != CM_OK) {
        die("not signed:", &error);
    }
    cm_arena_free(arena);
    cm_buf_clear(&text);
    cm_buf_clear(&bytes);
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
    return 0;
}

struct call {
    struct cm_loop *loop;
    struct cm_stream *stream;
    struct cm_arena *arena;
    size_t rows;
    unsigned kinds; // bits of enum cm_lookup_kind that came
    unsigned *open;
};

static int approve(const struct cm_settings *settings, const char *out, char **args)
{
    struct cm_approval_request request;
    struct cm_buf envelope = {0};
    struct cm_error error = {0};
    const int64_t issued_ms = cm_wall_ms(cm_clock_system()) - (int64_t)strtoll(args[1], NULL, 10);
    if (cm_approvals_request(&request, args[0], &error) != CM_OK ||
        cm_approve_make(&envelope, &request, settings->signer, 1, issued_ms,
                        issued_ms + (int64_t)strtoll(args[2], NULL, 10), &error) != CM_OK ||
        cm_file_write(out, cm_buf_bytes(&envelope), 0640, &error) != CM_OK) {
        die("approve:", &error);
    }
    cm_buf_clear(&envelope);
    return 0;
}

static void on_message(void *owner, struct cm_bytes message)
{
    struct call *call = owner;
    struct cm_lookup_response response;
    cm_arena_reset(call->arena);
    if (cm_lookup_response_decode(&response, call->arena, message, NULL) != CM_OK) {
        die("the gateway sent what is no response", NULL);
    }
    call->kinds |= 1u << response.kind;
    call->rows += response.kind == CM_LOOKUP_BATCH ? response.u.batch.row_count : 0;
    cm_stream_read(call->stream);
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct call *call = owner;
    printf("status=%s field=%s rows=%zu accepted=%d text=%s\n", cm_status_name(status),
           error != NULL ? error->where : "", call->rows,
           (call->kinds & 1u << CM_LOOKUP_ACCEPTED) != 0, error != NULL ? error->text : "");
    if (--*call->open == 0) {
        cm_loop_stop(call->loop);
    }
}

static const struct cm_stream_handlers handlers = {.on_message = on_message,
                                                   .on_closed = on_closed};

// Who answers is judged by the client's own tests.
static enum cm_status anybody(void *context, struct cm_bytes leaf)
{
    (void)context;
    (void)leaf;
    return CM_OK;
}

static void start(struct call *call, struct cm_channel *channel, struct cm_bytes message)
{
    call->arena = cm_arena_new(8 * 1024 * 1024);
    if (call->arena == NULL || cm_channel_call(&call->stream, channel, CM_METHOD_LOOKUP,
                                               CM_MAX_DEADLINE_MS, true, &handlers, call)) {
        die("no call", NULL);
    }
    if (cm_stream_write(call->stream, message) == CM_OK) {
        cm_stream_finish(call->stream, CM_OK, NULL);
    }
    cm_stream_read(call->stream);
}

static int send_file(const struct cm_settings *settings, const char *address, const char *file,
                     unsigned times)
{
    struct call calls[MAX_CALLS] = {0};
    struct cm_error error = {0};
    struct cm_buf message = {0};
    struct cm_loop *loop = NULL;
    struct cm_channel *channel = NULL;
    struct cm_trust *trust = cm_directory_store_newest(settings->store);
    char name[CM_MAX_ID + sizeof "gateway."];
    unsigned open = times;
    if (trust == NULL || times == 0 || times > MAX_CALLS ||
        cm_file_read(&message, file, MAX_FILE, &error) != CM_OK ||
        cm_loop_new(&loop, &error) != CM_OK) {
        die("cannot start:", &error);
    }
    snprintf(name, sizeof name, "gateway.%s", cm_trust_directory(trust)->federation);
    const struct cm_channel_options options = {
        .address = address,
        .server_name = name,
        .tls = settings->tls,
        .passphrase = settings->passphrase,
        .judge = anybody,
        .max_message = 8 * 1024 * 1024,
    };
    if (cm_channel_new(&channel, loop, &options, &error) != CM_OK) {
        die("no channel:", &error);
    }
    for (unsigned i = 0; i < times; i++) {
        calls[i].loop = loop;
        calls[i].open = &open;
        start(&calls[i], channel, cm_buf_bytes(&message));
    }
    while (open > 0) {
        cm_loop_run(loop);
    }
    cm_channel_free(channel);
    cm_loop_free(loop);
    for (unsigned i = 0; i < times; i++) {
        cm_arena_free(calls[i].arena);
    }
    cm_buf_clear(&message);
    cm_trust_unref(trust);
    return 0;
}

int main(int argc, char **argv)
{
    struct cm_settings settings;
    struct cm_error error = {0};
    const char *what = argc >= 5 ? argv[1] : "";
    bool is_sign = strcmp(what, "sign") == 0;
    bool is_rules = argc == 8 && strcmp(what, "rules") == 0;
    bool is_approve = argc == 8 && strcmp(what, "approve") == 0;
    if (!is_sign && !is_rules && !is_approve && (argc < 6 || strcmp(what, "send") != 0)) {
        die("usage: probe sign|send|rules|approve CONFIG PASSPHRASE-FILE ...", NULL);
    }
    if (cm_settings_load(&settings, argv[2], argv[3], &error) != CM_OK) {
        die("settings:", &error);
    }
    int code;
    if (is_sign) {
        code = sign(&settings, argv[4], argc - 5, argv + 5);
    } else if (is_approve) {
        code = approve(&settings, argv[4], argv + 5);
    } else if (is_rules) {
        code = sign_rules(&settings, argv[4], argv + 5);
    } else {
        code = send_file(&settings, argv[4], argv[5],
                         argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 1);
    }
    cm_settings_clear(&settings);
    return code;
}
