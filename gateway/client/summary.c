#include "gateway/client/summary.h"

#include "gateway/client/printer.h"
#include "proto/base/plain.h"
#include "proto/base/when.h"

#include <inttypes.h>
#include <string.h>

// Clocks differ, and time passes between question and answer: less than this is no shorter window.
enum { SLACK_MS = 60 * 1000 };

// Agencies that permit, whether or not they could be asked.
static size_t permitting(const struct cm_manifest *manifest)
{
    size_t count = 0;
    for (size_t i = 0; i < manifest->account_count; i++) {
        enum cm_outcome outcome = manifest->accounts[i].outcome;
        count += outcome != CM_OUTCOME_NOT_PERMITTED && outcome != CM_OUTCOME_NOT_NAMED &&
                 outcome != CM_OUTCOME_NO_NODE;
    }
    return count;
}

static enum cm_status add_missing(struct cm_buf *out, const struct cm_manifest *manifest)
{
    static const enum cm_outcome missing[] = {
        CM_OUTCOME_LATE,    CM_OUTCOME_OFFLINE,   CM_OUTCOME_DETACHED,     CM_OUTCOME_FAILED,
        CM_OUTCOME_REFUSED, CM_OUTCOME_WITHDRAWN, CM_OUTCOME_INCOMPATIBLE,
    };
    enum cm_status status = CM_OK;
    for (size_t i = 0; i < sizeof missing / sizeof missing[0] && status == CM_OK; i++) {
        uint32_t count = manifest->counts[missing[i]];
        if (count > 0) {
            status = cm_buf_printf(out, "; %" PRIu32 " %s", count, cm_outcome_name(missing[i]));
        }
    }
    return status;
}

// How many agencies showed less than the window asked for, and what the most of them showed.
static enum cm_status add_windows(struct cm_buf *out, const struct cm_manifest *manifest,
                                  const struct cm_window *window)
{
    size_t clipped = 0;
    int64_t widest = 0;
    int64_t narrowest = INT64_MAX;
    for (size_t i = 0; i < manifest->account_count; i++) {
        const struct cm_account *account = &manifest->accounts[i];
        if (account->outcome != CM_OUTCOME_ANSWERED ||
            account->visible_from_ms <= window->from_ms + SLACK_MS) {
            continue;
        }
        int64_t shown =
            window->to_ms > account->visible_from_ms ? window->to_ms - account->visible_from_ms : 0;
        clipped++;
        widest = shown > widest ? shown : widest;
        narrowest = shown < narrowest ? shown : narrowest;
    }
    if (clipped == 0) {
        return CM_OK;
    }
    char least[CM_WHEN_SIZE];
    char most[CM_WHEN_SIZE];
    char asked[CM_WHEN_SIZE];
    cm_when_span(least, narrowest);
    cm_when_span(most, widest);
    cm_when_span(asked, window->to_ms - window->from_ms);
    bool same = strcmp(least, most) == 0;
    return cm_buf_printf(out, "; %zu showed only %s%s%s of your %s", clipped, least,
                         same ? "" : " to ", same ? "" : most, asked);
}

enum cm_status cm_summary(struct cm_buf *out, const struct cm_manifest *manifest,
                          const struct cm_window *window, size_t unaccounted)
{
    size_t asked = permitting(manifest);
    uint32_t silent = manifest->counts[CM_OUTCOME_NOT_PERMITTED];
    enum cm_status status;
    if (asked == 0) {
        status = cm_buf_printf(out, "nobody may be asked");
    } else {
        status =
            cm_buf_printf(out, "%" PRIu64 " row%s from %" PRIu32 " of %zu agenc%s asked",
                          manifest->rows, manifest->rows == 1 ? "" : "s",
                          manifest->counts[CM_OUTCOME_ANSWERED], asked, asked == 1 ? "y" : "ies");
    }
    if (status == CM_OK && manifest->cut) {
        status = cm_buf_printf(out, manifest->counts[CM_OUTCOME_WITHDRAWN] > 0
                                        ? "; there are more rows"
                                        : "; there are more rows than the limit");
    }
    if (status == CM_OK) {
        status = add_missing(out, manifest);
    }
    if (status == CM_OK) {
        status = add_windows(out, manifest, window);
    }
    if (status == CM_OK && silent > 0) {
        status = cm_buf_printf(out, "; %" PRIu32 " do%s not share this with you", silent,
                               silent == 1 ? "es" : "");
    }
    if (status == CM_OK && manifest->counts[CM_OUTCOME_NO_NODE] > 0) {
        status = cm_buf_printf(out, "; %" PRIu32 " without a node",
                               manifest->counts[CM_OUTCOME_NO_NODE]);
    }
    if (status == CM_OK && unaccounted > 0) {
        status = cm_buf_printf(out,
                               "; %zu more row%s shown %s not in this account: %s came before "
                               "a gateway broke off",
                               unaccounted, unaccounted == 1 ? "" : "s",
                               unaccounted == 1 ? "is" : "are", unaccounted == 1 ? "it" : "they");
    }
    return status;
}

static void print_withheld(FILE *out, const struct cm_account *account,
                           const struct cm_window *window)
{
    char span[CM_WHEN_SIZE];
    const char *separator = ", without ";
    if (account->visible_from_ms > window->from_ms + SLACK_MS) {
        fprintf(out, ", the last %s only",
                cm_when_span(span, window->to_ms - account->visible_from_ms));
    }
    if (account->rows_withheld) {
        fputs(", some sites only", out);
    }
    for (unsigned field = 1; field < CM_FIELD_COUNT; field++) {
        if (account->fields_withheld & 1u << field) {
            fprintf(out, "%s%s", separator, cm_field_name((enum cm_field)field));
            separator = ", ";
        }
    }
}

void cm_summary_accounts(FILE *out, const struct cm_manifest *manifest,
                         const struct cm_window *window)
{
    static const enum cm_outcome unlisted[] = {CM_OUTCOME_NOT_PERMITTED, CM_OUTCOME_NOT_NAMED,
                                               CM_OUTCOME_NO_NODE};
    for (size_t i = 0; i < manifest->account_count; i++) {
        const struct cm_account *account = &manifest->accounts[i];
        fprintf(out, "  %-24s %-12s", account->agency, cm_outcome_name(account->outcome));
        if (account->outcome == CM_OUTCOME_ANSWERED) {
            fprintf(out, " %" PRIu64 " row%s in %" PRIu32 " ms", account->rows,
                    account->rows == 1 ? "" : "s", account->elapsed_ms);
            print_withheld(out, account, window);
        } else if (account->reason[0] != '\0') {
            char reason[CM_MAX_REASON + 1];
            fprintf(out, " %s", cm_plain(reason, sizeof reason, account->reason));
        }
        fputc('\n', out);
    }
    for (size_t i = 0; i < sizeof unlisted / sizeof unlisted[0]; i++) {
        uint32_t count = manifest->counts[unlisted[i]];
        if (count > 0) {
            fprintf(out, "  %-24s %" PRIu32 " %s\n", cm_outcome_name(unlisted[i]), count,
                    count == 1 ? "agency" : "agencies");
        }
    }
}

int cm_summary_exit(const struct cm_manifest *manifest, size_t unaccounted)
{
    size_t asked = permitting(manifest);
    if (unaccounted > 0) {
        return CM_EXIT_INCOMPLETE;
    }
    if (asked == 0) {
        return CM_EXIT_NOBODY;
    }
    return manifest->counts[CM_OUTCOME_ANSWERED] == asked ? 0 : CM_EXIT_INCOMPLETE;
}
