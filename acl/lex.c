#include "acl/lex.h"

#include <string.h>
#include <unictype.h>
#include <unistr.h>

void cm_lexer_init(struct cm_lexer *lexer, const struct cm_rule_file *file, struct cm_arena *arena,
                   struct cm_diagnostics *diagnostics)
{
    *lexer = (struct cm_lexer){.file = file, .line = 1, .arena = arena, .diagnostics = diagnostics};
}

static bool at_end(const struct cm_lexer *lexer)
{
    return lexer->failed || lexer->at >= lexer->file->text.len;
}

static uint8_t byte_at(const struct cm_lexer *lexer, size_t at)
{
    return at < lexer->file->text.len ? lexer->file->text.data[at] : 0;
}

// The code point at the cursor, 0xfffd when the bytes are no UTF-8.
static ucs4_t peek(const struct cm_lexer *lexer, size_t *len)
{
    ucs4_t c;
    const uint8_t *data = lexer->file->text.data + lexer->at;
    size_t left = lexer->file->text.len - lexer->at;
    int used = u8_mbtoucr(&c, data, left);
    if (used < 1) {
        *len = 1;
        return 0xfffd;
    }
    *len = (size_t)used;
    return c;
}

static struct cm_place place_of(const struct cm_lexer *lexer, size_t from, size_t to)
{
    return (struct cm_place){.file = lexer->file,
                             .line = lexer->line,
                             .offset = (uint32_t)from,
                             .len = (uint32_t)(to - from)};
}

static void report(struct cm_lexer *lexer, size_t from, size_t to, const char *hint,
                   const char *text)
{
    struct cm_place place = place_of(lexer, from, to);
    cm_diagnostics_add(lexer->diagnostics, CM_SEVERITY_ERROR, &place, hint, "%s", text);
}

