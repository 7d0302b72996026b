#include "proto/codec/orders.h"

#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static enum cm_status again(struct cm_buf *out, struct cm_arena *arena, struct cm_bytes in,
                            struct cm_error *error)
{
    struct cm_order_register orders;
    enum cm_status status = cm_order_register_decode(&orders, arena, in, error);
    return status == CM_OK ? cm_order_register_encode(out, &orders, error) : status;
}

static const char *const agencies[] = {"ca.milltown.pd", "ca.southgate.pd"};
static const char *const purposes[] = {"homicide", "kidnapping"};
static const struct cm_plate_selector plates[] = {{"7XYZ9", ""}, {"8ABC123", "CA"}};
static struct cm_court_order two[2];

static struct cm_order_register a_register(void)
{
    two[0] = (struct cm_court_order){
        .id = "SC-26/0077",
        .court = "Superior Court of Alder County",
        .from_ms = 1000000,
        .until_ms = 2000000,
        .agency_count = 2,
        .agencies = agencies,
        .plate_count = 2,
        .plates = plates,
        .purpose_count = 2,
        .purposes = purposes,
        .window = {500000, 1500000},
    };
    two[1] = (struct cm_court_order){.id = "SC-26/0078",
                                     .court = "Superior Court of Alder County",
                                     .from_ms = 1000000,
                                     .until_ms = 2000000,
                                     .ended_ms = 1100000};
    return (struct cm_order_register){.federation = "west.example",
                                      .agency = "ca.northport.pd",
                                      .sequence = 2,
                                      .previous = codec_digest(1),
                                      .signed_ms = 1100000,
                                      .order_count = 2,
                                      .orders = two};
}

Test(orders, golden)
{
    struct cm_order_register orders = a_register();
    struct cm_arena *arena = cm_arena_new(CODEC_ARENA);
    struct cm_order_register got;
    struct cm_buf bytes = {0};
    cr_assert_eq(cm_order_register_encode(&bytes, &orders, NULL), CM_OK);
    codec_expect("orders", cm_buf_bytes(&bytes), again);
    cr_assert_eq(cm_order_register_decode(&got, arena, cm_buf_bytes(&bytes), NULL), CM_OK);
    cr_assert_eq(got.order_count, 2);
    cr_expect_str_eq(got.orders[0].id, "SC-26/0077");
    cr_expect_str_eq(got.orders[0].plates[1].plate, "8ABC123");
    cr_expect_eq(got.orders[0].window.to_ms, 1500000);
    cr_expect_eq(got.orders[1].window.to_ms, 0);
    cr_expect_eq(got.orders[1].ended_ms, 1100000);
    cm_buf_clear(&bytes);
    cm_arena_free(arena);
}

static void refused(const struct cm_order_register *orders, const char *where)
{
    struct cm_buf bytes = {0};
    struct cm_error error = {.text = ""};
    cr_expect_eq(cm_order_register_encode(&bytes, orders, &error), CM_INVALID, "%s", where);
    cr_expect_str_eq(error.where, where);
    cm_buf_clear(&bytes);
}

Test(orders, form)
{
    struct cm_order_register orders = a_register();
    orders.previous = (struct cm_digest){{0}};
    refused(&orders, "previous");
    orders = a_register();
    two[1].id = "SC-26/0077";
    refused(&orders, "orders[1].id");
    orders = a_register();
    two[0].id = "";
    refused(&orders, "orders[0].id");
    orders = a_register();
    two[0].until_ms = two[0].from_ms;
    refused(&orders, "orders[0].until_ms");
    orders = a_register();
    two[0].window.to_ms = 400000;
    refused(&orders, "orders[0].window.to_ms");
    static const char *const mixed[] = {"kidnapping", "homicide"};
    orders = a_register();
    two[0].purposes = mixed;
    refused(&orders, "orders[0].purposes");
    static const struct cm_plate_selector spaced[] = {{"8ABC 123", ""}};
    orders = a_register();
    two[0].plates = spaced;
    two[0].plate_count = 1;
    refused(&orders, "orders[0].plates[0].plate");
}

static struct cm_query a_query(void)
{
    return (struct cm_query){.plate = {"8ABC123", "CA"},
                             .window = {500000, 1500000},
                             .purpose = "homicide",
                             .on_behalf_of = ""};
}

static bool covers(struct cm_query query, const char *agency, int64_t now_ms)
{
    return cm_order_covers(&two[0], &query, agency, now_ms);
}

Test(orders, cover_what_they_say_and_no_more)
{
    (void)a_register();
    struct cm_query query = a_query();
    cr_expect(covers(query, "ca.southgate.pd", 1000000));
    cr_expect(covers(query, "ca.southgate.pd", 1999999));
    cr_expect_not(covers(query, "ca.southgate.pd", 999999), "not yet");
    cr_expect_not(covers(query, "ca.southgate.pd", 2000000), "no longer");
    cr_expect_not(covers(query, "ca.northport.pd", 1000000));
    query.plate.state = "";
    cr_expect_not(covers(query, "ca.southgate.pd", 1000000), "any state is more than one");
    query.plate = (struct cm_plate_selector){"7XYZ9", "NV"};
    cr_expect(covers(query, "ca.southgate.pd", 1000000), "one state is less than any");
    query.plate.plate = "8ABC124";
    cr_expect_not(covers(query, "ca.southgate.pd", 1000000));
    query = a_query();
    query.purpose = "civil";
    cr_expect_not(covers(query, "ca.southgate.pd", 1000000));
    query = a_query();
    query.window.from_ms--;
    cr_expect_not(covers(query, "ca.southgate.pd", 1000000));
    query = a_query();
    query.window.to_ms++;
    cr_expect_not(covers(query, "ca.southgate.pd", 1000000));
}

Test(orders, cover_whom_a_query_asks_for_too)
{
    (void)a_register();
    struct cm_query query = a_query();
    query.on_behalf_of = "ca.milltown.pd";
    cr_expect(covers(query, "ca.southgate.pd", 1000000));
    query.on_behalf_of = "ca.northport.pd";
    cr_expect_not(covers(query, "ca.southgate.pd", 1000000));
}

Test(orders, of_nobody_in_particular_cover_all_until_they_end)
{
    struct cm_order_register orders = a_register();
    struct cm_query query = a_query();
    cr_expect_not(cm_order_covers(&two[1], &query, "ca.southgate.pd", 1000000), "it was ended");
    two[1].ended_ms = 0;
    cr_expect(cm_order_covers(&two[1], &query, "ca.southgate.pd", 1000000));
    cr_expect_eq(cm_order_find(&orders, "SC-26/0078"), &two[1]);
    cr_expect_null(cm_order_find(&orders, "SC-26/007"));
}
