#include "nodes/cli/order.h"
#include "nodes/cli/order_desk.h"
#include "nodes/ingest/values.h"
#include "proto/base/clock.h"
#include "proto/codec/directory.h"

#include <stdlib.h>
#include <string.h>

static const struct argp_option options[] = {
    {"court", 'o', "NAME", 0, "the court that issued it", 1},
    {"from", 'f', "WHEN", 0, "in force from then: a date (UTC) or RFC 3339; default now", 1},
    {"until", 'u', "WHEN", 0, "in force until then", 1},
    {"agency", 'a', "ID", 0, "who may cite it; may be repeated", 2},
    {"any-agency", 'A', NULL, 0, "anybody may cite it", 2},
    {"plate", 'p', "PLATE[,ST]", 0, "what it covers; may be repeated; \"-\" reads lines of input",
     2},
    {"any-plate", 'L', NULL, 0, "it covers any plate", 2},
    {"purpose", 'r', "PURPOSE", 0, "what for; may be repeated", 2},
    {"any-purpose", 'R', NULL, 0, "for any purpose", 2},
    {"reads-from", 'F', "WHEN", 0, "it covers reads from then; default of any time", 2},
    {"reads-until", 'U', "WHEN", 0, "and until then", 2},
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 3},
    {"key", 'k', "FILE", 0, "your administrator's key", 3},
    {"chain", 'C', "FILE", 0, "your certificate and your agency's CA", 3},
    {"passphrase-file", 'P', "FILE", 0, "your key's passphrase", 3},
    {"yes", 'y', NULL, 0, "do not ask", 3},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "ID",
    .about = "Register a court order at your agency's node: rules that say require or unless "
             "court-order then count it, for queries that cite it and that it covers.\v"
             "What it covers has to be said, or that it is any.\n\n"
             "Exit codes: 0 signed; 1 not; 2 usage.",
    .required = "oukC",
    .least_words = 1,
    .most_words = 1,
};

struct add {
    const struct cm_cli_args *args;
    struct cm_order_desk desk;
    struct cm_court_order order;
    const char *agencies[CM_MAX_ORDER_LIST];
    const char *purposes[CM_MAX_ORDER_LIST];
    struct cm_plate_selector plates[CM_MAX_ORDER_LIST];
    char texts[CM_MAX_ORDER_LIST][CM_MAX_PLATE + 1]; // of the plates
    char states[CM_MAX_ORDER_LIST][3];
};

