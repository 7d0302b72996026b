#include "proto/codec/orders.h"

#include "proto/codec/directory.h"
#include "proto/codec/form.h"

#include "comity/v1/orders.pb-c.h"

#include <string.h>

enum { SCRATCH = 16 * CM_MAX_ORDERS_PAYLOAD };

int cm_plate_compare(const struct cm_plate_selector *a, const struct cm_plate_selector *b)
{
    int order = strcmp(a->plate, b->plate);
    return order != 0 ? order : strcmp(a->state, b->state);
}

static void check_plates(struct cm_form *form, const struct cm_court_order *order)
{
    cm_form_between(form, "plates", order->plate_count, 0, CM_MAX_ORDER_LIST);
    for (size_t i = 0; cm_form_ok(form) && i < order->plate_count; i++) {
        const struct cm_plate_selector *plate = &order->plates[i];
        cm_form_enter(form, "plates", i);
        cm_form_plate(form, "plate", plate->plate, 1);
        cm_form_require(form, plate->state[0] == '\0' || cm_state_known(cm_bytes_of(plate->state)),
                        "state", "is not the two capital letters of a state");
        cm_form_require(form, i == 0 || cm_plate_compare(&order->plates[i - 1], plate) < 0, "plate",
                        "must come after the one before");
        cm_form_leave(form);
    }
}

static void check_ids(struct cm_form *form, const char *field, const char *const *ids, size_t count,
                      void (*check)(struct cm_form *form, const char *field, const char *id))
{
    cm_form_between(form, field, count, 0, CM_MAX_ORDER_LIST);
    for (size_t i = 0; cm_form_ok(form) && i < count; i++) {
        check(form, field, ids[i]);
        if (i > 0) {
            cm_form_ascending(form, field, ids[i - 1], ids[i]);
        }
    }
}

static void check_order(struct cm_form *form, const struct cm_court_order *order)
{
    const struct cm_window *window = &order->window;
    cm_form_text(form, "id", order->id, 1, CM_MAX_ID);
    cm_form_text(form, "court", order->court, 1, CM_MAX_NAME);
    cm_form_time(form, "from_ms", order->from_ms);
    cm_form_time(form, "until_ms", order->until_ms);
    cm_form_require(form, order->from_ms < order->until_ms, "until_ms", "must be after from_ms");
    check_ids(form, "agencies", order->agencies, order->agency_count, cm_form_agency);
    check_plates(form, order);
    check_ids(form, "purposes", order->purposes, order->purpose_count, cm_form_id);
    if (window->from_ms != 0 || window->to_ms != 0) {
        cm_form_time(form, "window.from_ms", window->from_ms);
        cm_form_time(form, "window.to_ms", window->to_ms);
        cm_form_require(form, window->from_ms < window->to_ms, "window.to_ms",
                        "must be after from_ms");
    }
    cm_form_time(form, "ended_ms", order->ended_ms);
}

static void check_register(struct cm_form *form, const struct cm_order_register *orders)
{
    cm_form_id(form, "federation", orders->federation);
    cm_form_agency(form, "agency", orders->agency);
    cm_form_between(form, "sequence", orders->sequence, 1, INT64_MAX);
    cm_form_require(form, (orders->sequence == 1) == cm_digest_is_zero(&orders->previous),
                    "previous", "must be empty for sequence 1, and only there");
    cm_form_time(form, "signed_ms", orders->signed_ms);
    cm_form_between(form, "orders", orders->order_count, 0, CM_MAX_ORDERS);
    for (size_t i = 0; cm_form_ok(form) && i < orders->order_count; i++) {
        cm_form_enter(form, "orders", i);
        check_order(form, &orders->orders[i]);
        if (i > 0) {
            cm_form_ascending(form, "id", orders->orders[i - 1].id, orders->orders[i].id);
        }
        cm_form_leave(form);
    }
}

static void take_order(struct cm_form *form, struct cm_court_order *out,
                       const Comity__V1__CourtOrder *in)
{
    struct cm_plate_selector *plates = cm_form_array(form, in->n_plates, sizeof *plates);
    *out = (struct cm_court_order){
        .id = in->id,
        .court = in->court,
        .from_ms = in->from_ms,
        .until_ms = in->until_ms,
        .agency_count = in->n_agencies,
        .agencies = (const char *const *)in->agencies,
        .plate_count = in->n_plates,
        .plates = plates,
        .purpose_count = in->n_purposes,
        .purposes = (const char *const *)in->purposes,
        .ended_ms = in->ended_ms,
    };
    for (size_t i = 0; plates && i < in->n_plates; i++) {
        plates[i] = (struct cm_plate_selector){in->plates[i]->plate, in->plates[i]->state};
    }
    if (in->window) {
        out->window = (struct cm_window){in->window->from_ms, in->window->to_ms};
        // Zeros stand for none, which is left out.
        cm_form_require(form, in->window->to_ms != 0, "orders.window", "must be left out");
    }
}

enum cm_status cm_order_register_decode(struct cm_order_register *out, struct cm_arena *arena,
                                        struct cm_bytes payload, struct cm_error *error)
{
    struct cm_form form = {.arena = arena, .error = error};
    const Comity__V1__OrderRegister *in = cm_form_unpack(
        &form, &comity__v1__order_register__descriptor, "orders", payload, CM_MAX_ORDERS_PAYLOAD);
    *out = (struct cm_order_register){0};
    if (!in) {
        return form.status;
    }
    struct cm_court_order *orders = cm_form_array(&form, in->n_orders, sizeof *orders);
    out->federation = in->federation;
    out->agency = in->agency;
    out->sequence = in->sequence;
    cm_form_digest_or_none(&form, "previous", &out->previous, &in->previous);
    out->signed_ms = in->signed_ms;
    out->order_count = in->n_orders;
    out->orders = orders;
    for (size_t i = 0; orders && cm_form_ok(&form) && i < in->n_orders; i++) {
        take_order(&form, &orders[i], in->orders[i]);
    }
    if (cm_form_ok(&form)) {
        check_register(&form, out);
    }
    return form.status;
}

