// One message of an answer, from `accepted` on, to the book's function for it: the same for an
// answer that comes in and for one that was kept. One thread.
#ifndef CM_CLIENT_BOOK_TAKE_H
#define CM_CLIENT_BOOK_TAKE_H

#include "gateway/client/book.h"

// CM_INVALID for a message that has no place there.
enum cm_status cm_book_take(struct cm_book *book, const struct cm_lookup_response *response,
                            struct cm_error *error) CM_MUST_CHECK;

#endif
