#include "acl/lex.h"

#include <criterion/criterion.h>

static struct cm_arena *arena;
static struct cm_diagnostics diagnostics;
static struct cm_rule_file file;
static struct cm_lexer lexer;

static void start(const char *text)
{
    arena = cm_arena_new(1 << 16);
    diagnostics = (struct cm_diagnostics){0};
    file = (struct cm_rule_file){.path = "a.rules", .text = cm_bytes_of(text)};
    cm_lexer_init(&lexer, &file, arena, &diagnostics);
}

static void stop(size_t errors)
{
    cr_expect_eq(cm_lexer_next(&lexer).kind, CM_TOKEN_END);
    cr_expect_eq(diagnostics.errors, errors);
    cm_diagnostics_clear(&diagnostics);
    cm_arena_free(arena);
}

static void expect(enum cm_token_kind kind, const char *text)
{
    struct cm_token token = cm_lexer_next(&lexer);
    cr_expect_eq(token.kind, kind, "%s", text);
    cr_expect_str_eq(token.text, text);
}

Test(lex, words_groups_text_and_signs)
{
    start("permit @valley,us.customs kind:local 100/day = \"a \\\"b\\\" \\\\\" # end\n2027-01-01");
    expect(CM_TOKEN_WORD, "permit");
    expect(CM_TOKEN_GROUP, "valley");
    expect(CM_TOKEN_COMMA, "");
    expect(CM_TOKEN_WORD, "us.customs");
    expect(CM_TOKEN_WORD, "kind");
    expect(CM_TOKEN_COLON, "");
    expect(CM_TOKEN_WORD, "local");
    expect(CM_TOKEN_WORD, "100");
    expect(CM_TOKEN_SLASH, "");
    expect(CM_TOKEN_WORD, "day");
    expect(CM_TOKEN_EQUALS, "");
    expect(CM_TOKEN_TEXT, "a \"b\" \\");
    expect(CM_TOKEN_WORD, "2027-01-01");
    stop(0);
}

Test(lex, places_and_line_ends)
{
    start("a\r\n\tbc\n\n  # x\n d");
    expect(CM_TOKEN_WORD, "a");
    struct cm_token token = cm_lexer_next(&lexer);
    cr_expect_eq(token.place.line, 2);
    cr_expect_eq(token.place.offset, 4);
    cr_expect_eq(token.place.len, 2);
    cr_expect_eq(cm_lexer_next(&lexer).place.line, 5);
    stop(0);
}

Test(lex, text_ends_with_its_line)
{
    start("\"a\nb \"\\n\"");
    expect(CM_TOKEN_TEXT, "a");
    expect(CM_TOKEN_WORD, "b");
    expect(CM_TOKEN_TEXT, "\\n");
    stop(2);
}

Test(lex, goes_on_after_what_is_no_word)
{
    start("a ; -b @ \xe2\x80\x9cq\xe2\x80\x9d c");
    expect(CM_TOKEN_WORD, "a");
    expect(CM_TOKEN_TEXT, "q");
    expect(CM_TOKEN_WORD, "c");
    stop(4);
}

Test(lex, a_bracket_does_not_hide_the_word_behind_it)
{
    start("(a) {b} &c !d *e");
    expect(CM_TOKEN_WORD, "a");
    expect(CM_TOKEN_WORD, "b");
    expect(CM_TOKEN_WORD, "c");
    expect(CM_TOKEN_WORD, "d");
    expect(CM_TOKEN_WORD, "e");
    stop(7);
}

Test(lex, a_word_processors_dash_is_said_once_a_word_and_read_as_it_was_meant)
{
    start("2027\xe2\x80\x93"
          "12\xe2\x80\x93"
          "31 x\xe2\x88\x92y \xe2\x80\x93 @u\xe2\x80\x90v");
    expect(CM_TOKEN_WORD, "2027-12-31");
    expect(CM_TOKEN_WORD, "x-y");
    expect(CM_TOKEN_GROUP, "u-v");
    stop(4);
}

Test(lex, what_looks_like_a_space_is_an_error_once_a_run)
{
    start("x\xc2\xa0\xe2\x80\x83y \xe3\x80\x80 z # \xc2\xa0");
    expect(CM_TOKEN_WORD, "x");
    expect(CM_TOKEN_WORD, "y");
    expect(CM_TOKEN_WORD, "z");
    stop(2);
}

Test(lex, control_and_direction_characters_are_errors_everywhere)
{
    static const char *const texts[] = {"a \x01",         "# \x7f",           "\"\xc2\x85\"",
                                        "# \xe2\x80\xae", "\"\xe2\x81\xa6\"", "\xef\xbb\xbf",
                                        "# \xc0\xaf",     "a \r b",           "# \xe2\x80\xa8"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        start(texts[i]);
        while (cm_lexer_next(&lexer).kind != CM_TOKEN_END) {
        }
        cr_expect_eq(diagnostics.errors, 1, "text %zu", i);
        cm_diagnostics_clear(&diagnostics);
        cm_arena_free(arena);
    }
}

Test(lex, out_of_memory_ends_it)
{
    static char text[8192];
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] = i % 2 == 0 ? 'a' : ' ';
    }
    start(text);
    cm_arena_free(arena);
    arena = cm_arena_new(64);
    lexer.arena = arena;
    unsigned count = 0;
    while (cm_lexer_next(&lexer).kind != CM_TOKEN_END) {
        count++;
    }
    cr_expect(lexer.failed);
    cr_expect_lt(count, 10);
    stop(0);
}
