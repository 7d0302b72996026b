#include "nodes/ingest/row.h"

#include "nodes/ingest/values.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum form {
    FORM_NONE = 0,
    FORM_TEXT,
    FORM_PLATE,
    FORM_STATE,
    FORM_TIME,
    FORM_NUMBER,
    FORM_YEAR,
    FORM_DIGEST,
    FORM_CANDIDATES,
    FORM_SKIPPED,
};

struct known {
    const char *name;
    enum form form;
    size_t offset; // in struct cm_stored
    enum cm_field group;
    bool required;
};

#define CM_AT(member) offsetof(struct cm_stored, member)

static const struct known columns[] = {
    {"event_id", FORM_TEXT, CM_AT(detection.event_id), CM_FIELD_NONE, true},
    {"captured_at", FORM_TIME, CM_AT(detection.captured_at_ms), CM_FIELD_NONE, true},
    {"plate_read", FORM_PLATE, CM_AT(detection.plate_read), CM_FIELD_NONE, true},
    {"state", FORM_STATE, CM_AT(detection.state), CM_FIELD_NONE, false},
    {"latitude", FORM_NUMBER, CM_AT(detection.latitude), CM_FIELD_PLACE, false},
    {"longitude", FORM_NUMBER, CM_AT(detection.longitude), CM_FIELD_PLACE, false},
    {"site", FORM_TEXT, CM_AT(detection.site), CM_FIELD_PLACE, false},
    {"camera", FORM_TEXT, CM_AT(detection.camera), CM_FIELD_CAMERA, false},
    {"heading", FORM_NUMBER, CM_AT(detection.heading), CM_FIELD_HEADING, false},
    {"make", FORM_TEXT, CM_AT(detection.make), CM_FIELD_VEHICLE, false},
    {"model", FORM_TEXT, CM_AT(detection.model), CM_FIELD_VEHICLE, false},
    {"colour", FORM_TEXT, CM_AT(detection.colour), CM_FIELD_VEHICLE, false},
    {"body", FORM_TEXT, CM_AT(detection.body), CM_FIELD_VEHICLE, false},
    {"year", FORM_YEAR, CM_AT(detection.year), CM_FIELD_VEHICLE, false},
    {"vehicle_confidence", FORM_NUMBER, CM_AT(detection.vehicle_confidence), CM_FIELD_VEHICLE,
     false},
    {"confidence", FORM_NUMBER, CM_AT(detection.confidence), CM_FIELD_CONFIDENCE, false},
    {"candidates", FORM_CANDIDATES, 0, CM_FIELD_CONFIDENCE, false},
    {"image_reference", FORM_TEXT, CM_AT(detection.image_reference), CM_FIELD_IMAGE, false},
    {"image_sha256", FORM_DIGEST, CM_AT(detection.image_sha256), CM_FIELD_IMAGE, false},
    {"expires_at", FORM_TIME, CM_AT(expires_at_ms), CM_FIELD_NONE, false},
    {"case_hold", FORM_TEXT, CM_AT(case_hold), CM_FIELD_NONE, false},
    {CM_ROW_REASON, FORM_SKIPPED, 0, CM_FIELD_NONE, false},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

static size_t find_column(struct cm_bytes name)
{
    size_t i = 0;
    while (i < COLUMNS && !cm_bytes_equal(name, cm_bytes_of(columns[i].name))) {
        i++;
    }
    return i;
}

static bool looks_like_a_name(struct cm_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '_' && (text.data[i] < 'a' || text.data[i] > 'z')) {
            return false;
        }
    }
    return text.len > 0 && text.len <= 32;
}

enum cm_status cm_row_header(struct cm_row_layout *out, const struct cm_csv_record *header,
                             const char *where, struct cm_error *error)
{
    bool seen[COLUMNS] = {false};
    out->count = header->field_count;
    for (size_t i = 0; i < header->field_count; i++) {
        struct cm_bytes name = header->fields[i];
        size_t column = find_column(name);
        if (column == COLUMNS) {
            // In a file without a header this is data: only what looks like a name is shown.
            bool shown = looks_like_a_name(name);
            cm_fail(error, CM_INVALID, where, "column %zu%s%.*s%s is unknown", i + 1,
                    shown ? " \"" : "", shown ? (int)name.len : 0, (const char *)name.data,
                    shown ? "\"" : "");
            cm_error_hint(error, "the first line must name the columns: see comity-node(1)");
            return CM_INVALID;
        }
        if (seen[column] && columns[column].form != FORM_SKIPPED) {
            return cm_fail(error, CM_INVALID, where, "column \"%s\" stands there twice",
                           columns[column].name);
        }
        seen[column] = true;
        out->columns[i] = (uint8_t)column;
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].required && !seen[i]) {
            return cm_fail(error, CM_INVALID, where, "column \"%s\" is missing", columns[i].name);
        }
    }
    return CM_OK;
}

static enum cm_status read_text(const char **out, struct cm_bytes text, struct cm_arena *arena,
                                const char **why)
{
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
        *why = "holds a NUL";
        return CM_INVALID;
    }
    *out = cm_arena_string(arena, text);
    return *out != NULL ? CM_OK : CM_MEMORY;
}

