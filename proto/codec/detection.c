#include "proto/codec/detection.h"

#include "proto/codec/form.h"

#include "comity/v1/answer.pb-c.h"

#include <string.h>

enum { MAX_READ = 64, MAX_STATE = 16, MAX_CAMERA = 128, MAX_REFERENCE = 1024, TIME_SIZE = 8 };

static bool has(cm_fields set, enum cm_field field)
{
    return (set & 1u << field) != 0;
}

// NaN is in no range.
static void check_range(struct cm_form *form, const char *field, double value, double least,
                        double most)
{
    cm_form_require(form, value >= least && value <= most, field, "is out of range");
}

static void check_vehicle(struct cm_form *form, const struct cm_detection *d)
{
    cm_form_enter(form, "vehicle", CM_FORM_NO_INDEX);
    cm_form_text(form, "make", d->make, 0, CM_MAX_CASE);
    cm_form_text(form, "model", d->model, 0, CM_MAX_CASE);
    cm_form_text(form, "colour", d->colour, 0, CM_MAX_CASE);
    cm_form_text(form, "body", d->body, 0, CM_MAX_CASE);
    cm_form_between(form, "year", d->year, 0, 9999);
    check_range(form, "confidence", d->vehicle_confidence, 0, 1);
    cm_form_leave(form);
}

static void check_reading(struct cm_form *form, const struct cm_detection *d)
{
    cm_form_enter(form, "reading", CM_FORM_NO_INDEX);
    check_range(form, "confidence", d->confidence, 0, 1);
    cm_form_between(form, "candidates", d->candidate_count, 0, CM_MAX_CANDIDATES);
    for (size_t i = 0; cm_form_ok(form) && i < d->candidate_count; i++) {
        cm_form_enter(form, "candidates", i);
        cm_form_plate(form, "plate", d->candidates[i].plate, 1);
        check_range(form, "confidence", d->candidates[i].confidence, 0, 1);
        cm_form_leave(form);
    }
    cm_form_leave(form);
}

static void check_groups(struct cm_form *form, const struct cm_detection *d, cm_fields groups)
{
    if (has(groups, CM_FIELD_PLACE)) {
        check_range(form, "place.latitude", d->latitude, -90, 90);
        check_range(form, "place.longitude", d->longitude, -180, 180);
        cm_form_text(form, "place.site", d->site, 0, CM_MAX_NAME);
    }
    if (has(groups, CM_FIELD_CAMERA)) {
        cm_form_text(form, "camera.id", d->camera, 0, MAX_CAMERA);
    }
    if (has(groups, CM_FIELD_HEADING)) {
        cm_form_require(form, d->heading >= 0 && d->heading < 360, "heading.degrees",
                        "is out of range");
    }
    if (has(groups, CM_FIELD_VEHICLE)) {
        check_vehicle(form, d);
    }
    if (has(groups, CM_FIELD_CONFIDENCE)) {
        check_reading(form, d);
    }
    if (has(groups, CM_FIELD_IMAGE)) {
        cm_form_text(form, "image.reference", d->image_reference, 0, MAX_REFERENCE);
    }
}

static void check_row(struct cm_form *form, const struct cm_detection *d, cm_fields groups)
{
    cm_form_text(form, "event_id", d->event_id, 1, CM_MAX_EVENT_ID);
    cm_form_agency(form, "owner", d->owner);
    cm_form_time(form, "captured_at_ms", d->captured_at_ms);
    cm_form_text(form, "plate_read", d->plate_read, 0, MAX_READ);
    cm_form_plate(form, "plate", d->plate, 1);
    cm_form_text(form, "state", d->state, 0, MAX_STATE);
    check_groups(form, d, groups);
}

// Messages that a row's message points at.
struct row_parts {
    Comity__V1__Place place;
    Comity__V1__Camera camera;
    Comity__V1__Heading heading;
    Comity__V1__Vehicle vehicle;
    Comity__V1__Reading reading;
    Comity__V1__Image image;
    Comity__V1__PlateCandidate candidate[CM_MAX_CANDIDATES];
    Comity__V1__PlateCandidate *candidates[CM_MAX_CANDIDATES];
};

static Comity__V1__Place *out_place(Comity__V1__Place *out, const struct cm_detection *d)
{
    comity__v1__place__init(out);
    out->latitude = d->latitude;
    out->longitude = d->longitude;
    out->site = cm_form_out_text(d->site);
    return out;
}

static Comity__V1__Vehicle *out_vehicle(Comity__V1__Vehicle *out, const struct cm_detection *d)
{
    comity__v1__vehicle__init(out);
    out->make = cm_form_out_text(d->make);
    out->model = cm_form_out_text(d->model);
    out->colour = cm_form_out_text(d->colour);
    out->body = cm_form_out_text(d->body);
    out->year = d->year;
    out->confidence = d->vehicle_confidence;
    return out;
}

