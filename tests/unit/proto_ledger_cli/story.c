#include "story.h"

#include "proto/codec/detection.h"

#include <criterion/criterion.h>

#include <string.h>

struct telling {
    const struct story_search *search;
    struct cm_query query;
    struct cm_envelope question;
    struct cm_entry query_entry; // the gateway's
    struct cm_buf query_bytes;
    uint64_t query_index;
    struct cm_digest last_header;
    struct cm_envelope manifest;
    struct cm_digest manifest_digest;
    uint64_t manifest_rows;
    bool refused; // unread
};

void story_open(struct story *story)
{
    story->pki = made_federation();
    made_open(&story->gateway, story->pki, "_");
    made_open(&story->north, story->pki, NORTHPORT);
    made_open(&story->south, story->pki, SOUTHGATE);
    // The folders begin with an entry each, so that they cover what follows.
    struct made *const all[] = {&story->gateway, &story->north, &story->south};
    for (size_t i = 0; i < 3; i++) {
        const struct cm_entry start = {.kind = CM_ENTRY_START, .text = "1.0"};
        made_add(all[i], &start, NULL);
    }
}

void story_close(struct story *story)
{
    made_close(&story->gateway);
    made_close(&story->north);
    made_close(&story->south);
    pki_free(story->pki);
}

static uint64_t add(struct made *made, int64_t at_ms, struct cm_entry *entry,
                    const struct cm_envelope *question)
{
    struct cm_access access = {.person = "", .text = ""};
    entry->recorded_ms = at_ms;
    if (question) {
        access.question = *question;
    }
    return made_add(made, entry, question ? &access : NULL);
}

static void tell_gateway(struct story *story, struct telling *t, int64_t at_ms)
{
    t->query_entry = made_entry(&t->question, CM_ENTRY_QUERY);
    t->query_entry.decisions = 2;
    t->query_entry.decisions_root.b[0] = 1;
    t->query_entry.recorded_ms = at_ms;
    t->query_index = story->gateway.frontier.size;
    cr_assert_eq(cm_entry_encode(&t->query_bytes, &t->query_entry), CM_OK);
    if (!t->search->no_query && !t->search->refused_unread) {
        add(&story->gateway, at_ms, &t->query_entry, &t->question);
    } else {
        const struct cm_entry other = {
            .kind = CM_ENTRY_ADMIN, .text = "something", .recorded_ms = at_ms};
        made_add(&story->gateway, &other, NULL);
    }
}

static void tell_south(struct story *story, struct telling *t, int64_t at_ms)
{
    const struct story_search *search = t->search;
    struct cm_entry node = made_entry(&t->question, CM_ENTRY_NODE);
    struct cm_entry release = {.kind = CM_ENTRY_RELEASE,
                               .digest = node.digest,
                               .attempt = 1,
                               .release = search->release ? search->release : CM_RELEASE_COMPLETE,
                               .rows = search->rows,
                               .last_digest = t->last_header,
                               .recipient = node.commitments.requester};
    node.gateway_index = t->query_index;
    node.permitted = !search->refused;
    node.refusal = search->refused ? CM_REFUSAL_NOT_PERMITTED : 0;
    node.deciding_rule = search->refused ? "" : node.deciding_rule;
    if (!search->no_node) {
        add(&story->south, at_ms, &node, &t->question);
    }
    if (!search->no_node && !search->no_release && !search->refused) {
        add(&story->south, at_ms + 300, &release, NULL);
    }
}

static void tell_north(struct story *story, struct telling *t, int64_t at_ms)
{
    struct cm_entry node = made_entry(&t->question, CM_ENTRY_NODE);
    node.gateway_index = t->query_index;
    if (t->search->north_owns) {
        add(&story->north, at_ms, &node, &t->question);
    }
}

static void sign_manifest(struct story *story, struct telling *t, int64_t at_ms)
{
    const struct story_search *search = t->search;
    struct cm_buf key = {0};
    struct cm_buf payload = {0};
    const struct cm_digest hash = {{1}};
    struct cm_account account = {.agency = SOUTHGATE,
                                 .outcome = search->outcome ? search->outcome : CM_OUTCOME_ANSWERED,
                                 .rows = search->rows_claimed ? search->rows_claimed : search->rows,
                                 .reason = ""};
    struct cm_manifest manifest = {.query_digest = t->query_entry.digest,
                                   .gateway = "gw-1",
                                   .directory_serial = 1,
                                   .directory_digest = hash,
                                   .started_ms = at_ms,
                                   .finished_ms = at_ms + 400,
                                   .entry = cm_buf_bytes(&t->query_bytes),
                                   .checkpoint = cm_bytes_of("a note"),
                                   .inclusion = {t->query_index, t->query_index + 1, 1, &hash},
                                   .account_count = 1,
                                   .accounts = &account,
                                   .cut = search->cut};
    account.rows = account.outcome == CM_OUTCOME_ANSWERED ? account.rows : 0;
    if (account.rows > 0) {
        cr_assert_eq(cm_row_key(&key, at_ms - 5000, SOUTHGATE, "e1"), CM_OK);
        account.last_key = cm_buf_bytes(&key);
    }
    account.last_header =
        account.outcome == CM_OUTCOME_ANSWERED ? t->last_header : account.last_header;
    manifest.rows = account.rows;
    manifest.counts[account.outcome] = 1;
    cr_assert_eq(cm_manifest_encode(&payload, &manifest), CM_OK);
    pki_sign(&t->manifest, story->gateway.arena, CM_FAMILY_MANIFEST, cm_buf_bytes(&payload),
             story->gateway.signer);
    cm_sha256_of(&t->manifest_digest, cm_buf_bytes(&payload));
    t->manifest_rows = manifest.rows;
    cm_buf_clear(&payload);
    cm_buf_clear(&key);
}

