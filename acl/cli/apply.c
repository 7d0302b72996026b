#include "acl/cli/apply.h"

#include "acl/bundle/bundle.h"
#include "acl/cli/judged.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/trust/identity.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_CAP = 16 * 1024 * 1024 };

static const struct argp_option options[] = {
    {"key", 'k', "FILE", 0, "Your administrator's key", 0},
    {"chain", 'c', "FILE", 0, "Your certificate and your agency's CA", 0},
    {"directory", 'd', "FILE", 0, "The signed directory", 0},
    {"packs", 'p', "DIR", 0, "Where statute packs lie", 0},
    {"node-data", 'n', "DIR", 0, "The node's data folder: follows its rules, hands it the new", 0},
    {"previous", 'P', "FILE", 0, "The signed set that counts now, instead of the node's", 0},
    {"out", 'o', "FILE", 0, "Write the signed set here instead of to the node", 0},
    {"cosign", 's', "FILE", 0, "Add your signature to a set that another one signed", 0},
    {"passphrase-file", 'F', "FILE", 0, "Your key's passphrase", 0},
    {"yes", 'y', NULL, 0, "Do not ask", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "[FILE]",
    .about = "Sign a rule file, with all that it includes, as the rules that count from now on.\v"
             "A rule file on disk is a proposal. Where the directory asks for two administrators, "
             "the first writes the set with --out, the second signs it with --cosign.",
    .required = "kcd",
    .most_words = 1,
};

struct apply {
    const struct cm_cli_args *args;
    struct cm_arena *arena;
    struct cm_signer *signer;
    struct cm_identity administrator;
    struct cm_judged judged;
    struct cm_buf envelope;
    char out[PATH_MAX];
};

static enum cm_status load_signer(struct apply *apply, struct cm_error *error)
{
    const char *key = cm_cli_get(apply->args, 'k');
    const char *chain = cm_cli_get(apply->args, 'c');
    const char *file = cm_cli_get(apply->args, 'F');
    char passphrase[CM_MAX_PASSPHRASE];
    enum cm_status status = CM_UNAUTHENTICATED;
    if (file == NULL) {
        status = cm_signer_load(&apply->signer, key, chain, NULL, error);
    }
    if (status == CM_UNAUTHENTICATED) {
        status = cm_cli_passphrase(passphrase, file, "Passphrase of your key: ", false, error);
        if (status == CM_OK) {
            status = cm_signer_load(&apply->signer, key, chain, passphrase, error);
        }
        cm_wipe(passphrase, sizeof passphrase);
    }
    if (status == CM_OK) {
        status = cm_identity_parse(&apply->administrator,
                                   cm_bytes_of(cm_signer_spiffe(apply->signer)), error);
    }
    if (status == CM_OK && apply->administrator.role != CM_ROLE_ADMIN) {
        status = cm_fail(error, CM_FORBIDDEN, chain, "only an administrator signs rules");
    }
    return status;
}

// The set that counts now: the one named, the node's, or none yet.
static enum cm_status read_previous(struct apply *apply, struct cm_ruleset *set,
                                    struct cm_digest *digest, bool *found, struct cm_error *error)
{
    char path[PATH_MAX];
    struct cm_buf file = {0};
    struct cm_bytes bytes;
    struct cm_envelope envelope = {.family = CM_FAMILY_NONE};
    const char *named = cm_cli_get(apply->args, 'P');
    const char *data = cm_cli_get(apply->args, 'n');
    *found = false;
    if (named == NULL && data == NULL) {
        return CM_OK;
    }
    if (named != NULL) {
        snprintf(path, sizeof path, "%s", named);
    } else {
        snprintf(path, sizeof path, "%s/rules/%s.ruleset", data, apply->administrator.agency);
    }
    enum cm_status status = cm_file_read(&file, path, 2 * CM_MAX_RULESET, error);
    if (status == CM_NOT_FOUND && named == NULL) {
        return CM_OK;
    }
    if (status == CM_OK) {
        status = cm_arena_bytes(apply->arena, &bytes, cm_buf_bytes(&file));
    }
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, apply->arena, bytes, error);
    }
    if (status == CM_OK && envelope.family != CM_FAMILY_RULESET) {
        status = cm_fail(error, CM_INVALID, path, "is not a signed rule set");
    }
    if (status == CM_OK) {
        cm_sha256_of(digest, envelope.payload);
        status = cm_ruleset_decode(set, apply->arena, envelope.payload, error);
        *found = status == CM_OK;
    }
    cm_buf_clear(&file);
    return status;
}

