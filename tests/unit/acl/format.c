// One layout: nothing lost, the meaning kept, the second time nothing changes.
// CM_SEED in the environment repeats a failure.
#include "acl/format.h"

#include "acl/ast.h"
#include "generate.h"
#include "valley.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cm_rules_source source_of(const struct cm_rule_file *file)
{
    return (struct cm_rules_source){
        .main = file->path, .file_count = 1, .files = file, .directory = &valley};
}

static void dump_list(struct cm_buf *out, const struct cm_list *list)
{
    for (const struct cm_item *item = list->first; item != NULL; item = item->next) {
        cr_assert(cm_buf_printf(out, " %d:%s", (int)item->kind, item->text) == CM_OK);
    }
}

static void dump_rule(struct cm_buf *out, const struct cm_rule *rule)
{
    cr_assert(cm_buf_printf(out, "rule %d\n", (int)rule->statement) == CM_OK);
    for (const struct cm_term *term = rule->terms; term != NULL; term = term->next) {
        cr_assert(cm_buf_printf(out, " term %d %d %x", (int)term->kind, term->negated,
                                term->mask) == CM_OK);
        dump_list(out, &term->items);
    }
    for (unsigned i = 0; i < CM_CLAUSE_COUNT; i++) {
        const struct cm_clause *c = &rule->clauses[i];
        cr_assert(cm_buf_printf(out, "\n %u %d %d %x %lld %d %s", i, c->present, c->whole, c->mask,
                                (long long)c->number, c->per_agency,
                                c->text == NULL ? "-" : c->text) == CM_OK);
        dump_list(out, &c->items);
    }
}

// The whole tree as text, without places.
static struct cm_buf dump(struct cm_bytes text)
{
    struct cm_rule_file file = {.path = "main.rules", .text = text};
    struct cm_rules_source source = source_of(&file);
    struct cm_diagnostics diagnostics = {0};
    struct cm_arena *arena = cm_arena_new(1 << 24);
    struct cm_ast ast;
    struct cm_buf out = {0};
    cr_assert(cm_ast_load(&ast, arena, &source, &diagnostics) == CM_OK);
    cr_assert(cm_buf_printf(&out, "%s %d %lld\n", ast.node == NULL ? "-" : ast.node, ast.discloses,
                            (long long)ast.retain_s) == CM_OK);
    for (const struct cm_rule *rule = ast.rules; rule != NULL; rule = rule->next) {
        dump_rule(&out, rule);
    }
    for (const struct cm_definition *d = ast.definitions; d != NULL; d = d->next) {
        cr_assert(cm_buf_printf(&out, "\n%d %s", (int)d->statement, d->name) == CM_OK);
        dump_list(&out, &d->items);
    }
    for (const struct cm_inclusion *i = ast.inclusions; i != NULL; i = i->next) {
        cr_assert(cm_buf_printf(&out, "\ninclude %s", i->name) == CM_OK);
    }
    cm_diagnostics_clear(&diagnostics);
    cm_arena_free(arena);
    return out;
}

static enum cm_status format(struct cm_buf *out, struct cm_bytes text)
{
    struct cm_rule_file file = {.path = "main.rules", .text = text};
    struct cm_diagnostics diagnostics = {0};
    enum cm_status status = cm_format(out, &file, &diagnostics);
    cr_assert_eq(status == CM_INVALID, diagnostics.errors > 0);
    cm_diagnostics_clear(&diagnostics);
    return status;
}

static size_t comment_bytes(struct cm_bytes text)
{
    size_t count = 0;
    bool quoted = false;
    bool comment = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        quoted = c == '"' && !comment ? !quoted : quoted;
        comment = c == '\n' ? false : comment || (c == '#' && !quoted);
        count += comment && c != ' ' && c != '\t' && c != '\r';
    }
    return count;
}

