#include "nodes/cli/node.h"
#include "nodes/cli/order.h"
#include "nodes/cli/order_desk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct argp_option look_options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 0},
    {0},
};

static const struct argp_option sign_options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 0},
    {"key", 'k', "FILE", 0, "your administrator's key", 0},
    {"chain", 'C', "FILE", 0, "your certificate and your agency's CA", 0},
    {"passphrase-file", 'P', "FILE", 0, "your key's passphrase", 0},
    {0},
};

static const struct cm_cli_usage list_usage = {
    .options = look_options,
    .words = "",
    .about = "Show the court orders that were registered, whether in force or not.",
};

static const struct cm_cli_usage end_usage = {
    .options = sign_options,
    .words = "ID",
    .about = "End a court order at once: queries under way that it alone permits stop, too.",
    .required = "kC",
    .least_words = 1,
    .most_words = 1,
};

static const struct cm_cli_usage renew_usage = {
    .options = sign_options,
    .words = "",
    .about = "Sign the register again as it is: for a node that was set up anew, or that refused "
             "it as too old.",
    .required = "kC",
};

int cm_node_order_list(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_order_desk desk;
    struct cm_error error = {.text = ""};
    cm_cli_parse(&args, &list_usage, argc, argv);
    if (cm_order_desk_open(&desk, &args, false, &error) != CM_OK) {
        return cm_cli_fail(&error);
    }
    if (desk.orders == NULL) {
        puts("no court order was registered");
    } else {
        const struct cm_order_register *orders = cm_orders_register(desk.orders);
        printf("register %" PRIu64 "%s, %zu order%s\n", orders->sequence,
               desk.waits ? ", which the node has not taken" : "", orders->order_count,
               orders->order_count == 1 ? "" : "s");
        for (size_t i = 0; i < orders->order_count; i++) {
            cm_order_show(stdout, &orders->orders[i], desk.now_ms);
        }
    }
    cm_order_desk_clear(&desk);
    return CM_EXIT_OK;
}

// The same orders; the one of that id ended now, unless id is NULL.
static enum cm_status sign_again(const struct cm_order_desk *desk, const char *id,
                                 struct cm_error *error)
{
    if (desk->orders == NULL) {
        return cm_fail(error, CM_NOT_FOUND, "orders", "none was registered");
    }
    const struct cm_order_register *before = cm_orders_register(desk->orders);
    struct cm_court_order *orders = calloc(before->order_count + 1, sizeof *orders);
    bool found = id == NULL;
    if (orders == NULL) {
        return cm_fail(error, CM_MEMORY, "orders", "out of memory");
    }
    for (size_t i = 0; i < before->order_count; i++) {
        orders[i] = before->orders[i];
        if (id != NULL && strcmp(orders[i].id, id) == 0 && orders[i].ended_ms == 0) {
            orders[i].ended_ms = desk->now_ms;
            found = true;
        }
    }
    enum cm_status status = found
                                ? cm_order_desk_sign(desk, orders, before->order_count, error)
                                : cm_fail(error, CM_NOT_FOUND, "ID", "no order of this id stands");
    free(orders);
    return status;
}

static int again(const struct cm_cli_args *args)
{
    struct cm_order_desk desk;
    struct cm_error error = {.text = ""};
    const char *id = args->word_count > 0 ? args->words[0] : NULL;
    enum cm_status status = cm_order_desk_open(&desk, args, true, &error);
    if (status == CM_OK) {
        status = sign_again(&desk, id, &error);
        cm_order_desk_clear(&desk);
    }
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}

int cm_node_order_end(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, &end_usage, argc, argv);
    return again(&args);
}

int cm_node_order_renew(int argc, char **argv)
{
    static struct cm_cli_args args;
    cm_cli_parse(&args, &renew_usage, argc, argv);
    return again(&args);
}

int cm_node_order(int argc, char **argv)
{
    static const struct cm_command commands[] = {
        {"add", "register one", cm_node_order_add},
        {"list", "those registered", cm_node_order_list},
        {"end", "end one at once", cm_node_order_end},
        {"renew", "sign the register again", cm_node_order_renew},
        {NULL, NULL, NULL},
    };
    return cm_cli_dispatch(commands, "Registers court orders, which queries may then cite.", argc,
                           argv);
}
