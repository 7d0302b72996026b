#include "proto/base/plain.h"
#include "proto/base/when.h"
#include "proto/ledger/cli/audit.h"
#include "proto/ledger/cli/filter.h"
#include "proto/ledger/cli/folder_args.h"
#include "proto/ledger/cli/record_fields.h"

#include <inttypes.h>
#include <string.h>

enum { SHORT_HEX = 16, PLAIN = 2 * CM_MAX_ACCESS_TEXT };

static const struct argp_option options[] = {
    CM_AUDIT_FILTER_OPTIONS,
    {"long", 'l', NULL, 0, "every field, digests whole", 2},
    {"json", 'j', NULL, 0, "an object a line, for programs", 2},
    CM_AUDIT_FOLDER_OPTIONS,
    {0}};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "DIR",
    .about =
        "Shows what a ledger recorded, with the clear values whose keys are there.\vDIR is a "
        "ledger's folder or the data folder of a node or gateway, or a copy of either. Nothing "
        "in it is changed. What several options ask for must all fit.",
    .least_words = 1,
    .most_words = 1,
};

struct shown {
    bool json, all;
    uint64_t entries, shown, unknown;
    struct cm_buf text;
};

// What mostly programs ask for.
static bool only_long(const struct cm_record_field *field)
{
    static const char *const names[] = {
        "expires", "replay_key", "decisions_root", "rules",         "recipient",
        "key",     "limit",      "asked_of",       "approval_uses", "approval_expires"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(field->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum cm_status say_field(struct shown *shown, const struct cm_record_field *field)
{
    char value[PLAIN];
    char name[32];
    switch (field->type) {
    case CM_RECORD_TEXT:
        cm_plain(value, sizeof value, field->text);
        break;
    case CM_RECORD_NUMBER:
        snprintf(value, sizeof value, "%" PRIu64, field->number);
        break;
    case CM_RECORD_SIGNED:
        snprintf(value, sizeof value, "%" PRId64, field->value);
        break;
    case CM_RECORD_FLAG:
        snprintf(value, sizeof value, "%s", field->number ? "yes" : "no");
        break;
    case CM_RECORD_TIME:
        cm_when_utc(value, field->value);
        break;
    case CM_RECORD_DIGEST:
        cm_hex(value, cm_bytes_digest(field->digest));
        value[shown->all ? 2 * CM_DIGEST_SIZE : SHORT_HEX] = '\0';
        break;
    }
    snprintf(name, sizeof name, "%s", field->name);
    for (char *at = name; (at = strchr(at, '_')) != NULL;) {
        *at = ' ';
    }
    return cm_buf_printf(&shown->text, "%s%s: %s", shown->text.len > 0 ? "; " : "", name, value);
}

static enum cm_status say_fields(struct shown *shown, const struct cm_record_fields *fields)
{
    enum cm_status status = CM_OK;
    shown->text.len = 0;
    for (size_t i = 0; status == CM_OK && i < fields->count; i++) {
        if (shown->all || !only_long(&fields->list[i])) {
            status = say_field(shown, &fields->list[i]);
        }
    }
    if (status == CM_OK && shown->text.len > 0) {
        status = cm_buf_add(&shown->text, "", 1);
    }
    if (status == CM_OK && shown->text.len > 0) {
        fputs("  ", stdout);
        cm_cli_wrap(stdout, (const char *)shown->text.data, 2, 4);
    }
    cm_wipe(shown->text.data, shown->text.len);
    return status;
}

static void say_counts(const struct cm_entry *entry)
{
    for (size_t i = 0; entry->kind == CM_ENTRY_REJECTED && i < entry->count_count; i++) {
        printf("  %" PRIu64 " %s\n", entry->counts[i].count,
               cm_status_name((enum cm_status)entry->counts[i].code));
    }
}

static enum cm_status print_text(struct shown *shown, const struct cm_audit_record *record)
{
    char when[CM_WHEN_SIZE];
    char epoch[32] = "";
    struct cm_record_fields fields;
    if (record->epoch > 1) {
        snprintf(epoch, sizeof epoch, "%" PRIu64 "/", record->epoch);
    }
    printf("#%s%" PRIu64 "  %s  %s\n", epoch, record->index,
           cm_when_utc(when, record->entry.recorded_ms), cm_entry_kind_name(record->entry.kind));
    cm_record_entry_fields(&fields, &record->entry);
    enum cm_status status = say_fields(shown, &fields);
    say_counts(&record->entry);
    if (status == CM_OK) {
        cm_record_clear_fields(&fields, record);
        status = say_fields(shown, &fields);
    }
    if (record->why.text[0] != '\0') {
        printf("  %s: ", record->clear == CM_CLEAR_DAMAGED ? "DAMAGED" : "clear values");
        cm_cli_wrap(stdout, record->why.text, 16, 4);
    }
    return status;
}

static enum cm_status print_json(const struct cm_audit_record *record)
{
    json_t *object = cm_record_json(record);
    const bool done = object && json_dumpf(object, stdout, JSON_COMPACT) == 0;
    json_decref(object);
    if (done) {
        putchar('\n');
    }
    return done ? CM_OK : CM_MEMORY;
}

static enum cm_status show_all(struct shown *shown, struct cm_ledger_folder *folder,
                               struct cm_filter *filter, struct cm_error *error)
{
    for (;;) {
        const struct cm_audit_record *record;
        enum cm_filter_says says;
        enum cm_status status = cm_ledger_folder_next(&record, folder, error);
        if (status != CM_OK || !record) {
            return status;
        }
        shown->entries++;
        status = cm_filter_judge(&says, filter, record);
        shown->unknown += says == CM_FILTER_UNKNOWN;
        if (status == CM_OK && says == CM_FILTER_YES) {
            shown->shown++;
            status = shown->json ? print_json(record) : print_text(shown, record);
        }
        if (status != CM_OK) {
            return cm_fail(error, status, "show", "out of memory");
        }
    }
}

static void say_end(const struct shown *shown)
{
    cm_cli_say("%" PRIu64 " of %" PRIu64 " entries", shown->shown, shown->entries);
    if (shown->unknown > 0) {
        cm_cli_say("%" PRIu64 " more may fit: their clear values were erased, or their keys are "
                   "not here",
                   shown->unknown);
    }
}

int cm_audit_show(int argc, char **argv)
{
    static struct cm_cli_args args;
    char arguments[CM_MAX_ACCESS_TEXT + 1];
    struct cm_error error = {.text = ""};
    struct cm_filter *filter = NULL;
    struct cm_ledger_folder *folder = NULL;
    cm_cli_parse(&args, &usage, argc, argv);
    struct shown shown = {.json = cm_cli_get(&args, 'j') != NULL,
                          .all = cm_cli_get(&args, 'l') != NULL};
    enum cm_status status = cm_filter_of(&filter, &args, &error);
    cm_audit_arguments(arguments, argc, argv);
    cm_audit_hide(&args, 'p');
    cm_audit_hide(&args, 'w');
    if (status == CM_OK) {
        status = cm_audit_folder_open(&folder, args.words[0], &args, arguments, &error);
    }
    if (status == CM_OK) {
        status = show_all(&shown, folder, filter, &error);
    }
    if (status == CM_OK && (fflush(stdout) != 0 || ferror(stdout))) {
        status = cm_fail(&error, CM_IO, "show", "standard output can't be written");
    }
    if (status == CM_OK) {
        say_end(&shown);
    }
    cm_buf_clear(&shown.text);
    cm_ledger_folder_close(folder);
    cm_filter_free(filter);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}
