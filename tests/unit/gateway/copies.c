// Copies between a gateway's queries and a node that is attentive, slow, silent, or away.
#include "gateway/copies.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NORTHPORT "ca.northport.pd"
#define MILLTOWN  "ca.milltown.pd"

enum { JOBS = 256, KB = 1024 };

static char dir[] = "/tmp/comity-copies-XXXXXX";
static char folder[64];
static struct cm_day_keys *keys;
static struct cm_copies *copies;
static struct cm_copies_options options;
static struct cm_clock fake_clock;
static int64_t mono, wall_now = INT64_C(1900000000000);
static struct cm_job *jobs[JOBS];
static size_t job_count, job_done;
static bool busy;
static unsigned readies, safe_count, lost_count;
static uint64_t safe_sum;

static int64_t wall_ms(const struct cm_clock *clock)
{
    (void)clock;
    return wall_now;
}

static int64_t mono_ms(const struct cm_clock *clock)
{
    (void)clock;
    return mono;
}

static enum cm_status submit(void *context, struct cm_job *job)
{
    (void)context;
    if (busy) {
        return CM_EXHAUSTED;
    }
    cr_assert_lt(job_count, JOBS);
    jobs[job_count++] = job;
    return CM_OK;
}

static void ready(void *context, const char *agency)
{
    (void)context;
    (void)agency;
    readies++;
}

static void safe(void *context, const struct cm_query_end *end, bool lost)
{
    (void)context;
    safe_count++;
    safe_sum += end->index;
    lost_count += lost;
}

static void run_jobs(void)
{
    cm_copies_look(copies);
    while (job_done < job_count) {
        struct cm_job *job = jobs[job_done++];
        job->work(job);
        job->done(job);
    }
    job_done = job_count = 0;
}

static void begin(void)
{
    struct cm_error error = {0};
    cr_assert_eq(cm_copies_new(&copies, &options, &error), CM_OK, "%s: %s", error.where,
                 error.text);
}

static void restart(void)
{
    run_jobs();
    cm_copies_free(copies);
    begin();
}

static void setup(void)
{
    struct cm_error error = {0};
    cr_assert_not_null(mkdtemp(dir));
    snprintf(folder, sizeof folder, "%s/copies", dir);
    cr_assert_eq(cm_day_keys_open(&keys, dir, &error), CM_OK);
    cr_assert_eq(cm_day_keys_prepare(keys, wall_now, &error), CM_OK);
    fake_clock = (struct cm_clock){wall_ms, mono_ms};
    options = (struct cm_copies_options){
        .folder = folder,
        .keys = keys,
        .clock = &fake_clock,
        .held = 800 * KB,
        .stored = 4 * KB * KB,
        .stored_agency = 2 * KB * KB,
        .submit = submit,
        .ready = ready,
        .safe = safe,
    };
    begin();
}

