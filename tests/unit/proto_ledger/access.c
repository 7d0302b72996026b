#include "proto/ledger/access.h"

#include "proto/ledger/frame.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define NOON INT64_C(1795348800000) // 2026-11-22 12:00 UTC
enum { TODAY = 20779, ARENA = 32 * 1024 * 1024 };

static const char entry[] = "an entry's exact bytes";
static struct cm_day_keys *keys;
static struct cm_arena *arena;

static void begin(void)
{
    uint8_t key[CM_DAY_KEY_SIZE];
    cr_assert_eq(cm_day_keys_new(&keys), CM_OK);
    for (uint32_t day = TODAY; day < TODAY + 2; day++) {
        memset(key, (int)(day & 0xff), sizeof key);
        cr_assert_eq(cm_day_keys_add(keys, day, key), CM_OK);
    }
    arena = cm_arena_new(ARENA);
}

static void end(void)
{
    cm_day_keys_free(keys);
    cm_arena_free(arena);
}

TestSuite(access, .init = begin, .fini = end);

static struct cm_access said(const char *person, const char *text)
{
    return (struct cm_access){.person = person, .text = text};
}

static struct cm_buf sealed_as(const struct cm_access *access, int64_t at_ms)
{
    struct cm_buf out = {0};
    cr_assert_eq(cm_access_seal(&out, access, cm_bytes_of(entry), at_ms, keys), CM_OK);
    return out;
}

static struct cm_buf sealed(void)
{
    const struct cm_access access = said("auditor.vega", "asked by the council");
    return sealed_as(&access, NOON);
}

static enum cm_status opened(struct cm_bytes bytes, const char *beside, struct cm_error *error)
{
    struct cm_access out;
    return cm_access_open(&out, arena, bytes, cm_bytes_of(beside), keys, error);
}

Test(access, opens_as_it_was_sealed)
{
    struct cm_buf record = sealed();
    struct cm_access out;
    uint32_t day;
    cr_assert_eq(cm_access_open(&out, arena, cm_buf_bytes(&record), cm_bytes_of(entry), keys, NULL),
                 CM_OK);
    cr_expect_str_eq(out.person, "auditor.vega");
    cr_expect_str_eq(out.text, "asked by the council");
    cr_assert_eq(cm_access_day(&day, cm_buf_bytes(&record)), CM_OK);
    cr_expect_eq(day, TODAY);
    cr_expect_null(memmem(record.data, record.len, "council", 7));
    cm_buf_clear(&record);
}

Test(access, every_byte_counts)
{
    struct cm_buf record = sealed();
    for (size_t i = 0; i < record.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            record.data[i] = (uint8_t)(record.data[i] ^ 1u << bit);
            cr_expect_neq(opened(cm_buf_bytes(&record), entry, NULL), CM_OK, "byte %zu", i);
            record.data[i] = (uint8_t)(record.data[i] ^ 1u << bit);
        }
    }
    for (size_t len = 0; len < record.len; len++) {
        cr_expect_eq(opened((struct cm_bytes){record.data, len}, entry, NULL), CM_INVALID);
    }
    cm_buf_clear(&record);
}

Test(access, belongs_to_one_entry_and_one_day)
{
    struct cm_error error = {0};
    struct cm_buf record = sealed();
    cr_expect_eq(opened(cm_buf_bytes(&record), "another entry's bytes", &error), CM_INVALID);
    record.data[3]++; // tomorrow's key is there too
    cr_expect_eq(opened(cm_buf_bytes(&record), entry, &error), CM_INVALID);
    cm_buf_clear(&record);
}

Test(access, says_the_day_whose_key_is_gone)
{
    struct cm_error error = {0};
    struct cm_day_keys *none;
    struct cm_access out;
    struct cm_buf record = sealed();
    cr_assert_eq(cm_day_keys_new(&none), CM_OK);
    cr_expect_eq(
        cm_access_open(&out, arena, cm_buf_bytes(&record), cm_bytes_of(entry), none, &error),
        CM_NOT_FOUND);
    cr_expect_str_eq(error.text, "the key of 2026-11-22 is not here");
    cm_day_keys_set_erased(none, TODAY + 1);
    cr_expect_eq(
        cm_access_open(&out, arena, cm_buf_bytes(&record), cm_bytes_of(entry), none, &error),
        CM_NOT_FOUND);
    cr_expect(strstr(error.text, "the key of 2026-11-22 was erased"));
    cm_day_keys_free(none);
    cm_buf_clear(&record);
}

Test(access, without_a_key_nothing_is_sealed)
{
    struct cm_buf out = {0};
    const struct cm_access access = said("", "");
    cr_expect_eq(
        cm_access_seal(&out, &access, cm_bytes_of(entry), NOON + 2 * CM_DAY_LENGTH_MS, keys),
        CM_NOT_FOUND);
    cr_expect_eq(out.len, 0);
    cm_buf_clear(&out);
}

