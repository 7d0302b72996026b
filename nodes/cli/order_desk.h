// What every command on court orders needs: the node's configuration, the administrator's key, and
// the register as it was signed last. Main thread.
#ifndef CM_NODES_CLI_ORDER_DESK_H
#define CM_NODES_CLI_ORDER_DESK_H

#include "nodes/noded.h"
#include "nodes/orders_watch.h"
#include "proto/base/cli_args.h"
#include "proto/envelope/signer.h"

#include <stdio.h>

// Orders that ended so long ago leave the register; the node keeps each register.
enum { CM_ORDER_KEPT_DAYS = 400 };

struct cm_order_desk {
    struct cm_noded_config config;
    struct cm_orders_paths paths;
    struct cm_trust *trust;
    struct cm_signer *signer; // NULL: only looking
    struct cm_orders *orders; // signed last; NULL: none yet
    bool waits;               // the node has not taken them yet
    int64_t now_ms;
};

// Options: 'c' the configuration, 'k' key, 'C' chain, 'P' passphrase file; the last three where
// signing.
enum cm_status cm_order_desk_open(struct cm_order_desk *out, const struct cm_cli_args *args,
                                  bool signing, struct cm_error *error) CM_MUST_CHECK;
void cm_order_desk_clear(struct cm_order_desk *desk);

// Signs the next register, of these orders (ascending by id) less those that ended long ago, and
// hands it to the node.
enum cm_status cm_order_desk_sign(const struct cm_order_desk *desk,
                                  const struct cm_court_order *orders, size_t count,
                                  struct cm_error *error) CM_MUST_CHECK;
// One order in words, as it stands at now_ms.
void cm_order_show(FILE *out, const struct cm_court_order *order, int64_t now_ms);

#endif
