#include "acl/bundle/bundle.h"

#include "proto/base/file.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER "ca.northport.pd"
#define ASKER "ca.southgate.pd"

static const char shares[] = "rules 1\nnode " OWNER "\n"
                             "permit " ASKER " to lookup for homicide back 30 days see place\n";
static const char shares_with_kind[] =
    "rules 1\nnode " OWNER "\n"
    "permit kind:local to lookup for homicide back all see all\n";
static const char shares_nothing[] =
    "rules 1\nnode " OWNER "\npermit self to any for any back all see all\n";

static struct pki *pki;
static struct cm_trust *trust;
static struct cm_arena *arena;
static struct cm_bundle *bundle;
static char folder[PKI_PATH + 8];
static struct cm_error error;

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, OWNER);
    pki_agency(pki, ASKER);
    pki_identity(pki, OWNER, CM_ROLE_ADMIN, "admin");
    pki_identity(pki, OWNER, CM_ROLE_NODE, "node1");
    trust = pki_trust(pki);
    arena = cm_arena_new(64 * 1024 * 1024);
    snprintf(folder, sizeof folder, "%s/rules", pki->dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    cr_assert_eq(cm_bundle_open(&bundle, OWNER, folder, trust, pki->now_ms, &error), CM_OK);
}

static void tear_down(void)
{
    char command[PKI_PATH + 32];
    cm_bundle_free(bundle);
    cm_arena_free(arena);
    cm_trust_unref(trust);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_expect_eq(system(command), 0);
    pki_free(pki);
}

TestSuite(bundle, .init = set_up, .fini = tear_down);

static struct cm_ruleset set_of(uint64_t sequence, const char *text)
{
    static struct cm_rule_file file;
    file = (struct cm_rule_file){"rules", cm_bytes_of(text)};
    return (struct cm_ruleset){
        .federation = pki->federation,
        .agency = OWNER,
        .sequence = sequence,
        .directory_serial = cm_trust_directory(trust)->serial,
        .signed_ms = pki->now_ms,
        .language = CM_RULE_LANGUAGE,
        .main = "rules",
        .file_count = 1,
        .files = &file,
    };
}

