// What the investigator asks: options, prompts for what is missing, and the query made of it.
// Main thread only.
#ifndef CM_CLIENT_ASKING_H
#define CM_CLIENT_ASKING_H

#include "gateway/client/printer.h"
#include "gateway/client/settings.h"
#include "proto/base/cli_args.h"

struct cm_asking {
    bool is_reach;
    struct cm_query query; // but for its ids, times, gateway and signer
    char plate[CM_MAX_PLATE + 1];
    char reason[CM_MAX_REASON + 1];
    char case_number[CM_MAX_CASE + 1];
    char purpose[CM_MAX_ID + 1];
    size_t agency_count;
    const char *agencies[CM_MAX_AGENCIES_NAMED];
    enum cm_format format;
    bool quiet;             // no progress
    bool accounts;          // each agency's at the end
    bool keeps;             // the answer, for a receipt
    const char *batch_file; // plates, one a line, instead of plate; NULL: none
    const char *config_file;
    const char *passphrase_file;
    struct cm_arena *arena; // what query borrows beyond this struct
};

// Parses the command line (exits with CM_EXIT_USAGE on wrong usage) and takes plate and reason out
// of it, so that they leave the process list.
enum cm_status cm_asking_parse(struct cm_asking *out, bool is_reach, int argc, char **argv,
                               struct cm_error *error) CM_MUST_CHECK;
// The same from what was read already; options it doesn't know stay unlooked at.
enum cm_status cm_asking_take(struct cm_asking *out, bool is_reach, const struct cm_cli_args *args,
                              struct cm_error *error) CM_MUST_CHECK;
// Prompts for what is missing and checks all that can be checked here: purpose, case number,
// reason, agencies.
enum cm_status cm_asking_complete(struct cm_asking *asking, const struct cm_settings *settings,
                                  const struct cm_directory *directory,
                                  struct cm_error *error) CM_MUST_CHECK;
// The same of purpose, case number and reason alone.
enum cm_status cm_asking_complete_case(struct cm_asking *asking, const struct cm_settings *settings,
                                       const struct cm_directory *directory,
                                       struct cm_error *error) CM_MUST_CHECK;
// A signed envelope with a new query id for that gateway; digest of its payload.
enum cm_status cm_asking_sign(const struct cm_asking *asking, struct cm_buf *envelope,
                              struct cm_digest *digest, const struct cm_settings *settings,
                              const struct cm_directory *directory, const char *gateway,
                              struct cm_error *error) CM_MUST_CHECK;
void cm_asking_clear(struct cm_asking *asking);

#endif
