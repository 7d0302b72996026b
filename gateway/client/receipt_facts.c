#include "gateway/client/receipt_facts.h"

#include "proto/trust/certificate.h"

#include <openssl/x509.h>
#include <string.h>

static const char *text_of(struct cm_replay *replay, const char *text)
{
    const char *copy = cm_arena_string(replay->arena, cm_bytes_of(text));
    return copy != NULL ? copy : "";
}

static bool is_noted(const struct cm_replay *replay, struct cm_bytes der)
{
    for (size_t i = 0; i < replay->paper_count; i++) {
        if (cm_bytes_equal(replay->papers[i].der, der)) {
            return true;
        }
    }
    return false;
}

enum cm_status cm_facts_paper(struct cm_replay *replay, const char *whose, struct cm_bytes der,
                              struct cm_signatory *signatory, struct cm_error *error)
{
    struct cm_bytes kept;
    if (is_noted(replay, der)) {
        return CM_OK;
    }
    // A federation of thousands of agencies: the rest are in the file all the same.
    if (replay->paper_count == CM_MAX_REPLAY_PAPERS) {
        return CM_OK;
    }
    enum cm_status status = cm_arena_bytes(replay->arena, &kept, der);
    if (status != CM_OK) {
        return cm_fail(error, status, "certificates", "too many");
    }
    replay->papers[replay->paper_count++] = (struct cm_replay_paper){
        .whose = whose,
        .der = kept,
        .signatory = signatory != NULL ? cm_signatory_ref(signatory) : NULL,
    };
    return CM_OK;
}

// The leaf with its signatory, the CA's behind it without.
static enum cm_status note_chain(struct cm_replay *replay, const char *whose,
                                 const struct cm_signature *signature, bool judged,
                                 struct cm_error *error)
{
    struct cm_signatory *signatory = NULL;
    enum cm_status status = CM_OK;
    if (signature->chain_count == 0) {
        return CM_OK;
    }
    if (judged) {
        status = cm_trust_chain(&signatory, replay->trust, signature->chain, signature->chain_count,
                                replay->recorded_ms, error);
    }
    if (status == CM_OK) {
        status = cm_facts_paper(replay, whose, signature->chain[0], signatory, error);
    }
    for (size_t i = 1; i < signature->chain_count && status == CM_OK; i++) {
        status = cm_facts_paper(replay, "CA", signature->chain[i], NULL, error);
    }
    cm_signatory_unref(signatory);
    return status;
}

enum cm_status cm_facts_directory(struct cm_replay *replay, struct cm_bytes root,
                                  struct cm_bytes bundle, struct cm_error *error)
{
    struct cm_directory_bundle parts;
    struct cm_envelope envelope;
    struct cm_certificate certificate = {0};
    uint8_t *der = NULL;
    enum cm_status status = cm_certificate_parse_pem(&certificate, root, "root", error);
    int len = status == CM_OK ? i2d_X509(certificate.x509, &der) : 0;
    if (len > 0) {
        status = cm_facts_paper(replay, "federation's root", (struct cm_bytes){der, (size_t)len},
                                NULL, error);
    }
    OPENSSL_free(der);
    cm_certificate_clear(&certificate);
    if (status == CM_OK) {
        status = cm_directory_bundle_decode(&parts, replay->arena, bundle, error);
    }
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, replay->arena, parts.envelope, error);
    }
    return status == CM_OK
               ? note_chain(replay, "directory's signer", &envelope.signatures[0], false, error)
               : status;
}

enum cm_status cm_facts_question(struct cm_replay *replay, const struct cm_envelope *question,
                                 struct cm_error *error)
{
    const struct cm_envelope *approval = &replay->query->approval;
    enum cm_status status =
        note_chain(replay, "investigator", &question->signatures[0], true, error);
    if (status == CM_OK && approval->family == CM_FAMILY_APPROVAL) {
        status = note_chain(replay, "supervisor", &approval->signatures[0], true, error);
    }
    return status;
}

// What an entry commits to, without saying it, must be what was asked.
static enum cm_status check_words(const struct cm_replay *replay, const struct cm_entry *entry,
                                  const char *whose, struct cm_error *error)
{
    struct cm_commitments asked;
    cm_commitments_of(&asked, replay->query, cm_signatory_identity(replay->checked.signer)->agency);
    return memcmp(&asked, &entry->commitments, sizeof asked) == 0
               ? CM_OK
               : cm_fail(error, CM_INVALID, whose, "recorded other words than those asked");
}

