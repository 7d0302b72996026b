#include "gateway/client/call.h"

#include "proto/ledger/checkpoint.h"
#include "proto/ledger/merkle.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

// A gateway on the client's own loop that answers a reach as each test bends it.
#define NORTHPORT "ca.northport.pd"

static struct pki *pki;
static const struct pki_identity *identity;
static struct cm_loop *loop;
static struct cm_server *server;
static struct cm_arena *arena;
static struct cm_settings settings;
static struct cm_asking asking;
static struct cm_call_result result;
static struct cm_error error;

// How it lies, or refuses.
static int answers;
static uint64_t ahead; // its directory's serial is so much greater
static struct cm_error refusal;

struct asked {
    struct cm_stream *stream;
    struct cm_buf answer;
    int left;
};
static struct asked asked;

static struct cm_bytes keep(struct cm_buf *buf)
{
    struct cm_bytes kept;
    cr_assert_eq(cm_arena_bytes(arena, &kept, cm_buf_bytes(buf)), CM_OK);
    cm_buf_clear(buf);
    return kept;
}

static void make_answer(const struct cm_digest *digest)
{
    struct cm_trust *trust = cm_directory_store_newest(settings.store);
    const struct cm_directory *directory = cm_trust_directory(trust);
    const struct cm_progress agencies[] = {{.agency = NORTHPORT}};
    struct cm_checkpoint head = {.size = 1};
    struct cm_buf entry = {0};
    struct cm_buf note = {0};
    const struct cm_entry facts = {
        .kind = CM_ENTRY_REACH,
        .recorded_ms = pki->now_ms,
        .digest = *digest,
        .replay_key = {{7}},
        .expires_ms = pki->now_ms + 1000,
        .directory_serial = directory->serial + ahead,
        .decisions = 1,
    };
    cr_assert_eq(cm_entry_encode(&entry, &facts), CM_OK);
    struct cm_reach_response response = {
        .directory_serial = directory->serial + ahead,
        .directory_digest = directory->digest,
        .entry = keep(&entry),
        .inclusion = {.index = 0, .size = 1},
        .agency_count = 1,
        .agencies = agencies,
    };
    cm_merkle_leaf(&head.root, response.entry);
    cr_assert_eq(cm_checkpoint_origin(head.origin, cm_signer_spiffe(identity->signer)), CM_OK);
    cr_assert_eq(cm_checkpoint_sign(&note, &head, identity->signer), CM_OK);
    response.checkpoint = keep(&note);
    cr_assert_eq(cm_reach_response_encode(&asked.answer, &response), CM_OK);
    cm_trust_unref(trust);
}

static void send_next(void *owner)
{
    (void)owner;
    if (asked.left > 0) {
        asked.left--;
        cr_assert_eq(cm_stream_write(asked.stream, cm_buf_bytes(&asked.answer)), CM_OK);
    }
    if (asked.left == 0) {
        asked.left--;
        cm_stream_finish(asked.stream, refusal.status, &refusal);
    }
}

static void on_question(void *owner, struct cm_bytes message)
{
    struct cm_lookup_request request;
    struct cm_digest digest;
    cr_assert_eq(cm_lookup_request_decode(&request, arena, message, &error), CM_OK);
    cm_sha256_of(&digest, request.query.payload);
    make_answer(&digest);
    asked.left = answers;
    send_next(owner);
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *why)
{
    (void)owner;
    (void)status;
    (void)why;
    cm_buf_clear(&asked.answer);
}

static void on_open(void *context, struct cm_stream *stream)
{
    static const struct cm_stream_handlers handlers = {
        .on_message = on_question, .on_writable = send_next, .on_closed = on_closed};
    (void)context;
    asked.stream = stream;
    cm_stream_accept(stream, &handlers, &asked);
    cm_stream_read(stream);
}

