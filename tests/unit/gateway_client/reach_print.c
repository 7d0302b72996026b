#include "gateway/client/reach_print.h"

#include "gateway/client/summary.h"
#include "proto/codec/gateway.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct cm_progress agencies[] = {
    {.agency = "ca.milltown.pd", .outcome = CM_OUTCOME_NOT_PERMITTED},
    {.agency = "ca.northport.pd"},
    {.agency = "ca.southgate.pd", .outcome = CM_OUTCOME_OFFLINE},
};

// What is printed, to free.
static char *print(size_t first, enum cm_format format, int code)
{
    struct cm_reach_response response = {
        .directory_serial = 3,
        .directory_digest = {{1}},
        .entry = cm_bytes_of("entry"),
        .checkpoint = cm_bytes_of("checkpoint"),
        .inclusion = {.index = 0, .size = 1},
        .agency_count = 3 - first,
        .agencies = agencies + first,
    };
    struct cm_buf bytes = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    response.counts[CM_OUTCOME_NOT_PERMITTED] = 2;
    response.counts[CM_OUTCOME_OFFLINE] = 1;
    cr_assert_eq(cm_reach_response_encode(&bytes, &response), CM_OK);
    cr_expect_eq(cm_reach_print(out, cm_buf_bytes(&bytes), format), code);
    fclose(out);
    cm_buf_clear(&bytes);
    return text;
}

Test(reach_print, counts_no_denial_as_a_permit)
{
    char *text = print(0, CM_FORMAT_TABLE, 0);
    cr_expect_not_null(strstr(text, "ca.milltown.pd                           not permitted\n"),
                       "%s", text);
    cr_expect_not_null(
        strstr(text, "\n1 agency would be asked; 1 offline; 2 do not share this with you\n"), "%s",
        text);
    free(text);
}

Test(reach_print, says_when_nobody_would_be_asked)
{
    char *text = print(2, CM_FORMAT_TABLE, CM_EXIT_NOBODY);
    cr_expect_not_null(strstr(text, "\n0 agencies would be asked; 1 offline"), "%s", text);
    free(text);
}

Test(reach_print, gives_programs_the_same)
{
    char *text = print(0, CM_FORMAT_JSON, 0);
    cr_expect_not_null(strstr(text, "\"would_be_asked\":1"), "%s", text);
    free(text);
    text = print(0, CM_FORMAT_CSV, 0);
    cr_expect_str_eq(text, "agency,reach\r\nca.milltown.pd,not permitted\r\nca.northport.pd,would "
                           "be asked\r\nca.southgate.pd,offline\r\n");
    free(text);
}
