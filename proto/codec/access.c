#include "proto/codec/access.h"

#include "proto/codec/envelope_pb.h"
#include "proto/codec/gateway_pb.h"
#include "proto/codec/proof_pb.h"

#include "comity/v1/access.pb-c.h"

enum { VERSION = 1, SCRATCH = 512 * 1024 };

static const unsigned questions = 1u << CM_FAMILY_QUERY | 1u << CM_FAMILY_REACH;
static const unsigned manifests = 1u << CM_FAMILY_MANIFEST;
static const unsigned requests = 1u << CM_FAMILY_AUDIT | 1u << CM_FAMILY_RULESET |
                                 1u << CM_FAMILY_ORDERS | 1u << CM_FAMILY_EPOCH;

static void check_access(struct cm_form *form, const struct cm_access *a)
{
    bool copied = a->manifest.family != CM_FAMILY_NONE;

    cm_form_require(form,
                    !a->chain_elsewhere || (a->question.family != CM_FAMILY_NONE &&
                                            a->question.signatures[0].chain_count == 0),
                    "chain_at", "must stand beside a question without chain");
    cm_form_require(form, a->chain_elsewhere || a->chain_at == 0, "chain_at", "has no index");
    cm_form_require(form, (a->gateway_record.entry.len > 0) == copied, "gateway_record",
                    "must be there with a manifest, and only then");
    cm_form_require(form, a->leaf_count == 0 || copied, "leaves", "must stand beside a manifest");
    cm_form_spans_check(form, "leaves", a->leaves, a->leaf_count, CM_MAX_DIRECTORY_AGENCIES,
                        CM_MAX_LEAF);
    cm_form_text(form, "person", a->person, 0, CM_MAX_REASON);
    cm_form_text(form, "text", a->text, 0, CM_MAX_ACCESS_TEXT);
}

static void take_envelope(struct cm_form *form, const char *field, struct cm_envelope *out,
                          const Comity__V1__Envelope *in, unsigned families)
{
    if (in) {
        cm_form_envelope(form, field, out, in, families);
    }
}

enum cm_status cm_access_decode(struct cm_access *out, struct cm_arena *arena,
                                struct cm_bytes bytes, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__AccessRecord *in = cm_form_unpack(
        &form, &comity__v1__access_record__descriptor, "access", bytes, CM_MAX_ACCESS_RECORD);

    *out = (struct cm_access){.person = "", .text = ""};
    if (!in) {
        return form.status;
    }
    cm_form_between(&form, "version", in->version, VERSION, VERSION);
    take_envelope(&form, "question", &out->question, in->question, questions);
    out->chain_elsewhere = in->chain_at != NULL;
    out->chain_at = in->chain_at ? in->chain_at->index : 0;
    cm_form_record(&form, "gateway_record", &out->gateway_record, in->gateway_record);
    out->leaf_count = in->n_leaves;
    out->leaves = cm_form_spans(&form, in->leaves, in->n_leaves);
    take_envelope(&form, "manifest", &out->manifest, in->manifest, manifests);
    out->person = in->person;
    out->text = in->text;
    take_envelope(&form, "request", &out->request, in->request, requests);
    if (cm_form_ok(&form)) {
        check_access(&form, out);
    }
    return form.status;
}

enum cm_status cm_access_encode(struct cm_buf *out, const struct cm_access *access)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH)};
    Comity__V1__AccessRecord message = COMITY__V1__ACCESS_RECORD__INIT;
    Comity__V1__ChainAt chain_at = COMITY__V1__CHAIN_AT__INIT;

    if (!form.arena) {
        return CM_MEMORY;
    }
    check_access(&form, access);
    message.version = VERSION;
    message.question = cm_form_new_envelope(&form, "question", &access->question, questions);
    chain_at.index = access->chain_at;
    message.chain_at = access->chain_elsewhere ? &chain_at : NULL;
    message.gateway_record = cm_form_out_record(&form, "gateway_record", &access->gateway_record);
    message.n_leaves = access->leaf_count;
    message.leaves = cm_form_out_spans(&form, access->leaves, access->leaf_count);
    message.manifest = cm_form_new_envelope(&form, "manifest", &access->manifest, manifests);
    message.person = cm_form_out_text(access->person);
    message.text = cm_form_out_text(access->text);
    message.request = cm_form_new_envelope(&form, "request", &access->request, requests);
    return cm_form_finish(&form, out, &message.base, CM_MAX_ACCESS_RECORD);
}
