#include "proto/base/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 4096 };

struct value {
    char *section;
    char *key;
    char *text;
};

struct cm_config {
    char *path;
    const struct cm_config_key *keys;
    struct cm_error *error;
    enum cm_status status;
    size_t count;
    struct value values[MAX_VALUES];
};

static bool known(const struct cm_config *config, const char *section, const char *key)
{
    for (const struct cm_config_key *k = config->keys; k->section != NULL; k++) {
        if (strcmp(k->section, section) == 0 && strcmp(k->key, key) == 0) {
            return true;
        }
    }
    return false;
}

// inih tells the line only afterwards, as its result.
static int reject(struct cm_config *config, const char *what, const char *section, const char *key)
{
    config->status =
        cm_fail(config->error, CM_INVALID, config->path, "%s \"%s\" in [%s]", what, key, section);
    return 0;
}

static int take(void *user, const char *section, const char *key, const char *text)
{
    struct cm_config *config = user;
    if (config->status != CM_OK) {
        return 0;
    }
    if (!known(config, section, key)) {
        return reject(config, "unknown key", section, key);
    }
    if (config->count == MAX_VALUES) {
        return reject(config, "too many keys before", section, key);
    }
    struct value *value = &config->values[config->count];
    *value = (struct value){strdup(section), strdup(key), strdup(text)};
    config->count++;
    if (value->section == NULL || value->key == NULL || value->text == NULL) {
        return reject(config, "out of memory at", section, key);
    }
    return 1;
}

static enum cm_status check_required(struct cm_config *config)
{
    for (const struct cm_config_key *k = config->keys; k->section != NULL; k++) {
        if (k->required && cm_config_get(config, k->section, k->key, NULL) == NULL) {
            return cm_fail(config->error, CM_INVALID, config->path, "\"%s\" in [%s] is missing",
                           k->key, k->section);
        }
    }
    return CM_OK;
}

enum cm_status cm_config_load(struct cm_config **out, const char *path,
                              const struct cm_config_key *keys, struct cm_error *error)
{
    struct cm_config *config = calloc(1, sizeof *config);
    if (config == NULL || (config->path = strdup(path)) == NULL) {
        free(config);
        return cm_fail(error, CM_MEMORY, path, "out of memory");
    }
    config->keys = keys;
    config->error = error;
    int line = ini_parse(path, take, config);
    enum cm_status status = config->status;
    if (line == -1) {
        status = cm_fail(error, errno == ENOENT ? CM_NOT_FOUND : CM_IO, path, "cannot open: %s",
                         strerror(errno));
    } else if (line != 0 && status == CM_OK) {
        status =
            cm_fail(error, CM_INVALID, path, "not a [section], a \"key = value\" or a comment");
    } else if (status == CM_OK) {
        status = check_required(config);
    }
    if (line > 0 && error != NULL) {
        snprintf(error->where, sizeof error->where, "%.80s:%d", path, line);
    }
    config->error = NULL;
    config->keys = NULL;
    if (status != CM_OK) {
        cm_config_free(config);
        return status;
    }
    *out = config;
    return CM_OK;
}

void cm_config_free(struct cm_config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->count; i++) {
        free(config->values[i].section);
        free(config->values[i].key);
        free(config->values[i].text);
    }
    free(config->path);
    free(config);
}

const char *cm_config_nth(const struct cm_config *config, const char *section, const char *key,
                          size_t index)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct value *value = &config->values[i];
        if (strcmp(value->section, section) == 0 && strcmp(value->key, key) == 0 && index-- == 0) {
            return value->text;
        }
    }
    return NULL;
}

const char *cm_config_get(const struct cm_config *config, const char *section, const char *key,
                          const char *fallback)
{
    const char *text = cm_config_nth(config, section, key, 0);
    return text != NULL ? text : fallback;
}

enum cm_status cm_config_number(long long *out, const struct cm_config *config, const char *section,
                                const char *key, long long fallback, long long least,
                                long long most, struct cm_error *error)
{
    const char *text = cm_config_get(config, section, key, NULL);
    if (text == NULL) {
        *out = fallback;
        return CM_OK;
    }
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < least || number > most) {
        return cm_fail(error, CM_INVALID, config->path,
                       "\"%s\" in [%s] must be a whole number from %lld to %lld", key, section,
                       least, most);
    }
    *out = number;
    return CM_OK;
}
