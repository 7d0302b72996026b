#include "proto/trust/directory_store.h"

#include "proto/base/file.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pki *pki;
static char folder[32];
static char path[64];

static void make(void)
{
    pki = pki_new();
    pki_agency(pki, "ca.northport.pd");
    snprintf(folder, sizeof folder, "/tmp/comity-store-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/directory.bundle", folder);
}

static void clean(void)
{
    char floors[64];
    snprintf(floors, sizeof floors, "%s/directory.crls", folder);
    unlink(path);
    unlink(floors);
    cr_expect_eq(rmdir(folder), 0, "something was left behind");
    pki_free(pki);
}

TestSuite(directory_store, .init = make, .fini = clean);

static struct cm_directory_store *open_at(int64_t now_ms)
{
    struct cm_directory_store *store = NULL;
    struct cm_error error = {0};
    cr_assert_eq(cm_directory_store_open(&store, folder, pki_root(pki), now_ms, &error), CM_OK,
                 "%s: %s", error.where, error.text);
    return store;
}

static enum cm_status accept_at(struct cm_directory_store *store, const struct cm_buf *bundle,
                                bool *changed, int64_t now_ms)
{
    return cm_directory_store_accept(store, changed, cm_buf_bytes(bundle), now_ms, NULL);
}

// The serial of what is handed out; 0 for nothing.
static uint64_t served_at(struct cm_directory_store *store, int64_t now_ms)
{
    struct cm_trust *trust = cm_directory_store_snapshot(store, now_ms);
    uint64_t serial = trust != NULL ? cm_trust_directory(trust)->serial : 0;
    cm_trust_unref(trust);
    return serial;
}

static struct cm_buf bundle_now(void)
{
    struct cm_buf bundle = {0};
    pki_bundle(pki, &bundle);
    return bundle;
}

Test(directory_store, an_empty_folder_serves_nothing_until_enrolment)
{
    struct cm_directory_store *store = open_at(pki->now_ms);
    struct cm_buf bundle = bundle_now();
    bool changed = false;
    cr_expect_eq(cm_directory_store_serial(store), 0);
    cr_expect_null(cm_directory_store_snapshot(store, pki->now_ms));
    cr_expect_null(cm_directory_store_newest(store));
    cr_assert_eq(accept_at(store, &bundle, &changed, pki->now_ms), CM_OK);
    cr_expect(changed);
    cr_expect_eq(served_at(store, pki->now_ms), pki->serial);
    cr_assert_eq(accept_at(store, &bundle, &changed, pki->now_ms), CM_OK);
    cr_expect_not(changed, "the same one again changes nothing");
    cm_buf_clear(&bundle);
    cm_directory_store_free(store);
}

Test(directory_store, an_older_or_forked_directory_is_refused_also_after_a_restart)
{
    struct cm_buf first = bundle_now();
    pki_next(pki);
    struct cm_buf second = bundle_now();
    pki_agency(pki, "ca.milltown.pd");
    struct cm_buf forked = bundle_now();
    struct cm_directory_store *store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &first, NULL, pki->now_ms), CM_OK);
    cr_assert_eq(accept_at(store, &second, NULL, pki->now_ms), CM_OK);
    for (int restarts = 0; restarts < 2; restarts++) {
        cr_expect_eq(cm_directory_store_serial(store), pki->serial);
        cr_expect_eq(accept_at(store, &first, NULL, pki->now_ms), CM_STALE);
        cr_expect_eq(accept_at(store, &forked, NULL, pki->now_ms), CM_STALE);
        cr_expect_eq(served_at(store, pki->now_ms), pki->serial);
        cm_directory_store_free(store);
        store = open_at(pki->now_ms);
    }
    cm_directory_store_free(store);
    cm_buf_clear(&first);
    cm_buf_clear(&second);
    cm_buf_clear(&forked);
}

Test(directory_store, an_expired_directory_is_not_served_but_still_stands_against_a_rollback)
{
    pki_next(pki);
    int64_t long_ms = pki->expires_ms;
    pki->expires_ms = pki->now_ms + PKI_DAY_MS;
    struct cm_buf newer = bundle_now();
    pki->serial--;
    pki->previous = (struct cm_digest){0};
    pki->expires_ms = long_ms;
    struct cm_buf older = bundle_now();
    int64_t later_ms = pki->now_ms + 2 * PKI_DAY_MS;
    struct cm_directory_store *store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &newer, NULL, pki->now_ms), CM_OK);
    for (int restarts = 0; restarts < 2; restarts++) {
        cr_expect_eq(served_at(store, later_ms), 0);
        struct cm_trust *newest = cm_directory_store_newest(store);
        cr_expect_not_null(newest);
        cm_trust_unref(newest);
        cr_expect_eq(accept_at(store, &older, NULL, later_ms), CM_STALE);
        cr_expect_eq(cm_directory_store_serial(store), pki->serial + 1);
        cm_directory_store_free(store);
        store = open_at(later_ms);
    }
    cm_directory_store_free(store);
    cm_buf_clear(&newer);
    cm_buf_clear(&older);
}