static void serve(void)
{
    static const struct cm_method methods[] = {
        {CM_METHOD_REACH, on_open, NULL, CM_MAX_LOOKUP_REQUEST, 4},
    };
    const struct cm_server_options options = {
        .address = "127.0.0.1:0",
        .tls = {identity->key_path, identity->chain_path, pki->root_path},
        .methods = methods,
        .method_count = 1,
        .max_connections = 8,
    };
    cr_assert_eq(cm_server_new(&server, loop, &options, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    struct pki_gateway *gateway = pki_gateway(pki, "gw-1");
    snprintf(gateway->address, sizeof gateway->address, "127.0.0.1:%d", cm_server_port(server));
}

static void load_settings(const struct pki_identity *person)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/client.ini", pki->dir);
    FILE *ini = fopen(path, "w");
    cr_assert_not_null(ini);
    fprintf(ini, "[federation]\nroot = %s\ndirectory = %s\n", pki->root_path, pki_bundle_file(pki));
    fprintf(ini, "[identity]\nkey = %s\nchain = %s\n", person->key_path, person->chain_path);
    fprintf(ini, "[state]\nfolder = %s/state\n", pki->dir);
    fclose(ini);
    cr_assert_eq(cm_settings_load(&settings, path, NULL, &error), CM_OK, "%s: %s", error.where,
                 error.text);
}

static void set_up(void)
{
    // Writable: the case number is wiped once it is read.
    static char words[][16] = {"comity reach", "--purpose", "homicide", "--case", "26-1"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4], NULL};
    pki = pki_new();
    pki_agency(pki, NORTHPORT);
    pki_identity(pki, NORTHPORT, CM_ROLE_NODE, "n");
    identity = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    const struct pki_identity *person =
        pki_identity(pki, NORTHPORT, CM_ROLE_INVESTIGATOR, "rivera");
    arena = cm_arena_new(1024 * 1024);
    cr_assert_eq(cm_loop_new(&loop, &error), CM_OK);
    serve();
    load_settings(person);
    struct cm_trust *trust = cm_directory_store_newest(settings.store);
    cr_assert_eq(cm_asking_parse(&asking, true, 5, argv, &error), CM_OK);
    cr_assert_eq(cm_asking_complete(&asking, &settings, cm_trust_directory(trust), &error), CM_OK,
                 "%s: %s", error.where, error.text);
    cm_trust_unref(trust);
    answers = 1;
}

static void tear_down(void)
{
    cm_call_result_clear(&result);
    cm_asking_clear(&asking);
    cm_server_free(server);
    cm_loop_free(loop);
    cm_settings_clear(&settings);
    cm_arena_free(arena);
    pki_free(pki);
}

TestSuite(call, .init = set_up, .fini = tear_down, .timeout = 60);

static enum cm_status ask(void)
{
    static const volatile sig_atomic_t interrupted;
    struct cm_seen seen = {0};
    const struct cm_call_options options = {
        .loop = loop,
        .settings = &settings,
        .asking = &asking,
        .gateway = "gw-1",
        .seen = &seen,
        .interrupted = &interrupted,
    };
    return cm_call_reach(&result, &options);
}

Test(call, takes_one_answer_that_holds)
{
    cr_expect_eq(ask(), CM_OK, "%s: %s", result.error.where, result.error.text);
    cr_expect_gt(result.reach.len, 0);
}

Test(call, refuses_a_second_answer_after_the_first)
{
    answers = 2;
    cr_expect_eq(ask(), CM_INVALID);
    cr_expect(result.dishonest);
}

Test(call, calls_no_gateway_a_liar_for_a_newer_directory)
{
    ahead = 1;
    cr_expect_eq(ask(), CM_STALE);
    cr_expect_not(result.dishonest);
    cr_expect(result.accepted, "no other gateway is to record it too");
    cr_expect_neq(result.error.hint[0], '\0', "it says what to do");
}

Test(call, passes_on_why_a_gateway_refuses)
{
    answers = 0;
    cm_fail(&refusal, CM_EXHAUSTED, "investigator", "asks too often");
    refusal.retry_after_ms = 700;
    cr_expect_eq(ask(), CM_EXHAUSTED);
    cr_expect_str_eq(result.error.text, "asks too often");
    cr_expect_eq(result.error.retry_after_ms, 700);
    cr_expect_not(result.dishonest || result.accepted);
}

Test(call, says_where_nobody_answered)
{
    cm_server_free(server);
    server = NULL;
    cr_expect_eq(ask(), CM_UNAVAILABLE);
    cr_expect_str_eq(result.error.where, "gw-1");
    cr_expect_not_null(strstr(result.error.text, "cannot be reached at 127.0.0.1:"), "%s",
                       result.error.text);
    cr_expect_neq(result.error.hint[0], '\0', "it says what to do");
}
