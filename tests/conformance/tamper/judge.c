#include "judge.h"

#include "proto/ledger/cli/verifier.h"
#include "proto/ledger/merkle.h"

#include <criterion/criterion.h>

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>

enum { TOLD = 20, ARENA = 1024 * 1024 };

// Under ASan three quarters of the time would go into OpenSSL's small allocations.
void *__libc_malloc(size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static void *take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return __libc_malloc(size);
}

static void *take_more(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return __libc_realloc(memory, size);
}

static void give_back(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    __libc_free(memory);
}

__attribute__((constructor)) static void spare_allocations(void)
{
    (void)CRYPTO_set_mem_functions(take, take_more, give_back);
}

static void tell(void *context, const struct cm_problem *problem)
{
    char *why = context;
    if (why[0] == '\0') {
        snprintf(why, 640, "%s: %s", problem->where, problem->text);
    }
}

bool judge_verifies(const struct whole *whole, bool with_kept, char why[640])
{
    struct cm_verified verified = {.problems = 0};
    struct cm_ledger_folder *folder;
    struct cm_error error = {.text = ""};
    char first[640] = "";
    struct cm_trust *const trusts[] = {whole->trust};
    const struct cm_verifier_options options = {.key = whole->key,
                                                .trusts = trusts,
                                                .trust_count = 1,
                                                .seen = whole->kept,
                                                .seen_count = with_kept ? whole->kept_count : 0,
                                                .problem = tell,
                                                .context = first};
    enum cm_status status = cm_ledger_folder_open(&folder, whole->made.folder, NULL, &error);
    if (status == CM_OK) {
        status = cm_verify(&verified, folder, &options, &error);
        cm_ledger_folder_close(folder);
    }
    cr_assert(status != CM_MEMORY && status != CM_INTERNAL, "%s: %s", error.where, error.text);
    if (why) {
        snprintf(why, 640, "%s", status == CM_OK ? first : error.text);
    }
    return status == CM_OK && verified.problems == 0;
}

// The log as a daemon would start from it.
static enum cm_status read_log(struct cm_merkle *tree, struct cm_arena *arena,
                               struct cm_bytes *note, const struct whole *whole)
{
    struct cm_log_reader *reader = NULL;
    struct cm_log_item item = {.type = CM_ITEM_ENTRY};
    enum cm_status status = cm_log_reader_open(&reader, whole->made.folder, NULL, NULL);
    while (status == CM_OK && item.type != CM_ITEM_END) {
        status = cm_log_reader_next(&item, reader, NULL);
        if (status == CM_OK && item.type == CM_ITEM_ENTRY) {
            status = cm_merkle_add(tree, &item.leaf);
        }
    }
    if (status == CM_OK) {
        status = cm_arena_bytes(arena, note, cm_log_reader_state(reader)->note);
    }
    cm_log_reader_free(reader);
    return status;
}

static enum cm_status offer(struct cm_witness_checkpoint *out, struct cm_arena *arena,
                            const struct whole *whole)
{
    struct cm_merkle *tree;
    struct cm_seen shown;
    uint64_t epoch;
    cr_assert_eq(cm_merkle_new(&tree), CM_OK);
    *out = (struct cm_witness_checkpoint){.epoch.family = CM_FAMILY_NONE};
    enum cm_status status = read_log(tree, arena, &out->checkpoint, whole);
    if (status == CM_OK) {
        status = cm_epoch_load(&out->epoch, &epoch, arena, whole->made.folder, NULL);
    }
    if (status == CM_OK) {
        status = cm_seen_of(&shown, out->checkpoint, whole->base, NULL);
    }
    // The best that it can show for what the witness has.
    const uint64_t from =
        status == CM_OK && shown.epoch == whole->seen.epoch ? whole->seen.size : 0;
    if (status == CM_OK && from <= shown.size) {
        status = cm_merkle_consistency(&out->consistency, arena, tree, from, shown.size);
    }
    cm_merkle_free(tree);
    return status;
}

bool judge_witness_signs(const struct whole *whole)
{
    struct cm_witness_checkpoint offered;
    struct cm_witness_verdict verdict;
    struct cm_arena *arena = cm_arena_new(ARENA);
    enum cm_status status = offer(&offered, arena, whole);
    if (status == CM_OK) {
        status = cm_witness_judge(&verdict, &whole->seen, &offered, &whole->owner, whole->trust,
                                  whole->pki->now_ms, NULL);
    }
    cm_arena_free(arena);
    return status == CM_OK;
}

void judge(struct tally *tally, const struct whole *whole, const char *format, ...)
{
    tally->made++;
    if (!judge_verifies(whole, false, NULL)) {
        tally->verify++;
    } else if (!judge_witness_signs(whole)) {
        tally->witness++;
    } else if (!judge_verifies(whole, true, NULL)) {
        tally->kept++;
    } else if (tally->nobody++ < TOLD) {
        char what[256];
        va_list args;
        va_start(args, format);
        vsnprintf(what, sizeof what, format, args);
        va_end(args);
        cr_log_error("found by nobody: %s", what);
    }
}

void judge_end(const struct tally *t)
{
    printf("%-52s %6u made: verify found %6u, the witness %4u, a kept checkpoint %3u, nobody %u\n",
           t->sort, t->made, t->verify, t->witness, t->kept, t->nobody);
    fflush(stdout);
    cr_expect_gt(t->made, 0, "%s: there was nothing to try", t->sort);
    cr_expect_eq(t->nobody, 0, "%s: found by nobody", t->sort);
    cr_expect_eq(t->made, t->verify + t->witness + t->kept + t->nobody);
}
