#include "proto/trust/crl_floors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEX = 2 * CM_DIGEST_SIZE };

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct cm_crl_floor *)a)->issuer.b,
                  ((const struct cm_crl_floor *)b)->issuer.b, CM_DIGEST_SIZE);
}

uint64_t cm_crl_floors_find(const struct cm_crl_floors *floors, const struct cm_digest *issuer)
{
    const struct cm_crl_floor key = {.issuer = *issuer};
    const struct cm_crl_floor *found =
        floors->count > 0
            ? bsearch(&key, floors->list, floors->count, sizeof floors->list[0], compare)
            : NULL;
    return found != NULL ? found->number : 0;
}

enum cm_status cm_crl_floors_merge(struct cm_crl_floors *floors, const struct cm_crl_floors *others)
{
    size_t a = 0;
    size_t b = 0;
    struct cm_crl_floors merged = {0};
    if (others->count == 0) {
        return CM_OK;
    }
    merged.list = calloc(floors->count + others->count, sizeof merged.list[0]);
    if (merged.list == NULL) {
        return CM_MEMORY;
    }
    while (a < floors->count || b < others->count) {
        int order = a == floors->count   ? 1
                    : b == others->count ? -1
                                         : compare(&floors->list[a], &others->list[b]);
        struct cm_crl_floor *next = &merged.list[merged.count++];
        *next = order <= 0 ? floors->list[a] : others->list[b];
        if (order == 0 && others->list[b].number > next->number) {
            next->number = others->list[b].number;
        }
        a += order <= 0;
        b += order >= 0;
    }
    cm_crl_floors_clear(floors);
    *floors = merged;
    return CM_OK;
}

void cm_crl_floors_clear(struct cm_crl_floors *floors)
{
    free(floors->list);
    *floors = (struct cm_crl_floors){0};
}

enum cm_status cm_crl_floors_print(struct cm_buf *out, const struct cm_crl_floors *floors)
{
    enum cm_status status = CM_OK;
    char hex[HEX + 1];
    for (size_t i = 0; i < floors->count && status == CM_OK; i++) {
        cm_hex(hex, cm_bytes_digest(&floors->list[i].issuer));
        status = cm_buf_printf(out, "%s %" PRIu64 "\n", hex, floors->list[i].number);
    }
    return status;
}

// One line, without its end, which is terminated.
static bool parse_line(struct cm_crl_floor *out, char *line)
{
    char *end;
    if (strlen(line) < HEX + 2 || line[HEX] != ' ' || line[HEX + 1] < '0' || line[HEX + 1] > '9') {
        return false;
    }
    line[HEX] = '\0';
    out->number = strtoull(line + HEX + 1, &end, 10);
    return *end == '\0' && cm_unhex(out->issuer.b, CM_DIGEST_SIZE, line) == CM_OK;
}

enum cm_status cm_crl_floors_parse(struct cm_crl_floors *out, struct cm_bytes text,
                                   const char *where, struct cm_error *error)
{
    struct cm_buf copy = {0};
    enum cm_status status = CM_OK;
    *out = (struct cm_crl_floors){0};
    if (text.len > 0) {
        out->list = calloc(text.len / HEX + 1, sizeof out->list[0]);
        status = cm_buf_add(&copy, text.data, text.len);
        status = out->list == NULL ? CM_MEMORY : status;
    }
    if (status != CM_OK) {
        status = cm_fail(error, status, where, "out of memory");
    }
    for (char *line = (char *)copy.data; status == CM_OK && copy.len > 0;) {
        char *end = memchr(line, '\n', (size_t)((char *)copy.data + copy.len - line));
        struct cm_crl_floor *next = &out->list[out->count];
        if (end != NULL) {
            *end = '\0';
        }
        if (end == NULL || !parse_line(next, line) ||
            (out->count > 0 && compare(next - 1, next) >= 0)) {
            status = cm_fail(error, CM_INVALID, where, "is damaged");
            break;
        }
        out->count++;
        line = end + 1;
        if ((size_t)(line - (char *)copy.data) == copy.len) {
            break;
        }
    }
    if (status != CM_OK) {
        cm_crl_floors_clear(out);
    }
    cm_buf_clear(&copy);
    return status;
}
