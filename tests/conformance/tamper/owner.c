// By the ledger's own keeper, who has its key and its days' keys: all is signed anew and fits
// together, so that only others can tell.
#include "frames.h"
#include "judge.h"

#include "proto/base/file.h"
#include "proto/ledger/access.h"
#include "proto/ledger/merkle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA = 4 * 1024 * 1024 };

static struct whole whole;
static struct frames good;
static struct cm_buf log_bytes;

static void begin(void)
{
    char why[640];
    whole_make(&whole);
    cr_assert(judge_verifies(&whole, true, why), "%s", why);
    frames_of(&good, cm_buf_bytes(&whole.logs[1]));
}

static void end(void)
{
    cm_buf_clear(&log_bytes);
    whole_free(&whole);
}

TestSuite(tamper_owner, .init = begin, .fini = end, .timeout = 600);

static void run(const char *format)
{
    char command[1024];
    cr_assert_lt(snprintf(command, sizeof command, "cd %s && %s", whole.made.folder, format),
                 (int)sizeof command);
    cr_assert_eq(system(command), 0, "%s", command);
}

// All checkpoints signed anew over the entries before them.
static void sign_anew(struct frames *frames, struct cm_arena *arena)
{
    struct cm_frontier frontier = {.size = 0};
    for (size_t i = 0; i < frames->count; i++) {
        struct cm_digest leaf;
        struct cm_buf note = {0};
        if (frames->list[i].type == CM_FRAME_ENTRY) {
            cm_merkle_leaf(&leaf, frames->list[i].bytes);
            cm_frontier_add(&frontier, &leaf);
        } else if (frames->list[i].type == CM_FRAME_CHECKPOINT) {
            struct cm_checkpoint checkpoint = {.size = frontier.size};
            memcpy(checkpoint.origin, whole.made.origin, sizeof checkpoint.origin);
            cm_frontier_root(&checkpoint.root, &frontier);
            cr_assert_eq(cm_checkpoint_sign(&note, &checkpoint, whole.made.signer), CM_OK);
            cr_assert_eq(cm_arena_bytes(arena, &frames->list[i].bytes, cm_buf_bytes(&note)), CM_OK);
        }
        cm_buf_clear(&note);
    }
}

// The whole folder so; what a witness signed goes, it can't be made.
static void put_anew(struct frames *frames)
{
    struct cm_arena *arena = cm_arena_new(ARENA);
    sign_anew(frames, arena);
    frames_pack(&log_bytes, frames);
    run("rm -rf tile checkpoint vkey cosigned cosigners.pem");
    whole_put_log(&whole, cm_buf_bytes(&log_bytes));
    made_publish(&whole.made);
    cm_arena_free(arena);
}

// An entry that says another time, with its clear values sealed beside it.
static void rewrite(struct frames *frames, size_t at, struct cm_arena *arena)
{
    struct cm_entry entry;
    struct cm_access access;
    struct cm_buf bytes = {0}, sealed = {0};
    const bool has_access = at + 1 < frames->count && frames->list[at + 1].type == CM_FRAME_ACCESS;
    cr_assert_eq(cm_entry_decode(&entry, arena, frames->list[at].bytes, NULL), CM_OK);
    entry.recorded_ms -= 1;
    cr_assert_eq(cm_entry_encode(&bytes, &entry), CM_OK);
    if (has_access) {
        cr_assert_eq(cm_access_open(&access, arena, frames->list[at + 1].bytes,
                                    frames->list[at].bytes, whole.made.keys, NULL),
                     CM_OK);
        cr_assert_eq(cm_access_seal(&sealed, &access, cm_buf_bytes(&bytes), entry.recorded_ms,
                                    whole.made.keys),
                     CM_OK);
        cr_assert_eq(cm_arena_bytes(arena, &frames->list[at + 1].bytes, cm_buf_bytes(&sealed)),
                     CM_OK);
    }
    cr_assert_eq(cm_arena_bytes(arena, &frames->list[at].bytes, cm_buf_bytes(&bytes)), CM_OK);
    cm_buf_clear(&bytes);
    cm_buf_clear(&sealed);
}

Test(tamper_owner, rewritten_and_signed_anew)
{
    struct tally tally = {.sort = "by the key's owner: an entry rewritten"};
    char why[640];
    struct cm_arena *arena = cm_arena_new(ARENA);
    for (size_t i = 0; i < good.count; i++) {
        if (good.list[i].type == CM_FRAME_ENTRY) {
            struct frames bad = good;
            cm_arena_reset(arena);
            rewrite(&bad, i, arena);
            put_anew(&bad);
            cr_assert(judge_verifies(&whole, false, why), "it fits together: %s", why);
            judge(&tally, &whole, "the entry in frame %zu rewritten", i);
        }
    }
    cm_arena_free(arena);
    judge_end(&tally);
}

