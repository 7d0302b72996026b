#include "nodes/store/columns.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CM_GROUP(field)     ((cm_fields)(1u << (field)))
#define CM_AT(kind, member) offsetof(struct cm_stored, member), CM_COLUMN_##kind, 0
#define CM_IN(kind, member, field)                                                                 \
    offsetof(struct cm_stored, member), CM_COLUMN_##kind, CM_GROUP(field)

const struct cm_column cm_columns[CM_COLUMN_COUNT] = {
    {"event_id", CM_AT(TEXT, detection.event_id)},
    {"captured_at", CM_AT(TIME, detection.captured_at_ms)},
    {"plate", CM_AT(TEXT, detection.plate)},
    {"plate_read", CM_AT(TEXT, detection.plate_read)},
    {"state", CM_AT(TEXT, detection.state)},
    {"present", CM_AT(FIELDS, detection.present)},
    {"latitude", CM_IN(REAL, detection.latitude, CM_FIELD_PLACE)},
    {"longitude", CM_IN(REAL, detection.longitude, CM_FIELD_PLACE)},
    {"site", CM_IN(TEXT, detection.site, CM_FIELD_PLACE)},
    {"camera", CM_IN(TEXT, detection.camera, CM_FIELD_CAMERA)},
    {"heading", CM_IN(REAL, detection.heading, CM_FIELD_HEADING)},
    {"make", CM_IN(TEXT, detection.make, CM_FIELD_VEHICLE)},
    {"model", CM_IN(TEXT, detection.model, CM_FIELD_VEHICLE)},
    {"colour", CM_IN(TEXT, detection.colour, CM_FIELD_VEHICLE)},
    {"body", CM_IN(TEXT, detection.body, CM_FIELD_VEHICLE)},
    {"year", CM_IN(YEAR, detection.year, CM_FIELD_VEHICLE)},
    {"vehicle_confidence", CM_IN(REAL, detection.vehicle_confidence, CM_FIELD_VEHICLE)},
    {"confidence", CM_IN(REAL, detection.confidence, CM_FIELD_CONFIDENCE)},
    {"candidates", CM_IN(CANDIDATES, detection.candidates, CM_FIELD_CONFIDENCE)},
    {"image_reference", CM_IN(TEXT, detection.image_reference, CM_FIELD_IMAGE)},
    {"image_sha256", CM_IN(DIGEST, detection.image_sha256, CM_FIELD_IMAGE)},
    {"expires_at", CM_AT(TIME, expires_at_ms)},
    {"case_hold", CM_AT(TEXT, case_hold)},
};

const char cm_column_list[] =
    "event_id, captured_at, plate, plate_read, state, present, latitude, longitude, site, camera, "
    "heading, make, model, colour, body, year, vehicle_confidence, confidence, candidates, "
    "image_reference, image_sha256, expires_at, case_hold";

static enum cm_status candidates_text(struct cm_bytes *out, const struct cm_detection *detection,
                                      struct cm_arena *arena)
{
    enum cm_status status = CM_MEMORY;
    char *text = NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < detection->candidate_count; i++) {
        const struct cm_candidate *candidate = &detection->candidates[i];
        if (json_array_append_new(list, json_pack("{s:s, s:f}", "plate", candidate->plate,
                                                  "confidence", candidate->confidence)) != 0) {
            goto out;
        }
    }
    text = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (text != NULL) {
        status = cm_arena_bytes(arena, out, cm_bytes_of(text));
    }
out:
    free(text);
    json_decref(list);
    return status;
}

static enum cm_status candidates_parse(struct cm_detection *detection, struct cm_bytes text,
                                       struct cm_arena *arena)
{
    enum cm_status status = CM_INTERNAL;
    json_t *list = json_loadb((const char *)text.data, text.len, 0, NULL);
    size_t count = json_array_size(list);
    struct cm_candidate *candidates = cm_arena_array(arena, count, sizeof *candidates);
    if (!json_is_array(list) || count > CM_MAX_CANDIDATES) {
        goto out;
    }
    if (candidates == NULL) {
        status = CM_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        const char *plate = NULL;
        if (json_unpack(json_array_get(list, i), "{s:s, s:F}", "plate", &plate, "confidence",
                        &candidates[i].confidence) != 0) {
            goto out;
        }
        candidates[i].plate = cm_arena_string(arena, cm_bytes_of(plate));
        if (candidates[i].plate == NULL) {
            status = CM_MEMORY;
            goto out;
        }
    }
    detection->candidates = candidates;
    detection->candidate_count = count;
    status = CM_OK;
out:
    json_decref(list);
    return status;
}