static void teardown(void)
{
    char command[256];
    run_jobs();
    cm_copies_free(copies);
    cm_day_keys_free(keys);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(copies, .init = setup, .fini = teardown);

// Its bytes are its number's.
static void add_to(const char *agency, uint64_t index, size_t size)
{
    struct cm_buf message = {0};
    uint8_t *into;
    struct cm_query_end end = {.index = index, .number = index};
    cr_assert_eq(cm_buf_reserve(&message, size, &into), CM_OK);
    memset(into, (int)index, size);
    message.len = size;
    cm_copies_add(copies, agency, &message, &end);
    cr_assert_null(message.data);
}

static void add(uint64_t index)
{
    add_to(NORTHPORT, index, 100);
}

// The number of what session is to be sent now, 0: nothing.
static uint64_t take(uint64_t session)
{
    struct cm_bytes message;
    if (!cm_copies_take(&message, copies, NORTHPORT, session)) {
        return 0;
    }
    for (size_t i = 1; i < message.len; i++) {
        cr_assert_eq(message.data[i], message.data[0]);
    }
    return message.data[0];
}

static struct cm_copies_counts counts(void)
{
    return cm_copies_count(copies);
}

Test(copies, goes_to_the_agencys_node_and_is_safe_once_acknowledged)
{
    cm_copies_attach(copies, NORTHPORT, 1);
    add(5);
    cr_assert_eq(readies, 2);
    cr_assert_eq(take(2), 0, "another session");
    cr_assert_eq(take(1), 5);
    cr_assert_eq(take(1), 0, "once");
    cr_assert_eq(safe_count, 0);
    cm_copies_acknowledge(copies, MILLTOWN, 5);
    cm_copies_acknowledge(copies, NORTHPORT, 6);
    cr_assert_eq(safe_count, 0, "of another");
    cm_copies_acknowledge(copies, NORTHPORT, 5);
    cr_assert_eq(safe_count, 1);
    cr_assert_eq(lost_count, 0);
    cm_copies_acknowledge(copies, NORTHPORT, 5);
    cr_assert_eq(safe_count, 1, "twice");
    cr_assert_eq(job_count, 0, "nothing touches the disk");
    cr_assert(cm_copies_idle(copies));
}

Test(copies, waits_on_disk_for_a_node_oldest_first_one_at_a_time)
{
    add(9);
    add(5);
    add(7);
    cr_assert_eq(safe_count, 0, "not yet on disk");
    run_jobs();
    cr_assert_eq(safe_count, 3);
    cr_assert_eq(counts().files, 3);
    cr_assert(cm_copies_stored(copies, NORTHPORT, 7));
    cr_assert_not(cm_copies_stored(copies, NORTHPORT, 8));
    restart();
    cr_assert_eq(counts().files, 3);
    cm_copies_attach(copies, NORTHPORT, 4);
    for (uint64_t index = 5; index <= 9; index += 2) {
        run_jobs();
        cr_assert_eq(take(4), index);
        cr_assert_eq(take(4), 0);
        cm_copies_acknowledge(copies, NORTHPORT, index);
    }
    run_jobs();
    cr_assert_eq(counts().files, 0);
    cr_assert_eq(safe_count, 3, "the ledger was told when they were written");
    restart();
    cr_assert_eq(counts().files, 0);
}

Test(copies, go_to_disk_together_and_much_of_it_at_once)
{
    for (uint64_t index = 1; index <= 20; index++) {
        add(index);
    }
    cr_assert_eq(job_count, 0, "not yet");
    cm_copies_look(copies);
    cr_assert_eq(job_count, 1);
    for (uint64_t index = 21; index <= 23; index++) {
        add_to(index == 21 ? NORTHPORT : MILLTOWN, index, 100 * KB);
    }
    cr_assert_eq(job_count, 2, "a quarter of the memory waits no longer");
    run_jobs();
    cr_assert_eq(counts().files, 23);
    cr_assert_eq(safe_count, 23);
    cr_assert(cm_copies_stored(copies, MILLTOWN, 22));
    cr_assert(cm_copies_idle(copies));
}

// The workers may be gone or have too much: what waits is tried again, what comes then is put off.
Test(copies, that_no_worker_takes_are_tried_again)
{
    busy = true;
    for (uint64_t index = 1; index <= CM_COPIES_BATCH + 1; index++) {
        add(index);
    }
    run_jobs();
    cr_assert_eq(counts().put_off, 1);
    cr_assert_eq(counts().files, 0);
    busy = false;
    run_jobs();
    cr_assert_eq(counts().files, CM_COPIES_BATCH);
    cr_assert_eq(safe_count, CM_COPIES_BATCH);
}

Test(copies, of_a_new_epoch_have_numbers_above_the_old_ones)
{
    cr_assert_eq(cm_copy_number(1, 7), 7);
    cr_assert_gt(cm_copy_number(2, 0), cm_copy_number(1, UINT64_C(1) << 39));
    cr_assert_gt(cm_copy_number(3, 0), cm_copy_number(2, UINT64_C(1) << 39));
}

Test(copies, of_a_session_that_is_lost_are_kept_and_go_to_the_next)
{
    cm_copies_attach(copies, NORTHPORT, 1);
    add(5);
    add(6);
    cr_assert_eq(take(1), 5);
    cm_copies_detach(copies, NORTHPORT, 9, 0); // not who has them
    cr_assert_eq(take(1), 6);
    cm_copies_detach(copies, NORTHPORT, 1, 2);
    cr_assert_eq(take(1), 0);
    run_jobs();
    cr_assert_eq(safe_count, 2);
    cr_assert_eq(take(2), 5);
    cm_copies_acknowledge(copies, NORTHPORT, 5);
    run_jobs();
    cr_assert_eq(take(2), 6);
}

Test(copies, a_window_bounds_what_a_node_has_unacknowledged)
{
    cm_copies_attach(copies, NORTHPORT, 1);
    for (uint64_t index = 1; index <= 20; index++) {
        add(index);
    }
    for (uint64_t index = 1; index <= CM_COPIES_WINDOW; index++) {
        cr_assert_eq(take(1), index);
    }
    cr_assert_eq(take(1), 0);
    cm_copies_acknowledge(copies, NORTHPORT, 3);
    cr_assert_eq(take(1), CM_COPIES_WINDOW + 1);
    cr_assert_eq(take(1), 0);
}

// What a node takes slowly, another agency's copies have their room beside.
Test(copies, a_slow_node_fills_its_part_of_memory_and_then_the_disk)
{
    cm_copies_attach(copies, NORTHPORT, 1);
    cm_copies_attach(copies, MILLTOWN, 2);
    for (uint64_t index = 1; index <= 30; index++) {
        add_to(NORTHPORT, index, 10 * KB);
    }
    add_to(MILLTOWN, 31, 10 * KB);
    struct cm_bytes message;
    cr_assert(cm_copies_take(&message, copies, MILLTOWN, 2));
    run_jobs();
    cr_assert_eq(counts().files, 20, "past an eighth");
}

Test(copies, what_is_not_acknowledged_makes_way_for_the_others)
{
    cm_copies_attach(copies, NORTHPORT, 1);
    add(5);
    cr_assert_eq(take(1), 5);
    mono += CM_COPIES_ACK_MS - 1;
    cm_copies_look(copies);
    cr_assert_eq(job_count, 0);
    mono += 1;
    cm_copies_look(copies);
    run_jobs();
    cr_assert_eq(safe_count, 1, "on disk");
    cr_assert_eq(take(1), 0, "not to the same session again");
    add(6);
    cr_assert_eq(take(1), 6, "the others go on");
    cm_copies_acknowledge(copies, NORTHPORT, 5);
    run_jobs();
    cr_assert_eq(counts().files, 0, "late, and heard all the same");
}

Test(copies, who_acknowledges_nothing_gets_nothing_more)
{
    cm_copies_attach(copies, NORTHPORT, 1);
    for (uint64_t index = 1; index <= 12; index++) {
        add(index);
    }
    for (unsigned i = 0; i < CM_COPIES_WINDOW; i++) {
        take(1);
    }
    mono += CM_COPIES_ACK_MS;
    cm_copies_look(copies);
    run_jobs();
    cr_assert_eq(counts().files, 12);
    cr_assert_eq(counts().waiting, 0);
    add(13);
    cr_assert_eq(take(1), 0);
    run_jobs();
    cm_copies_attach(copies, NORTHPORT, 2);
    run_jobs();
    cr_assert_eq(take(2), 1, "until it attaches again");
}

// One that ends every session must not keep the others from the node.
Test(copies, one_that_sessions_end_over_is_left_alone)
{
    add(5);
    add(6);
    run_jobs();
    for (uint64_t session = 1; session <= CM_COPIES_FAILURES; session++) {
        cm_copies_attach(copies, NORTHPORT, session);
        run_jobs();
        cr_assert_eq(take(session), 5);
        cm_copies_detach(copies, NORTHPORT, session, 0);
        run_jobs();
    }
    cm_copies_attach(copies, NORTHPORT, 99);
    run_jobs();
    cr_assert_eq(take(99), 6);
    cr_assert_eq(counts().files, 2);
}

Test(copies, the_end_puts_everything_on_disk)
{
    cm_copies_attach(copies, NORTHPORT, 1);
    add(5);
    add(6);
    cr_assert_eq(take(1), 5);
    cm_copies_flush(copies);
    cr_assert_not(cm_copies_idle(copies));
    cr_assert_eq(take(1), 0);
    cm_copies_acknowledge(copies, NORTHPORT, 5); // while it is written
    run_jobs();
    cr_assert(cm_copies_idle(copies));
    cr_assert_eq(safe_count, 2);
    restart();
    cr_assert_eq(counts().files, 1);
    cr_assert(cm_copies_stored(copies, NORTHPORT, 6));
}

Test(copies, without_room_on_disk_they_are_lost_and_that_is_told)
{
    options.stored_agency = 350;
    restart();
    add(5);
    add(6);
    add(7);
    run_jobs();
    cr_assert_eq(counts().stored, 2);
    cr_assert_eq(counts().lost, 1);
    cr_assert_eq(lost_count, 1);
    cr_assert_eq(safe_sum, 18);
    add_to(MILLTOWN, 8, 100);
    run_jobs();
    cr_assert_eq(counts().lost, 1, "of one agency, not of another");
}

Test(copies, without_room_in_memory_they_are_put_off_and_not_safe)
{
    for (uint64_t index = 1; index <= 9; index++) {
        add_to(NORTHPORT, index, 100 * KB);
    }
    cr_assert_eq(counts().put_off, 1);
    run_jobs();
    cr_assert_eq(safe_count, 8);
}

Test(copies, what_can_not_be_written_is_not_safe)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s && : > %s", folder, folder);
    cr_assert_eq(system(command), 0);
    add(5);
    run_jobs();
    cr_assert_eq(safe_count, 0);
    cr_assert_eq(counts().put_off, 1);
    cr_assert(cm_copies_idle(copies));
}

