#include "gateway/client/receipt_print.h"
#include "proto/base/cli.h"
#include "proto/base/plain.h"
#include "proto/base/when.h"
#include "proto/trust/certificate.h"

#include <inttypes.h>
#include <openssl/bn.h>
#include <stdarg.h>
#include <string.h>

enum { LINE = 4096, LABEL = 16, HEX = 2 * CM_DIGEST_SIZE + 1, RULE = 78 };

static void field(FILE *out, const char *label, const char *format, ...) CM_PRINTF(3, 4);

static void field(FILE *out, const char *label, const char *format, ...)
{
    char text[LINE];
    char plain[LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(out, "  %-*s", LABEL - 2, label);
    cm_cli_wrap(out, cm_plain(plain, sizeof plain, text), LABEL, LABEL);
}

static void field_digest(FILE *out, const char *label, const struct cm_digest *digest)
{
    char hex[HEX];
    cm_hex(hex, cm_bytes_digest(digest));
    fprintf(out, "  %-*s%s\n", LABEL - 2, label, hex);
}

static void heading(FILE *out, const char *text)
{
    fprintf(out, "\n%s\n", text);
    for (size_t i = 0; i < strlen(text); i++) {
        fputc('-', out);
    }
    fputc('\n', out);
}

static const char *utc(char out[CM_WHEN_SIZE], int64_t ms)
{
    return cm_when_utc(out, ms);
}

static const char *name_of(const struct cm_replay *replay, const char *id)
{
    const struct cm_agency *agency = cm_directory_agency(replay->directory, id);
    return agency != NULL ? agency->name : "";
}

static void print_evidence(FILE *out, const struct cm_replay *replay)
{
    const struct cm_query *query = replay->query;
    if (query->approval.family != CM_FAMILY_NONE) {
        field(out, "Approved by", "%s, checked", replay->checked.approval.supervisor);
    }
    if (query->court_order[0] != '\0') {
        field(out, "Court order", "%s, as cited; the owner's node judged it", query->court_order);
    }
    if (query->attested) {
        field_digest(out, "Declaration", &query->attestation);
    }
}

static void print_question(FILE *out, const struct cm_replay *replay)
{
    const struct cm_query *query = replay->query;
    const struct cm_identity *signer = cm_signatory_identity(replay->checked.signer);
    char from[CM_WHEN_SIZE];
    char to[CM_WHEN_SIZE];
    char id[2 * CM_QUERY_ID_SIZE + 1];
    cm_hex(id, (struct cm_bytes){query->query_id, sizeof query->query_id});
    heading(out, "1. The question");
    field(out, "Asked by", "%s (%s)", signer->spiffe, cm_role_name(signer->role));
    field(out, "Of agency", "%s, %s", signer->agency, name_of(replay, signer->agency));
    if (query->on_behalf_of[0] != '\0') {
        field(out, "On behalf of", "%s, %s", query->on_behalf_of,
              name_of(replay, query->on_behalf_of));
    }
    field(out, "Signed", "%s", utc(from, query->issued_ms));
    field(out, "Plate", "%s%s%s", query->plate.plate, query->plate.state[0] != '\0' ? ", " : "",
          query->plate.state);
    field(out, "Reads", "from %s to %s", utc(from, query->window.from_ms),
          utc(to, query->window.to_ms));
    field(out, "Purpose", "%s", query->purpose);
    field(out, "Case", "%s", query->case_number[0] != '\0' ? query->case_number : "none given");
    field(out, "Reason", "%s", query->reason);
    print_evidence(out, replay);
    field(out, "At most", "%" PRIu32 " rows%s", query->limit,
          query->order == CM_ORDER_UNORDERED ? ", in any order" : ", newest first");
    for (size_t i = 0; i < query->agency_count; i++) {
        field(out, i == 0 ? "Asked for" : "", "%s", query->agencies[i]);
    }
    field(out, "Query id", "%s", id);
    field_digest(out, "Query digest", &replay->checked.digest);
}

static void print_head(FILE *out, const struct cm_checkpoint *head, uint64_t index)
{
    field(out, "Ledger", "%s, entry %" PRIu64 ", in a tree of %" PRIu64, head->origin, index,
          head->size);
    field_digest(out, "Tree's root", &head->root);
}

static void print_record(FILE *out, const struct cm_replay *replay)
{
    char when[CM_WHEN_SIZE];
    const struct cm_directory *directory = replay->directory;
    const struct cm_manifest *manifest = replay->manifest;
    heading(out, "2. The gateway's record");
    field(out, "Gateway", "%s", cm_signatory_identity(replay->gateway)->spiffe);
    field(out, "Recorded", "%s", utc(when, replay->recorded_ms));
    print_head(out, &replay->head, replay->index);
    field(out, "Answered", "%s", utc(when, manifest->finished_ms));
    field(out, "Directory", "%s, serial %" PRIu64 ", issued %s", directory->federation,
          directory->serial, utc(when, directory->issued_ms));
    field_digest(out, "Its digest", &directory->digest);
}

void cm_exhibit_begin(FILE *out, const struct cm_replay *replay, const struct cm_digest *digest)
{
    char when[CM_WHEN_SIZE];
    fputs("RECEIPT OF A LICENCE-PLATE QUERY\n\n", out);
    field(out, "Federation", "%s", replay->directory->federation);
    field(out, "Saved", "%s, by who asked", utc(when, replay->saved_ms));
    field_digest(out, "This file", digest);
    field(out, "Judged as of", "%s, when the gateway recorded it; all times are UTC",
          utc(when, replay->recorded_ms));
    print_question(out, replay);
    print_record(out, replay);
    heading(out, "3. The rows");
    fprintf(out, "  %" PRIu64 " row%s%s.\n", replay->manifest->rows,
            replay->manifest->rows == 1 ? "" : "s",
            replay->manifest->cut ? "; there are more, past the limit" : "");
}

static void add(char *text, const char *format, ...) CM_PRINTF(2, 3);

static void add(char *text, const char *format, ...)
{
    size_t len = strlen(text);
    va_list args;
    if (len > 0 && len + 3 < LINE) {
        memcpy(text + len, ", ", 3);
        len += 2;
    }
    va_start(args, format);
    vsnprintf(text + len, LINE - len, format, args);
    va_end(args);
}

static void add_vehicle(char *text, const struct cm_detection *row)
{
    const char *const words[] = {row->colour, row->make, row->model, row->body};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i][0] != '\0') {
            add(text, "%s", words[i]);
        }
    }
    if (row->year != 0) {
        add(text, "of %u", (unsigned)row->year);
    }
}