static enum cm_status check_proposal(struct apply *apply, struct cm_error *error)
{
    const struct cm_judged *judged = &apply->judged;
    cm_judged_print(judged);
    if (judged->rules == NULL) {
        return cm_fail(error, CM_INVALID, apply->args->words[0], "has errors: nothing was signed");
    }
    if (judged->directory.serial == 0) {
        return cm_fail(error, CM_INVALID, "--directory", "must be the signed directory");
    }
    if (strcmp(cm_rules_node(judged->rules), apply->administrator.agency) != 0) {
        return cm_fail(error, CM_FORBIDDEN, apply->args->words[0],
                       "is for %s, you are an administrator of %s", cm_rules_node(judged->rules),
                       apply->administrator.agency);
    }
    return CM_OK;
}

static bool confirmed(const struct apply *apply, const struct cm_ruleset *set)
{
    char answer[8] = "";
    printf("rule set %" PRIu64 " of %s, judged by directory %" PRIu64 ", %zu file%s\n",
           set->sequence, set->agency, set->directory_serial, set->file_count,
           set->file_count == 1 ? "" : "s");
    if (cm_cli_get(apply->args, 'y') != NULL) {
        return true;
    }
    return cm_cli_prompt(answer, sizeof answer, "Sign it? [y/N] ", NULL) == CM_OK &&
           (answer[0] == 'y' || answer[0] == 'Y');
}

static enum cm_status sign_new(struct apply *apply, struct cm_error *error)
{
    struct cm_ruleset previous;
    struct cm_digest digest = {{0}};
    struct cm_buf payload = {0};
    bool found;
    enum cm_status status =
        cm_judged_load(&apply->judged, apply->args->words[0], cm_cli_get(apply->args, 'd'),
                       cm_cli_get(apply->args, 'p'), error);
    if (status == CM_OK) {
        status = check_proposal(apply, error);
    }
    if (status == CM_OK) {
        status = read_previous(apply, &previous, &digest, &found, error);
    }
    if (status != CM_OK) {
        return status;
    }
    const struct cm_ruleset set = {
        .federation = apply->administrator.federation,
        .agency = apply->administrator.agency,
        .sequence = found ? previous.sequence + 1 : 1,
        .previous = digest,
        .directory_serial = apply->judged.directory.serial,
        .signed_ms = cm_wall_ms(cm_clock_system()),
        .language = CM_RULE_LANGUAGE,
        .main = apply->judged.files.main,
        .file_count = apply->judged.files.count,
        .files = apply->judged.files.list,
    };
    if (!confirmed(apply, &set)) {
        return cm_fail(error, CM_CANCELLED, apply->args->words[0], "nothing was signed");
    }
    status = cm_ruleset_encode(&payload, &set, error);
    if (status == CM_OK) {
        status = cm_dsse_sign(&apply->envelope, CM_FAMILY_RULESET, cm_buf_bytes(&payload),
                              apply->signer, true);
    }
    cm_buf_clear(&payload);
    return status;
}

// What another one signed must be of this agency and without errors; then its text is safe to show,
// too: the language allows no control characters.
static enum cm_status check_signed(struct apply *apply, const struct cm_ruleset *set,
                                   const char *path, struct cm_error *error)
{
    struct cm_judged *judged = &apply->judged;
    if (strcmp(set->agency, apply->administrator.agency) != 0 ||
        strcmp(set->federation, apply->administrator.federation) != 0) {
        return cm_fail(error, CM_FORBIDDEN, path, "is for %s, you are an administrator of %s",
                       set->agency, apply->administrator.agency);
    }
    enum cm_status status = cm_judged_set(judged, set, cm_cli_get(apply->args, 'd'), error);
    if (status != CM_OK) {
        return status;
    }
    cm_judged_print(judged);
    return judged->rules != NULL
               ? CM_OK
               : cm_fail(error, CM_INVALID, path, "has errors: nothing was signed");
}

