#include "gateway/client/approve.h"
#include "gateway/client/desk.h"
#include "gateway/client/summary.h"
#include "proto/base/file.h"

#include <limits.h>
#include <string.h>

enum { TRIES = 8 };

static const struct argp_option options[] = {
    {"state", 's', "ST", 0, "State of the plate", 0},
    {"purpose", 'p', "PURPOSE", 0, "Purpose, one of the directory's list", 0},
    {"case", 'c', "NUMBER", 0, "Case number, as your agency writes them", 0},
    {"reason", 'r', "TEXT", 0, "Why, in three words or more; \"-\" reads a line of input", 0},
    {"since", 'S', "WHEN", 0, "Start, as for lookup (default 7d)", 0},
    {"until", 'U', "WHEN", 0, "End (default: the approval's own end)", 0},
    {"out", 'O', "FILE", 0, "Write the request here instead of to the folder", 0},
    {"config", 'C', "FILE", 0, "Instead of the usual client.ini files", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "[PLATE]",
    .about = "Ask a supervisor of your agency to approve one search.\v"
             "The request lies in the folder that [approvals] of client.ini names, for your group "
             "to read; it holds the plate and your reason in the clear. What is missing is asked "
             "for on the terminal.\n\n"
             "Exit codes: 0 written; 1 not; 2 usage; 130 interrupted.",
    .most_words = 1,
};

static void fill(struct cm_approval_request *out, const struct cm_asking *asking,
                 const struct cm_settings *settings, const struct cm_directory *directory,
                 bool open_ended)
{
    const struct cm_query *query = &asking->query;
    *out = (struct cm_approval_request){
        .from_ms = query->window.from_ms,
        .to_ms = open_ended ? 0 : query->window.to_ms,
        .asked_ms = cm_wall_ms(cm_clock_system()),
    };
    snprintf(out->federation, sizeof out->federation, "%s", directory->federation);
    snprintf(out->requester, sizeof out->requester, "%s", settings->identity.spiffe);
    snprintf(out->plate, sizeof out->plate, "%s", asking->plate);
    snprintf(out->state, sizeof out->state, "%s", query->plate.state);
    snprintf(out->purpose, sizeof out->purpose, "%s", asking->purpose);
    snprintf(out->case_number, sizeof out->case_number, "%s", asking->case_number);
    snprintf(out->reason, sizeof out->reason, "%s", asking->reason);
}

static enum cm_status make_id(char id[CM_APPROVAL_ID])
{
    uint8_t bytes[CM_APPROVAL_ID / 2];
    enum cm_status status = cm_random(bytes, sizeof bytes);
    if (status == CM_OK) {
        cm_hex(id, (struct cm_bytes){bytes, sizeof bytes});
    }
    return status;
}

static enum cm_status leave(const char *folder, struct cm_bytes text, struct cm_error *error)
{
    char path[PATH_MAX];
    char id[CM_APPROVAL_ID];
    struct cm_approvals approvals;
    enum cm_status status = cm_approvals_open(&approvals, folder, error);
    if (status != CM_OK) {
        return status;
    }
    cm_approvals_clear(&approvals);
    for (int tries = 0; tries < TRIES; tries++) {
        status = make_id(id);
        if (status != CM_OK) {
            return cm_fail(error, status, folder, "the system has no randomness");
        }
        status = cm_approvals_path(path, sizeof path, folder, id, "request", error);
        if (status == CM_OK) {
            status = cm_file_create(path, text, 0640, error);
        }
        if (status != CM_INVALID) {
            break;
        }
    }
    if (status == CM_OK) {
        printf("request %s waits in %s\nYour supervisor signs it with: comity approve sign %s\n",
               id, folder, id);
    }
    return status;
}

static enum cm_status write_request(const struct cm_approval_request *request,
                                    const struct cm_settings *settings, const char *out,
                                    struct cm_error *error)
{
    struct cm_buf text = {0};
    enum cm_status status = cm_approval_request_encode(&text, request);
    if (status != CM_OK) {
        cm_fail(error, status, "request", "out of memory");
    } else if (out != NULL) {
        status = cm_file_create(out, cm_buf_bytes(&text), 0600, error);
        if (status == CM_OK) {
            printf("Your supervisor signs it with: comity approve sign %s\n", out);
        }
    } else if (settings->approvals == NULL) {
        status = cm_fail(error, CM_INVALID, "[approvals] of client.ini", "names no folder");
        cm_error_hint(error, "set folder there, or give --out FILE");
    } else {
        status = leave(settings->approvals, cm_buf_bytes(&text), error);
    }
    if (text.data != NULL) {
        cm_wipe(text.data, text.len);
    }
    cm_buf_clear(&text);
    return status;
}

static enum cm_status ask(struct cm_asking *asking, const struct cm_cli_args *args,
                          struct cm_error *error)
{
    struct cm_settings settings;
    struct cm_approval_request request;
    enum cm_status status = cm_settings_load_unsigned(&settings, asking->config_file, error);
    if (status != CM_OK) {
        return status;
    }
    struct cm_trust *trust = cm_directory_store_newest(settings.store);
    const struct cm_directory *directory = cm_trust_directory(trust);
    cm_desk_recall(asking, &settings);
    status = cm_asking_complete(asking, &settings, directory, error);
    if (status == CM_OK) {
        fill(&request, asking, &settings, directory, cm_cli_get(args, 'U') == NULL);
        status = write_request(&request, &settings, cm_cli_get(args, 'O'), error);
        cm_wipe(&request, sizeof request);
    }
    cm_trust_unref(trust);
    cm_settings_clear(&settings);
    return status;
}

int cm_approve_request(int argc, char **argv)
{
    static struct cm_cli_args args;
    static struct cm_asking asking;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    enum cm_status status = cm_asking_take(&asking, false, &args, &error);
    bool misused = status != CM_OK;
    if (!misused) {
        status = ask(&asking, &args, &error);
    }
    if (status != CM_OK) {
        cm_cli_error(&error);
    }
    cm_asking_clear(&asking);
    return misused                  ? CM_EXIT_USAGE
           : status == CM_CANCELLED ? CM_EXIT_INTERRUPTED
           : status != CM_OK        ? CM_EXIT_FAILED
                                    : CM_EXIT_OK;
}