Test(directory_store, a_revocation_once_seen_stays_also_after_a_restart)
{
    const struct pki_identity *jdoe =
        pki_identity(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "jdoe");
    struct cm_buf before = bundle_now();
    pki_revoke(pki, "ca.northport.pd", jdoe, pki->now_ms - 1000);
    struct cm_buf after = bundle_now();
    struct cm_directory_store *store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &before, NULL, pki->now_ms), CM_OK);
    bool changed = false;
    cr_assert_eq(accept_at(store, &after, &changed, pki->now_ms), CM_OK);
    cr_expect(changed, "the serial is the same, the list is newer");
    cm_directory_store_free(store);
    store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &before, &changed, pki->now_ms), CM_OK);
    cr_expect_not(changed);
    struct cm_trust *trust = cm_directory_store_snapshot(store, pki->now_ms);
    struct cm_signatory *signatory = NULL;
    cr_expect_eq(
        cm_trust_chain(&signatory, trust, jdoe->chain, jdoe->chain_count, pki->now_ms, NULL),
        CM_UNAUTHENTICATED);
    cm_signatory_unref(signatory);
    cm_trust_unref(trust);
    cm_directory_store_free(store);
    cm_buf_clear(&before);
    cm_buf_clear(&after);
}

Test(directory_store, a_signer_that_ended_is_not_believed_yet_its_directory_stands)
{
    struct cm_buf older = bundle_now();
    pki_next(pki);
    const struct pki_identity *good = pki->directory_signer;
    struct pki_leaf leaf = {.agency = "_",
                            .role = CM_ROLE_DIRECTORY,
                            .name = "leaving",
                            .not_after_ms = pki->now_ms + 3600 * 1000};
    pki->directory_signer = pki_leaf(pki, &leaf);
    struct cm_buf newer = bundle_now();
    struct cm_directory_store *store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &newer, NULL, pki->now_ms), CM_OK);
    cm_directory_store_free(store);
    int64_t later_ms = pki->now_ms + 2 * 3600 * 1000;
    store = open_at(later_ms);
    cr_expect_eq(cm_directory_store_serial(store), pki->serial);
    cr_expect_eq(served_at(store, later_ms), 0);
    cr_expect_null(cm_directory_store_newest(store));
    cr_expect_eq(accept_at(store, &older, NULL, later_ms), CM_STALE);
    pki_next(pki);
    pki->directory_signer = good;
    struct cm_buf next = bundle_now();
    cr_expect_eq(accept_at(store, &next, NULL, later_ms), CM_OK);
    cr_expect_eq(served_at(store, later_ms), pki->serial);
    cm_directory_store_free(store);
    cm_buf_clear(&older);
    cm_buf_clear(&newer);
    cm_buf_clear(&next);
}

Test(directory_store, two_processes_never_write_an_older_one_over_a_newer)
{
    struct cm_buf first = bundle_now();
    pki_next(pki);
    struct cm_buf second = bundle_now();
    pki_next(pki);
    struct cm_buf third = bundle_now();
    struct cm_directory_store *one = open_at(pki->now_ms);
    cr_assert_eq(accept_at(one, &first, NULL, pki->now_ms), CM_OK);
    struct cm_directory_store *two = open_at(pki->now_ms);
    cr_assert_eq(accept_at(one, &third, NULL, pki->now_ms), CM_OK);
    cr_expect_eq(accept_at(two, &second, NULL, pki->now_ms), CM_STALE);
    cr_expect_eq(cm_directory_store_serial(two), pki->serial, "it learned of the other's");
    cm_directory_store_free(one);
    cm_directory_store_free(two);
    cm_buf_clear(&first);
    cm_buf_clear(&second);
    cm_buf_clear(&third);
}

Test(directory_store, a_damaged_bundle_is_never_begun_anew)
{
    struct cm_buf bundle = bundle_now();
    struct cm_error error = {0};
    struct cm_directory_store *store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &bundle, NULL, pki->now_ms), CM_OK);
    cm_directory_store_free(store);
    bundle.data[bundle.len / 2] ^= 1;
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&bundle), 0644, NULL), CM_OK);
    cr_expect_eq(cm_directory_store_open(&store, folder, pki_root(pki), pki->now_ms, &error),
                 CM_INVALID);
    cr_expect_neq(error.hint[0], '\0');
    cr_assert_eq(cm_file_write(path, CM_BYTES_NONE, 0644, NULL), CM_OK);
    cr_expect_eq(cm_directory_store_open(&store, folder, pki_root(pki), pki->now_ms, &error),
                 CM_INVALID);
    cm_buf_clear(&bundle);
}

Test(directory_store, another_federations_root_and_a_folder_open_to_others_are_refused)
{
    struct cm_buf bundle = bundle_now();
    struct cm_directory_store *store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &bundle, NULL, pki->now_ms), CM_OK);
    cm_directory_store_free(store);
    struct pki *other = pki_new();
    cr_expect_eq(cm_directory_store_open(&store, folder, pki_root(other), pki->now_ms, NULL),
                 CM_INVALID);
    pki_free(other);
    cr_assert_eq(chmod(folder, 0770), 0);
    cr_expect_eq(cm_directory_store_open(&store, folder, pki_root(pki), pki->now_ms, NULL),
                 CM_INVALID);
    cr_expect_eq(
        cm_directory_store_open(&store, "/nowhere/at/all", pki_root(pki), pki->now_ms, NULL),
        CM_NOT_FOUND);
    cm_buf_clear(&bundle);
}

