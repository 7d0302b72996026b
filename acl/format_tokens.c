#include "acl/format_tokens.h"

#include <string.h>
#include <unistr.h>

struct gap {
    const uint8_t *data;
    size_t at, end;
    size_t line; // where the line begins
    bool first;  // before the first token
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// The next comment of a gap, or false at its end. *newlines: line ends before it or before the end.
static bool next_comment(struct gap *gap, struct cm_format_comment *out, unsigned *newlines)
{
    gap->line = gap->at;
    *newlines = 0;
    while (gap->at < gap->end && is_space(gap->data[gap->at])) {
        if (gap->data[gap->at++] == '\n') {
            ++*newlines;
            gap->line = gap->at;
        }
    }
    if (gap->at == gap->end) {
        return false;
    }
    size_t from = gap->at;
    const uint8_t *end = memchr(gap->data + from, '\n', gap->end - from);
    size_t to = end == NULL ? gap->end : (size_t)(end - gap->data);
    gap->at = to;
    while (to > from && is_space(gap->data[to - 1])) {
        to--;
    }
    *out = (struct cm_format_comment){
        .text = {gap->data + from, to - from}, .blank = *newlines > 1, .indent = from - gap->line};
    return true;
}

static enum cm_status count_all(size_t *tokens, size_t *comments, struct cm_arena *arena,
                                const struct cm_rule_file *file)
{
    struct cm_lexer lexer;
    struct cm_diagnostics ignored = {0};
    enum cm_token_kind kind;
    cm_lexer_init(&lexer, file, arena, &ignored);
    *tokens = 0;
    do {
        kind = cm_lexer_next(&lexer).kind;
        ++*tokens;
    } while (kind != CM_TOKEN_END);
    *comments = 0;
    for (size_t i = 0; i < file->text.len; i++) {
        *comments += file->text.data[i] == '#';
    }
    cm_diagnostics_clear(&ignored);
    return lexer.failed ? CM_MEMORY : CM_OK;
}

static void read_gap(struct cm_format_tokens *out, struct cm_format_token *token, struct gap *gap)
{
    unsigned newlines;
    struct cm_format_comment comment;
    token->first_comment = out->comment_count;
    while (next_comment(gap, &comment, &newlines)) {
        comment.trailing = newlines == 0 && token->comment_count == 0 && !gap->first;
        out->comments[out->comment_count++] = comment;
        token->comment_count++;
    }
    token->blank = newlines > 1;
    token->indent = gap->end - gap->line;
}

enum cm_status cm_format_read(struct cm_format_tokens *out, struct cm_arena *arena,
                              const struct cm_rule_file *file)
{
    size_t tokens;
    size_t comments;
    enum cm_status status = count_all(&tokens, &comments, arena, file);
    *out = (struct cm_format_tokens){
        .list = cm_arena_array(arena, tokens, sizeof *out->list),
        .comments = cm_arena_array(arena, comments, sizeof *out->comments),
    };
    if (status != CM_OK || out->list == NULL || out->comments == NULL) {
        return CM_MEMORY;
    }
    struct cm_lexer lexer;
    struct cm_diagnostics ignored = {0};
    cm_lexer_init(&lexer, file, arena, &ignored);
    size_t end = 0;
    bool prefix = false;
    while (out->count < tokens) {
        struct cm_token token = cm_lexer_next(&lexer);
        struct cm_format_token *kept = &out->list[out->count];
        struct cm_bytes text = {file->text.data + token.place.offset, token.place.len};
        enum cm_token_kind before = out->count == 0 ? CM_TOKEN_END : kept[-1].kind;
        prefix = token.kind == CM_TOKEN_COLON ||
                 (prefix && (token.kind == CM_TOKEN_COMMA || before == CM_TOKEN_COLON ||
                             before == CM_TOKEN_COMMA));
        *kept = (struct cm_format_token){
            .kind = token.kind,
            .text = text,
            .word = token.kind == CM_TOKEN_WORD ? token.text : "",
            .width = (unsigned)u8_mbsnlen(text.data, text.len),
            .tight = token.kind == CM_TOKEN_COMMA && prefix,
        };
        struct gap gap = {file->text.data, end, token.place.offset, end, out->count == 0};
        read_gap(out, kept, &gap);
        end = token.place.offset + token.place.len;
        out->count++;
    }
    cm_diagnostics_clear(&ignored);
    return lexer.failed ? CM_MEMORY : CM_OK;
}

bool cm_format_same(const struct cm_format_tokens *a, const struct cm_format_tokens *b)
{
    bool same = a->count == b->count && a->comment_count == b->comment_count;
    for (size_t i = 0; same && i < a->count; i++) {
        same =
            a->list[i].kind == b->list[i].kind && cm_bytes_equal(a->list[i].text, b->list[i].text);
    }
    for (size_t i = 0; same && i < a->comment_count; i++) {
        same = cm_bytes_equal(a->comments[i].text, b->comments[i].text);
    }
    return same;
}
