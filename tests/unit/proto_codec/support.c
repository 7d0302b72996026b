#include "support.h"

#include "proto/base/file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void path_of(char *out, size_t size, const char *name)
{
    snprintf(out, size, CM_SOURCE "/tests/unit/proto_codec/golden/%s.hex", name);
}

struct cm_buf codec_golden(const char *name)
{
    struct cm_buf text = {0};
    struct cm_buf out = {0};
    char path[512];
    uint8_t *at;

    path_of(path, sizeof path, name);
    cr_assert_eq(cm_file_read(&text, path, 1 << 20, NULL), CM_OK, "%s can't be read", path);
    cr_assert_eq(cm_buf_add(&text, "", 1), CM_OK);
    text.data[strcspn((char *)text.data, "\n")] = '\0';
    out.len = strlen((char *)text.data) / 2;
    cr_assert_eq(cm_buf_reserve(&out, out.len, &at), CM_OK);
    cr_assert_eq(cm_unhex(out.data, out.len, (char *)text.data), CM_OK);
    cm_buf_clear(&text);
    return out;
}

// For a form that has no golden file yet: run once with CM_GOLDEN_WRITE set.
static void write_golden(const char *name, struct cm_bytes bytes)
{
    char *hex = malloc(2 * bytes.len + 2);
    char path[512];

    cr_assert_not_null(hex);
    cm_hex(hex, bytes);
    hex[2 * bytes.len] = '\n';
    path_of(path, sizeof path, name);
    cr_assert_eq(
        cm_file_create(path, (struct cm_bytes){(uint8_t *)hex, 2 * bytes.len + 1}, 0644, NULL),
        CM_OK, "%s is there already", path);
    free(hex);
}

static void compare_golden(const char *name, struct cm_bytes bytes)
{
    struct cm_buf golden;

    if (getenv("CM_GOLDEN_WRITE")) {
        write_golden(name, bytes);
    }
    golden = codec_golden(name);
    cr_assert(cm_bytes_equal(cm_buf_bytes(&golden), bytes), "other bytes than %s.hex", name);
    cm_buf_clear(&golden);
}

// What the values of these tests hold and no error may repeat (I8).
static void says_nothing_secret(const struct cm_error *error)
{
    static const char *const secrets[] = {"8ABC",   "leaving", "26-1234", "vega",
                                          "okafor", "SW-2026", "Pier",    "cam-07"};
    char all[sizeof *error];

    cm_error_format(all, sizeof all, error);
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        cr_assert_null(strstr(all, secrets[i]), "%s", all);
    }
}

// Whatever is accepted must come out as it went in. input is on the heap so that ASan sees reads
// past its end.
static void must_refuse_or_keep(codec_again *again, struct cm_bytes in, size_t cap)
{
    uint8_t *copy = malloc(in.len + 1);
    struct cm_arena *arena = cm_arena_new(cap);
    struct cm_buf out = {0};
    struct cm_error error = {0};
    enum cm_status status;

    cr_assert(copy && arena);
    copy = realloc(copy, in.len ? in.len : 1);
    memcpy(copy, in.data, in.len);
    status = again(&out, arena, (struct cm_bytes){copy, in.len}, &error);
    if (status == CM_OK) {
        cr_assert(cm_bytes_equal(cm_buf_bytes(&out), in), "accepted, but came out otherwise");
    } else {
        cr_assert(error.where[0] != '\0' && error.text[0] != '\0', "refused without where or why");
    }
    says_nothing_secret(&error);
    cm_buf_clear(&out);
    cm_arena_free(arena);
    free(copy);
}

static void expect_kept(codec_again *again, struct cm_bytes bytes)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_buf out = {0};
    struct cm_error error = {0};
    enum cm_status status = again(&out, arena, bytes, &error);

    cr_assert_eq(status, CM_OK, "%s: %s", error.where, error.text);
    cr_assert(cm_bytes_equal(cm_buf_bytes(&out), bytes));
    cm_buf_clear(&out);
    cm_arena_free(arena);
}