Test(copies, one_on_disk_is_never_written_over)
{
    add(5);
    run_jobs();
    add_to(NORTHPORT, 5, 50);
    run_jobs();
    cr_assert_eq(counts().put_off, 1);
    cr_assert_eq(counts().files, 1);
    cr_assert_eq(safe_count, 1);
}

Test(copies, go_with_their_days_key)
{
    add(5);
    run_jobs();
    wall_now += CM_DAY_LENGTH_MS;
    add(6);
    run_jobs();
    uint32_t today = cm_day_of(wall_now);
    cr_assert_eq(cm_day_keys_erase(keys, today, NULL, NULL), CM_OK);
    cm_copies_erased(copies, today);
    run_jobs();
    cr_assert_eq(counts().files, 1);
    cr_assert(cm_copies_stored(copies, NORTHPORT, 6));
}

Test(copies, an_altered_file_is_passed_over_and_left)
{
    char command[256];
    add(5);
    add(6);
    run_jobs();
    snprintf(command, sizeof command, "printf x >> %s/%s/5", folder, NORTHPORT);
    cr_assert_eq(system(command), 0);
    cm_copies_attach(copies, NORTHPORT, 1);
    run_jobs();
    cr_assert_eq(take(1), 6);
    snprintf(command, sizeof command, "test -f %s/%s/5", folder, NORTHPORT);
    cr_assert_eq(system(command), 0);
}
