#include "gateway/client/asking.h"

#include "proto/base/cli_args.h"
#include "proto/base/file.h"
#include "proto/base/when.h"
#include "proto/envelope/dsse.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARENA_CAP = 256 * 1024,
    DEFAULT_DAYS = 7,
    SIGNED_FOR_MS = 60000,
    DAY_MS = 86400000,
    TRIES = 3
};

static const struct argp_option options[] = {
    {"state", 's', "ST", 0, "State of the plate; rows of unknown state still match", 0},
    {"purpose", 'p', "PURPOSE", 0, "Purpose, one of the directory's list", 0},
    {"case", 'c', "NUMBER", 0, "Case number, as your agency writes them", 0},
    {"reason", 'r', "TEXT", 0, "Why, in three words or more; \"-\" reads a line of input", 0},
    {"since", 'S', "WHEN", 0, "Start: 30d, 12h, 2026-11-01, RFC 3339 (default 7d)", 0},
    {"until", 'U', "WHEN", 0, "End, likewise (default now)", 0},
    {"limit", 'n', "N", 0, "At most N rows (default 1000)", 0},
    {"agency", 'a', "ID", 0, "Ask this agency only; may be repeated", 0},
    {"on-behalf-of", 'b', "ID", 0, "The agency you ask for; you see what both may", 0},
    {"approval", 'A', "FILE", 0, "A supervisor's signed approval", 0},
    {"court-order", 'o', "REF", 0, "A court order that the owner has registered", 0},
    {"attestation", 't', "FILE", 0, "A declaration whose digest is cited", 0},
    {"deadline", 'd', "SECONDS", 0, "Longest wait, 1 to 60 (default 10)", 0},
    {"format", 'f', "FORMAT", 0, "table, json, csv or geojson", 0},
    {"batch", 'B', "FILE", 0, "Ask for each plate of this file, one a line; \"-\" is input", 0},
    {"unordered", 'u', NULL, 0, "Print rows as they come", 0},
    {"accounts", 'v', NULL, 0, "Say at the end what came of each agency", 0},
    {"no-receipt", 'R', NULL, 0, "Don't keep the answer for comity receipt", 0},
    {"quiet", 'q', NULL, 0, "No progress, no id of the answer", 0},
    {"config", 'C', "FILE", 0, "Instead of the usual client.ini files", 0},
    {"passphrase-file", 'P', "FILE", 0, "Your key's passphrase", 0},
    {0},
};

static const struct cm_cli_usage lookup_usage = {
    .options = options,
    .words = "[PLATE]",
    .about = "Ask the agencies that share with yours where a plate was read.\v"
             "What is missing is asked for on the terminal, so that neither plate nor reason need "
             "stand in a shell history. PLATE \"-\" reads a line of input.",
    .most_words = 1,
};

static const struct cm_cli_usage reach_usage = {
    .options = options,
    .words = "[PLATE]",
    .about = "See which agencies a lookup would ask. Nothing is asked, and neither plate nor "
             "reason is sent.",
    .most_words = 1,
};

// The value, and nothing left of it where other users' ps would look.
static void take(char *out, size_t size, const char *value)
{
    snprintf(out, size, "%s", value);
    cm_wipe((char *)(uintptr_t)value, strlen(value));
}

static enum cm_status take_line(char *out, size_t size, const char *value, const char *where,
                                struct cm_error *error)
{
    if (strlen(value) >= size) {
        return cm_fail(error, CM_INVALID, where, "longer than %zu bytes", size - 1);
    }
    if (strcmp(value, "-") != 0) {
        take(out, size, value);
        return CM_OK;
    }
    if (fgets(out, (int)size, stdin) == NULL) {
        return cm_fail(error, CM_INVALID, where, "standard input has no line for it");
    }
    if (strchr(out, '\n') == NULL && !feof(stdin)) {
        return cm_fail(error, CM_INVALID, where, "longer than %zu bytes", size - 1);
    }
    out[strcspn(out, "\r\n")] = '\0';
    return CM_OK;
}

