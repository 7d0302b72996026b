// The real comity-gatewayd: what its ledger tells of questions, and their copies for the node of
// the agency whose people asked, whether it listens, keeps silent, leaves, or nobody is there.
#include "gateway_daemon_peers.h"

#include "proto/base/daemon.h"
#include "proto/ledger/record.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NORTHPORT "ca.northport.pd"
#define MILLTOWN  "ca.milltown.pd"

static struct daemon daemon_;
static struct daemon *const gateway = &daemon_;
static struct peer milltown, northport, investigator;

static void open_peers(void)
{
    peer_open(&milltown, gateway, MILLTOWN, CM_ROLE_NODE, "node-1");
    peer_open(&northport, gateway, NORTHPORT, CM_ROLE_NODE, "node-1");
    peer_open(&investigator, gateway, NORTHPORT, CM_ROLE_INVESTIGATOR, "inv-1");
}

static void close_peers(void)
{
    peer_close(&milltown);
    peer_close(&northport);
    peer_close(&investigator);
}

static void setup(void)
{
    daemon_new(gateway);
    open_peers();
}

static void teardown(void)
{
    close_peers();
    daemon_free(gateway);
}

TestSuite(gateway_copies, .init = setup, .fini = teardown, .timeout = 280);

static void end(struct call *call)
{
    if (call->stream) {
        cm_stream_cancel(call->stream);
    }
    DAEMON_UNTIL(gateway, call->closed);
    call_clear(call);
}

static void attach_with(struct call *call, struct peer *peer, const char *agency, uint32_t credits)
{
    struct cm_attach_down welcome;
    call_open(call, peer, CM_METHOD_ATTACH);
    hello_send(call, peer, agency, 1, OPEN_RULES, credits);
    DAEMON_UNTIL(gateway, call->count >= 1 || call->closed);
    cr_assert_not(call->closed, "%s: %s", call->error.where, call->error.text);
    down_of(&welcome, call, 0);
    cr_assert_eq(welcome.kind, CM_DOWN_WELCOME);
}

static void attach(struct call *call, struct peer *peer, const char *agency)
{
    attach_with(call, peer, agency, CM_CREDITS);
}

static bool has_down(struct cm_attach_down *out, const struct call *call, size_t *at,
                     enum cm_attach_down_kind kind)
{
    for (; *at < call->count; ++*at) {
        down_of(out, call, *at);
        if (out->kind == kind) {
            return true;
        }
    }
    return false;
}

// The first message of that kind from *at on; *at is behind it then.
static void take_down(struct cm_attach_down *out, const struct call *call, size_t *at,
                      enum cm_attach_down_kind kind)
{
    DAEMON_UNTIL(gateway, has_down(out, call, at, kind));
    ++*at;
}

static void copied(struct call *call, uint64_t number)
{
    const struct cm_attach_up up = {.kind = CM_UP_COPIED, .copied = number};
    up_send(call, gateway, &up);
}

static unsigned recorded(enum cm_entry_kind kind, struct cm_entry *last, struct cm_arena *arena)
{
    return ledger_recorded(gateway->data, kind, last, arena);
}

static unsigned count_recorded(enum cm_entry_kind kind)
{
    return ledger_count(gateway->data, kind);
}

// Copies of Northport's that wait on disk, whole.
static unsigned on_disk(void)
{
    char folder[2 * PKI_PATH];
    unsigned count = 0;
    snprintf(folder, sizeof folder, "%s/copies/%s", gateway->data, NORTHPORT);
    DIR *all = opendir(folder);
    for (struct dirent *one; all && (one = readdir(all));) {
        count += strchr(one->d_name, '.') == NULL;
    }
    if (all) {
        closedir(all);
    }
    return count;
}

