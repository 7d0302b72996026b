#include "nodes/store/backend.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static enum cm_status check_text(const char *text, const char *name, size_t least, size_t most,
                                 struct cm_error *error)
{
    struct cm_bytes bytes = cm_bytes_of(text);
    if (bytes.len < least) {
        return cm_fail(error, CM_INVALID, name, "is missing");
    }
    if (bytes.len > most) {
        return cm_fail(error, CM_INVALID, name, "has %zu bytes, at most %zu are kept", bytes.len,
                       most);
    }
    if (!cm_utf8_valid(bytes)) {
        return cm_fail(error, CM_INVALID, name, "is not UTF-8");
    }
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] < 0x20 || bytes.data[i] == 0x7f) {
            return cm_fail(error, CM_INVALID, name, "holds a control character");
        }
    }
    return CM_OK;
}

// NaN is in no range.
static enum cm_status check_range(double value, const char *name, double least, double most,
                                  struct cm_error *error)
{
    if (!(value >= least && value <= most)) {
        return cm_fail(error, CM_INVALID, name, "is not from %g to %g", least, most);
    }
    return CM_OK;
}

static bool all_plate_characters(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0';
}

static enum cm_status check_always(const struct cm_stored *row, const char *owner,
                                   struct cm_error *error)
{
    const struct cm_detection *d = &row->detection;
    enum cm_status status = check_text(d->event_id, "event_id", 1, CM_MAX_EVENT_ID, error);
    if (status == CM_OK && strcmp(d->owner, owner) != 0) {
        status = cm_fail(error, CM_INVALID, "owner", "is not %s, whose store this is", owner);
    }
    if (status == CM_OK && (d->captured_at_ms <= 0 || d->captured_at_ms > CM_MAX_TIME_MS)) {
        status = cm_fail(error, CM_INVALID, "captured_at", "is no time from 1970 to 9999");
    }
    if (status == CM_OK && (row->expires_at_ms < 0 || row->expires_at_ms > CM_MAX_TIME_MS)) {
        status = cm_fail(error, CM_INVALID, "expires_at", "is no time from 1970 to 9999");
    }
    if (status == CM_OK) {
        status = check_text(d->plate, "plate", 1, CM_MAX_PLATE, error);
    }
    if (status == CM_OK && !all_plate_characters(d->plate)) {
        status = cm_fail(error, CM_INVALID, "plate", "is not normalised");
    }
    if (status == CM_OK) {
        status = check_text(d->plate_read, "plate_read", 1, CM_MAX_PLATE_READ, error);
    }
    if (status == CM_OK) {
        status = check_text(row->case_hold, "case_hold", 0, CM_MAX_ATTRIBUTE, error);
    }
    if (status == CM_OK && d->state[0] != '\0' &&
        (strlen(d->state) != 2 || strspn(d->state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)) {
        status = cm_fail(error, CM_INVALID, "state", "is not two capital letters");
    }
    return status;
}

static enum cm_status check_vehicle(const struct cm_detection *d, struct cm_error *error)
{
    enum cm_status status = check_text(d->make, "make", 0, CM_MAX_ATTRIBUTE, error);
    if (status == CM_OK) {
        status = check_text(d->model, "model", 0, CM_MAX_ATTRIBUTE, error);
    }
    if (status == CM_OK) {
        status = check_text(d->colour, "colour", 0, CM_MAX_ATTRIBUTE, error);
    }
    if (status == CM_OK) {
        status = check_text(d->body, "body", 0, CM_MAX_ATTRIBUTE, error);
    }
    if (status == CM_OK && d->year > 9999) {
        status = cm_fail(error, CM_INVALID, "year", "is not from 0 to 9999");
    }
    if (status == CM_OK) {
        status = check_range(d->vehicle_confidence, "vehicle_confidence", 0, 1, error);
    }
    return status;
}

static enum cm_status check_reading(const struct cm_detection *d, struct cm_error *error)
{
    enum cm_status status = check_range(d->confidence, "confidence", 0, 1, error);
    if (status == CM_OK && d->candidate_count > CM_MAX_CANDIDATES) {
        status = cm_fail(error, CM_INVALID, "candidates", "are more than %d", CM_MAX_CANDIDATES);
    }
    for (size_t i = 0; i < d->candidate_count && status == CM_OK; i++) {
        status = check_text(d->candidates[i].plate, "candidates", 1, CM_MAX_PLATE, error);
        if (status == CM_OK) {
            status = check_range(d->candidates[i].confidence, "candidates", 0, 1, error);
        }
    }
    return status;
}

static bool has(const struct cm_detection *detection, enum cm_field field)
{
    return (detection->present & (1u << field)) != 0;
}

static enum cm_status check_groups(const struct cm_detection *d, struct cm_error *error)
{
    enum cm_status status = CM_OK;
    if (has(d, CM_FIELD_PLACE)) {
        status = check_range(d->latitude, "latitude", -90, 90, error);
        if (status == CM_OK) {
            status = check_range(d->longitude, "longitude", -180, 180, error);
        }
        if (status == CM_OK) {
            status = check_text(d->site, "site", 0, CM_MAX_SITE_TEXT, error);
        }
    }
    if (status == CM_OK && has(d, CM_FIELD_CAMERA)) {
        status = check_text(d->camera, "camera", 1, CM_MAX_ID, error);
    }
    if (status == CM_OK && has(d, CM_FIELD_HEADING)) {
        status = check_range(d->heading, "heading", 0, nextafter(360, 0), error);
    }
    if (status == CM_OK && has(d, CM_FIELD_VEHICLE)) {
        status = check_vehicle(d, error);
    }
    if (status == CM_OK && has(d, CM_FIELD_CONFIDENCE)) {
        status = check_reading(d, error);
    }
    if (status == CM_OK && has(d, CM_FIELD_IMAGE)) {
        status =
            check_text(d->image_reference, "image_reference", 0, CM_MAX_IMAGE_REFERENCE, error);
    }
    return status;
}

enum cm_status cm_stored_check(const struct cm_stored *row, const char *owner,
                               struct cm_error *error)
{
    struct cm_buf packed = {0};
    enum cm_status status = check_always(row, owner, error);
    if (status == CM_OK) {
        status = check_groups(&row->detection, error);
    }
    // What is stored must be fit to be sent: a row that isn't would fail each query that finds it.
    if (status == CM_OK && cm_row_encode(&packed, &row->detection, CM_FIELDS_ALL) != CM_OK) {
        status = cm_fail(error, CM_INVALID, "row", "holds text that must not be sent");
        cm_error_hint(error, "look for invisible or right-to-left marks");
    }
    cm_buf_clear(&packed);
    return status;
}

enum cm_status cm_store_check_rows(const struct cm_stored *rows, size_t count, const char *owner,
                                   struct cm_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct cm_error inner = {0};
        enum cm_status status = cm_stored_check(&rows[i], owner, &inner);
        if (status != CM_OK) {
            return cm_fail(error, status, "row", "row %zu: %s %s", i + 1, inner.where, inner.text);
        }
    }
    return CM_OK;
}

