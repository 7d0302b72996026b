#include "nodes/orders_watch.h"

#include "proto/base/file.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AGENCY "ca.northport.pd"

static struct pki *pki;
static struct cm_trust *trust;
static struct cm_signer *admin;
static struct cm_orders_watch watch;
static struct cm_orders_change change;
static struct cm_error error;
static struct cm_digest last; // of the register written last

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, AGENCY);
    pki_agency(pki, "ca.southgate.pd");
    admin = pki_signer(pki, AGENCY, CM_ROLE_ADMIN, "admin");
    trust = pki_trust(pki);
    cr_assert_eq(cm_orders_open(&watch, pki->dir, AGENCY, trust, &error), CM_OK, "%s", error.text);
    cr_assert_null(watch.orders);
}

static void tear_down(void)
{
    cm_orders_close(&watch);
    cm_trust_unref(trust);
    pki_free(pki);
}

TestSuite(orders_watch, .init = set_up, .fini = tear_down);

static struct cm_court_order order(const char *id)
{
    return (struct cm_court_order){.id = id,
                                   .court = "Superior Court of Alder County",
                                   .from_ms = pki->now_ms - 1000,
                                   .until_ms = pki->now_ms + PKI_DAY_MS};
}

// Where the administrator's command puts it. count orders from "a" on, the first ended at ended_ms.
static void put(const char *path, const struct cm_signer *by, uint64_t sequence, size_t count,
                int64_t ended_ms, int64_t signed_ms)
{
    static const char *const ids[] = {"a", "b", "c"};
    struct cm_court_order orders[3];
    struct cm_buf payload = {0};
    struct cm_buf envelope = {0};
    for (size_t i = 0; i < count; i++) {
        orders[i] = order(ids[i]);
    }
    orders[0].ended_ms = ended_ms;
    const struct cm_order_register all = {
        .federation = pki->federation,
        .agency = AGENCY,
        .sequence = sequence,
        .previous = sequence == 1 ? (struct cm_digest){{0}} : last,
        .signed_ms = signed_ms,
        .order_count = count,
        .orders = orders,
    };
    cr_assert_eq(cm_order_register_encode(&payload, &all, &error), CM_OK, "%s: %s", error.where,
                 error.text);
    cm_sha256_of(&last, cm_buf_bytes(&payload));
    cr_assert_eq(cm_dsse_sign(&envelope, CM_FAMILY_ORDERS, cm_buf_bytes(&payload), by, true),
                 CM_OK);
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&envelope), 0644, &error), CM_OK);
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
}

static bool looked(void)
{
    return cm_orders_look(&watch, &change, AGENCY, trust, pki->now_ms);
}

static bool holds(const char *id)
{
    const struct cm_query query = {.plate = {"8ABC123", ""},
                                   .window = {1000, 2000},
                                   .purpose = "homicide",
                                   .on_behalf_of = "",
                                   .court_order = id};
    return cm_orders_hold(watch.orders, &query, "ca.southgate.pd", pki->now_ms);
}

Test(orders_watch, an_order_counts_from_its_register_to_its_end)
{
    cr_expect_not(looked());
    cr_expect_not(holds("a"));
    put(watch.paths.next, admin, 1, 2, 0, pki->now_ms);
    cr_expect(looked());
    cr_expect_eq(change.added, 2);
    cr_expect(holds("a"));
    cr_expect(holds("b"));
    cr_expect_not(holds("c"));
    cr_expect_not(holds(""));
    cr_expect_not(looked(), "nothing new");
    put(watch.paths.next, admin, 2, 3, pki->now_ms, pki->now_ms);
    cr_expect(looked());
    cr_expect_eq(change.added, 1);
    cr_expect_eq(change.ended, 1);
    cr_expect_eq(change.altered + change.dropped, 0);
    cr_expect_not(holds("a"));
    cr_expect(holds("c"));
}

