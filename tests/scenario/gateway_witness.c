// The real comity-gatewayd as a witness of a node's ledger that is made up here, and the node as
// one of the gateway's: what goes back or forks, killed between remembering and answering, lies.
#include "gateway_daemon_peers.h"
#include "proto/base/file.h"
#include "proto/ledger/cosign.h"
#include "proto/ledger/merkle.h"
#include "proto/ledger/witness.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWNER  "ca.milltown.pd"
#define ORIGIN "valley.test/" OWNER "/node/node-1"
#define RULES  "permit anyone to any for any back 30 days see all"

enum { MOST = 32, PART = 10 };

static struct daemon daemon_;
static struct daemon *const gateway = &daemon_;
static struct peer node;
static struct cm_arena *arena;
static struct cm_merkle *trees[2]; // two histories that part at PART
static struct cm_key *gateway_key;

static void setup(void)
{
    daemon_new(gateway);
    peer_open(&node, gateway, OWNER, CM_ROLE_NODE, "node-1");
    arena = cm_arena_new((size_t)1 << 24);
    for (int history = 0; history < 2; history++) {
        cr_assert_eq(cm_merkle_new(&trees[history]), CM_OK);
        for (int i = 0; i < MOST; i++) {
            struct cm_digest leaf;
            char text[32];
            snprintf(text, sizeof text, "entry %d of %d", i, i < PART ? 0 : history);
            cm_merkle_leaf(&leaf, cm_bytes_of(text));
            cr_assert_eq(cm_merkle_add(trees[history], &leaf), CM_OK);
        }
    }
    const struct pki_identity *identity = pki_identity(gateway->pki, "_", CM_ROLE_GATEWAY, "gw-1");
    cr_assert_eq(cm_key_new(&gateway_key, cm_signer_spki(identity->signer)), CM_OK);
}

static void teardown(void)
{
    peer_close(&node);
    cm_merkle_free(trees[0]);
    cm_merkle_free(trees[1]);
    cm_key_free(gateway_key);
    cm_arena_free(arena);
    daemon_free(gateway);
}

TestSuite(gateway_witness, .init = setup, .fini = teardown, .timeout = 280);

static void end(struct call *call)
{
    if (call->stream) {
        cm_stream_cancel(call->stream);
    }
    DAEMON_UNTIL(gateway, call->closed);
    call_clear(call);
}

static bool find(struct cm_attach_down *out, const struct call *call, enum cm_attach_down_kind kind)
{
    for (size_t i = 0; i < call->count; i++) {
        down_of(out, call, i);
        if (out->kind == kind) {
            return true;
        }
    }
    return false;
}

// What the gateway says it saw.
static uint64_t attach(struct call *call)
{
    struct cm_attach_down welcome;
    call_open(call, &node, CM_METHOD_ATTACH);
    call->attach = false; // checkpoints are to be seen here
    hello_send(call, &node, OWNER, 1, RULES, CM_CREDITS);
    DAEMON_UNTIL(gateway, call->count >= 1 || call->closed);
    cr_assert(find(&welcome, call, CM_DOWN_WELCOME), "%s", call->error.text);
    return welcome.welcome.witnessed_size;
}

static struct cm_bytes note_of(int history, uint64_t size)
{
    struct cm_checkpoint checkpoint = {.origin = ORIGIN, .size = size};
    struct cm_buf note = {0};
    struct cm_bytes out;
    cr_assert_eq(cm_merkle_root(&checkpoint.root, trees[history], size), CM_OK);
    cr_assert_eq(cm_checkpoint_sign(&note, &checkpoint, node.identity->signer), CM_OK);
    cr_assert_eq(cm_arena_bytes(arena, &out, cm_buf_bytes(&note)), CM_OK);
    cm_buf_clear(&note);
    return out;
}

static void offer(struct call *call, int history, uint64_t from, uint64_t size)
{
    struct cm_attach_up up = {.kind = CM_UP_CHECKPOINT,
                              .checkpoint.checkpoint = note_of(history, size)};
    if (from <= size) {
        cr_assert_eq(
            cm_merkle_consistency(&up.checkpoint.consistency, arena, trees[history], from, size),
            CM_OK);
    }
    up_send(call, gateway, &up);
}

