#include "gateway/client/approve.h"
#include "gateway/client/printer.h"
#include "gateway/client/summary.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/base/plain.h"
#include "proto/base/when.h"

#include <limits.h>
#include <string.h>

enum { HOUR_MS = 3600000, DEFAULT_HOURS = 8, PLAIN = 2 * CM_MAX_REASON };

static const struct argp_option options[] = {
    {"uses", 'n', "N", 0, "So many searches, at each agency (default 1)", 0},
    {"hours", 'H', "N", 0, "Valid for so long, 1 to 24 (default 8)", 0},
    {"out", 'O', "FILE", 0, "Write the approval here instead of beside the request", 0},
    {"yes", 'y', NULL, 0, "Do not ask", 0},
    {"config", 'C', "FILE", 0, "Instead of the usual client.ini files", 0},
    {"passphrase-file", 'P', "FILE", 0, "Your key's passphrase", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "REQUEST",
    .about = "See what an investigator of your agency asks you to approve, and sign it.\v"
             "REQUEST is an id that 'comity approve list' shows, or a file. You sign as a "
             "supervisor, and never for yourself.\n\n"
             "Exit codes: 0 signed; 1 something is wrong with the request or on this machine; "
             "2 usage; 5 you may not sign it; 130 you said no, or interrupted.",
    .least_words = 1,
    .most_words = 1,
};

static enum cm_status check_person(const struct cm_approval_request *request,
                                   const struct cm_identity *supervisor, struct cm_error *error)
{
    struct cm_identity requester;
    enum cm_status status = cm_identity_parse(&requester, cm_bytes_of(request->requester), error);
    if (status != CM_OK) {
        return status;
    }
    if (supervisor->role != CM_ROLE_SUPERVISOR) {
        cm_fail(error, CM_FORBIDDEN, "identity", "only a supervisor approves, and this is an %s's",
                cm_role_name(supervisor->role));
        cm_error_hint(error, "name your supervisor's key and chain in client.ini, or --config");
        return CM_FORBIDDEN;
    }
    if (strcmp(requester.federation, supervisor->federation) != 0 ||
        strcmp(requester.agency, supervisor->agency) != 0) {
        return cm_fail(error, CM_FORBIDDEN, "requester", "is of another agency than you");
    }
    if (strcmp(requester.name, supervisor->name) == 0) {
        cm_fail(error, CM_FORBIDDEN, "requester", "nobody approves what they ask themselves");
        cm_error_hint(error, "another supervisor of your agency has to");
        return CM_FORBIDDEN;
    }
    return CM_OK;
}

enum cm_status cm_approve_check(const struct cm_approval_request *request,
                                const struct cm_identity *supervisor,
                                const struct cm_directory *directory, struct cm_error *error)
{
    const struct cm_agency *agency = cm_directory_agency(directory, supervisor->agency);
    const struct cm_purpose *purpose = cm_directory_purpose(directory, request->purpose);
    enum cm_status status = check_person(request, supervisor, error);
    if (status != CM_OK) {
        return status;
    }
    if (strcmp(request->federation, directory->federation) != 0) {
        return cm_fail(error, CM_INVALID, "request", "is of another federation");
    }
    if (agency == NULL || !agency->active) {
        return cm_fail(error, CM_FORBIDDEN, supervisor->agency,
                       "your agency is not active in the directory");
    }
    if (purpose == NULL) {
        return cm_fail(error, CM_INVALID, "request", "its purpose is none of the federation's");
    }
    if (request->case_number[0] == '\0'
            ? !purpose->case_optional
            : !cm_case_fits(agency->case_pattern, request->case_number)) {
        return cm_fail(error, CM_INVALID, "request",
                       "its case number is missing or not written as your agency's are");
    }
    return cm_reason_check(request->reason, request->plate, error);
}

enum cm_status cm_approve_make(struct cm_buf *envelope, const struct cm_approval_request *request,
                               const struct cm_signer *supervisor, uint32_t uses, int64_t now_ms,
                               int64_t expires_ms, struct cm_error *error)
{
    struct cm_buf payload = {0};
    struct cm_approval approval = {
        .federation = request->federation,
        .supervisor = cm_signer_spiffe(supervisor),
        .requester = request->requester,
        .action = CM_ACTION_LOOKUP,
        .plate = {request->plate, request->state},
        .window = {request->from_ms, request->to_ms != 0 ? request->to_ms : expires_ms},
        .purpose = request->purpose,
        .case_number = request->case_number,
        .issued_ms = now_ms,
        .expires_ms = expires_ms,
        .uses = uses,
    };
    enum cm_status status = cm_random(approval.approval_id, sizeof approval.approval_id);
    if (status != CM_OK) {
        return cm_fail(error, status, "approval", "the system has no randomness");
    }
    status = cm_approval_encode(&payload, &approval, error);
    if (status == CM_OK && cm_dsse_sign(envelope, CM_FAMILY_APPROVAL, cm_buf_bytes(&payload),
                                        supervisor, true) != CM_OK) {
        status = cm_fail(error, CM_INTERNAL, "approval", "cannot be signed with this key");
    }
    if (status == CM_OK && envelope->len > CM_MAX_APPROVAL) {
        status = cm_fail(error, CM_INVALID, "approval",
                         "it takes %zu bytes with your certificates, %d at most", envelope->len,
                         CM_MAX_APPROVAL);
    }
    if (payload.data != NULL) {
        cm_wipe(payload.data, payload.len);
    }
    cm_buf_clear(&payload);
    return status;
}

static void show_line(FILE *out, const char *name, const char *text)
{
    char plain[PLAIN];
    fprintf(out, "  %-9s", name);
    cm_cli_wrap(out, cm_plain(plain, sizeof plain, text), 11, 11);
    cm_wipe(plain, sizeof plain);
}

void cm_approve_show(FILE *out, const struct cm_approval_request *request)
{
    struct cm_identity who;
    char asked[CM_WHEN_SIZE];
    char from[CM_WHEN_SIZE];
    char to[CM_WHEN_SIZE];
    char text[160];
    if (cm_identity_parse(&who, cm_bytes_of(request->requester), NULL) != CM_OK) {
        who = (struct cm_identity){.name = "somebody"};
    }
    fprintf(out, "%s, %s of %s, asks to search:\n", who.name, cm_role_name(who.role), who.agency);
    snprintf(text, sizeof text, "%s%s%s", request->plate, request->state[0] != '\0' ? " " : "",
             request->state[0] != '\0' ? request->state : ", of any state");
    show_line(out, "plate", text);
    snprintf(text, sizeof text, "from %s to %s", cm_when_local(from, request->from_ms),
             request->to_ms != 0 ? cm_when_local(to, request->to_ms) : "the approval's end");
    show_line(out, "reads", text);
    show_line(out, "purpose", request->purpose);
    show_line(out, "case", request->case_number[0] != '\0' ? request->case_number : "none");
    show_line(out, "reason", request->reason);
    show_line(out, "asked", cm_when_local(asked, request->asked_ms));
}

// yes, or CM_CANCELLED.
static enum cm_status confirm(const struct cm_cli_args *args, uint32_t uses, int64_t expires_ms,
                              struct cm_error *error)
{
    char until[CM_WHEN_SIZE];
    char answer[8];
    printf("Your signature allows this %u time%s at each agency, until %s.\n", uses,
           uses == 1 ? "" : "s", cm_when_local(until, expires_ms));
    fflush(stdout);
    if (cm_cli_get(args, 'y') != NULL) {
        return CM_OK;
    }
    enum cm_status status = cm_cli_prompt(answer, sizeof answer, "Approve it (yes or no)? ", error);
    if (status == CM_UNAVAILABLE) {
        cm_error_hint(error, "read it, then say --yes");
    }
    if (status == CM_OK && strcmp(answer, "yes") != 0) {
        status = cm_fail(error, CM_CANCELLED, "request", "is not approved");
    }
    return status;
}

// Where the request is and where its approval goes.
static enum cm_status find_paths(char request[PATH_MAX], char approval[PATH_MAX],
                                 const struct cm_cli_args *args, const char *folder,
                                 struct cm_error *error)
{
    static const char suffix[] = ".request";
    const char *word = args->words[0];
    const char *out = cm_cli_get(args, 'O');
    struct cm_approvals approvals;
    if (cm_approvals_is_id(word)) {
        if (folder == NULL) {
            return cm_fail(error, CM_INVALID, "[approvals] of client.ini", "names no folder");
        }
        enum cm_status status = cm_approvals_open(&approvals, folder, error);
        if (status != CM_OK) {
            return status;
        }
        cm_approvals_clear(&approvals);
        status = cm_approvals_path(request, PATH_MAX, folder, word, "request", error);
        if (status != CM_OK) {
            return status;
        }
    } else if (snprintf(request, PATH_MAX, "%s", word) >= PATH_MAX) {
        return cm_fail(error, CM_INVALID, "REQUEST", "the path is too long");
    }
    size_t len = strlen(request);
    if (len >= sizeof suffix && strcmp(request + len - (sizeof suffix - 1), suffix) == 0) {
        len -= sizeof suffix - 1;
    }
    int all = out != NULL ? snprintf(approval, PATH_MAX, "%s", out)
                          : snprintf(approval, PATH_MAX, "%.*s.approval", (int)len, request);
    return all < PATH_MAX ? CM_OK : cm_fail(error, CM_INVALID, "--out", "the path is too long");
}

static enum cm_status sign(const struct cm_cli_args *args, const struct cm_settings *settings,
                           struct cm_error *error)
{
    static struct cm_approval_request request;
    char from[PATH_MAX];
    char to[PATH_MAX];
    struct cm_buf envelope = {0};
    const uint32_t uses =
        (uint32_t)cm_cli_get_number(args, 'n', "uses", 1, 1, CM_MAX_APPROVAL_USES);
    const int64_t hours = cm_cli_get_number(args, 'H', "hours", DEFAULT_HOURS, 1, 24);
    struct cm_trust *trust = cm_directory_store_newest(settings->store);
    int64_t now_ms = cm_wall_ms(cm_clock_system());
    enum cm_status status = find_paths(from, to, args, settings->approvals, error);
    if (status == CM_OK) {
        status = cm_approvals_request(&request, from, error);
    }
    if (status == CM_OK) {
        status = cm_approve_check(&request, &settings->identity, cm_trust_directory(trust), error);
    }
    if (status == CM_OK) {
        cm_approve_show(stdout, &request);
        status = confirm(args, uses, now_ms + hours * HOUR_MS, error);
    }
    if (status == CM_OK) {
        status = cm_approve_make(&envelope, &request, settings->signer, uses, now_ms,
                                 now_ms + hours * HOUR_MS, error);
    }
    if (status == CM_OK) {
        status = cm_file_create(to, cm_buf_bytes(&envelope), 0640, error);
    }
    if (status == CM_OK) {
        printf("approved: %s\n", to);
    }
    cm_wipe(&request, sizeof request);
    if (envelope.data != NULL) {
        cm_wipe(envelope.data, envelope.len);
    }
    cm_buf_clear(&envelope);
    cm_trust_unref(trust);
    return status;
}

int cm_approve_sign(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_settings settings;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    enum cm_status status =
        cm_settings_load(&settings, cm_cli_get(&args, 'C'), cm_cli_get(&args, 'P'), &error);
    if (status == CM_OK) {
        status = sign(&args, &settings, &error);
        cm_settings_clear(&settings);
    }
    if (status != CM_OK) {
        cm_cli_error(&error);
    }
    return status == CM_OK          ? CM_EXIT_OK
           : status == CM_CANCELLED ? CM_EXIT_INTERRUPTED
           : status == CM_FORBIDDEN ? CM_EXIT_REFUSED
                                    : CM_EXIT_FAILED;
}
