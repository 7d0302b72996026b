#include "acl/rules.h"
#include "nodes/cli/data.h"
#include "nodes/cli/node.h"
#include "nodes/journal.h"
#include "nodes/sharing.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/trust/directory_json.h"

#include <string.h>
#include <time.h>

enum { ARENA_CAP = 64 * 1024 * 1024, MAX_SET = 2 * CM_MAX_RULESET };

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 0},
    {"with", 'w', "WHO", 0, "an agency's id, @GROUP of the signed rules, kind:KIND, state:STATE",
     0},
    {"until", 'u', "DATE", 0, "on again from then, YYYY-MM-DD, UTC", 0},
    {"reason", 'r', "TEXT", 0, "why; asked for on a terminal", 0},
    {"json", 'j', NULL, 0, "status: an object for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    options,
    "off|on|status",
    "Switches sharing off, at once and everywhere, and on again.\v"
    "off forbids what the signed rules permit: everything to everyone else, or to those of --with. "
    "It needs no second person, and counts whatever the rules say. on takes back what off did, "
    "never more: what is shown then is what administrators signed. Both are recorded.\n\n"
    "Exit codes: 0 done; 1 not done; 2 usage.",
    NULL,
    1,
    1};

// The set that stands, unverified: only to find its groups by.
static bool read_set(struct cm_ruleset *out, struct cm_arena *arena,
                     const struct cm_node_data *data)
{
    char path[sizeof data->rules + 2 * CM_MAX_ID];
    struct cm_buf file = {0};
    struct cm_bytes bytes;
    struct cm_envelope envelope;
    snprintf(path, sizeof path, "%s/%s.ruleset", data->rules, data->config.agency);
    bool ok = cm_file_read(&file, path, MAX_SET, NULL) == CM_OK &&
              cm_arena_bytes(arena, &bytes, cm_buf_bytes(&file)) == CM_OK &&
              cm_envelope_decode(&envelope, arena, bytes, NULL) == CM_OK &&
              cm_ruleset_decode(out, arena, envelope.payload, NULL) == CM_OK;
    cm_buf_clear(&file);
    return ok;
}

static enum cm_status compile(const struct cm_node_data *data, struct cm_bytes text,
                              const struct cm_directory *directory, bool is_group,
                              struct cm_error *error)
{
    struct cm_rules *rules = NULL;
    struct cm_diagnostics found = {0};
    char main[CM_MAX_ID + 64];
    snprintf(main, sizeof main, "rules 1\nnode %s\ninclude \"" CM_SHARING_FILE "\"\n",
             data->config.agency);
    const struct cm_rule_file files[] = {{"main.rules", cm_bytes_of(main)},
                                         {CM_SHARING_FILE, text}};
    const struct cm_rules_source source = {.main = "main.rules",
                                           .file_count = 2,
                                           .files = files,
                                           .directory = directory,
                                           .overlay = true,
                                           .retired_ok = is_group};
    enum cm_status status = cm_rules_compile(&rules, &source, &found);
    if (status != CM_OK) {
        cm_fail(error, status, "--with", "%s", found.count > 0 ? found.list[0].text : "no memory");
        cm_error_hint(error, "%s", found.count > 0 ? found.list[0].hint : "");
    }
    cm_diagnostics_clear(&found);
    cm_rules_unref(rules);
    return status;
}

// A name that nobody has would forbid nothing, silently.
static enum cm_status check(const struct cm_node_data *data, const char *with, const char *until,
                            struct cm_error *error)
{
    char path[4096 + 64];
    struct cm_ruleset set;
    struct cm_directory directory;
    struct cm_buf line = {0};
    struct cm_buf text = {0};
    struct cm_arena *arena = cm_arena_new(ARENA_CAP);
    enum cm_status status = arena == NULL ? cm_fail(error, CM_MEMORY, "", "out of memory") : CM_OK;
    snprintf(path, sizeof path, "%s/directory/directory.bundle", data->config.data);
    if (status == CM_OK) {
        status = cm_directory_read(&directory, arena, path, error);
    }
    if (status == CM_OK) {
        status = cm_sharing_off(&line, CM_BYTES_NONE, with, until, error);
    }
    if (status == CM_OK) {
        status = cm_sharing_compose(&text, cm_buf_bytes(&line),
                                    read_set(&set, arena, data) ? &set : NULL, error);
    }
    if (status == CM_OK) {
        status = compile(data, cm_buf_bytes(&text), &directory, with[0] == '@', error);
    }
    cm_buf_clear(&line);
    cm_buf_clear(&text);
    cm_arena_free(arena);
    return status;
}

static enum cm_status read_text(struct cm_buf *out, const struct cm_node_data *data,
                                struct cm_error *error)
{
    enum cm_status status = cm_sharing_read(out, data->rules, error);
    return status == CM_NOT_FOUND ? CM_OK : status;
}

