// What an administrator's rule file says beside the set that was signed: what it takes away, which
// counts at once, and what it gives, which waits for a signature. Blocking; any thread.
#ifndef CM_NODES_EDITS_H
#define CM_NODES_EDITS_H

#include "acl/bundle/standing.h"

enum cm_edits_state {
    CM_EDITS_NONE = 0, // no file is watched
    CM_EDITS_COUNT,    // what the files say counts
    CM_EDITS_WAIT,     // something waits for an administrator's signature
    CM_EDITS_BAD,      // an error: they don't count, and what did goes on
};

struct cm_edits_source {
    const char *file;                     // NULL: none
    const char *packs;                    // folder of statute packs
    const char *agency;                   // this node's
    const struct cm_standing *standing;   // NULL: nothing was signed yet
    const struct cm_directory *directory; // the current one
    struct cm_bytes withheld; // what edits took away since that very set was signed: stays away
    const struct cm_digest *known; // files that need no look: they were judged so; or NULL
    int64_t now_ms;
};

struct cm_edits {
    enum cm_edits_state state;
    bool same;              // as known: nothing else is said
    struct cm_digest files; // of all their names and texts
    struct cm_buf narrowed; // the overlay's text, empty when nothing is withheld; unless BAD
    bool hides_more;        // narrowed hides more than the files do, for want of words
    char where[160];        // BAD: the place
    char text[512];         // BAD: what is wrong; WAIT: what waits
};

const char *cm_edits_state_name(enum cm_edits_state state);
// Never more than the signed set shows, nor than the files show: narrowed is the difference.
void cm_edits_judge(struct cm_edits *out, const struct cm_edits_source *source);
void cm_edits_clear(struct cm_edits *edits);

#endif
