#include "acl/cli/apply.h"

#include "acl/bundle/bundle.h"
#include "acl/bundle/signers.h"
#include "acl/cli/diagnostics_json.h"
#include "acl/cli/judged.h"
#include "acl/cli/preview.h"
#include "acl/cli/state.h"
#include "acl/cli/state_pack.h"
#include "acl/cli/test.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/trust/identity.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_CAP = 16 * 1024 * 1024, MAX_ROOT = 64 * 1024 };

static const struct argp_option options[] = {
    {"key", 'k', "FILE", 0, "Your administrator's key", 0},
    {"chain", 'c', "FILE", 0, "Your certificate and your agency's CA", 0},
    {"directory", 'd', "FILE", 0, "The signed directory", 0},
    {"root", 'r', "FILE", 0, "The federation's root certificate: all that is read must hold by it",
     0},
    {"packs", 'p', "DIR", 0, CM_ACL_PACKS_HELP, 0},
    {"node-data", 'n', "DIR", 0, "The node's data folder: follows its rules, hands it the new", 0},
    {"previous", 'P', "FILE", 0, "The signed set that counts now, instead of the node's", 0},
    {"out", 'o', "FILE", 0, "Write the signed set here instead of to the node", 0},
    {"cosign", 's', "FILE", 0, "Add your signature to a set that another one signed", 0},
    {"passphrase-file", 'F', "FILE", 0, "Your key's passphrase", 0},
    {"yes", 'y', NULL, 0, "Do not ask", 0},
    {"json", 'j', NULL, 0, "An object for programs; what people read goes to standard error", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "[FILE]",
    .about = "Sign a rule file, with all that it includes, as the rules that count from now on.\v"
             "A rule file on disk is a proposal. Where the directory asks for two administrators, "
             "the first writes the set with --out, the second signs it with --cosign.",
    .required = "kcdr",
    .most_words = 1,
};

struct apply {
    const struct cm_cli_args *args;
    struct cm_arena *arena;
    struct cm_signer *signer;
    struct cm_identity administrator;
    struct cm_trust *trust;
    struct cm_judged judged;
    struct cm_rules *counts; // NULL: none yet, or it no longer stands
    struct cm_buf envelope;
    struct cm_digest digest; // of what was signed
    uint64_t sequence;
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

static enum cm_status load_trust(struct apply *apply, struct cm_error *error)
{
    const char *path = cm_cli_get(apply->args, 'd');
    struct cm_buf root = {0};
    struct cm_buf bundle = {0};
    enum cm_status status = cm_file_read(&root, cm_cli_get(apply->args, 'r'), MAX_ROOT, error);
    if (status == CM_OK) {
        status = cm_file_read(&bundle, path, CM_MAX_BUNDLE, error);
    }
    if (status == CM_OK) {
        status = cm_trust_new(&apply->trust, cm_buf_bytes(&root), cm_buf_bytes(&bundle), NULL,
                              cm_wall_ms(cm_clock_system()), error);
        if (status != CM_OK) {
            cm_error_hint(
                error, "%.80s must be the current signed directory, --root its federation's", path);
        }
    }
    cm_buf_clear(&root);
    cm_buf_clear(&bundle);
    return status;
}

// A rule set whose signatures are verified. envelope and set borrow from the arena.
static enum cm_status open_signed(struct apply *apply, struct cm_bytes bytes, const char *path,
                                  struct cm_envelope *envelope, struct cm_ruleset *set,
                                  struct cm_error *error)
{
    struct cm_bytes kept;
    enum cm_status status = cm_arena_bytes(apply->arena, &kept, bytes);
    if (status == CM_OK) {
        status = cm_envelope_decode(envelope, apply->arena, kept, error);
    }
    if (status == CM_OK && envelope->family != CM_FAMILY_RULESET) {
        return cm_fail(error, CM_INVALID, path, "is not a signed rule set");
    }
    if (status == CM_OK) {
        status = cm_ruleset_decode(set, apply->arena, envelope->payload, error);
    }
    return status == CM_OK ? cm_rules_signers(apply->trust, envelope, apply->administrator.agency,
                                              set->signed_ms, error)
                           : status;
}

static enum cm_status read_signed(struct apply *apply, const char *path,
                                  struct cm_envelope *envelope, struct cm_ruleset *set,
                                  struct cm_error *error)
{
    struct cm_buf file = {0};
    enum cm_status status = cm_file_read(&file, path, 2 * CM_MAX_RULESET, error);
    if (status == CM_OK) {
        status = open_signed(apply, cm_buf_bytes(&file), path, envelope, set, error);
        if (status != CM_OK) {
            cm_error_hint(error, "%.80s must be as an administrator of %.40s signed it", path,
                          apply->administrator.agency);
        }
    }
    cm_buf_clear(&file);
    return status;
}

// What the node accepted last, verified as the node does; its history tells also of a set that no
// longer stands.
static enum cm_status ask_node(struct apply *apply, uint64_t *sequence, struct cm_digest *digest,
                               struct cm_error *error)
{
    char folder[PATH_MAX];
    struct cm_bundle *bundle = NULL;
    snprintf(folder, sizeof folder, "%s/rules", cm_cli_get(apply->args, 'n'));
    enum cm_status status = cm_bundle_open(&bundle, apply->administrator.agency, folder,
                                           apply->trust, cm_wall_ms(cm_clock_system()), error);
    if (status != CM_OK) {
        cm_error_hint(error,
                      "the node's rules in %.80s were altered: restore them, find out who "
                      "did it",
                      folder);
        return status;
    }
    cm_bundle_last(bundle, sequence, digest);
    const struct cm_standing *standing = cm_bundle_standing(bundle);
    apply->counts = standing == NULL ? NULL : cm_rules_ref(standing->rules);
    cm_bundle_free(bundle);
    return CM_OK;
}

// The set that the new one follows: the one named, or the node's; sequence 0 for none yet.
static enum cm_status find_previous(struct apply *apply, uint64_t *sequence,
                                    struct cm_digest *digest, struct cm_error *error)
{
    struct cm_envelope envelope;
    struct cm_ruleset set;
    const char *named = cm_cli_get(apply->args, 'P');
    *sequence = 0;
    *digest = (struct cm_digest){{0}};
    if (named == NULL) {
        return cm_cli_get(apply->args, 'n') != NULL ? ask_node(apply, sequence, digest, error)
                                                    : CM_OK;
    }
    enum cm_status status = read_signed(apply, named, &envelope, &set, error);
    if (status == CM_OK && strcmp(set.agency, apply->administrator.agency) != 0) {
        status = cm_fail(error, CM_FORBIDDEN, named, "are rules of %s", set.agency);
    }
    if (status == CM_OK) {
        struct cm_acl_state state = {.set = set};
        cm_sha256_of(digest, envelope.payload);
        *sequence = set.sequence;
        status = cm_acl_set_compile(&state, cm_trust_directory(apply->trust), error);
        apply->counts = state.rules;
    }
    return status;
}

// Its errors and warnings, and whether what the administrator expects of it holds.
static enum cm_status check_proposal(struct apply *apply, struct cm_error *error)
{
    struct cm_judged *judged = &apply->judged;
    const char *path = apply->args->words[0];
    bool held = false;
    enum cm_status status = cm_state_pack_lint(judged, cm_cli_get(apply->args, 'p'), error);
    cm_judged_print(judged);
    if (judged->rules == NULL) {
        return cm_fail(error, CM_INVALID, path, "has errors: nothing was signed");
    }
    if (strcmp(cm_rules_node(judged->rules), apply->administrator.agency) != 0) {
        return cm_fail(error, CM_FORBIDDEN, path, "is for %s, you are an administrator of %s",
                       cm_rules_node(judged->rules), apply->administrator.agency);
    }
    if (status == CM_OK) {
        status = cm_acl_test_beside(&held, path, judged, error);
    }
    return status == CM_OK && !held
               ? cm_fail(error, CM_INVALID, path,
                         "is not as the expectations beside it say: nothing was signed")
               : status;
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
    const struct cm_directory *directory = cm_trust_directory(apply->trust);
    uint64_t previous;
    struct cm_digest digest;
    struct cm_buf payload = {0};
    enum cm_status status = cm_judged_by(&apply->judged, apply->args->words[0], directory,
                                         cm_cli_get(apply->args, 'p'), error);
    if (status == CM_OK) {
        status = check_proposal(apply, error);
    }
    if (status == CM_OK) {
        status = find_previous(apply, &previous, &digest, error);
    }
    if (status == CM_OK) {
        status = cm_preview_print(apply->counts, apply->judged.rules, directory, error);
    }
    if (status != CM_OK) {
        return status;
    }
    const struct cm_ruleset set = {
        .federation = apply->administrator.federation,
        .agency = apply->administrator.agency,
        .sequence = previous + 1,
        .previous = digest,
        .directory_serial = directory->serial,
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
    enum cm_status status = cm_judged_set(judged, set, cm_trust_directory(apply->trust), error);
    if (status != CM_OK) {
        return status;
    }
    cm_judged_print(judged);
    return judged->rules != NULL
               ? CM_OK
               : cm_fail(error, CM_INVALID, path, "has errors: nothing was signed");
}

// The second administrator sees the difference that the first one saw.
static enum cm_status show_again(struct apply *apply, const struct cm_ruleset *set,
                                 const char *path, struct cm_error *error)
{
    uint64_t sequence;
    struct cm_digest digest;
    enum cm_status status = find_previous(apply, &sequence, &digest, error);
    if (status == CM_OK &&
        (sequence + 1 != set->sequence || !cm_digest_equal(&digest, &set->previous))) {
        status = cm_fail(error, CM_STALE, path,
                         "is rule set %" PRIu64 ", to follow another than the %" PRIu64 " at hand",
                         set->sequence, sequence);
        cm_error_hint(error, "give the set that counts now by --node-data or --previous");
    }
    for (size_t i = 0; status == CM_OK && i < set->file_count; i++) {
        printf("== %s\n%.*s", set->files[i].path, (int)set->files[i].text.len,
               (const char *)set->files[i].text.data);
    }
    return status == CM_OK ? cm_preview_print(apply->counts, apply->judged.rules,
                                              cm_trust_directory(apply->trust), error)
                           : status;
}

static enum cm_status sign_again(struct apply *apply, const char *path, struct cm_error *error)
{
    struct cm_envelope envelope = {.family = CM_FAMILY_NONE};
    struct cm_ruleset set;
    enum cm_status status = read_signed(apply, path, &envelope, &set, error);
    if (status == CM_OK && envelope.signature_count != 1) {
        status = cm_fail(error, CM_INVALID, path, "is no rule set with one signature");
    }
    if (status == CM_OK &&
        cm_digest_equal(&envelope.signatures[0].keyid, cm_signer_key_hash(apply->signer))) {
        status = cm_fail(error, CM_FORBIDDEN, path, "you signed it already: another one must");
    }
    if (status == CM_OK) {
        status = check_signed(apply, &set, path, error);
    }
    if (status == CM_OK) {
        status = show_again(apply, &set, path, error);
    }
    if (status == CM_OK) {
        status = confirmed(apply, &set) ? cm_dsse_cosign(&apply->envelope, &envelope, apply->signer)
                                        : cm_fail(error, CM_CANCELLED, path, "nothing was signed");
    }
    return status;
}

// As every node and gateway will judge it.
static enum cm_status check_result(struct apply *apply, struct cm_error *error)
{
    struct cm_envelope envelope;
    struct cm_ruleset set;
    enum cm_status status =
        open_signed(apply, cm_buf_bytes(&apply->envelope), "the set", &envelope, &set, error);
    if (status != CM_OK) {
        cm_error_hint(error, "nobody would take it: see to your certificate, or to the directory");
        return status;
    }
    apply->sequence = set.sequence;
    cm_sha256_of(&apply->digest, envelope.payload);
    return CM_OK;
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

// Programs read the object alone: until it is printed, standard output is standard error.
static int set_output_aside(void)
{
    fflush(stdout);
    int output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return output < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ? -1 : output;
}

static void print_result(const struct apply *apply, int output)
{
    char digest[2 * CM_DIGEST_SIZE + 1];
    if (cm_cli_get(apply->args, 'j') == NULL) {
        printf("signed: %s\n", apply->out);
        return;
    }
    fflush(stdout);
    dup2(output, STDOUT_FILENO);
    cm_hex(digest, cm_bytes_digest(&apply->digest));
    cm_json_print(json_pack("{s:s, s:s, s:I, s:s}", "signed", apply->out, "agency",
                            apply->administrator.agency, "sequence", (json_int_t)apply->sequence,
                            "digest", digest));
}

int cm_acl_apply(int argc, char **argv)
{
    int output = -1;
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
    if (cm_cli_get(&args, 'j') != NULL && (output = set_output_aside()) < 0) {
        cm_cli_say("standard output can't be set aside");
        return CM_EXIT_FAILED;
    }
    apply = (struct apply){.args = &args, .arena = cm_arena_new(ARENA_CAP)};
    enum cm_status status = apply.arena == NULL ? cm_fail(&error, CM_MEMORY, "", "out of memory")
                                                : load_signer(&apply, &error);
    if (status == CM_OK) {
        status = load_trust(&apply, &error);
    }
    if (status == CM_OK) {
        status = cosign != NULL ? sign_again(&apply, cosign, &error) : sign_new(&apply, &error);
    }
    if (status == CM_OK) {
        status = check_result(&apply, &error);
    }
    if (status == CM_OK) {
        status = hand_over(&apply, &error);
    }
    if (status == CM_OK) {
        print_result(&apply, output);
    } else {
        cm_cli_error(&error);
    }
    if (output >= 0) {
        close(output);
    }
    cm_rules_unref(apply.counts);
    cm_judged_clear(&apply.judged);
    cm_signer_unref(apply.signer);
    cm_trust_unref(apply.trust);
    cm_buf_clear(&apply.envelope);
    cm_arena_free(apply.arena);
    return status == CM_OK ? CM_EXIT_OK : CM_EXIT_FAILED;
}