static void cosigned(struct call *call, int history, uint64_t size)
{
    struct cm_attach_down answer;
    DAEMON_UNTIL(gateway, find(&answer, call, CM_DOWN_COSIGNATURE) || call->closed);
    cr_assert(find(&answer, call, CM_DOWN_COSIGNATURE), "%s", call->error.text);
    cr_assert_eq(answer.cosignature.size, size);
    cr_expect_eq(cm_cosign_check(NULL, answer.cosignature.line, note_of(history, size),
                                 "valley.test/gateway/gw-1", gateway_key, NULL),
                 CM_OK);
}

// Refused with what was seen, and left.
static void refused(struct call *call, uint64_t seen)
{
    struct cm_attach_down answer;
    struct cm_checkpoint checkpoint;
    DAEMON_UNTIL(gateway, call->closed);
    cr_assert(find(&answer, call, CM_DOWN_COSIGNATURE));
    cr_expect_eq(answer.cosignature.size, 0);
    cr_assert_eq(cm_checkpoint_parse(&checkpoint, answer.cosignature.seen, NULL), CM_OK);
    cr_expect_eq(checkpoint.size, seen);
    cr_expect_eq(call->status, CM_STALE);
}

static void restart(int signal)
{
    peer_close(&node);
    if (signal == SIGKILL) {
        int status;
        daemon_signal(gateway, SIGKILL);
        cr_assert_eq(waitpid(gateway->pid, &status, 0), gateway->pid);
        close(gateway->out);
    } else {
        daemon_stop(gateway);
    }
    daemon_start(gateway);
    peer_open(&node, gateway, OWNER, CM_ROLE_NODE, "node-1");
}

Test(gateway_witness, what_was_signed_is_remembered_however_it_ends)
{
    struct call call;
    cr_assert_eq(attach(&call), 0);
    offer(&call, 0, 0, 12);
    cosigned(&call, 0, 12);
    restart(SIGKILL);
    end(&call);
    cr_assert_eq(attach(&call), 12);
    offer(&call, 0, 12, 20);
    cosigned(&call, 0, 20);
    restart(SIGKILL);
    end(&call);
    cr_assert_eq(attach(&call), 20);
    offer(&call, 0, 20, 12);
    refused(&call, 20);
    end(&call);
}

static uint64_t witnessed_on_disk(void)
{
    char path[PKI_PATH + 32], name[PKI_PATH + 128];
    struct cm_checkpoint checkpoint = {.size = 0};
    struct cm_buf note = {0};
    snprintf(path, sizeof path, "%s/witnessed", gateway->data);
    DIR *list = opendir(path);
    for (const struct dirent *one; list && (one = readdir(list));) {
        snprintf(name, sizeof name, "%s/%.64s", path, one->d_name);
        if (strlen(one->d_name) == 2 * CM_DIGEST_SIZE &&
            cm_file_read(&note, name, CM_MAX_CHECKPOINT, NULL) == CM_OK) {
            cr_assert_eq(cm_checkpoint_parse(&checkpoint, cm_buf_bytes(&note), NULL), CM_OK);
        }
    }
    closedir(list);
    cm_buf_clear(&note);
    return checkpoint.size;
}

// Killed as soon as it is on the disk, whether the node heard of it or not.
Test(gateway_witness, killed_between_remembering_and_answering_it_still_refuses_what_goes_back)
{
    struct call call;
    cr_assert_eq(attach(&call), 0);
    offer(&call, 0, 0, 12);
    DAEMON_UNTIL(gateway, witnessed_on_disk() == 12);
    restart(SIGKILL);
    end(&call);
    cr_assert_eq(attach(&call), 12);
    offer(&call, 1, 12, 12);
    refused(&call, 12);
    end(&call);
    // The same again is nothing new, and signed.
    cr_assert_eq(attach(&call), 12);
    offer(&call, 0, 12, 12);
    cosigned(&call, 0, 12);
    end(&call);
}

Test(gateway_witness, a_fork_is_refused_and_the_true_one_goes_on)
{
    struct call call;
    cr_assert_eq(attach(&call), 0);
    offer(&call, 0, 0, 12);
    cosigned(&call, 0, 12);
    end(&call);
    cr_assert_eq(attach(&call), 12);
    offer(&call, 1, 12, 20);
    refused(&call, 12);
    end(&call);
    cr_assert_eq(attach(&call), 12);
    offer(&call, 0, 12, 20);
    cosigned(&call, 0, 20);
    end(&call);
}