static Comity__V1__Reading *out_reading(struct row_parts *parts, const struct cm_detection *d)
{
    Comity__V1__Reading *out = &parts->reading;

    comity__v1__reading__init(out);
    out->confidence = d->confidence;
    out->n_candidates = d->candidate_count;
    out->candidates = parts->candidates;
    for (size_t i = 0; i < d->candidate_count; i++) {
        comity__v1__plate_candidate__init(&parts->candidate[i]);
        parts->candidate[i].plate = cm_form_out_text(d->candidates[i].plate);
        parts->candidate[i].confidence = d->candidates[i].confidence;
        parts->candidates[i] = &parts->candidate[i];
    }
    return out;
}

static void out_groups(Comity__V1__Detection *out, struct row_parts *parts,
                       const struct cm_detection *d, cm_fields groups)
{
    if (has(groups, CM_FIELD_PLACE)) {
        out->place = out_place(&parts->place, d);
    }
    if (has(groups, CM_FIELD_CAMERA)) {
        comity__v1__camera__init(&parts->camera);
        parts->camera.id = cm_form_out_text(d->camera);
        out->camera = &parts->camera;
    }
    if (has(groups, CM_FIELD_HEADING)) {
        comity__v1__heading__init(&parts->heading);
        parts->heading.degrees = d->heading;
        out->heading = &parts->heading;
    }
    if (has(groups, CM_FIELD_VEHICLE)) {
        out->vehicle = out_vehicle(&parts->vehicle, d);
    }
    if (has(groups, CM_FIELD_CONFIDENCE)) {
        out->reading = out_reading(parts, d);
    }
    if (has(groups, CM_FIELD_IMAGE)) {
        comity__v1__image__init(&parts->image);
        parts->image.reference = cm_form_out_text(d->image_reference);
        parts->image.sha256 = cm_form_out_digest_or_none(&d->image_sha256);
        out->image = &parts->image;
    }
}

enum cm_status cm_row_encode(struct cm_buf *out, const struct cm_detection *detection,
                             cm_fields visible)
{
    struct cm_form form = {0};
    struct row_parts parts;
    Comity__V1__Detection message = COMITY__V1__DETECTION__INIT;
    cm_fields groups = detection->present & visible & CM_FIELDS_ALL;

    check_row(&form, detection, groups);
    if (!cm_form_ok(&form)) {
        return form.status;
    }
    message.event_id = cm_form_out_text(detection->event_id);
    message.owner = cm_form_out_text(detection->owner);
    message.captured_at_ms = detection->captured_at_ms;
    message.plate_read = cm_form_out_text(detection->plate_read);
    message.plate = cm_form_out_text(detection->plate);
    message.state = cm_form_out_text(detection->state);
    out_groups(&message, &parts, detection, groups);
    return cm_form_pack(out, &message.base, CM_MAX_ROW);
}

static void take_vehicle(struct cm_detection *out, const Comity__V1__Vehicle *in)
{
    out->present |= 1u << CM_FIELD_VEHICLE;
    out->make = in->make;
    out->model = in->model;
    out->colour = in->colour;
    out->body = in->body;
    out->year = in->year;
    out->vehicle_confidence = in->confidence;
}

static void take_reading(struct cm_form *form, struct cm_detection *out,
                         const Comity__V1__Reading *in)
{
    struct cm_candidate *candidates = cm_form_array(form, in->n_candidates, sizeof *candidates);

    out->present |= 1u << CM_FIELD_CONFIDENCE;
    out->confidence = in->confidence;
    out->candidate_count = in->n_candidates;
    out->candidates = candidates;
    for (size_t i = 0; candidates && i < in->n_candidates; i++) {
        candidates[i] =
            (struct cm_candidate){in->candidates[i]->plate, in->candidates[i]->confidence};
    }
}

static void take_groups(struct cm_form *form, struct cm_detection *out,
                        const Comity__V1__Detection *in)
{
    if (in->place) {
        out->present |= 1u << CM_FIELD_PLACE;
        out->latitude = in->place->latitude;
        out->longitude = in->place->longitude;
        out->site = in->place->site;
    }
    if (in->camera) {
        out->present |= 1u << CM_FIELD_CAMERA;
        out->camera = in->camera->id;
    }
    if (in->heading) {
        out->present |= 1u << CM_FIELD_HEADING;
        out->heading = in->heading->degrees;
    }
    if (in->vehicle) {
        take_vehicle(out, in->vehicle);
    }
    if (in->reading) {
        take_reading(form, out, in->reading);
    }
    if (in->image) {
        out->present |= 1u << CM_FIELD_IMAGE;
        out->image_reference = in->image->reference;
        cm_form_digest_or_none(form, "image.sha256", &out->image_sha256, &in->image->sha256);
    }
}

