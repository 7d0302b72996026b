#include "gateway/session_internal.h"

#include <criterion/criterion.h>

enum { LIAR = 1, SIBLING = 2 };

static struct cm_gateway_ports ports;
static struct cm_gateway gateway;
static struct cm_sessions sessions;
static struct cm_party party;
static struct cm_session sibling;

// The liar is gone; meanwhile another session of the agency has begun to push.
static void setup(void)
{
    ports.clock = cm_clock_system();
    gateway.ports = &ports;
    sessions.options.gateway = &gateway;
    sibling = (struct cm_session){.sessions = &sessions, .party = &party, .serial = SIBLING};
    party = (struct cm_party){.id = "ca.milltown.pd", .first = &sibling, .pushes = &sibling};
}

TestSuite(session_directory, .init = setup);

static void refuse(void)
{
    struct cm_push push = {.from = &party, .session = LIAR, .serial = 7};
    struct cm_error error;
    cm_fail(&error, CM_INVALID, "bundle", "is no directory");
    cm_sessions_push_refused(&sessions, &push, &error);
    cr_assert_not(sibling.closed);
    cr_assert_gt(party.pushes_after_ms, cm_mono_ms(ports.clock));
}

Test(session_directory, a_forged_one_ends_no_other_session)
{
    refuse();
    cr_assert_null(party.pushes, "no further part of it is heard");
}

Test(session_directory, what_waits_whole_is_still_looked_at_after_a_forged_one)
{
    sibling.push_waits = true;
    refuse();
    cr_assert_eq(party.pushes, &sibling);
    cr_assert(sibling.push_waits);
}

Test(session_directory, what_was_looked_at_ends_the_turn_of_its_own_session_only)
{
    struct cm_push push = {.from = &party, .session = LIAR, .serial = 7};
    cm_sessions_push_taken(&push);
    cr_assert_eq(party.pushes, &sibling);
    push.session = SIBLING;
    cm_sessions_push_taken(&push);
    cr_assert_null(party.pushes);
}
