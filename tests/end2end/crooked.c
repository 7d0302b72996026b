// A dishonest gateway: its certificate, key and ledger are in order, the directory lists it, and it
// asks nodes whatever it is told to, such as questions that it captured. One thread.
// crooked NAME HOST:PORT KEY CHAIN ROOT LEDGER-FOLDER   then on standard input, a line
// each, answered by one line:
//   ask AGENCY REQUEST ATTEMPT   records that LookupRequest's query and asks the agency's node
//   show AGENCY                  shows its ledger, again each time the agency's node signed it
//   expire REQUEST               waits until that query is past its expiry and the nodes' skew
// crooked entries KEY CHAIN LEDGER-FOLDER   one line an entry about a query; nobody else may hold
// it
#include "proto/base/file.h"
#include "proto/codec/gateway.h"
#include "proto/codec/ruleset.h"
#include "proto/ledger/ledger.h"
#include "proto/rpc/server.h"
#include "proto/trust/identity.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_FILE = 64 * 1024,
    ARENA = 8 * 1024 * 1024,
    MAX_NODES = 8,
    MAX_LINE = 1024,
    WAIT_MS = 60000,
    STEP_MS = 20,
    ID_BYTES = 4,
};

// An Attach of a node.
struct session {
    struct cm_stream *stream; // NULL once closed
    char agency[CM_MAX_ID + 1];
    uint64_t sent_size; // of our ledger, as this node knows it
    uint64_t rules_sequence;
    struct cm_digest rules_digest;
    uint64_t directory_serial;
};

// The one ask under way.
struct asked {
    uint64_t ask;
    bool over;
    bool refused;
    enum cm_refusal_code code;
    size_t rows;
};

static struct cm_loop *loop;
static struct cm_ledger *ledger;
static struct cm_signer *signer;
static const char *name;
static struct session sessions[MAX_NODES];
static struct asked asked;
static unsigned signatures;    // of what it showed
static struct cm_arena *arena; // of the ask under way

_Noreturn static void die(const char *what, const struct cm_error *error)
{
    char text[512] = "";
    if (error != NULL) {
        cm_error_format(text, sizeof text, error);
    }
    fprintf(stderr, "crooked: %s %s\n", what, text);
    exit(1);
}

static void must(enum cm_status status, const char *what)
{
    if (status != CM_OK) {
        die(what, NULL);
    }
}

static int64_t mono(void)
{
    return cm_mono_ms(cm_clock_system());
}

static struct cm_bytes into_arena(struct cm_buf *buf)
{
    struct cm_bytes out;
    must(cm_arena_bytes(arena, &out, cm_buf_bytes(buf)), "out of memory");
    cm_buf_clear(buf);
    return out;
}

static struct session *session_of(const char *agency)
{
    for (size_t i = 0; i < MAX_NODES; i++) {
        if (sessions[i].stream != NULL && strcmp(sessions[i].agency, agency) == 0) {
            return &sessions[i];
        }
    }
    return NULL;
}

static void send_down(struct session *session, const struct cm_attach_down *down)
{
    struct cm_buf message = {0};
    must(cm_attach_down_encode(&message, down), "no message");
    must(cm_stream_write(session->stream, cm_buf_bytes(&message)), "not sent");
    cm_buf_clear(&message);
}

// What a node says of itself is taken as it is: it is the honest one here.
static void greet(struct session *session, const struct cm_hello *hello)
{
    struct cm_ruleset set;
    // That it saw more of the node's ledger than there is stops no node: its word is no signature.
    struct cm_attach_down down = {.kind = CM_DOWN_WELCOME,
                                  .welcome = {.gateway = name,
                                              .protocol = CM_PROTOCOL,
                                              .witnessed_size = UINT64_C(1000000000)}};
    struct cm_arena *reading = cm_arena_new(ARENA);
    if (reading == NULL || hello->rule_set_count == 0) {
        die("a node without rules", NULL);
    }
    const struct cm_bytes payload = hello->rule_sets[hello->rule_set_count - 1].payload;
    must(cm_ruleset_decode(&set, reading, payload, NULL), "a node's rules are damaged");
    snprintf(session->agency, sizeof session->agency, "%s", hello->agency);
    session->sent_size = hello->tree_size;
    session->rules_sequence = set.sequence;
    session->directory_serial = hello->directory_serial;
    cm_sha256_of(&session->rules_digest, payload);
    must(cm_random(down.welcome.session, sizeof down.welcome.session), "no random bytes");
    send_down(session, &down);
    cm_arena_free(reading);
}