enum cm_status cm_row_decode(struct cm_detection *out, struct cm_arena *arena, struct cm_bytes row,
                             struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__Detection *in =
        cm_form_unpack(&form, &comity__v1__detection__descriptor, "row", row, CM_MAX_ROW);

    *out = (struct cm_detection){
        .site = "",
        .camera = "",
        .make = "",
        .model = "",
        .colour = "",
        .body = "",
        .image_reference = "",
    };
    if (!in) {
        return form.status;
    }
    out->event_id = in->event_id;
    out->owner = in->owner;
    out->captured_at_ms = in->captured_at_ms;
    out->plate_read = in->plate_read;
    out->plate = in->plate;
    out->state = in->state;
    take_groups(&form, out, in);
    if (cm_form_ok(&form)) {
        check_row(&form, out, out->present);
    }
    return form.status;
}

enum cm_status cm_row_key(struct cm_buf *out, int64_t captured_at_ms, const char *agency,
                          const char *event_id)
{
    uint8_t key[CM_MAX_KEY];
    size_t agency_len = strnlen(agency, CM_MAX_ID + 1);
    size_t event_len = strnlen(event_id, CM_MAX_EVENT_ID + 1);
    uint64_t time = UINT64_MAX - (uint64_t)captured_at_ms;

    if (captured_at_ms < 0 || captured_at_ms > CM_MAX_TIME_MS || agency_len == 0 ||
        agency_len > CM_MAX_ID || event_len == 0 || event_len > CM_MAX_EVENT_ID) {
        return CM_INVALID;
    }
    for (size_t i = 0; i < TIME_SIZE; i++) {
        key[i] = (uint8_t)(time >> (8 * (TIME_SIZE - 1 - i)));
    }
    memcpy(key + TIME_SIZE, agency, agency_len);
    key[TIME_SIZE + agency_len] = 0;
    memcpy(key + TIME_SIZE + agency_len + 1, event_id, event_len);
    return cm_buf_add(out, key, TIME_SIZE + agency_len + 1 + event_len);
}

enum cm_status cm_row_key_parse(struct cm_bytes key, int64_t *captured_at_ms,
                                struct cm_bytes *agency, struct cm_bytes *event_id)
{
    uint64_t time = 0;
    const uint8_t *zero;

    if (key.len <= TIME_SIZE || key.len > CM_MAX_KEY) {
        return CM_INVALID;
    }
    for (size_t i = 0; i < TIME_SIZE; i++) {
        time = time << 8 | key.data[i];
    }
    time = UINT64_MAX - time;
    zero = memchr(key.data + TIME_SIZE, 0, key.len - TIME_SIZE);
    if (time > (uint64_t)CM_MAX_TIME_MS || !zero) {
        return CM_INVALID;
    }
    *captured_at_ms = (int64_t)time;
    *agency = (struct cm_bytes){key.data + TIME_SIZE, (size_t)(zero - key.data) - TIME_SIZE};
    *event_id = (struct cm_bytes){zero + 1, (size_t)(key.data + key.len - zero) - 1};
    if (agency->len == 0 || agency->len > CM_MAX_ID || event_id->len == 0 ||
        event_id->len > CM_MAX_EVENT_ID || !cm_utf8_valid(*event_id)) {
        return CM_INVALID;
    }
    return CM_OK;
}

void cm_row_leaf(struct cm_digest *out, struct cm_bytes key, struct cm_bytes row)
{
    const uint8_t head[] = {0, (uint8_t)(key.len >> 8), (uint8_t)key.len};
    const struct cm_bytes parts[] = {{head, sizeof head}, key, row};

    cm_sha256(out, parts, 3);
}

enum cm_status cm_row_open(struct cm_detection *out, struct cm_arena *arena, struct cm_bytes key,
                           struct cm_bytes row, struct cm_error *error)
{
    uint8_t want[CM_MAX_KEY];
    struct cm_buf buf = {.data = want, .cap = sizeof want, .max = sizeof want};
    enum cm_status status = cm_row_decode(out, arena, row, error);

    if (status != CM_OK) {
        return status;
    }
    status = cm_row_key(&buf, out->captured_at_ms, out->owner, out->event_id);
    if (status != CM_OK || !cm_bytes_equal(cm_buf_bytes(&buf), key)) {
        return cm_fail(error, CM_INVALID, "key", "does not belong to its row");
    }
    return CM_OK;
}
