#include "gateway/client/receipt_print.h"

#include "proto/base/cli.h"
#include "proto/base/plain.h"
#include "proto/base/when.h"

#include <inttypes.h>
#include <stdarg.h>

enum { LINE = 1024, INDENT = 7 };

static void line(FILE *out, const char *word, const char *format, ...) CM_PRINTF(3, 4);

static void line(FILE *out, const char *word, const char *format, ...)
{
    char text[LINE];
    char plain[LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int used = fprintf(out, "%s: ", word);
    cm_cli_wrap(out, cm_plain(plain, sizeof plain, text), used > 0 ? (size_t)used : 0, INDENT);
}

static void print_parties(FILE *out, const struct cm_replay *replay)
{
    for (size_t i = 0; i < replay->party_count; i++) {
        const struct cm_replay_party *party = &replay->parties[i];
        if (party->recorded) {
            line(out, "holds", "%s recorded the question itself, as entry %" PRIu64 " of %s",
                 party->agency, party->index, party->head.origin);
        }
    }
}

void cm_receipt_print_holds(FILE *out, const struct cm_replay *replay)
{
    char when[CM_WHEN_SIZE];
    const struct cm_directory *directory = replay->directory;
    const struct cm_manifest *manifest = replay->manifest;
    if (directory != NULL) {
        line(out, "holds",
             "directory %" PRIu64 " of %s and its revocation lists, under your root certificate",
             directory->serial, directory->federation);
    }
    if (replay->query != NULL) {
        line(out, "holds", "the question of %s, signed %s", replay->query->signer,
             cm_when_utc(when, replay->query->issued_ms));
    }
    if (replay->saved_ms > 0) {
        line(out, "holds", "saved %s under the same key, and not altered since",
             cm_when_utc(when, replay->saved_ms));
    }
    if (replay->accepted) {
        line(out, "holds", "gateway %s recorded it, %s, as entry %" PRIu64 " of %s",
             cm_signatory_identity(replay->gateway)->name, cm_when_utc(when, replay->recorded_ms),
             replay->index, replay->head.origin);
    }
    if (manifest != NULL && replay->query != NULL) {
        const char *past = !manifest->cut                               ? ""
                           : replay->query->order == CM_ORDER_UNORDERED ? " but past the limit"
                                                                        : " before the last shown";
        line(out, "holds",
             "%" PRIu64 " row%s, each under a signature of its agency's node; of those that "
             "answered none is left out%s",
             manifest->rows, manifest->rows == 1 ? "" : "s", past);
        print_parties(out, replay);
        line(out, "holds",
             "the gateway's signed account: it counts each of %" PRIu64 " active agencies once",
             cm_directory_active(directory));
    }
    if (replay->compared) {
        line(out, "holds",
             "the directory you hold is of one line with the receipt's, and revoked no certificate "
             "as of then");
    }
}

static const char *const unknown[] = {
    "whether the gateway or a node showed others another ledger: `comity audit compare`",
    "whether the plates were read right, and whether a clock of a camera was wrong",
    "what agencies that do not share, and those that did not answer, hold",
};

void cm_receipt_print_unknown(FILE *out, const struct cm_replay *replay)
{
    size_t silent = 0;
    for (size_t i = 0; i < replay->party_count; i++) {
        silent += replay->parties[i].signer[0] != '\0' && !replay->parties[i].recorded;
    }
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        line(out, "not known", "%s", unknown[i]);
    }
    if (silent > 0) {
        line(out, "not known",
             "whether %zu of the agencies recorded the question: the receipt holds no proof of it",
             silent);
    }
    if (!replay->compared) {
        line(out, "not known",
             "whether a certificate was revoked since, as of an earlier time, and whether there is "
             "another directory of that serial: give --directory FILE, the newest you trust");
    }
}
