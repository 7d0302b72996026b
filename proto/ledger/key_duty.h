// A daemon's duty to its ledger's day keys: those of today and tomorrow are there before they are
// needed, those past `[audit] keep` are destroyed. Loop thread; what blocks runs on a worker.
#ifndef CM_LEDGER_KEY_DUTY_H
#define CM_LEDGER_KEY_DUTY_H

#include "proto/base/workers.h"
#include "proto/ledger/day_keys.h"

#define CM_AUDIT_KEEP_DEFAULT "2y"

// "2y" or "400d", a year as 366 days; at least a day, at most 100 years. CM_INVALID names keep.
enum cm_status cm_audit_keep_parse(uint32_t *days, const char *text,
                                   struct cm_error *error) CM_MUST_CHECK;

struct cm_key_duty {
    struct cm_day_keys *keys; // borrowed, as context
    uint32_t keep_days;
    enum cm_status (*submit)(void *context, struct cm_job *job);
    // Days before that one were destroyed; what: in words for the ledger. Not called for none.
    void (*erased)(void *context, uint32_t before_day, const char *what);
    void *context;
    // private
    uint32_t asked_before; // what an administrator wants erased
    int64_t again_ms;      // wall clock: when to look next
    uint32_t day;          // looked at last
    bool busy;
    int64_t now_ms;
    uint32_t erase_before;
    size_t count;
    enum cm_status status;
    struct cm_error error;
    struct cm_job job;
};

// At start: what keeps records less long, or less safe, than it should is logged.
void cm_key_duty_warn(const struct cm_key_duty *duty);
// Often; does something when a day began or the last time failed. may_erase: the clock is believed.
void cm_key_duty_look(struct cm_key_duty *duty, int64_t now_ms, bool may_erase);
// At the next look, whatever `keep` says.
void cm_key_duty_erase(struct cm_key_duty *duty, uint32_t before_day);

#endif