static bool is_bidi(ucs4_t c)
{
    return c == 0x061c || (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static bool is_curly(ucs4_t c)
{
    return (c >= 0x2018 && c <= 0x201f) || c == 0xab || c == 0xbb;
}

static bool is_dash(ucs4_t c)
{
    return (c >= 0x2010 && c <= 0x2015) || c == 0x2212;
}

// Wide, narrow and no-break spaces: they look like a space and are none.
static bool is_odd_space(ucs4_t c)
{
    return c == 0xa0 || (c >= 0x2000 && c <= 0x200d) || c == 0x202f || c == 0x205f || c == 0x2060 ||
           c == 0x3000;
}

// Once for a run of such characters.
static bool first_of_run(struct cm_lexer *lexer, size_t end)
{
    bool first = lexer->bad_until != lexer->at || lexer->at == 0;
    lexer->bad_until = end;
    return first;
}

// What may stand in a comment or text: printable or a tab. Reports and returns false otherwise.
static bool check_character(struct cm_lexer *lexer, ucs4_t c, size_t len)
{
    size_t end = lexer->at + len;
    if (c == 0xfffd && len == 1) {
        if (first_of_run(lexer, end)) {
            report(lexer, lexer->at, end, "save the file as UTF-8", "this is not UTF-8");
        }
        return false;
    }
    if (is_bidi(c)) {
        report(lexer, lexer->at, end, "delete it: it makes text read differently than it is",
               "a hidden character that changes the direction of text");
        return false;
    }
    if (c == 0xfeff) {
        const char *hint =
            lexer->at == 0 ? "save the file as UTF-8 without a byte order mark" : "delete it";
        report(lexer, lexer->at, end, hint, "a hidden byte order mark");
        return false;
    }
    if (c != '\t' && (uc_is_cntrl(c) || c == 0x2028 || c == 0x2029)) {
        if (first_of_run(lexer, end)) {
            report(lexer, lexer->at, end, "delete it", "a control character");
        }
        return false;
    }
    return true;
}

static bool at_line_end(const struct cm_lexer *lexer)
{
    uint8_t c = byte_at(lexer, lexer->at);
    return c == '\n' || (c == '\r' && byte_at(lexer, lexer->at + 1) == '\n');
}

static void skip_comment(struct cm_lexer *lexer)
{
    while (!at_end(lexer) && !at_line_end(lexer)) {
        size_t len;
        ucs4_t c = peek(lexer, &len);
        (void)check_character(lexer, c, len);
        lexer->at += len;
    }
}

static void skip_space(struct cm_lexer *lexer)
{
    while (!at_end(lexer)) {
        uint8_t c = byte_at(lexer, lexer->at);
        if (c == '#') {
            skip_comment(lexer);
        } else if (c == '\n') {
            lexer->line++;
            lexer->at++;
        } else if (c == ' ' || c == '\t' || at_line_end(lexer)) {
            lexer->at++;
        } else {
            return;
        }
    }
}

static bool starts_word(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool in_word(uint8_t c)
{
    return starts_word(c) || c == '.' || c == '_' || c == '-';
}

static struct cm_token token_of(struct cm_lexer *lexer, enum cm_token_kind kind, size_t from,
                                size_t to, struct cm_bytes text)
{
    const char *copy = text.len == 0 ? "" : cm_arena_string(lexer->arena, text);
    if (copy == NULL) {
        lexer->failed = true;
        return (struct cm_token){CM_TOKEN_END, "", place_of(lexer, from, from)};
    }
    return (struct cm_token){kind, copy, place_of(lexer, from, to)};
}

// A word processor makes a long dash of one between digits: said once a word, it belongs to it.
static bool take_dash(struct cm_lexer *lexer, bool *said)
{
    size_t len;
    if (at_end(lexer) || !is_dash(peek(lexer, &len)) || !in_word(byte_at(lexer, lexer->at + len))) {
        return false;
    }
    if (!*said) {
        report(lexer, lexer->at, lexer->at + len, "write the plain - instead",
               "a word processor's dash");
    }
    *said = true;
    lexer->at += len;
    return true;
}

// As it was meant, so that nothing else is said of it.
static struct cm_token dashed_word(struct cm_lexer *lexer, enum cm_token_kind kind, size_t from,
                                   struct cm_bytes text)
{
    static const uint8_t plain_dash = '-';
    struct cm_buf plain = {.max = text.len};
    for (size_t i = 0; i < text.len && !lexer->failed; i++) {
        bool dash = text.data[i] >= 0x80;
        lexer->failed = cm_buf_add(&plain, dash ? &plain_dash : text.data + i, 1) != CM_OK;
        i += dash ? 2 : 0; // they all take three bytes
    }
    struct cm_token token = token_of(lexer, kind, from, lexer->at, cm_buf_bytes(&plain));
    cm_buf_clear(&plain);
    return token;
}

static struct cm_token lex_word(struct cm_lexer *lexer, enum cm_token_kind kind)
{
    size_t from = lexer->at;
    size_t start = kind == CM_TOKEN_GROUP ? from + 1 : from;
    bool dashed = false;
    lexer->at = start;
    while (in_word(byte_at(lexer, lexer->at)) || take_dash(lexer, &dashed)) {
        lexer->at += in_word(byte_at(lexer, lexer->at));
    }
    struct cm_bytes text = {lexer->file->text.data + start, lexer->at - start};
    return dashed ? dashed_word(lexer, kind, from, text)
                  : token_of(lexer, kind, from, lexer->at, text);
}

static void lex_escape(struct cm_lexer *lexer)
{
    uint8_t next = byte_at(lexer, lexer->at + 1);
    if (next != '"' && next != '\\') {
        report(lexer, lexer->at, lexer->at + 1, "write \\\\ for a backslash, \\\" for a quote",
               "a lone backslash in text");
        return;
    }
    lexer->at++;
}

// Text up to its closing quote on the same line; a word processor's quotes are closed by theirs.
static struct cm_token lex_text(struct cm_lexer *lexer, size_t quote_len, bool curly)
{
    size_t from = lexer->at;
    lexer->at += quote_len;
    struct cm_buf text = {.max = lexer->file->text.len};
    bool closed = false;
    while (!closed && !at_end(lexer) && !at_line_end(lexer)) {
        size_t len;
        ucs4_t c = peek(lexer, &len);
        closed = c == '"' || (curly && is_curly(c));
        bool good = closed || check_character(lexer, c, len);
        if (!closed && c == '\\') {
            lex_escape(lexer);
        }
        if (!closed && good &&
            cm_buf_add(&text, lexer->file->text.data + lexer->at, len) != CM_OK) {
            lexer->failed = true;
        }
        lexer->at += len;
    }
    if (!closed) {
        report(lexer, from, lexer->at, "end the text with \" on the same line",
               "this text has no end");
    }
    struct cm_token token = token_of(lexer, CM_TOKEN_TEXT, from, lexer->at, cm_buf_bytes(&text));
    cm_buf_clear(&text);
    return token;
}

static struct cm_token lex_curly(struct cm_lexer *lexer, size_t len)
{
    report(lexer, lexer->at, lexer->at + len, "write the straight quote \" instead",
           "a word processor's quote");
    return lex_text(lexer, len, true);
}

static const char *bad_hint(const struct cm_lexer *lexer, ucs4_t c)
{
    switch (c) {
    case ';':
        return "leave it out: a statement ends where the next begins";
    case '@':
        return "a group's name follows the @ at once";
    case '\'':
        return "write \" around text";
    case '*':
        return lexer->at > 0 && byte_at(lexer, lexer->at - 1) == '/'
                   ? "a comment begins with #"
                   : "there are no wildcards: write kind:, state: or a @group";
    case '&':
    case '|':
    case '+':
        return "terms side by side must all hold; a list has commas";
    case '!':
        return "write `not` instead";
    case '(':
    case ')':
    case '{':
    case '}':
    case '[':
    case ']':
        return "there are no brackets in rules";
    default:
        return "words begin with a letter or digit of the English alphabet";
    }
}

// One report for a run of what can't begin a token.
static void skip_bad(struct cm_lexer *lexer)
{
    size_t len;
    ucs4_t c = peek(lexer, &len);
    if (is_odd_space(c)) {
        if (first_of_run(lexer, lexer->at + len)) {
            report(lexer, lexer->at, lexer->at + len, "delete it and type a plain space",
                   "this looks like a space but is none");
        }
    } else if (check_character(lexer, c, len)) {
        size_t from = lexer->at;
        size_t to = from + len;
        // A bracket ends at itself; a foreign letter, or a - in front, belongs to the word behind.
        bool whole = c >= 0x80 || in_word((uint8_t)c);
        while (whole && (byte_at(lexer, to) >= 0x80 || in_word(byte_at(lexer, to)))) {
            to++;
        }
        report(lexer, from, to, bad_hint(lexer, c), "this is no word");
        lexer->at = to;
        return;
    }
    lexer->at += len;
}

static enum cm_token_kind punctuation(uint8_t c)
{
    static const enum cm_token_kind kinds[256] = {[','] = CM_TOKEN_COMMA,
                                                  ['='] = CM_TOKEN_EQUALS,
                                                  [':'] = CM_TOKEN_COLON,
                                                  ['/'] = CM_TOKEN_SLASH};
    return kinds[c];
}

struct cm_token cm_lexer_next(struct cm_lexer *lexer)
{
    for (;;) {
        skip_space(lexer);
        if (at_end(lexer)) {
            return token_of(lexer, CM_TOKEN_END, lexer->at, lexer->at, CM_BYTES_NONE);
        }
        size_t len;
        uint8_t byte = byte_at(lexer, lexer->at);
        ucs4_t c = peek(lexer, &len);
        if (starts_word(byte)) {
            return lex_word(lexer, CM_TOKEN_WORD);
        }
        if (byte == '@' && starts_word(byte_at(lexer, lexer->at + 1))) {
            return lex_word(lexer, CM_TOKEN_GROUP);
        }
        if (byte == '"') {
            return lex_text(lexer, 1, false);
        }
        if (punctuation(byte) != 0) {
            lexer->at++;
            return token_of(lexer, punctuation(byte), lexer->at - 1, lexer->at, CM_BYTES_NONE);
        }
        if (is_curly(c)) {
            return lex_curly(lexer, len);
        }
        skip_bad(lexer);
    }
}
