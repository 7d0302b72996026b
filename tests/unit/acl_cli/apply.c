#include "acl/cli/apply.h"

#include "acl/bundle/bundle.h"
#include "proto/base/cli.h"
#include "proto/base/file.h"
#include "tests/support/pki.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER "ca.northport.pd"

enum { TEXT = 8192 };

static struct pki *pki;
static char data[PKI_PATH + 16];
static char rules[PKI_PATH + 32];
static char text[PKI_PATH + 16];
static char out[PKI_PATH + 16];

static void set_up(void)
{
    pki = pki_new();
    pki_agency(pki, OWNER);
    pki_agency(pki, "ca.southgate.pd");
    pki_identity(pki, OWNER, CM_ROLE_ADMIN, "admin");
    pki_identity(pki, OWNER, CM_ROLE_ADMIN, "second");
    snprintf(data, sizeof data, "%s/data", pki->dir);
    snprintf(rules, sizeof rules, "%s/rules", data);
    snprintf(text, sizeof text, "%s/rules", pki->dir);
    snprintf(out, sizeof out, "%s/out", pki->dir);
    cr_assert(mkdir(data, 0700) == 0 && mkdir(rules, 0700) == 0);
    const char shares[] = "rules 1\nnode " OWNER "\npermit self to any for any back all see all\n";
    cr_assert_eq(cm_file_write(text, cm_bytes_of(shares), 0600, NULL), CM_OK);
    pki_bundle_file(pki);
    cr_redirect_stdout();
    cr_redirect_stderr();
}

static void tear_down(void)
{
    pki_free(pki);
}

TestSuite(apply, .init = set_up, .fini = tear_down);

// comity acl apply as that administrator, with two more options and the file to sign.
static int apply_as(const char *name, const char *option, const char *value, const char *to,
                    const char *where, const char *file)
{
    const struct pki_identity *who = pki_identity(pki, OWNER, CM_ROLE_ADMIN, name);
    const char *argv[20] = {"apply",       "--yes",          "--key",  who->key_path,
                            "--chain",     who->chain_path,  "--root", pki->root_path,
                            "--directory", pki->bundle_path, to,       where};
    int argc = 12;
    if (option != NULL) {
        argv[argc++] = option;
    }
    if (value != NULL) {
        argv[argc++] = value;
    }
    if (file != NULL) {
        argv[argc++] = file;
    }
    return cm_acl_apply(argc, (char **)(uintptr_t)argv);
}

static int apply_to_node(void)
{
    return apply_as("admin", NULL, NULL, "--node-data", data, text);
}

// What the node does with what it was handed: takes it. Returns the sequence that stands.
static uint64_t node_takes(const char *path)
{
    struct cm_trust *trust = pki_trust(pki);
    struct cm_arena *arena = cm_arena_new(1 << 22);
    struct cm_bundle *bundle = NULL;
    struct cm_envelope envelope;
    struct cm_buf file = {0};
    struct cm_error error = {0};
    cr_assert_eq(cm_file_read(&file, path, 1 << 20, &error), CM_OK, "%s", error.text);
    cr_assert_eq(cm_envelope_decode(&envelope, arena, cm_buf_bytes(&file), &error), CM_OK);
    cr_assert_eq(cm_bundle_open(&bundle, OWNER, rules, trust, pki->now_ms, &error), CM_OK);
    cr_assert_eq(cm_bundle_accept(bundle, trust, &envelope, true, pki->now_ms + 60000, &error),
                 CM_OK, "%s: %s", error.where, error.text);
    uint64_t sequence = cm_bundle_standing(bundle)->sequence;
    cm_bundle_free(bundle);
    cm_buf_clear(&file);
    cm_arena_free(arena);
    cm_trust_unref(trust);
    return sequence;
}

static const char *in_rules(const char *name)
{
    static char path[PKI_PATH + 96];
    snprintf(path, sizeof path, "%s/%s", rules, name);
    return path;
}

// Whether what was printed for people holds the words.
static bool said(const char *words)
{
    static char all[TEXT];
    FILE *stderr_file = cr_get_redirected_stderr();
    size_t len = fread(all, 1, sizeof all - 1, stderr_file);
    all[len] = '\0';
    return strstr(all, words) != NULL;
}

static void flip(const char *path, size_t from_end)
{
    struct cm_buf file = {0};
    cr_assert_eq(cm_file_read(&file, path, 1 << 20, NULL), CM_OK);
    file.data[file.len - from_end] ^= 1;
    cr_assert_eq(cm_file_write(path, cm_buf_bytes(&file), 0600, NULL), CM_OK);
    cm_buf_clear(&file);
}

Test(apply, each_set_follows_the_one_that_the_node_took)
{
    cr_assert_eq(apply_to_node(), CM_EXIT_OK);
    cr_expect_eq(node_takes(in_rules(OWNER ".next")), 1);
    cr_assert_eq(apply_to_node(), CM_EXIT_OK);
    cr_expect_eq(node_takes(in_rules(OWNER ".next")), 2);
}

