// The standing session of this node with one gateway: dials out, says Hello, takes asks, sends
// refusals, credits, rule changes and directories, and redials when it is lost. Loop thread.
#ifndef CM_NODES_ATTACH_H
#define CM_NODES_ATTACH_H

#include "nodes/ports.h"
#include "proto/ledger/witnessed.h"
#include "proto/rpc/channel.h"
#include "proto/trust/directory_store.h"

struct cm_attach;

// Borrowed until free, but for gateway and addresses, which are copied.
struct cm_attach_options {
    struct cm_node *node;
    struct cm_loop *loop;
    struct cm_directory_store *directories;
    const char *gateway; // its name
    size_t address_count;
    const char *const *addresses; // tried in turn
    struct cm_tls_files tls;
    const char *heads;              // folder of what was last seen of gateways' ledgers
    struct cm_ledger *ledger;       // this node's, shown to the gateway
    struct cm_witnessed *witnessed; // what gateways say of it
    int64_t witness_every_ms;       // how often it is shown, when it has grown
    uint8_t instance[CM_INSTANCE_SIZE];
    // The gateway sent a newer directory, not yet verified; cm_attach_directory_taken must follow.
    // False: another is being verified, and it wants to be offered again.
    bool (*on_directory)(void *context, struct cm_attach *attach, struct cm_bytes bundle);
    // Something was found in the gateway's ledger: the entry, without its time.
    void (*on_finding)(void *context, const struct cm_entry *entry);
    // The gateway has shown that our ledger lacks what our key signed.
    void (*on_refuted)(void *context);
    void *context;
};

enum cm_status cm_attach_new(struct cm_attach **out, const struct cm_attach_options *options,
                             struct cm_error *error) CM_MUST_CHECK;
// After cm_attach_close and once cm_attach_idle.
void cm_attach_free(struct cm_attach *attach);
// No further dialling; the session and its queries end. Called again: at once.
void cm_attach_close(struct cm_attach *attach);
bool cm_attach_closing(const struct cm_attach *attach);
bool cm_attach_idle(const struct cm_attach *attach);

// Until then nothing further of this session is read: asks wait for the directory they rest on.
// status: what came of it; a gateway whose directory doesn't hold is left, and not dialled soon.
void cm_attach_directory_taken(struct cm_attach *attach, enum cm_status status);
// Another directory was verified: on_directory once more for the one that waits, if any does.
void cm_attach_offer_again(struct cm_attach *attach);
// The node's trust changed, or time passed: the gateway is judged again.
void cm_attach_judge_again(struct cm_attach *attach);
// The node's rules are sent again.
void cm_attach_rules_changed(struct cm_attach *attach);
// The node has a newer directory, and not from this gateway, which passes over what it has.
void cm_attach_offer_directory(struct cm_attach *attach);
// New addresses from the directory.
enum cm_status cm_attach_set_addresses(struct cm_attach *attach, const char *const *addresses,
                                       size_t count, struct cm_error *error) CM_MUST_CHECK;
// The TLS files changed.
void cm_attach_reload(struct cm_attach *attach);
// How many refusals got no entry in the last minute; told once.
uint64_t cm_attach_left_out(struct cm_attach *attach, int64_t now_ms);
// Shows our ledger's newest checkpoint where that is due; at once: unless it is signed already.
void cm_attach_show(struct cm_attach *attach, bool at_once);
// The gateway's signature of what was shown is still to come.
bool cm_attach_showing(const struct cm_attach *attach);
// What is wrong with the gateway's ledger: NONE, FORK or ROLLBACK; found last, since the start.
enum cm_witness_finding cm_attach_finding(const struct cm_attach *attach);
const char *cm_attach_gateway(const struct cm_attach *attach);
bool cm_attach_attached(const struct cm_attach *attach);
// Attached, and the newest rules were written to its stream.
bool cm_attach_told(const struct cm_attach *attach);

#endif