static enum cm_status sign_again(struct apply *apply, const char *path, struct cm_error *error)
{
    struct cm_buf file = {0};
    struct cm_envelope envelope = {.family = CM_FAMILY_NONE};
    struct cm_ruleset set;
    enum cm_status status = cm_file_read(&file, path, 2 * CM_MAX_RULESET, error);
    if (status == CM_OK) {
        status = cm_envelope_decode(&envelope, apply->arena, cm_buf_bytes(&file), error);
    }
    if (status == CM_OK &&
        (envelope.family != CM_FAMILY_RULESET || envelope.signature_count != 1)) {
        status = cm_fail(error, CM_INVALID, path, "is no rule set with one signature");
    }
    if (status == CM_OK &&
        cm_digest_equal(&envelope.signatures[0].keyid, cm_signer_key_hash(apply->signer))) {
        status = cm_fail(error, CM_FORBIDDEN, path, "you signed it already: another one must");
    }
    if (status == CM_OK) {
        status = cm_ruleset_decode(&set, apply->arena, envelope.payload, error);
    }
    if (status == CM_OK) {
        status = check_signed(apply, &set, path, error);
    }
    if (status == CM_OK) {
        for (size_t i = 0; i < set.file_count; i++) {
            printf("== %s\n%.*s", set.files[i].path, (int)set.files[i].text.len,
                   (const char *)set.files[i].text.data);
        }
        status = confirmed(apply, &set) ? cm_dsse_cosign(&apply->envelope, &envelope, apply->signer)
                                        : cm_fail(error, CM_CANCELLED, path, "nothing was signed");
    }
    cm_buf_clear(&file);
    return status;
}

static enum cm_status hand_over(struct apply *apply, struct cm_error *error)
{
    const char *out = cm_cli_get(apply->args, 'o');
    const char *data = cm_cli_get(apply->args, 'n');
    if (out != NULL) {
        snprintf(apply->out, sizeof apply->out, "%s", out);
    } else {
        snprintf(apply->out, sizeof apply->out, "%s/rules/%s.next", data,
                 apply->administrator.agency);
    }
    // The node reads it as another user; it holds rules and a signature, no secret.
    return cm_file_write(apply->out, cm_buf_bytes(&apply->envelope), 0644, error);
}

int cm_acl_apply(int argc, char **argv)
{
    static struct cm_cli_args args;
    static struct apply apply;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    const char *cosign = cm_cli_get(&args, 's');
    if ((cosign == NULL) == (args.word_count == 0) ||
        (cm_cli_get(&args, 'o') == NULL && cm_cli_get(&args, 'n') == NULL)) {
        cm_cli_say("give FILE or --cosign, and --node-data or --out");
        return CM_EXIT_USAGE;
    }
    apply = (struct apply){.args = &args, .arena = cm_arena_new(ARENA_CAP)};
    enum cm_status status = apply.arena == NULL ? cm_fail(&error, CM_MEMORY, "", "out of memory")
                                                : load_signer(&apply, &error);
    if (status == CM_OK) {
        status = cosign != NULL ? sign_again(&apply, cosign, &error) : sign_new(&apply, &error);
    }
    if (status == CM_OK) {
        status = hand_over(&apply, &error);
    }
    if (status == CM_OK) {
        printf("signed: %s\n", apply.out);
    } else {
        cm_cli_error(&error);
    }
    cm_judged_clear(&apply.judged);
    cm_signer_unref(apply.signer);
    cm_buf_clear(&apply.envelope);
    cm_arena_free(apply.arena);
    return status == CM_OK ? CM_EXIT_OK : CM_EXIT_FAILED;
}
