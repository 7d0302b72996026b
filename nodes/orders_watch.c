#include "nodes/orders_watch.h"

#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FRESH_MS = 3600 * 1000 };

enum cm_status cm_orders_paths(struct cm_orders_paths *out, const char *data, const char *agency,
                               struct cm_error *error)
{
    const size_t size = CM_ORDERS_PATH;
    if (snprintf(out->folder, size, "%s/orders", data) >= (int)size ||
        snprintf(out->next, size, "%s/%s.next", out->folder, agency) >= (int)size ||
        snprintf(out->current, size, "%s/%s.orders", out->folder, agency) >= (int)size) {
        return cm_fail(error, CM_INVALID, data, "the path is too long");
    }
    return CM_OK;
}

enum cm_status cm_orders_open(struct cm_orders_watch *watch, const char *data, const char *agency,
                              struct cm_trust *trust, struct cm_error *error)
{
    struct cm_error damage = {.text = ""};
    *watch = (struct cm_orders_watch){.seen = false};
    enum cm_status status = cm_orders_paths(&watch->paths, data, agency, error);
    if (!status) {
        status = cm_folder_make(watch->paths.folder, error);
    }
    if (status) {
        return status;
    }
    status = cm_orders_read(&watch->orders, watch->paths.current, agency, trust, 0, &damage);
    if (status && status != CM_NOT_FOUND) {
        cm_log(CM_LOG_ERROR, "orders-damaged", "file=%s where=%s error=\"%s\" action=\"%s\"",
               watch->paths.current, damage.where, damage.text,
               "no court order counts: find out who altered it, then register them again");
    }
    return CM_OK;
}

void cm_orders_close(struct cm_orders_watch *watch)
{
    cm_orders_unref(watch->orders);
    watch->orders = NULL;
}

static bool changed(struct cm_orders_watch *watch)
{
    struct stat now;
    if (stat(watch->paths.next, &now) != 0) {
        return false;
    }
    const bool same = watch->seen && now.st_ino == watch->last.st_ino &&
                      now.st_dev == watch->last.st_dev && now.st_size == watch->last.st_size &&
                      now.st_mtim.tv_sec == watch->last.st_mtim.tv_sec &&
                      now.st_mtim.tv_nsec == watch->last.st_mtim.tv_nsec;
    watch->seen = true;
    watch->last = now;
    return !same;
}

static enum cm_status check_follows(const struct cm_orders *next, const struct cm_orders *current,
                                    const char *path, int64_t now_ms, struct cm_error *error)
{
    const struct cm_order_register *list = cm_orders_register(next);
    const struct cm_order_register *last = current ? cm_orders_register(current) : NULL;
    if (list->signed_ms > now_ms + CM_SKEW_MS) {
        return cm_fail(error, CM_STALE, path, "is dated in the future");
    }
    // Without one to follow, a register of long ago could come back.
    if (!last && list->signed_ms < now_ms - FRESH_MS) {
        cm_fail(error, CM_STALE, path, "is the first, and was not signed within the last hour");
        cm_error_hint(error, "comity node order renew");
        return CM_STALE;
    }
    if (last && list->sequence <= last->sequence) {
        return cm_fail(error, CM_STALE, path, "register %" PRIu64 " does not follow %" PRIu64,
                       list->sequence, last->sequence);
    }
    if (last && list->sequence == last->sequence + 1 &&
        !cm_digest_equal(&list->previous, cm_orders_digest(current))) {
        return cm_fail(error, CM_STALE, path, "register %" PRIu64 " follows another %" PRIu64,
                       list->sequence, last->sequence);
    }
    return CM_OK;
}

// The one for audits first: what counted is there, whatever happens then.
static enum cm_status keep(const struct cm_orders_watch *watch, const struct cm_orders *orders,
                           struct cm_error *error)
{
    char path[CM_ORDERS_PATH + 32];
    snprintf(path, sizeof path, "%s.%" PRIu64, watch->paths.current,
             cm_orders_register(orders)->sequence);
    enum cm_status status = cm_file_write(path, cm_orders_envelope(orders), 0600, error);
    return status ? status
                  : cm_file_write(watch->paths.current, cm_orders_envelope(orders), 0600, error);
}

