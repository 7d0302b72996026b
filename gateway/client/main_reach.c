#include "gateway/client/reach_print.h"
#include "gateway/client/tour.h"
#include "proto/base/cli.h"

static int finish(const struct cm_call_result *result, const struct cm_call_options *options)
{
    return cm_reach_print(options->printer->out, cm_buf_bytes(&result->reach),
                          options->asking->format);
}

int main(int argc, char **argv)
{
    static const struct cm_tour reach = {.is_reach = true, .call = cm_call_reach, .finish = finish};
    cm_cli_start("comity reach", argc, argv);
    return cm_tour_run(&reach, argc, argv);
}
