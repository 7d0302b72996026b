// An INI file (inih) read once into memory: sections, keys, repeated keys as lists.
// Unknown keys are errors, with file and line.
#ifndef CM_BASE_CONFIG_H
#define CM_BASE_CONFIG_H

#include "proto/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct cm_config;

// One accepted key; the table ends with a NULL section.
struct cm_config_key {
    const char *section;
    const char *key;
    bool required;
};

enum cm_status cm_config_load(struct cm_config **out, const char *path,
                              const struct cm_config_key *keys,
                              struct cm_error *error) CM_MUST_CHECK;
void cm_config_free(struct cm_config *config);
// The value, or fallback when unset. Borrowed from config.
const char *cm_config_get(const struct cm_config *config, const char *section, const char *key,
                          const char *fallback);
// The index-th value of a repeated key, NULL past the last.
const char *cm_config_nth(const struct cm_config *config, const char *section, const char *key,
                          size_t index);
// A whole number in [least, most]; CM_INVALID names file, section and key.
enum cm_status cm_config_number(long long *out, const struct cm_config *config, const char *section,
                                const char *key, long long fallback, long long least,
                                long long most, struct cm_error *error) CM_MUST_CHECK;

#endif