Test(orders_watch, a_register_never_goes_back)
{
    put(watch.paths.next, admin, 1, 1, 0, pki->now_ms);
    cr_assert(looked());
    struct cm_buf first = {0};
    cr_assert_eq(cm_file_read(&first, watch.paths.next, 1 << 20, &error), CM_OK);
    put(watch.paths.next, admin, 2, 1, pki->now_ms, pki->now_ms);
    cr_assert(looked());
    cr_assert_eq(cm_file_write(watch.paths.next, cm_buf_bytes(&first), 0644, &error), CM_OK);
    cr_expect_not(looked(), "an older one");
    cr_expect_eq(watch.refused, CM_STALE);
    put(watch.paths.next, admin, 2, 2, 0, pki->now_ms);
    cr_expect_not(looked(), "another of the same number");
    last = (struct cm_digest){{1}};
    put(watch.paths.next, admin, 3, 2, 0, pki->now_ms);
    cr_expect_not(looked(), "one that follows another");
    cr_expect_not(holds("a"));
    cm_buf_clear(&first);
}

Test(orders_watch, only_an_administrator_of_the_agency_registers)
{
    put(watch.paths.next, pki_signer(pki, AGENCY, CM_ROLE_SUPERVISOR, "sue"), 1, 1, 0, pki->now_ms);
    cr_expect_not(looked());
    cr_expect_eq(watch.refused, CM_FORBIDDEN);
    put(watch.paths.next, pki_signer(pki, "ca.southgate.pd", CM_ROLE_ADMIN, "admin"), 1, 1, 0,
        pki->now_ms);
    cr_expect_not(looked());
    cr_expect_eq(watch.refused, CM_FORBIDDEN);
    cr_assert_eq(cm_file_write(watch.paths.next, cm_bytes_of("orders"), 0644, &error), CM_OK);
    cr_expect_not(looked());
    cr_expect_not(holds("a"));
}

Test(orders_watch, the_first_is_of_this_hour)
{
    last = (struct cm_digest){{1}};
    put(watch.paths.next, admin, 4, 1, 0, pki->now_ms - 2 * 3600000);
    cr_expect_not(looked());
    cr_expect_eq(watch.refused, CM_STALE);
    put(watch.paths.next, admin, 4, 1, 0, pki->now_ms - 1800000);
    cr_expect(looked());
    put(watch.paths.next, admin, 5, 1, pki->now_ms, pki->now_ms - 900000);
    cr_expect(looked());
}

Test(orders_watch, what_counted_is_kept_and_counts_after_a_restart)
{
    char path[CM_ORDERS_PATH + 8];
    put(watch.paths.next, admin, 1, 1, 0, pki->now_ms);
    cr_assert(looked());
    put(watch.paths.next, admin, 2, 2, 0, pki->now_ms);
    cr_assert(looked());
    cm_orders_close(&watch);
    cr_assert_eq(cm_orders_open(&watch, pki->dir, AGENCY, trust, &error), CM_OK);
    cr_expect(holds("b"));
    cr_expect_not(looked(), "the one in place is known");
    for (int i = 1; i <= 2; i++) {
        snprintf(path, sizeof path, "%s.%d", watch.paths.current, i);
        cr_expect_eq(access(path, R_OK), 0, "%s", path);
    }
}

Test(orders_watch, one_that_somebody_altered_counts_no_more)
{
    struct cm_buf bytes = {0};
    put(watch.paths.next, admin, 1, 1, 0, pki->now_ms);
    cr_assert(looked());
    cr_assert_eq(cm_file_read(&bytes, watch.paths.current, 1 << 20, &error), CM_OK);
    uint8_t *at = memmem(bytes.data, bytes.len, "Superior", 8);
    cr_assert_not_null(at);
    *at = 'X';
    cr_assert_eq(cm_file_write(watch.paths.current, cm_buf_bytes(&bytes), 0600, &error), CM_OK);
    cr_assert_eq(unlink(watch.paths.next), 0);
    cm_orders_close(&watch);
    cr_assert_eq(cm_orders_open(&watch, pki->dir, AGENCY, trust, &error), CM_OK);
    cr_expect_null(watch.orders);
    cr_expect_not(holds("a"));
    cm_buf_clear(&bytes);
}
