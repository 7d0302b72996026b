#include "gateway_daemon_peers.h"

#include "proto/ledger/ledger.h"
#include "tests/support/node_record.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_ini(struct daemon *daemon)
{
    const struct pki_identity *gateway = pki_identity(daemon->pki, "_", CM_ROLE_GATEWAY, "gw-1");
    snprintf(daemon->data, sizeof daemon->data, "%.200s/data", daemon->pki->dir);
    snprintf(daemon->ini, sizeof daemon->ini, "%.200s/gatewayd.ini", daemon->pki->dir);
    FILE *file = fopen(daemon->ini, "w");
    cr_assert_not_null(file);
    fprintf(file,
            "[gateway]\nlisten = 127.0.0.1:0\ndata = %s\nkey = %s\nchain = %s\nroot = %s\n"
            "directory = %s\n[limits]\nper_investigator = 4\n",
            daemon->data, gateway->key_path, gateway->chain_path, daemon->pki->root_path,
            pki_bundle_file(daemon->pki));
    fclose(file);
}

void daemon_new(struct daemon *daemon)
{
    memset(daemon, 0, sizeof *daemon);
    daemon->pki = pki_new();
    static const char *const agencies[] = {"ca.milltown.pd", "ca.northport.pd", "ca.southgate.pd"};
    for (size_t i = 0; i < 3; i++) {
        pki_agency(daemon->pki, agencies[i]);
        pki_identity(daemon->pki, agencies[i], CM_ROLE_NODE, "node-1");
    }
    pki_identity(daemon->pki, "ca.milltown.pd", CM_ROLE_NODE, "node-2");
    write_ini(daemon);
    daemon_start(daemon);
    cr_assert_eq(cm_loop_new(&daemon->loop, NULL), CM_OK);
}

// Its log says on which port it listens.
static int read_port(int fd)
{
    char line[4096];
    size_t len = 0;
    while (len < sizeof line - 1) {
        ssize_t got = read(fd, line + len, 1);
        if (got <= 0) {
            return 0;
        }
        fputc(line[len], stderr);
        if (line[len++] != '\n') {
            continue;
        }
        line[len] = '\0';
        const char *port = strstr(line, " started ") ? strstr(line, "port=") : NULL;
        if (port) {
            return (int)strtol(port + 5, NULL, 10);
        }
        len = 0;
    }
    return 0;
}