static void check_copy(const struct cm_copy *copy, const struct question *question,
                       enum cm_entry_kind kind, struct cm_manifest *manifest)
{
    struct cm_arena *arena = cm_arena_new(16 << 20);
    const struct pki_identity *keeper = pki_identity(gateway->pki, "_", CM_ROLE_GATEWAY, "gw-1");
    struct cm_trust *trust = pki_trust(gateway->pki);
    struct cm_signatory *signers[2] = {0};
    struct cm_signatory *who;
    struct cm_entry entry;
    struct cm_checkpoint head;
    struct cm_error error = {0};
    struct cm_digest digest;
    int64_t now = cm_wall_ms(cm_clock_system());
    cm_sha256_of(&digest, copy->query.payload);
    cr_assert(cm_digest_equal(&digest, &question->digest));
    cr_assert_eq(cm_trust_verify(signers, trust, &copy->query, NULL, now, &error), CM_OK, "%s: %s",
                 error.where, error.text);
    cr_assert_str_eq(cm_signatory_identity(signers[0])->name, "inv-1");
    cm_signatory_unref(signers[0]);
    cr_assert_eq(cm_trust_chain(&who, trust, keeper->chain, keeper->chain_count, now, &error),
                 CM_OK);
    cr_assert_eq(cm_record_open(&entry, &head, arena, &copy->record, keeper->spiffe,
                                cm_signatory_key(who), &error),
                 CM_OK, "%s: %s", error.where, error.text);
    cm_signatory_unref(who);
    cr_assert_eq(entry.kind, kind);
    cr_assert(cm_digest_equal(&entry.digest, &digest));
    cr_assert_eq(copy->record.inclusion.index, copy->number);
    cr_assert_eq(cm_trust_verify(signers, trust, &copy->manifest, NULL, now, &error), CM_OK,
                 "%s: %s", error.where, error.text);
    cm_signatory_unref(signers[0]);
    static struct cm_arena *kept; // for the manifest
    kept = kept ? kept : cm_arena_new(16 << 20);
    cr_assert_eq(cm_manifest_decode(manifest, kept, copy->manifest.payload, &error), CM_OK);
    cr_assert(cm_digest_equal(&manifest->query_digest, &digest));
    cm_trust_unref(trust);
    cm_arena_free(arena);
}

static void ask_to_the_end(struct question *question)
{
    struct call lookup;
    question_make(question, &investigator);
    question_send(&lookup, &investigator, question);
    DAEMON_UNTIL(gateway, lookup.closed);
    cr_assert_eq(lookup.status, CM_OK, "%s", lookup.error.text);
    call_clear(&lookup);
}

Test(gateway_copies, goes_to_the_asking_agencys_node_and_then_the_end_is_recorded)
{
    struct call node, owner, lookup;
    struct cm_attach_down ask, copy;
    struct question question;
    struct cm_manifest manifest;
    size_t at = 0, owner_at = 0;
    attach(&owner, &milltown, MILLTOWN);
    attach_with(&node, &northport, NORTHPORT, 0); // it keeps copies and answers nothing
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_down(&ask, &owner, &owner_at, CM_DOWN_ASK);
    refuse_send(&owner, &milltown, &question, &ask, MILLTOWN);
    take_down(&copy, &node, &at, CM_DOWN_COPY);
    check_copy(&copy.copy, &question, CM_ENTRY_QUERY, &manifest);
    cr_assert_eq(manifest.counts[CM_OUTCOME_REFUSED], 1);
    cr_assert_eq(manifest.counts[CM_OUTCOME_OFFLINE], 2, "whose node has no store isn't asked");
    cr_assert_eq(copy.copy.leaf_count, 1);
    cr_assert_eq(count_recorded(CM_ENTRY_MANIFEST), 0, "not before the copy is safe");
    copied(&node, copy.copy.number);
    DAEMON_UNTIL(gateway, count_recorded(CM_ENTRY_MANIFEST) == 1);
    struct cm_arena *arena = cm_arena_new(16 << 20);
    struct cm_entry entry;
    struct cm_digest digest;
    cr_assert_eq(recorded(CM_ENTRY_MANIFEST, &entry, arena), 1);
    cm_sha256_of(&digest, copy.copy.manifest.payload);
    cr_assert(cm_digest_equal(&entry.last_digest, &digest));
    cr_assert_eq(entry.gateway_index, copy.copy.number);
    cr_assert_eq(entry.decisions, 1);
    cm_arena_free(arena);
    cr_assert_eq(on_disk(), 0);
    DAEMON_UNTIL(gateway, lookup.closed);
    call_clear(&lookup);
    end(&node);
    end(&owner);
    cm_buf_clear(&question.request);
}