static enum cm_status parse_batch(struct cm_asking *asking, const struct cm_cli_args *args,
                                  struct cm_error *error)
{
    const char *reason = cm_cli_get(args, 'r');
    asking->batch_file = cm_cli_get(args, 'B');
    if (asking->batch_file == NULL) {
        return CM_OK;
    }
    if (asking->is_reach) {
        return cm_fail(error, CM_INVALID, "--batch", "a reach is asked without plates");
    }
    if (args->word_count > 0) {
        return cm_fail(error, CM_INVALID, "--batch", "the plates stand in its file, not here too");
    }
    if (asking->format == CM_FORMAT_GEOJSON) {
        cm_fail(error, CM_INVALID, "--batch", "GeoJSON holds one answer only");
        cm_error_hint(error, "take --format json");
        return CM_INVALID;
    }
    if (strcmp(asking->batch_file, "-") == 0 && reason != NULL && strcmp(reason, "-") == 0) {
        return cm_fail(error, CM_INVALID, "--reason", "standard input holds the plates already");
    }
    return CM_OK;
}

static enum cm_status parse_window(struct cm_asking *asking, const struct cm_cli_args *args,
                                   struct cm_error *error)
{
    int64_t now_ms = cm_wall_ms(cm_clock_system());
    struct cm_window *window = &asking->query.window;
    const char *since = cm_cli_get(args, 'S');
    const char *until = cm_cli_get(args, 'U');
    enum cm_status status = CM_OK;
    *window = (struct cm_window){now_ms - DEFAULT_DAYS * (int64_t)DAY_MS, now_ms};
    if (since != NULL) {
        status = cm_when_parse(&window->from_ms, since, now_ms, "--since", error);
    }
    if (status == CM_OK && until != NULL) {
        status = cm_when_parse(&window->to_ms, until, now_ms, "--until", error);
    }
    if (status != CM_OK) {
        return status;
    }
    if (window->from_ms >= now_ms) {
        return cm_fail(error, CM_INVALID, "--since", "lies in the future");
    }
    // What isn't there yet can't be asked for.
    window->to_ms = window->to_ms > now_ms ? now_ms : window->to_ms;
    if (window->to_ms <= window->from_ms) {
        return cm_fail(error, CM_INVALID, "--until", "lies before --since");
    }
    return CM_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum cm_status parse_agencies(struct cm_asking *asking, const struct cm_cli_args *args,
                                     struct cm_error *error)
{
    const char *id;
    for (size_t i = 0; (id = cm_cli_nth(args, 'a', i)) != NULL; i++) {
        if (i == CM_MAX_AGENCIES_NAMED) {
            return cm_fail(error, CM_INVALID, "--agency", "more than %d", CM_MAX_AGENCIES_NAMED);
        }
        asking->agencies[i] = id;
        asking->agency_count++;
    }
    qsort(asking->agencies, asking->agency_count, sizeof asking->agencies[0], by_name);
    size_t kept = 0;
    for (size_t i = 0; i < asking->agency_count; i++) {
        if (i == 0 || strcmp(asking->agencies[i], asking->agencies[kept - 1]) != 0) {
            asking->agencies[kept++] = asking->agencies[i];
        }
    }
    asking->agency_count = kept;
    asking->query.agencies = asking->agencies;
    asking->query.agency_count = kept;
    return CM_OK;
}

static enum cm_status read_into(struct cm_asking *asking, struct cm_bytes *out, const char *path,
                                size_t max, struct cm_error *error)
{
    struct cm_buf file = {0};
    enum cm_status status = cm_file_read(&file, path, max, error);
    if (status == CM_OK) {
        status = cm_arena_bytes(asking->arena, out, cm_buf_bytes(&file));
    }
    cm_buf_clear(&file);
    return status;
}

static enum cm_status parse_evidence(struct cm_asking *asking, const struct cm_cli_args *args,
                                     struct cm_error *error)
{
    struct cm_query *query = &asking->query;
    const char *approval = cm_cli_get(args, 'A');
    const char *attestation = cm_cli_get(args, 't');
    struct cm_bytes bytes;
    enum cm_status status = CM_OK;
    query->court_order = cm_cli_get(args, 'o') != NULL ? cm_cli_get(args, 'o') : "";
    if (approval != NULL) {
        status = read_into(asking, &bytes, approval, CM_MAX_APPROVAL, error);
        if (status == CM_OK) {
            status = cm_envelope_decode(&query->approval, asking->arena, bytes, error);
        }
        if (status == CM_OK && query->approval.family != CM_FAMILY_APPROVAL) {
            status = cm_fail(error, CM_INVALID, approval, "is not a supervisor's approval");
        }
    }
    if (status == CM_OK && attestation != NULL) {
        status = read_into(asking, &bytes, attestation, ARENA_CAP / 2, error);
        if (status == CM_OK) {
            query->attested = true;
            cm_sha256_of(&query->attestation, bytes);
        }
    }
    return status;
}

static enum cm_status parse_words(struct cm_asking *asking, const struct cm_cli_args *args,
                                  struct cm_error *error)
{
    const char *reason = cm_cli_get(args, 'r');
    const char *number = cm_cli_get(args, 'c');
    const char *purpose = cm_cli_get(args, 'p');
    char plate[4 * CM_MAX_PLATE] = "";
    enum cm_status status = CM_OK;
    if (args->word_count > 0) {
        status = take_line(plate, sizeof plate, args->words[0], "PLATE", error);
    }
    if (status == CM_OK && plate[0] != '\0' &&
        cm_plate_normalise(asking->plate, cm_bytes_of(plate)) != CM_OK) {
        status =
            cm_fail(error, CM_INVALID, "PLATE", "is not 1 to %d letters and digits", CM_MAX_PLATE);
    }
    cm_wipe(plate, sizeof plate);
    if (status == CM_OK && reason != NULL) {
        status = take_line(asking->reason, sizeof asking->reason, reason, "--reason", error);
    }
    if (status == CM_OK && number != NULL) {
        status =
            take_line(asking->case_number, sizeof asking->case_number, number, "--case", error);
    }
    if (status == CM_OK && purpose != NULL && strlen(purpose) >= sizeof asking->purpose) {
        status = cm_fail(error, CM_INVALID, "--purpose", "is too long");
    } else if (status == CM_OK && purpose != NULL) {
        snprintf(asking->purpose, sizeof asking->purpose, "%s", purpose);
    }
    return status;
}

enum cm_status cm_asking_take(struct cm_asking *out, bool is_reach, const struct cm_cli_args *args,
                              struct cm_error *error)
{
    *out = (struct cm_asking){.is_reach = is_reach};
    struct cm_query *query = &out->query;
    query->action = CM_ACTION_LOOKUP;
    query->plate.state = cm_cli_get(args, 's') != NULL ? cm_cli_get(args, 's') : "";
    query->on_behalf_of = cm_cli_get(args, 'b') != NULL ? cm_cli_get(args, 'b') : "";
    query->limit =
        (uint32_t)cm_cli_get_number(args, 'n', "limit", CM_DEFAULT_LIMIT, 1, CM_MAX_LIMIT);
    query->deadline_ms =
        1000 * (uint32_t)cm_cli_get_number(args, 'd', "deadline", CM_DEFAULT_DEADLINE_MS / 1000, 1,
                                           CM_MAX_DEADLINE_MS / 1000);
    query->order = cm_cli_get(args, 'u') != NULL ? CM_ORDER_UNORDERED : CM_ORDER_TIME_DESCENDING;
    out->quiet = cm_cli_get(args, 'q') != NULL;
    out->accounts = cm_cli_get(args, 'v') != NULL;
    out->keeps = !is_reach && cm_cli_get(args, 'R') == NULL;
    out->config_file = cm_cli_get(args, 'C');
    out->passphrase_file = cm_cli_get(args, 'P');
    const char *format = cm_cli_get(args, 'f');
    if (format != NULL && cm_format_of(&out->format, format) != CM_OK) {
        return cm_fail(error, CM_INVALID, "--format", "must be table, json, csv or geojson");
    }
    out->arena = cm_arena_new(ARENA_CAP);
    if (out->arena == NULL) {
        return cm_fail(error, CM_MEMORY, "", "out of memory");
    }
    if (query->plate.state[0] != '\0' && !cm_state_known(cm_bytes_of(query->plate.state))) {
        return cm_fail(error, CM_INVALID, "--state", "is none: two capital letters, as CA");
    }
    enum cm_status status = parse_batch(out, args, error);
    if (status == CM_OK) {
        status = parse_words(out, args, error);
    }
    if (status == CM_OK) {
        status = parse_window(out, args, error);
    }
    if (status == CM_OK) {
        status = parse_agencies(out, args, error);
    }
    return status == CM_OK ? parse_evidence(out, args, error) : status;
}

enum cm_status cm_asking_parse(struct cm_asking *out, bool is_reach, int argc, char **argv,
                               struct cm_error *error)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, is_reach ? &reach_usage : &lookup_usage, argc, argv);
    return cm_asking_take(out, is_reach, &args, error);
}

