// Directories between this gateway and a session's node: the newer one goes down, or comes up in
// parts. Of an agency one session at a time may push one, and a forged one ends it. Loop thread.
#include "gateway/session_internal.h"

#include "proto/base/log.h"

enum { REFUSED_MS = 10 * 60 * 1000 };

void cm_session_push_directory(struct cm_session *session, uint64_t have)
{
    struct cm_trust *trust = session->sessions->options.gateway->trust;
    const uint64_t serial = cm_trust_directory(trust)->serial;
    if (have == serial) {
        return;
    }
    if (session->pushed) {
        cm_trust_unref(session->pushed);
    }
    session->pushed = cm_trust_ref(trust);
    session->part = 0;
    // Of an older one the first part is enough to ask for the node's.
    session->parts = have > serial ? 1 : cm_directory_part_count(cm_trust_bundle(trust));
}

static int64_t mono(const struct cm_sessions *sessions)
{
    return cm_mono_ms(sessions->options.gateway->ports->clock);
}

static uint64_t serial_of(const struct cm_sessions *sessions)
{
    return cm_trust_directory(sessions->options.gateway->trust)->serial;
}

void cm_session_push_end(struct cm_session *session)
{
    cm_directory_parts_clear(&session->incoming);
    session->push_waits = false;
    if (session->party && session->party->pushes == session) {
        session->party->pushes = NULL;
    }
}

// The bundle is whole; it waits where another one is being looked at.
static void hand_on(struct cm_session *session)
{
    struct cm_sessions *sessions = session->sessions;
    const struct cm_push push = {session->party, session->serial, session->incoming.serial};
    session->push_waits = !sessions->options.on_directory(sessions->options.context, &push,
                                                          cm_buf_bytes(&session->incoming.data));
    if (!session->push_waits) {
        cm_directory_parts_clear(&session->incoming);
    }
}

enum cm_status cm_session_push(struct cm_session *session, const struct cm_directory_part *part,
                               struct cm_error *error)
{
    struct cm_sessions *sessions = session->sessions;
    struct cm_party *party = session->party;
    if (part->serial <= serial_of(sessions) || mono(sessions) < party->pushes_after_ms ||
        (party->pushes && party->pushes != session)) {
        return CM_OK;
    }
    party->pushes = session;
    session->push_waits = false;
    bool whole = false;
    enum cm_status status = cm_directory_parts_add(&session->incoming, &whole, part, error);
    if (!status && whole) {
        hand_on(session);
    }
    return status;
}

void cm_sessions_push_again(struct cm_sessions *sessions)
{
    for (struct cm_session *one = sessions->opened; one; one = one->opened_next) {
        if (one->closed || !one->push_waits) {
            continue;
        }
        if (one->incoming.serial <= serial_of(sessions)) {
            cm_session_push_end(one);
            continue;
        }
        hand_on(one);
        return;
    }
}

// The session that pushed it, where it is still there: another one may push meanwhile.
static struct cm_session *pusher(const struct cm_push *push)
{
    struct cm_session *session = push->from->pushes;
    return session && session->serial == push->session ? session : NULL;
}

void cm_sessions_push_taken(const struct cm_push *push)
{
    if (pusher(push)) {
        push->from->pushes = NULL;
    }
}

void cm_sessions_push_refused(struct cm_sessions *sessions, const struct cm_push *push,
                              const struct cm_error *error)
{
    struct cm_party *from = push->from;
    struct cm_session *session = pusher(push);
    from->pushes_after_ms = mono(sessions) + REFUSED_MS;
    cm_log(CM_LOG_WARNING, "directory-forged",
           "agency=%s field=%s error=\"%s\": no directory of its nodes is looked at for %d s",
           from->id, error->where, error->text, REFUSED_MS / 1000);
    if (session) {
        cm_session_close(session, error->status, error);
    } else if (from->pushes && !from->pushes->push_waits) {
        cm_session_push_end(from->pushes); // its next parts aren't heard
    }
}
