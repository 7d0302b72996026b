// The files that a rule file needs: itself, what it includes from its own folder, statute packs
// from theirs. Read whole at once; blocking, any thread.
#ifndef CM_ACL_FILES_H
#define CM_ACL_FILES_H

#include "acl/rules.h"

// Where the directory lies when no option says so; CM_ACL_PACKS, from the build, for the packs.
#define CM_ACL_DIRECTORY "/etc/comity/directory.bundle"
// What the options --directory and --packs say of themselves.
#define CM_ACL_DIRECTORY_HELP "The signed directory, or its JSON (" CM_ACL_DIRECTORY ")"
#define CM_ACL_PACKS_HELP     "Where statute packs lie (" CM_ACL_PACKS ")"

struct cm_acl_files {
    struct cm_arena *arena; // holds all that follows
    const char *main;
    size_t count;
    struct cm_rule_file list[CM_MAX_RULE_FILES]; // ascending by path
};

// packs: the folder of statute packs, where "us-ca" is the file us-ca.rules. A file that an include
// names but that isn't there is left out: the compiler reports it at its place.
enum cm_status cm_acl_files_read(struct cm_acl_files *out, const char *path, const char *packs,
                                 struct cm_error *error) CM_MUST_CHECK;
// As if the main file included that pack too; unchanged when it does. CM_NOT_FOUND: there is none.
enum cm_status cm_acl_files_include(struct cm_acl_files *files, const char *pack, const char *packs,
                                    struct cm_error *error) CM_MUST_CHECK;
void cm_acl_files_clear(struct cm_acl_files *files);

#endif