static char **out_texts(struct cm_form *form, const char *const *in, size_t count)
{
    char **out = cm_form_array(form, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        out[i] = cm_form_out_text(in[i]);
    }
    return out;
}

static Comity__V1__PlateSelector **out_plates(struct cm_form *form, const struct cm_court_order *in)
{
    Comity__V1__PlateSelector **list = cm_form_array(form, in->plate_count, sizeof(void *));
    Comity__V1__PlateSelector *items = cm_form_array(form, in->plate_count, sizeof *items);
    for (size_t i = 0; items && i < in->plate_count; i++) {
        comity__v1__plate_selector__init(&items[i]);
        items[i].plate = cm_form_out_text(in->plates[i].plate);
        items[i].state = cm_form_out_text(in->plates[i].state);
        list[i] = &items[i];
    }
    return list;
}

static void out_order(struct cm_form *form, Comity__V1__CourtOrder *out, Comity__V1__Window *window,
                      const struct cm_court_order *in)
{
    comity__v1__court_order__init(out);
    out->id = cm_form_out_text(in->id);
    out->court = cm_form_out_text(in->court);
    out->from_ms = in->from_ms;
    out->until_ms = in->until_ms;
    out->n_agencies = in->agency_count;
    out->agencies = out_texts(form, in->agencies, in->agency_count);
    out->n_plates = in->plate_count;
    out->plates = out_plates(form, in);
    out->n_purposes = in->purpose_count;
    out->purposes = out_texts(form, in->purposes, in->purpose_count);
    if (in->window.to_ms != 0) {
        comity__v1__window__init(window);
        window->from_ms = in->window.from_ms;
        window->to_ms = in->window.to_ms;
        out->window = window;
    }
    out->ended_ms = in->ended_ms;
}

static Comity__V1__CourtOrder **out_orders(struct cm_form *form, const struct cm_order_register *in)
{
    Comity__V1__CourtOrder **list = cm_form_array(form, in->order_count, sizeof(void *));
    Comity__V1__CourtOrder *items = cm_form_array(form, in->order_count, sizeof *items);
    Comity__V1__Window *windows = cm_form_array(form, in->order_count, sizeof *windows);
    for (size_t i = 0; windows && cm_form_ok(form) && i < in->order_count; i++) {
        out_order(form, &items[i], &windows[i], &in->orders[i]);
        list[i] = &items[i];
    }
    return list;
}

enum cm_status cm_order_register_encode(struct cm_buf *out, const struct cm_order_register *orders,
                                        struct cm_error *error)
{
    struct cm_form form = {.arena = cm_arena_new(SCRATCH), .error = error};
    Comity__V1__OrderRegister message = COMITY__V1__ORDER_REGISTER__INIT;
    if (!form.arena) {
        return cm_fail(error, CM_MEMORY, "orders", "no memory");
    }
    check_register(&form, orders);
    if (cm_form_ok(&form)) {
        message.federation = cm_form_out_text(orders->federation);
        message.agency = cm_form_out_text(orders->agency);
        message.sequence = orders->sequence;
        message.previous = cm_form_out_digest_or_none(&orders->previous);
        message.signed_ms = orders->signed_ms;
        message.n_orders = orders->order_count;
        message.orders = out_orders(&form, orders);
    }
    if (cm_form_ok(&form) && cm_form_pack(out, &message.base, CM_MAX_ORDERS_PAYLOAD) != CM_OK) {
        cm_form_fail(&form, CM_INVALID, "orders", "are more than %d bytes", CM_MAX_ORDERS_PAYLOAD);
    }
    cm_arena_free(form.arena);
    return form.status;
}

const struct cm_court_order *cm_order_find(const struct cm_order_register *orders, const char *id)
{
    for (size_t i = 0; i < orders->order_count; i++) {
        if (strcmp(orders->orders[i].id, id) == 0) {
            return &orders->orders[i];
        }
    }
    return NULL;
}

// An empty list has everything.
static bool lists(const char *const *list, size_t count, const char *id)
{
    bool found = count == 0;
    for (size_t i = 0; i < count && !found; i++) {
        found = strcmp(list[i], id) == 0;
    }
    return found;
}

// An order for a plate of one state covers no question about that plate of any.
static bool covers_plate(const struct cm_court_order *order, const struct cm_plate_selector *plate)
{
    bool found = order->plate_count == 0;
    for (size_t i = 0; plate->plate && i < order->plate_count && !found; i++) {
        const struct cm_plate_selector *one = &order->plates[i];
        found = strcmp(one->plate, plate->plate) == 0 &&
                (one->state[0] == '\0' || strcmp(one->state, plate->state) == 0);
    }
    return found;
}

bool cm_order_covers(const struct cm_court_order *order, const struct cm_query *query,
                     const char *agency, int64_t now_ms)
{
    const struct cm_window *window = &order->window;
    const char *principal = query->on_behalf_of;
    return order->ended_ms == 0 && order->from_ms <= now_ms && now_ms < order->until_ms &&
           lists(order->agencies, order->agency_count, agency) &&
           (principal[0] == '\0' || lists(order->agencies, order->agency_count, principal)) &&
           lists(order->purposes, order->purpose_count, query->purpose) &&
           covers_plate(order, &query->plate) &&
           (window->to_ms == 0 ||
            (window->from_ms <= query->window.from_ms && query->window.to_ms <= window->to_ms));
}
