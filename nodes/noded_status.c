// What the running node tells `comity node` through its socket, as one JSON object. No plate, no
// question: only how the node itself is.
#include "nodes/noded_internal.h"

#include "nodes/sharing.h"
#include "nodes/withhold.h"
#include "proto/trust/certificate.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

enum { ARENA_CAP = 2 * CM_MAX_BUNDLE };

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
    return text && text[0] ? json_string(text) : json_null();
}

static json_t *error_or_null(const struct cm_error *error)
{
    char text[sizeof *error];
    return error->text[0] ? json_string(cm_error_format(text, sizeof text, error)) : json_null();
}

static json_t *rules_status(const struct cm_noded *noded)
{
    char digest[2 * CM_DIGEST_SIZE + 1] = "";
    struct cm_withholding withheld = {0};
    const struct cm_standing *standing = cm_bundle_standing(noded->node.bundle);
    const struct cm_edits *judged = &noded->judged;
    const bool known = cm_withholding_read(&withheld, noded->node.bundle, NULL) == CM_OK;
    if (standing) {
        cm_hex(digest, cm_bytes_digest(&standing->digest));
    }
    json_t *out = json_pack(
        "{s:o, s:o, s:o, s:{s:o, s:o, s:b, s:b, s:b}, s:{s:o, s:s, s:o, s:o, s:b}, s:o}",
        "sequence", number(standing ? standing->sequence : 0), "digest", text_or_null(digest),
        "directory_serial", number(standing ? standing->directory_serial : 0), "overlay",
        "sequence", number(withheld.sequence), "revision", number(withheld.revision), "lost",
        withheld.lost, "edits", known && withheld.edits.len > 0, "sharing",
        known && withheld.sharing.len > 0, "file", "path", text_or_null(noded->config->rule_file),
        "state", cm_edits_state_name(judged->state), "at", text_or_null(judged->where), "text",
        text_or_null(judged->text), "hides_more", judged->hides_more, "error",
        error_or_null(&noded->rules_error));
    cm_withholding_clear(&withheld);
    return out;
}

static json_t *sharing_status(const struct cm_noded *noded)
{
    char who[CM_SHARING_LINE], until[CM_SHARING_LINE];
    struct cm_buf text = {0};
    struct cm_error error = {.text = ""};
    json_t *list = json_array();
    const enum cm_status status = cm_sharing_read(&text, noded->rules_folder, &error);
    for (size_t i = 0; cm_sharing_entry(who, until, cm_buf_bytes(&text), i); i++) {
        json_array_append_new(list,
                              json_pack("{s:s, s:o}", "with", who, "until", text_or_null(until)));
    }
    cm_buf_clear(&text);
    if (noded->sharing_error.text[0] || status == CM_OK || status == CM_NOT_FOUND) {
        error = noded->sharing_error;
    }
    return json_pack("{s:o, s:o}", "off", list, "error", error_or_null(&error));
}

// What is wrong with the gateway's ledger; "" for nothing.
static const char *finding_name(const struct cm_attach *attach)
{
    const enum cm_witness_finding finding = cm_attach_finding(attach);
    return finding ? cm_witness_finding_name(finding) : "";
}

static json_t *gateways_status(const struct cm_noded *noded)
{
    json_t *list = json_array();
    for (size_t i = 0; i < noded->attach_count; i++) {
        const struct cm_attach *attach = noded->attaches[i];
        if (cm_attach_closing(attach)) {
            continue;
        }
        json_array_append_new(
            list, json_pack("{s:s, s:b, s:b, s:o}", "name", cm_attach_gateway(attach), "attached",
                            cm_attach_attached(attach), "told", cm_attach_told(attach), "ledger",
                            text_or_null(finding_name(attach))));
    }
    return list;
}

static json_t *crl_status(struct cm_bytes der, int64_t now_ms)
{
    char issuer[256] = "";
    int64_t this_ms = 0, next_ms = 0;
    const unsigned char *at = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
    if (crl) {
        X509_NAME_get_text_by_NID(X509_CRL_get_issuer(crl), NID_commonName, issuer, sizeof issuer);
        (void)cm_certificate_time(&this_ms, X509_CRL_get0_lastUpdate(crl));
        (void)cm_certificate_time(&next_ms, X509_CRL_get0_nextUpdate(crl));
    }
    X509_CRL_free(crl);
    return json_pack("{s:s, s:I, s:I}", "issuer", issuer, "age_s",
                     (json_int_t)((now_ms - this_ms) / 1000), "ends_s",
                     (json_int_t)((next_ms - now_ms) / 1000));
}

