#include "nodes/sharing.h"

#include "acl/ast.h"
#include "acl/value.h"
#include "proto/base/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CAP = 64 * CM_MAX_RULESET };

static const char language[] = "rules 1\n";
static const char header[] = "# Written by `comity node share`: change it with that command.\n";
static const char forbid[] = "forbid ";
static const char until_word[] = " until ";
static const char everyone[] = "not self";
static const char prefix[] = "off-"; // of groups in an overlay

static enum cm_status path_of(char out[PATH_MAX], const char *folder, struct cm_error *error)
{
    const int len = snprintf(out, PATH_MAX, "%s/%s", folder, CM_SHARING_FILE);
    return len > 0 && len < PATH_MAX ? CM_OK
                                     : cm_fail(error, CM_INVALID, folder, "the path is too long");
}

// The line at *at, which moves behind it; false at the end. Lines too long for an entry are cut:
// no forbid that this program wrote is.
static bool next_line(char out[CM_SHARING_LINE], struct cm_bytes text, size_t *at)
{
    if (*at >= text.len) {
        return false;
    }
    const uint8_t *from = text.data + *at;
    const uint8_t *end = memchr(from, '\n', text.len - *at);
    const size_t len = end ? (size_t)(end - from) : text.len - *at;
    snprintf(out, CM_SHARING_LINE, "%.*s", (int)(len < CM_SHARING_LINE ? len : CM_SHARING_LINE - 1),
             (const char *)from);
    *at += len + 1;
    return true;
}

static bool is_forbid(const char *line)
{
    return strncmp(line, forbid, sizeof forbid - 1) == 0;
}

// Whether line forbids just that, with or without an end.
static bool names(const char *line, const char *who)
{
    const size_t len = strlen(who);
    line += sizeof forbid - 1;
    return strncmp(line, who, len) == 0 &&
           (line[len] == '\0' || strncmp(line + len, until_word, sizeof until_word - 1) == 0);
}

bool cm_sharing_entry(char who[CM_SHARING_LINE], char until[CM_SHARING_LINE], struct cm_bytes text,
                      size_t index)
{
    char line[CM_SHARING_LINE];
    size_t at = 0;
    while (next_line(line, text, &at)) {
        if (!is_forbid(line) || index-- > 0) {
            continue;
        }
        char *end = strstr(line, until_word);
        snprintf(until, CM_SHARING_LINE, "%s", end ? end + sizeof until_word - 1 : "");
        if (end) {
            *end = '\0';
        }
        snprintf(who, CM_SHARING_LINE, "%s", line + sizeof forbid - 1);
        if (strcmp(who, everyone) == 0) {
            snprintf(who, CM_SHARING_LINE, "everyone");
        }
        return true;
    }
    return false;
}

enum cm_status cm_sharing_read(struct cm_buf *out, const char *rules_folder, struct cm_error *error)
{
    char path[PATH_MAX], line[CM_SHARING_LINE];
    struct cm_buf text = {0};
    size_t at = 0;
    bool any = false;
    enum cm_status status = path_of(path, rules_folder, error);
    if (!status) {
        status = cm_file_read(&text, path, CM_MAX_SHARING, error);
    }
    // Whatever else somebody wrote there is for the compiler to judge.
    while (!status && !any && next_line(line, cm_buf_bytes(&text), &at)) {
        any = line[0] != '\0' && line[0] != '#' && strcmp(line, "rules 1") != 0;
    }
    if (any && cm_buf_add(out, text.data, text.len)) {
        status = cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    cm_buf_clear(&text);
    return status;
}

enum cm_status cm_sharing_write(const char *rules_folder, struct cm_bytes text,
                                struct cm_error *error)
{
    char path[PATH_MAX];
    const enum cm_status status = path_of(path, rules_folder, error);
    return status ? status : cm_file_write(path, text, 0600, error);
}

static bool is_word(const char *text)
{
    const size_t len = strlen(text);
    return len > 0 && len <= CM_MAX_ID &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

// The term of a rule for what people give as --with.
static enum cm_status term_of(const char **out, const char *with, struct cm_error *error)
{
    const char *word = with[0] == '@' ? with + 1 : with;
    if (strncmp(with, "kind:", 5) == 0) {
        word = with + 5;
    } else if (strncmp(with, "state:", 6) == 0) {
        word = with + 6;
    }
    const bool is_id = word == with;
    *out = with[0] == '\0' ? everyone : with;
    if (with[0] == '\0' || (is_word(word) && (!is_id || cm_word_is_id(word)))) {
        return CM_OK;
    }
    cm_fail(error, CM_INVALID, "--with",
            "%.64s is neither an agency's id, @group, kind:KIND nor "
            "state:STATE",
            with);
    cm_error_hint(error, "give one of these a command");
    return CM_INVALID;
}

// text's other lines.
static enum cm_status keep_others(struct cm_buf *out, struct cm_bytes text, const char *who,
                                  bool *found)
{
    char line[CM_SHARING_LINE];
    size_t at = 0;
    enum cm_status status = cm_buf_printf(out, "%s%s", language, header);
    *found = false;
    while (!status && next_line(line, text, &at)) {
        if (is_forbid(line) && (!who || names(line, who))) {
            *found = true;
        } else if (is_forbid(line)) {
            status = cm_buf_printf(out, "%s\n", line);
        }
    }
    return status;
}

enum cm_status cm_sharing_off(struct cm_buf *out, struct cm_bytes text, const char *with,
                              const char *until, struct cm_error *error)
{
    const char *who;
    bool found;
    int64_t ms;
    enum cm_status status = term_of(&who, with, error);
    if (!status && until[0] && !cm_value_date(until, &ms)) {
        status = cm_fail(error, CM_INVALID, "--until", "%.32s is no date: YYYY-MM-DD", until);
    }
    if (status) {
        return status;
    }
    status = keep_others(out, text, who, &found);
    if (!status) {
        status = cm_buf_printf(out, "%s%s%s%s\n", forbid, who, until[0] ? until_word : "", until);
    }
    if (!status && out->len > CM_MAX_SHARING) {
        status = CM_EXHAUSTED;
    }
    return status ? cm_fail(error, status, CM_SHARING_FILE, "has too many entries") : CM_OK;
}

enum cm_status cm_sharing_on(struct cm_buf *out, struct cm_bytes text, const char *with,
                             struct cm_error *error)
{
    const char *who;
    bool found = false;
    enum cm_status status = term_of(&who, with, error);
    if (!status && keep_others(out, text, with[0] ? who : NULL, &found)) {
        status = cm_fail(error, CM_MEMORY, CM_SHARING_FILE, "out of memory");
    }
    if (!status && !found) {
        cm_fail(error, CM_NOT_FOUND, "sharing", "is not off with %s",
                with[0] ? with : "anybody by `comity node share off`");
        cm_error_hint(error, "see what is: comity node share status");
        status = CM_NOT_FOUND;
    }
    return status;
}

// A group is written once, and after it those that it holds.
struct groups {
    const struct cm_ast *ast;
    size_t count;
    const struct cm_definition **list;
};

static enum cm_status need(struct groups *groups, const char *name, struct cm_error *error)
{
    const struct cm_definition *found = groups->ast->definitions;
    while (found && (found->statement != CM_STATEMENT_GROUP || strcmp(found->name, name) != 0)) {
        found = found->next;
    }
    if (!found) {
        cm_fail(error, CM_INVALID, "@group", "the signed rules have no group @%.64s", name);
        cm_error_hint(error, "name the agencies, or a group that `comity acl apply` signed");
        return CM_INVALID;
    }
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->list[i] == found) {
            return CM_OK;
        }
    }
    groups->list[groups->count++] = found;
    return CM_OK;
}