static enum cm_status parse_when(int64_t *out, const struct cm_cli_args *args, int key,
                                 const char *name, struct cm_error *error)
{
    const char *given = cm_cli_get(args, key);
    const char *why = "";
    char text[64];
    if (given == NULL) {
        return CM_OK;
    }
    bool date = strlen(given) == sizeof "2026-11-22" - 1;
    snprintf(text, sizeof text, "%.40s%s", given, date ? "T00:00:00Z" : "");
    return cm_csv_time(out, cm_bytes_of(text), &why) == CM_OK
               ? CM_OK
               : cm_fail(error, CM_INVALID, name, "%s", why);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_plate(const void *a, const void *b)
{
    return cm_plate_compare(a, b);
}

// The values of key, ascending, each once; or none, where any says so.
static enum cm_status take_list(size_t *count, const char *list[CM_MAX_ORDER_LIST],
                                const struct cm_cli_args *args, int key, int any, const char *name,
                                struct cm_error *error)
{
    const char *value;
    size_t given = 0;
    *count = 0;
    while ((value = cm_cli_nth(args, key, given)) != NULL) {
        if (given == CM_MAX_ORDER_LIST) {
            return cm_fail(error, CM_INVALID, name, "more than %d", CM_MAX_ORDER_LIST);
        }
        list[given++] = value;
    }
    if ((given > 0) == (cm_cli_get(args, any) != NULL)) {
        return cm_fail(error, CM_INVALID, name, "say which, or that it is any, and not both");
    }
    qsort(list, given, sizeof *list, by_text);
    for (size_t i = 0; i < given; i++) {
        if (*count == 0 || strcmp(list[i], list[*count - 1]) != 0) {
            list[(*count)++] = list[i];
        }
    }
    return CM_OK;
}

static enum cm_status take_plate(struct add *add, const char *given, struct cm_error *error)
{
    const size_t at = add->order.plate_count;
    const char *comma = strchr(given, ',');
    const size_t len = comma != NULL ? (size_t)(comma - given) : strlen(given);
    if (at == CM_MAX_ORDER_LIST) {
        return cm_fail(error, CM_INVALID, "--plate", "more than %d", CM_MAX_ORDER_LIST);
    }
    if (cm_plate_normalise(add->texts[at], (struct cm_bytes){(const uint8_t *)given, len}) !=
        CM_OK) {
        return cm_fail(error, CM_INVALID, "--plate", "number %zu is no plate", at + 1);
    }
    if (comma != NULL && !cm_state_known(cm_bytes_of(comma + 1))) {
        return cm_fail(error, CM_INVALID, "--plate", "number %zu has no known state", at + 1);
    }
    snprintf(add->states[at], sizeof add->states[at], "%s", comma != NULL ? comma + 1 : "");
    add->plates[at] = (struct cm_plate_selector){add->texts[at], add->states[at]};
    add->order.plate_count++;
    return CM_OK;
}

static enum cm_status read_plates(struct add *add, struct cm_error *error)
{
    char line[4 * CM_MAX_PLATE];
    enum cm_status status = CM_OK;
    while (status == CM_OK && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        status = line[0] != '\0' ? take_plate(add, line, error) : CM_OK;
    }
    cm_wipe(line, sizeof line);
    return status;
}

// Taken out of the process list, too.
static enum cm_status take_plates(struct add *add, struct cm_error *error)
{
    const char *value;
    enum cm_status status = CM_OK;
    for (size_t i = 0; status == CM_OK && (value = cm_cli_nth(add->args, 'p', i)) != NULL; i++) {
        if (strcmp(value, "-") == 0) {
            status = read_plates(add, error);
        } else {
            status = take_plate(add, value, error);
            cm_wipe((char *)(uintptr_t)value, strlen(value));
        }
    }
    if (status == CM_OK && (add->order.plate_count > 0) == (cm_cli_get(add->args, 'L') != NULL)) {
        status = cm_fail(error, CM_INVALID, "--plate", "say which, or --any-plate, and not both");
    }
    qsort(add->plates, add->order.plate_count, sizeof *add->plates, by_plate);
    size_t kept = 0;
    for (size_t i = 0; i < add->order.plate_count; i++) {
        if (kept == 0 || cm_plate_compare(&add->plates[i], &add->plates[kept - 1]) != 0) {
            add->plates[kept++] = add->plates[i];
        }
    }
    add->order.plate_count = kept;
    return status;
}

static enum cm_status take_times(struct add *add, int64_t now_ms, struct cm_error *error)
{
    struct cm_court_order *order = &add->order;
    order->from_ms = now_ms;
    enum cm_status status = parse_when(&order->from_ms, add->args, 'f', "--from", error);
    if (status == CM_OK) {
        status = parse_when(&order->until_ms, add->args, 'u', "--until", error);
    }
    if (status == CM_OK) {
        status = parse_when(&order->window.from_ms, add->args, 'F', "--reads-from", error);
    }
    if (status == CM_OK && cm_cli_get(add->args, 'F') != NULL) {
        order->window.to_ms = order->until_ms;
    }
    if (status == CM_OK) {
        status = parse_when(&order->window.to_ms, add->args, 'U', "--reads-until", error);
    }
    if (status == CM_OK && order->until_ms <= now_ms) {
        status = cm_fail(error, CM_INVALID, "--until", "has passed");
    }
    return status;
}

static enum cm_status check_names(const struct add *add, struct cm_error *error)
{
    const struct cm_directory *directory = cm_trust_directory(add->desk.trust);
    for (size_t i = 0; i < add->order.agency_count; i++) {
        if (cm_directory_agency(directory, add->agencies[i]) == NULL) {
            return cm_fail(error, CM_INVALID, "--agency", "%.96s is not in the directory",
                           add->agencies[i]);
        }
    }
    for (size_t i = 0; i < add->order.purpose_count; i++) {
        if (cm_directory_purpose(directory, add->purposes[i]) == NULL) {
            return cm_fail(error, CM_INVALID, "--purpose", "%.96s is none of the federation's",
                           add->purposes[i]);
        }
    }
    return CM_OK;
}

static enum cm_status confirm(const struct add *add, struct cm_error *error)
{
    char answer[8];
    cm_order_show(stdout, &add->order, add->desk.now_ms);
    fflush(stdout);
    if (cm_cli_get(add->args, 'y') != NULL) {
        return CM_OK;
    }
    enum cm_status status =
        cm_cli_prompt(answer, sizeof answer, "Register it (yes or no)? ", error);
    if (status == CM_OK && strcmp(answer, "yes") != 0) {
        status = cm_fail(error, CM_CANCELLED, "order", "is not registered");
    }
    return status;
}

// Among the others, where its id belongs.
static enum cm_status insert(const struct add *add, struct cm_error *error)
{
    const struct cm_order_register *before =
        add->desk.orders != NULL ? cm_orders_register(add->desk.orders) : NULL;
    const size_t count = before != NULL ? before->order_count : 0;
    struct cm_court_order *orders = calloc(count + 1, sizeof *orders);
    size_t at = 0;
    if (orders == NULL) {
        return cm_fail(error, CM_MEMORY, "orders", "out of memory");
    }
    while (at < count && strcmp(before->orders[at].id, add->order.id) < 0) {
        at++;
    }
    for (size_t i = 0; i < count; i++) {
        orders[i < at ? i : i + 1] = before->orders[i];
    }
    orders[at] = add->order;
    enum cm_status status = cm_order_desk_sign(&add->desk, orders, count + 1, error);
    free(orders);
    return status;
}

static enum cm_status parse(struct add *add, struct cm_error *error)
{
    struct cm_court_order *order = &add->order;
    *order = (struct cm_court_order){.id = add->args->words[0],
                                     .court = cm_cli_get(add->args, 'o'),
                                     .agencies = add->agencies,
                                     .plates = add->plates,
                                     .purposes = add->purposes};
    enum cm_status status = take_plates(add, error);
    if (status == CM_OK) {
        status =
            take_list(&order->agency_count, add->agencies, add->args, 'a', 'A', "--agency", error);
    }
    if (status == CM_OK) {
        status = take_list(&order->purpose_count, add->purposes, add->args, 'r', 'R', "--purpose",
                           error);
    }
    return status == CM_OK ? take_times(add, cm_wall_ms(cm_clock_system()), error) : status;
}

static enum cm_status add_order(struct add *add, struct cm_error *error)
{
    enum cm_status status = cm_order_desk_open(&add->desk, add->args, true, error);
    if (status != CM_OK) {
        return status;
    }
    if (add->desk.orders != NULL &&
        cm_order_find(cm_orders_register(add->desk.orders), add->order.id) != NULL) {
        status = cm_fail(error, CM_INVALID, "ID", "an order of this id is registered already");
        cm_error_hint(error, "ids are not used again; 'comity node order list' shows it");
    }
    if (status == CM_OK) {
        status = check_names(add, error);
    }
    if (status == CM_OK) {
        status = confirm(add, error);
    }
    if (status == CM_OK) {
        status = insert(add, error);
    }
    cm_order_desk_clear(&add->desk);
    return status;
}

int cm_node_order_add(int argc, char **argv)
{
    static struct cm_cli_args args;
    static struct add add;
    struct cm_error error = {.text = ""};
    cm_cli_parse(&args, &usage, argc, argv);
    add.args = &args;
    enum cm_status status = parse(&add, &error);
    const bool misused = status != CM_OK;
    if (!misused) {
        status = add_order(&add, &error);
    }
    cm_wipe(add.texts, sizeof add.texts);
    if (status != CM_OK) {
        cm_cli_error(&error);
    }
    return status == CM_OK ? CM_EXIT_OK : misused ? CM_EXIT_USAGE : CM_EXIT_FAILED;
}