static void take_refusal(const struct cm_attach_up *up, struct cm_arena *reading)
{
    struct cm_refusal refusal;
    if (up->ask != asked.ask ||
        cm_refusal_decode(&refusal, reading, up->envelope.payload, NULL) != CM_OK) {
        die("a refusal of what was not asked", NULL);
    }
    asked.refused = true;
    asked.code = refusal.code;
    asked.over = true;
}

static void on_up(void *owner, struct cm_bytes message)
{
    struct session *session = owner;
    struct cm_attach_up up;
    struct cm_arena *reading = cm_arena_new(ARENA);
    if (reading == NULL || cm_attach_up_decode(&up, reading, message, NULL) != CM_OK) {
        die("a node sent what is no message", NULL);
    }
    if (up.kind == CM_UP_HELLO) {
        greet(session, &up.hello);
    } else if (up.kind == CM_UP_REFUSE) {
        take_refusal(&up, reading);
    }
    signatures += up.kind == CM_UP_COSIGNATURE;
    cm_arena_free(reading);
    cm_stream_read(session->stream);
}

static void on_detached(void *owner, enum cm_status status, const struct cm_error *error)
{
    struct session *session = owner;
    (void)status;
    (void)error;
    session->stream = NULL;
}

static const struct cm_stream_handlers attach_handlers = {.on_message = on_up,
                                                          .on_closed = on_detached};

static void on_attach(void *context, struct cm_stream *stream)
{
    (void)context;
    for (size_t i = 0; i < MAX_NODES; i++) {
        if (sessions[i].stream == NULL) {
            sessions[i] = (struct session){.stream = stream};
            cm_stream_accept(stream, &attach_handlers, &sessions[i]);
            cm_stream_read(stream);
            return;
        }
    }
    die("more nodes than it has room for", NULL);
}

// Rows are counted, not believed: that any came is the failure.
static void on_batch(void *owner, struct cm_bytes message)
{
    struct cm_stream **answer = owner;
    struct cm_answer_request request;
    struct cm_arena *reading = cm_arena_new(ARENA);
    if (reading == NULL || cm_answer_request_decode(&request, reading, message, NULL) != CM_OK) {
        die("a node sent what is no answer", NULL);
    }
    asked.rows += request.is_start ? 0 : request.batch.row_count;
    cm_arena_free(reading);
    cm_stream_read(*answer);
}

static void on_answered(void *owner)
{
    struct cm_stream **answer = owner;
    must(cm_stream_write(*answer, CM_BYTES_NONE), "not sent");
    cm_stream_finish(*answer, CM_OK, NULL);
}

static void on_answer_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    (void)status;
    (void)error;
    asked.over = true;
    free(owner);
}

static const struct cm_stream_handlers answer_handlers = {
    .on_message = on_batch, .on_end = on_answered, .on_closed = on_answer_closed};

static void on_answer(void *context, struct cm_stream *stream)
{
    struct cm_stream **answer = malloc(sizeof *answer);
    (void)context;
    if (answer == NULL) {
        die("out of memory", NULL);
    }
    *answer = stream;
    cm_stream_accept(stream, &answer_handlers, answer);
    cm_stream_read(stream);
}

static void read_request(struct cm_lookup_request *out, const char *file)
{
    struct cm_error error = {0};
    struct cm_buf bytes = {0};
    if (cm_file_read(&bytes, file, MAX_FILE, &error) != CM_OK ||
        cm_lookup_request_decode(out, arena, into_arena(&bytes), &error) != CM_OK) {
        die("no request:", &error);
    }
}

static bool is_recorded;

static void recorded(struct cm_append *append)
{
    must(append->status, "our own ledger failed");
    is_recorded = true;
}

// The entry that an honest gateway would make of it.
static void record(struct cm_append *append, struct cm_ask *ask, const struct session *session)
{
    struct cm_query query;
    struct cm_identity requester;
    struct cm_buf bytes = {0};
    struct cm_entry entry = {.kind = CM_ENTRY_QUERY,
                             .recorded_ms = cm_wall_ms(cm_clock_system()),
                             .directory_serial = session->directory_serial,
                             .decisions = 1,
                             .gateway = "",
                             .deciding_rule = "",
                             .agency = "",
                             .text = ""};
    must(cm_query_decode(&query, arena, ask->query.payload, NULL), "no query");
    must(cm_identity_parse(&requester, cm_bytes_of(query.signer), NULL), "no signer");
    cm_sha256_of(&entry.digest, ask->query.payload);
    cm_query_replay_key(&entry.replay_key, &query);
    entry.expires_ms = query.expires_ms;
    cm_commitments_of(&entry.commitments, &query, requester.agency);
    cm_merkle_leaf(&entry.decisions_root, ask->leaf);
    must(cm_entry_encode(&bytes, &entry), "no entry");
    ask->entry = into_arena(&bytes);
    *append = (struct cm_append){.entry = ask->entry, .done = recorded};
    is_recorded = false;
    must(cm_ledger_append(ledger, append), "not recorded");
    while (!is_recorded) {
        cm_loop_step(loop, STEP_MS);
    }
}

