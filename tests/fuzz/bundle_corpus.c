// Writes fuzz_bundle's corpus anew into the folder given: bundles, directories and CRLs that are
// as they ought to be, or wrong in one thing.
#include "bundle_federation.h"

#include "proto/base/file.h"
#include "tests/support/pki_x509.h"

#include <stdio.h>
#include <string.h>

static const char *out_folder;

static void put(const char *name, enum fuzz_part part, struct cm_bytes bytes)
{
    char path[4096];
    struct cm_buf file = {0};
    uint8_t first = (uint8_t)('0' + part); // '0' is a multiple of PART_COUNT
    snprintf(path, sizeof path, "%s/%s", out_folder, name);
    PKI_MUST(cm_buf_add(&file, &first, 1) == CM_OK &&
             cm_buf_add(&file, bytes.data, bytes.len) == CM_OK &&
             cm_file_write(path, cm_buf_bytes(&file), 0644, NULL) == CM_OK);
    cm_buf_clear(&file);
}

static void put_bundle(struct pki *pki, const char *name)
{
    struct cm_buf bundle = {0};
    pki_bundle(pki, &bundle);
    put(name, PART_BUNDLE, cm_buf_bytes(&bundle));
    cm_buf_clear(&bundle);
}

static void put_directory(struct pki *pki, const char *name)
{
    struct cm_arena *arena = cm_arena_new(1 << 22);
    struct cm_directory directory;
    struct cm_buf payload = {0};
    pki_directory(pki, arena, &directory);
    PKI_MUST(cm_directory_encode(&payload, &directory, NULL) == CM_OK);
    put(name, PART_DIRECTORY, cm_buf_bytes(&payload));
    cm_buf_clear(&payload);
    cm_arena_free(arena);
}

// The content of the to-be-signed part of Northport's CRL.
static void put_crl(struct pki *pki, const char *name)
{
    struct cm_buf der = {0};
    long len = 0;
    int tag;
    int class;
    pki_crl(pki, NORTHPORT, &der);
    const unsigned char *at = der.data;
    for (int depth = 0; depth < 2; depth++) {
        PKI_MUST(ASN1_get_object(&at, &len, &tag, &class, (long)(der.data + der.len - at)) ==
                 V_ASN1_CONSTRUCTED);
    }
    put(name, PART_CRL, (struct cm_bytes){at, (size_t)len});
    cm_buf_clear(&der);
}

static void put_crls(struct pki *pki)
{
    struct pki_agency *northport = pki_find_agency(pki, NORTHPORT);
    put_crl(pki, "crl-again");
    northport->crl_number++;
    put_crl(pki, "crl-higher");
    northport->revoked_count = 0;
    put_crl(pki, "crl-lifted");
    northport->crl_number = UINT64_MAX;
    put_crl(pki, "crl-highest-number");
    northport->crl_number = 9;
    northport->crl_this_ms = pki->now_ms + 3600 * 1000;
    put_crl(pki, "crl-future");
    northport->crl_this_ms = pki->now_ms - 48LL * 3600 * 1000;
    put_crl(pki, "crl-lives-too-long");
    northport->crl_next_ms = pki->now_ms - 47LL * 3600 * 1000;
    put_crl(pki, "crl-stale");
}

static void put_directories(struct pki *pki)
{
    put_directory(pki, "directory-same");
    pki_find_agency(pki, SOUTHGATE)->active = false;
    put_directory(pki, "directory-forked");
    pki_next(pki);
    pki->previous = (struct cm_digest){{1}};
    put_directory(pki, "directory-wrong-previous");
    pki->serial += 5;
    put_directory(pki, "directory-gap");
    pki_agency(pki, "us.customs")->kind = CM_KIND_FEDERAL;
    pki_agency(pki, "ca.milltown.pd")->case_pattern = "99-9999*A";
    put_directory(pki, "directory-more-agencies");
    pki->expires_ms = pki->now_ms - 1000;
    put_directory(pki, "directory-expired");
    pki->serial = BASE_SERIAL - 1;
    put_directory(pki, "directory-older");
}

static void put_bundles(const struct fuzz_federation *federation)
{
    struct pki *pki = federation->pki;
    struct pki_agency *northport = pki_find_agency(pki, NORTHPORT);
    put_bundle(pki, "bundle-same");
    northport->crl_number--;
    put_bundle(pki, "bundle-older-crl");
    northport->crl_number += 2;
    put_bundle(pki, "bundle-newer-crl");
    northport->crl_forged = true;
    put_bundle(pki, "bundle-forged-crl");
    northport->crl_forged = false;
    northport->crl_absent = true;
    put_bundle(pki, "bundle-without-crl");
    northport->crl_absent = false;
    pki_next(pki);
    put_bundle(pki, "bundle-next");
    const struct pki_identity *operator= pki->directory_signer;
    pki->directory_signer = federation->retired;
    put_bundle(pki, "bundle-by-a-revoked-signer");
    pki->directory_signer = federation->good;
    put_bundle(pki, "bundle-by-an-investigator");
    pki->directory_signer = operator;
    pki->root_crl = false;
    put_bundle(pki, "bundle-without-the-roots-crl");
}

int main(int argc, char **argv)
{
    static void (*const parts[])(struct pki *) = {put_crls, put_directories};
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_bundle_corpus FOLDER\n");
        return 2;
    }
    out_folder = argv[1];
    for (size_t i = 0; i < 2; i++) {
        struct fuzz_federation federation = fuzz_federation();
        parts[i](federation.pki);
        pki_free(federation.pki);
    }
    struct fuzz_federation federation = fuzz_federation();
    put_bundles(&federation);
    pki_free(federation.pki);
    return 0;
}
