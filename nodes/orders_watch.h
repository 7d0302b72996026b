// Notices within a poll that the administrator signed another register of court orders, and takes
// it if it follows the one that counts: a register never goes back. Each that counted is kept, for
// audits. Loop thread.
#ifndef CM_NODES_ORDERS_WATCH_H
#define CM_NODES_ORDERS_WATCH_H

#include "nodes/orders.h"

#include <sys/stat.h>

enum { CM_ORDERS_PATH = 4096 + 2 * CM_MAX_ID };

// In data/orders: where `comity node order` puts the next one, the one that counts, each that did.
struct cm_orders_paths {
    char folder[CM_ORDERS_PATH];
    char next[CM_ORDERS_PATH];
    char current[CM_ORDERS_PATH];
};

enum cm_status cm_orders_paths(struct cm_orders_paths *out, const char *data, const char *agency,
                               struct cm_error *error) CM_MUST_CHECK;

struct cm_orders_watch {
    struct cm_orders_paths paths;
    struct cm_orders *orders; // that count; NULL: none
    bool seen;
    struct stat last;
    enum cm_status refused; // what came of it
    uint64_t judged_by;     // the directory's serial then
};

// What a register changed over the one before.
struct cm_orders_change {
    unsigned added, ended, altered, dropped;
};

// Makes the folder and takes up what counted before. A register that is damaged counts no more, and
// is logged; its orders are as if they had ended.
enum cm_status cm_orders_open(struct cm_orders_watch *watch, const char *data, const char *agency,
                              struct cm_trust *trust, struct cm_error *error) CM_MUST_CHECK;
void cm_orders_close(struct cm_orders_watch *watch);
// Whether another register counts now. Each refusal is logged when it begins.
bool cm_orders_look(struct cm_orders_watch *watch, struct cm_orders_change *change,
                    const char *agency, struct cm_trust *trust, int64_t now_ms);

// older NULL: none counted before.
void cm_orders_compare(struct cm_orders_change *out, const struct cm_order_register *older,
                       const struct cm_order_register *newer);

#endif