enum cm_status cm_column_get(struct cm_cell *out, const struct cm_stored *row, size_t column,
                             struct cm_arena *arena)
{
    const struct cm_column *c = &cm_columns[column];
    const void *at = (const char *)row + c->offset;
    *out = (struct cm_cell){.null = c->group != 0 && (row->detection.present & c->group) == 0};
    if (out->null) {
        return CM_OK;
    }
    switch (c->kind) {
    case CM_COLUMN_TEXT:
        out->bytes = cm_bytes_of(*(const char *const *)at);
        return CM_OK;
    case CM_COLUMN_TIME:
        out->whole = *(const int64_t *)at;
        out->null = out->whole == 0;
        return CM_OK;
    case CM_COLUMN_YEAR:
        out->whole = *(const uint32_t *)at;
        out->null = out->whole == 0;
        return CM_OK;
    case CM_COLUMN_FIELDS:
        out->whole = *(const cm_fields *)at & CM_FIELDS_ALL;
        return CM_OK;
    case CM_COLUMN_REAL:
        out->real = *(const double *)at;
        return CM_OK;
    case CM_COLUMN_DIGEST:
        out->bytes = cm_bytes_digest(at);
        out->null = cm_digest_is_zero(at);
        return CM_OK;
    case CM_COLUMN_CANDIDATES:
        out->null = row->detection.candidate_count == 0;
        return out->null ? CM_OK : candidates_text(&out->bytes, &row->detection, arena);
    case CM_COLUMN_NONE:
        break;
    }
    return CM_INTERNAL;
}

static enum cm_status set_text(const char **at, struct cm_bytes text, struct cm_arena *arena)
{
    const char *copy = text.len > 0 ? cm_arena_string(arena, text) : "";
    *at = copy;
    return copy != NULL ? CM_OK : CM_MEMORY;
}

enum cm_status cm_column_set(struct cm_stored *row, size_t column, const struct cm_cell *cell,
                             struct cm_arena *arena)
{
    const struct cm_column *c = &cm_columns[column];
    void *at = (char *)row + c->offset;
    switch (c->kind) {
    case CM_COLUMN_TEXT:
        return set_text(at, cell->null ? CM_BYTES_NONE : cell->bytes, arena);
    case CM_COLUMN_TIME:
        *(int64_t *)at = cell->null ? 0 : cell->whole;
        return CM_OK;
    case CM_COLUMN_YEAR:
        *(uint32_t *)at = cell->null ? 0 : (uint32_t)cell->whole;
        return CM_OK;
    case CM_COLUMN_FIELDS:
        *(cm_fields *)at = cell->null ? 0 : (cm_fields)(cell->whole & CM_FIELDS_ALL);
        return CM_OK;
    case CM_COLUMN_REAL:
        *(double *)at = cell->null ? 0 : cell->real;
        return CM_OK;
    case CM_COLUMN_DIGEST:
        memset(at, 0, CM_DIGEST_SIZE);
        if (!cell->null && cell->bytes.len != CM_DIGEST_SIZE) {
            return CM_INTERNAL;
        }
        if (!cell->null) {
            memcpy(at, cell->bytes.data, CM_DIGEST_SIZE);
        }
        return CM_OK;
    case CM_COLUMN_CANDIDATES:
        row->detection.candidate_count = 0;
        row->detection.candidates = NULL;
        return cell->null ? CM_OK : candidates_parse(&row->detection, cell->bytes, arena);
    case CM_COLUMN_NONE:
        break;
    }
    return CM_INTERNAL;
}

enum cm_status cm_columns_equal(bool *equal, const struct cm_stored *a, const struct cm_stored *b,
                                struct cm_arena *arena)
{
    *equal = true;
    for (size_t i = 0; i < CM_COLUMN_COUNT && *equal; i++) {
        struct cm_cell x, y;
        enum cm_status status = cm_column_get(&x, a, i, arena);
        if (status == CM_OK) {
            status = cm_column_get(&y, b, i, arena);
        }
        if (status != CM_OK) {
            return status;
        }
        // Reals are compared as bits would be, but for the two zeros.
        *equal = x.null == y.null && x.whole == y.whole && !(x.real < y.real) &&
                 !(x.real > y.real) && cm_bytes_equal(x.bytes, y.bytes);
    }
    return CM_OK;
}
