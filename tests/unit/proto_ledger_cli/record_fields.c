#include "proto/ledger/cli/record_fields.h"

#include "made.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct pki *pki;
static struct made made;

static void begin(void)
{
    pki = made_federation();
    made_open(&made, pki, NORTHPORT);
}

static void end(void)
{
    made_close(&made);
    pki_free(pki);
}

TestSuite(record_fields, .init = begin, .fini = end);

static const struct cm_record_field *find(const struct cm_record_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (strcmp(fields->list[i].name, name) == 0) {
            return &fields->list[i];
        }
    }
    return NULL;
}

Test(record_fields, each_kind_shows_its_own)
{
    static const struct {
        struct cm_entry entry;
        const char *fields; // in their order
    } kinds[] = {
        {{.kind = CM_ENTRY_START, .text = "1", .digest.b = {1}}, "version configuration"},
        {{.kind = CM_ENTRY_STOP, .text = "SIGTERM", .digest.b = {1}}, "why"},
        {{.kind = CM_ENTRY_CLOCK, .before_ms = -5}, "step_ms"},
        {{.kind = CM_ENTRY_INGEST}, "accepted duplicates rejected"},
        {{.kind = CM_ENTRY_DELETION}, "rows before"},
        {{.kind = CM_ENTRY_SHARING, .agency = "all", .digest.b = {1}},
         "partner shared overlay_revision overlay"},
        {{.kind = CM_ENTRY_REFUSED, .refusal = CM_STALE, .text = "expires", .digest.b = {1}},
         "refusal field query"},
        {{.kind = CM_ENTRY_WITNESS,
          .text = "valley.test/gateway/gw-1",
          .finding = CM_WITNESS_FORK,
          .old_root.b = {1},
          .new_root.b = {2}},
         "origin finding seen_size seen_root size root"},
        {{.kind = CM_ENTRY_RELEASE,
          .release = CM_RELEASE_LATE,
          .digest.b = {1},
          .last_digest.b = {1},
          .recipient.b = {1}},
         "outcome attempt rows query last_header recipient"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct cm_record_fields fields;
        char names[512] = "";
        cm_record_entry_fields(&fields, &kinds[i].entry);
        for (size_t j = 0; j < fields.count; j++) {
            const size_t len = strlen(names);
            snprintf(names + len, sizeof names - len, "%s%s", j > 0 ? " " : "",
                     fields.list[j].name);
        }
        cr_expect_str_eq(names, kinds[i].fields);
    }
}

Test(record_fields, values_are_what_was_recorded)
{
    struct cm_record_fields fields;
    const struct cm_audit_record *record;
    made_asked(&made, &(struct made_question){.plate = "7XYZ987"});
    struct cm_ledger_folder *folder = made_folder(&made);
    cr_assert_eq(cm_ledger_folder_next(&record, folder, NULL), CM_OK);
    cm_record_entry_fields(&fields, &record->entry);
    cr_expect_eq(find(&fields, "permitted")->number, 1);
    cr_expect_str_eq(find(&fields, "rule")->text, "main.rules:3");
    cr_expect_null(find(&fields, "refusal"));
    cm_record_clear_fields(&fields, record);
    cr_expect_str_eq(find(&fields, "plate")->text, "7XYZ987");
    cr_expect_str_eq(find(&fields, "reason")->text, "follow up on witness statement");
    json_t *json = cm_record_json(record);
    const json_t *entry = json_object_get(json, "entry");
    cr_expect(json_is_true(json_object_get(entry, "permitted")));
    cr_expect_eq(strlen(json_string_value(json_object_get(entry, "query"))), 64);
    cr_expect_eq(json_object_size(json_object_get(json, "commitments")), 6);
    char *text = json_dumps(json, 0);
    cr_expect_null(strstr(text, "blind"));
    free(text);
    json_decref(json);
    cm_ledger_folder_close(folder);
}

// The fields beside an entry whose question carries that approval.
static void read_approved(struct cm_record_fields *out, struct cm_ledger_folder **folder,
                          struct cm_query *query)
{
    const struct cm_audit_record *record;
    struct cm_access access = {.question = made_sign(&made, query), .person = "", .text = ""};
    const struct cm_entry entry = made_entry(&access.question, CM_ENTRY_NODE);
    made_add(&made, &entry, &access);
    *folder = made_folder(&made);
    cr_assert_eq(cm_ledger_folder_next(&record, *folder, NULL), CM_OK);
    cr_assert_eq(record->clear, CM_CLEAR_OPEN, "%s", record->why.text);
    cm_record_clear_fields(out, record);
}

Test(record_fields, an_approval_says_whose_it_is)
{
    struct cm_record_fields fields;
    struct cm_ledger_folder *folder;
    struct cm_query query = made_query(&made, &(struct made_question){0});
    query.approval = made_approval(&made, &query, "sue");
    read_approved(&fields, &folder, &query);
    cr_expect_str_eq(find(&fields, "approved_by")->text,
                     "spiffe://valley.test/" NORTHPORT "/supervisor/sue");
    cr_expect_eq(find(&fields, "approval_uses")->number, 3);
    cr_expect_eq(find(&fields, "approval_expires")->value, made.now_ms - 1000 + 3600000);
    cr_expect_null(find(&fields, "approval"));
    cm_ledger_folder_close(folder);
}

Test(record_fields, an_approval_of_another_question_is_no_approval)
{
    struct cm_record_fields fields;
    struct cm_ledger_folder *folder;
    struct cm_query query = made_query(&made, &(struct made_question){0});
    query.approval = made_approval(&made, &query, "sue");
    query.case_number = "26-9999";
    read_approved(&fields, &folder, &query);
    cr_expect_null(find(&fields, "approved_by"));
    cr_expect(strstr(find(&fields, "approval")->text, "another case"));
    cm_ledger_folder_close(folder);
}

Test(record_fields, what_was_erased_says_so_and_no_more)
{
    const struct cm_audit_record *record;
    struct cm_record_fields fields;
    made_asked(&made, &(struct made_question){0});
    cr_assert_eq(cm_day_keys_erase(made.keys, cm_day_of(pki->now_ms) + 2, NULL, NULL), CM_OK);
    struct cm_ledger_folder *folder = made_folder(&made);
    cr_assert_eq(cm_ledger_folder_next(&record, folder, NULL), CM_OK);
    cm_record_clear_fields(&fields, record);
    cr_expect_eq(fields.count, 0);
    json_t *json = cm_record_json(record);
    cr_expect_str_eq(json_string_value(json_object_get(json, "clear")), "erased");
    cr_expect_null(json_object_get(json, "values"));
    json_decref(json);
    cm_ledger_folder_close(folder);
}

// Whoever has the folder and no key: the commitments of an erased day can't be tried.
Test(record_fields, erased_commitments_fit_no_plate_that_is_tried)
{
    static const char letters[] = "ABC";
    const struct cm_audit_record *record;
    char plate[8] = "8ABC123";
    made_asked(&made, &(struct made_question){.plate = "8ABC123"});
    cr_assert_eq(cm_day_keys_erase(made.keys, cm_day_of(pki->now_ms) + 2, NULL, NULL), CM_OK);
    struct cm_ledger_folder *folder = made_folder(&made);
    cr_assert_eq(cm_ledger_folder_next(&record, folder, NULL), CM_OK);
    const struct cm_entry *entry = &record->entry;
    // What an attacker sees that might have been taken for a blind.
    const uint8_t none[CM_BLIND_SIZE] = {0};
    const uint8_t *const blinds[] = {none, entry->digest.b, entry->replay_key.b, record->leaf.b};
    unsigned tried = 0;
    for (unsigned n = 0; n < 1000; n++) {
        for (size_t l = 0; l < 3; l++) {
            snprintf(plate, sizeof plate, "8A%cC%03u", letters[l], n);
            for (size_t b = 0; b < sizeof blinds / sizeof *blinds; b++) {
                struct cm_digest guess;
                cm_commitment(&guess, blinds[b], "plate", plate);
                cr_assert_not(cm_digest_equal(&guess, &entry->commitments.plate));
                tried++;
            }
            struct cm_digest plain;
            cm_sha256_of(&plain, cm_bytes_of(plate));
            cr_assert_not(cm_digest_equal(&plain, &entry->commitments.plate));
        }
    }
    cr_expect_eq(tried, 12000);
    cm_ledger_folder_close(folder);
}
