#include "gateway/rules_desk.h"

#include "gateway/session_internal.h"
#include "proto/base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARENA_CAP = 4 * CM_MAX_ATTACH_UP,
    REST_PARTS = 4,
    MAX_REST_MS = 10000,
    OVERLOAD_REST_MS = 1000
};

static void start_next(struct cm_party *party);

static int64_t mono(const struct cm_sessions *sessions)
{
    return cm_mono_ms(sessions->options.gateway->ports->clock);
}

static int64_t wall(const struct cm_desk *desk)
{
    return cm_wall_ms(desk->sessions->options.gateway->ports->clock);
}

// Loop thread at start, else worker. An agency whose rules on disk were altered is left out,
// loudly: to begin again without them would let an older set count. After a fault that may pass
// they are opened with the next offer.
static void open_bundle(struct cm_party *party, struct cm_trust *trust)
{
    struct cm_desk *desk = &party->desk;
    struct cm_error error = {0};
    desk->bundle = NULL;
    enum cm_status status = cm_bundle_open(&desk->bundle, party->id, desk->sessions->options.folder,
                                           trust, wall(desk), &error);
    desk->damaged = status == CM_INVALID || status == CM_UNAUTHENTICATED || status == CM_FORBIDDEN;
    if (status) {
        desk->bundle = NULL;
        cm_log(CM_LOG_ERROR, desk->damaged ? "rules-damaged" : "rules-not-opened",
               "agency=%s field=%s error=\"%s\"", party->id, error.where, error.text);
    }
}

static bool adopt(struct cm_party *party)
{
    struct cm_desk *desk = &party->desk;
    struct cm_standing *now = desk->bundle ? cm_bundle_standing(desk->bundle) : NULL;
    if (now == desk->standing) {
        return false;
    }
    cm_standing_unref(desk->standing);
    desk->standing = cm_standing_ref(now);
    cm_rules_index_changed(&desk->sessions->rules, party);
    return true;
}

void cm_desk_open(struct cm_party *party, struct cm_sessions *sessions)
{
    party->desk.sessions = sessions;
    open_bundle(party, sessions->options.gateway->trust);
    adopt(party);
}

// Worker.
static void take_set(struct cm_party *party, const struct cm_envelope *set, bool newest)
{
    struct cm_desk *desk = &party->desk;
    struct cm_error error = {0};
    enum cm_status status =
        cm_bundle_accept(desk->bundle, desk->trust, set, true, wall(desk), &error);
    if (status) {
        cm_log(newest ? CM_LOG_WARNING : CM_LOG_DEBUG, "rules-refused",
               "agency=%s status=%s field=%s error=\"%s\"", party->id, cm_status_name(status),
               error.where, error.text);
    }
}

// Worker.
static void take_overlay(struct cm_party *party, const struct cm_envelope *overlay)
{
    struct cm_desk *desk = &party->desk;
    struct cm_error error = {0};
    if (cm_bundle_accept_overlay(desk->bundle, desk->trust, overlay, wall(desk), &error)) {
        cm_log(CM_LOG_WARNING, "overlay-refused", "agency=%s field=%s error=\"%s\"", party->id,
               error.where, error.text);
    }
}

// Worker. Of several sets all but the newest are history that may be known already.
static void take_hello(struct cm_party *party, const struct cm_hello *hello)
{
    for (size_t i = 0; i < hello->rule_set_count; i++) {
        take_set(party, &hello->rule_sets[i], i + 1 == hello->rule_set_count);
    }
    if (hello->overlay.family != CM_FAMILY_NONE) {
        take_overlay(party, &hello->overlay);
    }
}

// Worker.
static void take_changed(struct cm_party *party, const struct cm_offer *offer)
{
    struct cm_envelope envelope;
    struct cm_error error = {0};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    if (!arena) {
        cm_log(CM_LOG_ERROR, "rules-not-taken", "agency=%s why=memory", party->id);
        return;
    }
    if (offer->set.len > 0 &&
        cm_envelope_decode(&envelope, arena, cm_buf_bytes(&offer->set), &error) == CM_OK) {
        take_set(party, &envelope, true);
    }
    if (offer->overlay.len > 0 &&
        cm_envelope_decode(&envelope, arena, cm_buf_bytes(&offer->overlay), &error) == CM_OK) {
        take_overlay(party, &envelope);
    }
    cm_arena_free(arena);
}

