// The daemon's start, in the order in which each part needs the one before, and its end.
#include "nodes/noded_internal.h"

#include "proto/base/file.h"
#include "proto/base/folder.h"
#include "proto/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ROOT = 64 * 1024,
    WORK_QUEUE = 1 << 16, // jobs are embedded in queries, which credits bound
    RESTORE_ARENA_CAP = 1024 * 1024,
};

static int64_t wall(void)
{
    return cm_wall_ms(cm_clock_system());
}

static enum cm_status submit(struct cm_node_ports *ports, struct cm_job *job)
{
    return cm_noded_submit(CM_CONTAINER(ports, struct cm_noded, ports), job);
}

static enum cm_status append(struct cm_node_ports *ports, struct cm_append *one)
{
    struct cm_ledger *ledger = CM_CONTAINER(ports, struct cm_noded, ports)->ledger;
    return ledger ? cm_ledger_append(ledger, one) : CM_UNAVAILABLE;
}

static enum cm_status prove(struct cm_node_ports *ports, struct cm_inclusion *out,
                            struct cm_arena *arena, uint64_t index, uint64_t size)
{
    return cm_ledger_prove_inclusion(
        out, arena, CM_CONTAINER(ports, struct cm_noded, ports)->ledger, index, size);
}

static enum cm_status open_directory(struct cm_noded *noded, struct cm_error *error)
{
    char folder[PATH_MAX];
    struct cm_buf root = {0};
    struct cm_error refused = {.text = ""};
    const struct cm_noded_config *config = noded->config;
    enum cm_status status = cm_folder_make_in(folder, config->data, "directory", error);
    if (!status) {
        status = cm_file_read(&root, config->root, MAX_ROOT, error);
    }
    if (!status) {
        status = cm_directory_store_open(&noded->directories, folder, cm_buf_bytes(&root), wall(),
                                         error);
    }
    if (!status) {
        status = cm_file_read(&noded->incoming, config->directory, CM_MAX_BUNDLE, error);
    }
    if (!status) {
        status = cm_directory_store_accept(noded->directories, NULL, cm_buf_bytes(&noded->incoming),
                                           wall(), &refused);
        // The one held already may be the newer: gateways bring it.
        if (status == CM_STALE && cm_directory_store_serial(noded->directories) > 0) {
            cm_log(CM_LOG_WARNING, "directory-refused", "where=%s error=\"%s\"", refused.where,
                   refused.text);
            status = CM_OK;
        } else if (status && error) {
            *error = refused;
        }
    }
    if (!status && !(noded->node.trust = cm_directory_store_snapshot(noded->directories, wall()))) {
        status = cm_fail(error, CM_STALE, config->directory, "the directory has expired");
        cm_error_hint(error, "get the newest one from the federation's operator");
    }
    cm_buf_clear(&noded->incoming);
    cm_buf_clear(&root);
    return status;
}

// The node's name is its certificate's; the directory must list its key for its agency.
static enum cm_status open_identity(struct cm_noded *noded, struct cm_error *error)
{
    struct cm_identity identity;
    const struct cm_noded_config *config = noded->config;
    const struct cm_signer *signer = noded->node.signer;
    const enum cm_status status =
        cm_identity_parse(&identity, cm_bytes_of(cm_signer_spiffe(signer)), error);
    if (status) {
        return status;
    }
    if (identity.role != CM_ROLE_NODE || strcmp(identity.agency, config->agency) != 0) {
        return cm_fail(error, CM_INVALID, config->chain, "not the certificate of a node of %s",
                       config->agency);
    }
    const struct cm_agency *agency =
        cm_directory_agency(cm_trust_directory(noded->node.trust), config->agency);
    for (size_t i = 0; agency && i < agency->node_pin_count; i++) {
        if (cm_digest_equal(&agency->node_pins[i], cm_signer_key_hash(signer))) {
            memcpy(noded->node.agency, identity.agency, sizeof noded->node.agency);
            return CM_OK;
        }
    }
    cm_fail(error, CM_INVALID, config->chain, "the directory doesn't list this key for %s",
            config->agency);
    cm_error_hint(error, "tell the federation's operator what `comity keys pin` prints");
    return CM_INVALID;
}

static enum cm_status open_rules(struct cm_noded *noded, struct cm_error *error)
{
    const char *folder = noded->rules_folder;
    struct cm_node *node = &noded->node;
    const enum cm_status status =
        cm_bundle_open(&node->bundle, node->agency, folder, node->trust, wall(), error);
    if (status) {
        return status;
    }
    snprintf(noded->rules_path, sizeof noded->rules_path, "%s/%s.next", folder, node->agency);
    noded->rules.path = noded->config->rules ? noded->config->rules : noded->rules_path;
    cm_noded_look_first(noded);
    if (!cm_bundle_standing(node->bundle)) {
        cm_log(CM_LOG_WARNING, "no-rules",
               "file=%s action=\"nothing is shared until rules are "
               "signed: comity acl apply\"",
               noded->rules.path);
    }
    return CM_OK;
}

