#include "gateway/client/printer.h"

#include "gateway/client/manifest_json.h"
#include "proto/base/plain.h"
#include "proto/base/when.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

enum { DETAILS = 160, BEFORE_DETAILS = 61 };

enum cm_status cm_format_of(enum cm_format *out, const char *name)
{
    static const char *const names[] = {"table", "json", "csv", "geojson"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum cm_format)i;
            return CM_OK;
        }
    }
    return CM_INVALID;
}

static void add_detail(char *line, const char *text)
{
    char plain[DETAILS];
    size_t len = strlen(line);
    if (text[0] != '\0') {
        cm_plain(plain, sizeof plain, text);
        snprintf(line + len, DETAILS - len, "%s%s", len > 0 ? ", " : "", plain);
    }
}

static void print_table_row(const struct cm_printer *printer, const struct cm_detection *row)
{
    char when[CM_WHEN_SIZE];
    char plate[2 * CM_MAX_PLATE];
    char line[DETAILS] = "";
    char number[64];
    if (row->present & 1u << CM_FIELD_PLACE) {
        snprintf(number, sizeof number, "%.5f %.5f", row->latitude, row->longitude);
        add_detail(line, row->site[0] != '\0' ? row->site : number);
    }
    if (row->present & 1u << CM_FIELD_CAMERA) {
        add_detail(line, row->camera);
    }
    if (row->present & 1u << CM_FIELD_HEADING) {
        static const char *const winds[] = {"N", "NE", "E", "SE", "S", "SW", "W", "NW"};
        snprintf(number, sizeof number, "to %s", winds[(size_t)((row->heading + 22.5) / 45.0) % 8]);
        add_detail(line, number);
    }
    if (row->present & 1u << CM_FIELD_VEHICLE) {
        snprintf(number, sizeof number, "%.20s %.20s %.20s", row->colour, row->make, row->model);
        add_detail(line, number);
    }
    if (row->present & 1u << CM_FIELD_CONFIDENCE) {
        snprintf(number, sizeof number, "%.0f%%", row->confidence * 100);
        add_detail(line, number);
    }
    // What doesn't fit beside goes below, as a whole.
    bool below = printer->width > 0 && BEFORE_DETAILS + strlen(line) > printer->width;
    fprintf(printer->out, "%-25s  %-8s %-2s  %-20s%s%s\n", cm_when_local(when, row->captured_at_ms),
            cm_plain(plate, sizeof plate, row->plate_read), row->state, row->owner,
            below ? "\n    " : " ", line);
}

static void add(json_t *object, const char *name, json_t *value)
{
    // A string that isn't UTF-8 gives NULL: left out rather than printed.
    if (value != NULL) {
        json_object_set_new(object, name, value);
    }
}

static void add_text(json_t *object, const char *name, const char *text)
{
    if (text[0] != '\0') {
        add(object, name, json_string(text));
    }
}

static void add_vehicle(json_t *object, const struct cm_detection *row)
{
    json_t *vehicle = json_object();
    add_text(vehicle, "make", row->make);
    add_text(vehicle, "model", row->model);
    add_text(vehicle, "colour", row->colour);
    add_text(vehicle, "body", row->body);
    if (row->year != 0) {
        add(vehicle, "year", json_integer(row->year));
    }
    add(vehicle, "confidence", json_real(row->vehicle_confidence));
    add(object, "vehicle", vehicle);
}

static void add_reading(json_t *object, const struct cm_detection *row)
{
    json_t *list = json_array();
    for (size_t i = 0; i < row->candidate_count; i++) {
        json_t *one = json_object();
        add(one, "plate", json_string(row->candidates[i].plate));
        add(one, "confidence", json_real(row->candidates[i].confidence));
        json_array_append_new(list, one);
    }
    add(object, "confidence", json_real(row->confidence));
    add(object, "candidates", list);
}

