// What goes beside and after a query's entry: access records, refused questions, copies for the
// requester's agency, the end. Loop thread.
#include "gateway/gatewayd_internal.h"

#include "proto/base/log.h"
#include "proto/envelope/dsse.h"

#include <stdlib.h>
#include <string.h>

enum { REFUSED_ARENA = 256 * 1024 };

static int64_t wall(void)
{
    return cm_wall_ms(cm_clock_system());
}

static int64_t mono(void)
{
    return cm_mono_ms(cm_clock_system());
}

static struct cm_gatewayd *of(struct cm_gateway_ports *ports)
{
    return CM_CONTAINER(ports, struct cm_gatewayd, ports);
}

enum cm_status cm_gatewayd_seal(struct cm_gateway_ports *ports, struct cm_buf *out,
                                struct cm_access *access, struct cm_bytes entry,
                                int64_t recorded_ms)
{
    struct cm_gatewayd *d = of(ports);
    cm_chain_places_leave_out(d->chains, access, recorded_ms);
    return cm_access_seal(out, access, entry, recorded_ms, d->keys);
}

void cm_gatewayd_sealed(struct cm_gateway_ports *ports, const struct cm_access *access,
                        int64_t recorded_ms, uint64_t index)
{
    if (!access->chain_elsewhere) {
        cm_chain_places_written(of(ports)->chains, access, recorded_ms, index);
    }
}

// An account that says nothing but that it was asked: counts of no agency.
static enum cm_status bare_manifest(struct cm_envelope *out, struct cm_arena *arena,
                                    struct cm_gatewayd *d, const struct cm_gatewayd_asked *asked)
{
    const struct cm_directory *directory = cm_trust_directory(d->gateway.trust);
    struct cm_buf payload = {0}, envelope = {0};
    const struct cm_manifest manifest = {
        .query_digest = *asked->digest,
        .gateway = d->gateway.name,
        .directory_serial = directory->serial,
        .directory_digest = directory->digest,
        .started_ms = asked->recorded_ms,
        .finished_ms = wall(),
        .entry = asked->record.entry,
        .checkpoint = asked->record.checkpoint,
        .inclusion = asked->record.inclusion,
    };
    enum cm_status status = cm_manifest_encode(&payload, &manifest);
    if (!status) {
        status = cm_dsse_sign(&envelope, CM_FAMILY_MANIFEST, cm_buf_bytes(&payload),
                              d->gateway.signer, true);
    }
    if (!status) {
        status = cm_envelope_decode(out, arena, cm_buf_bytes(&envelope), NULL);
    }
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
    return status;
}

void cm_gatewayd_bare_copy(struct cm_gatewayd *d, struct cm_arena *arena, const char *agency,
                           const struct cm_gatewayd_asked *asked)
{
    struct cm_buf message = {0};
    const uint64_t number = cm_copy_number(d->gateway.epoch, asked->index);
    struct cm_attach_down down = {
        .kind = CM_DOWN_COPY,
        .copy = {.number = number, .query = *asked->question, .record = asked->record}};
    enum cm_status status = bare_manifest(&down.copy.manifest, arena, d, asked);
    if (!status) {
        status = cm_attach_down_encode(&message, &down);
    }
    if (status) {
        cm_log(CM_LOG_ERROR, "copy-not-made", "index=%llu status=%s",
               (unsigned long long)asked->index, cm_status_name(status));
        cm_buf_clear(&message);
        return;
    }
    struct cm_query_end end = {.digest = *asked->digest,
                               .index = asked->index,
                               .number = number,
                               .refused = asked->refused};
    cm_sha256_of(&end.manifest, down.copy.manifest.payload);
    cm_copies_add(d->copies, agency, &message, &end);
}

void cm_gatewayd_ended(struct cm_gateway_ports *ports, const char *agency, struct cm_buf *copy,
                       const struct cm_query_end *end)
{
    cm_copies_add(of(ports)->copies, agency, copy, end);
}

void cm_gatewayd_safe(void *context, const struct cm_query_end *end, bool lost)
{
    struct cm_gatewayd *d = context;
    if (lost) {
        cm_gatewayd_note(d, &(struct cm_entry){.kind = CM_ENTRY_EVIDENCE,
                                               .digest = end->digest,
                                               .text = "copy not kept: no room on disk"});
    }
    if (!end->refused) {
        cm_gatewayd_note(d, &(struct cm_entry){.kind = CM_ENTRY_MANIFEST,
                                               .digest = end->digest,
                                               .gateway_index = end->index,
                                               .last_digest = end->manifest,
                                               .decisions = end->asked,
                                               .answered = end->answered,
                                               .rows = end->rows});
    }
}

