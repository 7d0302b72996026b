#include "acl/cli/pending.h"

#include "acl/bundle/overlay.h"
#include "acl/cli/causes.h"
#include "acl/cli/changes_print.h"
#include "acl/cli/diagnostics_json.h"
#include "acl/cli/state.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

enum { EXIT_WAITS = 3 };
#define ARENA_CAP ((size_t)512 * 1024 * 1024)

static const struct argp_option options[] = {
    {"node-data", 'n', "DIR", 0, "The node's data folder, where the signed rules lie", 0},
    {"directory", 'd', "FILE", 0, CM_ACL_DIRECTORY_HELP, 0},
    {"packs", 'p', "DIR", 0, CM_ACL_PACKS_HELP, 0},
    {"json", 'j', NULL, 0, "An object for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "FILE",
    .about = "Show what of a rule file, its packs and the directory waits for a signature, and "
             "why.\vWhat narrows counts within a second by itself; what widens waits, whoever "
             "caused it, until an administrator signs it with `comity acl apply`. Exit code 3: "
             "something waits.",
    .required = "n",
    .least_words = 1,
    .most_words = 1,
};

struct pending {
    const struct cm_cli_args *args;
    struct cm_acl_directory now;
    struct cm_acl_directory then; // empty: the current one
    struct cm_acl_state proposal;
    struct cm_acl_state set; // without rules: nothing was signed yet
    bool then_missing;
    struct cm_rules *withheld; // by the node since: what edits took away of this set
    struct cm_arena *arena;
    const struct cm_diff *diff;
    struct cm_causes causes;
};

static const struct cm_directory *then_of(const struct pending *pending)
{
    return pending->then.arena != NULL ? &pending->then.value : &pending->now.value;
}

static enum cm_status path_in(char out[PATH_MAX], const struct pending *pending, const char *format,
                              const char *name, struct cm_error *error)
{
    const char *data = cm_cli_get(pending->args, 'n');
    char file[CM_MAX_ID + 32];
    snprintf(file, sizeof file, format, name);
    int len = snprintf(out, PATH_MAX, "%s/rules/%s", data, file);
    return len > 0 && len < PATH_MAX ? CM_OK
                                     : cm_fail(error, CM_INVALID, data, "the path is too long");
}

// The directory that the set names; when it is gone, the node judges by none of it, so that the
// current one shows the most that can have been signed.
static enum cm_status load_then(struct pending *pending, struct cm_error *error)
{
    char path[PATH_MAX];
    char serial[24];
    const struct cm_ruleset *set = &pending->set.set;
    if (set->directory_serial == pending->now.value.serial) {
        return CM_OK;
    }
    snprintf(serial, sizeof serial, "%" PRIu64, set->directory_serial);
    enum cm_status status = path_in(path, pending, "directory-%s", serial, error);
    if (status == CM_OK) {
        status = cm_acl_directory_load(&pending->then, path, error);
    }
    pending->then_missing = status == CM_NOT_FOUND;
    return status == CM_NOT_FOUND ? CM_OK : status;
}

static enum cm_status compile_edits(struct pending *pending, const struct cm_overlay *overlay,
                                    struct cm_error *error)
{
    for (size_t i = 0; i < overlay->file_count; i++) {
        if (overlay->sequence == pending->set.set.sequence &&
            strcmp(overlay->files[i].path, CM_OVERLAY_EDITS) == 0) {
            return cm_overlay_compile(&pending->withheld, overlay->agency, 1, &overlay->files[i],
                                      &pending->now.value, error);
        }
    }
    return CM_OK;
}

// What edits took away stays away until another set is signed, also when they are undone.
static enum cm_status load_withheld(struct pending *pending, struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf file = {0};
    struct cm_envelope envelope;
    struct cm_overlay overlay;
    struct cm_arena *arena = cm_arena_new(16 * CM_MAX_RULESET);
    enum cm_status status =
        arena == NULL ? cm_fail(error, CM_MEMORY, "overlay", "out of memory")
                      : path_in(path, pending, "%s.overlay", pending->set.set.agency, error);
    if (status == CM_OK) {
        status = cm_file_read(&file, path, 2 * CM_MAX_RULESET, error);
    }
    bool none = status == CM_NOT_FOUND;
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, arena, cm_buf_bytes(&file), error);
    }
    if (status == CM_OK) {
        status = cm_overlay_decode(&overlay, arena, envelope.payload, error);
    }
    if (status == CM_OK) {
        status = compile_edits(pending, &overlay, error);
    }
    cm_buf_clear(&file);
    cm_arena_free(arena);
    return none ? CM_OK : status;
}

static enum cm_status load_set(struct pending *pending, struct cm_error *error)
{
    char path[PATH_MAX];
    const char *node = cm_rules_node(pending->proposal.rules);
    enum cm_status status = path_in(path, pending, "%s.ruleset", node, error);
    if (status == CM_OK) {
        status = cm_acl_set_read(&pending->set, path, error);
    }
    if (status == CM_NOT_FOUND) {
        return CM_OK;
    }
    if (status == CM_OK) {
        status = load_then(pending, error);
    }
    if (status == CM_OK) {
        status = cm_acl_set_compile(&pending->set, then_of(pending), error);
    }
    return status == CM_OK ? load_withheld(pending, error) : status;
}

