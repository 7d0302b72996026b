// The ports as the daemon has them: each passes on to workers, ledger, callers or sessions.
#include "gateway/gatewayd_internal.h"

static struct cm_gatewayd *of(struct cm_gateway_ports *ports)
{
    return CM_CONTAINER(ports, struct cm_gatewayd, ports);
}

static enum cm_status submit(struct cm_gateway_ports *ports, struct cm_job *job)
{
    struct cm_gatewayd *d = of(ports);
    return d->workers ? cm_workers_submit(d->workers, job) : CM_UNAVAILABLE;
}

static void wake_at(struct cm_gateway_ports *ports, struct cm_gateway_query *query, int64_t mono_ms)
{
    (void)ports;
    cm_caller_wake_at(query, mono_ms);
}

static enum cm_status append(struct cm_gateway_ports *ports, struct cm_append *one)
{
    struct cm_gatewayd *d = of(ports);
    return d->ledger ? cm_ledger_append(d->ledger, one) : CM_UNAVAILABLE;
}

static enum cm_status inclusion(struct cm_gateway_ports *ports, struct cm_inclusion *out,
                                struct cm_arena *arena, uint64_t index, uint64_t size)
{
    struct cm_gatewayd *d = of(ports);
    return d->ledger ? cm_ledger_prove_inclusion(out, arena, d->ledger, index, size)
                     : CM_UNAVAILABLE;
}

static bool writable(struct cm_gateway_ports *ports, struct cm_gateway_query *query)
{
    (void)ports;
    return cm_caller_writable(query);
}

static enum cm_status write_message(struct cm_gateway_ports *ports, struct cm_gateway_query *query,
                                    struct cm_bytes message)
{
    (void)ports;
    return cm_caller_write(query, message);
}

static void finish(struct cm_gateway_ports *ports, struct cm_gateway_query *query,
                   enum cm_status status, const struct cm_error *error)
{
    (void)ports;
    cm_caller_finish(query, status, error);
}

static void settled(struct cm_gateway_ports *ports, struct cm_gateway_query *query)
{
    (void)ports;
    cm_caller_settled(query);
}

static struct cm_standing *standing(struct cm_gateway_ports *ports, const char *agency)
{
    return cm_sessions_standing(of(ports)->sessions, agency);
}

static bool decide(struct cm_gateway_ports *ports, const struct cm_directory *directory,
                   const struct cm_request *request, uint8_t *verdicts)
{
    return cm_sessions_decide(of(ports)->sessions, directory, request, verdicts);
}

static enum cm_outcome presence(struct cm_gateway_ports *ports, const char *agency)
{
    return cm_sessions_presence(of(ports)->sessions, agency);
}

static bool ask(struct cm_gateway_ports *ports, struct cm_call *call)
{
    return cm_sessions_ask(of(ports)->sessions, call);
}

static void read_next(struct cm_gateway_ports *ports, struct cm_call *call)
{
    (void)ports;
    cm_sessions_read(call);
}

static void release(struct cm_gateway_ports *ports, struct cm_call *call, bool complete)
{
    (void)ports;
    cm_sessions_release(call, complete);
}

void cm_gatewayd_ports(struct cm_gatewayd *d)
{
    d->ports = (struct cm_gateway_ports){
        .clock = cm_clock_system(),
        .submit = submit,
        .wake_at = wake_at,
        .append = append,
        .inclusion = inclusion,
        .seal = cm_gatewayd_seal,
        .sealed = cm_gatewayd_sealed,
        .refused = cm_gatewayd_refused,
        .ended = cm_gatewayd_ended,
        .writable = writable,
        .write = write_message,
        .finish = finish,
        .settled = settled,
        .standing = standing,
        .decide = decide,
        .presence = presence,
        .ask = ask,
        .read = read_next,
        .release = release,
    };
}