Test(gateway_copies, waits_on_disk_for_a_node_across_restarts)
{
    struct call node;
    struct cm_attach_down copy;
    struct question question;
    struct cm_manifest manifest;
    size_t at = 0;
    ask_to_the_end(&question);
    DAEMON_UNTIL(gateway, on_disk() == 1);
    close_peers();
    daemon_stop(gateway);
    daemon_start(gateway);
    open_peers();
    attach(&node, &northport, NORTHPORT);
    take_down(&copy, &node, &at, CM_DOWN_COPY);
    check_copy(&copy.copy, &question, CM_ENTRY_QUERY, &manifest);
    cr_assert_eq(manifest.counts[CM_OUTCOME_OFFLINE], 3);
    copied(&node, copy.copy.number);
    DAEMON_UNTIL(gateway, on_disk() == 0);
    cr_assert_eq(count_recorded(CM_ENTRY_MANIFEST), 1);
    end(&node);
    cm_buf_clear(&question.request);
}

Test(gateway_copies, what_a_node_left_without_acknowledging_is_kept_for_the_next)
{
    struct call node;
    struct cm_attach_down copy;
    struct question question;
    struct cm_manifest manifest;
    size_t at = 0;
    attach_with(&node, &northport, NORTHPORT, 0);
    ask_to_the_end(&question);
    take_down(&copy, &node, &at, CM_DOWN_COPY);
    cr_assert_eq(on_disk(), 0);
    end(&node);
    DAEMON_UNTIL(gateway, on_disk() == 1);
    at = 0;
    attach_with(&node, &northport, NORTHPORT, 0);
    take_down(&copy, &node, &at, CM_DOWN_COPY);
    check_copy(&copy.copy, &question, CM_ENTRY_QUERY, &manifest);
    // Acknowledged of what it never got: nothing comes of it.
    copied(&node, copy.copy.number + 1000);
    copied(&node, copy.copy.number);
    DAEMON_UNTIL(gateway, on_disk() == 0);
    end(&node);
    cm_buf_clear(&question.request);
}

Test(gateway_copies, a_drain_keeps_what_is_not_acknowledged)
{
    struct call node;
    struct cm_attach_down copy;
    struct question question;
    size_t at = 0;
    attach_with(&node, &northport, NORTHPORT, 0);
    ask_to_the_end(&question);
    take_down(&copy, &node, &at, CM_DOWN_COPY);
    daemon_signal(gateway, SIGTERM);
    DAEMON_UNTIL(gateway, node.closed);
    call_clear(&node);
    close_peers();
    daemon_stop(gateway);
    cr_assert_eq(on_disk(), 1);
    cr_assert_eq(count_recorded(CM_ENTRY_MANIFEST), 1);
    cr_assert_eq(count_recorded(CM_ENTRY_STOP), 1);
    daemon_start(gateway);
    open_peers();
    cm_buf_clear(&question.request);
}

static void kill_gateway(void)
{
    int status;
    daemon_signal(gateway, SIGKILL);
    cr_assert_eq(waitpid(gateway->pid, &status, 0), gateway->pid);
    close(gateway->out);
}

// Two questions are under way when it is killed.
static void crash_while_asking(struct question question[2])
{
    struct call owner, lookup[2];
    struct cm_attach_down ask;
    size_t at = 0;
    attach(&owner, &milltown, MILLTOWN);
    for (size_t i = 0; i < 2; i++) {
        question_make(&question[i], &investigator);
        question_send(&lookup[i], &investigator, &question[i]);
        take_down(&ask, &owner, &at, CM_DOWN_ASK);
    }
    kill_gateway();
    DAEMON_UNTIL(gateway, owner.closed && lookup[0].closed && lookup[1].closed);
    call_clear(&owner);
    call_clear(&lookup[0]);
    call_clear(&lookup[1]);
    close_peers();
}