static bool is_alone(const struct frames *frames, size_t at)
{
    return frames->list[at].type == CM_FRAME_ENTRY &&
           frames->list[at + 1].type != CM_FRAME_ACCESS &&
           frames->list[at - 1].type != CM_FRAME_CHECKPOINT;
}

Test(tamper_owner, dropped_moved_and_added)
{
    struct tally dropped = {.sort = "by the key's owner: an entry dropped"},
                 moved = {.sort = "by the key's owner: two entries changed places"},
                 added = {.sort = "by the key's owner: an entry put in before others"};
    size_t before = 0;
    for (size_t i = 1; i + 1 < good.count; i++) {
        struct frames bad = good;
        if (!is_alone(&good, i)) {
            continue;
        }
        frames_drop(&bad, i);
        put_anew(&bad);
        judge(&dropped, &whole, "the entry in frame %zu dropped", i);
        bad = good;
        frames_double(&bad, i);
        put_anew(&bad);
        judge(&added, &whole, "the entry in frame %zu twice", i);
        bad = good;
        frames_swap(&bad, before, i);
        if (before > 0) {
            put_anew(&bad);
            judge(&moved, &whole, "the entries in frames %zu and %zu", before, i);
        }
        before = i;
    }
    judge_end(&dropped);
    judge_end(&moved);
    judge_end(&added);
}

// The log as it was at each of its checkpoints, and all beside it as it was then.
static void put_old(size_t checkpoints)
{
    struct frames old = good;
    size_t seen = 0;
    for (old.count = 0; seen < checkpoints; old.count++) {
        seen += good.list[old.count].type == CM_FRAME_CHECKPOINT;
    }
    frames_pack(&log_bytes, &old);
    run("rm -rf tile checkpoint");
    whole_put_log(&whole, cm_buf_bytes(&log_bytes));
    made_publish(&whole.made);
    whole_cosign(&whole, whole_last_note(cm_buf_bytes(&log_bytes)));
}

Test(tamper_owner, old_folder_put_back)
{
    struct tally tally = {.sort = "an old folder put back whole"},
                 on = {.sort = "an old folder put back, and gone on with"};
    char why[640];
    for (size_t checkpoints = 1; checkpoints < 4; checkpoints++) {
        put_old(checkpoints);
        cr_assert(judge_verifies(&whole, false, why), "nothing in it shows that: %s", why);
        judge(&tally, &whole, "as it was at checkpoint %zu", checkpoints);
    }
    // Until it is longer than what the witness saw.
    struct frames longer;
    struct cm_buf old = {0};
    cr_assert_eq(cm_buf_add(&old, log_bytes.data, log_bytes.len), CM_OK);
    frames_of(&longer, cm_buf_bytes(&old));
    for (unsigned more = 0; more < 8; more++) {
        longer.list[longer.count++] = good.list[2];
        longer.list[longer.count++] = good.list[1];
        cr_assert_eq(good.list[2].type, CM_FRAME_ENTRY);
        longer.list[longer.count - 1].type = CM_FRAME_CHECKPOINT;
        put_anew(&longer);
        judge(&on, &whole, "%u entries later", more + 1);
    }
    cm_buf_clear(&old);
    judge_end(&tally);
    judge_end(&on);
}

// The first epoch alone, as before the recovery.
Test(tamper_owner, earlier_epoch_put_back)
{
    struct tally tally = {.sort = "the folder of the epoch before put back"};
    char why[640];
    run("rm -rf log tile checkpoint vkey cosigned cosigners.pem epoch && mv epochs/1/* . && rm -r "
        "epochs");
    cr_assert(judge_verifies(&whole, false, why), "nothing in it shows that: %s", why);
    judge(&tally, &whole, "the first epoch");
    judge_end(&tally);
}

// The epoch before, signed anew; its root.
static struct cm_digest put_first_epoch(struct frames *first, struct cm_arena *arena)
{
    char origin[CM_MAX_ORIGIN + 1];
    struct cm_checkpoint head;
    memcpy(origin, whole.made.origin, sizeof origin);
    memcpy(whole.made.origin, whole.base, sizeof whole.base);
    run("rm -rf epochs/1/tile epochs/1/checkpoint epochs/1/cosigned epochs/1/cosigners.pem");
    run("rm -rf tile checkpoint vkey cosigned cosigners.pem");
    sign_anew(first, arena);
    frames_pack(&log_bytes, first);
    whole_put_log(&whole, cm_buf_bytes(&log_bytes));
    made_publish(&whole.made);
    run("mv log vkey tile checkpoint epochs/1/");
    memcpy(whole.made.origin, origin, sizeof origin);
    cr_assert_eq(cm_checkpoint_parse(&head, whole_last_note(cm_buf_bytes(&log_bytes)), NULL),
                 CM_OK);
    return head.root;
}

