#include "proto/trust/identity.h"

#include <string.h>

static bool id_valid(struct cm_bytes id)
{
    if (id.len == 0 || id.len > CM_MAX_ID) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-')) {
            return false;
        }
    }
    return true;
}

static void copy(char *out, struct cm_bytes text)
{
    memcpy(out, text.data, text.len);
    out[text.len] = 0;
}

static enum cm_status refuse(struct cm_error *error, const char *what)
{
    cm_fail(error, CM_INVALID, "spiffe", "%s", what);
    cm_error_hint(error, "a name is spiffe://<federation>/<agency>/<role>/<name>");
    return CM_INVALID;
}

// Splits at the first three slashes; a fourth stays in the last part, where id_valid refuses it.
static bool split(struct cm_bytes parts[4], struct cm_bytes text)
{
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *slash = text.len > 0 ? memchr(text.data, '/', text.len) : NULL;
        if (slash == NULL) {
            return false;
        }
        parts[i] = (struct cm_bytes){text.data, (size_t)(slash - text.data)};
        text = (struct cm_bytes){slash + 1, text.len - parts[i].len - 1};
    }
    parts[3] = text;
    return true;
}

enum cm_status cm_identity_parse(struct cm_identity *out, struct cm_bytes spiffe,
                                 struct cm_error *error)
{
    static const char scheme[] = "spiffe://";
    const size_t scheme_len = sizeof(scheme) - 1;
    struct cm_bytes parts[4];
    memset(out, 0, sizeof(*out));
    if (spiffe.len >= sizeof(out->spiffe) || spiffe.len <= scheme_len ||
        memcmp(spiffe.data, scheme, scheme_len) != 0 ||
        !split(parts, (struct cm_bytes){spiffe.data + scheme_len, spiffe.len - scheme_len})) {
        return refuse(error, "this is no SPIFFE name of a federation's member");
    }
    enum cm_role role = cm_role_of(parts[2]);
    if (role == CM_ROLE_NONE) {
        return refuse(error, "the name has an unknown role");
    }
    bool of_root = role == CM_ROLE_GATEWAY || role == CM_ROLE_DIRECTORY;
    bool underscore = cm_bytes_equal(parts[1], cm_bytes_of("_"));
    if (of_root != underscore) {
        return refuse(error, "agency \"_\" goes with the roles gateway and directory alone");
    }
    if (!id_valid(parts[0]) || (!underscore && !id_valid(parts[1])) || !id_valid(parts[3])) {
        return refuse(error, "a part of the name is empty, too long or has other characters than "
                             "a-z, 0-9, '.' and '-'");
    }
    copy(out->federation, parts[0]);
    copy(out->agency, parts[1]);
    out->role = role;
    copy(out->name, parts[3]);
    copy(out->spiffe, spiffe);
    return CM_OK;
}

bool cm_identity_same(const struct cm_identity *a, const struct cm_identity *b)
{
    return strcmp(a->spiffe, b->spiffe) == 0;
}
