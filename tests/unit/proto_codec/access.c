#include "support.h"

#include "proto/codec/access.h"

#include <criterion/criterion.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_access access;
    enum cm_status status = cm_access_decode(&access, arena, in, error);

    return status == CM_OK ? cm_access_encode(out, &access) : status;
}

static struct cm_bytes leaves[2];

static struct cm_access a_copied_query(void)
{
    struct cm_access access = {.chain_elsewhere = true,
                               .chain_at = 290,
                               .gateway_record = codec_record(),
                               .leaf_count = 2,
                               .leaves = leaves,
                               .person = "",
                               .text = ""};

    leaves[0] = cm_bytes_of("a leaf");
    leaves[1] = cm_bytes_of("another");
    codec_envelope(&access.question, CM_FAMILY_QUERY);
    access.question.signatures[0].chain_count = 0;
    codec_envelope(&access.manifest, CM_FAMILY_MANIFEST);
    return access;
}

static struct cm_access an_act(void)
{
    struct cm_access access = {.person = "spiffe://west.example/ca.northport.pd/admin/m.okafor",
                               .text = "Rules for the summer"};

    codec_envelope(&access.request, CM_FAMILY_RULESET);
    return access;
}

static void expect(const char *name, const struct cm_access *access)
{
    struct cm_buf bytes = {0};

    cr_assert_eq(cm_access_encode(&bytes, access), CM_OK, "%s", name);
    codec_expect(name, cm_buf_bytes(&bytes), again);
    cm_buf_clear(&bytes);
}

Test(access, golden)
{
    struct cm_access access = a_copied_query();
    struct cm_access nothing = {.person = "", .text = ""};

    expect("access_copy", &access);
    access = an_act();
    expect("access_act", &access);
    access = (struct cm_access){.person = "", .text = ""};
    codec_envelope(&access.question, CM_FAMILY_REACH);
    expect("access_question", &access);
    expect("access_empty", &nothing);
}

Test(access, decodes_every_member)
{
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_buf bytes = codec_golden("access_copy");
    struct cm_access got;

    cr_assert_eq(cm_access_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_eq(got.question.family, CM_FAMILY_QUERY);
    cr_expect(got.chain_elsewhere && got.chain_at == 290);
    cr_expect(cm_bytes_equal(got.gateway_record.entry, cm_bytes_of("an entry")));
    cr_assert_eq(got.leaf_count, 2);
    cr_expect(cm_bytes_equal(got.leaves[1], cm_bytes_of("another")));
    cr_expect_eq(got.manifest.family, CM_FAMILY_MANIFEST);
    cr_expect(got.person[0] == '\0' && got.text[0] == '\0');
    cr_expect_eq(got.request.family, CM_FAMILY_NONE);
    cm_buf_clear(&bytes);
    bytes = codec_golden("access_act");
    cr_assert_eq(cm_access_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_expect_str_eq(got.person, an_act().person);
    cr_expect_str_eq(got.text, "Rules for the summer");
    cr_expect_eq(got.request.family, CM_FAMILY_RULESET);
    cr_expect_eq(got.question.family, CM_FAMILY_NONE);
    cr_expect(got.gateway_record.entry.len == 0 && !got.chain_elsewhere);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

#define ACCESS(change)                                                                             \
    do {                                                                                           \
        struct cm_access whole = a_copied_query();                                                 \
        struct cm_access *a = &whole;                                                              \
        change;                                                                                    \
        cr_expect_eq(cm_access_encode(&out, a), CM_INVALID, #change);                              \
    } while (0)

Test(access, form)
{
    static char text[CM_MAX_ACCESS_TEXT + 2];
    struct cm_buf out = {0};

    ACCESS(a->question.family = CM_FAMILY_MANIFEST);
    ACCESS(a->question.family = CM_FAMILY_NONE);
    ACCESS(codec_envelope(&a->question, CM_FAMILY_QUERY));
    ACCESS(a->chain_elsewhere = false);
    ACCESS(a->manifest.family = CM_FAMILY_NONE);
    ACCESS(a->gateway_record.entry = CM_BYTES_NONE);
    ACCESS((void)a; leaves[1] = CM_BYTES_NONE);
    ACCESS(a->person = "m.\x1bokafor");
    ACCESS(a->request = a->manifest);
    for (size_t i = 0; i <= CM_MAX_ACCESS_TEXT; i++) {
        text[i] = 'a';
    }
    ACCESS(a->text = text);
    codec_refuses(again, cm_bytes_of("\x08\x02"), CM_INVALID, "version");
    codec_refuses(again, CM_BYTES_NONE, CM_INVALID, "version");
    cm_buf_clear(&out);
}

// Leaves without the manifest that they belong to.
Test(access, leaves_stand_beside_a_manifest)
{
    struct cm_access access = an_act();
    struct cm_buf out = {0};

    leaves[0] = cm_bytes_of("a leaf");
    access.leaves = leaves;
    access.leaf_count = 1;
    cr_expect_eq(cm_access_encode(&out, &access), CM_INVALID);
    cm_buf_clear(&out);
}
