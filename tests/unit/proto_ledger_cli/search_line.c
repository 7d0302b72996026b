#include "proto/ledger/cli/search_line.h"

#include "proto/codec/answer.h"

#include <criterion/criterion.h>

static const struct cm_source node = {.origin = "n", .agency = "ca.northport.pd"};
static const struct cm_source gateway = {.origin = "g", .gateway = "gw-1"};

static struct cm_search_line line_of(struct cm_sighting *list, size_t count)
{
    struct cm_search_line line;
    struct cm_search search = {.sightings = list};
    for (size_t i = 0; i < count; i++) {
        list[i].gateway = "gw-1";
        list[i].rule = "";
        list[i].next = i + 1 < count ? &list[i + 1] : NULL;
    }
    cm_search_line_of(&line, &search);
    return line;
}

Test(search_line, a_permission_without_an_end_has_none)
{
    struct cm_sighting list[] = {{.source = &node, .kind = CM_ENTRY_NODE, .permitted = true}};
    cr_expect_str_eq(line_of(list, 1).outcome, CM_LINE_NO_END);
}

Test(search_line, rows_of_all_attempts_were_sent)
{
    struct cm_sighting list[] = {
        {.source = &node, .kind = CM_ENTRY_NODE, .permitted = true},
        {.source = &node, .kind = CM_ENTRY_RELEASE, .release = CM_RELEASE_CANCELLED, .rows = 2},
        {.source = &node, .kind = CM_ENTRY_NODE, .permitted = true},
        {.source = &node, .kind = CM_ENTRY_RELEASE, .release = CM_RELEASE_COMPLETE, .rows = 5}};
    const struct cm_search_line line = line_of(list, 4);
    cr_expect_str_eq(line.outcome, "released");
    cr_expect_eq(line.released, 7);
    cr_expect_eq(line.sides, CM_SIDE_ANSWERED);
}

Test(search_line, a_refusal_says_why)
{
    struct cm_sighting list[] = {
        {.source = &node, .kind = CM_ENTRY_NODE, .refusal = CM_REFUSAL_NOT_PERMITTED}};
    const struct cm_search_line line = line_of(list, 1);
    cr_expect_str_eq(line.outcome, "refused");
    cr_expect_str_eq(line.refusal, cm_refusal_name(CM_REFUSAL_NOT_PERMITTED));
    cr_expect_not(line.has_released);
}

Test(search_line, a_gateway_says_what_the_requester_got)
{
    struct cm_sighting list[] = {
        {.source = &gateway, .kind = CM_ENTRY_QUERY},
        {.source = &gateway, .kind = CM_ENTRY_MANIFEST, .rows = 4, .asked = 3, .answered = 2}};
    cr_expect_str_eq(line_of(list, 1).outcome, CM_LINE_NO_END);
    const struct cm_search_line line = line_of(list, 2);
    cr_expect_str_eq(line.outcome, "answered");
    cr_expect_eq(line.received, 4);
    cr_expect_eq(line.asked, 3);
    cr_expect_eq(line.answered, 2);
}

Test(search_line, a_copy_of_a_refusal_says_why)
{
    struct cm_sighting list[] = {
        {.source = &node, .kind = CM_ENTRY_COPY, .refused_unread = true, .refusal = CM_EXHAUSTED}};
    const struct cm_search_line line = line_of(list, 1);
    cr_expect_str_eq(line.outcome, "refused");
    cr_expect_str_eq(line.refusal, cm_status_name(CM_EXHAUSTED));
    cr_expect_eq(line.sides, CM_SIDE_ASKED);
    cr_expect_not(line.has_received);
    cr_expect_not(line.judged);
}

Test(search_line, what_was_released_is_not_refused_because_it_came_again)
{
    struct cm_sighting list[] = {
        {.source = &gateway, .kind = CM_ENTRY_REFUSED, .refused_unread = true, .gateway_index = 7},
        {.source = &gateway, .kind = CM_ENTRY_QUERY, .gateway_index = 3},
        {.source = &gateway, .kind = CM_ENTRY_MANIFEST, .rows = 4},
        {.source = &gateway, .kind = CM_ENTRY_REFUSED, .refused_unread = true, .gateway_index = 9}};
    const struct cm_search_line line = line_of(list, 4);
    cr_expect_str_eq(line.outcome, "answered");
    cr_expect_str_eq(line.refusal, "");
    cr_expect(line.judged);
}

Test(search_line, says_where_it_was_recorded)
{
    char sides[64];
    cr_expect_str_eq(cm_search_sides(sides, CM_SIDE_ASKED), "asked by us");
    cr_expect_str_eq(cm_search_sides(sides, CM_SIDE_ASKED | CM_SIDE_ANSWERED),
                     "asked by us, asked of us");
    cr_expect_str_eq(cm_search_sides(sides, CM_SIDE_ANSWERED | CM_SIDE_GATEWAY),
                     "asked of us, at the gateway");
    cr_expect_str_eq(cm_search_sides(sides, CM_SIDE_GATEWAY), "at the gateway");
}
