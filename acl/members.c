#include "acl/members.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct cm_members {
    atomic_uint references;
    struct cm_members *next; // of those of signed directories
    struct cm_digest digest; // the directory's; zero: unsigned
    size_t count;
    struct cm_member *list; // ascending by id, as in the directory
    struct cm_digest *pins;
    char *ids;
    size_t slot_count; // a power of two, more than twice count
    uint32_t *slots;   // index in list + 1 by the id's hash, then the next free one; 0: empty
};

// Every agency's rules are compiled by themselves, but mostly against the same directory: without
// this, thousands of nodes would take gigabytes.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cm_members *signed_ones;

// A reference to those of that directory that live, or NULL.
static struct cm_members *find_signed(const struct cm_digest *digest)
{
    struct cm_members *found = NULL;
    pthread_mutex_lock(&lock);
    for (struct cm_members *one = signed_ones; one != NULL && found == NULL; one = one->next) {
        unsigned references = atomic_load_explicit(&one->references, memory_order_relaxed);
        while (cm_digest_equal(&one->digest, digest) && references > 0 && found == NULL) {
            // One that is at 0 is about to go.
            if (atomic_compare_exchange_weak(&one->references, &references, references + 1)) {
                found = one;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void keep_signed(struct cm_members *members)
{
    pthread_mutex_lock(&lock);
    members->next = signed_ones;
    signed_ones = members;
    pthread_mutex_unlock(&lock);
}

static void forget_signed(const struct cm_members *members)
{
    pthread_mutex_lock(&lock);
    struct cm_members **link = &signed_ones;
    while (*link != NULL && *link != members) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = members->next;
    }
    pthread_mutex_unlock(&lock);
}

// FNV-1a. Who is in a directory doesn't choose the ids.
static size_t hash(const char *id)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *id != '\0'; id++) {
        hash = (hash ^ (uint8_t)*id) * UINT64_C(1099511628211);
    }
    return (size_t)(hash ^ hash >> 32);
}

static enum cm_status enter_all(struct cm_members *members)
{
    members->slot_count = 4;
    while (members->slot_count <= 2 * members->count) {
        members->slot_count *= 2;
    }
    members->slots = calloc(members->slot_count, sizeof *members->slots);
    if (members->slots == NULL) {
        return CM_MEMORY;
    }
    for (size_t i = 0; i < members->count; i++) {
        size_t slot = hash(members->list[i].id);
        while (members->slots[slot & (members->slot_count - 1)] != 0) {
            slot++;
        }
        members->slots[slot & (members->slot_count - 1)] = (uint32_t)i + 1;
    }
    return CM_OK;
}

static void copy_agency(struct cm_members *members, const struct cm_agency *agency,
                        struct cm_digest **pins, char **ids)
{
    struct cm_member *member = &members->list[members->count++];
    size_t len = strlen(agency->id) + 1;
    memcpy(*ids, agency->id, len);
    *member = (struct cm_member){.id = *ids,
                                 .kind = agency->kind,
                                 .active = agency->active,
                                 .pin_count = (uint32_t)agency->ca_pin_count,
                                 .pins = *pins};
    if (agency->state != NULL && strlen(agency->state) < sizeof member->state) {
        memcpy(member->state, agency->state, strlen(agency->state));
    }
    if (agency->ca_pin_count > 0) {
        memcpy(*pins, agency->ca_pins, agency->ca_pin_count * sizeof **pins);
    }
    *ids += len;
    *pins += agency->ca_pin_count;
}

enum cm_status cm_members_new(struct cm_members **out, const struct cm_directory *directory)
{
    bool is_signed = !cm_digest_is_zero(&directory->digest);
    *out = is_signed ? find_signed(&directory->digest) : NULL;
    if (*out != NULL) {
        return CM_OK;
    }
    size_t pin_count = 0;
    size_t id_bytes = 0;
    for (size_t i = 0; i < directory->agency_count; i++) {
        pin_count += directory->agencies[i].ca_pin_count;
        id_bytes += strlen(directory->agencies[i].id) + 1;
    }
    struct cm_members *members = calloc(1, sizeof *members);
    if (members == NULL) {
        return CM_MEMORY;
    }
    atomic_init(&members->references, 1);
    members->list = calloc(directory->agency_count + 1, sizeof *members->list);
    members->pins = calloc(pin_count + 1, sizeof *members->pins);
    members->ids = calloc(id_bytes + 1, 1);
    if (members->list == NULL || members->pins == NULL || members->ids == NULL) {
        cm_members_unref(members);
        return CM_MEMORY;
    }
    struct cm_digest *pins = members->pins;
    char *ids = members->ids;
    for (size_t i = 0; i < directory->agency_count; i++) {
        copy_agency(members, &directory->agencies[i], &pins, &ids);
    }
    if (enter_all(members) != CM_OK) {
        cm_members_unref(members);
        return CM_MEMORY;
    }
    members->digest = directory->digest;
    if (is_signed) {
        keep_signed(members);
    }
    *out = members;
    return CM_OK;
}

struct cm_members *cm_members_ref(struct cm_members *members)
{
    atomic_fetch_add_explicit(&members->references, 1, memory_order_relaxed);
    return members;
}

void cm_members_unref(struct cm_members *members)
{
    if (members == NULL ||
        atomic_fetch_sub_explicit(&members->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    forget_signed(members);
    free(members->list);
    free(members->pins);
    free(members->ids);
    free(members->slots);
    free(members);
}

const struct cm_member *cm_members_list(const struct cm_members *members, size_t *count)
{
    *count = members->count;
    return members->list;
}

const struct cm_member *cm_members_find(const struct cm_members *members, const char *id)
{
    size_t mask = members->slot_count - 1;
    for (size_t slot = hash(id); members->slots[slot & mask] != 0; slot++) {
        const struct cm_member *member = &members->list[members->slots[slot & mask] - 1];
        if (strcmp(member->id, id) == 0) {
            return member;
        }
    }
    return NULL;
}

bool cm_member_keeps_keys(const struct cm_member *member, const struct cm_agency *now)
{
    for (size_t i = 0; i < now->ca_pin_count; i++) {
        bool kept = false;
        for (uint32_t j = 0; j < member->pin_count && !kept; j++) {
            kept = cm_digest_equal(&member->pins[j], &now->ca_pins[i]);
        }
        if (!kept) {
            return false;
        }
    }
    return true;
}