// set under signer's name; returns its digest.
static struct cm_digest sign(struct cm_envelope *out, const struct cm_ruleset *set,
                             const struct cm_signer *signer)
{
    struct cm_buf payload = {0};
    struct cm_digest digest;
    cr_assert_eq(cm_ruleset_encode(&payload, set, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    struct cm_bytes kept;
    cr_assert_eq(cm_arena_bytes(arena, &kept, cm_buf_bytes(&payload)), CM_OK);
    cm_sha256_of(&digest, kept);
    pki_sign(out, arena, CM_FAMILY_RULESET, kept, signer);
    cm_buf_clear(&payload);
    return digest;
}

static struct cm_signer *admin(void)
{
    return pki_signer(pki, OWNER, CM_ROLE_ADMIN, "admin");
}

static enum cm_status accept(const struct cm_envelope *envelope)
{
    return cm_bundle_accept(bundle, trust, envelope, false, pki->now_ms, &error);
}

// Accepts a set with that text as the next one.
static struct cm_digest apply(uint64_t sequence, const struct cm_digest *previous, const char *text)
{
    struct cm_envelope envelope;
    struct cm_ruleset set = set_of(sequence, text);
    if (previous != NULL) {
        set.previous = *previous;
    }
    struct cm_digest digest = sign(&envelope, &set, admin());
    cr_assert_eq(accept(&envelope), CM_OK, "%s: %s", error.where, error.text);
    return digest;
}

// Whether ASKER sees anything now.
static bool asker_sees(void)
{
    struct cm_view *view;
    const struct cm_standing *standing = cm_bundle_standing(bundle);
    const struct cm_request request = {
        .agency = ASKER,
        .role = CM_ROLE_INVESTIGATOR,
        .on_behalf_of = "",
        .action = CM_ACTION_LOOKUP,
        .purpose = "homicide",
        .evidence = 1u << CM_EVIDENCE_CASE,
        .now_ms = pki->now_ms,
        .window = {pki->now_ms - 86400000, pki->now_ms},
    };
    cr_assert_eq(cm_rules_view(&view, arena, standing->rules, standing->overlay,
                               cm_trust_directory(trust), &request, NULL, NULL, 0),
                 CM_OK);
    return cm_view_any(view);
}

static void next_directory(enum cm_kind kind)
{
    cm_trust_unref(trust);
    pki_next(pki);
    pki_find_agency(pki, ASKER)->kind = kind;
    trust = pki_trust(pki);
    cr_assert_eq(cm_bundle_retrust(bundle, trust, &error), CM_OK);
}

static void reopen(enum cm_status expected)
{
    cm_bundle_free(bundle);
    bundle = NULL;
    cr_assert_eq(cm_bundle_open(&bundle, OWNER, folder, trust, pki->now_ms, &error), expected,
                 "%s: %s", error.where, error.text);
}

Test(bundle, nothing_stands_before_an_administrator_signed)
{
    cr_expect_null(cm_bundle_standing(bundle));
}

Test(bundle, takes_a_signed_set_and_its_successor_and_keeps_them)
{
    struct cm_digest first = apply(1, NULL, shares_nothing);
    cr_expect_not(asker_sees());
    struct cm_digest second = apply(2, &first, shares);
    cr_expect(asker_sees());
    cr_expect(cm_bundle_knows(bundle, 1, &first));
    cr_expect(cm_bundle_knows(bundle, 2, &second));
    cr_expect_not(cm_bundle_knows(bundle, 2, &first));
    reopen(CM_OK);
    cr_expect(asker_sees());
    cr_expect_eq(cm_bundle_standing(bundle)->sequence, 2);
    cr_expect(cm_bundle_knows(bundle, 1, &first));
}

Test(bundle, never_goes_back)
{
    struct cm_envelope old;
    struct cm_ruleset set = set_of(1, shares);
    struct cm_digest first = sign(&old, &set, admin());
    cr_assert_eq(accept(&old), CM_OK);
    apply(2, &first, shares_nothing);
    cr_expect_eq(accept(&old), CM_OK, "what is known changes nothing");
    cr_expect_not(asker_sees());
    reopen(CM_OK);
    cr_expect_eq(accept(&old), CM_OK);
    cr_expect_not(asker_sees(), "also after a restart");
    struct cm_envelope forged;
    set = set_of(1, shares_with_kind);
    sign(&forged, &set, admin());
    cr_expect_eq(accept(&forged), CM_STALE, "another set with an old number");
}

Test(bundle, reports_a_fork)
{
    struct cm_digest first = apply(1, NULL, shares_nothing);
    struct cm_envelope fork;
    struct cm_ruleset set = set_of(1, shares);
    struct cm_digest other = sign(&fork, &set, admin());
    cr_expect_eq(accept(&fork), CM_STALE);
    set = set_of(2, shares);
    set.previous = other;
    sign(&fork, &set, admin());
    cr_expect_eq(accept(&fork), CM_STALE, "a successor of another set");
    cr_expect_not(asker_sees());
    set.previous = first;
    sign(&fork, &set, admin());
    cr_expect_eq(accept(&fork), CM_OK);
}

Test(bundle, takes_an_administrators_signature_only)
{
    struct cm_envelope envelope;
    struct cm_ruleset set = set_of(1, shares);
    sign(&envelope, &set, pki_signer(pki, OWNER, CM_ROLE_INVESTIGATOR, "rivera"));
    cr_expect_eq(accept(&envelope), CM_FORBIDDEN);
    sign(&envelope, &set, pki_signer(pki, OWNER, CM_ROLE_NODE, "node1"));
    cr_expect_eq(accept(&envelope), CM_FORBIDDEN);
    sign(&envelope, &set, pki_signer(pki, ASKER, CM_ROLE_ADMIN, "stranger"));
    cr_expect_eq(accept(&envelope), CM_FORBIDDEN, "another agency's administrator");
    sign(&envelope, &set, admin());
    envelope.signatures[0].sig[7] ^= 1;
    cr_expect_eq(accept(&envelope), CM_UNAUTHENTICATED);
    cr_expect_null(cm_bundle_standing(bundle));
}

Test(bundle, takes_its_own_agencys_rules_only)
{
    struct cm_envelope envelope;
    struct cm_ruleset set = set_of(1, shares);
    set.agency = ASKER;
    sign(&envelope, &set, admin());
    cr_expect_eq(accept(&envelope), CM_FORBIDDEN);
    set = set_of(1, "rules 1\nnode " ASKER "\n");
    sign(&envelope, &set, admin());
    cr_expect_eq(accept(&envelope), CM_INVALID, "the text names another node");
    set = set_of(1, "rules 1\nnode " OWNER "\npermit everyone\n");
    sign(&envelope, &set, admin());
    cr_expect_eq(accept(&envelope), CM_INVALID, "a text with errors never counts");
    cr_expect_null(cm_bundle_standing(bundle));
}

Test(bundle, wants_a_fresh_signature_unless_the_node_presents_it)
{
    struct cm_envelope envelope;
    struct cm_ruleset set = set_of(1, shares);
    set.signed_ms = pki->now_ms - 2 * 3600 * 1000;
    sign(&envelope, &set, admin());
    cr_expect_eq(accept(&envelope), CM_STALE);
    cr_expect_eq(cm_bundle_accept(bundle, trust, &envelope, true, pki->now_ms, &error), CM_OK);
    cm_bundle_free(bundle);
    cr_assert_eq(cm_bundle_open(&bundle, OWNER, NULL, trust, pki->now_ms, &error), CM_OK);
    set.signed_ms = pki->now_ms + 60 * 1000;
    sign(&envelope, &set, admin());
    cr_expect_eq(cm_bundle_accept(bundle, trust, &envelope, true, pki->now_ms, &error), CM_STALE,
                 "from the future");
}

Test(bundle, wants_two_administrators_where_the_directory_says_so)
{
    struct cm_envelope one;
    struct cm_envelope two;
    struct cm_buf both = {0};
    cm_trust_unref(trust);
    pki_next(pki);
    pki_find_agency(pki, OWNER)->rule_signatures = 2;
    trust = pki_trust(pki);
    struct cm_ruleset set = set_of(1, shares);
    sign(&one, &set, admin());
    cr_expect_eq(accept(&one), CM_FORBIDDEN);
    cr_assert_eq(cm_dsse_cosign(&both, &one, pki_signer(pki, OWNER, CM_ROLE_ADMIN, "second")),
                 CM_OK);
    cr_assert_eq(cm_envelope_decode(&two, arena, cm_buf_bytes(&both), &error), CM_OK);
    cr_expect_eq(accept(&two), CM_OK, "%s: %s", error.where, error.text);
    cm_buf_clear(&both);
}

Test(bundle, holds_what_a_newer_directory_would_widen)
{
    // Signed while the asker was a private company: no local agency.
    next_directory(CM_KIND_PRIVATE);
    apply(1, NULL, shares_with_kind);
    cr_expect_not(asker_sees());
    next_directory(CM_KIND_LOCAL);
    cr_expect_not(asker_sees(), "held until an administrator signs");
    reopen(CM_OK);
    cr_expect_not(asker_sees(), "also after a restart");
    struct cm_digest first = cm_bundle_standing(bundle)->digest;
    apply(2, &first, shares_with_kind);
    cr_expect(asker_sees());
}

// The path of a file of the bundle's.
static const char *file_of(const char *suffix)
{
    static char path[PKI_PATH + 64];
    snprintf(path, sizeof path, "%s/%s", folder, suffix);
    return path;
}

static const char *directory_file(uint64_t serial)
{
    char name[64];
    snprintf(name, sizeof name, "directory-%lu", (unsigned long)serial);
    return file_of(name);
}

Test(bundle, refuses_files_that_somebody_altered)
{
    struct cm_buf file = {0};
    apply(1, NULL, shares_nothing);
    cr_assert_eq(cm_file_read(&file, file_of(OWNER ".ruleset"), 1 << 20, &error), CM_OK);
    cm_bundle_free(bundle);
    for (size_t at = 0; at < file.len; at += 7) {
        file.data[at] ^= 1;
        cr_assert_eq(cm_file_write(file_of(OWNER ".ruleset"), cm_buf_bytes(&file), 0600, &error),
                     CM_OK);
        file.data[at] ^= 1;
        bundle = NULL;
        enum cm_status status = cm_bundle_open(&bundle, OWNER, folder, trust, pki->now_ms, &error);
        cr_assert(status != CM_OK || cm_bundle_standing(bundle) == NULL, "byte %zu", at);
        cm_bundle_free(bundle);
    }
    bundle = NULL;
    // A set with a good signature that was never accepted here.
    struct cm_envelope other;
    struct cm_ruleset set = set_of(1, shares);
    sign(&other, &set, admin());
    file.len = 0;
    cr_assert_eq(cm_envelope_encode(&file, &other), CM_OK);
    cr_assert_eq(cm_file_write(file_of(OWNER ".ruleset"), cm_buf_bytes(&file), 0600, &error),
                 CM_OK);
    cr_expect_neq(cm_bundle_open(&bundle, OWNER, folder, trust, pki->now_ms, &error), CM_OK);
    cm_buf_clear(&file);
}

Test(bundle, stands_again_after_a_crash_between_its_files)
{
    struct cm_buf before = {0};
    struct cm_envelope next;
    struct cm_digest first = apply(1, NULL, shares_nothing);
    cr_assert_eq(cm_file_read(&before, file_of(OWNER ".ruleset"), 1 << 20, &error), CM_OK);
    struct cm_ruleset set = set_of(2, shares);
    set.previous = first;
    sign(&next, &set, admin());
    cr_assert_eq(accept(&next), CM_OK);
    // As if it had stopped after the history and before the set.
    cr_assert_eq(cm_file_write(file_of(OWNER ".ruleset"), cm_buf_bytes(&before), 0600, &error),
                 CM_OK);
    reopen(CM_OK);
    cr_expect_eq(cm_bundle_standing(bundle)->sequence, 1);
    cr_expect_eq(accept(&next), CM_OK);
    cr_expect_eq(cm_bundle_standing(bundle)->sequence, 2);
    cr_expect(asker_sees());
    cm_buf_clear(&before);
}

Test(bundle, a_directory_that_a_set_names_must_be_at_hand)
{
    struct cm_digest first = apply(1, NULL, shares);
    const uint64_t serial = cm_trust_directory(trust)->serial;
    next_directory(CM_KIND_LOCAL);
    cr_assert_eq(unlink(directory_file(serial)), 0);
    reopen(CM_OK);
    cr_expect_null(cm_bundle_standing(bundle), "removing it must not lift what it holds");
    cr_expect(cm_bundle_knows(bundle, 1, &first));
}

Test(bundle, an_older_set_never_stands_in_place_of_one_that_cannot)
{
    struct cm_envelope first;
    struct cm_envelope second;
    struct cm_ruleset set = set_of(1, shares);
    struct cm_digest digest = sign(&first, &set, admin());
    cr_assert_eq(accept(&first), CM_OK);
    set = set_of(2, shares_nothing);
    set.previous = digest;
    sign(&second, &set, admin());
    cr_assert_eq(accept(&second), CM_OK);
    const uint64_t serial = cm_trust_directory(trust)->serial;
    next_directory(CM_KIND_LOCAL);
    cr_assert_eq(unlink(directory_file(serial)), 0);
    reopen(CM_OK);
    cr_assert_null(cm_bundle_standing(bundle));
    cr_expect_eq(cm_bundle_accept(bundle, trust, &first, true, pki->now_ms, &error), CM_STALE,
                 "a node's key presents an older one");
    cr_expect_eq(accept(&first), CM_STALE);
    cr_expect_null(cm_bundle_standing(bundle));
    cr_expect_eq(cm_bundle_accept(bundle, trust, &second, true, pki->now_ms, &error), CM_OK);
    cr_expect_eq(cm_bundle_standing(bundle)->sequence, 2);
    cr_expect_eq(cm_bundle_accept(bundle, trust, &first, true, pki->now_ms, &error), CM_OK,
                 "what is known changes nothing");
    cr_expect_not(asker_sees());
}

Test(bundle, denies_by_a_set_that_the_directory_no_longer_lets_stand)
{
    struct cm_digest first = apply(1, NULL, shares);
    cm_trust_unref(trust);
    pki_next(pki);
    pki_find_agency(pki, OWNER)->rule_signatures = 2;
    trust = pki_trust(pki);
    reopen(CM_OK);
    cr_expect_null(cm_bundle_standing(bundle), "one signature is not enough any more");
    cr_expect(cm_bundle_knows(bundle, 1, &first), "and what was before is not forgotten");
}

Test(bundle, takes_no_older_set_from_its_folder)
{
    struct cm_buf oldest = {0};
    struct cm_digest first = apply(1, NULL, shares);
    cr_assert_eq(cm_file_read(&oldest, file_of(OWNER ".ruleset"), 1 << 20, &error), CM_OK);
    struct cm_digest second = apply(2, &first, shares_nothing);
    apply(3, &second, shares_nothing);
    cr_assert_eq(cm_file_write(file_of(OWNER ".ruleset"), cm_buf_bytes(&oldest), 0600, &error),
                 CM_OK);
    cm_bundle_free(bundle);
    bundle = NULL;
    cr_expect_eq(cm_bundle_open(&bundle, OWNER, folder, trust, pki->now_ms, &error), CM_INVALID);
    cm_buf_clear(&oldest);
}

static uint64_t overlay_serial; // that the next overlay names

static void sign_overlay(struct cm_envelope *out, uint64_t sequence, uint64_t revision,
                         const char *text, const struct cm_signer *signer)
{
    const struct cm_rule_file file = {"off.rules", cm_bytes_of(text)};
    const struct cm_overlay overlay = {
        .federation = pki->federation,
        .agency = OWNER,
        .sequence = sequence,
        .revision = revision,
        .directory_serial = overlay_serial,
        .signed_ms = pki->now_ms,
        .file_count = 1,
        .files = &file,
    };
    struct cm_buf payload = {0};
    struct cm_bytes kept;
    cr_assert_eq(cm_overlay_encode(&payload, &overlay, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    cr_assert_eq(cm_arena_bytes(arena, &kept, cm_buf_bytes(&payload)), CM_OK);
    pki_sign(out, arena, CM_FAMILY_OVERLAY, kept, signer);
    cm_buf_clear(&payload);
}

Test(bundle, an_overlay_of_the_node_narrows_and_never_widens)
{
    struct cm_envelope overlay;
    struct cm_signer *node = pki_signer(pki, OWNER, CM_ROLE_NODE, "node1");
    struct cm_digest first = apply(1, NULL, shares);
    sign_overlay(&overlay, 1, 1, "rules 1\nforbid " ASKER "\n", node);
    cr_assert_eq(cm_bundle_accept_overlay(bundle, trust, &overlay, pki->now_ms, &error), CM_OK,
                 "%s: %s", error.where, error.text);
    cr_expect_not(asker_sees());
    reopen(CM_OK);
    cr_expect_not(asker_sees(), "also after a restart");
    sign_overlay(&overlay, 1, 2, "rules 1\npermit anyone to any for any back all see all\n", node);
    cr_expect_eq(cm_bundle_accept_overlay(bundle, trust, &overlay, pki->now_ms, &error),
                 CM_INVALID);
    sign_overlay(&overlay, 1, 4, "rules 1\nforbid " ASKER "\n", node);
    cr_assert_eq(cm_bundle_accept_overlay(bundle, trust, &overlay, pki->now_ms, &error), CM_OK);
    sign_overlay(&overlay, 1, 3, "rules 1\n", node);
    cr_expect_eq(cm_bundle_accept_overlay(bundle, trust, &overlay, pki->now_ms, &error), CM_STALE,
                 "an older revision");
    sign_overlay(&overlay, 1, 5, "rules 1\n", admin());
    cr_expect_eq(cm_bundle_accept_overlay(bundle, trust, &overlay, pki->now_ms, &error),
                 CM_FORBIDDEN);
    sign_overlay(&overlay, 2, 2, "rules 1\n", node);
    cr_expect_eq(cm_bundle_accept_overlay(bundle, trust, &overlay, pki->now_ms, &error), CM_STALE);
    cr_expect_not(asker_sees());
    apply(2, &first, shares);
    cr_expect_not(asker_sees(), "what the node withheld stays withheld");
    reopen(CM_OK);
    cr_expect_not(asker_sees());
    sign_overlay(&overlay, 2, 1, "rules 1\n", node);
    cr_assert_eq(cm_bundle_accept_overlay(bundle, trust, &overlay, pki->now_ms, &error), CM_OK);
    cr_expect(asker_sees(), "until it signs an empty overlay over the new set");
}

static enum cm_status lay(uint64_t sequence, uint64_t revision, const char *text)
{
    struct cm_envelope overlay;
    sign_overlay(&overlay, sequence, revision, text, pki_signer(pki, OWNER, CM_ROLE_NODE, "node1"));
    return cm_bundle_accept_overlay(bundle, trust, &overlay, pki->now_ms, &error);
}

#define WITHHOLDS "rules 1\nforbid " ASKER "\n"

Test(bundle, a_lost_overlay_denies_until_the_node_signs_another)
{
    struct cm_digest first = apply(1, NULL, shares);
    cr_assert_eq(lay(1, 3, WITHHOLDS), CM_OK);
    cr_assert_eq(unlink(file_of(OWNER ".overlay")), 0);
    reopen(CM_OK);
    cr_expect_not(asker_sees(), "what is lost must not widen");
    cr_expect_eq(cm_bundle_standing(bundle)->overlay_revision, 3);
    apply(2, &first, shares);
    cr_expect_not(asker_sees(), "nor by a new set");
    cr_expect_eq(lay(1, 2, "rules 1\n"), CM_STALE, "nor by an older one");
    cr_expect_eq(lay(1, 3, "rules 1\n"), CM_STALE, "nor by another of its number");
    cr_expect_not(asker_sees());
    cr_assert_eq(lay(2, 4, "rules 1\n"), CM_OK, "%s: %s", error.where, error.text);
    cr_expect(asker_sees());
    reopen(CM_OK);
    cr_expect(asker_sees());
}

Test(bundle, a_lost_overlay_counts_again_when_it_comes_back)
{
    apply(1, NULL, shares);
    cr_assert_eq(lay(1, 1, "rules 1\nforbid " ASKER " for training\n"), CM_OK);
    cr_expect(asker_sees());
    cr_assert_eq(unlink(file_of(OWNER ".overlay")), 0);
    reopen(CM_OK);
    cr_expect_not(asker_sees());
    cr_assert_eq(lay(1, 1, "rules 1\nforbid " ASKER " for training\n"), CM_OK);
    cr_expect(asker_sees());
    reopen(CM_OK);
    cr_expect(asker_sees());
}

Test(bundle, an_older_or_altered_overlay_on_disk_denies)
{
    struct cm_buf older = {0};
    apply(1, NULL, shares);
    cr_assert_eq(lay(1, 1, "rules 1\n"), CM_OK);
    cr_assert_eq(cm_file_read(&older, file_of(OWNER ".overlay"), 1 << 20, &error), CM_OK);
    cr_assert_eq(lay(1, 2, WITHHOLDS), CM_OK);
    cr_assert_eq(cm_file_write(file_of(OWNER ".overlay"), cm_buf_bytes(&older), 0600, &error),
                 CM_OK);
    reopen(CM_OK);
    cr_expect_not(asker_sees(), "rolled back");
    older.data[older.len / 2] ^= 1;
    cr_assert_eq(cm_file_write(file_of(OWNER ".overlay"), cm_buf_bytes(&older), 0600, &error),
                 CM_OK);
    reopen(CM_OK);
    cr_expect_not(asker_sees(), "altered");
    cm_buf_clear(&older);
}

Test(bundle, an_overlay_outlives_the_loss_of_its_set)
{
    struct cm_digest first = apply(1, NULL, shares);
    cr_assert_eq(lay(1, 1, WITHHOLDS), CM_OK);
    cr_assert_eq(unlink(file_of(OWNER ".ruleset")), 0);
    reopen(CM_OK);
    cr_expect_null(cm_bundle_standing(bundle));
    apply(2, &first, shares);
    cr_expect_not(asker_sees());
}

Test(bundle, a_new_sets_standing_hands_on_the_overlay_that_lies_over_it)
{
    struct cm_digest first = apply(1, NULL, shares);
    cr_assert_eq(lay(1, 1, WITHHOLDS), CM_OK);
    apply(2, &first, shares);
    const struct cm_standing *standing = cm_bundle_standing(bundle);
    cr_expect_eq(standing->overlay_revision, 1);
    cr_assert_gt(standing->overlay_envelope.len, 0);
    // A gateway that knows nothing yet takes both from the node's Hello.
    struct cm_envelope set;
    struct cm_envelope overlay;
    cr_assert_eq(cm_envelope_decode(&set, arena, cm_buf_bytes(&standing->envelope), &error), CM_OK);
    cr_assert_eq(
        cm_envelope_decode(&overlay, arena, cm_buf_bytes(&standing->overlay_envelope), &error),
        CM_OK);
    struct cm_bundle *node = bundle;
    cr_assert_eq(cm_bundle_open(&bundle, OWNER, NULL, trust, pki->now_ms, &error), CM_OK);
    cr_assert_eq(cm_bundle_accept(bundle, trust, &set, true, pki->now_ms, &error), CM_OK);
    cr_expect(asker_sees());
    for (int times = 0; times < 2; times++) {
        cr_expect_eq(cm_bundle_accept_overlay(bundle, trust, &overlay, pki->now_ms, &error), CM_OK,
                     "%s: %s", error.where, error.text);
    }
    cr_expect_not(asker_sees());
    cm_bundle_free(node);
}

Test(bundle, an_overlay_forbids_whom_it_forbade_when_it_was_signed)
{
    next_directory(CM_KIND_PRIVATE);
    apply(1, NULL, shares);
    overlay_serial = cm_trust_directory(trust)->serial;
    cr_assert_eq(lay(1, 1, "rules 1\nforbid kind:private\n"), CM_OK);
    cr_expect_not(asker_sees());
    for (int serials = 0; serials < 12; serials++) { // more than are kept unnamed
        next_directory(CM_KIND_LOCAL);
    }
    reopen(CM_OK);
    cr_expect_not(asker_sees(), "also after a restart");
    cr_assert_eq(lay(1, 2, "rules 1\nforbid kind:private\nforbid kind:campus\n"), CM_OK);
    cr_expect_not(asker_sees(), "nor by another overlay that goes on from there");
    overlay_serial = cm_trust_directory(trust)->serial;
    cr_assert_eq(lay(1, 3, "rules 1\nforbid kind:private\n"), CM_OK);
    cr_expect(asker_sees(), "one of today alone");
    next_directory(CM_KIND_LOCAL);
    apply(2, &cm_bundle_standing(bundle)->digest, shares);
    cr_expect(asker_sees());
    cr_assert_eq(unlink(directory_file(overlay_serial)), 0);
    reopen(CM_OK);
    cr_expect_not(asker_sees(), "whom it forbids can't be told any more");
}
