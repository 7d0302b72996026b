#include "nodes/cli/order_desk.h"

#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/trust/identity.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_ROOT = 64 * 1024, WHEN = 32 };

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

static enum cm_status load_trust(struct cm_order_desk *desk, struct cm_error *error)
{
    struct cm_buf root = {0};
    struct cm_buf bundle = {0};
    enum cm_status status = cm_file_read(&root, desk->config.root, MAX_ROOT, error);
    if (status == CM_OK) {
        status = cm_file_read(&bundle, desk->config.directory, CM_MAX_BUNDLE, error);
    }
    if (status == CM_OK) {
        status = cm_trust_new(&desk->trust, cm_buf_bytes(&root), cm_buf_bytes(&bundle), NULL,
                              desk->now_ms, error);
    }
    cm_buf_clear(&root);
    cm_buf_clear(&bundle);
    return status;
}

static enum cm_status load_signer(struct cm_order_desk *desk, const struct cm_cli_args *args,
                                  struct cm_error *error)
{
    const char *key = cm_cli_get(args, 'k');
    const char *chain = cm_cli_get(args, 'C');
    const char *file = cm_cli_get(args, 'P');
    char passphrase[CM_MAX_PASSPHRASE];
    struct cm_identity who;
    enum cm_status status = CM_UNAUTHENTICATED;
    if (file == NULL) {
        status = cm_signer_load(&desk->signer, key, chain, NULL, error);
    }
    if (status == CM_UNAUTHENTICATED) {
        status = cm_cli_passphrase(passphrase, file, "Passphrase of your key: ", false, error);
        if (status == CM_OK) {
            status = cm_signer_load(&desk->signer, key, chain, passphrase, error);
        }
        cm_wipe(passphrase, sizeof passphrase);
    }
    if (status == CM_OK) {
        status = cm_identity_parse(&who, cm_bytes_of(cm_signer_spiffe(desk->signer)), error);
    }
    if (status == CM_OK &&
        (who.role != CM_ROLE_ADMIN || strcmp(who.agency, desk->config.agency) != 0)) {
        status = cm_fail(error, CM_FORBIDDEN, chain, "only an administrator of %s registers orders",
                         desk->config.agency);
    }
    return status;
}

// The newer of the one that counts and the one that waits for the node.
static enum cm_status load_orders(struct cm_order_desk *desk, struct cm_error *error)
{
    struct cm_orders *next = NULL;
    const char *agency = desk->config.agency;
    enum cm_status status =
        cm_orders_read(&desk->orders, desk->paths.current, agency, desk->trust, 0, error);
    if (status != CM_OK && status != CM_NOT_FOUND) {
        cm_error_hint(error, "the node's register was altered: find out who did it");
        return status;
    }
    status = cm_orders_read(&next, desk->paths.next, agency, desk->trust, 0, error);
    if (status != CM_OK) {
        return status == CM_NOT_FOUND ? CM_OK : status;
    }
    if (desk->orders == NULL ||
        cm_orders_register(next)->sequence > cm_orders_register(desk->orders)->sequence) {
        cm_orders_unref(desk->orders);
        desk->orders = next;
        desk->waits = true;
    } else {
        cm_orders_unref(next);
    }
    return CM_OK;
}

