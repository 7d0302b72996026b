#include "proto/base/ini.h"

static enum cm_status read_numbers(const struct cm_config *config, const struct cm_ini *ini,
                                   struct cm_error *error)
{
    for (size_t i = 0; i < ini->number_count; i++) {
        const struct cm_ini_number *number = &ini->numbers[i];
        long long value;
        const enum cm_status status =
            cm_config_number(&value, config, number->section, number->key, number->fallback,
                             number->least, number->most, error);
        if (status) {
            return status;
        }
        *number->out = (unsigned)value;
    }
    return CM_OK;
}

enum cm_status cm_ini_load(struct cm_config **out, const char *path, const struct cm_ini *ini,
                           struct cm_error *error)
{
    struct cm_config_key keys[CM_MAX_SETTINGS + 1] = {{NULL, NULL, false}};
    *out = NULL;
    if (ini->text_count + ini->number_count > CM_MAX_SETTINGS) {
        return cm_fail(error, CM_INTERNAL, path, "more than %d settings", CM_MAX_SETTINGS);
    }
    for (size_t i = 0; i < ini->text_count; i++) {
        keys[i] = (struct cm_config_key){ini->texts[i].section, ini->texts[i].key,
                                         ini->texts[i].required};
    }
    for (size_t i = 0; i < ini->number_count; i++) {
        keys[ini->text_count + i] =
            (struct cm_config_key){ini->numbers[i].section, ini->numbers[i].key, false};
    }
    enum cm_status status = cm_config_load(out, path, keys, error);
    if (status) {
        return status;
    }
    status = read_numbers(*out, ini, error);
    if (status) {
        cm_config_free(*out);
        *out = NULL;
        return status;
    }
    for (size_t i = 0; i < ini->text_count; i++) {
        const struct cm_ini_text *text = &ini->texts[i];
        if (text->out) {
            *text->out = cm_config_get(*out, text->section, text->key, NULL);
        }
    }
    return CM_OK;
}