// No line is wider than need be, none ends in white space, no two are blank.
static void check_lines(struct cm_bytes text)
{
    size_t line = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\n') {
            continue;
        }
        const char *from = (const char *)text.data + line;
        size_t len = i - line;
        const char *hash = memchr(from, '#', len);
        size_t words = hash == NULL ? len : (size_t)(hash - from);
        cr_assert(len == 0 || (from[len - 1] != ' ' && from[len - 1] != '\t'));
        cr_assert(words <= 80 || memchr(from, '"', len) != NULL || hash != NULL, "%.*s", (int)len,
                  from);
        cr_assert(len > 0 || (line > 0 && i + 1 < text.len && text.data[i + 1] != '\n'));
        line = i + 1;
    }
    cr_assert_eq(line, text.len, "the last line has its end");
}

static void check_round_trip(struct cm_bytes text, const char *name)
{
    struct cm_buf once = {0};
    struct cm_buf twice = {0};
    cr_assert(format(&once, text) == CM_OK, "%s: %.*s", name, (int)text.len,
              (const char *)text.data);
    cr_assert(format(&twice, cm_buf_bytes(&once)) == CM_OK);
    cr_assert(cm_bytes_equal(cm_buf_bytes(&once), cm_buf_bytes(&twice)),
              "%s\n%.*s\nbecomes\n%.*s\nand then\n%.*s", name, (int)text.len,
              (const char *)text.data, (int)once.len, (const char *)once.data, (int)twice.len,
              (const char *)twice.data);
    struct cm_buf before = dump(text);
    struct cm_buf after = dump(cm_buf_bytes(&once));
    cr_assert(cm_bytes_equal(cm_buf_bytes(&before), cm_buf_bytes(&after)), "%s\n%.*s", name,
              (int)once.len, (const char *)once.data);
    cr_assert_eq(comment_bytes(text), comment_bytes(cm_buf_bytes(&once)), "%s\n%.*s", name,
                 (int)once.len, (const char *)once.data);
    check_lines(cm_buf_bytes(&once));
    cm_buf_clear(&once);
    cm_buf_clear(&twice);
    cm_buf_clear(&before);
    cm_buf_clear(&after);
}

static void expect_layout(const char *text, const char *expected)
{
    struct cm_buf out = {0};
    cr_assert(format(&out, cm_bytes_of(text)) == CM_OK, "%s", text);
    cr_expect(cm_bytes_equal(cm_buf_bytes(&out), cm_bytes_of(expected)), "got\n%.*s\nnot\n%s",
              (int)out.len, (const char *)out.data, expected);
    cm_buf_clear(&out);
    check_round_trip(cm_bytes_of(text), "layout");
}

#define HEAD "rules 1\nnode ca.northport.pd\n\n"

// The example of the language's description, but for its comments' column.
Test(format, the_layout_of_the_description)
{
    static const char text[] =
        "rules 1\n"
        "node ca.northport.pd  # Northport Police Department: who may ask our node what\n"
        "include \"us-ca\"       # statute pack: may only forbid; ships with Comity\n"
        "\n"
        "group valley = ca.southgate.pd, ca.milltown.pd\n"
        "site  harbour = cam-07, cam-08\n"
        "\n"
        "permit self\n"
        "    to any  for any  back all  see all\n"
        "\n"
        "permit @valley\n"
        "    to lookup, fuzzy\n"
        "    for homicide, kidnapping, vehicle-theft\n"
        "    back 30 days\n"
        "    see place, camera, vehicle\n"
        "    require case\n"
        "    limit 100/day per investigator\n"
        "    until 2027-01-01\n"
        "    note \"MOU 2025-11\"\n"
        "\n"
        "permit kind:local,sheriff state:CA\n"
        "    to lookup  for amber-alert  back 7 days  see place  until 2027-06-30\n"
        "\n"
        "forbid anyone  for immigration-civil\n"
        "forbid not self  at harbour\n"
        "forbid kind:federal  unless court-order\n";
    expect_layout(text, text);
}