// with_place: GeoJSON has its coordinates elsewhere.
static json_t *row_object(const struct cm_detection *row, bool with_place)
{
    char when[CM_WHEN_SIZE];
    json_t *object = json_object();
    add(object, "event_id", json_string(row->event_id));
    add(object, "agency", json_string(row->owner));
    add(object, "captured_at", json_string(cm_when_utc(when, row->captured_at_ms)));
    add(object, "plate_read", json_string(row->plate_read));
    add(object, "plate", json_string(row->plate));
    add_text(object, "state", row->state);
    if (row->present & 1u << CM_FIELD_PLACE) {
        if (with_place) {
            add(object, "latitude", json_real(row->latitude));
            add(object, "longitude", json_real(row->longitude));
        }
        add_text(object, "site", row->site);
    }
    if (row->present & 1u << CM_FIELD_CAMERA) {
        add_text(object, "camera", row->camera);
    }
    if (row->present & 1u << CM_FIELD_HEADING) {
        add(object, "heading", json_real(row->heading));
    }
    if (row->present & 1u << CM_FIELD_VEHICLE) {
        add_vehicle(object, row);
    }
    if (row->present & 1u << CM_FIELD_CONFIDENCE) {
        add_reading(object, row);
    }
    if (row->present & 1u << CM_FIELD_IMAGE) {
        char hex[2 * CM_DIGEST_SIZE + 1];
        cm_hex(hex, cm_bytes_digest(&row->image_sha256));
        add_text(object, "image", row->image_reference);
        add(object, "image_sha256", json_string(hex));
    }
    return object;
}

static void print_json(FILE *out, json_t *object)
{
    json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(object);
}

// An object a line; in a batch its first member is the query's number.
static void print_line(const struct cm_printer *printer, json_t *object)
{
    if (printer->batch) {
        json_t *numbered = json_pack("{s:I}", "query", (json_int_t)printer->query);
        json_object_update(numbered, object);
        json_decref(object);
        object = numbered;
    }
    print_json(printer->out, object);
    fputc('\n', printer->out);
}

static void print_geojson_row(struct cm_printer *printer, const struct cm_detection *row)
{
    json_t *feature = json_object();
    add(feature, "type", json_string("Feature"));
    if (row->present & 1u << CM_FIELD_PLACE) {
        add(feature, "geometry",
            json_pack("{s:s, s:[f, f]}", "type", "Point", "coordinates", row->longitude,
                      row->latitude));
    } else {
        add(feature, "geometry", json_null());
    }
    add(feature, "properties", row_object(row, false));
    fputs(printer->rows > 0 ? ",\n" : "\n", printer->out);
    print_json(printer->out, feature);
}

// RFC 4180. A cell that a spreadsheet would run as a formula gets an apostrophe before it.
static void print_cell(FILE *out, const char *text, bool last)
{
    bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    bool quote = formula || strpbrk(text, "\",\r\n") != NULL;
    if (quote) {
        fputc('"', out);
    }
    if (formula) {
        fputc('\'', out);
    }
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    if (quote) {
        fputc('"', out);
    }
    fputs(last ? "\r\n" : ",", out);
}

static void print_number(FILE *out, bool there, const char *format, double number)
{
    if (there) {
        fprintf(out, format, number);
    }
    fputc(',', out);
}

static void print_csv_row(FILE *out, const struct cm_detection *row)
{
    char when[CM_WHEN_SIZE];
    bool place = (row->present & 1u << CM_FIELD_PLACE) != 0;
    print_cell(out, row->event_id, false);
    print_cell(out, row->owner, false);
    print_cell(out, cm_when_utc(when, row->captured_at_ms), false);
    print_cell(out, row->plate_read, false);
    print_cell(out, row->plate, false);
    print_cell(out, row->state, false);
    print_number(out, place, "%.6f", row->latitude);
    print_number(out, place, "%.6f", row->longitude);
    print_cell(out, row->site, false);
    print_cell(out, row->camera, false);
    print_number(out, row->present & 1u << CM_FIELD_HEADING, "%.1f", row->heading);
    print_cell(out, row->make, false);
    print_cell(out, row->model, false);
    print_cell(out, row->colour, false);
    print_cell(out, row->body, false);
    print_number(out, row->year != 0, "%.0f", row->year);
    print_number(out, row->present & 1u << CM_FIELD_CONFIDENCE, "%.4f", row->confidence);
    print_cell(out, row->image_reference, true);
}

