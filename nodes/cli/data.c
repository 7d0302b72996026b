#include "nodes/cli/data.h"

#include "nodes/control.h"
#include "nodes/journal.h"
#include "proto/base/clock.h"
#include "proto/codec/bounds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TELL_MS = 2000, LOOK_EVERY_MS = 20 };

static char who[64]; // runs this command; before it goes on as the node's user

static void find_who(void)
{
    const char *name = getenv("SUDO_USER");
    const struct passwd *entry = getpwuid(getuid());
    snprintf(who, sizeof who, "%s%s%s", entry ? entry->pw_name : "?", name ? " for " : "",
             name ? name : "");
}

static enum cm_status take_lock(struct cm_node_data *data, struct cm_error *error)
{
    data->lock = open(data->rules, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data->lock >= 0 && flock(data->lock, LOCK_EX) == 0 && access(data->rules, W_OK) == 0) {
        return CM_OK;
    }
    cm_fail(error, CM_FORBIDDEN, data->rules, "can't be written: %s", strerror(errno));
    cm_error_hint(error, "run this as the node's user or root, after the node ran once");
    return CM_FORBIDDEN;
}

enum cm_status cm_node_data_open(struct cm_node_data *out, const struct cm_cli_args *args,
                                 bool lock, struct cm_error *error)
{
    const char *path = cm_cli_get(args, 'c');
    *out = (struct cm_node_data){.lock = -1};
    enum cm_status status =
        cm_noded_config_load(&out->config, path != NULL ? path : "/etc/comity/noded.ini", error);
    if (status != CM_OK) {
        return status;
    }
    int len = snprintf(out->rules, sizeof out->rules, "%s/rules", out->config.data);
    if (len < 0 || (size_t)len >= sizeof out->rules) {
        status = cm_fail(error, CM_INVALID, "node.data", "the path is too long");
    }
    if (status == CM_OK) {
        find_who();
        status = cm_cli_become_owner(out->config.data, error);
    }
    if (status == CM_OK && lock) {
        status = take_lock(out, error);
    }
    if (status != CM_OK) {
        cm_node_data_close(out);
    }
    return status;
}

void cm_node_data_close(struct cm_node_data *data)
{
    if (data->lock >= 0) {
        close(data->lock);
    }
    cm_noded_config_clear(&data->config);
    data->lock = -1;
}

enum cm_status cm_node_reason(char out[513], const struct cm_cli_args *args, struct cm_error *error)
{
    const char *given = cm_cli_get(args, 'r');
    enum cm_status status = CM_OK;
    if (given == NULL) {
        status = cm_cli_prompt(out, 513, "Reason: ", error);
    } else if (snprintf(out, 513, "%s", given) > CM_MAX_REASON) {
        status = cm_fail(error, CM_INVALID, "--reason", "is longer than %d bytes", CM_MAX_REASON);
    }
    if (status == CM_UNAVAILABLE || (status == CM_OK && strspn(out, " \t") == strlen(out))) {
        status = cm_fail(error, CM_INVALID, "--reason", "say why: it is recorded");
    }
    return status;
}

enum cm_status cm_node_say(const struct cm_node_data *data, const char *what, const char *reason,
                           struct cm_error *error)
{
    return cm_journal_add(data->rules, what, who, reason, cm_wall_ms(cm_clock_system()), error);
}

enum cm_status cm_node_ask(json_t **out, const struct cm_node_data *data, const char *word,
                           struct cm_error *error)
{
    struct cm_buf answer = {.max = CM_MAX_CONTROL};
    *out = NULL;
    enum cm_status status = cm_control_ask(&answer, data->config.data, word, error);
    if (status == CM_OK) {
        *out = json_loadb((const char *)answer.data, answer.len, JSON_REJECT_DUPLICATES, NULL);
        status =
            *out != NULL ? CM_OK : cm_fail(error, CM_INVALID, "node", "its answer can't be read");
    }
    cm_buf_clear(&answer);
    return status;
}

// Which gateways know what counts. False: one that is attached doesn't yet.
static bool count_told(const json_t *status, size_t *told, size_t *all)
{
    const json_t *list = json_object_get(status, "gateways");
    bool every = true;
    *told = 0;
    *all = json_array_size(list);
    for (size_t i = 0; i < *all; i++) {
        const json_t *gateway = json_array_get(list, i);
        bool one = json_is_true(json_object_get(gateway, "told"));
        *told += one;
        every = every && (one || json_is_false(json_object_get(gateway, "attached")));
    }
    return every;
}

// Why what was changed does not count, said; false when it does.
static bool say_why_not(const json_t *status)
{
    static const char *const parts[] = {"rules", "sharing"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const json_t *why = json_object_get(json_object_get(status, parts[i]), "error");
        if (json_is_string(why)) {
            cm_cli_say("the node runs, but can't do it: %s", json_string_value(why));
            return true;
        }
    }
    return false;
}

bool cm_node_tell(const struct cm_node_data *data, int64_t began_ms)
{
    const struct cm_clock *clock = cm_clock_system();
    struct cm_error error = {0};
    json_t *status = NULL;
    size_t told = 0;
    size_t all = 0;
    while (cm_node_ask(&status, data, "look", &error) == CM_OK) {
        bool every = count_told(status, &told, &all);
        bool failed = say_why_not(status);
        json_decref(status);
        if (failed) {
            return false;
        }
        int64_t took_ms = cm_mono_ms(clock) - began_ms;
        if (every || took_ms > TELL_MS) {
            printf("it counts now; %zu of %zu gateways know, after %lld ms\n", told, all,
                   (long long)took_ms);
            return true;
        }
        poll(NULL, 0, LOOK_EVERY_MS);
    }
    if (error.status != CM_UNAVAILABLE) {
        cm_cli_error(&error);
        return false;
    }
    puts("the node does not run: it counts as soon as it starts");
    return true;
}
