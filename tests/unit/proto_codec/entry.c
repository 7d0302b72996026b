#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_entry entry;
    enum cm_status status = cm_entry_decode(&entry, arena, in, error);

    return status == CM_OK ? cm_entry_encode(out, &entry) : status;
}

static const char *const names[] = {
    [CM_ENTRY_QUERY] = "entry_query",         [CM_ENTRY_NODE] = "entry_node",
    [CM_ENTRY_REACH] = "entry_reach",         [CM_ENTRY_RULES] = "entry_rules",
    [CM_ENTRY_DIRECTORY] = "entry_directory", [CM_ENTRY_EVIDENCE] = "entry_evidence",
    [CM_ENTRY_INGEST] = "entry_ingest",       [CM_ENTRY_DELETION] = "entry_deletion",
    [CM_ENTRY_ADMIN] = "entry_admin",         [CM_ENTRY_AUDIT] = "entry_audit",
    [CM_ENTRY_START] = "entry_start",         [CM_ENTRY_STOP] = "entry_stop",
    [CM_ENTRY_CLOCK] = "entry_clock",         [CM_ENTRY_RELEASE] = "entry_release",
    [CM_ENTRY_MANIFEST] = "entry_manifest",   [CM_ENTRY_COPY] = "entry_copy",
    [CM_ENTRY_REFUSED] = "entry_refused",     [CM_ENTRY_REJECTED] = "entry_rejected",
    [CM_ENTRY_SHARING] = "entry_sharing",     [CM_ENTRY_WITNESS] = "entry_witness",
    [CM_ENTRY_EPOCH] = "entry_epoch",
};

static struct cm_entry an_entry(enum cm_entry_kind kind)
{
    static const struct cm_rejected_count counts[] = {{CM_INVALID, 2}, {CM_UNAUTHENTICATED, 300}};

    return (struct cm_entry){
        .kind = kind,
        .recorded_ms = 1767225600001,
        .digest = codec_digest(1),
        .replay_key = codec_digest(2),
        .expires_ms = 1767225660000,
        .directory_serial = 7,
        .commitments = {codec_digest(3), codec_digest(4), codec_digest(5), codec_digest(6),
                        codec_digest(7), codec_digest(8)},
        .decisions_root = codec_digest(9),
        .decisions = 41,
        .gateway = "gw-1",
        .gateway_index = 300,
        .attempt = 1,
        .permitted = true,
        .rules_digest = codec_digest(10),
        .deciding_rule = "northport.rules:12",
        .agency = "ca.northport.pd",
        .sequence = 3,
        .overlay_revision = 2,
        .accepted = 1000,
        .duplicates = 20,
        .rejected = 1,
        .before_ms = kind == CM_ENTRY_CLOCK ? -1500 : 1764633600000,
        .text = "0.1.0",
        .committed = true,
        .answered = 37,
        .refusal = kind == CM_ENTRY_REFUSED ? CM_STALE : 0,
        .release = CM_RELEASE_WITHDRAWN,
        .rows = 412,
        .last_digest = codec_digest(11),
        .recipient = codec_digest(3),
        .from_ms = 1767225600000,
        .to_ms = 1767225660000,
        .count_count = 2,
        .counts = counts,
        .finding = CM_WITNESS_EPOCH,
        .old_size = 300,
        .new_size = 200,
        .old_root = codec_digest(12),
        .new_root = codec_digest(13),
    };
}

Test(entry, golden_of_each_kind)
{
    for (int kind = CM_ENTRY_QUERY; kind < CM_ENTRY_COUNT; kind++) {
        struct cm_entry entry = an_entry((enum cm_entry_kind)kind);
        struct cm_buf bytes = {0};

        cr_assert_eq(cm_entry_encode(&bytes, &entry), CM_OK, "%s", names[kind]);
        codec_expect(names[kind], cm_buf_bytes(&bytes), again);
        cm_buf_clear(&bytes);
    }
}

