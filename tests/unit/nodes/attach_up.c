#include "nodes/attach_internal.h"

#include <criterion/criterion.h>

static enum cm_status queue(struct cm_attach *attach)
{
    const struct cm_attach_up up = {.kind = CM_UP_COPIED, .copied = 7};
    return cm_attach_queue(attach, &up);
}

Test(attach_up, a_gateway_that_reads_nothing_costs_so_much_and_no_more)
{
    static struct cm_attach attach = {.phase = CM_ATTACH_GREETING};
    attach.last = &attach.first;
    for (unsigned i = 0; i < MAX_QUEUED; i++) {
        cr_assert_eq(queue(&attach), CM_OK, "%u", i);
    }
    cr_expect_eq(queue(&attach), CM_EXHAUSTED);
    cm_attach_clear_up(&attach);
    cr_expect_eq(queue(&attach), CM_OK, "the next session begins anew");
    cm_attach_clear_up(&attach);
}