static void decide(struct cm_ask *ask, const struct session *session)
{
    struct cm_buf bytes = {0};
    struct cm_decision_leaf leaf = {.agency = session->agency,
                                    .permitted = true,
                                    .rules_sequence = session->rules_sequence,
                                    .rules_digest = session->rules_digest};
    must(cm_random(leaf.salt, sizeof leaf.salt), "no random bytes");
    must(cm_decision_leaf_encode(&bytes, &leaf), "no leaf");
    ask->leaf = into_arena(&bytes);
}

static void prove(struct cm_ask *ask, const struct cm_append *append, struct session *session)
{
    const uint64_t size = append->head->checkpoint.size;
    must(cm_arena_bytes(arena, &ask->checkpoint, append->head->note), "out of memory");
    must(cm_ledger_prove_inclusion(&ask->inclusion, arena, ledger, append->index, size),
         "no inclusion");
    must(cm_ledger_prove_consistency(&ask->consistency, arena, ledger, session->sent_size, size),
         "no consistency");
    session->sent_size = size;
}

static struct session *wait_for_session(const char *agency, int64_t until)
{
    struct session *session = NULL;
    while ((session = session_of(agency)) == NULL && mono() < until) {
        cm_loop_step(loop, STEP_MS);
    }
    return session;
}

static void tell(struct cm_bytes payload)
{
    char id[2 * ID_BYTES + 1];
    struct cm_digest digest;
    cm_sha256_of(&digest, payload);
    cm_hex(id, (struct cm_bytes){digest.b, ID_BYTES});
    printf("%s=%s rows=%zu digest=%s\n",
           asked.refused ? "refused"
           : asked.over  ? "answered"
                         : "broken",
           asked.refused ? cm_refusal_name(asked.code) : "", asked.rows, id);
}

// Decides and records the ask for a session that is still there then: a node that was killed is
// seen to be gone only while the loop turns.
static struct session *make_ask(struct cm_ask *ask, struct cm_append *append, const char *agency,
                                int64_t until)
{
    struct session *session;
    append->head = NULL;
    do {
        cm_tree_head_unref(append->head);
        session = wait_for_session(agency, until);
        if (session == NULL) {
            die("no session", NULL);
        }
        decide(ask, session);
        record(append, ask, session);
        prove(ask, append, session);
    } while (session->stream == NULL);
    return session;
}

static void ask_node(const char *agency, const char *file, unsigned attempt)
{
    static uint64_t last_ask;
    struct cm_append append;
    struct cm_lookup_request request;
    const int64_t until = mono() + WAIT_MS;
    read_request(&request, file);
    struct cm_attach_down down = {
        .kind = CM_DOWN_ASK,
        .ask = {.ask = ++last_ask,
                .attempt = attempt,
                .remaining_ms = WAIT_MS,
                .limit = 100,
                .query = request.query},
    };
    must(cm_random(down.ask.token, sizeof down.ask.token), "no random bytes");
    struct session *session = make_ask(&down.ask, &append, agency, until);
    asked = (struct asked){.ask = last_ask};
    send_down(session, &down);
    while (!asked.over && session->stream != NULL && mono() < until) {
        cm_loop_step(loop, STEP_MS);
    }
    cm_tree_head_unref(append.head);
    tell(request.query.payload);
}

static void insist(const char *agency)
{
    enum { MOST = 200 };
    const int64_t until = mono() + WAIT_MS;
    struct session *session = wait_for_session(agency, until);
    struct cm_tree_head *head = cm_ledger_head(ledger);
    struct cm_attach_down down = {.kind = CM_DOWN_CHECKPOINT, .checkpoint.checkpoint = head->note};
    if (session == NULL) {
        die("no session", NULL);
    }
    signatures = 0;
    for (unsigned shown = 0; session->stream != NULL && shown < MOST && mono() < until;) {
        if (signatures == shown) {
            must(cm_ledger_prove_consistency(&down.checkpoint.consistency, arena, ledger,
                                             session->sent_size, head->checkpoint.size),
                 "no consistency");
            session->sent_size = head->checkpoint.size;
            send_down(session, &down);
            shown++;
        }
        cm_loop_step(loop, STEP_MS);
    }
    printf("signed=%u left=%d\n", signatures, session->stream == NULL);
}

