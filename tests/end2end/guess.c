// Tries every plate of the format 9AA99 against each commitment to a plate in a ledger: with the
// query's own blind where its access record opens, else with whatever the entry itself offers.
// guess LEDGER   prints "OPENED records, TRIED commitments, FOUND plates found"
#include "proto/ledger/cli/ledger_folder.h"

#include <stdio.h>
#include <string.h>

enum { PLATES = 10 * 26 * 26 * 100, MAX_BLINDS = 12 };

struct blinds {
    size_t count;
    uint8_t of[MAX_BLINDS][CM_BLIND_SIZE];
};

static void add(struct blinds *blinds, const void *bytes)
{
    memcpy(blinds->of[blinds->count++], bytes, CM_BLIND_SIZE);
}

// What somebody without the blind has of 32 bytes.
static void offered(struct blinds *out, const struct cm_audit_record *record)
{
    static const uint8_t zeros[CM_BLIND_SIZE];
    const struct cm_entry *entry = &record->entry;
    out->count = 0;
    add(out, zeros);
    add(out, entry->digest.b);
    add(out, entry->replay_key.b);
    add(out, entry->rules_digest.b);
    add(out, entry->decisions_root.b);
    add(out, entry->commitments.requester.b);
    add(out, entry->commitments.agency.b);
    add(out, entry->commitments.purpose.b);
    add(out, entry->commitments.case_number.b);
    add(out, entry->commitments.reason.b);
    add(out, record->leaf.b);
}

static void plate_of(char out[6], unsigned n)
{
    snprintf(out, 6, "%u%c%c%02u", n % 10, 'A' + (char)(n / 10 % 26), 'A' + (char)(n / 260 % 26),
             n / 6760 % 100);
}

static bool finds(const struct cm_digest *commitment, const uint8_t blind[CM_BLIND_SIZE])
{
    struct cm_digest salt, guess;
    bool found = false;
    cm_hmac_sha256(&salt, (struct cm_bytes){blind, CM_BLIND_SIZE}, cm_bytes_of("plate"));
    for (unsigned n = 0; n < PLATES && !found; n++) {
        char plate[6];
        plate_of(plate, n);
        const struct cm_bytes parts[] = {cm_bytes_digest(&salt), cm_bytes_of(plate)};
        cm_sha256(&guess, parts, 2);
        found = cm_digest_equal(&guess, commitment);
    }
    return found;
}

static bool found_in(const struct cm_audit_record *record, bool opened)
{
    struct blinds blinds = {.count = 0};
    bool found = false;
    if (opened) {
        add(&blinds, record->query.blind);
    } else {
        offered(&blinds, record);
    }
    for (size_t i = 0; i < blinds.count && !found; i++) {
        found = finds(&record->entry.commitments.plate, blinds.of[i]);
    }
    return found;
}

int main(int argc, char **argv)
{
    struct cm_ledger_folder *folder = NULL;
    const struct cm_audit_record *record = NULL;
    struct cm_error error = {.text = ""};
    unsigned opened = 0, tried = 0, found = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: guess LEDGER\n");
        return 2;
    }
    enum cm_status status = cm_ledger_folder_open(&folder, argv[1], NULL, &error);
    while (!status) {
        status = cm_ledger_folder_next(&record, folder, &error);
        if (status || !record) {
            break;
        }
        if (!cm_digest_is_zero(&record->entry.commitments.plate)) {
            const bool open = record->clear == CM_CLEAR_OPEN && record->asked == CM_FAMILY_QUERY;
            opened += open;
            tried++;
            found += found_in(record, open);
        }
    }
    cm_ledger_folder_close(folder);
    if (status) {
        fprintf(stderr, "guess: %s\n", error.text);
        return 1;
    }
    printf("%u opened, %u tried, %u found\n", opened, tried, found);
    return 0;
}
