#include "proto/trust/cli/directory.h"

#include "proto/trust/cli/keys.h"
#include "proto/trust/directory_json.h"

#include <inttypes.h>

enum { ARENA_CAP = 8 * CM_MAX_BUNDLE };

static const struct argp_option show_options[] = {
    {"json", 'j', NULL, 0, "As JSON, every field written out", 0}, {0}};
static const struct cm_cli_usage show_usage = {
    show_options,
    "[FILE]",
    "Says what a directory holds: the JSON file (" CM_DIRECTORY_FILE ") or a signed bundle, whose "
    "signature is not checked here.",
    NULL,
    0,
    1};

static void print_head(const struct cm_directory *d)
{
    char when[32];
    cm_keys_line("federation", d->federation);
    if (d->serial == 0) {
        cm_keys_line("serial", "not signed yet");
        return;
    }
    char hex[2 * CM_DIGEST_SIZE + 1];
    cm_hex(hex, cm_bytes_digest(&d->digest));
    printf("%-12s %" PRIu64 "\n", "serial", d->serial);
    cm_keys_line("digest", hex);
    cm_keys_line("issued", cm_keys_time(when, d->issued_ms));
    cm_keys_line("expires", cm_keys_time(when, d->expires_ms));
}

static void print_lists(const struct cm_directory *d)
{
    printf("\n%-24s %-10s %-5s %-8s %3s %5s  %s\n", "agency", "kind", "state", "active", "CAs",
           "nodes", "name");
    for (size_t i = 0; i < d->agency_count; i++) {
        const struct cm_agency *a = &d->agencies[i];
        printf("%-24s %-10s %-5s %-8s %3zu %5zu  %s\n", a->id, cm_kind_name(a->kind),
               a->state[0] != '\0' ? a->state : "-", a->active ? "yes" : "retired", a->ca_pin_count,
               a->node_pin_count, a->name);
    }
    printf("\n%-24s %s\n", "gateway", "addresses");
    for (size_t i = 0; i < d->gateway_count; i++) {
        printf("%-24s", d->gateways[i].name);
        for (size_t j = 0; j < d->gateways[i].address_count; j++) {
            printf(" %s", d->gateways[i].addresses[j]);
        }
        putchar('\n');
    }
    printf("\n%-24s %-8s %s\n", "purpose", "case", "cap");
    for (size_t i = 0; i < d->purpose_count; i++) {
        const struct cm_purpose *p = &d->purposes[i];
        printf("%-24s %-8s ", p->id, p->case_optional ? "optional" : "needed");
        if (p->fan_out_cap > 0) {
            printf("%" PRIu32 " agencies\n", p->fan_out_cap);
        } else {
            puts("none");
        }
    }
}

int cm_directory_cli_show(int argc, char **argv)
{
    struct cm_cli_args args = {0};
    cm_cli_parse(&args, &show_usage, argc, argv);
    struct cm_error error = {0};
    struct cm_directory directory = {0};
    struct cm_buf text = {0};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    const char *path = args.word_count > 0 ? args.words[0] : CM_DIRECTORY_FILE;
    enum cm_status status = arena != NULL ? cm_directory_read(&directory, arena, path, &error)
                                          : cm_fail(&error, CM_MEMORY, path, "out of memory");
    if (status == CM_OK && cm_cli_get(&args, 'j') != NULL) {
        status = cm_directory_to_json(&text, &directory);
        fwrite(text.data, 1, text.len, stdout);
    } else if (status == CM_OK) {
        print_head(&directory);
        print_lists(&directory);
    }
    cm_buf_clear(&text);
    cm_arena_free(arena);
    return status == CM_OK ? CM_EXIT_OK : cm_cli_fail(&error);
}
