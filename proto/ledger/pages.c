#include "proto/ledger/pages.h"

#include "proto/base/log.h"
#include "proto/ledger/tile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 1024,
    PAGE_HASHES = 2 * CM_TILE_WIDTH - 2, // of heights 0 to 7; the root is in the page above
};

struct link {
    struct link *before, *after;
};

// A list of pages whose first is the oldest, or the one used longest ago.
struct page {
    struct link link;
    struct page *next; // of its bucket
    unsigned level;
    uint64_t index;
    struct cm_digest hashes[PAGE_HASHES];
};

struct cm_pages {
    int folder;
    uint64_t size;
    uint64_t published;
    struct page *edges[CM_TILE_LEVELS]; // not full yet
    struct page *buckets[BUCKETS];      // the full ones
    struct link fresh;                  // full, no tile yet; in the order in which they became so
    struct link settled;                // could be read back
    struct page *spare;                 // to be used again, by `next`
    size_t count;
    size_t settled_count;
    struct cm_buf tile;
};

static void list_init(struct link *list)
{
    list->before = list->after = list;
}

static void unlink_page(struct page *page)
{
    page->link.before->after = page->link.after;
    page->link.after->before = page->link.before;
}

static void push(struct link *list, struct page *page)
{
    page->link.after = list;
    page->link.before = list->before;
    list->before->after = &page->link;
    list->before = &page->link;
}

static struct page *first_of(struct link *list)
{
    return (struct page *)list->after; // link is a page's first member
}

static struct page **bucket_of(struct cm_pages *pages, unsigned level, uint64_t index)
{
    return &pages->buckets[(index * CM_TILE_LEVELS + level) % BUCKETS];
}

static struct page *find(struct cm_pages *pages, unsigned level, uint64_t index)
{
    struct page *edge = pages->edges[level];
    if (edge && edge->index == index) {
        return edge;
    }
    struct page *page = *bucket_of(pages, level, index);
    while (page && (page->level != level || page->index != index)) {
        page = page->next;
    }
    return page;
}

// Where a page keeps the hash of that height above its lowest, at that place from its left.
static size_t place_of(unsigned height, uint64_t place)
{
    return (size_t)(2 * CM_TILE_WIDTH - (2 * CM_TILE_WIDTH >> height)) + (size_t)place;
}

static struct cm_digest *hash_of(struct page *page, unsigned height, uint64_t index)
{
    const uint64_t mask = (UINT64_C(1) << (CM_TILE_HEIGHT - height)) - 1;
    return &page->hashes[place_of(height, index & mask)];
}

static struct page *new_page(struct cm_pages *pages, unsigned level, uint64_t index)
{
    struct page *page = pages->spare;
    if (page) {
        pages->spare = page->next;
    } else {
        page = malloc(sizeof *page);
    }
    if (page) {
        page->level = level;
        page->index = index;
        page->next = NULL;
        pages->count++;
    }
    return page;
}

static void set_aside(struct cm_pages *pages, struct page *page)
{
    page->next = pages->spare;
    pages->spare = page;
    pages->count--;
}

static void forget(struct cm_pages *pages, struct page *page)
{
    struct page **at = bucket_of(pages, page->level, page->index);
    while (*at != page) {
        at = &(*at)->next;
    }
    *at = page->next;
    unlink_page(page);
    set_aside(pages, page);
}

// A published page beyond the bound goes, the one used longest ago.
static void settle(struct cm_pages *pages, struct page *page)
{
    push(&pages->settled, page);
    if (++pages->settled_count > CM_PAGES_RESIDENT) {
        forget(pages, first_of(&pages->settled));
        pages->settled_count--;
    }
}

static bool is_published(const struct cm_pages *pages, const struct page *page)
{
    return page->index < pages->published >> CM_TILE_HEIGHT * (page->level + 1);
}

static void enter(struct cm_pages *pages, struct page *page)
{
    struct page **bucket = bucket_of(pages, page->level, page->index);
    page->next = *bucket;
    *bucket = page;
    if (is_published(pages, page)) {
        settle(pages, page);
    } else {
        push(&pages->fresh, page);
    }
}

void cm_pages_published(struct cm_pages *pages, uint64_t size)
{
    if (size > pages->published) {
        pages->published = size;
    }
    while (pages->fresh.after != &pages->fresh) {
        struct page *page = first_of(&pages->fresh);
        if (!is_published(pages, page)) {
            break;
        }
        unlink_page(page);
        settle(pages, page);
    }
}

enum cm_status cm_pages_new(struct cm_pages **out, int folder)
{
    struct cm_pages *pages = calloc(1, sizeof *pages);
    if (!pages) {
        return CM_MEMORY;
    }
    pages->folder = folder;
    list_init(&pages->fresh);
    list_init(&pages->settled);
    *out = pages;
    return CM_OK;
}

static void free_chain(struct page *page)
{
    while (page) {
        struct page *next = page->next;
        free(page);
        page = next;
    }
}

void cm_pages_free(struct cm_pages *pages)
{
    if (!pages) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        free_chain(pages->buckets[i]);
    }
    free_chain(pages->spare);
    for (unsigned level = 0; level < CM_TILE_LEVELS; level++) {
        free(pages->edges[level]);
    }
    cm_buf_clear(&pages->tile);
    free(pages);
}

