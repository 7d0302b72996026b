#include "gateway/door.h"

#include "proto/base/log.h"

static enum cm_status take_place(struct cm_gateway *gateway, struct cm_admission *place,
                                 const struct cm_identity *who, struct cm_error *error)
{
    enum cm_status status = cm_admit_enter(gateway->silent, place, error);
    if (!status) {
        status = cm_admit_share(gateway->silent, place, &who->key_hash, who->agency, error);
    }
    if (status) {
        cm_admit_leave(gateway->silent, place);
    }
    return status;
}

enum cm_status cm_door_open(struct cm_signatory **who, struct cm_gateway *gateway,
                            struct cm_admission *place, const struct cm_peer *peer, unsigned roles,
                            struct cm_error *error)
{
    struct cm_signatory *caller = NULL;
    enum cm_status status = cm_trust_chain(&caller, gateway->trust, peer->chain, peer->count,
                                           cm_wall_ms(gateway->ports->clock), error);
    if (status) {
        return status;
    }
    const struct cm_identity *identity = cm_signatory_identity(caller);
    if (!(roles & (1u << identity->role))) {
        status = cm_fail(error, CM_FORBIDDEN, "certificate", "this call is not for the role %s",
                         cm_role_name(identity->role));
        cm_error_hint(error, "use a certificate of the role that it is for");
    } else if (place) {
        status = take_place(gateway, place, identity, error);
    }
    if (!status && who) {
        *who = caller;
    } else {
        cm_signatory_unref(caller);
    }
    return status;
}

void cm_door_pass(struct cm_gateway *gateway, struct cm_admission *place)
{
    cm_admit_leave(gateway->silent, place);
}

static void on_closed(void *owner, enum cm_status status, const struct cm_error *error)
{
    (void)owner;
    (void)status;
    (void)error;
}

static const struct cm_stream_handlers refused = {.on_closed = on_closed};

void cm_door_refuse(struct cm_stream *stream, enum cm_status status, const struct cm_error *error)
{
    cm_log(CM_LOG_INFO, "call-refused", "status=%s field=%s", cm_status_name(status),
           error ? error->where : "");
    cm_stream_accept(stream, &refused, NULL);
    cm_stream_finish(stream, status, error);
}
