#include "nodes/withhold.h"

#include "proto/base/file.h"
#include "proto/envelope/dsse.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OWNER "ca.northport.pd"
#define EDITS "rules 1\nforbid ca.southgate.pd\n"
#define OFF   "rules 1\nforbid not self\n"

static struct pki *pki;
static struct cm_trust *trust;
static struct cm_bundle *bundle;
static struct cm_signer *node;
static struct cm_digest previous;

static void sign_set(uint64_t sequence)
{
    struct cm_buf payload = {0};
    struct cm_envelope envelope;
    struct cm_arena *arena = cm_arena_new(1024 * 1024);
    const struct cm_rule_file text = {
        "main",
        cm_bytes_of("rules 1\nnode " OWNER "\npermit anyone to any for any back all see all\n")};
    const struct cm_ruleset set = {.federation = pki->federation,
                                   .agency = OWNER,
                                   .sequence = sequence,
                                   .previous = previous,
                                   .directory_serial = cm_trust_directory(trust)->serial,
                                   .signed_ms = pki->now_ms,
                                   .language = CM_RULE_LANGUAGE,
                                   .main = "main",
                                   .file_count = 1,
                                   .files = &text};
    cr_assert_eq(cm_ruleset_encode(&payload, &set, NULL), CM_OK);
    cm_sha256_of(&previous, cm_buf_bytes(&payload));
    pki_sign(&envelope, arena, CM_FAMILY_RULESET, cm_buf_bytes(&payload),
             pki_signer(pki, OWNER, CM_ROLE_ADMIN, "admin"));
    cr_assert_eq(cm_bundle_accept(bundle, trust, &envelope, false, pki->now_ms, NULL), CM_OK);
    cm_buf_clear(&payload);
    cm_arena_free(arena);
}

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, OWNER);
    pki_agency(pki, "ca.southgate.pd");
    node = pki_signer(pki, OWNER, CM_ROLE_NODE, "node1");
    trust = pki_trust(pki);
    cr_assert_eq(cm_bundle_open(&bundle, OWNER, pki->dir, trust, pki->now_ms, NULL), CM_OK);
    sign_set(1);
}

static void tear_down(void)
{
    char command[PKI_PATH + 64];
    snprintf(command, sizeof command, "cd '%s' && rm -f " OWNER ".* directory-*", pki->dir);
    cr_expect_eq(system(command), 0);
    cm_bundle_free(bundle);
    cm_trust_unref(trust);
    pki_free(pki);
}

TestSuite(withhold, .init = set_up, .fini = tear_down);

// Whether the standing changed.
static bool hold(uint64_t sequence, const char *edits, const char *sharing)
{
    bool changed;
    struct cm_error error = {.text = ""};
    struct cm_withholding wanted = {.sequence = sequence};
    cr_assert_eq(cm_buf_printf(&wanted.edits, "%s", edits), CM_OK);
    cr_assert_eq(cm_buf_printf(&wanted.sharing, "%s", sharing), CM_OK);
    cr_assert_eq(cm_withhold(&changed, bundle, trust, node, OWNER, &wanted, pki->now_ms, &error),
                 CM_OK, "%s: %s", error.where, error.text);
    cm_withholding_clear(&wanted);
    return changed;
}

static void expect_held(uint64_t sequence, uint64_t revision, const char *edits,
                        const char *sharing)
{
    struct cm_withholding now;
    cr_assert_eq(cm_withholding_read(&now, bundle, NULL), CM_OK);
    cr_expect_eq(now.sequence, sequence);
    cr_expect_eq(now.revision, revision);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&now.edits), cm_bytes_of(edits)));
    cr_expect(cm_bytes_equal(cm_buf_bytes(&now.sharing), cm_bytes_of(sharing)));
    cm_withholding_clear(&now);
}

Test(withhold, signs_what_is_new_and_nothing_else)
{
    expect_held(0, 0, "", "");
    cr_expect_not(hold(1, "", ""), "nothing to hide needs no overlay");
    cr_expect(hold(1, EDITS, ""));
    expect_held(1, 1, EDITS, "");
    cr_expect_not(hold(1, EDITS, ""));
    cr_expect(hold(1, EDITS, OFF));
    expect_held(1, 2, EDITS, OFF);
    cr_expect(hold(1, "", ""));
    expect_held(1, 3, "", "");
}

Test(withhold, stays_over_the_next_set_and_begins_anew_there)
{
    cr_expect(hold(1, EDITS, OFF));
    sign_set(2);
    expect_held(1, 1, EDITS, OFF);
    cr_expect(hold(1, EDITS, ""), "sharing alone keeps the number of the set that edits are of");
    expect_held(1, 2, EDITS, "");
    cr_expect(hold(2, EDITS, ""), "the same text, of another set");
    expect_held(2, 1, EDITS, "");
}

static uint64_t named_serial(void)
{
    struct cm_withholding now;
    cr_assert_eq(cm_withholding_read(&now, bundle, NULL), CM_OK);
    const uint64_t serial = now.directory_serial;
    cm_withholding_clear(&now);
    return serial;
}

static uint64_t next_serial(void)
{
    cm_trust_unref(trust);
    pki_next(pki);
    trust = pki_trust(pki);
    cr_assert_eq(cm_bundle_retrust(bundle, trust, NULL), CM_OK);
    return cm_trust_directory(trust)->serial;
}

Test(withhold, names_the_oldest_directory_while_something_goes_on)
{
    const uint64_t first = cm_trust_directory(trust)->serial;
    cr_expect(hold(1, EDITS, OFF));
    cr_expect_eq(named_serial(), first);
    next_serial();
    cr_expect(hold(1, "", OFF));
    cr_expect_eq(named_serial(), first);
    sign_set(2);
    const uint64_t third = next_serial();
    cr_expect(hold(2, EDITS, OFF));
    cr_expect_eq(named_serial(), first, "what is off stays off with whom it was");
    cr_expect(hold(2, EDITS, ""));
    cr_expect_eq(named_serial(), first);
    cr_expect(hold(2, "", OFF));
    cr_expect_eq(named_serial(), third, "nothing goes on");
}

Test(withhold, never_signs_what_an_overlay_may_not_hold)
{
    bool changed;
    struct cm_withholding wanted = {.sequence = 1};
    cr_assert_eq(cm_buf_printf(&wanted.sharing, "rules 1\npermit anyone to any for any back all "
                                                "see all\n"),
                 CM_OK);
    cr_expect_eq(cm_withhold(&changed, bundle, trust, node, OWNER, &wanted, pki->now_ms, NULL),
                 CM_INVALID);
    cr_expect_not(changed);
    expect_held(0, 0, "", "");
    cm_withholding_clear(&wanted);
}

Test(withhold, tells_a_lost_overlay)
{
    char path[PKI_PATH + 64];
    struct cm_withholding now;
    cr_expect(hold(1, EDITS, ""));
    snprintf(path, sizeof path, "%s/" OWNER ".overlay", pki->dir);
    cr_assert_eq(unlink(path), 0);
    cm_bundle_free(bundle);
    cr_assert_eq(cm_bundle_open(&bundle, OWNER, pki->dir, trust, pki->now_ms, NULL), CM_OK);
    cr_assert_eq(cm_withholding_read(&now, bundle, NULL), CM_OK);
    cr_expect(now.lost);
    cr_expect_eq(now.sequence, 1);
    cm_withholding_clear(&now);
}
