// A daemon's settings as tables: each key once, with where its value goes and within what bounds.
// Any thread.
#ifndef CM_BASE_INI_H
#define CM_BASE_INI_H

#include "proto/base/config.h"

enum { CM_MAX_SETTINGS = 64 };

struct cm_ini_text {
    const char *section, *key;
    bool required;
    const char **out; // borrowed from the configuration, NULL when unset. NULL: a repeated key, for
                      // cm_config_nth
};

// Whole numbers.
struct cm_ini_number {
    const char *section, *key;
    unsigned *out;
    unsigned fallback, least, most;
};

struct cm_ini {
    size_t text_count;
    const struct cm_ini_text *texts;
    size_t number_count; // with texts at most CM_MAX_SETTINGS
    const struct cm_ini_number *numbers;
};

// Reads path: other keys than those of ini, and numbers out of bounds, are CM_INVALID with file and
// key. On failure *out is NULL and no text is to be looked at.
enum cm_status cm_ini_load(struct cm_config **out, const char *path, const struct cm_ini *ini,
                           struct cm_error *error) CM_MUST_CHECK;

#endif