// Room at every level that this leaf reaches, before anything changes.
static enum cm_status make_edges(struct cm_pages *pages, uint64_t size)
{
    unsigned top = 0;
    while (!(size >> top & 1)) {
        top++;
    }
    for (unsigned level = 0; level <= top / CM_TILE_HEIGHT && level < CM_TILE_LEVELS; level++) {
        if (pages->edges[level]) {
            continue;
        }
        const uint64_t hashes = size >> level * CM_TILE_HEIGHT;
        pages->edges[level] = new_page(pages, level, (hashes - 1) >> CM_TILE_HEIGHT);
        if (!pages->edges[level]) {
            return CM_MEMORY;
        }
    }
    return CM_OK;
}

enum cm_status cm_pages_add(struct cm_pages *pages, const struct cm_digest *leaf)
{
    const uint64_t size = pages->size + 1;
    const enum cm_status status = make_edges(pages, size);
    if (status) {
        return status;
    }
    struct cm_digest hash = *leaf;
    for (unsigned height = 0;; height++) {
        const unsigned level = height / CM_TILE_HEIGHT;
        const unsigned within = height % CM_TILE_HEIGHT;
        const uint64_t index = (size >> height) - 1;
        struct page *edge = pages->edges[level];
        *hash_of(edge, within, index) = hash;
        if (size >> height & 1) {
            break;
        }
        cm_merkle_node(&hash, hash_of(edge, within, index - 1), &hash);
        if (within == CM_TILE_HEIGHT - 1) {
            pages->edges[level] = NULL;
            enter(pages, edge);
        }
    }
    pages->size = size;
    return CM_OK;
}

static void fill_nodes(struct page *page, struct cm_digest *root)
{
    for (unsigned height = 1; height < CM_TILE_HEIGHT; height++) {
        for (uint64_t place = 0; place < UINT64_C(1) << (CM_TILE_HEIGHT - height); place++) {
            cm_merkle_node(hash_of(page, height, place), hash_of(page, height - 1, 2 * place),
                           hash_of(page, height - 1, 2 * place + 1));
        }
    }
    cm_merkle_node(root, hash_of(page, CM_TILE_HEIGHT - 1, 0),
                   hash_of(page, CM_TILE_HEIGHT - 1, 1));
}

static enum cm_status lost(const struct cm_tile *tile, const char *how)
{
    cm_log(CM_LOG_ERROR, "ledger-tile-lost", "level=%d index=%" PRIu64 " error=\"%s\"", tile->level,
           tile->index, how);
    return CM_IO;
}

// above: the page with this one's root.
static enum cm_status read_back(struct page **out, struct cm_pages *pages, struct page *above,
                                unsigned level, uint64_t index)
{
    const struct cm_tile tile = {(int)level, index, CM_TILE_WIDTH};
    const size_t len = CM_TILE_WIDTH * sizeof(struct cm_digest);
    struct cm_digest root;
    const enum cm_status status = cm_tile_read(&pages->tile, pages->folder, &tile, len);
    if (status || pages->tile.len != len) {
        return status == CM_MEMORY ? status : lost(&tile, "it can't be read");
    }
    struct page *page = new_page(pages, level, index);
    if (!page) {
        return CM_MEMORY;
    }
    memcpy(page->hashes, pages->tile.data, len);
    fill_nodes(page, &root);
    if (!cm_digest_equal(&root, hash_of(above, 0, index))) {
        set_aside(pages, page);
        return lost(&tile, "it isn't what it was");
    }
    enter(pages, page);
    *out = page;
    return CM_OK;
}

static void use(struct cm_pages *pages, struct page *page)
{
    if (page != pages->edges[page->level] && is_published(pages, page)) {
        unlink_page(page);
        push(&pages->settled, page);
    }
}

static enum cm_status find_or_read(struct page **out, struct cm_pages *pages, unsigned level,
                                   uint64_t index)
{
    unsigned above = level;
    struct page *page = find(pages, level, index);
    while (!page && above + 1 < CM_TILE_LEVELS) {
        above++;
        page = find(pages, above, index >> CM_TILE_HEIGHT * (above - level));
    }
    if (!page) {
        return CM_INTERNAL;
    }
    while (above > level) {
        use(pages, page); // so that it isn't the one to go
        above--;
        const enum cm_status status =
            read_back(&page, pages, page, above, index >> CM_TILE_HEIGHT * (above - level));
        if (status) {
            return status;
        }
    }
    use(pages, page);
    *out = page;
    return CM_OK;
}

static enum cm_status give(struct cm_digest *out, void *context, unsigned height, uint64_t index)
{
    struct cm_pages *pages = context;
    const unsigned within = height % CM_TILE_HEIGHT;
    struct page *page;
    const enum cm_status status =
        find_or_read(&page, pages, height / CM_TILE_HEIGHT, index >> (CM_TILE_HEIGHT - within));
    if (!status) {
        *out = *hash_of(page, within, index);
    }
    return status;
}

struct cm_hash_source cm_pages_source(struct cm_pages *pages)
{
    return (struct cm_hash_source){.hash = give, .context = pages, .size = pages->size};
}

size_t cm_pages_count(const struct cm_pages *pages)
{
    return pages->count;
}