Test(format, one_line_becomes_many_and_tabs_and_crlf_go)
{
    expect_layout("rules 1\tnode ca.northport.pd permit self to any for any back all see all "
                  "forbid kind : federal\r\n\r\n\r\nretain 30\tdays",
                  "rules 1\nnode ca.northport.pd\n\npermit self\n"
                  "    to any  for any  back all  see all\n\nforbid kind:federal\n\n"
                  "retain 30 days\n");
}

Test(format, comments_stay_where_they_say_something)
{
    expect_layout("# top\n\n\n#second\nrules 1 # version\n\nnode ca.northport.pd # us  \n"
                  "# the valley\npermit @valley # sister cities\n"
                  "  to lookup, # exact\n  fuzzy\n\n  # why\n  for homicide back 1 day see place\n"
                  "    # limit 5/day per agency\n# next\nforbid anyone for other # end",
                  "# top\n\n#second\nrules 1  # version\n\nnode ca.northport.pd  # us\n\n"
                  "# the valley\npermit @valley  # sister cities\n"
                  "    to lookup,  # exact\n        fuzzy\n    # why\n    for homicide\n"
                  "    back 1 day\n    see place\n"
                  "    # limit 5/day per agency\n\n# next\nforbid anyone  for other  # end\n");
}

Test(format, a_comment_inside_a_word_group_moves_behind_it)
{
    expect_layout(HEAD "forbid kind: # which\n federal # x\n, private\n for other",
                  HEAD "forbid kind:federal,  # which\n        # x\n        private\n"
                       "    for other\n");
    expect_layout(HEAD "forbid kind: # which\n federal", HEAD "forbid kind:federal  # which\n");
}

Test(format, long_lists_wrap)
{
    expect_layout(
        HEAD "group valley = ca.southgate.pd, ca.milltown.pd, ca.oakvale.so, ca.oldtown.pd, "
             "ca.southgate.pd, ca.milltown.pd\n"
             "forbid ca.southgate.pd, ca.milltown.pd, ca.oakvale.so role:investigator state:CA,"
             "NV,OR,WA,AZ,NM kind:local for homicide, kidnapping, vehicle-theft, amber-alert, "
             "immigration-civil, immigration-criminal",
        HEAD "group valley = ca.southgate.pd, ca.milltown.pd, ca.oakvale.so, ca.oldtown.pd,\n"
             "    ca.southgate.pd, ca.milltown.pd\n"
             "\n"
             "forbid ca.southgate.pd, ca.milltown.pd, ca.oakvale.so role:investigator\n"
             "        state:CA,NV,OR,WA,AZ,NM kind:local\n"
             "    for homicide, kidnapping, vehicle-theft, amber-alert, immigration-civil,\n"
             "        immigration-criminal\n");
}

Test(format, comments_behind_neighbouring_lines_stand_below_each_other)
{
    expect_layout("rules 1\nnode ca.northport.pd\nsite a = x # one\nsite bb = y, z # two\n\n"
                  "site ccc = x # three\n",
                  "rules 1\nnode ca.northport.pd\nsite a = x      # one\nsite bb = y, z  # two\n\n"
                  "site ccc = x  # three\n");
}

Test(format, sites_line_up_with_the_groups_of_their_table_only)
{
    expect_layout("rules 1\nnode ca.northport.pd\nsite a = x\ngroup b =\nsite c = y\n\nsite d = z",
                  "rules 1\nnode ca.northport.pd\nsite  a = x\ngroup b =\nsite  c = y\n\n"
                  "site d = z\n");
}

Test(format, a_file_with_errors_is_left_alone)
{
    static const char *const wrong[] = {"", "rules 1 node ca.x.pd permit self to lookup",
                                        "rules 1 forbid self, us.customs",
                                        "rules 1 include \"us-ca", "\xef\xbb\xbfrules 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct cm_buf out = {0};
        cr_assert(cm_buf_add(&out, "before", 6) == CM_OK);
        cr_expect(format(&out, cm_bytes_of(wrong[i])) == CM_INVALID, "%s", wrong[i]);
        cr_expect_eq(out.len, 6);
        cm_buf_clear(&out);
    }
}

