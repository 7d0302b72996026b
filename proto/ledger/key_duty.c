#include "proto/ledger/key_duty.h"

#include "proto/base/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { YEAR = 366, LAW_DAYS = 365, MOST_YEARS = 100, RETRY_MS = 60000 };

enum cm_status cm_audit_keep_parse(uint32_t *days, const char *text, struct cm_error *error)
{
    char *end = NULL;
    const bool digit = text[0] >= '0' && text[0] <= '9';
    const unsigned long number = digit ? strtoul(text, &end, 10) : 0;
    const bool years = digit && end[0] == 'y' && end[1] == '\0';
    const bool plain = digit && end[0] == 'd' && end[1] == '\0';
    const unsigned long most = years ? MOST_YEARS : MOST_YEARS * YEAR;
    if ((!years && !plain) || number == 0 || number > most) {
        cm_fail(error, CM_INVALID, "audit.keep", "\"%.32s\" is no time to keep records", text);
        cm_error_hint(error, "keep = 2y, or days: keep = 400d");
        return CM_INVALID;
    }
    *days = (uint32_t)(years ? number * YEAR : number);
    return CM_OK;
}

static struct cm_key_duty *of_job(struct cm_job *job)
{
    return CM_CONTAINER(job, struct cm_key_duty, job);
}

static void work(struct cm_job *job)
{
    struct cm_key_duty *duty = of_job(job);
    duty->count = 0;
    duty->status = cm_day_keys_prepare(duty->keys, duty->now_ms, &duty->error);
    if (!duty->status && duty->erase_before > 0) {
        duty->status =
            cm_day_keys_erase(duty->keys, duty->erase_before, &duty->count, &duty->error);
    }
}

static void tell(const struct cm_key_duty *duty)
{
    char day[CM_DAY_TEXT], what[96];
    cm_day_format(day, duty->erase_before);
    snprintf(what, sizeof what, "access records before %s erased, keys: %zu", day, duty->count);
    cm_log(CM_LOG_INFO, "access-records-erased", "before=%s keys=%zu", day, duty->count);
    duty->erased(duty->context, duty->erase_before, what);
}

static void done(struct cm_job *job)
{
    struct cm_key_duty *duty = of_job(job);
    duty->busy = false;
    if (duty->status) {
        cm_log(CM_LOG_ERROR, "day-keys", "status=%s where=%s error=\"%s\"",
               cm_status_name(duty->status), duty->error.where, duty->error.text);
        duty->again_ms = duty->now_ms + RETRY_MS;
    } else if (duty->asked_before <= duty->erase_before) {
        duty->asked_before = 0;
    }
    if (duty->count > 0) {
        tell(duty);
    }
}

void cm_key_duty_warn(const struct cm_key_duty *duty)
{
    if (duty->keep_days < LAW_DAYS) {
        cm_log(CM_LOG_WARNING, "audit-keep-short",
               "days=%u why=\"the law asks for a year or more\"", duty->keep_days);
    }
    if (!cm_day_keys_locked(duty->keys)) {
        cm_log(CM_LOG_WARNING, "day-keys-not-locked",
               "action=\"raise the limit of locked memory (LimitMEMLOCK), or encrypt the swap\"");
    }
}

void cm_key_duty_look(struct cm_key_duty *duty, int64_t now_ms, bool may_erase)
{
    const uint32_t day = cm_day_of(now_ms);
    // A longer wait is of a clock that was set back since.
    const bool waits = duty->again_ms > now_ms && duty->again_ms - now_ms <= RETRY_MS;
    const bool again = duty->again_ms > 0 && !waits;
    const bool asked = duty->asked_before > 0 && may_erase && !waits;
    if (duty->busy || (day == duty->day && !again && !asked)) {
        return;
    }
    uint32_t before = day > duty->keep_days ? day - duty->keep_days : 0;
    before = before < duty->asked_before ? duty->asked_before : before;
    duty->erase_before = may_erase ? before : 0;
    duty->now_ms = now_ms;
    duty->job = (struct cm_job){.work = work, .done = done};
    duty->busy = duty->submit(duty->context, &duty->job) == CM_OK;
    if (duty->busy) {
        duty->day = day;
        duty->again_ms = may_erase ? 0 : now_ms + RETRY_MS;
    }
}

void cm_key_duty_erase(struct cm_key_duty *duty, uint32_t before_day)
{
    if (before_day > duty->asked_before) {
        duty->asked_before = before_day;
    }
}