static enum cm_status note_accepted(struct cm_replay *replay, const struct cm_accepted *accepted,
                                    struct cm_error *error)
{
    const char *const *names = cm_book_agencies(replay->book);
    struct cm_bytes entry;
    replay->parties =
        cm_arena_array(replay->arena, accepted->agency_count, sizeof replay->parties[0]);
    enum cm_status status = replay->parties != NULL
                                ? cm_arena_bytes(replay->arena, &entry, accepted->entry)
                                : CM_MEMORY;
    if (status != CM_OK) {
        return cm_fail(error, status, "answer", "out of memory");
    }
    replay->party_count = accepted->agency_count;
    for (size_t i = 0; i < replay->party_count; i++) {
        replay->parties[i] =
            (struct cm_replay_party){.agency = names[i], .signer = "", .refusal_text = ""};
    }
    replay->index = accepted->inclusion.index;
    status = cm_entry_decode(&replay->entry, replay->arena, entry, error);
    if (status == CM_OK) {
        status = check_words(replay, &replay->entry, "gateway", error);
    }
    if (status == CM_OK) {
        status = cm_checkpoint_parse(&replay->head, accepted->checkpoint, error);
    }
    replay->accepted = status == CM_OK;
    return status;
}

// The book knows all agencies that it takes something of.
static struct cm_replay_party *party_of(struct cm_replay *replay, const char *agency)
{
    for (size_t i = 0; i < replay->party_count; i++) {
        if (strcmp(replay->parties[i].agency, agency) == 0) {
            return &replay->parties[i];
        }
    }
    return NULL;
}

static enum cm_status note_signer(struct cm_replay *replay, struct cm_replay_party *party,
                                  const struct cm_envelope *envelope, struct cm_error *error)
{
    struct cm_signatory *signatory;
    const struct cm_signature *signature = &envelope->signatures[0];
    if (signature->chain_count == 0) {
        return CM_OK;
    }
    enum cm_status status = cm_trust_chain(&signatory, replay->trust, signature->chain,
                                           signature->chain_count, replay->recorded_ms, error);
    if (status != CM_OK) {
        return status;
    }
    party->signer = text_of(replay, cm_signatory_identity(signatory)->spiffe);
    cm_signatory_unref(signatory);
    return note_chain(replay, "node", signature, true, error);
}

static enum cm_status note_header(struct cm_replay *replay, const struct cm_envelope *envelope,
                                  struct cm_error *error)
{
    struct cm_header header;
    struct cm_arena *arena = cm_arena_new(CM_MAX_ENVELOPE * 8);
    enum cm_status status = arena != NULL
                                ? cm_header_decode(&header, arena, envelope->payload, error)
                                : cm_fail(error, CM_MEMORY, "answer", "out of memory");
    struct cm_replay_party *party = status == CM_OK ? party_of(replay, header.agency) : NULL;
    if (party != NULL) {
        party->headers++;
        status = note_signer(replay, party, envelope, error);
    }
    cm_arena_free(arena);
    return status;
}

static enum cm_status note_refusal(struct cm_replay *replay, const struct cm_envelope *envelope,
                                   struct cm_error *error)
{
    struct cm_refusal refusal;
    enum cm_status status = cm_refusal_decode(&refusal, replay->arena, envelope->payload, error);
    struct cm_replay_party *party = status == CM_OK ? party_of(replay, refusal.agency) : NULL;
    if (party != NULL) {
        party->refusal = refusal.code;
        party->refusal_text = text_of(replay, refusal.text);
        status = note_signer(replay, party, envelope, error);
    }
    return status;
}

static enum cm_status note_record(struct cm_replay *replay, const struct cm_node_record *record,
                                  struct cm_error *error)
{
    struct cm_bytes entry;
    struct cm_replay_party *party = party_of(replay, record->agency);
    if (party == NULL) {
        return cm_fail(error, CM_INVALID, "record", "is of an agency that was not asked");
    }
    enum cm_status status = cm_arena_bytes(replay->arena, &entry, record->record.entry);
    if (status == CM_OK) {
        status = cm_entry_decode(&party->entry, replay->arena, entry, error);
    }
    if (status == CM_OK) {
        status = check_words(replay, &party->entry, record->agency, error);
    }
    if (status == CM_OK) {
        status = cm_checkpoint_parse(&party->head, record->record.checkpoint, error);
    }
    party->index = record->record.inclusion.index;
    party->recorded = status == CM_OK;
    return status;
}

enum cm_status cm_facts_response(struct cm_replay *replay,
                                 const struct cm_lookup_response *response, struct cm_error *error)
{
    switch (response->kind) {
    case CM_LOOKUP_ACCEPTED:
        return note_accepted(replay, &response->u.accepted, error);
    case CM_LOOKUP_BATCH:
        return note_header(replay, &response->u.batch.header, error);
    case CM_LOOKUP_UNMERGED:
        return note_header(replay, &response->u.envelope, error);
    case CM_LOOKUP_REFUSAL:
        return note_refusal(replay, &response->u.envelope, error);
    case CM_LOOKUP_RECORD:
        return note_record(replay, &response->u.record, error);
    case CM_LOOKUP_NONE:
    case CM_LOOKUP_DIRECTORY:
    case CM_LOOKUP_PROGRESS:
    case CM_LOOKUP_MANIFEST:
        break;
    }
    return CM_OK;
}