// A refused question on its way to the ledger.
struct refused {
    struct cm_append append;
    struct cm_gatewayd *d;
    struct cm_arena *arena;
    struct cm_envelope question;
    struct cm_digest digest;
    char agency[CM_MAX_ID + 1];
    bool reach;
    int64_t recorded_ms;
    struct cm_buf entry, sealed;
};

static void free_refused(struct refused *one)
{
    one->d->notes--;
    cm_buf_clear(&one->entry);
    cm_buf_clear(&one->sealed);
    cm_arena_free(one->arena);
    free(one);
}

static void copy_refused(struct refused *one)
{
    struct cm_gatewayd *d = one->d;
    struct cm_gatewayd_asked asked = {
        .question = &one->question,
        .digest = &one->digest,
        .index = one->append.index,
        .recorded_ms = one->recorded_ms,
        .record = {cm_buf_bytes(&one->entry), one->append.head->note, {0}},
        .refused = true,
    };
    enum cm_status status =
        cm_ledger_prove_inclusion(&asked.record.inclusion, one->arena, d->ledger, one->append.index,
                                  one->append.head->checkpoint.size);
    if (status) {
        cm_log(CM_LOG_ERROR, "copy-not-made", "status=%s", cm_status_name(status));
    } else {
        cm_gatewayd_bare_copy(d, one->arena, one->agency, &asked);
    }
}

static void refused_recorded(struct cm_append *append)
{
    struct refused *one = CM_CONTAINER(append, struct refused, append);
    if (append->status) {
        cm_log(CM_LOG_ERROR, "not-recorded", "status=%s", cm_status_name(append->status));
    } else {
        if (!one->reach && one->d->ledger) {
            copy_refused(one);
        }
        cm_tree_head_unref(append->head);
    }
    free_refused(one);
}

static enum cm_status append_refused(struct refused *one, const struct cm_refused *refused)
{
    struct cm_gatewayd *d = one->d;
    struct cm_entry entry = {
        .kind = CM_ENTRY_REFUSED,
        .recorded_ms = one->recorded_ms,
        .sealed = true,
        .digest = *refused->digest,
        .refusal = (uint32_t)refused->code,
        .text = refused->field,
        .committed = !refused->reach,
    };
    if (!refused->reach) {
        cm_commitments_of(&entry.commitments, refused->query, one->agency);
    }
    struct cm_access access = {.question = one->question, .person = "", .text = ""};
    enum cm_status status = cm_entry_encode(&one->entry, &entry);
    if (!status) {
        status = cm_gatewayd_seal(&d->ports, &one->sealed, &access, cm_buf_bytes(&one->entry),
                                  one->recorded_ms);
    }
    if (status) {
        return status;
    }
    one->append = (struct cm_append){.entry = cm_buf_bytes(&one->entry),
                                     .access = cm_buf_bytes(&one->sealed),
                                     .done = refused_recorded};
    return cm_ledger_append(d->ledger, &one->append);
}

static enum cm_status make_refused(struct cm_gatewayd *d, const struct cm_refused *refused,
                                   const char *agency)
{
    struct refused *one = d->notes < CM_GATEWAYD_NOTES ? calloc(1, sizeof *one) : NULL;
    struct cm_bytes raw;
    if (!one) {
        return CM_EXHAUSTED;
    }
    d->notes++;
    one->d = d;
    one->reach = refused->reach;
    one->digest = *refused->digest;
    one->recorded_ms = wall();
    memcpy(one->agency, agency, strlen(agency) + 1);
    one->arena = cm_arena_new(REFUSED_ARENA);
    enum cm_status status =
        one->arena ? cm_arena_bytes(one->arena, &raw, refused->question->raw) : CM_MEMORY;
    if (!status) {
        status = cm_envelope_decode(&one->question, one->arena, raw, NULL);
    }
    if (!status) {
        status = append_refused(one, refused);
    }
    if (status) {
        free_refused(one);
    }
    return status;
}

void cm_gatewayd_refused(struct cm_gateway_ports *ports, const struct cm_refused *refused)
{
    struct cm_gatewayd *d = of(ports);
    struct cm_identity signer;
    bool own = d->ledger && refused->genuine &&
               cm_identity_parse(&signer, cm_bytes_of(refused->query->signer), NULL) == CM_OK &&
               cm_refusals_admit(d->refusals, &refused->query->key_hash, signer.agency, mono());
    if (!own || make_refused(d, refused, signer.agency)) {
        cm_rejections_count(&d->rejections, refused->code, wall(), mono());
    }
}
