// One line an event on standard error: RFC 3339 time (UTC), level, event, key=value pairs. Any
// thread. Never give it a plate, a reason, a case number or a personal name (I8); tests grep for
// planted ones.
#ifndef CM_BASE_LOG_H
#define CM_BASE_LOG_H

#include "proto/base/status.h"

enum cm_log_level { CM_LOG_DEBUG = 1, CM_LOG_INFO, CM_LOG_WARNING, CM_LOG_ERROR };

// Lines below level are dropped. Default: info.
void cm_log_set_level(enum cm_log_level level);

// event: words joined by '-'. format: "key=%s other=%d", or NULL. Control characters come out
// escaped.
void cm_log(enum cm_log_level level, const char *event, const char *format, ...) CM_PRINTF(3, 4);

#endif
