// What lies ready at the desk and need not be said again: the case that is kept, and a supervisor's
// approval in the shared folder. What is taken is said. Main thread.
#ifndef CM_CLIENT_DESK_H
#define CM_CLIENT_DESK_H

#include "gateway/client/asking.h"

// Before the question is completed. What is wrong with the kept case is said, and it is left alone.
void cm_desk_recall(struct cm_asking *asking, const struct cm_settings *settings);
// Once the question is complete but for its gateway: unless it has one, looks for an approval of
// this very query. What the approval borrows is of the asking's arena.
void cm_desk_approval(struct cm_asking *asking, const struct cm_settings *settings,
                      struct cm_trust *trust);

#endif