Test(directory_store, the_roots_revocation_of_a_signer_stays_over_a_restart)
{
    const struct pki_leaf leaf = {.agency = "_", .role = CM_ROLE_DIRECTORY, .name = "retired"};
    const struct pki_leaf ending = {.agency = "_",
                                    .role = CM_ROLE_DIRECTORY,
                                    .name = "ending",
                                    .not_after_ms = pki->now_ms + 3600 * 1000};
    const struct pki_identity *retired = pki_leaf(pki, &leaf);
    struct cm_buf first = bundle_now();
    pki_revoke(pki, "_", retired, pki->now_ms);
    pki_next(pki);
    pki->issued_ms = pki->now_ms - 3600 * 1000; // before the root's list
    pki->directory_signer = pki_leaf(pki, &ending);
    struct cm_buf second = bundle_now();
    struct cm_directory_store *store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &first, NULL, pki->now_ms), CM_OK);
    cr_assert_eq(accept_at(store, &second, NULL, pki->now_ms), CM_OK);
    cm_directory_store_free(store);
    // The certificate of the one that signed it ends: read again as of its issue, before the list.
    pki->root_crl = false;
    pki->directory_signer = retired;
    int64_t later_ms = pki->now_ms + 2 * 3600 * 1000;
    pki_next(pki);
    struct cm_buf forged = bundle_now();
    store = open_at(later_ms);
    cr_expect_eq(served_at(store, later_ms), 0);
    cr_expect_eq(accept_at(store, &forged, NULL, later_ms), CM_UNAUTHENTICATED,
                 "by a signer that the root revoked");
    cm_directory_store_free(store);
    cm_buf_clear(&first);
    cm_buf_clear(&second);
    cm_buf_clear(&forged);
}

Test(directory_store, a_ca_that_comes_back_brings_no_older_list)
{
    struct pki_agency *agency = pki_find_agency(pki, "ca.northport.pd");
    const struct pki_identity *jdoe =
        pki_identity(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "jdoe");
    const struct pki_identity *alice =
        pki_identity(pki, "ca.northport.pd", CM_ROLE_INVESTIGATOR, "alice");
    pki_revoke(pki, "ca.northport.pd", jdoe, pki->now_ms - 1000);
    struct cm_buf first = bundle_now();
    pki_next(pki);
    agency->ca_unpinned = true;
    agency->crl_absent = true;
    struct cm_buf away = bundle_now();
    pki_next(pki);
    agency->ca_unpinned = false;
    agency->crl_absent = false;
    struct cm_buf good = bundle_now();
    agency->revoked_count = 0;
    agency->crl_number--;
    struct cm_buf back = bundle_now();
    struct cm_directory_store *store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &first, NULL, pki->now_ms), CM_OK);
    cr_assert_eq(accept_at(store, &away, NULL, pki->now_ms), CM_OK);
    cm_directory_store_free(store);
    store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &back, NULL, pki->now_ms), CM_OK);
    struct cm_trust *trust = cm_directory_store_snapshot(store, pki->now_ms);
    struct cm_signatory *signatory = NULL;
    cr_expect_eq(
        cm_trust_chain(&signatory, trust, jdoe->chain, jdoe->chain_count, pki->now_ms, NULL),
        CM_UNAUTHENTICATED);
    cm_trust_unref(trust);
    cr_assert_eq(accept_at(store, &good, NULL, pki->now_ms), CM_OK);
    trust = cm_directory_store_snapshot(store, pki->now_ms);
    cr_expect_eq(
        cm_trust_chain(&signatory, trust, alice->chain, alice->chain_count, pki->now_ms, NULL),
        CM_OK, "the newest list counts");
    cm_signatory_unref(signatory);
    cm_trust_unref(trust);
    cm_directory_store_free(store);
    cm_buf_clear(&first);
    cm_buf_clear(&away);
    cm_buf_clear(&good);
    cm_buf_clear(&back);
}

Test(directory_store, an_agency_that_is_gone_is_refused)
{
    pki_agency(pki, "ca.southgate.pd");
    struct cm_buf two = bundle_now();
    pki_next(pki);
    struct pki_agency *last = pki->agencies[--pki->agency_count];
    struct cm_buf one = bundle_now();
    pki->agencies[pki->agency_count++] = last;
    struct cm_directory_store *store = open_at(pki->now_ms);
    cr_assert_eq(accept_at(store, &two, NULL, pki->now_ms), CM_OK);
    cr_expect_eq(accept_at(store, &one, NULL, pki->now_ms), CM_STALE);
    cm_directory_store_free(store);
    cm_buf_clear(&two);
    cm_buf_clear(&one);
}