static struct cm_party *of_job(struct cm_job *job)
{
    return CM_CONTAINER(job, struct cm_party, desk.job);
}

static void take_work(struct cm_job *job)
{
    struct cm_party *party = of_job(job);
    struct cm_desk *desk = &party->desk;
    const struct cm_offer *offer = desk->running;
    int64_t begun_ms = mono(desk->sessions);
    if (!desk->bundle && !desk->damaged) {
        open_bundle(party, desk->trust);
    }
    if (desk->bundle && offer->hello) {
        take_hello(party, &offer->session->up.hello);
    } else if (desk->bundle) {
        take_changed(party, offer);
    }
    desk->took_ms = mono(desk->sessions) - begun_ms;
}

static void free_offer(struct cm_offer *offer)
{
    cm_buf_clear(&offer->set);
    cm_buf_clear(&offer->overlay);
    free(offer);
}

static void finish(struct cm_offer *offer, enum cm_status status)
{
    struct cm_session *session = offer->hello ? offer->session : NULL;
    free_offer(offer);
    if (session) {
        cm_session_rules_taken(session, status);
    }
}

static void rested(struct cm_timer *timer)
{
    struct cm_party *party = CM_CONTAINER(timer, struct cm_party, desk.rest);
    party->desk.resting = false;
    start_next(party);
}

static void rest_for(struct cm_desk *desk, int64_t rest_ms)
{
    desk->rest.fire = rested;
    desk->resting = rest_ms > 0 && !desk->sessions->closing &&
                    cm_timer_set(desk->sessions->options.loop, &desk->rest, rest_ms) == CM_OK;
}

static void take_rest(struct cm_desk *desk)
{
    int64_t rest_ms = REST_PARTS * desk->took_ms;
    rest_for(desk, rest_ms > MAX_REST_MS ? MAX_REST_MS : rest_ms);
}

static void record(struct cm_party *party)
{
    struct cm_desk *desk = &party->desk;
    const struct cm_sessions_options *options = &desk->sessions->options;
    desk->unrecorded = false;
    if (desk->standing && options->on_rules) {
        cm_pace_use(&desk->pace, &cm_pace_of_rules, mono(desk->sessions));
        options->on_rules(options->context, party->id, desk->standing);
    }
}

static void record_later(struct cm_timer *timer)
{
    record(CM_CONTAINER(timer, struct cm_party, desk.later));
}

// It counts at once, whatever the pace: of changes that come too fast the newest is recorded.
static void changed(struct cm_party *party)
{
    struct cm_desk *desk = &party->desk;
    int64_t wait_ms = cm_pace_wait(&desk->pace, &cm_pace_of_rules, mono(desk->sessions));
    if (desk->unrecorded) {
        return;
    }
    desk->later.fire = record_later;
    desk->unrecorded =
        wait_ms > 0 && cm_timer_set(desk->sessions->options.loop, &desk->later, wait_ms) == CM_OK;
    if (!desk->unrecorded) {
        record(party);
    }
}

static void take_done(struct cm_job *job)
{
    struct cm_party *party = of_job(job);
    struct cm_desk *desk = &party->desk;
    struct cm_offer *offer = desk->running;
    desk->running = NULL;
    cm_trust_unref(desk->trust);
    desk->trust = NULL;
    if (adopt(party) && desk->standing) {
        cm_log(CM_LOG_INFO, "rules-standing", "agency=%s sequence=%llu overlay=%llu", party->id,
               (unsigned long long)desk->standing->sequence,
               (unsigned long long)desk->standing->overlay_revision);
        changed(party);
    }
    take_rest(desk);
    // Whose rules could not be opened attaches again; whose are damaged is told so.
    finish(offer, desk->bundle || desk->damaged ? CM_OK : CM_UNAVAILABLE);
    start_next(party);
}

