#include "nodes/head_store.h"

#include "proto/base/file.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pki *pki;
static struct cm_signer *gateway;
static struct cm_head_store store;
static struct cm_job *jobs[8];
static size_t job_count;
static char folder[PKI_PATH + 16];

static enum cm_status submit(void *context, struct cm_job *job)
{
    (void)context;
    jobs[job_count++] = job;
    return CM_OK;
}

static void run_job(void)
{
    struct cm_job *job = jobs[0];
    cr_assert_eq(job_count--, 1);
    job->work(job);
    job->done(job);
}

static void open_store(enum cm_status expected)
{
    struct cm_error error;
    cm_head_store_clear(&store);
    store = (struct cm_head_store){.submit = submit};
    cr_assert_eq(cm_head_store_open(&store, folder, "gw-1", "valley.test/gateway/gw-1", &error),
                 expected);
}

static void set_up(void)
{
    pki = pki_new();
    gateway = pki_signer(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    snprintf(folder, sizeof folder, "%s/gateways", pki->dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    open_store(CM_OK);
}

static void tear_down(void)
{
    char path[PKI_PATH + 32];
    cm_head_store_clear(&store);
    snprintf(path, sizeof path, "%s/gw-1", folder);
    unlink(path);
    rmdir(folder);
    pki_free(pki);
}

TestSuite(head_store, .init = set_up, .fini = tear_down);

struct wait {
    struct cm_keep keep;
    unsigned done;
};

static void done(struct cm_keep *keep)
{
    CM_CONTAINER(keep, struct wait, keep)->done++;
}

// wait NULL: nothing waits.
static void keep(struct wait *wait, uint64_t size)
{
    struct cm_checkpoint checkpoint = {.origin = "valley.test/gateway/gw-1", .size = size};
    struct cm_buf note = {0};
    checkpoint.root.b[0] = (uint8_t)size;
    cr_assert_eq(cm_checkpoint_sign(&note, &checkpoint, gateway), CM_OK);
    if (wait) {
        *wait = (struct wait){.keep.done = done};
    }
    cm_head_store_keep(&store, wait ? &wait->keep : NULL, size, cm_buf_bytes(&note));
    cm_buf_clear(&note);
}

Test(head_store, remembers_across_restarts)
{
    struct wait wait;
    cr_assert_eq(store.durable.size, 0);
    keep(&wait, 5);
    cr_assert_eq(wait.done, 0);
    run_job();
    cr_assert_eq(wait.done, 1);
    cr_assert_eq(wait.keep.status, CM_OK);
    open_store(CM_OK);
    cr_assert_eq(store.durable.size, 5);
    cr_assert_eq(store.durable.root.b[0], 5);
}

Test(head_store, one_write_serves_all_that_came_meanwhile)
{
    struct wait first, second, third, older;
    keep(&first, 5);
    keep(&second, 6);
    keep(&third, 9);
    keep(&older, 7);
    run_job();
    cr_assert(first.done && !second.done && !third.done && !older.done);
    run_job();
    cr_assert(second.done == 1 && third.done == 1 && older.done == 1);
    cr_assert_eq(job_count, 0);
    keep(&older, 9);
    cr_assert_eq(older.done, 1, "durable already");
    open_store(CM_OK);
    cr_assert_eq(store.durable.size, 9);
}

Test(head_store, says_when_it_cannot_write)
{
    struct wait wait;
    char gone[sizeof folder + 8];
    snprintf(gone, sizeof gone, "%s.gone", folder);
    keep(&wait, 5);
    cr_assert_eq(rename(folder, gone), 0);
    run_job();
    cr_assert_eq(rename(gone, folder), 0);
    cr_assert_eq(wait.keep.status, CM_UNAVAILABLE);
    cr_assert_eq(store.durable.size, 0);
    keep(&wait, 5);
    run_job();
    cr_assert_eq(wait.keep.status, CM_OK);
}

Test(head_store, a_damaged_file_is_not_a_beginning)
{
    char path[PKI_PATH + 32];
    snprintf(path, sizeof path, "%s/gw-1", folder);
    cr_assert_eq(cm_file_write(path, cm_bytes_of("not a checkpoint"), 0600, NULL), CM_OK);
    open_store(CM_INVALID);
}

// Overwrites one byte of the file, at offset.
static void spoil(off_t offset)
{
    char path[PKI_PATH + 32];
    snprintf(path, sizeof path, "%s/gw-1", folder);
    const int file = open(path, O_RDWR);
    uint8_t byte;
    cr_assert_eq(pread(file, &byte, 1, offset), 1);
    byte ^= 1;
    cr_assert_eq(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

Test(head_store, a_torn_write_leaves_what_was_durable)
{
    const off_t second = 2 * CM_MAX_CHECKPOINT;
    struct wait wait;
    keep(&wait, 5);
    run_job();
    keep(&wait, 6);
    run_job();
    spoil(second + 40);
    open_store(CM_OK);
    cr_assert_eq(store.durable.size, 5);
    // The spoilt place is the one written next: 5 is still there if that fails too.
    keep(&wait, 7);
    run_job();
    spoil(second + 40);
    open_store(CM_OK);
    cr_assert_eq(store.durable.size, 5);
    spoil(40);
    open_store(CM_INVALID);
}

Test(head_store, the_newest_of_many_is_remembered)
{
    struct wait wait;
    for (uint64_t size = 1; size < 8; size++) {
        keep(&wait, size);
        run_job();
        cr_assert_eq(wait.keep.status, CM_OK);
        open_store(CM_OK);
        cr_assert_eq(store.durable.size, size);
    }
}

Test(head_store, what_nobody_waited_for_is_written_when_told)
{
    struct wait wait;
    keep(NULL, 5);
    cr_assert_eq(job_count, 0);
    cm_head_store_settle(&store);
    keep(NULL, 6);
    cm_head_store_settle(&store);
    run_job();
    cr_assert_eq(store.durable.size, 5);
    keep(&wait, 4);
    cr_assert_eq(wait.done, 1);
    cm_head_store_settle(&store);
    run_job();
    cm_head_store_settle(&store);
    cr_assert_eq(job_count, 0, "it is durable");
    open_store(CM_OK);
    cr_assert_eq(store.durable.size, 6);
}