static enum cm_status remember(struct cm_noded *noded, uint64_t index, const struct cm_entry *entry)
{
    noded->newest_ms = entry->recorded_ms;
    cm_noded_recall_line(noded, index, entry);
    if (entry->kind == CM_ENTRY_RULES) {
        noded->recorded_rules = entry->digest;
    } else if (entry->kind == CM_ENTRY_DIRECTORY) {
        noded->recorded_directory = entry->directory_serial;
    } else if (entry->kind == CM_ENTRY_COPY) {
        return cm_copies_seen_add(&noded->node.copies_seen, entry);
    }
    return CM_OK;
}

// Queries that were judged to the end within their life can't be asked again.
static enum cm_status restore(void *context, const struct cm_log_item *item)
{
    struct cm_noded *noded = context;
    struct cm_entry entry;
    cm_arena_reset(noded->restore_arena);
    const enum cm_status status = cm_entry_decode(&entry, noded->restore_arena, item->entry, NULL);
    if (status) {
        return status;
    }
    if (remember(noded, item->index, &entry)) {
        return CM_MEMORY;
    }
    const bool claimed = entry.kind == CM_ENTRY_NODE &&
                         (entry.permitted || entry.refusal == CM_REFUSAL_NOT_PERMITTED);
    if (!claimed || entry.expires_ms + 2 * CM_SKEW_MS <= wall()) {
        return CM_OK; // as long as the cache itself would have held it
    }
    return cm_replay_restore(noded->node.replay, &entry.replay_key, entry.expires_ms,
                             entry.recorded_ms);
}

static enum cm_status submit_witnessed(void *context, struct cm_job *job)
{
    struct cm_noded *noded = context;
    return noded->workers ? cm_workers_submit(noded->workers, job) : CM_UNAVAILABLE;
}

static enum cm_status open_ledger(struct cm_noded *noded, struct cm_error *error)
{
    char *folder = noded->ledger_folder;
    const struct cm_noded_config *config = noded->config;
    const struct cm_replay_limits limits = {config->remembered, config->remembered_per_investigator,
                                            config->remembered_per_agency};
    noded->restore_arena = cm_arena_new(RESTORE_ARENA_CAP);
    if (!noded->restore_arena || cm_replay_new(&noded->node.replay, &limits)) {
        return cm_fail(error, CM_MEMORY, "node", "out of memory");
    }
    enum cm_status status = cm_folder_make_in(noded->rules_folder, config->data, "rules", error);
    if (!status) {
        status = cm_folder_make_in(folder, config->data, "ledger", error);
    }
    cm_noded_open_journal(noded);
    if (!status) {
        status = cm_witnessed_open(&noded->witnessed, folder, noded->node.signer, submit_witnessed,
                                   noded, error);
    }
    if (!status) {
        status = cm_ledger_open(
            &noded->ledger,
            &(struct cm_ledger_options){.folder = folder,
                                        .epoch = noded->witnessed.epoch,
                                        .signer = noded->node.signer,
                                        .poster = cm_loop_poster(noded->loop),
                                        .max_waiting = config->waiting,
                                        .max_bytes = (uint64_t)config->ledger_max_mb * 1024 * 1024,
                                        .publish_ms = 1000,
                                        .replay = restore,
                                        .context = noded},
            error);
    }
    if (!status) {
        status = cm_noded_open_keys(noded, folder, error);
    }
    if (!status) {
        status = cm_witnessed_check(&noded->witnessed, noded->ledger, error);
    }
    cm_arena_free(noded->restore_arena);
    noded->restore_arena = NULL;
    return status;
}

static enum cm_status open_store(struct cm_noded *noded, struct cm_error *error)
{
    const struct cm_noded_config *config = noded->config;
    if (strcmp(config->store, CM_NO_STORE) == 0) {
        return CM_OK;
    }
    const enum cm_status status = cm_store_open(&noded->node.store, config->store,
                                                noded->node.agency, config->connections, error);
    noded->retention = (struct cm_retention){.store = noded->node.store,
                                             .submit = cm_noded_submit,
                                             .swept = cm_noded_swept,
                                             .context = noded};
    return status;
}

// Made once: after a restart the gateway replaces the session that it may still hold.
static enum cm_status open_instance(struct cm_noded *noded, struct cm_error *error)
{
    char path[4096 + 16];
    struct cm_buf bytes = {.max = CM_INSTANCE_SIZE};
    snprintf(path, sizeof path, "%s/instance", noded->config->data);
    enum cm_status status = cm_file_read(&bytes, path, CM_INSTANCE_SIZE, error);
    if (!status && bytes.len == CM_INSTANCE_SIZE) {
        memcpy(noded->instance, bytes.data, CM_INSTANCE_SIZE);
    } else if (status == CM_NOT_FOUND || !status) {
        status = cm_random(noded->instance, CM_INSTANCE_SIZE);
        if (!status) {
            status = cm_file_write(path, (struct cm_bytes){noded->instance, CM_INSTANCE_SIZE}, 0600,
                                   error);
        }
    }
    cm_buf_clear(&bytes);
    return status;
}

