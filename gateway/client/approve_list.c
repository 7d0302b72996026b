#include "gateway/client/approve.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"
#include "proto/base/when.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 192, SCRATCH_CAP = 64 * 1024 };

static const struct argp_option options[] = {
    {"config", 'C', "FILE", 0, "Instead of the usual client.ini files", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "",
    .about = "See which requests wait in the folder of [approvals], and what was approved.\v"
             "How often an approval was used, each agency counts for itself.",
};

struct line {
    int64_t at_ms;
    char text[LINE];
};

static void name_of(char out[CM_MAX_ID + 1], const char *spiffe)
{
    struct cm_identity identity;
    bool good = cm_identity_parse(&identity, cm_bytes_of(spiffe), NULL) == CM_OK;
    snprintf(out, CM_MAX_ID + 1, "%s", good ? identity.name : "?");
}

static void put(struct line *line, const char *id, const char *state, const char *who,
                const char *plate, const char *purpose, const char *what)
{
    char name[CM_MAX_ID + 1];
    name_of(name, who);
    snprintf(line->text, sizeof line->text, "%-10s  %-8s  %-12.24s  %-12.12s  %-16.24s  %.100s", id,
             state, name, plate, purpose, what);
}

static void tell_approval(struct line *line, const char *id, const struct cm_approval *approval,
                          const struct cm_envelope *envelope, struct cm_trust *trust,
                          int64_t now_ms)
{
    char what[LINE];
    char when[CM_WHEN_SIZE];
    char name[CM_MAX_ID + 1];
    struct cm_error error = {.text = ""};
    const char *state = "approved";
    name_of(name, approval->supervisor);
    line->at_ms = approval->issued_ms;
    if (cm_approvals_verify(approval, envelope, trust, now_ms, &error) != CM_OK) {
        state = "void";
        snprintf(what, sizeof what, "%.80s", error.text);
    } else {
        state = now_ms >= approval->expires_ms ? "expired" : state;
        snprintf(what, sizeof what, "%s %s, by %.24s, %u use%s",
                 now_ms >= approval->expires_ms ? "since" : "until",
                 cm_when_local(when, approval->expires_ms), name, approval->uses,
                 approval->uses == 1 ? "" : "s");
    }
    put(line, id, state, approval->requester, approval->plate.plate, approval->purpose, what);
}

static void tell_request(struct line *line, const char *id,
                         const struct cm_approval_request *request)
{
    char what[LINE];
    char when[CM_WHEN_SIZE];
    line->at_ms = request->asked_ms;
    snprintf(what, sizeof what, "since %s", cm_when_local(when, request->asked_ms));
    put(line, id, "waits", request->requester, request->plate, request->purpose, what);
}

static void tell(struct line *line, const struct cm_approvals *approvals, const char *id,
                 struct cm_arena *arena, struct cm_trust *trust, int64_t now_ms)
{
    static struct cm_approval_request request;
    char path[PATH_MAX];
    struct cm_envelope envelope;
    struct cm_approval approval;
    struct cm_error error = {.text = ""};
    enum cm_status status =
        cm_approvals_path(path, sizeof path, approvals->folder, id, "approval", &error);
    if (status == CM_OK) {
        status = cm_approvals_read(&approval, &envelope, arena, path, &error);
    }
    if (status == CM_OK) {
        tell_approval(line, id, &approval, &envelope, trust, now_ms);
        return;
    }
    if (status == CM_NOT_FOUND) {
        status = cm_approvals_path(path, sizeof path, approvals->folder, id, "request", &error);
        if (status == CM_OK) {
            status = cm_approvals_request(&request, path, &error);
        }
        if (status == CM_OK) {
            tell_request(line, id, &request);
            cm_wipe(&request, sizeof request);
            return;
        }
    }
    snprintf(line->text, sizeof line->text, "%-10s  %-8s  %.140s", id, "unread", error.text);
}

// Newest first.
static int by_time(const void *a, const void *b)
{
    const struct line *x = a;
    const struct line *y = b;
    return (x->at_ms < y->at_ms) - (x->at_ms > y->at_ms);
}

enum cm_status cm_approve_print(FILE *out, const struct cm_approvals *approvals,
                                struct cm_trust *trust, int64_t now_ms)
{
    struct line *lines = calloc(approvals->count + 1, sizeof *lines);
    struct cm_arena *arena = cm_arena_new(SCRATCH_CAP);
    if (lines == NULL || arena == NULL) {
        free(lines);
        cm_arena_free(arena);
        return CM_MEMORY;
    }
    for (size_t i = 0; i < approvals->count; i++) {
        cm_arena_reset(arena);
        tell(&lines[i], approvals, approvals->ids[i], arena, trust, now_ms);
    }
    qsort(lines, approvals->count, sizeof *lines, by_time);
    if (approvals->count > 0) {
        fprintf(out, "%-10s  %-8s  %-12s  %-12s  %-16s  %s\n", "ID", "STATE", "WHO", "PLATE",
                "PURPOSE", "WHEN");
    }
    for (size_t i = 0; i < approvals->count; i++) {
        fprintf(out, "%s\n", lines[i].text);
    }
    cm_wipe(lines, approvals->count * sizeof *lines);
    free(lines);
    cm_arena_free(arena);
    return CM_OK;
}

static enum cm_status list(const struct cm_settings *settings, struct cm_error *error)
{
    struct cm_approvals approvals;
    if (settings->approvals == NULL) {
        cm_fail(error, CM_INVALID, "[approvals] of client.ini", "names no folder");
        cm_error_hint(error, "folder = the one that your agency's supervisors look into");
        return CM_INVALID;
    }
    enum cm_status status = cm_approvals_open(&approvals, settings->approvals, error);
    if (status != CM_OK) {
        return status;
    }
    struct cm_trust *trust = cm_directory_store_newest(settings->store);
    status = cm_approve_print(stdout, &approvals, trust, cm_wall_ms(cm_clock_system()));
    if (status != CM_OK) {
        cm_fail(error, status, approvals.folder, "out of memory");
    } else if (approvals.count == 0) {
        puts("nothing waits, and nothing was approved");
    }
    cm_trust_unref(trust);
    cm_approvals_clear(&approvals);
    return status;
}

int cm_approve_list(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_settings settings;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    enum cm_status status = cm_settings_load_unsigned(&settings, cm_cli_get(&args, 'C'), &error);
    if (status == CM_OK) {
        status = list(&settings, &error);
        cm_settings_clear(&settings);
    }
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}