void daemon_start(struct daemon *daemon)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    daemon->pid = fork();
    cr_assert_geq(daemon->pid, 0);
    if (daemon->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that fails leaves no daemon behind
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(CM_GATEWAYD, CM_GATEWAYD, "--allow-root", "--config", daemon->ini, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    daemon->out = ends[0];
    daemon->port = read_port(daemon->out);
    cr_assert_gt(daemon->port, 0, "the gateway did not start");
}

void daemon_signal(struct daemon *daemon, int number)
{
    cr_assert_eq(kill(daemon->pid, number), 0);
}

void daemon_stop(struct daemon *daemon)
{
    daemon_signal(daemon, SIGTERM);
    char rest[4096];
    ssize_t got;
    while ((got = read(daemon->out, rest, sizeof rest)) > 0) {
        fwrite(rest, 1, (size_t)got, stderr);
    }
    close(daemon->out);
    int status;
    cr_assert_eq(waitpid(daemon->pid, &status, 0), daemon->pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ended with %x", (unsigned)status);
    daemon->pid = 0;
}

void daemon_free(struct daemon *daemon)
{
    if (daemon->pid) {
        daemon_stop(daemon);
    }
    cm_loop_free(daemon->loop);
    pki_free(daemon->pki);
}

unsigned ledger_recorded(const char *data, enum cm_entry_kind kind, struct cm_entry *last,
                         struct cm_arena *arena)
{
    char folder[2 * PKI_PATH];
    struct cm_log_reader *reader;
    struct cm_log_item item = {.type = CM_ITEM_CHECKPOINT};
    struct cm_error error = {0};
    unsigned count = 0;
    snprintf(folder, sizeof folder, "%s/ledger", data);
    cr_assert_eq(cm_log_reader_open(&reader, folder, NULL, &error), CM_OK, "%s", error.text);
    while (item.type != CM_ITEM_END) {
        struct cm_entry entry;
        struct cm_bytes bytes;
        cr_assert_eq(cm_log_reader_next(&item, reader, &error), CM_OK, "%s", error.text);
        if (item.type != CM_ITEM_ENTRY) {
            continue;
        }
        cr_assert_eq(cm_arena_bytes(arena, &bytes, item.entry), CM_OK);
        cr_assert_eq(cm_entry_decode(&entry, arena, bytes, &error), CM_OK, "%s", error.text);
        if (entry.kind == kind) {
            cr_assert_eq(entry.sealed, item.access.len > 0);
            *last = entry;
            count++;
        }
    }
    cm_log_reader_free(reader);
    return count;
}

unsigned ledger_count(const char *data, enum cm_entry_kind kind)
{
    struct cm_arena *arena = cm_arena_new(16 << 20);
    struct cm_entry last;
    const unsigned count = ledger_recorded(data, kind, &last, arena);
    cm_arena_free(arena);
    return count;
}

static void landed(struct cm_append *append)
{
    cr_assert_eq(append->status, CM_OK);
    cm_tree_head_unref(append->head);
    append->head = NULL;
}

void ledger_add_stop(const struct daemon *daemon, const char *data, struct cm_signer *signer,
                     int64_t ahead_ms)
{
    char folder[2 * PKI_PATH];
    struct cm_ledger *ledger;
    struct cm_buf bytes = {0};
    struct cm_error error = {0};
    const struct cm_entry entry = {
        .kind = CM_ENTRY_STOP, .recorded_ms = cm_wall_ms(cm_clock_system()) + ahead_ms, .text = ""};
    const struct cm_ledger_options options = {.folder = folder,
                                              .signer = signer,
                                              .poster = cm_loop_poster(daemon->loop),
                                              .max_waiting = 1};
    snprintf(folder, sizeof folder, "%s/ledger", data);
    cr_assert_eq(cm_entry_encode(&bytes, &entry), CM_OK);
    cr_assert_eq(cm_ledger_open(&ledger, &options, &error), CM_OK, "%s", error.text);
    struct cm_append append = {.entry = cm_buf_bytes(&bytes), .done = landed};
    cr_assert_eq(cm_ledger_append(ledger, &append), CM_OK);
    cm_ledger_close(ledger);
    cm_buf_clear(&bytes);
}

static enum cm_status judge(void *context, struct cm_bytes leaf)
{
    (void)context;
    return leaf.len > 0 ? CM_OK : CM_UNAUTHENTICATED;
}

void peer_open(struct peer *peer, struct daemon *daemon, const char *agency, enum cm_role role,
               const char *name)
{
    peer->daemon = daemon;
    peer->identity = pki_identity(daemon->pki, agency, role, name);
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", daemon->port);
    struct cm_error error = {0};
    struct cm_channel_options options = {
        .address = address,
        .server_name = "gateway.valley.test",
        .tls = {peer->identity->key_path, peer->identity->chain_path, daemon->pki->root_path},
        .judge = judge,
        .max_message = CM_MAX_LOOKUP_RESPONSE,
    };
    cr_assert_eq(cm_channel_new(&peer->channel, daemon->loop, &options, &error), CM_OK, "%s: %s",
                 error.where, error.text);
}

void peer_close(struct peer *peer)
{
    cm_channel_free(peer->channel);
    peer->channel = NULL;
}

static bool is_checkpoint(const struct call *call, struct cm_bytes message)
{
    struct cm_attach_down down;
    return cm_attach_down_decode(&down, call->arena, message, NULL) == CM_OK &&
           down.kind == CM_DOWN_CHECKPOINT;
}

static void on_message(void *owner, struct cm_bytes message)
{
    struct call *call = owner;
    if (call->attach && is_checkpoint(call, message)) {
        cm_stream_read(call->stream); // these nodes witness nothing
        return;
    }
    cr_assert_lt(call->count, PEER_MESSAGES);
    cr_assert_eq(cm_arena_bytes(call->arena, &call->messages[call->count], message), CM_OK);
    call->count++;
    cm_stream_read(call->stream);
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct call *call = owner;
    call->closed = true;
    call->stream = NULL;
    call->status = status;
    if (error) {
        call->error = *error;
    }
}

static const struct cm_stream_handlers handlers = {
    .on_message = on_message,
    .on_closed = on_closed,
};

void call_open(struct call *call, struct peer *peer, const char *method)
{
    memset(call, 0, sizeof *call);
    call->arena = cm_arena_new(8 * 1024 * 1024);
    call->attach = strcmp(method, CM_METHOD_ATTACH) == 0;
    cr_assert_eq(cm_channel_call(&call->stream, peer->channel, method, 0, true, &handlers, call),
                 CM_OK);
    cm_stream_read(call->stream);
}

void call_write(struct call *call, struct daemon *daemon, struct cm_bytes message)
{
    DAEMON_UNTIL(daemon, call->closed || cm_stream_writable(call->stream));
    if (!call->closed) {
        enum cm_status status = cm_stream_write(call->stream, message);
        cr_assert(status == CM_OK || status == CM_CANCELLED);
    }
}

void call_clear(struct call *call)
{
    cr_assert(call->closed);
    cm_arena_free(call->arena);
    memset(call, 0, sizeof *call);
}

static void make_rules(struct cm_buf *payload, struct peer *peer, const char *agency,
                       const char *rules)
{
    struct cm_buf text = {0};
    struct cm_error error = {0};
    cr_assert_eq(cm_buf_printf(&text, "rules 1\nnode %s\n%s\n", agency, rules), CM_OK);
    struct cm_rule_file file = {"main.rules", cm_buf_bytes(&text)};
    struct cm_ruleset set = {
        .federation = peer->daemon->pki->federation,
        .agency = agency,
        .sequence = 1,
        .directory_serial = peer->daemon->pki->serial,
        .signed_ms = peer->daemon->pki->now_ms,
        .language = 1,
        .main = "main.rules",
        .file_count = 1,
        .files = &file,
    };
    cr_assert_eq(cm_ruleset_encode(payload, &set, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    cm_buf_clear(&text);
}

void rules_digest(struct cm_digest *out, struct peer *peer, const char *agency, const char *rules)
{
    struct cm_buf payload = {0};
    make_rules(&payload, peer, agency, rules);
    cm_sha256_of(out, cm_buf_bytes(&payload));
    cm_buf_clear(&payload);
}

void up_send(struct call *attach, struct daemon *daemon, const struct cm_attach_up *up)
{
    struct cm_buf message = {0};
    cr_assert_eq(cm_attach_up_encode(&message, up), CM_OK);
    call_write(attach, daemon, cm_buf_bytes(&message));
    cm_buf_clear(&message);
}

void hello_send(struct call *attach, struct peer *peer, const char *agency, uint8_t instance,
                const char *rules, uint32_t credits)
{
    struct cm_buf payload = {0};
    struct cm_arena *arena = cm_arena_new(16 << 20);
    struct cm_envelope set;
    make_rules(&payload, peer, agency, rules);
    pki_sign(&set, arena, CM_FAMILY_RULESET, cm_buf_bytes(&payload),
             pki_signer(peer->daemon->pki, agency, CM_ROLE_ADMIN, "admin-1"));
    struct cm_attach_up up = {
        .kind = CM_UP_HELLO,
        .hello =
            {
                .agency = agency,
                .protocol_min = CM_PROTOCOL,
                .protocol_max = CM_PROTOCOL,
                .rule_language = 1,
                .rule_set_count = 1,
                .rule_sets = &set,
                .directory_serial = peer->daemon->pki->serial,
                .credits = credits,
            },
    };
    memset(up.hello.instance, instance, sizeof up.hello.instance);
    up_send(attach, peer->daemon, &up);
    cm_arena_free(arena);
    cm_buf_clear(&payload);
}

// What the peer's ledger shows of the ask.
static void make_record(struct cm_record *out, struct cm_arena *arena, struct peer *peer,
                        const struct cm_attach_down *ask, enum cm_refusal_code refusal)
{
    struct cm_digest digest;
    cm_sha256_of(&digest, ask->ask.query.payload);
    const struct cm_node_ask recorded = {
        .query_digest = &digest,
        .gateway = "gw-1",
        .gateway_index = ask->ask.inclusion.index,
        .attempt = ask->ask.attempt,
        .refusal = refusal,
    };
    node_record_make(out, arena, peer->identity->signer, &recorded);
}

void refuse_send(struct call *attach, struct peer *peer, const struct question *question,
                 const struct cm_attach_down *ask, const char *agency)
{
    struct cm_refusal refusal = {
        .query_digest = question->digest,
        .agency = agency,
        .attempt = ask->ask.attempt,
        .code = CM_REFUSAL_NOT_PERMITTED,
        .refused_ms = cm_wall_ms(cm_clock_system()),
        .text = "",
    };
    struct cm_buf payload = {0};
    struct cm_arena *arena = cm_arena_new(1 << 18);
    struct cm_attach_up up = {.kind = CM_UP_REFUSE, .ask = ask->ask.ask};
    make_record(&up.record, arena, peer, ask, refusal.code);
    cr_assert_eq(cm_refusal_encode(&payload, &refusal), CM_OK);
    pki_sign(&up.envelope, arena, CM_FAMILY_REFUSAL, cm_buf_bytes(&payload),
             peer->identity->signer);
    up_send(attach, peer->daemon, &up);
    cm_arena_free(arena);
    cm_buf_clear(&payload);
}

void down_of(struct cm_attach_down *out, const struct call *attach, size_t index)
{
    struct cm_error error = {0};
    cr_assert_lt(index, attach->count);
    cr_assert_eq(cm_attach_down_decode(out, attach->arena, attach->messages[index], &error), CM_OK,
                 "%s: %s", error.where, error.text);
}

static void make(struct question *question, struct peer *peer, bool reach)
{
    const struct pki_identity *signer = peer->identity;
    int64_t now = cm_wall_ms(cm_clock_system());
    struct cm_query query = {
        .issued_ms = now,
        .expires_ms = now + 60000,
        .federation = peer->daemon->pki->federation,
        .gateway = "gw-1",
        .signer = signer->spiffe,
        .key_hash = *cm_signer_key_hash(signer->signer),
        .action = CM_ACTION_LOOKUP,
        .plate = {.plate = "8ABC123", .state = ""},
        .window = {now - PKI_DAY_MS, now},
        .purpose = "vehicle-theft",
        .case_number = "26-1234",
        .reason = "stolen vehicle seen twice",
        .on_behalf_of = "",
        .court_order = "",
        .limit = 10,
        .order = CM_ORDER_TIME_DESCENDING,
        .deadline_ms = 4000,
    };
    cr_assert_eq(cm_random(query.query_id, sizeof query.query_id), CM_OK);
    if (reach) {
        query.limit = 0;
    } else {
        cr_assert_eq(cm_random(query.blind, sizeof query.blind), CM_OK);
    }
    query.evidence_kinds = reach ? 1u << CM_EVIDENCE_CASE : 0;
    struct cm_buf payload = {0};
    struct cm_arena *arena = cm_arena_new(1 << 18);
    struct cm_lookup_request request = {.directory_serial = peer->daemon->pki->serial};
    struct cm_error error = {0};
    enum cm_status status = reach ? cm_reach_encode(&payload, &query, &error)
                                  : cm_query_encode(&payload, &query, &error);
    cr_assert_eq(status, CM_OK, "%s: %s", error.where, error.text);
    cm_sha256_of(&question->digest, cm_buf_bytes(&payload));
    question->key_hash = query.key_hash;
    pki_sign(&request.query, arena, reach ? CM_FAMILY_REACH : CM_FAMILY_QUERY,
             cm_buf_bytes(&payload), signer->signer);
    question->request = (struct cm_buf){0};
    cr_assert_eq(cm_lookup_request_encode(&question->request, &request), CM_OK);
    cm_arena_free(arena);
    cm_buf_clear(&payload);
}

void question_make(struct question *question, struct peer *peer)
{
    make(question, peer, false);
}

void reach_make(struct question *question, struct peer *peer)
{
    make(question, peer, true);
}

void question_send(struct call *lookup, struct peer *peer, const struct question *question)
{
    call_open(lookup, peer, CM_METHOD_LOOKUP);
    call_write(lookup, peer->daemon, cm_buf_bytes(&question->request));
}

static void send_request(struct call *answer, struct peer *peer,
                         const struct cm_answer_request *request)
{
    struct cm_buf message = {0};
    cr_assert_eq(cm_answer_request_encode(&message, request), CM_OK);
    call_write(answer, peer->daemon, cm_buf_bytes(&message));
    cm_buf_clear(&message);
}

void answer_start(struct call *answer, struct peer *peer, const struct cm_attach_down *welcome,
                  const struct cm_attach_down *ask)
{
    struct cm_answer_request request = {.is_start = true, .start = {.ask = ask->ask.ask}};
    memcpy(request.start.session, welcome->welcome.session, sizeof request.start.session);
    memcpy(request.start.token, ask->ask.token, sizeof request.start.token);
    struct cm_arena *arena = cm_arena_new(1 << 18);
    make_record(&request.start.record, arena, peer, ask, CM_REFUSAL_NONE);
    call_open(answer, peer, CM_METHOD_ANSWER);
    send_request(answer, peer, &request);
    cm_arena_free(arena);
}

void answer_nothing(struct call *answer, struct peer *peer, const struct question *question,
                    const struct cm_attach_down *ask, const char *agency,
                    const struct cm_digest *rules)
{
    struct cm_header header = {
        .query_digest = question->digest,
        .agency = agency,
        .attempt = ask->ask.attempt,
        .key_hash = question->key_hash,
        .rules_digest = *rules,
        .final = true,
    };
    cm_sha256_of(&header.root, CM_BYTES_NONE);
    struct cm_buf payload = {0};
    struct cm_arena *arena = cm_arena_new(1 << 18);
    struct cm_answer_request request = {0};
    cr_assert_eq(cm_header_encode(&payload, &header), CM_OK);
    pki_sign(&request.batch.header, arena, CM_FAMILY_HEADER, cm_buf_bytes(&payload),
             peer->identity->signer);
    send_request(answer, peer, &request);
    cm_arena_free(arena);
    cm_buf_clear(&payload);
}
