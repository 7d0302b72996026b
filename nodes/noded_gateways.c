// Which gateways the node is attached to, and the directory that says so.
#include "nodes/noded_internal.h"

#include "proto/base/file.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_BUNDLE = CM_MAX_BUNDLE };

static const char *wanted_name(const struct cm_noded *noded, size_t index)
{
    const struct cm_noded_config *config = noded->config;
    if (noded->detached || cm_witnessed_refuted(&noded->witnessed)) {
        return NULL;
    }
    if (config->gateway_count > 0) {
        return index < config->gateway_count ? config->gateways[index] : NULL;
    }
    const struct cm_directory *directory = cm_trust_directory(noded->node.trust);
    return index < directory->gateway_count ? directory->gateways[index].name : NULL;
}

static size_t wanted_addresses(const char *const **out, const struct cm_noded *noded, size_t index)
{
    const struct cm_noded_config *config = noded->config;
    if (config->gateway_count > 0) {
        *out = &config->addresses[index];
        return 1;
    }
    const struct cm_gateway_entry *entry = &cm_trust_directory(noded->node.trust)->gateways[index];
    *out = entry->addresses;
    return entry->address_count;
}

static bool wanted(const struct cm_noded *noded, const char *gateway)
{
    const char *name;
    for (size_t i = 0; (name = wanted_name(noded, i)); i++) {
        if (strcmp(name, gateway) == 0) {
            return true;
        }
    }
    return false;
}

static struct cm_attach *find(const struct cm_noded *noded, const char *gateway)
{
    for (size_t i = 0; i < noded->attach_count; i++) {
        if (strcmp(cm_attach_gateway(noded->attaches[i]), gateway) == 0) {
            return noded->attaches[i];
        }
    }
    return NULL;
}

static bool on_directory(void *context, struct cm_attach *attach, struct cm_bytes bundle);

static void on_finding(void *noded, const struct cm_entry *entry)
{
    cm_noded_note(noded, entry, NULL);
}

// Nothing more is served; the sessions are left at the next tick.
static void on_refuted(void *noded)
{
    ((struct cm_noded *)noded)->meet_due = true;
}

static enum cm_status begin(struct cm_noded *noded, const char *name, const char *const *addresses,
                            size_t count, struct cm_error *error)
{
    if (noded->attach_count == CM_MAX_GATEWAYS) {
        return cm_fail(error, CM_INVALID, "gateways", "more than %d", CM_MAX_GATEWAYS);
    }
    struct cm_attach_options options = {
        .node = &noded->node,
        .loop = noded->loop,
        .directories = noded->directories,
        .gateway = name,
        .address_count = count,
        .addresses = addresses,
        .tls = {noded->config->key, noded->config->chain, noded->config->root},
        .heads = noded->heads,
        .ledger = noded->ledger,
        .witnessed = &noded->witnessed,
        .witness_every_ms = noded->config->witness_every_ms,
        .on_directory = on_directory,
        .on_finding = on_finding,
        .on_refuted = on_refuted,
        .context = noded,
    };
    memcpy(options.instance, noded->instance, sizeof options.instance);
    const enum cm_status status =
        cm_attach_new(&noded->attaches[noded->attach_count], &options, error);
    noded->attach_count += status == CM_OK;
    return status;
}

static enum cm_status meet(struct cm_noded *noded, size_t index, struct cm_error *error)
{
    const char *name = wanted_name(noded, index);
    const char *const *addresses;
    const size_t count = wanted_addresses(&addresses, noded, index);
    struct cm_attach *attach = find(noded, name);
    if (!attach) {
        return begin(noded, name, addresses, count, error);
    }
    if (cm_attach_closing(attach)) {
        noded->meet_due = true; // dialled anew once the old session is gone
        return CM_OK;
    }
    return cm_attach_set_addresses(attach, addresses, count, error);
}

static void leave_gateways(struct cm_noded *noded)
{
    for (size_t i = 0; i < noded->attach_count;) {
        struct cm_attach *attach = noded->attaches[i];
        if (wanted(noded, cm_attach_gateway(attach)) && !cm_attach_closing(attach)) {
            i++;
            continue;
        }
        cm_attach_close(attach);
        if (!cm_attach_idle(attach) || noded->sender == attach) {
            i++; // freed at a later look
            continue;
        }
        cm_noded_log_left_out(attach, INT64_MAX);
        cm_attach_free(attach);
        noded->attaches[i] = noded->attaches[--noded->attach_count];
    }
}

