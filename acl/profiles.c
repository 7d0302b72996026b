#include "acl/profiles.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1024 };

#define NONE UINT32_MAX

struct profile {
    struct cm_digest digest; // of the bytes: no agency can choose what collides
    uint8_t *bytes;          // NULL: free
    size_t len;
    uint32_t references;
    uint32_t next; // of the same slot, or of the free ones
};

struct cm_profiles {
    uint32_t *memos; // generation << 2 | verdict, by profile
    struct profile *list;
    uint32_t used, cap; // of list and memos
    uint32_t free;
    uint32_t count;
    uint32_t slot_count; // a power of two
    uint32_t *slots;     // first profile by the digest's first bytes
    size_t held;         // bytes of all profiles
    uint32_t generation;
    struct cm_profile_request request;
};

enum cm_status cm_profiles_new(struct cm_profiles **out)
{
    struct cm_profiles *profiles = calloc(1, sizeof *profiles);
    uint32_t *slots = malloc(FIRST_SLOTS * sizeof *slots);
    *out = NULL;
    if (profiles == NULL || slots == NULL) {
        free(profiles);
        free(slots);
        return CM_MEMORY;
    }
    memset(slots, 0xff, FIRST_SLOTS * sizeof *slots);
    profiles->slots = slots;
    profiles->slot_count = FIRST_SLOTS;
    profiles->free = NONE;
    *out = profiles;
    return CM_OK;
}

void cm_profiles_free(struct cm_profiles *profiles)
{
    for (uint32_t i = 0; profiles != NULL && i < profiles->used; i++) {
        free(profiles->list[i].bytes);
    }
    if (profiles != NULL) {
        free(profiles->memos);
        free(profiles->list);
        free(profiles->slots);
        free(profiles);
    }
}

static uint32_t *slot_of(struct cm_profiles *profiles, const struct cm_digest *digest)
{
    uint32_t first;
    memcpy(&first, digest->b, sizeof first);
    return &profiles->slots[first & (profiles->slot_count - 1)];
}

static void link_in(struct cm_profiles *profiles, uint32_t number)
{
    uint32_t *slot = slot_of(profiles, &profiles->list[number].digest);
    profiles->list[number].next = *slot;
    *slot = number;
}

static enum cm_status more_slots(struct cm_profiles *profiles)
{
    uint32_t count = profiles->slot_count * 2;
    uint32_t *slots = malloc(count * sizeof *slots);
    if (slots == NULL) {
        return CM_MEMORY;
    }
    memset(slots, 0xff, count * sizeof *slots);
    free(profiles->slots);
    profiles->slots = slots;
    profiles->slot_count = count;
    for (uint32_t i = 0; i < profiles->used; i++) {
        if (profiles->list[i].bytes != NULL) {
            link_in(profiles, i);
        }
    }
    return CM_OK;
}

static enum cm_status more_room(struct cm_profiles *profiles)
{
    uint32_t cap = profiles->cap == 0 ? 64 : profiles->cap * 2;
    struct profile *list = realloc(profiles->list, cap * sizeof *list);
    if (list == NULL) {
        return CM_MEMORY;
    }
    profiles->list = list;
    uint32_t *memos = realloc(profiles->memos, cap * sizeof *memos);
    if (memos == NULL) {
        return CM_MEMORY;
    }
    profiles->memos = memos;
    profiles->cap = cap;
    return CM_OK;
}

static enum cm_status add(struct cm_profiles *profiles, uint32_t *out,
                          const struct cm_digest *digest, struct cm_bytes bytes)
{
    if (profiles->count == profiles->slot_count && more_slots(profiles) != CM_OK) {
        return CM_MEMORY;
    }
    if (profiles->free == NONE && profiles->used == profiles->cap && more_room(profiles) != CM_OK) {
        return CM_MEMORY;
    }
    uint8_t *copy = malloc(bytes.len);
    if (copy == NULL) {
        return CM_MEMORY;
    }
    uint32_t number = profiles->free != NONE ? profiles->free : profiles->used++;
    if (number == profiles->free) {
        profiles->free = profiles->list[number].next;
    }
    memcpy(copy, bytes.data, bytes.len);
    profiles->list[number] =
        (struct profile){.digest = *digest, .bytes = copy, .len = bytes.len, .references = 1};
    profiles->memos[number] = 0;
    profiles->held += bytes.len;
    profiles->count++;
    link_in(profiles, number);
    *out = number;
    return CM_OK;
}

enum cm_status cm_profiles_hold(struct cm_profiles *profiles, uint32_t *out, struct cm_bytes bytes)
{
    struct cm_digest digest;
    cm_sha256_of(&digest, bytes);
    for (uint32_t i = *slot_of(profiles, &digest); i != NONE; i = profiles->list[i].next) {
        if (cm_digest_equal(&profiles->list[i].digest, &digest)) {
            profiles->list[i].references++;
            *out = i;
            return CM_OK;
        }
    }
    return add(profiles, out, &digest, bytes);
}

