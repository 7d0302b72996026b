#include "acl/format.h"

#include "acl/format_tokens.h"
#include "acl/parse.h"

#include <string.h>

enum { WIDEST = 80, CLAUSE = 4, CONTINUED = 8, GAP = 2 };

#define ARENA_CAP ((size_t)512 * 1024 * 1024)

struct line {
    size_t from, len; // in the writer's text
    unsigned width;
    bool blank; // a blank line above
    struct cm_bytes comment;
};

struct writer {
    struct cm_format_tokens tokens;
    struct cm_buf text;
    struct line *lines;
    size_t count;
    bool failed;
};

// A statement's tokens [first, end) and how it is laid out.
struct layout {
    enum cm_statement statement;
    size_t first, body, end; // body: its first clause
    size_t after;            // comments behind its last token that still belong to it
    bool one_line;
    bool joined; // the clauses on one line
    bool padded; // `site` as wide as `group`
};

static bool is_rule(enum cm_statement statement)
{
    return statement == CM_STATEMENT_PERMIT || statement == CM_STATEMENT_FORBID;
}

static const struct cm_format_token *at(const struct writer *writer, size_t index)
{
    return &writer->tokens.list[index];
}

static struct line *now(struct writer *writer)
{
    return &writer->lines[writer->count - 1];
}

static void put(struct writer *writer, struct cm_bytes text, unsigned width)
{
    struct line *line = now(writer);
    if (cm_buf_add(&writer->text, text.data, text.len) != CM_OK) {
        writer->failed = true;
        return;
    }
    line->len += text.len;
    line->width += width;
}

static void put_spaces(struct writer *writer, unsigned count)
{
    static const uint8_t spaces[CONTINUED] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
    put(writer, (struct cm_bytes){spaces, count}, count);
}

static void new_line(struct writer *writer, unsigned indent, bool blank)
{
    bool above = blank && writer->count > 0;
    writer->lines[writer->count] = (struct line){.from = writer->text.len, .blank = above};
    writer->count++;
    put_spaces(writer, indent);
}

static bool glued(const struct writer *writer, size_t index)
{
    enum cm_token_kind kind = at(writer, index)->kind;
    enum cm_token_kind before = at(writer, index - 1)->kind;
    return kind == CM_TOKEN_COMMA || kind == CM_TOKEN_COLON || kind == CM_TOKEN_SLASH ||
           before == CM_TOKEN_COLON || before == CM_TOKEN_SLASH;
}

// Spaces between two tokens of one line.
static unsigned space_before(const struct writer *writer, size_t index)
{
    return glued(writer, index) || at(writer, index - 1)->tight ? 0 : 1;
}

// The end of the tokens that nothing can part.
static size_t unit_end(const struct writer *writer, size_t index, size_t end)
{
    do {
        index++;
    } while (index < end &&
             (glued(writer, index) || strcmp(at(writer, index - 1)->word, "not") == 0));
    return index;
}

static unsigned width_of(const struct writer *writer, size_t from, size_t end)
{
    unsigned width = 0;
    for (size_t i = from; i < end; i++) {
        width += at(writer, i)->width + (i > from ? space_before(writer, i) : 0);
    }
    return width;
}

// Comments between two tokens, own lines at indent; the first goes behind what is there when it
// stood so. Returns whether there were any: then what follows begins a line.
static bool put_comments(struct writer *writer, size_t first, size_t count, unsigned indent)
{
    for (size_t i = 0; i < count; i++) {
        const struct cm_format_comment *comment = &writer->tokens.comments[first + i];
        if (i == 0 && comment->trailing) {
            now(writer)->comment = comment->text;
            continue;
        }
        new_line(writer, indent, false);
        put(writer, comment->text, 0);
    }
    return count > 0;
}

// All comments from behind the unit that begins at `before` up to the token at `index`.
static bool comments_between(struct writer *writer, size_t before, size_t index, unsigned indent)
{
    size_t first = at(writer, before + 1)->first_comment;
    const struct cm_format_token *token = at(writer, index);
    return put_comments(writer, first, token->first_comment + token->comment_count - first, indent);
}

static bool has_comments(const struct writer *writer, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        if (at(writer, i)->comment_count > 0) {
            return true;
        }
    }
    return false;
}

// A line may end before this token: after a comma, and between the terms of who asks.
static bool may_break(const struct writer *writer, const struct layout *layout, size_t first,
                      size_t index)
{
    const struct cm_format_token *before = at(writer, index - 1);
    bool terms =
        first == layout->first && index > first + 1 &&
        (layout->statement == CM_STATEMENT_PERMIT || layout->statement == CM_STATEMENT_FORBID);
    return before->kind == CM_TOKEN_COMMA || terms;
}