// Each time another lie: the ledger doesn't grow by as many.
Test(gateway_witness, lies_without_end_do_not_fill_the_ledger)
{
    struct call call;
    cr_assert_eq(attach(&call), 0);
    offer(&call, 0, 0, MOST);
    cosigned(&call, 0, MOST);
    end(&call);
    for (uint64_t size = 1; size < MOST - 1; size++) {
        cr_assert_eq(attach(&call), MOST);
        offer(&call, 0, MOST, size);
        refused(&call, MOST);
        end(&call);
    }
    const unsigned found = ledger_count(gateway->data, CM_ENTRY_WITNESS);
    cr_expect_geq(found, 10);
    cr_expect_leq(found, 12);
}

// Nobody is asked who hasn't shown that what was seen is still there.
Test(gateway_witness, no_ask_goes_to_a_node_before_its_ledger_was_shown)
{
    struct call call, lookup;
    struct peer investigator;
    struct question question;
    struct cm_attach_down ask;
    cr_assert_eq(attach(&call), 0);
    offer(&call, 0, 0, 12);
    cosigned(&call, 0, 12);
    end(&call);
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    cr_assert_eq(attach(&call), 12);
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    DAEMON_UNTIL(gateway, lookup.count > 0 || lookup.closed); // recorded: asks are queued now
    cr_expect_not(find(&ask, &call, CM_DOWN_ASK));
    offer(&call, 0, 12, 14);
    DAEMON_UNTIL(gateway, find(&ask, &call, CM_DOWN_ASK) || call.closed);
    cr_expect(find(&ask, &call, CM_DOWN_ASK));
    end(&call);
    DAEMON_UNTIL(gateway, lookup.closed);
    call_clear(&lookup);
    cm_buf_clear(&question.request);
    peer_close(&investigator);
}

Test(gateway_witness, lies_about_its_own_ledger_stop_no_gateway)
{
    struct call call, lookup;
    struct peer investigator;
    struct question question;
    struct cm_attach_down shown;
    struct cm_buf note = {0};
    struct cm_checkpoint claim = {.origin = "valley.test/gateway/gw-1", .size = 1000000000};
    attach(&call);
    DAEMON_UNTIL(gateway, find(&shown, &call, CM_DOWN_CHECKPOINT) || call.closed);
    cr_assert(find(&shown, &call, CM_DOWN_CHECKPOINT));
    // Signed by the node's key under the gateway's name.
    cr_assert_eq(cm_checkpoint_sign(&note, &claim, node.identity->signer), CM_OK);
    const struct cm_attach_up up = {.kind = CM_UP_COSIGNATURE,
                                    .cosignature.seen = cm_buf_bytes(&note)};
    up_send(&call, gateway, &up);
    DAEMON_UNTIL(gateway, call.closed);
    cr_expect_eq(call.status, CM_UNAUTHENTICATED);
    end(&call);
    // A cosignature that isn't one.
    attach(&call);
    DAEMON_UNTIL(gateway, find(&shown, &call, CM_DOWN_CHECKPOINT) || call.closed);
    struct cm_checkpoint head;
    cr_assert_eq(cm_checkpoint_parse(&head, shown.checkpoint.checkpoint, NULL), CM_OK);
    const struct cm_attach_up forged = {
        .kind = CM_UP_COSIGNATURE,
        .cosignature = {.size = head.size,
                        .line = cm_bytes_of("\xe2\x80\x94 a AAAA\n"),
                        .chain_count = node.identity->chain_count,
                        .chain = node.identity->chain}};
    up_send(&call, gateway, &forged);
    DAEMON_UNTIL(gateway, call.closed);
    cr_expect_eq(call.status, CM_UNAUTHENTICATED);
    end(&call);
    peer_open(&investigator, gateway, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "inv-1");
    question_make(&question, &investigator);
    question_send(&lookup, &investigator, &question);
    DAEMON_UNTIL(gateway, lookup.closed);
    cr_expect_eq(lookup.status, CM_OK, "it serves: %s", lookup.error.text);
    call_clear(&lookup);
    cm_buf_clear(&question.request);
    peer_close(&investigator);
    cm_buf_clear(&note);
}

Test(gateway_witness, checkpoints_without_end_close_the_session)
{
    struct call call;
    attach(&call);
    for (uint64_t size = 1; size < MOST && !call.closed; size++) {
        offer(&call, 0, size - 1, size);
    }
    DAEMON_UNTIL(gateway, call.closed);
    cr_expect_eq(call.status, CM_EXHAUSTED);
    end(&call);
}