void cm_exhibit_row(FILE *out, uint64_t number, const struct cm_detection *row)
{
    char when[CM_WHEN_SIZE];
    char plate[4 * CM_MAX_PLATE];
    char text[LINE] = "";
    fprintf(out, "\n%6" PRIu64 ".  %s  %s%s%s  %s\n", number, utc(when, row->captured_at_ms),
            cm_plain(plate, sizeof plate, row->plate_read), row->state[0] != '\0' ? " " : "",
            row->state, row->owner);
    if (row->present & 1u << CM_FIELD_PLACE) {
        add(text, "%.6f %.6f", row->latitude, row->longitude);
        if (row->site[0] != '\0') {
            add(text, "%s", row->site);
        }
    }
    if (row->present & 1u << CM_FIELD_CAMERA) {
        add(text, "camera %s", row->camera);
    }
    if (row->present & 1u << CM_FIELD_HEADING) {
        add(text, "heading %.0f degrees", (double)row->heading);
    }
    if (row->present & 1u << CM_FIELD_VEHICLE) {
        add_vehicle(text, row);
    }
    if (row->present & 1u << CM_FIELD_CONFIDENCE) {
        add(text, "confidence %.0f %%", (double)row->confidence * 100);
    }
    if (row->present & 1u << CM_FIELD_IMAGE) {
        char hex[HEX];
        cm_hex(hex, cm_bytes_digest(&row->image_sha256));
        add(text, "image %s, SHA-256 %s", row->image_reference, hex);
    }
    add(text, "event %s", row->event_id);
    char plain[LINE];
    fputs("         ", out);
    cm_cli_wrap(out, cm_plain(plain, sizeof plain, text), 9, 9);
}

static const struct cm_replay_party *party_of(const struct cm_replay *replay, const char *agency)
{
    for (size_t i = 0; i < replay->party_count; i++) {
        if (strcmp(replay->parties[i].agency, agency) == 0) {
            return &replay->parties[i];
        }
    }
    return NULL;
}

static void print_party(FILE *out, const struct cm_replay_party *party)
{
    if (party == NULL || party->signer[0] == '\0') {
        return;
    }
    field(out, "Signed by", "%s", party->signer);
    if (party->refusal != CM_REFUSAL_NONE) {
        field(out, "Refused", "%s%s%s", cm_refusal_name(party->refusal),
              party->refusal_text[0] != '\0' ? ": " : "", party->refusal_text);
    }
    if (party->recorded) {
        print_head(out, &party->head, party->index);
    } else {
        field(out, "Ledger", "no proof of its own record came with the answer");
    }
}