Test(access, two_of_the_same_differ)
{
    struct cm_buf a = sealed();
    struct cm_buf b = sealed();
    cr_expect_not(cm_bytes_equal(cm_buf_bytes(&a), cm_buf_bytes(&b)));
    cm_buf_clear(&a);
    cm_buf_clear(&b);
}

// A copy of a question that ten thousand agencies were asked.
Test(access, what_is_too_large_is_refused)
{
    static struct cm_bytes leaves[CM_MAX_DIRECTORY_AGENCIES];
    static const uint8_t leaf[CM_MAX_LEAF];
    static const uint8_t payload[CM_MAX_MANIFEST];
    struct cm_buf out = {0};
    struct cm_access access = said("", "");
    for (size_t i = 0; i < CM_MAX_DIRECTORY_AGENCIES; i++) {
        leaves[i] = (struct cm_bytes){leaf, sizeof leaf};
    }
    access.leaves = leaves;
    access.leaf_count = CM_MAX_DIRECTORY_AGENCIES;
    access.manifest = (struct cm_envelope){
        .family = CM_FAMILY_MANIFEST, .payload = {payload, sizeof payload}, .signature_count = 1};
    access.gateway_record = (struct cm_record){
        .entry = {payload, 1}, .checkpoint = {payload, 1}, .inclusion = {.index = 0, .size = 1}};
    cr_expect_neq(cm_access_seal(&out, &access, cm_bytes_of(entry), NOON, keys), CM_OK);
    cr_expect_eq(out.len, 0);
    access.leaf_count = 100;
    cr_assert_eq(cm_access_seal(&out, &access, cm_bytes_of(entry), NOON, keys), CM_OK);
    cr_expect_leq(out.len, CM_MAX_ACCESS);
    cm_buf_clear(&out);
}

static struct cm_access asked(uint8_t signer, const char *certificate)
{
    struct cm_access access = said("", "");
    access.question.family = CM_FAMILY_QUERY;
    access.question.signature_count = 1;
    access.question.signatures[0].keyid.b[0] = signer;
    access.question.signatures[0].chain_count = 1;
    access.question.signatures[0].chain[0] = cm_bytes_of(certificate);
    return access;
}

static bool leaves_out(struct cm_chain_places *places, uint8_t signer, const char *certificate,
                       int64_t at_ms, uint64_t *index)
{
    struct cm_access access = asked(signer, certificate);
    cm_chain_places_leave_out(places, &access, at_ms);
    cr_expect_eq(access.question.signatures[0].chain_count, access.chain_elsewhere ? 0 : 1);
    *index = access.chain_at;
    return access.chain_elsewhere;
}

Test(access, a_chain_is_written_once_a_key_and_day)
{
    uint64_t index;
    struct cm_chain_places *places = cm_chain_places_new(64);
    struct cm_access first = asked(1, "certificate");
    cr_expect_not(leaves_out(places, 1, "certificate", NOON, &index), "nothing is written yet");
    cm_chain_places_written(places, &first, NOON, 17);
    cr_expect(leaves_out(places, 1, "certificate", NOON + 1000, &index));
    cr_expect_eq(index, 17);
    cr_expect_not(leaves_out(places, 1, "renewed", NOON, &index), "the same key, certified anew");
    cr_expect_not(leaves_out(places, 2, "certificate", NOON, &index), "another key");
    cr_expect_not(leaves_out(places, 1, "certificate", NOON + CM_DAY_LENGTH_MS, &index),
                  "its day's key may be erased before this day's");
    first.chain_elsewhere = true;
    first.question.signatures[0].chain_count = 0;
    cm_chain_places_written(places, &first, NOON + CM_DAY_LENGTH_MS, 18);
    cr_expect_not(leaves_out(places, 1, "certificate", NOON + CM_DAY_LENGTH_MS, &index));
    cm_chain_places_free(places);
}

Test(access, the_table_of_chains_is_bounded_and_keeps_the_newest)
{
    uint64_t index;
    struct cm_chain_places *places = cm_chain_places_new(3);
    for (uint8_t signer = 1; signer <= 200; signer++) {
        const struct cm_access access = asked(signer, "certificate");
        cm_chain_places_written(places, &access, NOON, signer);
        cr_assert(leaves_out(places, signer, "certificate", NOON, &index));
        cr_assert_eq(index, signer);
    }
    cr_expect_not(leaves_out(places, 1, "certificate", NOON, &index));
    cm_chain_places_free(places);
    cr_expect_null(cm_chain_places_new(0));
}