static enum cm_status change(const struct cm_node_data *data, const struct cm_cli_args *args,
                             bool off, struct cm_error *error)
{
    char reason[513];
    char what[256];
    struct cm_buf text = {0};
    struct cm_buf next = {0};
    const char *with = cm_cli_get(args, 'w') != NULL ? cm_cli_get(args, 'w') : "";
    const char *until = cm_cli_get(args, 'u') != NULL ? cm_cli_get(args, 'u') : "";
    snprintf(what, sizeof what, "share %s%s%.100s%s%.32s", off ? "off" : "on",
             with[0] != '\0' ? " with " : "", with, until[0] != '\0' ? " until " : "", until);
    enum cm_status status = read_text(&text, data, error);
    if (status == CM_OK && off) {
        status = check(data, with, until, error);
    }
    if (status == CM_OK) {
        status = off ? cm_sharing_off(&next, cm_buf_bytes(&text), with, until, error)
                     : cm_sharing_on(&next, cm_buf_bytes(&text), with, error);
    }
    if (status == CM_OK) {
        status = cm_node_reason(reason, args, error);
    }
    if (status == CM_OK) {
        status = cm_node_say(data, what, reason, error);
    }
    if (status == CM_OK) {
        status = cm_sharing_write(data->rules, cm_buf_bytes(&next), error);
    }
    if (status == CM_OK) {
        printf("sharing is %s%s%s%s%s\n", off ? "off" : "on again, as the signed rules say,",
               with[0] != '\0' ? " with " : " with everyone", with,
               until[0] != '\0' ? " until " : "", until);
    }
    cm_buf_clear(&text);
    cm_buf_clear(&next);
    return status;
}

// The last line of the journal that switched it off.
static void find_said(struct cm_journal_line *out, const struct cm_node_data *data, const char *who)
{
    char what[300];
    struct cm_journal_line line;
    uint64_t at = 0;
    bool everyone = strcmp(who, "everyone") == 0;
    snprintf(what, sizeof what, "share off%s%s", everyone ? "" : " with ", everyone ? "" : who);
    size_t len = strlen(what);
    *out = (struct cm_journal_line){.at_ms = 0};
    while (cm_journal_next(&line, data->rules, &at, NULL) == CM_OK) {
        if (strncmp(line.what, what, len) == 0 &&
            (line.what[len] == '\0' || strncmp(line.what + len, " until ", 7) == 0)) {
            *out = line;
        }
    }
}

static void format_time(char out[32], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    out[0] = '\0';
    if (ms > 0 && gmtime_r(&seconds, &parts) != NULL) {
        strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
}

static json_t *list_off(const struct cm_node_data *data, struct cm_bytes text)
{
    char who[CM_SHARING_LINE];
    char until[CM_SHARING_LINE];
    char since[32];
    struct cm_journal_line said;
    json_t *list = json_array();
    for (size_t i = 0; cm_sharing_entry(who, until, text, i); i++) {
        find_said(&said, data, who);
        format_time(since, said.at_ms);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "with", who, "until", until,
                                        "since", since, "by", said.by, "reason", said.reason));
    }
    return list;
}

static const char *get(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void print_off(const json_t *list)
{
    puts(json_array_size(list) == 0 ? "sharing is on, as the signed rules say"
                                    : "sharing is off with");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        printf("  %s%s%s\n", get(one, "with"), get(one, "until")[0] != '\0' ? " until " : "",
               get(one, "until"));
        if (get(one, "since")[0] != '\0') {
            printf("    since %s by %s: %s\n", get(one, "since"), get(one, "by"),
                   get(one, "reason"));
        }
    }
}

static enum cm_status status_of(const struct cm_node_data *data, const struct cm_cli_args *args,
                                struct cm_error *error)
{
    struct cm_buf text = {0};
    json_t *node = NULL;
    enum cm_status status = read_text(&text, data, error);
    if (status != CM_OK) {
        return status;
    }
    json_t *list = list_off(data, cm_buf_bytes(&text));
    bool runs = cm_node_ask(&node, data, "look", NULL) == CM_OK;
    json_t *why = json_object_get(json_object_get(node, "sharing"), "error");
    if (cm_cli_get(args, 'j') != NULL) {
        json_t *out = json_pack("{s:O, s:b, s:o}", "off", list, "node_runs", runs, "error",
                                json_is_string(why) ? json_incref(why) : json_null());
        json_dumpf(out, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(out);
    } else {
        print_off(list);
        if (!runs) {
            puts("the node does not run");
        } else if (json_is_string(why)) {
            cm_cli_say("the node does not understand it: %s", json_string_value(why));
        }
    }
    json_decref(node);
    json_decref(list);
    cm_buf_clear(&text);
    return CM_OK;
}

int cm_node_share(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_node_data data;
    struct cm_error error = {0};
    cm_cli_parse(&args, &usage, argc, argv);
    const char *word = args.words[0];
    bool off = strcmp(word, "off") == 0;
    bool shows = strcmp(word, "status") == 0;
    if (!off && !shows && strcmp(word, "on") != 0) {
        cm_cli_say("%s is neither off, on nor status", word);
        return CM_EXIT_USAGE;
    }
    if (!off && cm_cli_get(&args, 'u') != NULL) {
        cm_cli_say("--until goes with off alone");
        return CM_EXIT_USAGE;
    }
    int64_t began_ms = cm_mono_ms(cm_clock_system());
    enum cm_status status = cm_node_data_open(&data, &args, !shows, &error);
    if (status != CM_OK) {
        return cm_cli_fail(&error);
    }
    status = shows ? status_of(&data, &args, &error) : change(&data, &args, off, &error);
    bool counts = status == CM_OK && (shows || cm_node_tell(&data, began_ms));
    cm_node_data_close(&data);
    if (status != CM_OK) {
        cm_cli_error(&error);
    }
    return counts ? CM_EXIT_OK : CM_EXIT_FAILED;
}