void codec_expect(const char *name, struct cm_bytes bytes, codec_again *again)
{
    uint8_t *bent = malloc(bytes.len);

    compare_golden(name, bytes);
    expect_kept(again, bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        must_refuse_or_keep(again, (struct cm_bytes){bytes.data, len}, CODEC_ARENA);
    }
    cr_assert_not_null(bent);
    for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
        memcpy(bent, bytes.data, bytes.len);
        bent[bit / 8] ^= (uint8_t)(1u << bit % 8);
        must_refuse_or_keep(again, (struct cm_bytes){bent, bytes.len}, CODEC_ARENA);
    }
    for (size_t cap = 0; cap < 64 * 1024; cap += 16 + cap / 16) {
        must_refuse_or_keep(again, bytes, cap);
    }
    free(bent);
}

void codec_refuses(codec_again *again, struct cm_bytes in, enum cm_status status, const char *where)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_buf out = {0};
    struct cm_error error = {0};

    cr_expect_eq(again(&out, arena, in, &error), status, "%s", where);
    cr_expect_str_eq(error.where, where, "%s: %s", error.where, error.text);
    says_nothing_secret(&error);
    cm_buf_clear(&out);
    cm_arena_free(arena);
}

void codec_fill(void *out, size_t len, uint8_t first)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)out)[i] = (uint8_t)(first + i);
    }
}

struct cm_digest codec_digest(uint8_t first)
{
    struct cm_digest out;

    codec_fill(out.b, sizeof out.b, first);
    return out;
}

void codec_envelope(struct cm_envelope *out, enum cm_family family)
{
    static const uint8_t payload[] = "payload";
    static const uint8_t leaf[] = {0x30, 1};
    static const uint8_t ca[] = {0x30, 2, 3};

    *out = (struct cm_envelope){
        .family = family,
        .payload = {payload, sizeof payload - 1},
        .signature_count = 1,
    };
    out->signatures[0].keyid = codec_digest(0x40);
    codec_fill(out->signatures[0].sig, CM_SIGNATURE_SIZE, 0x80);
    out->signatures[0].chain_count = 2;
    out->signatures[0].chain[0] = (struct cm_bytes){leaf, sizeof leaf};
    out->signatures[0].chain[1] = (struct cm_bytes){ca, sizeof ca};
}

struct cm_query codec_reach(void)
{
    static const char *const agencies[] = {"ca.milltown.pd", "ca.southgate.pd"};
    struct cm_query query = {
        .issued_ms = 1767225600000,
        .expires_ms = 1767225660000,
        .federation = "west.example",
        .gateway = "gw-1",
        .agency_count = 2,
        .agencies = agencies,
        .signer = "spiffe://west.example/ca.northport.pd/investigator/r.vega",
        .key_hash = codec_digest(0x20),
        .action = CM_ACTION_LOOKUP,
        .plate = {.plate = NULL, .state = ""},
        .window = {1764633600000, 1767225600000},
        .fields = 1u << CM_FIELD_PLACE | 1u << CM_FIELD_IMAGE,
        .purpose = "homicide",
        .case_number = "26-1234",
        .reason = "",
        .on_behalf_of = "us.customs",
        .court_order = "",
        .evidence_kinds = 1u << CM_EVIDENCE_CASE | 1u << CM_EVIDENCE_COURT_ORDER,
        .deadline_ms = 10000,
    };

    codec_fill(query.query_id, sizeof query.query_id, 1);
    return query;
}

struct cm_query codec_query(void)
{
    struct cm_query query = codec_reach();

    codec_fill(query.blind, sizeof query.blind, 0x60);
    query.plate = (struct cm_plate_selector){"8ABC123", "CA"};
    query.reason = "Vehicle seen leaving the scene on Pier Road";
    codec_envelope(&query.approval, CM_FAMILY_APPROVAL);
    query.court_order = "SW-2026-77";
    query.attested = true;
    query.attestation = codec_digest(0xa0);
    query.evidence_kinds = 0x1e;
    query.limit = CM_DEFAULT_LIMIT;
    query.order = CM_ORDER_TIME_DESCENDING;
    return query;
}