static void tell_end(struct story *story, struct telling *t, int64_t at_ms)
{
    struct cm_entry manifest = {.kind = CM_ENTRY_MANIFEST,
                                .digest = t->query_entry.digest,
                                .gateway_index = t->query_index,
                                .last_digest = t->manifest_digest,
                                .decisions = 1,
                                .answered = t->search->outcome == CM_OUTCOME_NONE,
                                .rows = t->manifest_rows};
    if (t->search->no_account) {
        manifest.last_digest.b[0] ^= 1;
        manifest.decisions = manifest.answered = 0;
        manifest.rows = 0;
    }
    if (!t->search->no_query && !t->search->no_manifest) {
        add(&story->gateway, at_ms, &manifest, NULL);
    }
}

static void tell_copy(struct story *story, struct telling *t, int64_t at_ms)
{
    const struct story_search *search = t->search;
    struct made *made = search->question.agency && strcmp(search->question.agency, SOUTHGATE) == 0
                            ? &story->south
                            : &story->north;
    const struct cm_bytes leaves[] = {cm_bytes_of("leaf one")};
    const struct cm_digest hash = {{1}};
    struct cm_entry copy = made_entry(&t->question, CM_ENTRY_COPY);
    struct cm_access access = {.person = "",
                               .text = "",
                               .question = t->question,
                               .gateway_record = {cm_buf_bytes(&t->query_bytes),
                                                  cm_bytes_of("a note"),
                                                  {t->query_index, t->query_index + 1, 1, &hash}},
                               .leaf_count = 1,
                               .leaves = leaves,
                               .manifest = t->manifest};
    copy.gateway_index = t->query_index;
    copy.last_digest = t->manifest_digest;
    copy.rows = t->manifest_rows;
    copy.commitments.reason.b[5] ^= search->copy_commits_otherwise ? 1 : 0;
    copy.recorded_ms = at_ms;
    if (!search->no_copy || t->refused) {
        made_add(made, &copy, &access);
    }
}

// A gateway's own entry about what it refused, and the copy of that.
static void tell_refused(struct story *story, const struct telling *first, int64_t at_ms)
{
    struct telling t = *first;
    struct cm_buf bytes = {0};
    struct cm_entry refused = {.kind = CM_ENTRY_REFUSED,
                               .recorded_ms = at_ms,
                               .digest = t.query_entry.digest,
                               .refusal = CM_REPLAYED,
                               .text = "query_id",
                               .committed = true,
                               .commitments = t.query_entry.commitments,
                               .sealed = true};
    t.query_index = story->gateway.frontier.size;
    cr_assert_eq(cm_entry_encode(&bytes, &refused), CM_OK);
    add(&story->gateway, at_ms, &refused, &t.question);
    t.query_bytes = bytes;
    t.manifest_digest.b[0] ^= 1;
    t.manifest_rows = 0;
    t.refused = true;
    tell_copy(story, &t, at_ms + 100);
    cm_buf_clear(&bytes);
}

// The copy tells of another question, under the same query id and blind.
static void rewrite(struct story *story, struct telling *t)
{
    static const struct made_question none;
    if (memcmp(&t->search->copy_question, &none, sizeof none) == 0) {
        return;
    }
    struct cm_query other = made_query(&story->gateway, &t->search->copy_question);
    memcpy(other.query_id, t->query.query_id, sizeof other.query_id);
    memcpy(other.blind, t->query.blind, sizeof other.blind);
    other.issued_ms = t->query.issued_ms;
    other.expires_ms = t->query.expires_ms;
    other.window = t->query.window;
    t->question = made_sign(&story->gateway, &other);
}

void story_tell(struct story *story, const struct story_search *search)
{
    struct telling t = {.search = search};
    int64_t at_ms = story->gateway.now_ms + search->skip_ms;
    t.query = made_query(&story->gateway, &search->question);
    t.question = made_sign(&story->gateway, &t.query);
    memcpy(t.last_header.b, &story->gateway.questions, sizeof story->gateway.questions);
    tell_gateway(story, &t, at_ms);
    sign_manifest(story, &t, at_ms);
    if (!search->refused_unread) {
        tell_south(story, &t, at_ms + 100);
        tell_north(story, &t, at_ms + 150);
        tell_end(story, &t, at_ms + 500);
        rewrite(story, &t);
        tell_copy(story, &t, at_ms + 600);
    }
    if (search->refused_unread || search->again) {
        tell_refused(story, &t, at_ms + 800);
    }
    cm_buf_clear(&t.query_bytes);
    story->gateway.now_ms = at_ms + 2000;
    story->north.now_ms = story->south.now_ms = story->gateway.now_ms;
}