static void start_next(struct cm_party *party)
{
    struct cm_desk *desk = &party->desk;
    struct cm_sessions *sessions = desk->sessions;
    struct cm_offer *offer = desk->first;
    if (!offer || desk->running || desk->resting || sessions->closing) {
        return;
    }
    desk->trust = cm_trust_ref(sessions->options.gateway->trust);
    desk->running = offer;
    desk->job = (struct cm_job){.work = take_work, .done = take_done};
    if (cm_workers_submit(sessions->options.slow, &desk->job)) {
        desk->running = NULL;
        cm_trust_unref(desk->trust);
        desk->trust = NULL;
        cm_log(CM_LOG_WARNING, "rules-wait", "agency=%s why=overload", party->id);
        rest_for(desk, OVERLOAD_REST_MS);
        return;
    }
    desk->first = offer->next;
    desk->last = desk->first ? desk->last : NULL;
}

static struct cm_offer *add(struct cm_party *party, struct cm_session *session, bool hello)
{
    struct cm_desk *desk = &party->desk;
    struct cm_offer *offer = calloc(1, sizeof *offer);
    if (!offer) {
        return NULL;
    }
    offer->session = session;
    offer->hello = hello;
    offer->set.max = offer->overlay.max = CM_MAX_ATTACH_UP;
    if (desk->last) {
        desk->last->next = offer;
    } else {
        desk->first = offer;
    }
    desk->last = offer;
    return offer;
}

void cm_desk_open_later(struct cm_party *party, struct cm_sessions *sessions)
{
    party->desk.sessions = sessions;
    if (add(party, NULL, false)) {
        start_next(party);
    }
}

void cm_desk_hello(struct cm_party *party, struct cm_session *session)
{
    if (!add(party, session, true)) {
        cm_session_rules_taken(session, CM_MEMORY);
        return;
    }
    start_next(party);
}

static enum cm_status replace(struct cm_buf *waits, const struct cm_envelope *newest)
{
    if (newest->family == CM_FAMILY_NONE) {
        return CM_OK;
    }
    waits->len = 0;
    return cm_buf_add(waits, newest->raw.data, newest->raw.len);
}

void cm_desk_changed(struct cm_party *party, struct cm_session *session,
                     const struct cm_envelope *set, const struct cm_envelope *overlay)
{
    struct cm_offer *offer = party->desk.first;
    while (offer && (offer->session != session || offer->hello)) {
        offer = offer->next;
    }
    if (!offer) {
        offer = add(party, session, false);
    }
    if (!offer || replace(&offer->set, set) || replace(&offer->overlay, overlay)) {
        cm_log(CM_LOG_ERROR, "rules-not-taken", "agency=%s why=memory", party->id);
    }
    start_next(party);
}

void cm_desk_forget(struct cm_session *session)
{
    struct cm_party *party = session->party ? session->party : session->joins;
    if (!party) {
        return;
    }
    struct cm_desk *desk = &party->desk;
    struct cm_offer **link = &desk->first;
    desk->last = NULL;
    while (*link) {
        struct cm_offer *offer = *link;
        if (offer->session == session) {
            *link = offer->next;
            session->busy = session->busy && !offer->hello;
            free_offer(offer);
        } else {
            desk->last = offer;
            link = &offer->next;
        }
    }
    // What is being taken in counts, but a Hello keeps its session until then.
    if (desk->running && desk->running->session == session && !desk->running->hello) {
        desk->running->session = NULL;
    }
}

void cm_desk_clear(struct cm_party *party)
{
    struct cm_desk *desk = &party->desk;
    cm_timer_cancel(desk->sessions->options.loop, &desk->rest);
    cm_timer_cancel(desk->sessions->options.loop, &desk->later);
    if (desk->unrecorded) {
        record(party);
    }
    while (desk->first) {
        struct cm_offer *offer = desk->first;
        desk->first = offer->next;
        free_offer(offer);
    }
    cm_standing_unref(desk->standing);
    cm_bundle_free(desk->bundle);
}