// The epoch in use begins after the log of that root.
static void put_second_epoch(const struct cm_digest *root, struct cm_arena *arena)
{
    struct frames second = good;
    struct cm_entry entry;
    struct cm_access access;
    struct cm_buf bytes = {0}, sealed = {0};
    const struct cm_bytes was = good.list[0].bytes;
    cr_assert_eq(cm_entry_decode(&entry, arena, was, NULL), CM_OK);
    cr_assert_eq(cm_access_open(&access, arena, good.list[1].bytes, was, whole.made.keys, NULL),
                 CM_OK);
    entry.old_root = *root;
    cr_assert_eq(cm_entry_encode(&bytes, &entry), CM_OK);
    cr_assert_eq(
        cm_access_seal(&sealed, &access, cm_buf_bytes(&bytes), entry.recorded_ms, whole.made.keys),
        CM_OK);
    second.list[0].bytes = cm_buf_bytes(&bytes);
    second.list[1].bytes = cm_buf_bytes(&sealed);
    sign_anew(&second, arena);
    frames_pack(&log_bytes, &second);
    whole_put_log(&whole, cm_buf_bytes(&log_bytes));
    made_publish(&whole.made);
    cm_buf_clear(&bytes);
    cm_buf_clear(&sealed);
}

// The log that was restored is rewritten under the statement that names it.
Test(tamper_owner, restored_log_rewritten)
{
    struct tally tally = {.sort = "by the key's owner: the epoch before rewritten"};
    struct frames first;
    struct cm_arena *arena = cm_arena_new(ARENA);
    frames_of(&first, cm_buf_bytes(&whole.logs[0]));
    for (size_t i = 0; i < first.count; i++) {
        struct frames bad = first;
        if (first.list[i].type != CM_FRAME_ENTRY || first.list[i + 1].type == CM_FRAME_ACCESS) {
            continue;
        }
        cm_arena_reset(arena);
        rewrite(&bad, i, arena);
        const struct cm_digest root = put_first_epoch(&bad, arena);
        put_second_epoch(&root, arena);
        judge(&tally, &whole, "the entry in frame %zu", i);
    }
    cm_arena_free(arena);
    judge_end(&tally);
}

// A new epoch would hide all. Who may say that one begins?
static void put_epoch(const struct pki_identity *signer, uint64_t restored)
{
    struct made *made = &whole.made;
    struct cm_buf payload = {0}, bytes = {0};
    struct cm_envelope envelope;
    char path[PATH_MAX];
    const struct cm_epoch_statement statement = {.origin = whole.base,
                                                 .epoch = 3,
                                                 .restored_size = restored,
                                                 .restored_root = {{restored > 0}},
                                                 .signed_ms = whole.pki->now_ms,
                                                 .why = "so that nobody asks"};
    struct cm_entry entry = {.kind = CM_ENTRY_EPOCH,
                             .sequence = 3,
                             .old_size = restored,
                             .old_root = statement.restored_root};
    cr_assert_eq(cm_epoch_statement_encode(&payload, &statement), CM_OK);
    cm_sha256_of(&entry.digest, cm_buf_bytes(&payload));
    pki_sign(&envelope, made->arena, CM_FAMILY_EPOCH, cm_buf_bytes(&payload), signer->signer);
    cr_assert_eq(cm_envelope_encode(&bytes, &envelope), CM_OK);
    whole_path(path, &whole, CM_EPOCH_FILE);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&bytes), 0600, NULL), CM_OK);
    cr_assert_eq(cm_checkpoint_epoch_origin(made->origin, whole.base, 3), CM_OK);
    run("rm -rf tile checkpoint vkey cosigned cosigners.pem");
    made->log.len = CM_LOG_MAGIC_SIZE;
    made->frontier = (struct cm_frontier){.size = 0};
    made_add(made, &entry, NULL);
    made_checkpoint(made);
    made_write(made);
    made_publish(made);
    cm_buf_clear(&payload);
    cm_buf_clear(&bytes);
}

Test(tamper_owner, epochs_that_nobody_may_begin)
{
    struct tally tally = {.sort = "an epoch that nobody may begin"};
    const struct {
        const char *agency;
        enum cm_role role;
    } signers[] = {{NORTHPORT, CM_ROLE_NODE},       {NORTHPORT, CM_ROLE_INVESTIGATOR},
                   {NORTHPORT, CM_ROLE_SUPERVISOR}, {NORTHPORT, CM_ROLE_AUDITOR},
                   {SOUTHGATE, CM_ROLE_ADMIN},      {NORTHPORT, CM_ROLE_ADMIN}};
    for (size_t i = 0; i < sizeof signers / sizeof *signers; i++) {
        // The administrator may, but this statement hides what was seen.
        put_epoch(pki_identity(whole.pki, signers[i].agency, signers[i].role, "n1"), 0);
        cr_expect_not(judge_witness_signs(&whole), "signer %zu", i);
        judge(&tally, &whole, "signer %zu", i);
    }
    judge_end(&tally);
}