// One clause, or a statement up to its clauses. Returns its last unit.
static size_t put_segment(struct writer *writer, const struct layout *layout, size_t first,
                          size_t end)
{
    bool rule = layout->body < layout->end || first > layout->first;
    unsigned indent =
        rule || layout->statement == CM_STATEMENT_PERMIT || layout->statement == CM_STATEMENT_FORBID
            ? CONTINUED
            : CLAUSE;
    size_t before = first;
    for (size_t unit = first; unit < end;) {
        size_t next = unit_end(writer, unit, end);
        if (unit > first) {
            unsigned space =
                space_before(writer, unit) + (layout->padded && unit == layout->first + 1 ? 1 : 0);
            unsigned width = width_of(writer, unit, next);
            if (comments_between(writer, before, unit, indent) ||
                (may_break(writer, layout, first, unit) &&
                 now(writer)->width + space + width > WIDEST)) {
                new_line(writer, indent, false);
            } else {
                put_spaces(writer, space);
            }
        }
        for (size_t i = unit; i < next; i++) {
            put_spaces(writer, i > unit ? space_before(writer, i) : 0);
            put(writer, at(writer, i)->text, at(writer, i)->width);
        }
        before = unit;
        unit = next;
    }
    return before;
}

static size_t clause_end(const struct writer *writer, size_t index, size_t end)
{
    do {
        index++;
    } while (index < end && cm_clause_of(at(writer, index)->word) == CM_CLAUSE_NONE);
    return index;
}

// The clauses side by side, two spaces between.
static unsigned joined_width(const struct writer *writer, const struct layout *layout)
{
    unsigned width = 0;
    for (size_t i = layout->body; i < layout->end;) {
        size_t next = clause_end(writer, i, layout->end);
        width += (i > layout->body ? GAP : 0) + width_of(writer, i, next);
        i = next;
    }
    return width;
}

// Comments behind the statement, deeper than the next, up to a blank line, are still its own.
static size_t count_after(const struct writer *writer, size_t end)
{
    const struct cm_format_token *next = at(writer, end);
    const struct cm_format_comment *comments = writer->tokens.comments + next->first_comment;
    size_t count = next->comment_count > 0 && comments[0].trailing ? 1 : 0;
    while (count < next->comment_count && comments[count].indent > next->indent &&
           !comments[count].blank) {
        count++;
    }
    return count;
}

static void lay_out(const struct writer *writer, struct layout *layout, size_t first)
{
    *layout =
        (struct layout){.statement = cm_statement_of(at(writer, first)->word), .first = first};
    layout->end = first + 1;
    while (at(writer, layout->end)->kind != CM_TOKEN_END &&
           cm_statement_of(at(writer, layout->end)->word) == CM_STATEMENT_NONE) {
        layout->end++;
    }
    bool permit = layout->statement == CM_STATEMENT_PERMIT;
    layout->body =
        is_rule(layout->statement) ? clause_end(writer, first, layout->end) : layout->end;
    layout->after = count_after(writer, layout->end);
    const struct cm_format_token *next = at(writer, layout->end);
    bool trailing =
        next->comment_count > 0 && writer->tokens.comments[next->first_comment].trailing;
    bool quiet = layout->after == (trailing ? 1u : 0u);
    unsigned joined = joined_width(writer, layout);
    layout->joined =
        quiet && CLAUSE + joined <= WIDEST && !has_comments(writer, layout->body + 1, layout->end);
    layout->one_line = !permit && quiet && !has_comments(writer, first + 1, layout->end) &&
                       (layout->body == layout->end ||
                        width_of(writer, first, layout->body) + GAP + joined <= WIDEST);
}

static bool many_lines(const struct layout *layout)
{
    return !layout->one_line &&
           (layout->statement == CM_STATEMENT_PERMIT || layout->statement == CM_STATEMENT_FORBID);
}

static void put_statement(struct writer *writer, const struct layout *layout)
{
    size_t last = put_segment(writer, layout, layout->first, layout->body);
    for (size_t i = layout->body; i < layout->end;) {
        size_t next = clause_end(writer, i, layout->end);
        bool commented = comments_between(writer, last, i, CLAUSE);
        bool beside = layout->one_line || (layout->joined && i > layout->body);
        if (beside && !commented) {
            put_spaces(writer, GAP);
        } else {
            new_line(writer, CLAUSE, false);
        }
        last = put_segment(writer, layout, i, next);
        i = next;
    }
    // Those inside its last unit too.
    size_t first = at(writer, last + 1)->first_comment;
    size_t end = at(writer, layout->end)->first_comment + layout->after;
    put_comments(writer, first, end - first, CLAUSE);
}

// What stands above a statement, or at the file's end. used: comments that were put already.
static void put_leading(struct writer *writer, size_t index, size_t used, bool apart)
{
    const struct cm_format_token *token = at(writer, index);
    bool first = true;
    for (size_t i = used; i < token->comment_count; i++) {
        const struct cm_format_comment *comment =
            &writer->tokens.comments[token->first_comment + i];
        new_line(writer, 0, comment->blank || (first && apart));
        put(writer, comment->text, 0);
        first = false;
    }
    if (token->kind != CM_TOKEN_END) {
        new_line(writer, 0, token->blank || (first && apart));
    }
}

static bool is_definition(const struct layout *layout)
{
    return layout->statement == CM_STATEMENT_GROUP || layout->statement == CM_STATEMENT_SITE;
}

