#include "nodes/own_entry.h"

#include "nodes/ports.h"

// Ends of what was begun when there still was room, and what must not go unseen.
static bool is_essential(enum cm_entry_kind kind)
{
    return kind == CM_ENTRY_RELEASE || kind == CM_ENTRY_STOP || kind == CM_ENTRY_WITNESS ||
           kind == CM_ENTRY_EPOCH;
}

static enum cm_status make(struct cm_own_entry *own, struct cm_node *node,
                           const struct cm_entry *entry, const struct cm_access *access,
                           void (*done)(struct cm_append *append))
{
    struct cm_entry marked = *entry;
    marked.sealed = access != NULL;
    enum cm_status status = cm_entry_encode(&own->entry, &marked);
    own->recorded_ms = entry->recorded_ms;
    own->asked = (struct cm_access){.person = "", .text = ""};
    if (!status && access) {
        struct cm_access whole = *access;
        cm_chain_places_leave_out(node->chains, &whole, entry->recorded_ms);
        status = cm_access_seal(&own->sealed, &whole, cm_buf_bytes(&own->entry), entry->recorded_ms,
                                node->keys);
        own->asked.question = whole.question;
        own->asked.chain_elsewhere = whole.chain_elsewhere;
    }
    own->append = (struct cm_append){.entry = cm_buf_bytes(&own->entry),
                                     .access = cm_buf_bytes(&own->sealed),
                                     .essential = is_essential(entry->kind),
                                     .done = done};
    return status;
}

enum cm_status cm_own_entry_append(struct cm_own_entry *own, struct cm_node *node,
                                   const struct cm_entry *entry, const struct cm_access *access,
                                   void (*done)(struct cm_append *append))
{
    const enum cm_status status = make(own, node, entry, access, done);
    return status ? status : node->ports->append(node->ports, &own->append);
}

static enum cm_status append(void *context, struct cm_append *append)
{
    struct cm_node_ports *ports = context;
    return ports->append(ports, append);
}

enum cm_status cm_own_entry_queue(struct cm_own_entry *own, struct cm_node *node,
                                  const struct cm_entry *entry, const struct cm_access *access,
                                  void (*done)(struct cm_append *append))
{
    const enum cm_status status = make(own, node, entry, access, done);
    node->appends.append = append;
    node->appends.context = node->ports;
    return status ? status : cm_append_queue_add(&node->appends, &own->append);
}

void cm_own_entry_landed(struct cm_own_entry *own, struct cm_node *node)
{
    const struct cm_access *access = &own->asked;
    if (!own->append.status && access->question.family != CM_FAMILY_NONE &&
        !access->chain_elsewhere) {
        cm_chain_places_written(node->chains, access, own->recorded_ms, own->append.index);
    }
}

enum cm_status cm_own_entry_prove(struct cm_record *out, struct cm_arena *arena,
                                  const struct cm_own_entry *own, struct cm_node *node)
{
    const struct cm_tree_head *head = own->append.head;
    out->entry = cm_buf_bytes(&own->entry);
    out->checkpoint = head->note;
    return node->ports->prove(node->ports, &out->inclusion, arena, own->append.index,
                              head->checkpoint.size);
}

void cm_own_entry_clear(struct cm_own_entry *own)
{
    cm_tree_head_unref(own->append.head);
    own->append.head = NULL;
    cm_buf_clear(&own->entry);
    cm_buf_clear(&own->sealed);
}