// Of two questions of one key the second's chain lies with the first.
Test(gateway_copies, what_a_crash_left_open_is_made_again_from_the_ledger)
{
    struct call node;
    struct cm_attach_down copy;
    struct question question[2];
    struct cm_manifest manifest;
    size_t at = 0;
    crash_while_asking(question);
    cr_assert_eq(count_recorded(CM_ENTRY_MANIFEST), 0);
    daemon_start(gateway);
    open_peers();
    DAEMON_UNTIL(gateway, on_disk() == 2);
    at = 0;
    attach_with(&node, &northport, NORTHPORT, 0);
    for (size_t i = 0; i < 2; i++) {
        take_down(&copy, &node, &at, CM_DOWN_COPY);
        check_copy(&copy.copy, &question[i], CM_ENTRY_QUERY, &manifest);
        for (int outcome = 0; outcome < CM_OUTCOME_COUNT; outcome++) {
            cr_assert_eq(manifest.counts[outcome], 0, "nobody knows any more");
        }
        copied(&node, copy.copy.number);
        cm_buf_clear(&question[i].request);
    }
    DAEMON_UNTIL(gateway, on_disk() == 0 && count_recorded(CM_ENTRY_MANIFEST) == 2);
    end(&node);
    close_peers();
    daemon_stop(gateway);
    daemon_start(gateway);
    open_peers();
    at = 0;
    attach_with(&node, &northport, NORTHPORT, 0);
    ask_to_the_end(&question[0]);
    take_down(&copy, &node, &at, CM_DOWN_COPY);
    check_copy(&copy.copy, &question[0], CM_ENTRY_QUERY, &manifest); // not what ended before
    end(&node);
    cm_buf_clear(&question[0].request);
}

static void shell(const char *what)
{
    char command[4 * PKI_PATH];
    snprintf(command, sizeof command, "cd '%s' && %s", gateway->data, what);
    cr_assert_eq(system(command), 0);
}

// As if it had been killed after the copies' files were written and before their ends were
// recorded; and with room for one entry at a time.
Test(gateway_copies, what_is_on_disk_after_a_crash_is_recorded_as_it_ended)
{
    struct call node;
    struct cm_attach_down copy;
    struct question question[2];
    struct cm_manifest manifest;
    struct cm_arena *arena = cm_arena_new(16 << 20);
    struct cm_entry entry;
    struct cm_digest digest;
    size_t at = 0;
    crash_while_asking(question);
    shell("cp -a ledger before");
    daemon_start(gateway);
    DAEMON_UNTIL(gateway, on_disk() == 2 && count_recorded(CM_ENTRY_MANIFEST) == 2);
    daemon_stop(gateway);
    shell("rm -r ledger && mv before ledger");
    FILE *ini = fopen(gateway->ini, "a");
    fprintf(ini, "waiting = 1\n"); // of [limits]
    fclose(ini);
    daemon_start(gateway);
    open_peers();
    DAEMON_UNTIL(gateway, count_recorded(CM_ENTRY_MANIFEST) == 2);
    at = 0;
    attach_with(&node, &northport, NORTHPORT, 0);
    for (size_t i = 0; i < 2; i++) {
        take_down(&copy, &node, &at, CM_DOWN_COPY);
        check_copy(&copy.copy, &question[i], CM_ENTRY_QUERY, &manifest);
        copied(&node, copy.copy.number);
        cm_buf_clear(&question[i].request);
    }
    cr_assert_eq(recorded(CM_ENTRY_MANIFEST, &entry, arena), 2);
    cm_sha256_of(&digest, copy.copy.manifest.payload);
    cr_assert(cm_digest_equal(&entry.last_digest, &digest), "two ledgers name one manifest");
    cm_arena_free(arena);
    end(&node);
}