static enum cm_status write_group(struct cm_buf *out, struct groups *groups, size_t index,
                                  struct cm_error *error)
{
    const struct cm_definition *group = groups->list[index];
    enum cm_status status = cm_buf_printf(out, "group %s%s =", prefix, group->name);
    for (const struct cm_item *item = group->items.first; !status && item; item = item->next) {
        const bool nested = item->kind == CM_TOKEN_GROUP;
        if (cm_buf_printf(out, "%s %s%s%s", item == group->items.first ? "" : ",",
                          nested ? "@" : "", nested ? prefix : "", item->text)) {
            return cm_fail(error, CM_MEMORY, CM_SHARING_FILE, "out of memory");
        }
        if (nested) {
            status = need(groups, item->text, error);
        }
    }
    return status ? status : cm_buf_printf(out, "\n");
}

static enum cm_status write_groups(struct cm_buf *out, struct cm_bytes text,
                                   const struct cm_ast *ast, struct cm_error *error)
{
    char who[CM_SHARING_LINE], until[CM_SHARING_LINE];
    struct groups groups = {.ast = ast};
    enum cm_status status = CM_OK;
    groups.list = calloc(ast->definition_count + 1, sizeof *groups.list);
    if (!groups.list) {
        return cm_fail(error, CM_MEMORY, CM_SHARING_FILE, "out of memory");
    }
    for (size_t i = 0; !status && cm_sharing_entry(who, until, text, i); i++) {
        if (who[0] == '@') {
            status = need(&groups, who + 1, error);
        }
    }
    for (size_t i = 0; !status && i < groups.count; i++) {
        status = write_group(out, &groups, i, error);
    }
    free(groups.list);
    return status;
}

// The forbids as they stand in the file; notes and comments are nobody else's business.
static enum cm_status write_forbids(struct cm_buf *out, struct cm_bytes text)
{
    char line[CM_SHARING_LINE];
    size_t at = 0;
    enum cm_status status = CM_OK;
    while (!status && next_line(line, text, &at)) {
        const char *who = line + (is_forbid(line) ? sizeof forbid - 1 : 0);
        if (who > line && who[0] == '@') {
            status = cm_buf_printf(out, "%s@%s%s\n", forbid, prefix, who + 1);
        } else if (line[0] != '#' && strcmp(line, "rules 1") != 0) {
            status = cm_buf_printf(out, "%s\n", line);
        }
    }
    return status;
}

enum cm_status cm_sharing_compose(struct cm_buf *out, struct cm_bytes text,
                                  const struct cm_ruleset *set, struct cm_error *error)
{
    struct cm_ast ast = {0};
    struct cm_diagnostics found = {0};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    if (text.len == 0) {
        cm_arena_free(arena);
        return CM_OK;
    }
    enum cm_status status = arena ? CM_OK : CM_MEMORY;
    if (!status && set) {
        const struct cm_rules_source source = {
            .main = set->main, .file_count = set->file_count, .files = set->files};
        status = cm_ast_load(&ast, arena, &source, &found);
    }
    if (!status) {
        status = cm_buf_printf(out, "%s", language);
    }
    if (status) {
        cm_fail(error, status, CM_SHARING_FILE, "out of memory");
    } else {
        status = write_groups(out, text, &ast, error);
    }
    if (!status && write_forbids(out, text)) {
        status = cm_fail(error, CM_MEMORY, CM_SHARING_FILE, "out of memory");
    }
    cm_diagnostics_clear(&found);
    cm_arena_free(arena);
    return status;
}
