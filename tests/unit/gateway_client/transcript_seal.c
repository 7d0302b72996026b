#include "gateway/client/transcript_seal.h"

#include "proto/base/file.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, SEALED = CHUNK + 16, MAX = 1024 * 1024 };

static struct pki *pki;
static struct cm_signer *owner;
static char path[PKI_PATH + 16];
static uint8_t clear[3 * CHUNK];
static struct cm_error error;

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, "ca.northport.pd");
    owner = pki_signer(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "rivera");
    snprintf(path, sizeof path, "%s/sealed", pki->dir);
    for (size_t i = 0; i < sizeof clear; i++) {
        clear[i] = (uint8_t)(i * 31 + i / 251);
    }
}

static void tear_down(void)
{
    unlink(path);
    pki_free(pki);
}

TestSuite(transcript_seal, .init = set_up, .fini = tear_down);

// In pieces of that size.
static void seal(size_t len, size_t piece)
{
    struct cm_seal *sealing;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(file, 0);
    cr_assert_eq(cm_seal_new(&sealing, file, cm_signer_spki(owner), &error), CM_OK);
    for (size_t at = 0; at < len; at += piece) {
        const struct cm_bytes part = {clear + at, len - at < piece ? len - at : piece};
        cr_assert_eq(cm_seal_add(sealing, part, &error), CM_OK);
    }
    cr_assert_eq(cm_seal_end(sealing, &error), CM_OK);
    cm_seal_free(sealing);
    close(file);
}

static enum cm_status open_it(struct cm_buf *out)
{
    return cm_seal_open(out, path, owner, MAX, &error);
}

static void read_file(struct cm_buf *out)
{
    cr_assert_eq(cm_file_read(out, path, MAX, &error), CM_OK);
}

static void write_file(const uint8_t *data, size_t len)
{
    cr_assert_eq(cm_file_write(path, (struct cm_bytes){data, len}, 0600, &error), CM_OK);
}

Test(transcript_seal, gives_back_what_was_added_at_every_edge_of_a_chunk)
{
    static const size_t lengths[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct cm_buf back = {0};
        seal(lengths[i], i % 2 == 0 ? 1000 : CHUNK);
        cr_assert_eq(open_it(&back), CM_OK, "%zu: %s", lengths[i], error.text);
        cr_expect_eq(back.len, lengths[i]);
        cr_expect_arr_eq(back.data, clear, back.len);
        cm_buf_clear(&back);
    }
}

Test(transcript_seal, holds_nothing_in_the_clear)
{
    struct cm_buf file = {0};
    seal(1000, 1000);
    read_file(&file);
    cr_expect_null(memmem(file.data, file.len, clear + 100, 16));
    cm_buf_clear(&file);
}

Test(transcript_seal, opens_for_its_owner_alone)
{
    struct cm_buf back = {0};
    seal(1000, 1000);
    owner = pki_signer(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "quine");
    cr_expect_eq(open_it(&back), CM_UNAUTHENTICATED);
    // Nor when the file says that it is for somebody else.
    struct cm_buf file = {0};
    read_file(&file);
    memcpy(file.data + strlen("comity-answer-v1\n"), cm_signer_key_hash(owner)->b, CM_DIGEST_SIZE);
    write_file(file.data, file.len);
    cr_expect_eq(open_it(&back), CM_UNAUTHENTICATED);
    cr_expect_eq(back.len, 0);
    cm_buf_clear(&file);
    cm_buf_clear(&back);
}

Test(transcript_seal, finds_every_byte_that_was_altered)
{
    struct cm_buf file = {0};
    struct cm_buf back = {0};
    seal(300, 300);
    read_file(&file);
    for (size_t i = 0; i < file.len; i++) {
        file.data[i] ^= (uint8_t)(1 << i % 8);
        write_file(file.data, file.len);
        cr_expect_eq(open_it(&back), CM_UNAUTHENTICATED, "byte %zu", i);
        file.data[i] ^= (uint8_t)(1 << i % 8);
        write_file(file.data, i);
        cr_expect_eq(open_it(&back), CM_UNAUTHENTICATED, "cut at %zu", i);
    }
    cm_buf_clear(&file);
    cm_buf_clear(&back);
}

Test(transcript_seal, finds_chunks_that_are_gone_or_moved)
{
    struct cm_buf file = {0};
    struct cm_buf back = {0};
    uint8_t first[SEALED];
    seal(3 * CHUNK, CHUNK);
    read_file(&file);
    uint8_t *chunks = file.data + (file.len - 3 * SEALED);
    write_file(file.data, file.len - SEALED); // the last
    cr_expect_eq(open_it(&back), CM_UNAUTHENTICATED);
    memcpy(first, chunks, SEALED);
    memcpy(chunks, chunks + SEALED, SEALED);
    memcpy(chunks + SEALED, first, SEALED);
    write_file(file.data, file.len); // two swapped
    cr_expect_eq(open_it(&back), CM_UNAUTHENTICATED);
    memcpy(chunks, first, SEALED);
    write_file(file.data, file.len); // one doubled
    cr_expect_eq(open_it(&back), CM_UNAUTHENTICATED);
    cm_buf_clear(&file);
    cm_buf_clear(&back);
}

Test(transcript_seal, says_when_the_disk_does_not_take_it)
{
    struct cm_seal *sealing;
    int full = open("/dev/full", O_WRONLY);
    cr_assert_geq(full, 0);
    cr_expect_eq(cm_seal_new(&sealing, full, cm_signer_spki(owner), &error), CM_IO);
    cr_expect_null(sealing);
    close(full);
}
