#include "proto/base/cli_args.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct argp_option options[] = {
    {"agency", 'a', "ID", 0, "Ask ID only.", 0},
    {"limit", 'l', "N", 0, "Rows.", 0},
    {"unordered", 'u', NULL, 0, "As they come.", 0},
    {0},
};
static const struct cm_cli_usage usage = {options, "PLATE", "Asks.", "l", 0, 1};

static void parse(struct cm_cli_args *out, int argc, const char *const *given)
{
    static char words[8][32];
    char *argv[9] = {NULL};
    for (int i = 0; i < argc; i++) {
        snprintf(words[i], sizeof words[i], "%s", given[i]);
        argv[i] = words[i];
    }
    cm_cli_start("comity thing", argc, argv);
    cm_cli_parse(out, &usage, argc, argv);
}

Test(cli_args, options_keep_their_order_and_words_stand_anywhere)
{
    struct cm_cli_args args;
    parse(
        &args, 8,
        (const char *[]){"x", "--agency", "ca.one", "8ABC123", "-a", "ca.two", "-u", "--limit=20"});
    cr_assert_eq(args.word_count, 1);
    cr_expect_str_eq(args.words[0], "8ABC123");
    cr_expect_str_eq(cm_cli_nth(&args, 'a', 0), "ca.one");
    cr_expect_str_eq(cm_cli_nth(&args, 'a', 1), "ca.two");
    cr_expect_null(cm_cli_nth(&args, 'a', 2));
    cr_expect_str_eq(cm_cli_get(&args, 'a'), "ca.two");
    cr_expect_str_eq(cm_cli_get(&args, 'u'), "");
    cr_expect_eq(cm_cli_get_number(&args, 'l', "limit", 5, 1, 100), 20);
    cr_expect_eq(cm_cli_get_number(&args, 'x', "other", 5, 1, 100), 5);
}

Test(cli_args, a_missing_option_is_wrong_usage, .exit_code = CM_EXIT_USAGE)
{
    struct cm_cli_args args;
    parse(&args, 2, (const char *[]){"x", "8ABC123"});
}

Test(cli_args, an_unknown_option_is_wrong_usage, .exit_code = CM_EXIT_USAGE)
{
    struct cm_cli_args args;
    parse(&args, 3, (const char *[]){"x", "-l3", "--plate=8ABC123"});
}

Test(cli_args, a_word_too_many_is_wrong_usage, .exit_code = CM_EXIT_USAGE)
{
    struct cm_cli_args args;
    parse(&args, 4, (const char *[]){"x", "-l3", "one", "two"});
}

Test(cli_args, a_number_out_of_range_is_wrong_usage, .exit_code = CM_EXIT_USAGE)
{
    struct cm_cli_args args;
    parse(&args, 2, (const char *[]){"x", "-l101"});
    cm_cli_get_number(&args, 'l', "limit", 5, 1, 100);
}

Test(cli_args, a_number_with_a_tail_is_wrong_usage, .exit_code = CM_EXIT_USAGE)
{
    struct cm_cli_args args;
    parse(&args, 2, (const char *[]){"x", "-l10k"});
    cm_cli_get_number(&args, 'l', "limit", 5, 1, 100);
}