void cm_printer_start(struct cm_printer *printer)
{
    if (printer->format == CM_FORMAT_CSV) {
        fputs(printer->batch ? "query," : "", printer->out);
        fputs("event_id,agency,captured_at,plate_read,plate,state,latitude,longitude,site,camera,"
              "heading,make,model,colour,body,year,confidence,image\r\n",
              printer->out);
    } else if (printer->format == CM_FORMAT_GEOJSON) {
        fputs("{\"type\":\"FeatureCollection\",\"features\":[", printer->out);
    }
}

void cm_printer_row(struct cm_printer *printer, const struct cm_detection *row)
{
    switch (printer->format) {
    case CM_FORMAT_TABLE:
        if (printer->rows == 0) {
            fprintf(printer->out, "%-25s  %-8s %-2s  %-20s %s\n", "TIME", "PLATE", "ST", "AGENCY",
                    "DETAILS");
        }
        print_table_row(printer, row);
        break;
    case CM_FORMAT_JSON:
        print_line(printer, row_object(row, true));
        break;
    case CM_FORMAT_CSV:
        if (printer->batch) {
            fprintf(printer->out, "%u,", printer->query);
        }
        print_csv_row(printer->out, row);
        break;
    case CM_FORMAT_GEOJSON:
        print_geojson_row(printer, row);
        break;
    }
    printer->rows++;
}

enum cm_status cm_printer_end(struct cm_printer *printer, const struct cm_manifest *manifest,
                              size_t unaccounted)
{
    if (printer->format == CM_FORMAT_GEOJSON) {
        fputs("\n]", printer->out);
        if (unaccounted > 0) {
            fprintf(printer->out, ",\"unaccounted\":%zu", unaccounted);
        }
        if (manifest != NULL) {
            fputs(",\"manifest\":", printer->out);
            print_json(printer->out, cm_manifest_json(manifest));
        }
        fputs("}\n", printer->out);
    }
    if (printer->format == CM_FORMAT_JSON && unaccounted > 0) {
        print_line(printer, json_pack("{s:I}", "unaccounted", (json_int_t)unaccounted));
    }
    if (printer->format == CM_FORMAT_JSON && manifest != NULL) {
        print_line(printer, json_pack("{s:o}", "manifest", cm_manifest_json(manifest)));
    }
    return fflush(printer->out) == 0 && !ferror(printer->out) ? CM_OK : CM_IO;
}

void cm_printer_query(struct cm_printer *printer, unsigned line, const char *plate,
                      const char *state)
{
    printer->query++;
    printer->rows = 0;
    if (printer->format == CM_FORMAT_TABLE) {
        fprintf(printer->out, "%s%u. %s%s%s, line %u\n", printer->query > 1 ? "\n" : "",
                printer->query, plate, state[0] != '\0' ? " " : "", state, line);
    } else if (printer->format == CM_FORMAT_JSON) {
        print_line(printer, json_pack("{s:{s:I, s:s, s:s}}", "asked", "line", (json_int_t)line,
                                      "plate", plate, "state", state));
    }
    fflush(printer->out);
}

enum cm_status cm_printer_query_end(struct cm_printer *printer, int exit_code)
{
    if (printer->format == CM_FORMAT_JSON) {
        print_line(printer, json_pack("{s:i}", "exit", exit_code));
    }
    return fflush(printer->out) == 0 && !ferror(printer->out) ? CM_OK : CM_IO;
}
