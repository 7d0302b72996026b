#include "proto/ledger/cli/verifier_internal.h"

#include "proto/codec/manifest.h"
#include "proto/ledger/record.h"
#include "proto/trust/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CACHE = 256 };

// Certificates parsed before, by their bytes; the newer displaces the older in a place.
struct cached {
    struct cm_digest digest; // of the leaf; zero: free
    struct cm_certificate leaf;
};

struct cm_signer_cache {
    struct cached places[CACHE];
};

struct cm_signer_cache *cm_signer_cache_new(void)
{
    return calloc(1, sizeof(struct cm_signer_cache));
}

void cm_signer_cache_free(struct cm_signer_cache *cache)
{
    for (size_t i = 0; cache && i < CACHE; i++) {
        if (!cm_digest_is_zero(&cache->places[i].digest)) {
            cm_certificate_clear(&cache->places[i].leaf);
        }
    }
    free(cache);
}

static const struct cm_certificate *leaf_of(struct cm_signer_cache *cache, struct cm_bytes der,
                                            struct cm_error *error)
{
    struct cm_digest digest;
    struct cm_certificate leaf;
    cm_sha256_of(&digest, der);
    struct cached *place = &cache->places[digest.b[0]];
    if (cm_digest_equal(&place->digest, &digest)) {
        return &place->leaf;
    }
    if (cm_certificate_parse(&leaf, der, "certificate", error) != CM_OK) {
        return NULL;
    }
    if (!cm_digest_is_zero(&place->digest)) {
        cm_certificate_clear(&place->leaf);
    }
    *place = (struct cached){digest, leaf};
    return &place->leaf;
}

// Whether any directory at hand vouched for the signer when it was recorded.
static bool vouched(struct cm_verifier *v, const struct cm_signature *signature, int64_t as_of_ms,
                    struct cm_error *error)
{
    bool good = v->options->trust_count == 0;
    for (size_t i = 0; !good && i < v->options->trust_count; i++) {
        struct cm_signatory *signatory = NULL;
        good = cm_trust_chain(&signatory, v->options->trusts[i], signature->chain,
                              signature->chain_count, as_of_ms, error) == CM_OK;
        cm_signatory_unref(signatory);
    }
    return good;
}

// The signer's certificate; NULL after a problem was told.
static const struct cm_certificate *check_envelope(struct cm_verifier *v,
                                                   const struct cm_audit_record *record,
                                                   const struct cm_envelope *envelope,
                                                   const char *where)
{
    struct cm_error error = {.text = ""};
    const struct cm_signature *signature = &envelope->signatures[0];
    if (signature->chain_count == 0) {
        cm_verifier_entry_problem(v, record, where, "its signer's certificate is missing");
        return NULL;
    }
    const struct cm_certificate *leaf = leaf_of(v->signers, signature->chain[0], &error);
    if (!leaf) {
        cm_verifier_entry_problem(v, record, where, error.text);
        return NULL;
    }
    if (cm_dsse_verify(envelope, 0, leaf->key) != CM_OK) {
        cm_verifier_entry_problem(v, record, where, "its signature does not hold");
        return NULL;
    }
    if (!vouched(v, signature, cm_audit_record_asked_ms(record), &error)) {
        cm_verifier_entry_problem(v, record, where, error.text);
        return NULL;
    }
    return leaf;
}

static void check_question(struct cm_verifier *v, const struct cm_audit_record *record)
{
    const struct cm_certificate *leaf =
        check_envelope(v, record, &record->access.question, "question");
    v->out->questions++;
    if (leaf && strcmp(leaf->uri, record->query.signer) != 0) {
        cm_verifier_entry_problem(v, record, "question",
                                  "names another person than its certificate");
    }
}

static void check_approval(struct cm_verifier *v, const struct cm_audit_record *record)
{
    const struct cm_envelope *approval = &record->query.approval;
    if (approval->family == CM_FAMILY_NONE || !cm_audit_record_taken(record)) {
        return;
    }
    if (!record->approved) {
        cm_verifier_entry_problem(v, record, "approval", record->approval_fault.text);
        return;
    }
    const struct cm_certificate *leaf = check_envelope(v, record, approval, "approval");
    if (leaf && strcmp(leaf->uri, record->approval.supervisor) != 0) {
        cm_verifier_entry_problem(v, record, "approval",
                                  "names another person than its certificate");
    }
}

static void check_manifest(struct cm_verifier *v, const struct cm_audit_record *record,
                           const struct cm_manifest *manifest)
{
    const struct cm_entry *entry = &record->entry;
    struct cm_digest digest;
    cm_sha256_of(&digest, record->access.manifest.payload);
    if (!cm_digest_equal(&digest, &entry->last_digest)) {
        cm_verifier_entry_problem(v, record, "manifest", "is not the one that the entry names");
    } else if (!cm_digest_equal(&manifest->query_digest, &entry->digest)) {
        cm_verifier_entry_problem(v, record, "manifest", "is of another question");
    } else if (manifest->rows != entry->rows) {
        cm_verifier_entry_problem(v, record, "manifest", "counts other rows than the entry");
    }
}

