// What the daemon records about itself: its start and end, its clock, refusals without an entry of
// their own, the keys of its access records.
#include "nodes/noded_internal.h"

#include "proto/base/daemon.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <stdlib.h>

static int64_t wall(void)
{
    return cm_wall_ms(cm_clock_system());
}

static void end(struct cm_noded_note *note, enum cm_status status)
{
    struct cm_noded *noded = note->noded;
    if (status) {
        cm_log(CM_LOG_ERROR, "entry-not-recorded", "kind=%s status=%s",
               cm_entry_kind_name(note->kind), cm_status_name(status));
    }
    noded->notes--;
    if (note->line_end > 0) {
        cm_noded_line_landed(noded, note, status);
    }
    if (!status && note->erase_before > 0) {
        cm_key_duty_erase(&noded->key_duty, note->erase_before);
    }
    if (note->durable) {
        note->durable(noded, status);
    }
    cm_own_entry_clear(&note->own);
    free(note);
}

static void noted(struct cm_append *append)
{
    struct cm_noded_note *note = CM_CONTAINER(append, struct cm_noded_note, own.append);
    struct cm_noded *noded = note->noded;
    end(note, append->status);
    cm_append_queue_retry(&noded->node.appends);
}

enum cm_status cm_noded_note_with(struct cm_noded *noded, const struct cm_noded_said *said)
{
    struct cm_entry entry = *said->entry;
    struct cm_noded_note *note = noded->notes < CM_MAX_NOTES ? calloc(1, sizeof *note) : NULL;
    enum cm_status status = !noded->ledger ? CM_UNAVAILABLE : note ? CM_OK : CM_EXHAUSTED;
    entry.recorded_ms = wall();
    entry.gateway = entry.deciding_rule = "";
    entry.agency = entry.agency ? entry.agency : "";
    entry.text = entry.text ? entry.text : "";
    if (!status) {
        note->noded = noded;
        note->kind = entry.kind;
        note->line = said->line;
        note->line_end = said->line_end;
        note->erase_before = said->erase_before;
        note->durable = said->durable;
        status = cm_own_entry_queue(&note->own, &noded->node, &entry, said->access, noted);
    }
    if (!status) {
        noded->notes++;
        return CM_OK;
    }
    cm_log(CM_LOG_ERROR, "entry-not-recorded", "kind=%s status=%s", cm_entry_kind_name(entry.kind),
           cm_status_name(status));
    if (note) {
        cm_own_entry_clear(&note->own);
    }
    free(note);
    return status;
}

void cm_noded_note(struct cm_noded *noded, const struct cm_entry *entry,
                   const struct cm_access *access)
{
    const struct cm_noded_said said = {.entry = entry, .access = access};
    (void)!cm_noded_note_with(noded, &said); // logged
}

void cm_noded_note_signed(struct cm_noded *noded, const struct cm_entry *entry,
                          struct cm_bytes envelope, int64_t signed_ms)
{
    struct cm_access access = {.person = "", .text = ""};
    struct cm_signatory *signers[2] = {NULL, NULL};
    struct cm_arena *arena = cm_arena_new(4 * envelope.len + 65536);
    // What was accepted was verified then: this only finds the name.
    if (arena && cm_envelope_decode(&access.request, arena, envelope, NULL) == CM_OK &&
        cm_trust_verify(signers, noded->node.trust, &access.request, NULL, signed_ms, NULL) ==
            CM_OK) {
        access.person = cm_signatory_identity(signers[0])->spiffe;
    }
    if (access.request.raw.len > CM_MAX_ACCESS_RECORD / 2) {
        access.request = (struct cm_envelope){.family = CM_FAMILY_NONE}; // kept among the rules
    }
    cm_noded_note(noded, entry, &access);
    cm_signatory_unref(signers[0]);
    cm_signatory_unref(signers[1]);
    cm_arena_free(arena);
}

void cm_noded_note_rejected(struct cm_noded *noded, int64_t mono_ms)
{
    struct cm_entry entry;
    if (cm_rejections_take(&entry, &noded->node.rejections, wall(), mono_ms)) {
        cm_noded_note(noded, &entry, NULL);
    }
}

void cm_noded_log_left_out(struct cm_attach *attach, int64_t mono_ms)
{
    const uint64_t count = cm_attach_left_out(attach, mono_ms);
    if (count > 0) {
        cm_log(CM_LOG_WARNING, "refusals-not-recorded", "gateway=%s count=%" PRIu64,
               cm_attach_gateway(attach), count);
    }
}