struct completing {
    struct cm_asking *asking;
    const struct cm_settings *settings;
    const struct cm_directory *directory;
    char typed[4 * CM_MAX_PLATE]; // a plate as a person writes it
};

typedef enum cm_status check_fn(struct completing *completing, struct cm_error *error);

// What the command line gave is checked; what it didn't is asked for, again when it is wrong.
static enum cm_status complete(struct completing *completing, char *out, size_t size,
                               const char *prompt, const char *option, check_fn *check,
                               struct cm_error *error)
{
    if (out[0] != '\0') {
        return check(completing, error);
    }
    for (int tries = 1;; tries++) {
        enum cm_status status = cm_cli_prompt(out, size, prompt, error);
        if (status == CM_UNAVAILABLE) {
            return cm_fail(error, CM_INVALID, option,
                           "is missing, and there is no terminal to ask on");
        }
        if (status == CM_INVALID) {
            status = cm_fail(error, CM_INVALID, option, "longer than %zu bytes", size - 1);
        } else if (status == CM_OK) {
            status = check(completing, error);
        }
        if (status != CM_INVALID || tries == TRIES) {
            return status;
        }
        cm_cli_error(error);
        cm_wipe(out, size);
    }
}

static void list_purposes(const struct cm_directory *directory)
{
    struct cm_buf text = {0};
    enum cm_status status = CM_OK;
    for (size_t i = 0; i < directory->purpose_count && status == CM_OK; i++) {
        status =
            cm_buf_printf(&text, "%s%s", i > 0 ? ", " : "Purposes: ", directory->purposes[i].id);
    }
    if (status == CM_OK && text.len > 0) {
        cm_cli_wrap(stderr, (const char *)text.data, 0, 2);
    }
    cm_buf_clear(&text);
}