// The same tokens with other white space and comments between.
static struct cm_buf scattered(struct generator *generator, const struct cm_buf *text)
{
    static const char *const gaps[] = {" ",
                                       "  ",
                                       "\n",
                                       "\t",
                                       "\r\n",
                                       "\n\n\n",
                                       " # one\n",
                                       "\n# two \n",
                                       "\n\n  # three\n\n",
                                       " #\n",
                                       " # \xc3\xa9\r\n",
                                       "\n   # four\n # five\n"};
    struct cm_rule_file file = {.path = "main.rules", .text = cm_buf_bytes(text)};
    struct cm_diagnostics diagnostics = {0};
    struct cm_arena *arena = cm_arena_new(1 << 22);
    struct cm_lexer lexer;
    struct cm_buf out = {0};
    cm_lexer_init(&lexer, &file, arena, &diagnostics);
    for (struct cm_token t; (t = cm_lexer_next(&lexer)).kind != CM_TOKEN_END;) {
        unsigned choice = pick(generator, 60);
        const char *gap = gaps[choice < sizeof gaps / sizeof *gaps ? choice : 0];
        cr_assert(cm_buf_add(&out, gap, strlen(gap)) == CM_OK);
        cr_assert(cm_buf_add(&out, text->data + t.place.offset, t.place.len) == CM_OK);
    }
    const char *last = gaps[pick(generator, sizeof gaps / sizeof *gaps)];
    cr_assert(cm_buf_add(&out, last, strlen(last)) == CM_OK);
    cm_arena_free(arena);
    return out;
}

Test(format, random_texts_keep_their_meaning_and_their_comments, .timeout = 300)
{
    const char *given = getenv("CM_SEED");
    uint64_t seed = given == NULL ? UINT64_C(20261122) : strtoull(given, NULL, 10);
    for (uint64_t i = 0; i < 3000; i++) {
        struct generator generator = {.state = seed + i * UINT64_C(0x9e3779b97f4a7c15) + 1};
        struct cm_buf text = {0};
        generate_rules(&generator, &text, false);
        struct cm_buf other = scattered(&generator, &text);
        check_round_trip(cm_buf_bytes(&text), "generated");
        check_round_trip(cm_buf_bytes(&other), "scattered");
        cm_buf_clear(&text);
        cm_buf_clear(&other);
    }
}

static struct cm_buf read_whole(const char *path)
{
    struct cm_buf text = {0};
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    uint8_t part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;) {
        cr_assert(cm_buf_add(&text, part, n) == CM_OK);
    }
    fclose(file);
    return text;
}

Test(format, every_example_of_this_project)
{
    static const char *const folders[] = {"/deploy/demo.d/rules",   "/deploy/examples/rules",
                                          "/acl/statutes",          "/tests/unit/acl/warnings",
                                          "/tests/unit/acl/errors", "/tests/unit/acl/mistakes"};
    unsigned formatted = 0;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        char path[1024];
        snprintf(path, sizeof path, CM_SOURCE "%s", folders[f]);
        DIR *folder = opendir(path);
        for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
            const char *ending = strrchr(entry->d_name, '.');
            if (ending == NULL || strcmp(ending, ".rules") != 0) {
                continue;
            }
            snprintf(path, sizeof path, CM_SOURCE "%s/%s", folders[f], entry->d_name);
            struct cm_buf text = read_whole(path);
            struct cm_buf out = {0};
            if (format(&out, cm_buf_bytes(&text)) == CM_OK) {
                check_round_trip(cm_buf_bytes(&text), entry->d_name);
                formatted++;
            }
            cm_buf_clear(&text);
            cm_buf_clear(&out);
        }
        if (folder != NULL) {
            closedir(folder);
        }
    }
    cr_expect_geq(formatted, 14);
}
