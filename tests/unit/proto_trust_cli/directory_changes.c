#include "proto/trust/cli/directory_changes.h"

#include "proto/trust/directory_json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define PIN_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define PIN_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct cm_arena *arena;

static void make(void)
{
    arena = cm_arena_new(CM_MAX_DIRECTORY);
}

static void clean(void)
{
    cm_arena_free(arena);
}

TestSuite(directory_changes, .init = make, .fini = clean);

static struct cm_directory with(const char *agencies)
{
    char json[1024];
    struct cm_directory out;
    struct cm_error error = {0};
    snprintf(json, sizeof json, "{\"federation\":\"valley.example\",\"agencies\":[%s]}", agencies);
    cr_assert_eq(cm_directory_of_json(&out, arena, cm_bytes_of(json), &error), CM_OK, "%s",
                 error.text);
    return out;
}

static size_t print(char **text, const struct cm_directory *before,
                    const struct cm_directory *after)
{
    size_t size, count = 0;
    FILE *out = open_memstream(text, &size);
    cr_assert_eq(cm_directory_changes_print(out, &count, before, after), CM_OK);
    fclose(out);
    return count;
}

Test(directory_changes, what_came_went_and_differs_is_printed)
{
    struct cm_directory before = with("{\"id\":\"ca.a\"},{\"id\":\"ca.c\",\"state\":\"CA\"}");
    struct cm_directory after =
        with("{\"id\":\"ca.b\"},{\"id\":\"ca.c\",\"state\":\"NV\",\"active\":false}");
    char *text = NULL;
    cr_expect_eq(print(&text, &before, &after), 4);
    cr_expect_not_null(strstr(text, "- agency {\"id\":\"ca.a\""));
    cr_expect_not_null(strstr(text, "+ agency {\"id\":\"ca.b\""));
    cr_expect_not_null(strstr(text, "~ agency ca.c: state \"CA\" -> \"NV\""));
    cr_expect_not_null(strstr(text, "~ agency ca.c: active true -> false"));
    free(text);
    cr_expect_eq(print(&text, &after, &after), 0);
    cr_expect_str_eq(text, "");
    free(text);
}

Test(directory_changes, ids_are_never_reused)
{
    struct cm_error error = {0};
    struct cm_directory before = with("{\"id\":\"ca.a\",\"active\":false,\"ca_pins\":[\"" PIN_A
                                      "\"]},{\"id\":\"ca.b\",\"ca_pins\":[\"" PIN_A "\"]}");
    struct cm_directory gone = with("{\"id\":\"ca.b\",\"ca_pins\":[\"" PIN_A "\"]}");
    struct cm_directory reused = with("{\"id\":\"ca.a\",\"ca_pins\":[\"" PIN_B
                                      "\"]},{\"id\":\"ca.b\",\"ca_pins\":[\"" PIN_A "\"]}");
    struct cm_directory back = with("{\"id\":\"ca.a\",\"ca_pins\":[\"" PIN_A "\",\"" PIN_B
                                    "\"]},{\"id\":\"ca.b\",\"ca_pins\":[\"" PIN_B "\"]}");
    cr_expect_eq(cm_directory_changes_check(&before, &gone, &error), CM_INVALID);
    cr_expect_str_eq(error.where, "ca.a");
    cr_expect_eq(cm_directory_changes_check(&before, &reused, &error), CM_INVALID);
    cr_expect_str_eq(error.where, "ca.a");
    cr_expect_eq(cm_directory_changes_check(&before, &back, &error), CM_OK,
                 "the same agency may come back, an active one may change its CA");
    cr_expect_eq(cm_directory_changes_check(&before, &before, &error), CM_OK);
    struct cm_directory other = before;
    other.federation = "other.example";
    cr_expect_eq(cm_directory_changes_check(&before, &other, &error), CM_INVALID);
}