static enum cm_status check_purpose(struct completing *completing, struct cm_error *error)
{
    const struct cm_asking *asking = completing->asking;
    if (cm_directory_purpose(completing->directory, asking->purpose) != NULL) {
        return CM_OK;
    }
    cm_fail(error, CM_INVALID, "--purpose", "is none of the federation's purposes");
    cm_error_hint(error, "give one of those listed above");
    return CM_INVALID;
}

static enum cm_status complete_purpose(struct completing *completing, struct cm_error *error)
{
    struct cm_asking *asking = completing->asking;
    bool known = cm_directory_purpose(completing->directory, asking->purpose) != NULL;
    if (!known && (asking->purpose[0] != '\0' || cm_cli_terminal())) {
        list_purposes(completing->directory);
    }
    return complete(completing, asking->purpose, sizeof asking->purpose, "Purpose: ", "--purpose",
                    check_purpose, error);
}

static enum cm_status check_case(struct completing *completing, struct cm_error *error)
{
    const char *number = completing->asking->case_number;
    const struct cm_agency *own =
        cm_directory_agency(completing->directory, completing->settings->identity.agency);
    if (number[0] == '\0') {
        return cm_fail(error, CM_INVALID, "--case", "is missing: this purpose needs one");
    }
    if (cm_case_fits(own->case_pattern, number)) {
        return CM_OK;
    }
    cm_fail(error, CM_INVALID, "--case", "is not written as your agency's case numbers are");
    cm_error_hint(error, "the pattern is %s: 9 a digit, A a letter, * any", own->case_pattern);
    return CM_INVALID;
}

static enum cm_status complete_case(struct completing *completing, struct cm_error *error)
{
    struct cm_asking *asking = completing->asking;
    const char *agency = completing->settings->identity.agency;
    const struct cm_agency *own = cm_directory_agency(completing->directory, agency);
    const struct cm_purpose *purpose = cm_directory_purpose(completing->directory, asking->purpose);
    if (own == NULL || !own->active) {
        return cm_fail(error, CM_FORBIDDEN, agency, "your agency is not active in the directory");
    }
    if (purpose->case_optional && asking->case_number[0] == '\0') {
        return CM_OK;
    }
    return complete(completing, asking->case_number, sizeof asking->case_number,
                    "Case number: ", "--case", check_case, error);
}

static enum cm_status check_plate(struct completing *completing, struct cm_error *error)
{
    if (cm_plate_normalise(completing->asking->plate, cm_bytes_of(completing->typed)) == CM_OK) {
        return CM_OK;
    }
    return cm_fail(error, CM_INVALID, "PLATE", "is not 1 to %d letters and digits", CM_MAX_PLATE);
}

static enum cm_status complete_plate(struct completing *completing, struct cm_error *error)
{
    if (completing->asking->is_reach || completing->asking->plate[0] != '\0') {
        return CM_OK;
    }
    enum cm_status status = complete(completing, completing->typed, sizeof completing->typed,
                                     "Plate: ", "PLATE", check_plate, error);
    cm_wipe(completing->typed, sizeof completing->typed);
    return status;
}

static enum cm_status check_reason(struct completing *completing, struct cm_error *error)
{
    return cm_reason_check(completing->asking->reason, completing->asking->plate, error);
}

