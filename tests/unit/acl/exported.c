#include "exported.h"

#include <criterion/criterion.h>
#include <string.h>

struct cm_cedar exported(const char *statements, const struct cm_directory *now)
{
    struct cm_buf text = {0};
    struct cm_cedar cedar;
    cr_assert(cm_buf_printf(&text, "rules 1 node ca.northport.pd\n%s", statements) == CM_OK);
    const struct cm_rule_file file = {"main.rules", cm_buf_bytes(&text)};
    const struct cm_rules_source source = {.main = "main.rules",
                                           .file_count = 1,
                                           .files = &file,
                                           .directory = &valley,
                                           .now_ms = NOON_MS,
                                           .retired_ok = true};
    cr_assert(cm_cedar_export(&cedar, &source, now) == CM_OK);
    cm_buf_clear(&text);
    return cedar;
}

void check_has(const struct cm_buf *buf, const char *text)
{
    cr_assert(memmem(buf->data, buf->len, text, strlen(text)) != NULL, "no `%s` in\n%.*s", text,
              (int)buf->len, (const char *)buf->data);
}

void check_lacks(const struct cm_buf *buf, const char *text)
{
    cr_assert(memmem(buf->data, buf->len, text, strlen(text)) == NULL, "`%s` in\n%.*s", text,
              (int)buf->len, (const char *)buf->data);
}