Test(gateway_copies, a_caller_that_hangs_up_has_asked_all_the_same)
{
    struct call owner, node, lookup;
    struct cm_attach_down ask, copy;
    struct question question;
    struct cm_manifest manifest;
    size_t at = 0, owner_at = 0;
    attach(&owner, &milltown, MILLTOWN);
    attach_with(&node, &northport, NORTHPORT, 0);
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    take_down(&ask, &owner, &owner_at, CM_DOWN_ASK);
    end(&lookup);
    take_down(&copy, &node, &at, CM_DOWN_COPY);
    check_copy(&copy.copy, &question, CM_ENTRY_QUERY, &manifest);
    cr_assert_eq(manifest.counts[CM_OUTCOME_LATE], 1);
    end(&node);
    end(&owner);
    cm_buf_clear(&question.request);
}

Test(gateway_copies, a_refused_question_is_recorded_and_copied_too)
{
    struct call node, lookup;
    struct cm_attach_down copy;
    struct question question;
    struct cm_manifest manifest;
    struct cm_arena *arena = cm_arena_new(16 << 20);
    struct cm_entry entry;
    size_t at = 0;
    attach_with(&node, &northport, NORTHPORT, 0);
    ask_to_the_end(&question);
    take_down(&copy, &node, &at, CM_DOWN_COPY);
    question_send(&lookup, &investigator, &question);
    DAEMON_UNTIL(gateway, lookup.closed);
    cr_assert_eq(lookup.status, CM_REPLAYED);
    call_clear(&lookup);
    take_down(&copy, &node, &at, CM_DOWN_COPY);
    check_copy(&copy.copy, &question, CM_ENTRY_REFUSED, &manifest);
    cr_assert_eq(recorded(CM_ENTRY_REFUSED, &entry, arena), 1);
    cr_assert_eq(entry.refusal, (uint32_t)CM_REPLAYED);
    cr_assert(entry.sealed && entry.committed);
    cm_arena_free(arena);
    end(&node);
    cm_buf_clear(&question.request);
}

Test(gateway_copies, a_flood_of_refusals_hardly_grows_the_ledger)
{
    struct call lookup;
    struct question question;
    struct cm_arena *arena = cm_arena_new(16 << 20);
    struct cm_entry entry;
    ask_to_the_end(&question);
    for (unsigned i = 0; i < 60; i++) {
        question_send(&lookup, &investigator, &question);
        DAEMON_UNTIL(gateway, lookup.closed);
        cr_assert_eq(lookup.status, CM_REPLAYED);
        call_clear(&lookup);
    }
    uint8_t *last = &question.request.data[question.request.len / 2];
    *last ^= 1; // and one that nobody signed so
    question_send(&lookup, &investigator, &question);
    DAEMON_UNTIL(gateway, lookup.closed);
    cr_assert_neq(lookup.status, CM_OK);
    call_clear(&lookup);
    close_peers();
    daemon_stop(gateway);
    unsigned own = recorded(CM_ENTRY_REFUSED, &entry, arena);
    cr_assert_geq(own, 10);
    cr_assert_leq(own, 30);
    cr_assert_eq(recorded(CM_ENTRY_REJECTED, &entry, arena), 1);
    uint64_t counted = 0;
    for (size_t i = 0; i < entry.count_count; i++) {
        counted += entry.counts[i].count;
    }
    cr_assert_eq(own + counted, 61, "each is recorded or counted");
    cm_arena_free(arena);
    daemon_start(gateway);
    open_peers();
    cm_buf_clear(&question.request);
}

Test(gateway_copies, nothing_clear_is_in_any_file)
{
    struct question question;
    char command[4 * PKI_PATH];
    struct cm_arena *arena = cm_arena_new(16 << 20);
    struct cm_entry entry;
    ask_to_the_end(&question);
    DAEMON_UNTIL(gateway, on_disk() == 1);
    snprintf(command, sizeof command,
             "! grep -r -q -e 8ABC123 -e 'seen twice' -e investigator/inv-1 -e 26-1234 '%s'",
             gateway->data);
    cr_assert_eq(system(command), 0);
    cr_assert_eq(recorded(CM_ENTRY_START, &entry, arena), 1);
    cr_assert_not(cm_digest_is_zero(&entry.digest), "of the configuration");
    cr_assert_str_eq(entry.text, cm_daemon_version());
    cm_arena_free(arena);
    cm_buf_clear(&question.request);
}