static bool is_gateway(const char *uri, const char *name)
{
    char end[CM_MAX_ID + 16];
    const size_t len = (size_t)snprintf(end, sizeof end, "/_/gateway/%s", name);
    return strlen(uri) > len && strcmp(uri + strlen(uri) - len, end) == 0;
}

// The gateway's own record of the question, which came with the copy.
static void check_gateway_record(struct cm_verifier *v, const struct cm_audit_record *record,
                                 const struct cm_certificate *gateway)
{
    struct cm_entry entry;
    struct cm_checkpoint head;
    struct cm_error error = {.text = ""};
    const struct cm_record *proof = &record->access.gateway_record;
    if (cm_record_open(&entry, &head, v->arena, proof, gateway->uri, gateway->key, &error) !=
        CM_OK) {
        cm_verifier_entry_problem(v, record, "gateway record", error.text);
    } else if ((entry.kind != CM_ENTRY_QUERY && entry.kind != CM_ENTRY_REFUSED) ||
               !cm_digest_equal(&entry.digest, &record->entry.digest)) {
        cm_verifier_entry_problem(v, record, "gateway record", "is of another question");
    } else if (proof->inclusion.index != record->entry.gateway_index ||
               !is_gateway(gateway->uri, record->entry.gateway)) {
        cm_verifier_entry_problem(v, record, "gateway record",
                                  "is another entry, or another gateway's, than the entry names");
    }
}

static void check_copy(struct cm_verifier *v, const struct cm_audit_record *record)
{
    struct cm_manifest manifest;
    struct cm_error error = {.text = ""};
    const struct cm_certificate *gateway =
        check_envelope(v, record, &record->access.manifest, "manifest");
    v->out->copies++;
    if (cm_manifest_decode(&manifest, v->arena, record->access.manifest.payload, &error) != CM_OK) {
        cm_verifier_entry_problem(v, record, "manifest", error.text);
        return;
    }
    check_manifest(v, record, &manifest);
    if (gateway) {
        check_gateway_record(v, record, gateway);
    }
}

// Kinds that are never recorded without the question.
static bool must_have_question(enum cm_entry_kind kind)
{
    return kind == CM_ENTRY_QUERY || kind == CM_ENTRY_NODE || kind == CM_ENTRY_REACH ||
           kind == CM_ENTRY_COPY || kind == CM_ENTRY_REFUSED;
}

// A key that was destroyed leaves no file; one that was taken away left others behind.
static const char *wrong_with_key(struct cm_verifier *v, const struct cm_audit_record *record)
{
    char path[PATH_MAX], date[CM_DAY_TEXT];
    if (record->clear == CM_CLEAR_NO_KEY) {
        return cm_day_keys_count(cm_ledger_folder_keys(v->folder)) > 0
                   ? "the key of its day is gone, and nothing says that it was erased"
                   : NULL;
    }
    if (record->clear != CM_CLEAR_ERASED || cm_ledger_folder_is_live(v->folder)) {
        return NULL;
    }
    if (record->day != v->erased_day) {
        cm_day_format(date, record->day);
        const int len = snprintf(path, sizeof path, "%s/" CM_DAY_KEYS_FOLDER "/%s",
                                 cm_ledger_folder_path(v->folder), date);
        v->erased_day = record->day;
        v->erased_key = len < PATH_MAX && access(path, F_OK) == 0;
    }
    return v->erased_key ? "the key of its day is said to be erased, and is there" : NULL;
}

void cm_verifier_record(struct cm_verifier *v, const struct cm_audit_record *record)
{
    const struct cm_access *access = &record->access;
    const char *wrong = wrong_with_key(v, record);
    if (wrong) {
        cm_verifier_entry_problem(v, record, "keys", wrong);
    }
    if (record->clear == CM_CLEAR_NONE &&
        (record->entry.sealed || must_have_question(record->entry.kind))) {
        cm_verifier_entry_problem(v, record, "access", "what lay sealed beside it was taken away");
    }
    if (record->clear == CM_CLEAR_DAMAGED) {
        cm_verifier_entry_problem(v, record, record->why.where, record->why.text);
    }
    if (record->clear != CM_CLEAR_OPEN) {
        return;
    }
    if (record->asked != CM_FAMILY_NONE) {
        check_question(v, record);
        check_approval(v, record);
    } else if (must_have_question(record->entry.kind)) {
        cm_verifier_entry_problem(v, record, "access", "holds no question");
    }
    if (access->manifest.family != CM_FAMILY_NONE) {
        check_copy(v, record);
    }
    if (access->request.family != CM_FAMILY_NONE) {
        (void)check_envelope(v, record, &access->request, "request");
    }
}