static enum cm_status open_all(struct cm_noded *noded, struct cm_error *error)
{
    const struct cm_noded_config *config = noded->config;
    enum cm_status status = cm_folder_make(config->data, error);
    if (!status) {
        status = cm_signer_load(&noded->node.signer, config->key, config->chain, NULL, error);
    }
    if (!status) {
        status = open_directory(noded, error);
    }
    if (!status) {
        status = open_identity(noded, error);
    }
    if (!status) {
        status = open_instance(noded, error);
    }
    if (!status) {
        status = cm_folder_make_in(noded->heads, config->data, "gateways", error);
    }
    if (!status) {
        status = cm_loop_new(&noded->loop, error);
    }
    // Before the rules: the ledger's lock keeps a second process off the whole data folder.
    if (!status) {
        status = open_ledger(noded, error);
    }
    if (!status) {
        status = open_rules(noded, error);
    }
    if (!status) {
        status = cm_orders_open(&noded->orders, config->data, noded->node.agency, noded->node.trust,
                                error);
        noded->node.orders = noded->orders.orders;
    }
    if (!status) {
        status = open_store(noded, error);
    }
    if (!status &&
        cm_workers_new(&noded->workers, config->workers, WORK_QUEUE, cm_loop_poster(noded->loop))) {
        status = cm_fail(error, CM_MEMORY, "node.workers", "the threads could not be started");
    }
    if (!status) {
        status = cm_noded_watch(noded, error);
    }
    if (!status) {
        status = cm_noded_meet_gateways(noded, error);
        // Our own configuration can be mended now; one bad entry of the directory stops no node.
        status = config->gateway_count > 0 ? status : CM_OK;
    }
    return status;
}

enum cm_status cm_noded_new(struct cm_noded **out, const struct cm_noded_config *config,
                            struct cm_error *error)
{
    struct cm_noded *noded = calloc(1, sizeof *noded);
    if (!noded) {
        return cm_fail(error, CM_MEMORY, "node", "out of memory");
    }
    noded->config = config;
    noded->ports = (struct cm_node_ports){
        .clock = cm_clock_system(), .submit = submit, .append = append, .prove = prove};
    noded->node.ports = &noded->ports;
    noded->incoming.max = CM_MAX_BUNDLE;
    noded->tick.fire = cm_noded_tick;
    enum cm_status status = open_all(noded, error);
    if (!status && cm_timer_set(noded->loop, &noded->tick, CM_TICK_MS)) {
        status = cm_fail(error, CM_MEMORY, "node", "out of memory");
    }
    if (status) {
        cm_noded_free(noded);
        return status;
    }
    cm_noded_note_start(noded);
    cm_log(CM_LOG_INFO, "started", "agency=%s gateways=%zu", noded->node.agency,
           noded->attach_count);
    *out = noded;
    return CM_OK;
}

static void run_what_is_posted(struct cm_noded *noded)
{
    while (noded->loop && cm_loop_step(noded->loop, 0)) {
        ;
    }
}

void cm_noded_free(struct cm_noded *noded)
{
    if (!noded) {
        return;
    }
    if (noded->loop) {
        cm_timer_cancel(noded->loop, &noded->tick);
    }
    for (size_t i = 0; i < noded->attach_count; i++) {
        cm_attach_close(noded->attaches[i]);
    }
    cm_folders_stop(noded->folders);
    cm_control_stop(noded->control);
    cm_workers_free(noded->workers);
    noded->workers = NULL;
    cm_ledger_close(noded->ledger);
    noded->ledger = NULL;
    cm_append_queue_drop(&noded->node.appends);
    run_what_is_posted(noded);
    for (size_t i = 0; i < noded->attach_count; i++) {
        cm_attach_free(noded->attaches[i]);
    }
    cm_witnessed_clear(&noded->witnessed);
    cm_folders_free(noded->folders);
    cm_control_free(noded->control);
    cm_loop_free(noded->loop);
    cm_edits_clear(&noded->judged);
    cm_buf_clear(&noded->edits.withheld);
    cm_store_close(noded->node.store);
    cm_orders_close(&noded->orders);
    cm_bundle_free(noded->node.bundle);
    cm_chain_places_free(noded->node.chains);
    cm_copies_seen_clear(&noded->node.copies_seen);
    cm_day_keys_free(noded->node.keys);
    cm_replay_free(noded->node.replay);
    cm_trust_unref(noded->node.trust);
    cm_directory_store_free(noded->directories);
    cm_signer_unref(noded->node.signer);
    cm_buf_clear(&noded->incoming);
    cm_arena_free(noded->restore_arena);
    free(noded);
}