static struct cm_entry decoded(struct cm_arena *arena, enum cm_entry_kind kind)
{
    struct cm_buf bytes = codec_golden(names[kind]);
    struct cm_entry got;

    cr_assert_eq(cm_entry_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_eq(got.kind, kind);
    cr_expect_eq(got.recorded_ms, 1767225600001);
    cm_buf_clear(&bytes);
    return got;
}

static void same_commitments(const struct cm_commitments *a, const struct cm_commitments *b)
{
    cr_expect(cm_digest_equal(&a->requester, &b->requester));
    cr_expect(cm_digest_equal(&a->agency, &b->agency));
    cr_expect(cm_digest_equal(&a->plate, &b->plate));
    cr_expect(cm_digest_equal(&a->purpose, &b->purpose));
    cr_expect(cm_digest_equal(&a->case_number, &b->case_number));
    cr_expect(cm_digest_equal(&a->reason, &b->reason));
}

Test(entry, decodes_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_entry want = an_entry(CM_ENTRY_QUERY);
    struct cm_entry got = decoded(arena, CM_ENTRY_QUERY);

    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    cr_expect(cm_digest_equal(&got.replay_key, &want.replay_key));
    cr_expect(cm_digest_equal(&got.decisions_root, &want.decisions_root));
    cr_expect_eq(got.expires_ms, want.expires_ms);
    cr_expect_eq(got.directory_serial, 7);
    cr_expect_eq(got.decisions, 41);
    same_commitments(&got.commitments, &want.commitments);
    got = decoded(arena, CM_ENTRY_NODE);
    cr_expect(cm_digest_equal(&got.replay_key, &want.replay_key));
    cr_expect(cm_digest_equal(&got.rules_digest, &want.rules_digest));
    cr_expect_str_eq(got.gateway, "gw-1");
    cr_expect_eq(got.gateway_index, 300);
    cr_expect_eq(got.attempt, 1);
    cr_expect(got.permitted);
    cr_expect_eq(got.refusal, 0);
    cr_expect_str_eq(got.deciding_rule, want.deciding_rule);
    same_commitments(&got.commitments, &want.commitments);
    got = decoded(arena, CM_ENTRY_REACH);
    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    cr_expect_eq(got.decisions, 41);
    got = decoded(arena, CM_ENTRY_RULES);
    cr_expect_str_eq(got.agency, want.agency);
    cr_expect_eq(got.sequence, 3);
    cr_expect_eq(got.overlay_revision, 2);
    got = decoded(arena, CM_ENTRY_DIRECTORY);
    cr_expect_eq(got.directory_serial, 7);
    got = decoded(arena, CM_ENTRY_INGEST);
    cr_expect(got.accepted == 1000 && got.duplicates == 20 && got.rejected == 1);
    got = decoded(arena, CM_ENTRY_DELETION);
    cr_expect(got.accepted == 1000 && got.before_ms == 1764633600000);
    got = decoded(arena, CM_ENTRY_START);
    cr_expect_str_eq(got.text, "0.1.0");
    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    cr_expect_eq(decoded(arena, CM_ENTRY_CLOCK).before_ms, -1500);
    cm_arena_free(arena);
}

Test(entry, decodes_what_follows_a_query)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_entry want = an_entry(CM_ENTRY_RELEASE);
    struct cm_entry got = decoded(arena, CM_ENTRY_RELEASE);

    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    cr_expect(got.attempt == 1 && got.release == CM_RELEASE_WITHDRAWN && got.rows == 412);
    cr_expect(cm_digest_equal(&got.last_digest, &want.last_digest));
    cr_expect(cm_digest_equal(&got.recipient, &want.recipient));
    got = decoded(arena, CM_ENTRY_MANIFEST);
    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    cr_expect(cm_digest_equal(&got.last_digest, &want.last_digest));
    cr_expect(got.gateway_index == 300 && got.decisions == 41 && got.answered == 37);
    cr_expect_eq(got.rows, 412);
    got = decoded(arena, CM_ENTRY_COPY);
    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    cr_expect(cm_digest_equal(&got.last_digest, &want.last_digest));
    cr_expect_str_eq(got.gateway, "gw-1");
    cr_expect(got.gateway_index == 300 && got.rows == 412 && got.committed);
    same_commitments(&got.commitments, &want.commitments);
    got = decoded(arena, CM_ENTRY_REFUSED);
    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    cr_expect(got.refusal == CM_STALE && got.committed);
    cr_expect_str_eq(got.text, "0.1.0");
    same_commitments(&got.commitments, &want.commitments);
    cm_arena_free(arena);
}