static enum cm_status check_folder(const char *folder, struct cm_error *error)
{
    struct stat facts;
    if (stat(folder, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        return CM_OK;
    }
    cm_fail(error, CM_NOT_FOUND, folder, "is not there");
    cm_error_hint(error, "the node makes it when it starts; you need its user's rights, or root's");
    return CM_NOT_FOUND;
}

enum cm_status cm_order_desk_open(struct cm_order_desk *out, const struct cm_cli_args *args,
                                  bool signing, struct cm_error *error)
{
    const char *path = cm_cli_get(args, 'c');
    *out = (struct cm_order_desk){.now_ms = cm_wall_ms(cm_clock_system())};
    enum cm_status status =
        cm_noded_config_load(&out->config, path != NULL ? path : "/etc/comity/noded.ini", error);
    if (status == CM_OK) {
        status = cm_orders_paths(&out->paths, out->config.data, out->config.agency, error);
    }
    if (status == CM_OK) {
        status = check_folder(out->paths.folder, error);
    }
    if (status == CM_OK) {
        status = load_trust(out, error);
    }
    if (status == CM_OK && signing) {
        status = load_signer(out, args, error);
    }
    if (status == CM_OK) {
        status = load_orders(out, error);
    }
    if (status != CM_OK) {
        cm_order_desk_clear(out);
    }
    return status;
}

void cm_order_desk_clear(struct cm_order_desk *desk)
{
    cm_orders_unref(desk->orders);
    cm_signer_unref(desk->signer);
    cm_trust_unref(desk->trust);
    cm_noded_config_clear(&desk->config);
    *desk = (struct cm_order_desk){.now_ms = 0};
}

static bool is_kept(const struct cm_court_order *order, int64_t now_ms)
{
    const int64_t over_ms = order->ended_ms != 0 ? order->ended_ms : order->until_ms;
    return over_ms + CM_ORDER_KEPT_DAYS * day_ms > now_ms;
}

static enum cm_status sign(const struct cm_order_desk *desk, const struct cm_order_register *next,
                           struct cm_error *error)
{
    struct cm_buf payload = {0};
    struct cm_buf envelope = {0};
    enum cm_status status = cm_order_register_encode(&payload, next, error);
    if (status == CM_OK && cm_dsse_sign(&envelope, CM_FAMILY_ORDERS, cm_buf_bytes(&payload),
                                        desk->signer, true) != CM_OK) {
        status = cm_fail(error, CM_INTERNAL, "orders", "cannot be signed with this key");
    }
    // Nobody but the node looks into its folder.
    if (status == CM_OK) {
        status = cm_file_write(desk->paths.next, cm_buf_bytes(&envelope), 0644, error);
    }
    if (payload.data != NULL) {
        cm_wipe(payload.data, payload.len);
    }
    cm_buf_clear(&payload);
    cm_buf_clear(&envelope);
    return status;
}

enum cm_status cm_order_desk_sign(const struct cm_order_desk *desk,
                                  const struct cm_court_order *orders, size_t count,
                                  struct cm_error *error)
{
    struct cm_court_order *kept = calloc(count + 1, sizeof *kept);
    if (kept == NULL) {
        return cm_fail(error, CM_MEMORY, "orders", "out of memory");
    }
    struct cm_order_register next = {
        .federation = cm_trust_directory(desk->trust)->federation,
        .agency = desk->config.agency,
        .sequence = 1,
        .signed_ms = desk->now_ms,
        .orders = kept,
    };
    if (desk->orders != NULL) {
        next.sequence = cm_orders_register(desk->orders)->sequence + 1;
        next.previous = *cm_orders_digest(desk->orders);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_kept(&orders[i], desk->now_ms)) {
            kept[next.order_count++] = orders[i];
        }
    }
    enum cm_status status = sign(desk, &next, error);
    if (status == CM_OK) {
        printf("register %" PRIu64 " is signed: the node takes it within a second\n",
               next.sequence);
    }
    free(kept);
    return status;
}

static const char *when(char out[WHEN], int64_t ms)
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(out, WHEN, "%Y-%m-%d %H:%MZ", &parts) == 0) {
        snprintf(out, WHEN, "?");
    }
    return out;
}

static void show_list(FILE *out, const char *name, const char *const *list, size_t count,
                      const char *none)
{
    struct cm_buf text = {0};
    enum cm_status status = count == 0 ? cm_buf_printf(&text, "%s", none) : CM_OK;
    for (size_t i = 0; i < count && status == CM_OK; i++) {
        status = cm_buf_printf(&text, "%s%s", i > 0 ? ", " : "", list[i]);
    }
    if (status == CM_OK) {
        fprintf(out, "  %-9s", name);
        cm_cli_wrap(out, (const char *)text.data, 11, 11);
    }
    cm_buf_clear(&text);
}

static void show_plates(FILE *out, const struct cm_court_order *order)
{
    struct cm_buf text = {0};
    enum cm_status status = order->plate_count == 0 ? cm_buf_printf(&text, "any") : CM_OK;
    for (size_t i = 0; i < order->plate_count && status == CM_OK; i++) {
        const struct cm_plate_selector *plate = &order->plates[i];
        status = cm_buf_printf(&text, "%s%s%s%s", i > 0 ? ", " : "", plate->plate,
                               plate->state[0] != '\0' ? " " : "", plate->state);
    }
    if (status == CM_OK) {
        fprintf(out, "  %-9s", "plates");
        cm_cli_wrap(out, (const char *)text.data, 11, 11);
        cm_wipe(text.data, text.len);
    }
    cm_buf_clear(&text);
}

void cm_order_show(FILE *out, const struct cm_court_order *order, int64_t now_ms)
{
    char a[WHEN], b[WHEN];
    if (order->ended_ms != 0) {
        fprintf(out, "%s: ended on %s\n", order->id, when(a, order->ended_ms));
    } else if (now_ms < order->from_ms) {
        fprintf(out, "%s: from %s until %s, not yet in force\n", order->id, when(a, order->from_ms),
                when(b, order->until_ms));
    } else {
        fprintf(out, "%s: %s %s\n", order->id,
                now_ms < order->until_ms ? "in force until" : "over since",
                when(a, order->until_ms));
    }
    show_list(out, "court", &order->court, 1, "");
    show_list(out, "cited by", order->agencies, order->agency_count, "anybody");
    show_plates(out, order);
    show_list(out, "purposes", order->purposes, order->purpose_count, "any");
    if (order->window.to_ms != 0) {
        fprintf(out, "  %-9sfrom %s to %s\n", "reads", when(a, order->window.from_ms),
                when(b, order->window.to_ms));
    } else {
        fprintf(out, "  %-9sof any time\n", "reads");
    }
}