struct cm_detection codec_detection(void)
{
    static const struct cm_candidate candidates[] = {{"8ABC123", 0.9}, {"BABC123", 0.25}};

    return (struct cm_detection){
        .event_id = "evt-0001",
        .owner = "ca.milltown.pd",
        .captured_at_ms = 1767225599123,
        .plate_read = "8ABC-123",
        .plate = "8ABC123",
        .state = "CA",
        .present = CM_FIELDS_ALL,
        .latitude = 37.5,
        .longitude = -122.25,
        .site = "Pier Road",
        .camera = "cam-07",
        .heading = 271.5,
        .make = "Toyota",
        .model = "Corolla",
        .colour = "blue",
        .body = "sedan",
        .year = 2019,
        .vehicle_confidence = 0.75,
        .confidence = 0.9,
        .candidate_count = 2,
        .candidates = candidates,
        .image_reference = "img/0001.jpg",
        .image_sha256 = codec_digest(0xc0),
    };
}

struct cm_inclusion codec_inclusion(void)
{
    static struct cm_digest hashes[3];

    for (size_t i = 0; i < 3; i++) {
        hashes[i] = codec_digest((uint8_t)(0x11 * (i + 1)));
    }
    return (struct cm_inclusion){5, 8, 3, hashes};
}

struct cm_record codec_record(void)
{
    return (struct cm_record){cm_bytes_of("an entry"), cm_bytes_of("a checkpoint"),
                              codec_inclusion()};
}

// RFC 6962 by its definition, recursively: what the batch's own root is compared with.
static struct cm_digest root_of(const struct cm_digest *leaves, size_t count)
{
    struct cm_digest sides[2];
    struct cm_digest out;
    size_t split = 1;

    if (count == 1) {
        return leaves[0];
    }
    while (2 * split < count) {
        split *= 2;
    }
    sides[0] = root_of(leaves, split);
    sides[1] = root_of(leaves + split, count - split);
    const struct cm_bytes parts[] = {
        {(const uint8_t *)"\1", 1}, cm_bytes_digest(&sides[0]), cm_bytes_digest(&sides[1])};
    cm_sha256(&out, parts, 3);
    return out;
}

void codec_batch(struct cm_batch *batch, struct cm_header *header, size_t count)
{
    static struct cm_row rows[CM_MAX_BATCH_ROWS];
    static struct cm_digest leaves[CM_MAX_BATCH_ROWS];
    static struct cm_buf bytes[2][CM_MAX_BATCH_ROWS];
    struct cm_detection detection = codec_detection();

    for (size_t i = 0; i < count; i++) {
        detection.captured_at_ms -= 1000;
        bytes[0][i].len = bytes[1][i].len = 0;
        cr_assert_eq(
            cm_row_key(&bytes[0][i], detection.captured_at_ms, detection.owner, detection.event_id),
            CM_OK);
        cr_assert_eq(cm_row_encode(&bytes[1][i], &detection, 0), CM_OK);
        rows[i] = (struct cm_row){cm_buf_bytes(&bytes[0][i]), cm_buf_bytes(&bytes[1][i])};
        cm_row_leaf(&leaves[i], rows[i].key, rows[i].row);
    }
    *batch = (struct cm_batch){.row_count = count, .rows = rows};
    codec_envelope(&batch->header, CM_FAMILY_HEADER);
    *header = (struct cm_header){
        .query_digest = codec_digest(1),
        .agency = "ca.milltown.pd",
        .attempt = 1,
        .key_hash = codec_digest(2),
        .rules_digest = codec_digest(3),
        .count = (uint32_t)count,
        .first_key = rows[0].key,
        .last_key = rows[count - 1].key,
        .root = root_of(leaves, count),
        .visible_from_ms = 1764633600000,
        .fields_withheld = 1u << CM_FIELD_IMAGE,
        .rows_withheld = true,
    };
}
