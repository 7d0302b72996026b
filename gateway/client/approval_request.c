#include "gateway/client/approval_request.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define KIND "approval request"

enum cm_status cm_approval_request_encode(struct cm_buf *out,
                                          const struct cm_approval_request *request)
{
    json_t *object = json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "comity", KIND, "version",
        1, "federation", request->federation, "requester", request->requester, "plate",
        request->plate, "state", request->state, "purpose", request->purpose, "case",
        request->case_number, "reason", request->reason, "from_ms", (json_int_t)request->from_ms,
        "to_ms", (json_int_t)request->to_ms, "asked_ms", (json_int_t)request->asked_ms);
    char *text = object != NULL ? json_dumps(object, JSON_INDENT(1)) : NULL;
    enum cm_status status = text != NULL ? cm_buf_printf(out, "%s\n", text) : CM_MEMORY;
    if (text != NULL) {
        cm_wipe(text, strlen(text));
    }
    free(text);
    json_decref(object);
    return status;
}

struct texts {
    const char *kind, *federation, *requester, *plate, *state, *purpose, *case_number, *reason;
};

static bool copy(char *out, size_t size, const char *text)
{
    return snprintf(out, size, "%s", text) < (int)size;
}

static bool take(struct cm_approval_request *out, const struct texts *texts)
{
    return strcmp(texts->kind, KIND) == 0 &&
           copy(out->federation, sizeof out->federation, texts->federation) &&
           copy(out->requester, sizeof out->requester, texts->requester) &&
           copy(out->plate, sizeof out->plate, texts->plate) &&
           copy(out->state, sizeof out->state, texts->state) &&
           copy(out->purpose, sizeof out->purpose, texts->purpose) &&
           copy(out->case_number, sizeof out->case_number, texts->case_number) &&
           copy(out->reason, sizeof out->reason, texts->reason);
}

static bool is_time(json_int_t ms)
{
    return ms >= 0 && ms <= CM_MAX_TIME_MS;
}

enum cm_status cm_approval_request_decode(struct cm_approval_request *out, struct cm_bytes bytes,
                                          const char *where, struct cm_error *error)
{
    struct texts texts;
    int version = 0;
    json_int_t from_ms = -1;
    json_int_t to_ms = -1;
    json_int_t asked_ms = -1;
    *out = (struct cm_approval_request){.from_ms = 0};
    json_t *object = json_loadb((const char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    bool good =
        object != NULL &&
        json_unpack(object, "{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I !}",
                    "comity", &texts.kind, "version", &version, "federation", &texts.federation,
                    "requester", &texts.requester, "plate", &texts.plate, "state", &texts.state,
                    "purpose", &texts.purpose, "case", &texts.case_number, "reason", &texts.reason,
                    "from_ms", &from_ms, "to_ms", &to_ms, "asked_ms", &asked_ms) == 0 &&
        take(out, &texts) && is_time(from_ms) && is_time(to_ms) && is_time(asked_ms);
    json_decref(object);
    if (!good || version != 1) {
        cm_wipe(out, sizeof *out);
        return cm_fail(error, CM_INVALID, where,
                       version > 1 ? "needs a newer version of Comity"
                                   : "is not a request for an approval");
    }
    out->from_ms = from_ms;
    out->to_ms = to_ms;
    out->asked_ms = asked_ms;
    return CM_OK;
}
