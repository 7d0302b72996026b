#include "proto/trust/cli/subject.h"

#include <stdio.h>
#include <string.h>

#define SCHEME "spiffe://"

static enum cm_status id(char out[CM_MAX_ID + 1], const char *text, size_t len, const char *what,
                         struct cm_error *error)
{
    if (len == 0 || len > CM_MAX_ID ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") < len) {
        cm_fail(error, CM_INVALID, "name", "its %s is not 1 to %d of a-z, 0-9, '.' and '-'", what,
                CM_MAX_ID);
        cm_error_hint(error, "Names look like valley.example/ca.northport.pd/investigator/jdoe.");
        return CM_INVALID;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return CM_OK;
}

static enum cm_status leaf(struct cm_subject *out, struct cm_error *error)
{
    struct cm_identity identity;
    enum cm_status status = cm_identity_parse(&identity, cm_bytes_of(out->spiffe), error);
    if (status == CM_OK) {
        out->level = CM_SUBJECT_LEAF;
        memcpy(out->agency, identity.agency, sizeof out->agency);
        memcpy(out->name, identity.name, sizeof out->name);
        out->role = identity.role;
    }
    return status;
}

enum cm_status cm_subject_parse(struct cm_subject *out, const char *text, struct cm_error *error)
{
    memset(out, 0, sizeof *out);
    if (strncmp(text, SCHEME, strlen(SCHEME)) == 0) {
        text += strlen(SCHEME);
    }
    size_t len = strlen(text);
    if (len >= sizeof out->spiffe - strlen(SCHEME)) {
        return cm_fail(error, CM_INVALID, "name", "it is longer than %zu characters",
                       sizeof out->spiffe - strlen(SCHEME) - 1);
    }
    memcpy(out->spiffe, SCHEME, strlen(SCHEME));
    memcpy(out->spiffe + strlen(SCHEME), text, len + 1);
    size_t federation = strcspn(text, "/");
    enum cm_status status = id(out->federation, text, federation, "federation", error);
    if (status != CM_OK || text[federation] == '\0') {
        out->level = status == CM_OK ? CM_SUBJECT_ROOT : CM_SUBJECT_NONE;
        return status;
    }
    const char *agency = text + federation + 1;
    if (strchr(agency, '/') != NULL) {
        return leaf(out, error);
    }
    status = id(out->agency, agency, strlen(agency), "agency", error);
    if (status == CM_OK) {
        out->level = CM_SUBJECT_CA;
    }
    return status;
}

bool cm_subject_issues(const struct cm_subject *issuer, const struct cm_subject *subject)
{
    if (strcmp(issuer->federation, subject->federation) != 0) {
        return false;
    }
    switch (issuer->level) {
    case CM_SUBJECT_ROOT:
        return subject->level == CM_SUBJECT_CA ||
               (subject->level == CM_SUBJECT_LEAF && strcmp(subject->agency, "_") == 0);
    case CM_SUBJECT_CA:
        return subject->level == CM_SUBJECT_LEAF && strcmp(subject->agency, issuer->agency) == 0;
    case CM_SUBJECT_LEAF:
    case CM_SUBJECT_NONE:
        break;
    }
    return false;
}

static bool is_daemon(const struct cm_subject *subject)
{
    return subject->role == CM_ROLE_NODE || subject->role == CM_ROLE_GATEWAY ||
           subject->role == CM_ROLE_SENSOR;
}

bool cm_subject_wants_passphrase(const struct cm_subject *subject)
{
    return subject->level != CM_SUBJECT_LEAF || !is_daemon(subject);
}

const char *cm_subject_what(const struct cm_subject *subject)
{
    switch (subject->level) {
    case CM_SUBJECT_ROOT:
        return "federation root";
    case CM_SUBJECT_CA:
        return "agency CA";
    case CM_SUBJECT_LEAF:
        return cm_role_name(subject->role);
    case CM_SUBJECT_NONE:
        break;
    }
    return "nobody";
}

int cm_subject_days(const struct cm_subject *subject)
{
    switch (subject->level) {
    case CM_SUBJECT_ROOT:
        return 3650;
    case CM_SUBJECT_CA:
        return 1825;
    case CM_SUBJECT_LEAF:
        return is_daemon(subject) || subject->role == CM_ROLE_DIRECTORY ? 365 : 90;
    case CM_SUBJECT_NONE:
        break;
    }
    return 0;
}