static enum cm_status read_plate(struct cm_stored *out, struct cm_bytes text,
                                 struct cm_arena *arena, const char **why)
{
    char plate[CM_MAX_PLATE + 1];
    if (cm_plate_normalise(plate, text) != CM_OK) {
        *why = "is no plate: 1 to 12 letters and digits are needed";
        return CM_INVALID;
    }
    out->detection.plate = cm_arena_string(arena, cm_bytes_of(plate));
    return out->detection.plate != NULL ? read_text(&out->detection.plate_read, text, arena, why)
                                        : CM_MEMORY;
}

static enum cm_status read_state(const char **out, struct cm_bytes text, struct cm_arena *arena,
                                 const char **why)
{
    char state[3] = "";
    for (size_t i = 0; i < text.len && i < 2; i++) {
        uint8_t c = text.data[i];
        state[i] = (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
    }
    if (text.len != 2 || strspn(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2) {
        *why = "is no state: two letters, or empty where it is unknown";
        return CM_INVALID;
    }
    *out = cm_arena_string(arena, cm_bytes_of(state));
    return *out != NULL ? CM_OK : CM_MEMORY;
}

static enum cm_status read_value(struct cm_stored *out, const struct known *known,
                                 struct cm_bytes text, struct cm_arena *arena, const char **why)
{
    void *at = (char *)out + known->offset;
    char hex[2 * CM_DIGEST_SIZE + 1] = "";
    uint64_t whole = 0;
    enum cm_status status = CM_INTERNAL;
    switch (known->form) {
    case FORM_TEXT:
        return read_text(at, text, arena, why);
    case FORM_PLATE:
        return read_plate(out, text, arena, why);
    case FORM_STATE:
        return read_state(at, text, arena, why);
    case FORM_TIME:
        return cm_csv_time(at, text, why);
    case FORM_NUMBER:
        *why = "is no number";
        return cm_csv_number(at, text);
    case FORM_YEAR:
        *why = "is no year";
        status = cm_csv_whole(&whole, text, 9999);
        *(uint32_t *)at = (uint32_t)whole;
        return status;
    case FORM_DIGEST:
        *why = "is not 64 hex digits";
        if (text.len != sizeof hex - 1) {
            return CM_INVALID;
        }
        memcpy(hex, text.data, text.len);
        return cm_unhex(((struct cm_digest *)at)->b, CM_DIGEST_SIZE, hex);
    case FORM_CANDIDATES:
        *why = "are not PLATE:CONFIDENCE;..., at most 10";
        return cm_csv_candidates(&out->detection, text, arena);
    case FORM_SKIPPED:
        return CM_OK;
    case FORM_NONE:
        break;
    }
    return status;
}

static bool given(const struct cm_row_layout *layout, const struct cm_csv_record *record,
                  const char *name)
{
    for (size_t i = 0; i < layout->count; i++) {
        if (strcmp(columns[layout->columns[i]].name, name) == 0) {
            return record->fields[i].len > 0;
        }
    }
    return false;
}

// A group is there when its first value is; the others alone would be claims about nothing.
static enum cm_status check_groups(const struct cm_row_layout *layout,
                                   const struct cm_csv_record *record, struct cm_error *error)
{
    static const char *const pairs[][2] = {
        {"latitude", "longitude"},    {"longitude", "latitude"},           {"site", "latitude"},
        {"candidates", "confidence"}, {"image_sha256", "image_reference"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (given(layout, record, pairs[i][0]) && !given(layout, record, pairs[i][1])) {
            return cm_fail(error, CM_INVALID, pairs[i][0], "needs %s beside it", pairs[i][1]);
        }
    }
    return CM_OK;
}

static void set_empty(struct cm_stored *row, const char *owner)
{
    memset(row, 0, sizeof *row);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].form == FORM_TEXT || columns[i].form == FORM_PLATE ||
            columns[i].form == FORM_STATE) {
            *(const char **)(void *)((char *)row + columns[i].offset) = "";
        }
    }
    row->detection.plate = "";
    row->detection.owner = owner;
}

enum cm_status cm_row_read(struct cm_stored *out, const struct cm_row_layout *layout,
                           const struct cm_csv_record *record, const char *owner, int64_t now_ms,
                           struct cm_arena *arena, struct cm_error *error)
{
    set_empty(out, owner);
    if (record->field_count != layout->count) {
        return cm_fail(error, CM_INVALID, "", "has %zu fields where the header has %zu",
                       record->field_count, layout->count);
    }
    for (size_t i = 0; i < layout->count; i++) {
        const struct known *known = &columns[layout->columns[i]];
        const char *why = "is wrong";
        if (record->fields[i].len == 0) {
            if (known->required) {
                return cm_fail(error, CM_INVALID, known->name, "is empty");
            }
            continue;
        }
        enum cm_status status = read_value(out, known, record->fields[i], arena, &why);
        if (status != CM_OK) {
            return cm_fail(error, status, known->name, "%s",
                           status == CM_MEMORY ? "out of memory" : why);
        }
        out->detection.present |= (cm_fields)((1u << known->group) & CM_FIELDS_ALL);
    }
    enum cm_status status = check_groups(layout, record, error);
    if (status == CM_OK && out->detection.captured_at_ms > now_ms + CM_SKEW_MS) {
        status = cm_fail(error, CM_INVALID, "captured_at", "lies in the future");
    }
    return status == CM_OK ? cm_stored_check(out, owner, error) : status;
}
