#include "nodes/ingest/csv.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file_of(const char *data, size_t len)
{
    int fd = memfd_create("csv", 0);
    cr_assert_eq(write(fd, data, len), (ssize_t)len);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

// Every record as "LINE:field|field;" or "LINE!raw;" where it is broken.
static const char *read_all(const char *data, size_t len)
{
    static struct cm_buf out;
    struct cm_csv *csv = NULL;
    struct cm_csv_record r;
    int fd = file_of(data, len);
    cm_buf_clear(&out);
    cr_assert_eq(cm_csv_new(&csv, fd, "x.csv", NULL), CM_OK);
    do {
        cr_assert_eq(cm_csv_next(csv, &r, NULL), CM_OK);
        if (r.kind == CM_CSV_BROKEN) {
            cr_assert_eq(cm_buf_printf(&out, "%d!%.*s;", (int)r.line, (int)r.raw.len, r.raw.data),
                         CM_OK);
            cr_expect_not_null(r.problem);
        } else if (r.kind == CM_CSV_RECORD) {
            cr_assert_eq(cm_buf_printf(&out, "%d:", (int)r.line), CM_OK);
            for (size_t i = 0; i < r.field_count; i++) {
                cr_assert_eq(cm_buf_add(&out, "|", i > 0), CM_OK);
                cr_assert_eq(cm_buf_add(&out, r.fields[i].data, r.fields[i].len), CM_OK);
            }
            cr_assert_eq(cm_buf_add(&out, ";", 1), CM_OK);
        }
    } while (r.kind != CM_CSV_END);
    cr_expect_eq(cm_csv_offset(csv), len);
    cm_csv_free(csv);
    close(fd);
    cr_assert_eq(cm_buf_add(&out, "", 1), CM_OK);
    return (const char *)out.data;
}

static void expect(const char *csv, const char *records)
{
    const char *got = read_all(csv, strlen(csv));
    cr_expect_str_eq(got, records, "from: %s\ngot:  %s", csv, got);
}

Test(csv, reads_what_rfc_4180_describes)
{
    expect("a,b\n1,2\n", "1:a|b;2:1|2;");
    expect("a,b\r\n1,2\r\n", "1:a|b;2:1|2;");
    expect("a,b\n1,2", "1:a|b;2:1|2;");
    expect("a,b\n1,\"2\"", "1:a|b;2:1|2;");
    expect("a,b\n1,\"2\"\r\n", "1:a|b;2:1|2;");
    expect("\"a\",\"b,c\"\n\"x\"\"y\",\"\"\n", "1:a|b,c;2:x\"y|;");
    expect("a,,\n,,\n", "1:a||;2:||;");
    expect(" a , b\n", "1: a | b;");
    expect("", "");
}

Test(csv, a_quoted_field_may_hold_lines)
{
    expect("a\n\"x\ny\r\nz\",1\nb\n", "1:a;2:x\ny\r\nz|1;5:b;");
}

Test(csv, a_byte_order_mark_and_empty_lines_are_no_data)
{
    expect("\xef\xbb\xbf"
           "a,b\n\n\r\n1,2\n\n",
           "1:a|b;4:1|2;");
    expect("\xef\xbb\xbf\"a\",b\n", "1:a|b;");
    expect("a\n\xef\xbb\xbf"
           "1\n",
           "1:a;2:\xef\xbb\xbf"
           "1;");
}

Test(csv, a_broken_record_costs_its_first_line_only)
{
    expect("a\nx\"y,1\nb\n", "1:a;2!x\"y,1;3:b;");
    expect("a\n\"x\"y,1\r\nb\n", "1:a;2!\"x\"y,1;3:b;");
    expect("a\n\"open\nb\nc\n", "1:a;2!\"open;3:b;4:c;");
    expect("a\n\"open\nb,\"c\"\nd\n", "1:a;2!\"open;3:b|c;4:d;");
    expect("\"", "1!\";");
    expect("a\n\"\n\"b\n", "1:a;2!\";3!\"b;");
}

Test(csv, bytes_of_any_kind_come_through)
{
    const char data[] = "a\n\0x,\xff\n";
    const char *got = read_all(data, sizeof data - 1);
    cr_expect_eq(memcmp(got, "1:a;2:\0x|\xff;", 12), 0);
}

Test(csv, an_open_quote_does_not_swallow_the_file)
{
    struct cm_buf data = {0};
    cr_assert_eq(cm_buf_printf(&data, "a\n\"open\n"), CM_OK);
    size_t lines = 0;
    while (data.len < 2 * CM_CSV_MAX_RECORD) {
        cr_assert_eq(cm_buf_printf(&data, "row %zu\n", lines++), CM_OK);
    }
    const char *got = read_all((const char *)data.data, data.len);
    size_t records = 0;
    for (const char *at = got; (at = strchr(at, ';')) != NULL; at++) {
        records++;
    }
    cr_expect_eq(records, lines + 2);
    cr_expect_eq(strncmp(got, "1:a;2!\"open;3:row 0;", 20), 0);
    cm_buf_clear(&data);
}

Test(csv, a_line_without_end_is_an_error)
{
    char *data = malloc(CM_CSV_MAX_RECORD + 10);
    struct cm_csv *csv = NULL;
    struct cm_csv_record record;
    struct cm_error error = {0};
    memset(data, 'x', CM_CSV_MAX_RECORD + 10);
    memcpy(data, "a\n", 2);
    int fd = file_of(data, CM_CSV_MAX_RECORD + 10);
    cr_assert_eq(cm_csv_new(&csv, fd, "x.csv", NULL), CM_OK);
    cr_assert_eq(cm_csv_next(csv, &record, &error), CM_OK);
    cr_expect_eq(cm_csv_next(csv, &record, &error), CM_INVALID);
    cr_expect_not_null(strstr(error.text, "line 2"), "%s", error.text);
    cm_csv_free(csv);
    close(fd);
    free(data);
}

Test(csv, too_many_fields_break_a_record)
{
    char data[CM_CSV_MAX_FIELDS + 8];
    memset(data, ',', sizeof data);
    memcpy(data, "a\n", 2);
    memcpy(data + sizeof data - 4, "\nb\n", 4);
    const char *got = read_all(data, sizeof data - 1);
    cr_expect_eq(strncmp(got, "1:a;2!,,", 8), 0);
    cr_expect_not_null(strstr(got, ";3:b;"));
}

Test(csv, says_when_there_is_nothing_to_read_yet)
{
    int ends[2];
    struct cm_csv *csv = NULL;
    struct cm_csv_record record;
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(cm_csv_new(&csv, ends[0], "-", NULL), CM_OK);
    cr_assert_eq(write(ends[1], "a\n\"half", 7), 7);
    cr_assert_eq(cm_csv_next(csv, &record, NULL), CM_OK);
    cr_expect_eq(record.kind, CM_CSV_RECORD);
    cr_assert_eq(cm_csv_next(csv, &record, NULL), CM_OK);
    cr_expect_eq(record.kind, CM_CSV_PAUSE);
    cr_assert_eq(write(ends[1], "\nrest\"\n", 7), 7);
    cr_assert_eq(cm_csv_next(csv, &record, NULL), CM_OK);
    cr_assert_eq(record.kind, CM_CSV_RECORD);
    cr_expect(cm_bytes_equal(record.fields[0], cm_bytes_of("half\nrest")));
    close(ends[1]);
    cr_assert_eq(cm_csv_next(csv, &record, NULL), CM_OK);
    cr_expect_eq(record.kind, CM_CSV_END);
    cm_csv_free(csv);
    close(ends[0]);
}
