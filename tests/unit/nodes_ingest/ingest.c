#include "nodes/ingest/ingest.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/file.h"

#define OWNER  "ca.northport.pd"
#define HEADER "event_id,captured_at,plate_read\n"

static char folder[32], rejects[48];
static struct cm_store *store;
static struct cm_ingest_report report;
static struct cm_error error;
static volatile sig_atomic_t stop;

static int64_t fixed_now(const struct cm_clock *clock)
{
    (void)clock;
    return 1795337603000;
}

static const struct cm_clock fixed = {fixed_now, fixed_now};

static void open_store(void)
{
    char where[64];
    snprintf(folder, sizeof folder, "/tmp/comity-ingest-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(where, sizeof where, "sqlite:%s/n.db", folder);
    snprintf(rejects, sizeof rejects, "%s/rejects.csv", folder);
    cr_assert_eq(cm_store_open(&store, where, OWNER, 1, &error), CM_OK, "%s", error.text);
}

static void close_store(void)
{
    static const char *const names[] = {"n.db", "n.db.claims", "rejects.csv"};
    char path[64];
    cm_store_close(store);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    cr_expect_eq(rmdir(folder), 0);
}

TestSuite(ingest, .init = open_store, .fini = close_store);

static enum cm_status ingest_fd(int fd, void (*progress)(void *, const struct cm_ingest_report *))
{
    const struct cm_ingest ingest = {.store = store,
                                     .owner = OWNER,
                                     .fd = fd,
                                     .name = "x.csv",
                                     .rejects_path = rejects,
                                     .clock = &fixed,
                                     .stop = &stop,
                                     .progress = progress};
    enum cm_status status = cm_ingest_csv(&report, &ingest, &error);
    cr_expect_eq(report.records, report.accepted + report.duplicates + report.rejected);
    return status;
}

static int file_of(struct cm_bytes text)
{
    int fd = memfd_create("csv", 0);
    cr_assert_eq(write(fd, text.data, text.len), (ssize_t)text.len);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static enum cm_status ingest_text(const char *text)
{
    int fd = file_of(cm_bytes_of(text));
    enum cm_status status = ingest_fd(fd, NULL);
    close(fd);
    return status;
}

static void expect_rejects(const char *text)
{
    struct cm_buf got = {0};
    struct stat info;
    cr_assert_eq(cm_file_read(&got, rejects, 1 << 20, NULL), CM_OK, "no rejects file");
    cr_expect(cm_bytes_equal(cm_buf_bytes(&got), cm_bytes_of(text)), "%.*s", (int)got.len,
              got.data);
    cr_assert_eq(stat(rejects, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600);
    cm_buf_clear(&got);
}

static uint64_t stored(void)
{
    uint64_t rows = 0;
    cr_assert_eq(store->ops->count(store, &rows, NULL), CM_OK);
    return rows;
}

Test(ingest, good_lines_are_stored_and_no_rejects_file_is_made)
{
    cr_assert_eq(ingest_text(HEADER "a,1795337602000,8ABC123\r\nb,1795337602000,8ABC124"), CM_OK);
    cr_expect_eq(report.accepted, 2);
    cr_expect_eq(stored(), 2);
    cr_expect_neq(access(rejects, F_OK), 0);
}

Test(ingest, bad_lines_go_to_the_rejects_file_as_they_were)
{
    cr_assert_eq(ingest_text(HEADER "a,1795337602000,8ABC123\n"
                                    "b,soon,8ABC124\r\n"
                                    "c,1795337602000,\"8ABC\n124\"\n"
                                    "d,1795337602000\n"
                                    "e,1795337602000,8\"ABC\n"
                                    "f,1795337602000,8ABC125\n"),
                 CM_OK);
    cr_expect_eq(report.accepted, 2);
    cr_expect_eq(report.rejected, 4);
    expect_rejects("event_id,captured_at,plate_read,reject_reason\n"
                   "b,soon,8ABC124,\"line 3, column captured_at: is no time: RFC 3339 with an "
                   "offset, or milliseconds since 1970\"\n"
                   "c,1795337602000,\"8ABC\n124\",\"line 4, column plate_read: holds a control "
                   "character\"\n"
                   "\"d,1795337602000\",,,\"line 6: has 2 fields where the header has 3\"\n"
                   "\"e,1795337602000,8\"\"ABC\",,,\"line 7: a quote stands inside a field without "
                   "quotes\"\n");
}

Test(ingest, a_corrected_rejects_file_can_be_ingested)
{
    cr_assert_eq(ingest_text("event_id,captured_at,plate_read,reject_reason\n"
                             "b,1795337602000,8ABC124,\"line 3: was wrong\"\n"),
                 CM_OK);
    cr_expect_eq(report.accepted, 1);
}

Test(ingest, a_second_run_finds_duplicates_and_other_content_is_rejected)
{
    const char *first = HEADER "a,1795337602000,8ABC123\nb,1795337602000,8ABC124\n";
    cr_assert_eq(ingest_text(first), CM_OK);
    cr_assert_eq(ingest_text(first), CM_OK);
    cr_expect_eq(report.duplicates, 2);
    cr_assert_eq(ingest_text(HEADER "a,1795337602000,8ABC123\nb,1795337602000,8ABC129\n"), CM_OK);
    cr_expect_eq(report.duplicates, 1);
    cr_expect_eq(report.rejected, 1);
    expect_rejects("event_id,captured_at,plate_read,reject_reason\n"
                   "b,1795337602000,8ABC129,\"line 3, column event_id: is known, with other "
                   "content\"\n");
    cr_expect_eq(stored(), 2);
}

static struct cm_buf many_lines(size_t count)
{
    struct cm_buf text = {0};
    cr_assert_eq(cm_buf_printf(&text, HEADER), CM_OK);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(cm_buf_printf(&text, "e%zu,1795337602000,%s\n", i, i % 7 == 0 ? "-" : "A1"),
                     CM_OK);
    }
    return text;
}

static void stop_now(void *user, const struct cm_ingest_report *so_far)
{
    (void)user;
    stop = so_far->accepted > 2000;
}

Test(ingest, stopped_in_the_middle_it_is_consistent_and_a_rerun_completes)
{
    struct cm_buf text = many_lines(7000);
    int fd = file_of(cm_buf_bytes(&text));
    cr_assert_eq(ingest_fd(fd, stop_now), CM_OK);
    cr_expect(report.stopped);
    cr_expect(report.accepted > 2000 && report.accepted < 6000, "%d", (int)report.accepted);
    cr_expect_eq(stored(), report.accepted);
    uint64_t before = report.accepted;
    stop = 0;
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    cr_assert_eq(ingest_fd(fd, NULL), CM_OK);
    cr_expect(!report.stopped);
    cr_expect_eq(report.records, 7000);
    cr_expect_eq(report.rejected, 1000);
    cr_expect_eq(report.duplicates, before);
    cr_expect_eq(stored(), 6000);
    close(fd);
    cm_buf_clear(&text);
}

Test(ingest, what_was_good_before_an_endless_line_is_stored)
{
    struct cm_buf text = many_lines(8);
    uint8_t *room = NULL;
    cr_assert_eq(cm_buf_reserve(&text, 300000, &room), CM_OK);
    memset(room, 'x', 300000);
    text.len += 300000;
    int fd = file_of(cm_buf_bytes(&text));
    cr_expect_eq(ingest_fd(fd, NULL), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "line 10"), "%s", error.text);
    cr_expect_eq(report.accepted, 6);
    cr_expect_eq(stored(), 6);
    close(fd);
    cm_buf_clear(&text);
}

Test(ingest, an_empty_or_headless_file_is_an_error)
{
    cr_expect_eq(ingest_text(""), CM_INVALID);
    cr_expect_eq(ingest_text("\"a\n"), CM_INVALID);
    cr_expect_eq(ingest_text("a,1795337602000,8ABC123\n"), CM_INVALID);
    cr_expect_eq(ingest_text(HEADER), CM_OK);
    cr_expect_eq(report.records, 0);
}

Test(ingest, a_rejects_file_that_cannot_be_written_stops_it)
{
    snprintf(rejects, sizeof rejects, "%s/no/file", folder);
    cr_expect_eq(ingest_text(HEADER "b,soon,8ABC124\n"), CM_IO);
    cr_expect_not_null(strstr(error.hint, "--rejects"));
}

Test(ingest, does_not_follow_a_link_where_the_rejects_go)
{
    char target[48];
    snprintf(target, sizeof target, "%s/target", folder);
    cr_assert_eq(symlink(target, rejects), 0);
    cr_expect_eq(ingest_text(HEADER "b,soon,8ABC124\n"), CM_IO);
    cr_expect_neq(access(target, F_OK), 0);
}