enum cm_status cm_noded_meet_gateways(struct cm_noded *noded, struct cm_error *error)
{
    enum cm_status first = CM_OK;
    const char *name;
    noded->meet_due = false;
    leave_gateways(noded);
    for (size_t i = 0; (name = wanted_name(noded, i)); i++) {
        struct cm_error why = {.text = ""};
        const enum cm_status status = meet(noded, i, &why);
        if (!status) {
            continue;
        }
        cm_log(CM_LOG_ERROR, "gateway-not-met", "gateway=%s where=%s error=\"%s\"", name, why.where,
               why.text);
        if (!first && error) {
            *error = why;
        }
        first = first ? first : status;
    }
    return first;
}

// A newer snapshot counts from now on.
static void retrust(struct cm_noded *noded)
{
    struct cm_node *node = &noded->node;
    struct cm_error error = {.text = ""};
    struct cm_trust *trust =
        cm_directory_store_snapshot(noded->directories, cm_wall_ms(node->ports->clock));
    if (!trust) {
        return;
    }
    cm_trust_unref(node->trust);
    node->trust = trust;
    const struct cm_directory *directory = cm_trust_directory(trust);
    cm_log(CM_LOG_INFO, "directory-counts", "serial=%" PRIu64, directory->serial);
    if (cm_bundle_retrust(node->bundle, trust, &error)) {
        cm_log(CM_LOG_ERROR, "rules-not-judged-again", "where=%s error=\"%s\"", error.where,
               error.text);
    }
    cm_noded_note_directory(noded);
    cm_node_queries_judge_again(node);
    cm_noded_judge_edits(noded, cm_mono_ms(node->ports->clock));
    for (size_t i = 0; i < noded->attach_count; i++) {
        cm_attach_judge_again(noded->attaches[i]);
        if (noded->attaches[i] != noded->sender) {
            cm_attach_offer_directory(noded->attaches[i]);
        }
    }
    cm_noded_meet_gateways(noded, NULL);
}

static void accept_work(struct cm_job *job)
{
    struct cm_noded *noded = CM_CONTAINER(job, struct cm_noded, accept_job);
    noded->accept_status = CM_OK;
    noded->accept_changed = false;
    if (!noded->sender) {
        noded->incoming.len = 0;
        noded->accept_status = cm_file_read(&noded->incoming, noded->config->directory, MAX_BUNDLE,
                                            &noded->accept_error);
    }
    if (!noded->accept_status) {
        noded->accept_status = cm_directory_store_accept(
            noded->directories, &noded->accept_changed, cm_buf_bytes(&noded->incoming),
            cm_wall_ms(cm_clock_system()), &noded->accept_error);
    }
}

static void accepted(struct cm_job *job)
{
    struct cm_noded *noded = CM_CONTAINER(job, struct cm_noded, accept_job);
    struct cm_attach *sender = noded->sender;
    cm_buf_clear(&noded->incoming);
    if (noded->accept_status) {
        cm_log(CM_LOG_WARNING, "directory-refused", "from=%s status=%s where=%s error=\"%s\"",
               sender ? cm_attach_gateway(sender) : "file", cm_status_name(noded->accept_status),
               noded->accept_error.where, noded->accept_error.text);
    } else if (noded->accept_changed) {
        retrust(noded);
    }
    noded->accepting = false;
    noded->sender = NULL;
    if (sender) {
        cm_attach_directory_taken(sender, noded->accept_status);
    }
    cm_noded_read_what_waits(noded);
}

static bool accept_directory(struct cm_noded *noded, struct cm_attach *sender)
{
    noded->sender = sender;
    noded->accept_job = (struct cm_job){.work = accept_work, .done = accepted};
    noded->accepting = cm_workers_submit(noded->workers, &noded->accept_job) == CM_OK;
    if (!noded->accepting) {
        noded->sender = NULL;
    }
    return noded->accepting;
}

// One at a time.
static bool on_directory(void *context, struct cm_attach *attach, struct cm_bytes bundle)
{
    struct cm_noded *noded = context;
    if (noded->accepting) {
        return false;
    }
    noded->incoming.len = 0;
    return cm_buf_add(&noded->incoming, bundle.data, bundle.len) == CM_OK &&
           accept_directory(noded, attach);
}

void cm_noded_read_directory(struct cm_noded *noded)
{
    noded->reread_due = noded->accepting || !accept_directory(noded, NULL);
}

void cm_noded_read_what_waits(struct cm_noded *noded)
{
    if (noded->reread_due) {
        cm_noded_read_directory(noded);
    }
    for (size_t i = 0; i < noded->attach_count && !noded->accepting; i++) {
        cm_attach_offer_again(noded->attaches[i]);
    }
}