static enum cm_status check_agencies(const struct completing *completing, struct cm_error *error)
{
    const struct cm_asking *asking = completing->asking;
    for (size_t i = 0; i < asking->agency_count; i++) {
        if (cm_directory_agency(completing->directory, asking->agencies[i]) == NULL) {
            cm_fail(error, CM_INVALID, "--agency", "%.96s is not in the directory",
                    asking->agencies[i]);
            cm_error_hint(error, "comity reach lists those that share with you");
            return CM_INVALID;
        }
    }
    return CM_OK;
}

static enum cm_status complete_words(struct completing *completing, struct cm_error *error)
{
    struct cm_asking *asking = completing->asking;
    enum cm_status status = complete_purpose(completing, error);
    if (status == CM_OK) {
        status = complete_case(completing, error);
    }
    if (status == CM_OK && !asking->is_reach) {
        status = complete(completing, asking->reason, sizeof asking->reason, "Reason: ", "--reason",
                          check_reason, error);
    }
    return status;
}

enum cm_status cm_asking_complete_case(struct cm_asking *asking, const struct cm_settings *settings,
                                       const struct cm_directory *directory, struct cm_error *error)
{
    struct completing completing = {.asking = asking, .settings = settings, .directory = directory};
    return complete_words(&completing, error);
}

enum cm_status cm_asking_complete(struct cm_asking *asking, const struct cm_settings *settings,
                                  const struct cm_directory *directory, struct cm_error *error)
{
    struct completing completing = {.asking = asking, .settings = settings, .directory = directory};
    struct cm_query *query = &asking->query;
    enum cm_status status = check_agencies(&completing, error);
    if (status == CM_OK) {
        status = complete_plate(&completing, error);
    }
    if (status == CM_OK) {
        status = complete_words(&completing, error);
    }
    query->plate.plate = asking->is_reach ? NULL : asking->plate;
    query->purpose = asking->purpose;
    query->case_number = asking->case_number;
    query->reason = asking->is_reach ? "" : asking->reason;
    return status;
}

// What an envelope cites as evidence, for a reach.
static unsigned evidence_kinds(const struct cm_query *query)
{
    return (query->case_number[0] != '\0' ? 1u << CM_EVIDENCE_CASE : 0) |
           (query->approval.family != CM_FAMILY_NONE ? 1u << CM_EVIDENCE_SUPERVISOR : 0) |
           (query->attested ? 1u << CM_EVIDENCE_ATTESTATION : 0) |
           (query->court_order[0] != '\0' ? 1u << CM_EVIDENCE_COURT_ORDER : 0);
}

enum cm_status cm_asking_sign(const struct cm_asking *asking, struct cm_buf *envelope,
                              struct cm_digest *digest, const struct cm_settings *settings,
                              const struct cm_directory *directory, const char *gateway,
                              struct cm_error *error)
{
    struct cm_query query = asking->query;
    struct cm_buf payload = {0};
    query.federation = directory->federation;
    query.gateway = gateway;
    query.signer = settings->identity.spiffe;
    query.key_hash = settings->identity.key_hash;
    query.issued_ms = cm_wall_ms(cm_clock_system());
    query.expires_ms = query.issued_ms + SIGNED_FOR_MS;
    query.evidence_kinds = evidence_kinds(&query);
    enum cm_status status = cm_random(query.query_id, sizeof query.query_id);
    if (status == CM_OK && !asking->is_reach) {
        status = cm_random(query.blind, sizeof query.blind);
    }
    if (status != CM_OK) {
        return cm_fail(error, status, "", "the system has no randomness");
    }
    if (asking->is_reach) {
        query.limit = 0;
        query.order = CM_ORDER_NONE;
        status = cm_reach_encode(&payload, &query, error);
    } else {
        status = cm_query_encode(&payload, &query, error);
    }
    if (status == CM_OK) {
        cm_sha256_of(digest, cm_buf_bytes(&payload));
        status = cm_dsse_sign(envelope, asking->is_reach ? CM_FAMILY_REACH : CM_FAMILY_QUERY,
                              cm_buf_bytes(&payload), settings->signer, true);
    }
    cm_wipe(query.blind, sizeof query.blind);
    if (payload.data != NULL) {
        cm_wipe(payload.data, payload.len);
    }
    cm_buf_clear(&payload);
    return status;
}

void cm_asking_clear(struct cm_asking *asking)
{
    cm_arena_free(asking->arena);
    cm_wipe(asking, sizeof *asking);
}