static void expire(const char *file)
{
    struct cm_lookup_request request;
    struct cm_query query;
    read_request(&request, file);
    must(cm_query_decode(&query, arena, request.query.payload, NULL), "no query");
    while (cm_wall_ms(cm_clock_system()) <= query.expires_ms + CM_SKEW_MS) {
        cm_loop_step(loop, STEP_MS);
    }
    printf("expired\n");
}

static void obey(char *line)
{
    char *rest = NULL;
    const char *verb = strtok_r(line, " ", &rest);
    const char *first = strtok_r(NULL, " ", &rest);
    const char *second = strtok_r(NULL, " ", &rest);
    const char *third = strtok_r(NULL, " ", &rest);
    cm_arena_reset(arena);
    if (third != NULL && strcmp(verb, "ask") == 0) {
        ask_node(first, second, (unsigned)strtoul(third, NULL, 10));
    } else if (first != NULL && strcmp(verb, "show") == 0) {
        insist(first);
    } else if (first != NULL && strcmp(verb, "expire") == 0) {
        expire(first);
    } else {
        die("no such command", NULL);
    }
    fflush(stdout);
}

// One line at a time comes: whoever commands waits for what came of it.
static bool take_line(char line[MAX_LINE])
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, 0) == 0) {
        cm_loop_step(loop, STEP_MS);
    }
    const ssize_t len = read(STDIN_FILENO, line, MAX_LINE - 1);
    if (len <= 0 || line[len - 1] != '\n') {
        return false;
    }
    line[len - 1] = '\0';
    return true;
}

static void open_ledger(const char *folder,
                        enum cm_status (*replay)(void *context, const struct cm_log_item *item))
{
    struct cm_error error = {0};
    const struct cm_ledger_options options = {.folder = folder,
                                              .signer = signer,
                                              .poster = cm_loop_poster(loop),
                                              .max_waiting = 16,
                                              .replay = replay};
    if (cm_ledger_open(&ledger, &options, &error) != CM_OK) {
        die("no ledger:", &error);
    }
}

static void start(char **argv)
{
    struct cm_error error = {0};
    if (cm_loop_new(&loop, &error) != CM_OK ||
        cm_signer_load(&signer, argv[0], argv[1], NULL, &error) != CM_OK) {
        die("cannot start:", &error);
    }
    arena = cm_arena_new(ARENA);
    if (arena == NULL) {
        die("out of memory", NULL);
    }
}

static void end(void)
{
    cm_ledger_close(ledger);
    cm_loop_free(loop);
    cm_signer_unref(signer);
    cm_arena_free(arena);
}

static int serve(char **argv)
{
    char line[MAX_LINE];
    struct cm_error error = {0};
    struct cm_server *server;
    const struct cm_method methods[] = {
        {CM_METHOD_ATTACH, on_attach, NULL, ARENA, MAX_NODES},
        {CM_METHOD_ANSWER, on_answer, NULL, CM_MAX_BATCH_MESSAGE, MAX_NODES},
    };
    name = argv[0];
    start(argv + 2);
    open_ledger(argv[5], NULL);
    const struct cm_server_options options = {
        .address = argv[1],
        .tls = {argv[2], argv[3], argv[4]},
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .max_connections = 64,
    };
    if (cm_server_new(&server, loop, &options, &error) != CM_OK) {
        die("no server:", &error);
    }
    while (take_line(line)) {
        obey(line);
    }
    cm_server_shutdown(server, 0, NULL, NULL);
    cm_server_free(server);
    end();
    return 0;
}

static enum cm_status show(void *context, const struct cm_log_item *item)
{
    struct cm_entry entry;
    (void)context;
    cm_arena_reset(arena);
    must(cm_entry_decode(&entry, arena, item->entry, NULL), "an entry is damaged");
    if (entry.kind == CM_ENTRY_NODE) {
        char id[2 * ID_BYTES + 1];
        cm_hex(id, (struct cm_bytes){entry.digest.b, ID_BYTES});
        printf("gateway=%s digest=%s refusal=%s\n", entry.gateway, id,
               cm_refusal_name((enum cm_refusal_code)entry.refusal));
    }
    for (size_t i = 0; entry.kind == CM_ENTRY_REJECTED && i < entry.count_count; i++) {
        printf("%llu refused without an entry: %s\n", (unsigned long long)entry.counts[i].count,
               cm_status_name((enum cm_status)entry.counts[i].code));
    }
    return CM_OK;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "entries") == 0) {
        start(argv + 2);
        open_ledger(argv[4], show);
        end();
        return 0;
    }
    if (argc != 7) {
        die("usage: crooked NAME HOST:PORT KEY CHAIN ROOT LEDGER-FOLDER", NULL);
    }
    return serve(argv + 1);
}