// Groups and sites without a blank line between are laid out as one table.
static bool table_has_groups(const struct writer *writer, const struct layout *layout)
{
    struct layout other = *layout;
    bool found = false;
    while (!found && is_definition(&other)) {
        const struct cm_format_token *next = at(writer, other.end);
        found = other.statement == CM_STATEMENT_GROUP;
        if (next->kind == CM_TOKEN_END || next->blank || next->comment_count > other.after) {
            break;
        }
        lay_out(writer, &other, other.end);
    }
    return found;
}

static void put_all(struct writer *writer)
{
    struct layout layout = {0};
    bool grouped = false;
    bool apart = false;
    size_t used = 0;
    for (size_t i = 0; at(writer, i)->kind != CM_TOKEN_END; i = layout.end) {
        const struct cm_format_token *opener = at(writer, i);
        bool same_table = is_definition(&layout) && !opener->blank && opener->comment_count == used;
        lay_out(writer, &layout, i);
        if (!same_table) {
            grouped = table_has_groups(writer, &layout);
        }
        layout.padded = grouped && layout.statement == CM_STATEMENT_SITE;
        put_leading(writer, i, used, apart || many_lines(&layout));
        put_statement(writer, &layout);
        used = layout.after;
        apart = many_lines(&layout);
    }
    put_leading(writer, writer->tokens.count - 1, used, apart);
}

// Comments behind lines that follow each other stand below each other.
static unsigned comment_column(const struct writer *writer, size_t line)
{
    unsigned column = 0;
    for (size_t i = line; i < writer->count && writer->lines[i].comment.len > 0; i++) {
        column = writer->lines[i].width > column ? writer->lines[i].width : column;
        if (i + 1 < writer->count && writer->lines[i + 1].blank) {
            break;
        }
    }
    return column + GAP;
}

static enum cm_status assemble(const struct writer *writer, struct cm_buf *out)
{
    enum cm_status status = CM_OK;
    unsigned column = 0;
    for (size_t i = 0; status == CM_OK && i < writer->count; i++) {
        const struct line *line = &writer->lines[i];
        bool follows = i > 0 && writer->lines[i - 1].comment.len > 0 && !line->blank;
        if (line->blank) {
            status = cm_buf_add(out, "\n", 1);
        }
        if (status == CM_OK) {
            status = cm_buf_add(out, writer->text.data + line->from, line->len);
        }
        if (status == CM_OK && line->comment.len > 0) {
            column = follows ? column : comment_column(writer, i);
            status = cm_buf_printf(out, "%*s%.*s", (int)(column - line->width), "",
                                   (int)line->comment.len, (const char *)line->comment.data);
        }
        if (status == CM_OK) {
            status = cm_buf_add(out, "\n", 1);
        }
    }
    return status;
}

static enum cm_status check_syntax(struct cm_arena *arena, const struct cm_rule_file *file,
                                   struct cm_diagnostics *diagnostics)
{
    struct cm_ast ast = {.main = file, .retain_s = INT64_MAX};
    const struct cm_rules_source source = {.main = file->path, .file_count = 1, .files = file};
    enum cm_status status = cm_parse_file(&ast, arena, &source, file, diagnostics);
    return status == CM_OK && diagnostics->errors > 0 ? CM_INVALID : status;
}

// Lines: at most one for each token and comment.
static enum cm_status lay_out_all(struct writer *writer, struct cm_arena *arena)
{
    size_t most = writer->tokens.count + writer->tokens.comment_count + 1;
    writer->lines = cm_arena_array(arena, most, sizeof *writer->lines);
    if (writer->lines == NULL) {
        return CM_MEMORY;
    }
    put_all(writer);
    return writer->failed ? CM_MEMORY : CM_OK;
}

// Whatever this code got wrong: a file never loses or gains a word or a comment.
static enum cm_status check_result(const struct writer *writer, struct cm_arena *arena,
                                   const struct cm_buf *out, size_t from)
{
    const struct cm_rule_file file = {.path = "formatted",
                                      .text = {out->data + from, out->len - from}};
    struct cm_format_tokens tokens;
    enum cm_status status = cm_format_read(&tokens, arena, &file);
    return status == CM_OK && !cm_format_same(&writer->tokens, &tokens) ? CM_INTERNAL : status;
}

enum cm_status cm_format(struct cm_buf *out, const struct cm_rule_file *file,
                         struct cm_diagnostics *diagnostics)
{
    struct writer writer = {0};
    size_t from = out->len;
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena == NULL ? CM_MEMORY : check_syntax(arena, file, diagnostics);
    if (status == CM_OK) {
        status = cm_format_read(&writer.tokens, arena, file);
    }
    if (status == CM_OK) {
        status = lay_out_all(&writer, arena);
    }
    if (status == CM_OK) {
        status = assemble(&writer, out);
    }
    if (status == CM_OK) {
        status = check_result(&writer, arena, out, from);
    }
    if (status != CM_OK) {
        out->len = from;
    }
    cm_buf_clear(&writer.text);
    cm_arena_free(arena);
    return status;
}
