// What operators said through `comity node`, line by line into the ledger: who and why in the
// access record, what in the entry.
#include "nodes/noded_internal.h"

#include "nodes/journal.h"
#include "nodes/sharing.h"
#include "proto/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CAP = 8 * 1024 * 1024, DONE_MS = 10000 };

static const char damaged[] = "a line of the journal is damaged";

// A line as an entry; what it borrows.
struct taken {
    struct cm_entry entry;
    struct cm_access access;
    uint32_t erase_before;
    char partner[CM_MAX_ID + 1];
    char text[CM_MAX_ACCESS_TEXT];
};

static const char *after(const char *text, const char *prefix)
{
    const size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

// The digest of the overlay that stands; zero for none.
static struct cm_digest overlay_digest(const struct cm_standing *standing)
{
    struct cm_envelope envelope;
    struct cm_digest digest = {{0}};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    if (arena && standing && standing->overlay_envelope.len > 0 &&
        cm_envelope_decode(&envelope, arena, cm_buf_bytes(&standing->overlay_envelope), NULL) ==
            CM_OK) {
        cm_sha256_of(&digest, envelope.payload);
    }
    cm_arena_free(arena);
    return digest;
}

// "share off with ca.southgate.pd until 2027-01-01"
static bool take_sharing(struct taken *out, const struct cm_noded *noded, const char *what,
                         const char *reason)
{
    const struct cm_standing *standing = cm_bundle_standing(noded->node.bundle);
    const char *off = after(what, "share off");
    const char *rest = off ? off : after(what, "share on");
    if (!rest) {
        return false;
    }
    const char *until = strstr(rest, " until ");
    const char *with = after(rest, " with ");
    const size_t len = with ? (until ? (size_t)(until - with) : strlen(with)) : 0;
    if (len >= sizeof out->partner) {
        return false;
    }
    snprintf(out->partner, sizeof out->partner, "%.*s", (int)len, with ? with : "");
    snprintf(out->text, sizeof out->text, "%s%s%s", until ? until + 1 : "", until ? ": " : "",
             reason);
    out->entry = (struct cm_entry){
        .kind = CM_ENTRY_SHARING,
        .agency = len > 0 ? out->partner : "all",
        .permitted = !off,
        .overlay_revision = standing ? standing->overlay_revision : 0,
        .digest = overlay_digest(standing),
    };
    return true;
}

// A number after word at *at, which moves past it.
static bool number_after(uint64_t *out, const char **at, const char *word)
{
    char *end = NULL;
    const char *digits = after(*at, word);
    if (!digits || digits[0] < '0' || digits[0] > '9') {
        return false;
    }
    *out = strtoull(digits, &end, 10);
    *at = end;
    return true;
}

static bool take_ingest(struct taken *out, const char *what)
{
    struct cm_entry entry = {.kind = CM_ENTRY_INGEST};
    const bool whole = number_after(&entry.accepted, &what, "ingest accepted=") &&
                       number_after(&entry.duplicates, &what, " duplicates=") &&
                       number_after(&entry.rejected, &what, " rejected=") && what[0] == '\0';
    if (whole) {
        out->entry = entry;
    }
    return whole;
}

// What no entry takes as it is, in words that one does.
static void unfit(struct taken *out, const struct cm_journal_line *line)
{
    out->entry =
        (struct cm_entry){.kind = CM_ENTRY_ADMIN, .digest = line->commitment, .text = damaged};
    out->access = (struct cm_access){.person = "", .text = ""};
}

static bool erases(uint32_t *day, const char *what)
{
    const char *date = after(what, "erase before ");
    return date && cm_day_parse(day, date) == CM_OK &&
           *day <= cm_day_of(cm_wall_ms(cm_clock_system()));
}

static void take(struct taken *out, const struct cm_noded *noded,
                 const struct cm_journal_line *line)
{
    snprintf(out->text, sizeof out->text, "%s", line->reason);
    if (!take_sharing(out, noded, line->what, line->reason) && !take_ingest(out, line->what)) {
        out->entry = (struct cm_entry){
            .kind = CM_ENTRY_ADMIN,
            .digest = line->commitment,
            .text = line->what[0] ? line->what : damaged,
        };
    }
    if (!erases(&out->erase_before, line->what)) {
        out->erase_before = 0;
    }
    out->access = (struct cm_access){.person = line->by, .text = out->text};
}

// Whether the file of sharing shows what the line says, or will not any more: an entry names the
// overlay that came of it.
static bool is_done(const struct cm_noded *noded, const struct cm_entry *entry, int64_t said_ms)
{
    char who[CM_SHARING_LINE], until[CM_SHARING_LINE];
    struct cm_buf text = {0};
    const bool all = strcmp(entry->agency, "all") == 0;
    bool off = false;
    const enum cm_status status = cm_sharing_read(&text, noded->rules_folder, NULL);
    for (size_t i = 0; !off && cm_sharing_entry(who, until, cm_buf_bytes(&text), i); i++) {
        // `share on` without a name takes back all there are.
        off = all ? entry->permitted || strcmp(who, "everyone") == 0
                  : strcmp(who, entry->agency) == 0;
    }
    cm_buf_clear(&text);
    const int64_t age_ms = cm_wall_ms(cm_clock_system()) - said_ms;
    return (status && status != CM_NOT_FOUND) || off == !entry->permitted || age_ms > DONE_MS ||
           age_ms < 0;
}

static enum cm_status note(struct cm_noded *noded, struct taken *taken,
                           const struct cm_journal_line *line, uint64_t end)
{
    const struct cm_noded_said said = {.entry = &taken->entry,
                                       .access = &taken->access,
                                       .line = line->digest,
                                       .line_end = end,
                                       .erase_before = taken->erase_before};
    const enum cm_status status = cm_noded_note_with(noded, &said);
    if (status != CM_INVALID) {
        return status;
    }
    unfit(taken, line);
    return cm_noded_note_with(noded, &said);
}

// One at a time, in their order: what is not recorded is tried again at the next look, and none is
// passed over.
void cm_noded_read_journal(struct cm_noded *noded)
{
    struct cm_journal_line line;
    struct taken taken = {.erase_before = 0};
    uint64_t end = noded->journal_read;
    if (noded->line_under_way || cm_journal_next(&line, noded->rules_folder, &end, NULL)) {
        return;
    }
    take(&taken, noded, &line);
    if (taken.entry.kind != CM_ENTRY_SHARING || is_done(noded, &taken.entry, line.at_ms)) {
        noded->line_under_way = note(noded, &taken, &line, end) == CM_OK;
    }
    if (noded->line_under_way) {
        cm_log(CM_LOG_INFO, "operator-said", "what=\"%s\"", line.what);
    }
    cm_wipe(&line, sizeof line);
    cm_wipe(&taken, sizeof taken);
}

void cm_noded_line_landed(struct cm_noded *noded, const struct cm_noded_note *note,
                          enum cm_status status)
{
    struct cm_error error = {.text = ""};
    const struct cm_journal_place place = {note->line, note->own.append.index + 1};
    noded->line_under_way = false;
    if (status) {
        return;
    }
    noded->journal_read = note->line_end;
    // Where that fails, the next start finds it in the ledger.
    if (cm_journal_set_recorded(noded->rules_folder, &place, &error)) {
        cm_log(CM_LOG_ERROR, "journal-place-not-kept", "where=%s error=\"%s\"", error.where,
               error.text);
    }
    if (!noded->node.draining) {
        cm_noded_read_journal(noded);
    }
}

void cm_noded_open_journal(struct cm_noded *noded)
{
    struct cm_error error = {.text = ""};
    const enum cm_status status =
        cm_journal_recorded(&noded->journal_place, noded->rules_folder, &error);
    if (status) {
        noded->journal_place.entries = 0;
    }
    if (status && status != CM_NOT_FOUND) {
        cm_log(CM_LOG_ERROR, "journal-place-not-kept", "where=%s error=\"%s\"", error.where,
               error.text);
    }
}

// Whether a line was taken into it.
static bool was_said(const struct cm_entry *entry)
{
    return entry->kind == CM_ENTRY_SHARING || entry->kind == CM_ENTRY_INGEST ||
           (entry->kind == CM_ENTRY_ADMIN &&
            (!cm_digest_is_zero(&entry->digest) || strcmp(entry->text, damaged) == 0));
}

void cm_noded_recall_line(struct cm_noded *noded, uint64_t index, const struct cm_entry *entry)
{
    uint32_t day;
    if (!was_said(entry)) {
        return;
    }
    noded->lines_after += index >= noded->journal_place.entries;
    if (entry->kind == CM_ENTRY_ADMIN && erases(&day, entry->text) && day > noded->erase_before) {
        noded->erase_before = day;
    }
}

void cm_noded_find_line(struct cm_noded *noded)
{
    struct cm_journal_line line;
    const struct cm_journal_place *place = &noded->journal_place;
    enum cm_status status = CM_OK;
    if (place->entries > 0) {
        status = cm_journal_find(&noded->journal_read, noded->rules_folder, &place->line, NULL);
    } else if (noded->lines_after > 1) {
        return; // it was lost: rather recorded again than passed over
    }
    // A crash came before it was told how far it is.
    while (!status && noded->lines_after > 0) {
        noded->lines_after--;
        status = cm_journal_next(&line, noded->rules_folder, &noded->journal_read, NULL);
    }
    cm_wipe(&line, sizeof line);
}