static void print_account(FILE *out, const struct cm_replay *replay,
                          const struct cm_account *account)
{
    char when[CM_WHEN_SIZE];
    char withheld[LINE] = "";
    fprintf(out, "\n  %s\n", account->agency);
    field(out, "Name", "%s", name_of(replay, account->agency));
    field(out, "Outcome", "%s%s%s", cm_outcome_name(account->outcome),
          account->reason[0] != '\0' ? ": " : "", account->reason);
    if (account->outcome == CM_OUTCOME_ANSWERED) {
        field(out, "Rows", "%" PRIu64 "%s", account->rows,
              account->more_matched ? "; more matched than the limit let through" : "");
        if (account->visible_from_ms > replay->query->window.from_ms) {
            field(out, "Showed from", "%s", utc(when, account->visible_from_ms));
        }
    }
    for (unsigned f = 1; f < CM_FIELD_COUNT; f++) {
        if (account->fields_withheld & 1u << f) {
            add(withheld, "%s", cm_field_name((enum cm_field)f));
        }
    }
    if (account->rows_withheld) {
        add(withheld, "rows of some sites");
    }
    if (withheld[0] != '\0') {
        field(out, "Withheld", "%s", withheld);
    }
    if (!cm_digest_is_zero(&account->rules_digest)) {
        field_digest(out, "Rules' digest", &account->rules_digest);
    }
    if (!cm_digest_is_zero(&account->last_header)) {
        field_digest(out, "Last header", &account->last_header);
    }
    print_party(out, party_of(replay, account->agency));
}

static void print_accounts(FILE *out, const struct cm_replay *replay)
{
    const struct cm_manifest *manifest = replay->manifest;
    heading(out, "4. The agencies");
    for (unsigned i = 1; i < CM_OUTCOME_COUNT; i++) {
        if (manifest->counts[i] > 0) {
            fprintf(out, "  %6" PRIu32 "  %s\n", manifest->counts[i],
                    cm_outcome_name((enum cm_outcome)i));
        }
    }
    fputs("  Those that did not permit, were not named, were offline or have no node\n"
          "  may be counted without being listed.\n",
          out);
    for (size_t i = 0; i < manifest->account_count; i++) {
        print_account(out, replay, &manifest->accounts[i]);
    }
}

static void print_serial(FILE *out, const X509 *x509)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    char *hex = number != NULL ? BN_bn2hex(number) : NULL;
    field(out, "Serial", "%s", hex != NULL ? hex : "?");
    OPENSSL_free(hex);
    BN_free(number);
}

static void print_papers(FILE *out, const struct cm_replay *replay)
{
    heading(out, "5. The certificates");
    for (size_t i = 0; i < replay->paper_count; i++) {
        const struct cm_replay_paper *paper = &replay->papers[i];
        struct cm_certificate certificate = {0};
        struct cm_digest fingerprint;
        char from[CM_WHEN_SIZE];
        char to[CM_WHEN_SIZE];
        if (cm_certificate_parse(&certificate, paper->der, "certificate", NULL) != CM_OK) {
            continue;
        }
        cm_sha256_of(&fingerprint, paper->der);
        fputc('\n', out);
        field(out, "Of", "the %s", paper->whose);
        field(out, "Name", "%s", certificate.uri);
        print_serial(out, certificate.x509);
        field_digest(out, "SHA-256", &fingerprint);
        field(out, "Good", "from %s to %s", utc(from, certificate.not_before_ms),
              utc(to, certificate.not_after_ms));
        if (paper->revoked_ms != 0) {
            field(out, "Revoked", "since, as of %s: after the answer", utc(to, paper->revoked_ms));
        }
        cm_certificate_clear(&certificate);
    }
}

void cm_exhibit_end(FILE *out, const struct cm_replay *replay, int64_t now_ms)
{
    char when[CM_WHEN_SIZE];
    print_accounts(out, replay);
    print_papers(out, replay);
    heading(out, "6. What was verified, and what was not");
    cm_receipt_print_holds(out, replay);
    cm_receipt_print_unknown(out, replay);
    fprintf(out, "\nVerified and printed %s by comity receipt, offline.\n", utc(when, now_ms));
}