Test(entry, decodes_what_is_recorded_of_others)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_entry want = an_entry(CM_ENTRY_WITNESS);
    struct cm_entry got = decoded(arena, CM_ENTRY_REJECTED);

    cr_expect(got.from_ms == want.from_ms && got.to_ms == want.to_ms);
    cr_assert_eq(got.count_count, 2);
    cr_expect(got.counts[1].code == CM_UNAUTHENTICATED && got.counts[1].count == 300);
    got = decoded(arena, CM_ENTRY_SHARING);
    cr_expect_str_eq(got.agency, "ca.northport.pd");
    cr_expect(got.permitted && got.overlay_revision == 2);
    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    got = decoded(arena, CM_ENTRY_WITNESS);
    cr_expect_str_eq(got.text, want.text);
    cr_expect_eq(got.finding, CM_WITNESS_EPOCH);
    cr_expect(got.old_size == 300 && got.new_size == 200);
    cr_expect(cm_digest_equal(&got.old_root, &want.old_root));
    cr_expect(cm_digest_equal(&got.new_root, &want.new_root));
    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    got = decoded(arena, CM_ENTRY_EPOCH);
    cr_expect(got.sequence == 3 && got.old_size == 300 && got.new_size == 200);
    cr_expect(cm_digest_equal(&got.old_root, &want.old_root));
    cr_expect(cm_digest_equal(&got.new_root, &want.new_root));
    cr_expect(cm_digest_equal(&got.digest, &want.digest));
    cm_arena_free(arena);
}

Test(entry, a_refused_reach_has_no_commitments)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_entry entry = an_entry(CM_ENTRY_REFUSED);
    struct cm_entry got;
    struct cm_buf out = {0};

    entry.committed = false;
    cr_assert_eq(cm_entry_encode(&out, &entry), CM_OK);
    cr_assert_eq(cm_entry_decode(&got, arena, cm_buf_bytes(&out), NULL), CM_OK);
    cr_expect_not(got.committed);
    cr_expect(cm_digest_is_zero(&got.commitments.requester));
    cm_buf_clear(&out);
    cm_arena_free(arena);
}

Test(entry, a_refused_node_entry_names_its_reason)
{
    struct cm_entry entry = an_entry(CM_ENTRY_NODE);
    struct cm_buf out = {0};

    entry.refusal = CM_REFUSAL_NOT_PERMITTED;
    cr_expect_eq(cm_entry_encode(&out, &entry), CM_INVALID, "permitted and refused");
    entry.permitted = false;
    cr_expect_eq(cm_entry_encode(&out, &entry), CM_OK);
    entry.refusal = CM_REFUSAL_NONE;
    cr_expect_eq(cm_entry_encode(&out, &entry), CM_INVALID);
    entry.refusal = CM_REFUSAL_COUNT;
    cr_expect_eq(cm_entry_encode(&out, &entry), CM_INVALID);
    entry = an_entry(CM_ENTRY_NONE);
    cr_expect_eq(cm_entry_encode(&out, &entry), CM_INVALID);
    cm_buf_clear(&out);
}

Test(entry, another_version_is_refused)
{
    struct cm_buf bytes = codec_golden("entry_stop");

    cr_assert_eq(bytes.data[1], 1);
    bytes.data[1] = 2;
    codec_refuses(again, cm_buf_bytes(&bytes), CM_INVALID, "version");
    cm_buf_clear(&bytes);
}