enum cm_status cm_position_init(struct cm_position *position, const struct cm_store_query *query,
                                struct cm_error *error)
{
    *position = (struct cm_position){.from_ms = query->window.from_ms};
    int plate = snprintf(position->plate, sizeof position->plate, "%s", query->plate);
    int state = snprintf(position->state, sizeof position->state, "%s", query->state);
    if (plate < 1 || plate > CM_MAX_PLATE || !all_plate_characters(position->plate)) {
        return cm_fail(error, CM_INVALID, "plate", "is not normalised, 1 to %d characters",
                       CM_MAX_PLATE);
    }
    if (state != 0 && state != 2) {
        return cm_fail(error, CM_INVALID, "state", "is not two letters");
    }
    if (query->window.from_ms >= query->window.to_ms) {
        return cm_fail(error, CM_INVALID, "window", "ends before it begins");
    }
    position->last_ms = query->window.to_ms - 1;
    return CM_OK;
}

void cm_position_advance(struct cm_position *position, const struct cm_detection *rows,
                         size_t count, size_t max)
{
    if (count > 0) {
        position->last_ms = rows[count - 1].captured_at_ms;
        snprintf(position->last_id, sizeof position->last_id, "%s", rows[count - 1].event_id);
    }
    position->done = count < max;
}

enum cm_status cm_store_open(struct cm_store **out, const char *where, const char *owner,
                             unsigned connections, struct cm_error *error)
{
    static const char sqlite[] = "sqlite:", postgres[] = "postgres:";
    *out = NULL;
    size_t owner_len = strlen(owner);
    if (owner_len == 0 || owner_len > CM_MAX_ID) {
        return cm_fail(error, CM_INVALID, "owner", "is not an agency id of 1 to %d characters",
                       CM_MAX_ID);
    }
    if (connections < 1 || connections > 64) {
        return cm_fail(error, CM_INVALID, "connections", "is not from 1 to 64");
    }
    if (strncmp(where, sqlite, sizeof sqlite - 1) == 0) {
        return cm_sqlite_open(out, where + sizeof sqlite - 1, owner, connections, error);
    }
    if (strncmp(where, postgres, sizeof postgres - 1) == 0) {
        return cm_postgres_open(out, where + sizeof postgres - 1, owner, connections, error);
    }
    cm_fail(error, CM_INVALID, "store", "is of no known kind");
    cm_error_hint(error, "write sqlite:/path/file.db or postgres:host=... dbname=...");
    return CM_INVALID;
}

void cm_store_close(struct cm_store *store)
{
    if (store != NULL) {
        store->ops->close(store);
    }
}
