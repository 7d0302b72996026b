// A rule file as format.c sees it: all tokens, and the comments between them. In an arena.
#ifndef CM_ACL_FORMAT_TOKENS_H
#define CM_ACL_FORMAT_TOKENS_H

#include "acl/lex.h"

struct cm_format_comment {
    struct cm_bytes text; // from its #, without white space at the end
    bool trailing;        // on the line of the token before it
    bool blank;           // a blank line above
    size_t indent;        // bytes, of one that is not trailing
};

struct cm_format_token {
    enum cm_token_kind kind;
    struct cm_bytes text; // as written
    const char *word;     // of a WORD
    unsigned width;       // code points
    bool tight;           // a comma between the values of kind:, state: or role:
    bool blank;           // a blank line right above
    size_t indent;        // bytes, of one that begins a line
    size_t first_comment; // those between the token before and this one
    size_t comment_count;
};

struct cm_format_tokens {
    size_t count; // the last one is the END
    struct cm_format_token *list;
    size_t comment_count;
    struct cm_format_comment *comments;
};

// CM_MEMORY. The file has no lexical errors.
enum cm_status cm_format_read(struct cm_format_tokens *out, struct cm_arena *arena,
                              const struct cm_rule_file *file) CM_MUST_CHECK;
// The same tokens, as written, and the same comments in the same order.
bool cm_format_same(const struct cm_format_tokens *a, const struct cm_format_tokens *b);

#endif