static json_t *crls_status(const struct cm_trust *trust, int64_t now_ms)
{
    struct cm_directory_bundle bundle;
    json_t *list = json_array();
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    if (arena &&
        cm_directory_bundle_decode(&bundle, arena, cm_trust_bundle(trust), NULL) == CM_OK) {
        for (size_t i = 0; i < bundle.crl_count; i++) {
            json_array_append_new(list, crl_status(bundle.crls[i], now_ms));
        }
    }
    cm_arena_free(arena);
    return list;
}

static json_t *directory_status(const struct cm_noded *noded, int64_t now_ms)
{
    const struct cm_directory *directory = cm_trust_directory(noded->node.trust);
    return json_pack("{s:o, s:I, s:I, s:o}", "serial", number(directory->serial), "age_s",
                     (json_int_t)((now_ms - directory->issued_ms) / 1000), "ends_s",
                     (json_int_t)((directory->expires_ms - now_ms) / 1000), "crls",
                     crls_status(noded->node.trust, now_ms));
}

static json_t *certificate_status(const struct cm_signer *signer, int64_t now_ms)
{
    size_t count;
    int64_t end_ms = now_ms;
    const struct cm_bytes *chain = cm_signer_chain(signer, &count);
    const unsigned char *at = count > 0 ? chain[0].data : NULL;
    X509 *x509 = at ? d2i_X509(NULL, &at, (long)chain[0].len) : NULL;
    if (x509) {
        (void)cm_certificate_time(&end_ms, X509_get0_notAfter(x509));
    }
    X509_free(x509);
    return json_pack("{s:s, s:I}", "name", cm_signer_spiffe(signer), "ends_s",
                     (json_int_t)((end_ms - now_ms) / 1000));
}

static json_t *store_status(const struct cm_noded *noded)
{
    if (!noded->node.store) {
        return json_null();
    }
    return json_pack("{s:b, s:o}", "readable", noded->rows_status == CM_OK, "rows",
                     noded->rows_status == CM_OK ? number(noded->rows) : json_null());
}

static json_t *ledger_status(const struct cm_noded *noded)
{
    const struct cm_witnessed *witnessed = &noded->witnessed;
    char erased[CM_DAY_TEXT];
    cm_day_format(erased, cm_day_keys_erased_before(noded->node.keys));
    return json_pack(
        "{s:s, s:o, s:o, s:b, s:o, s:o, s:o}", "erased_before", erased, "entries",
        number(cm_ledger_head(noded->ledger)->checkpoint.size), "published",
        number(cm_ledger_published(noded->ledger)), "writable",
        !cm_ledger_latched(noded->ledger) && !cm_ledger_full(noded->ledger), "epoch",
        number(witnessed->epoch), "witnessed", number(witnessed->cosigned.size), "refuted_by",
        cm_witnessed_refuted(witnessed) ? number(witnessed->refuted.size) : json_null());
}

static void answer(struct cm_noded *noded)
{
    const int64_t now_ms = cm_wall_ms(cm_clock_system());
    json_t *status = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "agency",
                               noded->node.agency, "detached", noded->detached, "rules",
                               rules_status(noded), "sharing", sharing_status(noded), "gateways",
                               gateways_status(noded), "directory", directory_status(noded, now_ms),
                               "certificate", certificate_status(noded->node.signer, now_ms),
                               "store", store_status(noded), "ledger", ledger_status(noded));
    char *text = status ? json_dumps(status, JSON_COMPACT) : NULL;
    cm_control_answer(noded->control, text ? cm_bytes_of(text) : CM_BYTES_NONE);
    free(text);
    json_decref(status);
}

static void count_work(struct cm_job *job)
{
    struct cm_noded *noded = CM_CONTAINER(job, struct cm_noded, count_job);
    struct cm_store *store = noded->node.store;
    noded->rows_status = store->ops->count(store, &noded->rows, NULL);
}

static void counted(struct cm_job *job)
{
    answer(CM_CONTAINER(job, struct cm_noded, count_job));
}

void cm_noded_asked(void *context, const char *word)
{
    struct cm_noded *noded = context;
    if (strcmp(word, CM_AUDIT_WORD) == 0) {
        cm_noded_audited(noded);
        return;
    }
    if (strcmp(word, "look") == 0 && !noded->node.draining) {
        cm_noded_look(noded, cm_mono_ms(cm_clock_system()));
    }
    const bool counts = strcmp(word, "status") == 0 && noded->node.store;
    noded->rows_status = CM_UNAVAILABLE;
    noded->count_job = (struct cm_job){.work = count_work, .done = counted};
    if (!counts || cm_workers_submit(noded->workers, &noded->count_job)) {
        answer(noded);
    }
}