static void note_clock(struct cm_noded *noded, int64_t step_ms)
{
    const struct cm_entry entry = {.kind = CM_ENTRY_CLOCK, .before_ms = step_ms};
    cm_log(CM_LOG_WARNING, "clock-set", "step_ms=%" PRId64, step_ms);
    cm_noded_note(noded, &entry, NULL);
}

void cm_noded_look_at_clock(struct cm_noded *noded)
{
    const int64_t step_ms = cm_clock_watch_look(&noded->clock_watch, wall(), cm_boot_ms());
    if (step_ms != 0) {
        note_clock(noded, step_ms);
    }
}

void cm_noded_note_start(struct cm_noded *noded)
{
    const struct cm_directory *directory = cm_trust_directory(noded->node.trust);
    const struct cm_entry start = {
        .kind = CM_ENTRY_START, .digest = noded->config->digest, .text = cm_daemon_version()};
    const int64_t ahead_ms = noded->newest_ms - wall();
    if (ahead_ms >= CM_CLOCK_STEP_MS) { // set back while nothing ran
        note_clock(noded, -ahead_ms);
    }
    cm_noded_look_at_clock(noded);
    cm_noded_note(noded, &start, NULL);
    if (directory->serial != noded->recorded_directory) {
        cm_noded_note_directory(noded);
    }
    if (cm_bundle_standing(noded->node.bundle)) {
        cm_noded_rules_changed(noded);
    }
}

void cm_noded_note_directory(struct cm_noded *noded)
{
    const struct cm_directory *directory = cm_trust_directory(noded->node.trust);
    const struct cm_entry entry = {.kind = CM_ENTRY_DIRECTORY,
                                   .digest = directory->digest,
                                   .directory_serial = directory->serial};
    noded->recorded_directory = directory->serial;
    cm_noded_note(noded, &entry, NULL);
}

void cm_noded_note_stop(struct cm_noded *noded)
{
    const struct cm_entry stop = {.kind = CM_ENTRY_STOP,
                                  .text = noded->terminate == SIGINT ? "SIGINT" : "SIGTERM"};
    cm_noded_note(noded, &stop, NULL);
}

// A clock that ran far ahead must not destroy everything: past the directory's end nothing is.
void cm_noded_look_at_keys(struct cm_noded *noded)
{
    const int64_t now_ms = wall();
    cm_key_duty_look(&noded->key_duty, now_ms,
                     now_ms < cm_trust_directory(noded->node.trust)->expires_ms);
    // The operators' names and reasons of these days, in clear: not left behind either.
    if (noded->forget_before_ms > 0 && noded->notes == 0 &&
        cm_journal_forget(&noded->journal_read, noded->rules_folder, noded->forget_before_ms,
                          NULL) == CM_OK) {
        noded->forget_before_ms = 0;
    }
}

static void erased(void *context, uint32_t before_day, const char *what)
{
    struct cm_noded *noded = context;
    const struct cm_entry entry = {.kind = CM_ENTRY_ADMIN, .text = what};
    cm_noded_note(noded, &entry, NULL);
    noded->forget_before_ms = cm_day_begins_ms(before_day);
}

enum cm_status cm_noded_open_keys(struct cm_noded *noded, const char *folder,
                                  struct cm_error *error)
{
    enum { SIGNERS = 4096 };
    enum cm_status status = cm_day_keys_open(&noded->node.keys, folder, error);
    if (!status) {
        status = cm_day_keys_prepare(noded->node.keys, wall(), error);
    }
    noded->node.chains = cm_chain_places_new(SIGNERS);
    if (!status && !noded->node.chains) {
        status = cm_fail(error, CM_MEMORY, folder, "out of memory");
    }
    noded->key_duty = (struct cm_key_duty){.keys = noded->node.keys,
                                           .keep_days = noded->config->keep_days,
                                           .submit = cm_noded_submit,
                                           .erased = erased,
                                           .context = noded};
    // What a crash may have come before.
    cm_key_duty_erase(&noded->key_duty, noded->erase_before);
    if (status) {
        return status;
    }
    if (cm_day_keys_erased_before(noded->node.keys) > 0) {
        noded->forget_before_ms = cm_day_begins_ms(cm_day_keys_erased_before(noded->node.keys));
    }
    cm_key_duty_warn(&noded->key_duty);
    return CM_OK;
}
