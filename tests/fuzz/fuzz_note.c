// Notes, cosignature lines, verifier keys and witnesses' certificates, as others send them or as
// they lie in an untrusted folder.
#include "harness.h"

#include "ledger_parts.h"

#include "proto/ledger/checkpoint.h"
#include "proto/ledger/cosign.h"
#include "proto/ledger/cosigners.h"
#include "proto/ledger/vkey.h"
#include "proto/ledger/witness.h"
#include "tests/support/pki.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 64 * 1024, ARENA = 1 << 20 };

static struct pki *pki;
static struct cm_key *key;
static struct cm_buf note; // one of our own, for lines

static void must(bool holds, const char *law)
{
    if (!holds) {
        fprintf(stderr, "broken: %s\n", law);
        abort();
    }
}

static void end(void)
{
    cm_key_free(key);
    cm_buf_clear(&note);
    pki_free(pki);
}

static void begin(void)
{
    struct cm_checkpoint checkpoint = {.origin = FUZZ_ORIGIN, .size = 3, .root = {{1}}};
    if (pki) {
        return;
    }
    pki = pki_new_seeded(1, 1795348800000);
    pki_agency(pki, "ca.northport.pd");
    struct cm_signer *signer = pki_signer(pki, "ca.northport.pd", CM_ROLE_NODE, "n1");
    must(cm_key_new(&key, cm_signer_spki(signer)) == CM_OK &&
             cm_checkpoint_sign(&note, &checkpoint, signer) == CM_OK,
         "a signed note");
    atexit(end);
}

static size_t count_lines(struct cm_bytes lines)
{
    struct cm_note_line line;
    size_t count = 0;
    while (cm_note_next(&line, &lines)) {
        must(line.name.len > 0, "a line has a name");
        count++;
    }
    return count;
}

static void try_note(struct cm_bytes in)
{
    struct cm_bytes text, lines;
    struct cm_checkpoint checkpoint, opened;
    struct cm_seen seen;
    int64_t time_s = -1;
    const bool splits = cm_note_split(&text, &lines, in) == CM_OK;
    const bool parses = cm_checkpoint_parse(&checkpoint, in, NULL) == CM_OK;
    must(!parses || splits, "a checkpoint is a note");
    if (splits) {
        must(text.len + 1 + lines.len == in.len, "text and lines are all of a note");
        (void)count_lines(lines);
    }
    if (cm_checkpoint_open(&opened, in, key, NULL) == CM_OK) {
        must(parses && opened.size == checkpoint.size &&
                 cm_digest_equal(&opened.root, &checkpoint.root) &&
                 strcmp(opened.origin, checkpoint.origin) == 0,
             "what opens is what parses");
    }
    if (parses && cm_seen_of(&seen, in, FUZZ_ORIGIN, NULL) == CM_OK) {
        must(seen.epoch > 0 && seen.size == checkpoint.size, "what is seen is what parses");
    }
    if (cm_cosign_find(&time_s, in, FUZZ_ORIGIN, key, NULL) == CM_OK) {
        must(splits && time_s >= 0, "a cosignature has a time");
    }
}

static void try_line(struct cm_bytes in)
{
    struct cm_buf added = {0};
    struct cm_bytes before, after, lines_before, lines_after;
    must(cm_buf_add(&added, note.data, note.len) == CM_OK, "memory");
    const bool holds =
        cm_cosign_check(NULL, in, cm_buf_bytes(&note), FUZZ_ORIGIN, key, NULL) == CM_OK;
    if (cm_cosign_add(&added, in) == CM_OK) {
        must(cm_note_split(&before, &lines_before, cm_buf_bytes(&note)) == CM_OK, "our note");
        must(added.len <= CM_MAX_CHECKPOINT, "a note has its bound");
        if (cm_note_split(&after, &lines_after, cm_buf_bytes(&added)) == CM_OK) {
            must(cm_bytes_equal(before, after), "no line changes the text");
            must(count_lines(lines_after) <= count_lines(lines_before) + 1, "one line is added");
        } else {
            must(!holds, "a line that holds can be read back");
        }
    } else {
        must(!holds, "a line that holds can be added");
    }
    cm_buf_clear(&added);
}

static void try_vkey(struct cm_bytes in)
{
    char name[CM_MAX_VKEY];
    struct cm_key *parsed = NULL, *twice = NULL;
    struct cm_buf again = {0};
    struct cm_error error = {.text = ""};
    if (cm_vkey_parse(name, &parsed, in, &error)) {
        must(error.text[0] != '\0', "a refusal says why");
        return;
    }
    must(cm_vkey_format(&again, name, cm_key_spki(parsed)) == CM_OK, "what parses is written");
    must(cm_vkey_parse(name, &twice, cm_buf_bytes(&again), NULL) == CM_OK &&
             cm_digest_equal(cm_key_hash(parsed), cm_key_hash(twice)),
         "and read back");
    cm_key_free(parsed);
    cm_key_free(twice);
    cm_buf_clear(&again);
}

static void try_cosigners(struct cm_bytes in)
{
    struct cm_arena *arena = cm_arena_new(ARENA);
    struct cm_buf again = {0};
    struct cm_bytes rest = in;
    struct cm_cosigner cosigner;
    struct cm_error error = {.text = ""};
    enum cm_status status = CM_OK;
    must(arena != NULL, "memory");
    while (!status && rest.len > 0) {
        status = cm_cosigners_next(&cosigner, arena, &rest, &error);
        must(status || (cosigner.chain_count > 0 && cosigner.chain_count <= CM_MAX_CHAIN),
             "a witness has certificates");
        must(status || cm_cosigners_add(&again, cosigner.name, cosigner.chain,
                                        cosigner.chain_count) == CM_OK,
             "memory");
    }
    must(status ? error.text[0] != '\0' : cm_bytes_equal(cm_buf_bytes(&again), in),
         "it reads back to the byte, or the refusal says why");
    cm_buf_clear(&again);
    cm_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    if (size == 0 || size > MOST) {
        return 0;
    }
    const struct cm_bytes in = {data + 1, size - 1};
    switch ((enum fuzz_note_part)(data[0] % NOTE_PART_COUNT)) {
    case NOTE_NOTE:
        try_note(in);
        break;
    case NOTE_LINE:
        try_line(in);
        break;
    case NOTE_VKEY:
        try_vkey(in);
        break;
    case NOTE_COSIGNERS:
    case NOTE_PART_COUNT:
        try_cosigners(in);
        break;
    }
    return 0;
}