void cm_profiles_drop(struct cm_profiles *profiles, uint32_t number)
{
    struct profile *profile = &profiles->list[number];
    if (--profile->references > 0) {
        return;
    }
    uint32_t *link = slot_of(profiles, &profile->digest);
    while (*link != number) {
        link = &profiles->list[*link].next;
    }
    *link = profile->next;
    profiles->held -= profile->len;
    profiles->count--;
    free(profile->bytes);
    profile->bytes = NULL;
    profile->next = profiles->free;
    profiles->free = number;
}

void cm_profiles_ask(struct cm_profiles *profiles, const struct cm_profile_request *request)
{
    profiles->request = *request;
    profiles->generation = (profiles->generation + 1) & (UINT32_MAX >> 2);
    if (profiles->generation == 0) {
        profiles->generation = 1;
        memset(profiles->memos, 0, profiles->used * sizeof *profiles->memos);
    }
}

static bool meets(const struct cm_profile_box *box, const struct cm_profile_request *request)
{
    return (box->roles >> request->role & 1) != 0 && (box->actions >> request->action & 1) != 0 &&
           (box->bits[request->purpose / 64] >> (request->purpose % 64) & 1) != 0 &&
           request->now_ms >= box->from_ms && request->now_ms < box->until_ms;
}

static bool permits(const struct cm_profile_box *box, const struct cm_profile_request *request)
{
    return meets(box, request) && (box->evidence & ~request->evidence) == 0 &&
           box->age_s >= request->youngest_s;
}

// The youngest row of the window is the one that the fewest forbids hide.
static bool forbids(const struct cm_profile_box *box, const struct cm_profile_request *request)
{
    return meets(box, request) && (box->evidence & request->evidence) == 0 &&
           box->age_s < request->youngest_s;
}

static enum cm_verdict judge(const struct profile *profile,
                             const struct cm_profile_request *request)
{
    struct cm_profile_head head;
    memcpy(&head, profile->bytes, sizeof head);
    size_t words = (size_t)head.purpose_words + head.class_words;
    size_t stride = sizeof(struct cm_profile_box) + words * sizeof(uint64_t);
    const uint8_t *at = profile->bytes + sizeof head;
    uint64_t classes[CM_PROFILE_CLASS_WORDS]; // in which some row is visible
    bool covered = false;
    size_t class_words = head.class_words == 0 ? 1 : head.class_words;
    memset(classes, 0, class_words * sizeof *classes);
    for (uint32_t i = 0; i < head.permits; i++, at += stride) {
        const struct cm_profile_box *box = (const void *)at;
        if (permits(box, request)) {
            covered = true;
            for (size_t w = 0; w < class_words; w++) {
                classes[w] |= head.class_words == 0 ? 1 : box->bits[head.purpose_words + w];
            }
        }
    }
    for (uint32_t i = 0; covered && i < head.forbids; i++, at += stride) {
        const struct cm_profile_box *box = (const void *)at;
        if (forbids(box, request)) {
            for (size_t w = 0; w < class_words; w++) {
                classes[w] &= head.class_words == 0 ? 0 : ~box->bits[head.purpose_words + w];
            }
        }
    }
    uint64_t left = 0;
    for (size_t w = 0; w < class_words; w++) {
        left |= classes[w];
    }
    return left != 0 ? CM_VERDICT_PERMITTED : covered ? CM_VERDICT_HIDDEN : CM_VERDICT_DENIED;
}

enum cm_verdict cm_profiles_verdict(struct cm_profiles *profiles, uint32_t profile)
{
    uint32_t memo = profiles->memos[profile];
    if (memo >> 2 == profiles->generation) {
        return (enum cm_verdict)(memo & 3);
    }
    enum cm_verdict verdict = judge(&profiles->list[profile], &profiles->request);
    profiles->memos[profile] = profiles->generation << 2 | (uint32_t)verdict;
    return verdict;
}

bool cm_profiles_sited(const struct cm_profiles *profiles, uint32_t profile)
{
    struct cm_profile_head head;
    memcpy(&head, profiles->list[profile].bytes, sizeof head);
    return head.class_words > 0;
}

size_t cm_profiles_count(const struct cm_profiles *profiles)
{
    return profiles->count;
}

size_t cm_profiles_bytes(const struct cm_profiles *profiles)
{
    return sizeof *profiles + profiles->held +
           profiles->cap * (sizeof *profiles->list + sizeof *profiles->memos) +
           profiles->slot_count * sizeof *profiles->slots;
}