static enum cm_status take(struct cm_orders **out, struct cm_orders_watch *watch,
                           const char *agency, struct cm_trust *trust, int64_t now_ms,
                           struct cm_error *error)
{
    struct cm_orders *next = NULL;
    *out = NULL;
    enum cm_status status = cm_orders_read(&next, watch->paths.next, agency, trust, now_ms, error);
    if (!status && watch->orders &&
        cm_digest_equal(cm_orders_digest(next), cm_orders_digest(watch->orders))) {
        cm_orders_unref(next);
        return CM_OK;
    }
    if (!status) {
        status = check_follows(next, watch->orders, watch->paths.next, now_ms, error);
    }
    if (!status) {
        status = keep(watch, next, error);
    }
    if (status) {
        cm_orders_unref(next);
        return status;
    }
    *out = next;
    return CM_OK;
}

bool cm_orders_look(struct cm_orders_watch *watch, struct cm_orders_change *change,
                    const char *agency, struct cm_trust *trust, int64_t now_ms)
{
    struct cm_error error = {.text = ""};
    struct cm_orders *next = NULL;
    const uint64_t serial = cm_trust_directory(trust)->serial;
    const bool news = changed(watch);
    const bool again = watch->refused && (watch->refused == CM_IO || watch->refused == CM_MEMORY ||
                                          watch->judged_by != serial);
    if (!news && !again) {
        return false;
    }
    const enum cm_status status = take(&next, watch, agency, trust, now_ms, &error);
    if (status && (news || status != watch->refused)) {
        cm_log(CM_LOG_ERROR, "orders-refused", "file=%s status=%s where=%s error=\"%s\"",
               watch->paths.next, cm_status_name(status), error.where, error.text);
    }
    watch->refused = status;
    watch->judged_by = serial;
    if (!next) {
        return false;
    }
    cm_orders_compare(change, watch->orders ? cm_orders_register(watch->orders) : NULL,
                      cm_orders_register(next));
    cm_orders_unref(watch->orders);
    watch->orders = next;
    return true;
}

static bool same_texts(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
    bool same = a_count == b_count;
    for (size_t i = 0; i < a_count && same; i++) {
        same = strcmp(a[i], b[i]) == 0;
    }
    return same;
}

// But for its end.
static bool same_order(const struct cm_court_order *a, const struct cm_court_order *b)
{
    bool same = strcmp(a->court, b->court) == 0 && a->from_ms == b->from_ms &&
                a->until_ms == b->until_ms && a->plate_count == b->plate_count &&
                a->window.from_ms == b->window.from_ms && a->window.to_ms == b->window.to_ms;
    for (size_t i = 0; i < a->plate_count && same; i++) {
        same = cm_plate_compare(&a->plates[i], &b->plates[i]) == 0;
    }
    return same && same_texts(a->agencies, a->agency_count, b->agencies, b->agency_count) &&
           same_texts(a->purposes, a->purpose_count, b->purposes, b->purpose_count);
}

void cm_orders_compare(struct cm_orders_change *out, const struct cm_order_register *older,
                       const struct cm_order_register *newer)
{
    *out = (struct cm_orders_change){.added = 0};
    for (size_t i = 0; i < newer->order_count; i++) {
        const struct cm_court_order *order = &newer->orders[i];
        const struct cm_court_order *before = older ? cm_order_find(older, order->id) : NULL;
        if (!before) {
            out->added++;
        } else if (before->ended_ms == 0 && order->ended_ms != 0) {
            out->ended++;
        } else if (!same_order(before, order) || before->ended_ms != order->ended_ms) {
            out->altered++;
        }
    }
    for (size_t i = 0; older && i < older->order_count; i++) {
        out->dropped += !cm_order_find(newer, older->orders[i].id);
    }
}
