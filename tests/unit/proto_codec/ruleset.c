#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static enum cm_status again_set(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                struct cm_error *error)
{
    struct cm_ruleset set;
    enum cm_status status = cm_ruleset_decode(&set, arena, in, error);

    return status == CM_OK ? cm_ruleset_encode(out, &set, error) : status;
}

static enum cm_status again_overlay(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                                    struct cm_error *error)
{
    struct cm_overlay overlay;
    enum cm_status status = cm_overlay_decode(&overlay, arena, in, error);

    return status == CM_OK ? cm_overlay_encode(out, &overlay, error) : status;
}

static struct cm_rule_file files[2];

static struct cm_ruleset a_set(void)
{
    files[0] =
        (struct cm_rule_file){"northport.rules", cm_bytes_of("rules 1\nnode ca.northport.pd\n"
                                                             "sharing off # ñ\n")};
    files[1] = (struct cm_rule_file){"us-ca", cm_bytes_of("")};
    return (struct cm_ruleset){
        .federation = "west.example",
        .agency = "ca.northport.pd",
        .sequence = 4,
        .previous = codec_digest(1),
        .directory_serial = 7,
        .signed_ms = 1767225600000,
        .language = 1,
        .main = "northport.rules",
        .file_count = 2,
        .files = files,
    };
}

Test(ruleset, golden)
{
    struct cm_ruleset set = a_set();
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_ruleset got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_ruleset_encode(&bytes, &set, NULL), CM_OK);
    codec_expect("ruleset", cm_buf_bytes(&bytes), again_set);
    cr_assert_eq(cm_ruleset_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_str_eq(got.federation, set.federation);
    cr_expect_str_eq(got.agency, set.agency);
    cr_expect_eq(got.sequence, 4);
    cr_expect(cm_digest_equal(&got.previous, &set.previous));
    cr_expect_eq(got.directory_serial, 7);
    cr_expect_eq(got.signed_ms, set.signed_ms);
    cr_expect_eq(got.language, 1);
    cr_expect_str_eq(got.main, set.main);
    cr_assert_eq(got.file_count, 2);
    cr_expect_str_eq(got.files[1].path, "us-ca");
    cr_expect(cm_bytes_equal(got.files[0].text, files[0].text));
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

Test(ruleset, overlay_golden)
{
    struct cm_ruleset set = a_set();
    struct cm_overlay overlay = {
        .federation = set.federation,
        .agency = set.agency,
        .sequence = 4,
        .revision = 2,
        .signed_ms = set.signed_ms,
        .file_count = 1,
        .files = files,
    };
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_overlay got;
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_overlay_encode(&bytes, &overlay, NULL), CM_OK);
    codec_expect("overlay", cm_buf_bytes(&bytes), again_overlay);
    cr_assert_eq(cm_overlay_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_str_eq(got.federation, overlay.federation);
    cr_expect_str_eq(got.agency, overlay.agency);
    cr_expect_eq(got.sequence, 4);
    cr_expect_eq(got.revision, 2);
    cr_expect_eq(got.signed_ms, overlay.signed_ms);
    cr_assert_eq(got.file_count, 1);
    cr_expect(cm_bytes_equal(got.files[0].text, files[0].text));
    cr_expect_eq(got.directory_serial, 0);
    overlay.directory_serial = 7;
    cm_buf_clear(&bytes);
    cr_assert_eq(cm_overlay_encode(&bytes, &overlay, NULL), CM_OK);
    cr_assert_eq(cm_overlay_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_eq(got.directory_serial, 7);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

static void refuses(const struct cm_ruleset *set, const char *where)
{
    struct cm_buf out = {0};
    struct cm_error error = {0};

    cr_expect_eq(cm_ruleset_encode(&out, set, &error), CM_INVALID, "%s", where);
    cr_expect_str_eq(error.where, where, "%s: %s", error.where, error.text);
    cm_buf_clear(&out);
}

Test(ruleset, form)
{
    static struct cm_rule_file many[CM_MAX_RULE_FILES + 1];
    struct cm_ruleset set = a_set();

    set.sequence = 1;
    refuses(&set, "previous");
    set = a_set();
    set.sequence = 0;
    refuses(&set, "sequence");
    set = a_set();
    set.main = "southgate.rules";
    refuses(&set, "main");
    set = a_set();
    set.language = 0;
    refuses(&set, "language");
    set = a_set();
    files[1].path = "northport.rules";
    refuses(&set, "files[1].path");
    files[1].path = "../us-ca";
    refuses(&set, "files[1].path");
    files[1].path = ".us-ca";
    refuses(&set, "files[1].path");
    set = a_set();
    files[1].text = (struct cm_bytes){(const uint8_t *)"a\0b", 3};
    refuses(&set, "files[1].text");
    set = a_set();
    set.files = many;
    set.file_count = CM_MAX_RULE_FILES + 1;
    refuses(&set, "files");
}

Test(ruleset, a_set_of_more_than_a_mebibyte_is_refused)
{
    struct cm_ruleset set = a_set();
    uint8_t *text = malloc(CM_MAX_RULESET);

    cr_assert_not_null(text);
    memset(text, '\n', CM_MAX_RULESET);
    files[1].text = (struct cm_bytes){text, CM_MAX_RULESET};
    refuses(&set, "rule_set");
    free(text);
}
