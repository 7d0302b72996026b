#include "proto/ledger/cli/search_print.h"

#include "proto/base/when.h"

static void set(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_string(text));
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_when(json_t *object, const char *key, int64_t ms)
{
    char text[CM_WHEN_SIZE];
    if (ms != 0) {
        set(object, key, cm_when_utc(text, ms));
    }
}

static void set_hex(json_t *object, const char *key, const struct cm_digest *digest)
{
    char text[2 * CM_DIGEST_SIZE + 1];
    cm_hex(text, cm_bytes_digest(digest));
    set(object, key, text);
}

static void set_values(json_t *object, const struct cm_search_values *values, bool redact)
{
    set(object, "role", values->role);
    set(object, "agency", values->agency);
    set(object, "on_behalf_of", values->on_behalf_of);
    set(object, "plate", values->plate);
    set(object, "plate_state", values->state);
    set(object, "action", cm_action_name(values->action));
    set_when(object, "window_from", values->window.from_ms);
    set_when(object, "window_to", values->window.to_ms);
    set(object, "purpose", values->purpose);
    json_object_set_new(object, "has_case_number", json_boolean(values->case_number[0] != '\0'));
    if (!redact) {
        set(object, "person", values->person);
        set(object, "case_number", values->case_number);
        set(object, "reason", values->reason);
        set(object, "court_order", values->court_order);
        set(object, "approved_by", values->approved_by);
    }
}

json_t *cm_search_json(const struct cm_search *search, bool redact)
{
    char buffer[160];
    struct cm_search_line line;
    json_t *object = json_object();
    cm_search_line_of(&line, search);
    set_when(object, "time", search->when_ms);
    set_hex(object, "query_digest", &search->digest);
    set(object, "clear_values",
        cm_audit_clear_name(search->values != NULL ? CM_CLEAR_OPEN : search->clear));
    if (search->values != NULL) {
        set_values(object, search->values, redact);
    }
    set(object, "recorded_as", cm_search_sides(buffer, line.sides));
    set(object, "outcome", line.outcome);
    if (line.refusal[0] != '\0') {
        set(object, "refusal", line.refusal);
    }
    if (line.has_released) {
        set_number(object, "rows_released", line.released);
        set_when(object, "last_release", line.released_ms);
    }
    if (line.has_received) {
        set_number(object, "rows_received", line.received);
    }
    if (line.asked > 0) {
        set_number(object, "agencies_asked", line.asked);
        set_number(object, "agencies_answered", line.answered);
    }
    if (line.gateway[0] != '\0') {
        set(object, "gateway", line.gateway);
        set_number(object, "gateway_index", line.gateway_index);
    }
    set(object, "deciding_rule", line.rule);
    set(object, "entries", cm_search_entries(buffer, search));
    return object;
}