static enum cm_status compare(struct pending *pending, struct cm_error *error)
{
    const struct cm_directory *now = &pending->now.value;
    const struct cm_side old = {pending->set.rules, pending->withheld, now};
    const struct cm_side new = {pending->proposal.rules, NULL, now};
    int64_t now_ms = cm_wall_ms(cm_clock_system());
    pending->arena = cm_arena_new(ARENA_CAP);
    enum cm_status status =
        pending->arena == NULL
            ? cm_fail(error, CM_MEMORY, "rules", "out of memory")
            : cm_diff_make(&pending->diff, pending->arena, &old, &new, now_ms, error);
    if (status != CM_OK || pending->set.rules == NULL) {
        return status;
    }
    const struct cm_causes_source source = {.set = &pending->set.set,
                                            .then = then_of(pending),
                                            .now = now,
                                            .files = &pending->proposal.files,
                                            .diff = pending->diff,
                                            .now_ms = now_ms};
    return cm_causes_find(&pending->causes, &source, error);
}

static enum cm_status load(struct pending *pending, struct cm_error *error)
{
    const char *file = pending->args->words[0];
    enum cm_status status =
        cm_acl_directory_load(&pending->now, cm_cli_get(pending->args, 'd'), error);
    if (status == CM_OK) {
        status = cm_acl_state_load(&pending->proposal, file, &pending->now.value,
                                   cm_cli_get(pending->args, 'p'), error);
    }
    if (status == CM_OK && pending->proposal.is_signed) {
        status = cm_fail(error, CM_INVALID, file, "is signed: give the rule file on disk");
    }
    if (status == CM_OK) {
        status = load_set(pending, error);
    }
    return status == CM_OK ? compare(pending, error) : status;
}

static bool waits(const struct pending *pending)
{
    return pending->set.rules == NULL || cm_diff_waits(pending->diff);
}

static void print_text(const struct pending *pending)
{
    const struct cm_causes *causes = &pending->causes;
    const char *node = cm_rules_node(pending->proposal.rules);
    if (pending->set.rules == NULL) {
        printf("%s: nothing was signed yet, so nothing counts\n", node);
    } else {
        printf("%s: rule set %" PRIu64 " counts\n", node, pending->set.set.sequence);
    }
    if (pending->then_missing) {
        printf("its directory %" PRIu64 " is not at hand: compared by the current one\n",
               pending->set.set.directory_serial);
    }
    if (causes->count == 0 && pending->set.rules != NULL && !waits(pending)) {
        printf("nothing has changed since, nothing waits\n");
        return;
    }
    printf("%s\n", waits(pending) ? "waits for `comity acl apply`:" : "nothing waits");
    for (size_t i = 0; i < causes->count; i++) {
        printf("  - ");
        char text[256];
        snprintf(text, sizeof text, "%s%s", causes->list[i].text,
                 causes->list[i].widens ? "" : " (it does not widen)");
        cm_cli_wrap(stdout, text, 4, 4);
    }
    if (pending->withheld != NULL && waits(pending)) {
        puts("  - edits took something away since: what shows it again was not signed either");
    }
    if (causes->more > 0) {
        printf("  - and %zu more\n", causes->more);
    }
    putchar('\n');
    cm_diff_print(stdout, pending->diff);
}

static void print_json(const struct pending *pending)
{
    json_t *list = json_array();
    for (size_t i = 0; i < pending->causes.count; i++) {
        const struct cm_cause *cause = &pending->causes.list[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s}", "kind",
                                              cm_cause_kind_name(cause->kind), "name", cause->name,
                                              "widens", (int)cause->widens, "text", cause->text));
    }
    json_t *sequence = pending->set.rules == NULL
                           ? json_null()
                           : json_integer((json_int_t)pending->set.set.sequence);
    json_t *object =
        json_pack("{s:s, s:o, s:b, s:o, s:o}", "node", cm_rules_node(pending->proposal.rules),
                  "sequence", sequence, "waits", (int)waits(pending), "causes", list, "diff",
                  cm_diff_json(pending->diff));
    cm_json_print(object);
}

int cm_acl_pending(int argc, char **argv)
{
    static struct cm_cli_args args;
    static struct pending pending;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    pending = (struct pending){.args = &args};
    int code = CM_EXIT_FAILED;
    if (load(&pending, &error) != CM_OK) {
        cm_cli_error(&error);
    } else {
        if (cm_cli_get(&args, 'j') != NULL) {
            print_json(&pending);
        } else {
            print_text(&pending);
        }
        code = waits(&pending) ? EXIT_WAITS : CM_EXIT_OK;
    }
    cm_rules_unref(pending.withheld);
    cm_acl_state_clear(&pending.proposal);
    cm_acl_state_clear(&pending.set);
    cm_acl_directory_clear(&pending.now);
    cm_acl_directory_clear(&pending.then);
    cm_arena_free(pending.arena);
    return code;
}
