#include "fixture.h"

#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/ledger/merkle.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void fixture_open(struct fixture *fixture)
{
    *fixture = (struct fixture){.folder = "/tmp/cm-ledger-XXXXXX"};
    pump_init(&fixture->pump);
    cm_log_set_level(CM_LOG_ERROR);
    cr_assert(mkdtemp(fixture->folder));
    snprintf(fixture->log, sizeof fixture->log, "%s/log", fixture->folder);
    fixture->signer = fixture_signer(fixture, FIXTURE_SPIFFE);
}

void fixture_close(struct fixture *fixture)
{
    pump_drain(&fixture->pump);
    cm_signer_unref(fixture->signer);
    fixture_remove(fixture->folder);
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    (void)facts;
    (void)type;
    (void)where;
    return remove(path);
}

void fixture_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static X509 *certificate(EVP_PKEY *key, const char *spiffe)
{
    X509 *leaf = X509_new();
    char san[512];
    snprintf(san, sizeof san, "URI:%s", spiffe);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    X509_NAME *name = X509_get_subject_name(leaf);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(leaf, name);
    X509_set_version(leaf, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(leaf), 1);
    X509_gmtime_adj(X509_getm_notBefore(leaf), -60);
    X509_gmtime_adj(X509_getm_notAfter(leaf), 3600);
    X509_set_pubkey(leaf, key);
    cr_assert_eq(X509_add_ext(leaf, extension, -1), 1);
    cr_assert_gt(X509_sign(leaf, key, EVP_sha256()), 0);
    X509_EXTENSION_free(extension);
    return leaf;
}

struct cm_signer *fixture_signer(const struct fixture *fixture, const char *spiffe)
{
    char key_path[96], chain_path[96];
    snprintf(key_path, sizeof key_path, "%s/key.pem", fixture->folder);
    snprintf(chain_path, sizeof chain_path, "%s/chain.pem", fixture->folder);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *leaf = certificate(key, spiffe);
    FILE *file = fopen(key_path, "w");
    cr_assert(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(file);
    cr_assert_eq(chmod(key_path, 0600), 0);
    file = fopen(chain_path, "w");
    cr_assert(file && PEM_write_X509(file, leaf) == 1);
    fclose(file);
    struct cm_signer *signer;
    struct cm_error error;
    cr_assert_eq(cm_signer_load(&signer, key_path, chain_path, NULL, &error), CM_OK, "%s",
                 error.text);
    X509_free(leaf);
    EVP_PKEY_free(key);
    unlink(key_path);
    unlink(chain_path);
    return signer;
}

struct cm_ledger_options fixture_options(struct fixture *fixture)
{
    return (struct cm_ledger_options){.folder = fixture->folder,
                                      .signer = fixture->signer,
                                      .poster = &fixture->pump.poster,
                                      .max_waiting = 64};
}

void fixture_unpublish(const struct fixture *fixture)
{
    char path[96];
    snprintf(path, sizeof path, "%s/tile", fixture->folder);
    fixture_remove(path);
    snprintf(path, sizeof path, "%s/checkpoint", fixture->folder);
    fixture_remove(path);
}

struct cm_buf fixture_read(const char *path)
{
    struct cm_buf out = {0};
    struct cm_error error = {.text = ""};
    cr_assert_eq(cm_file_read(&out, path, (size_t)1 << 26, &error), CM_OK, "%s", error.text);
    return out;
}

void fixture_write(const char *path, const uint8_t *data, size_t len)
{
    FILE *file = fopen(path, "w");
    cr_assert(file && (len == 0 || fwrite(data, len, 1, file) == 1));
    cr_assert_eq(fclose(file), 0);
}

static void done(struct cm_append *append)
{
    CM_CONTAINER(append, struct one, append)->done = true;
}

void fixture_start(struct one *one, const char *entry)
{
    *one = (struct one){.append = {.entry = cm_bytes_of(entry), .done = done}};
}

enum cm_status fixture_append(struct fixture *fixture, struct cm_ledger *ledger, struct one *one,
                              const char *entry)
{
    fixture_start(one, entry);
    const enum cm_status status = cm_ledger_append(ledger, &one->append);
    if (status) {
        return status;
    }
    while (!one->done) {
        pump_one(&fixture->pump);
    }
    return one->append.status;
}

static enum cm_status note_entry(void *context, const struct cm_log_item *item)
{
    struct fixture_seen *seen = context;
    cr_assert_eq(item->index, seen->count++);
    snprintf(seen->last, sizeof seen->last, "%.*s", (int)item->entry.len,
             (const char *)item->entry.data);
    return CM_OK;
}

struct cm_ledger *fixture_ledger(struct fixture *f, struct fixture_seen *seen)
{
    struct cm_ledger_options options = fixture_options(f);
    struct cm_error error = {.text = ""};
    struct cm_ledger *ledger;
    *seen = (struct fixture_seen){0};
    options.replay = note_entry;
    options.context = seen;
    cr_assert_eq(cm_ledger_open(&ledger, &options, &error), CM_OK, "%s", error.text);
    return ledger;
}

enum cm_status fixture_try(struct fixture *f)
{
    const struct cm_ledger_options options = fixture_options(f);
    struct cm_ledger *ledger;
    const enum cm_status status = cm_ledger_open(&ledger, &options, NULL);
    if (!status) {
        cm_ledger_close(ledger);
    }
    return status;
}

void fixture_fill(struct fixture *f, unsigned count)
{
    struct fixture_seen seen;
    struct cm_ledger *ledger = fixture_ledger(f, &seen);
    for (unsigned i = 0; i < count; i++) {
        struct one one;
        char entry[32];
        snprintf(entry, sizeof entry, "entry %u", i);
        cr_assert_eq(fixture_append(f, ledger, &one, entry), CM_OK);
        cr_assert_eq(one.append.index, i);
        cm_tree_head_unref(one.append.head);
    }
    cm_ledger_close(ledger);
}

void fixture_check_proof(const struct cm_ledger *ledger, const struct cm_append *append)
{
    struct cm_arena *arena = cm_arena_new(1 << 14);
    struct cm_inclusion proof;
    struct cm_digest leaf;
    const struct cm_checkpoint *checkpoint = &append->head->checkpoint;
    cr_assert_eq(cm_ledger_prove_inclusion(&proof, arena, ledger, append->index, checkpoint->size),
                 CM_OK);
    cm_merkle_leaf(&leaf, append->entry);
    cr_assert_eq(cm_merkle_check_inclusion(&proof, &leaf, &checkpoint->root), CM_OK);
    cm_arena_free(arena);
}

enum cm_status fixture_append_text(struct fixture *f, struct cm_ledger *ledger, const char *entry,
                                   bool essential)
{
    struct one one;
    fixture_start(&one, entry);
    one.append.essential = essential;
    const enum cm_status status = cm_ledger_append(ledger, &one.append);
    if (status) {
        return status;
    }
    while (!one.done) {
        pump_one(&f->pump);
    }
    cm_tree_head_unref(one.append.head);
    return one.append.status;
}