// What people read is on standard error then.
Test(apply, prints_one_object_for_programs)
{
    FILE *output = cr_get_redirected_stdout();
    char line[4096] = "";
    cr_assert_eq(apply_as("admin", "--json", NULL, "--node-data", data, text), CM_EXIT_OK);
    fflush(stdout);
    size_t len = fread(line, 1, sizeof line - 1, output);
    line[len] = '\0';
    json_t *object = json_loads(line, 0, NULL);
    cr_assert_not_null(object, "%s", line);
    cr_expect_eq(json_integer_value(json_object_get(object, "sequence")), 1);
    cr_expect_str_eq(json_string_value(json_object_get(object, "agency")), OWNER);
    cr_expect_eq(strlen(json_string_value(json_object_get(object, "digest"))), 64);
    json_decref(object);
}

Test(apply, signs_nothing_over_a_set_that_was_altered)
{
    cr_assert_eq(apply_to_node(), CM_EXIT_OK);
    node_takes(in_rules(OWNER ".next"));
    cr_assert_eq(unlink(in_rules(OWNER ".next")), 0);
    struct cm_buf empty = {0};
    cr_assert_eq(cm_file_write(in_rules(OWNER ".ruleset"), cm_buf_bytes(&empty), 0600, NULL),
                 CM_OK);
    cr_expect_eq(apply_to_node(), CM_EXIT_FAILED);
    cr_expect_neq(access(in_rules(OWNER ".next"), F_OK), 0);
    cr_expect(said("rules in"));
}

Test(apply, follows_no_named_set_whose_signature_does_not_hold)
{
    char next[PKI_PATH + 32];
    snprintf(next, sizeof next, "%s/next", pki->dir);
    cr_assert_eq(apply_as("admin", NULL, NULL, "--out", out, text), CM_EXIT_OK);
    cr_expect_eq(apply_as("admin", "--previous", out, "--out", next, text), CM_EXIT_OK);
    cr_assert_eq(unlink(next), 0);
    struct cm_buf file = {0};
    cr_assert_eq(cm_file_read(&file, out, 1 << 20, NULL), CM_OK);
    struct cm_bytes all = cm_buf_bytes(&file);
    uint8_t *at = memmem(all.data, all.len, "permit", 6);
    cr_assert_not_null(at);
    at[-1] = ' ';
    cr_assert_eq(cm_file_write(out, all, 0600, NULL), CM_OK);
    cr_expect_eq(apply_as("admin", "--previous", out, "--out", next, text), CM_EXIT_FAILED);
    cr_expect_neq(access(next, F_OK), 0);
    cr_expect(said("as an administrator of"));
    cm_buf_clear(&file);
}

Test(apply, adds_no_signature_to_one_that_does_not_hold)
{
    char both[PKI_PATH + 32];
    snprintf(both, sizeof both, "%s/both", pki->dir);
    cr_assert_eq(apply_as("admin", NULL, NULL, "--out", out, text), CM_EXIT_OK);
    cr_expect_eq(apply_as("second", "--cosign", out, "--out", both, NULL), CM_EXIT_OK);
    cr_assert_eq(unlink(both), 0);
    flip(out, 1); // the chain's last byte: the CA certificate's signature
    cr_expect_eq(apply_as("second", "--cosign", out, "--out", both, NULL), CM_EXIT_FAILED);
    cr_expect_neq(access(both, F_OK), 0);
}

Test(apply, believes_no_directory_but_the_federations)
{
    struct pki *other = pki_new();
    char root[PKI_PATH];
    memcpy(root, pki->root_path, sizeof root);
    memcpy(pki->root_path, other->root_path, sizeof root);
    cr_expect_eq(apply_to_node(), CM_EXIT_FAILED);
    cr_expect(said("must be the current signed directory"));
    memcpy(pki->root_path, root, sizeof root);
    pki_free(other);
    pki->issued_ms = pki->now_ms - 20LL * PKI_DAY_MS;
    pki->expires_ms = pki->now_ms - 1000;
    pki_bundle_file(pki);
    cr_expect_eq(apply_to_node(), CM_EXIT_FAILED, "it has expired");
    cr_expect_neq(access(in_rules(OWNER ".next"), F_OK), 0);
}

Test(apply, goes_on_after_the_agencys_ca_was_replaced)
{
    cr_assert_eq(apply_to_node(), CM_EXIT_OK);
    cr_expect_eq(node_takes(in_rules(OWNER ".next")), 1);
    pki_next(pki);
    struct pki_agency *agency = pki_find_agency(pki, OWNER);
    pki_new_ca(pki, agency, NULL, NULL);
    const struct pki_leaf leaf = {.agency = OWNER, .role = CM_ROLE_ADMIN, .name = "newcomer"};
    const struct pki_identity *who = pki_leaf(pki, &leaf);
    pki_bundle_file(pki);
    cr_expect_eq(apply_to_node(), CM_EXIT_FAILED, "the old CA's administrator signs nothing");
    cr_expect_neq(who->signer, NULL);
    cr_assert_eq(apply_as("newcomer", NULL, NULL, "--node-data", data, text), CM_EXIT_OK);
    cr_expect_eq(node_takes(in_rules(OWNER ".next")), 2);
}
