#include "proto/trust/succession.h"

#include <criterion/criterion.h>

static struct cm_digest cas[] = {{{1}}, {{2}}};

static struct cm_agency agency(const char *id, bool active, size_t ca)
{
    return (struct cm_agency){.id = id, .active = active, .ca_pin_count = 1, .ca_pins = &cas[ca]};
}

static enum cm_status judge(struct cm_agency before, struct cm_agency after, bool next)
{
    const struct cm_directory old = {.agency_count = 1, .agencies = &before};
    const struct cm_directory new = {.agency_count = 1, .agencies = &after};
    return cm_directory_succession(&old, &new, next, NULL);
}

#define ID "ca.northport.pd"

Test(succession, no_agency_goes)
{
    cr_expect_eq(judge(agency(ID, true, 0), agency(ID, true, 0), true), CM_OK);
    cr_expect_eq(judge(agency(ID, true, 0), agency(ID, false, 0), true), CM_OK);
    cr_expect_eq(judge(agency(ID, false, 0), agency("ca.southgate.pd", true, 0), true), CM_STALE);
    cr_expect_eq(judge(agency(ID, false, 0), agency("ca.southgate.pd", true, 0), false), CM_STALE);
}

Test(succession, a_retired_id_is_nobody_elses)
{
    cr_expect_eq(judge(agency(ID, false, 0), agency(ID, true, 0), true), CM_OK);
    cr_expect_eq(judge(agency(ID, false, 0), agency(ID, true, 1), true), CM_STALE);
    cr_expect_eq(judge(agency(ID, true, 0), agency(ID, true, 1), true), CM_OK, "it has a new CA");
    cr_expect_eq(judge(agency(ID, false, 0), agency(ID, true, 1), false), CM_OK,
                 "past a gap it may have had a new CA before");
}
