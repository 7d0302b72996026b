// The same through the program, as a stranger runs it: what it exits with and says.
#include "frames.h"
#include "judge.h"

#include "proto/base/file.h"
#include "proto/ledger/cli/audit.h"
#include "proto/ledger/vkey.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct whole whole;
static char beside[PKI_PATH]; // not in the ledger's folder

static void put_beside(const char *name, struct cm_bytes bytes)
{
    char path[PATH_MAX];
    cr_assert_lt(snprintf(path, sizeof path, "%s/%s", beside, name), PATH_MAX);
    cr_assert_eq(cm_file_write(path, bytes, 0600, NULL), CM_OK);
}

static void begin(void)
{
    struct cm_buf vkey = {0};
    whole_make(&whole);
    snprintf(beside, sizeof beside, "%s", whole.pki->dir);
    cr_assert_eq(cm_vkey_format(&vkey, whole.base, cm_key_spki(whole.key)), CM_OK);
    put_beside("key", cm_buf_bytes(&vkey));
    put_beside("note", whole.kept[whole.kept_count - 1]);
    (void)pki_bundle_file(whole.pki);
    cm_buf_clear(&vkey);
}

static void end(void)
{
    whole_free(&whole);
}

TestSuite(tamper_program, .init = begin, .fini = end, .timeout = 300);

static int run(const char *command)
{
    const int status = system(command);
    cr_assert(WIFEXITED(status), "%s", command);
    return WEXITSTATUS(status);
}

// The exit code; what it says must hold needle.
static int verify(const char *more, const char *needle)
{
    char command[4 * PATH_MAX], path[PATH_MAX];
    struct cm_buf out = {0};
    snprintf(command, sizeof command,
             CM_COMITY_AUDIT " verify %s --vkey %s/key --directory %s --root %s %s >%s/said 2>&1",
             whole.made.folder, beside, whole.pki->bundle_path, whole.pki->root_path, more, beside);
    const int code = run(command);
    cr_assert_lt(snprintf(path, sizeof path, "%s/said", beside), PATH_MAX);
    cr_assert_eq(cm_file_read(&out, path, 1 << 20, NULL), CM_OK);
    cr_assert_eq(cm_buf_add(&out, "", 1), CM_OK);
    cr_expect(strstr((const char *)out.data, needle), "\"%s\" is not in: %s", needle, out.data);
    cm_buf_clear(&out);
    return code;
}

static int verify_with_note(const char *needle)
{
    char more[PATH_MAX];
    snprintf(more, sizeof more, "--seen %s/note", beside);
    return verify(more, needle);
}

static void change(const char *command)
{
    char line[PATH_MAX];
    snprintf(line, sizeof line, "cd %s && { %s; }", whole.made.folder, command);
    cr_assert_eq(run(line), 0, "%s", line);
}

Test(tamper_program, says_what_is_wrong_and_exits_with_it)
{
    static const struct {
        const char *change, *says;
    } wrong[] = {
        {"printf XXXXXXXX | dd of=log bs=1 seek=500 conv=notrunc status=none", "damaged frame"},
        {"printf XXXXXXXX | dd of=epochs/1/log bs=1 seek=500 conv=notrunc status=none",
         "damaged frame"},
        {"truncate -s -300 log", "more was published"},
        {"printf XXXXXXXX | dd of=$(ls tile/0/000.p/*) bs=1 seek=40 conv=notrunc status=none",
         "not what"},
        {"rm tile/entries/000.p/*", "gone"},
        {"rm checkpoint", "gone"},
        {"rm vkey", "vkey"},
        {"rm cosigned", "cosigned"},
        {"rm epoch", "epoch"},
        {"rm -r epochs", "epoch"},
        {"rm keys/erased", "erased"},
    };
    cr_expect_eq(verify_with_note("nothing wrong was found"), 0);
    change("cp -a . ../saved-$$ && mv ../saved-$$ .saved");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        change(wrong[i].change);
        cr_expect_eq(verify("", wrong[i].says), CM_EXIT_AUDIT_WRONG, "%s", wrong[i].change);
        change("rm -rf [a-z]* && cp -a .saved/. .");
    }
    cr_expect_eq(verify_with_note("nothing wrong was found"), 0);
    printf("by the program: %zu changes, each found\n", sizeof wrong / sizeof *wrong);
    fflush(stdout);
}

Test(tamper_program, old_folder_is_found_by_a_note_that_was_kept)
{
    struct frames old;
    struct cm_buf log = {0};
    size_t covered = 0;
    frames_of(&old, cm_buf_bytes(&whole.logs[1]));
    while (old.list[covered].type != CM_FRAME_CHECKPOINT) {
        covered++;
    }
    old.count = covered + 1;
    frames_pack(&log, &old);
    change("rm -r tile checkpoint");
    whole_put_log(&whole, cm_buf_bytes(&log));
    made_publish(&whole.made);
    whole_cosign(&whole, whole_last_note(cm_buf_bytes(&log)));
    cr_expect_eq(verify("", "nothing wrong was found"), 0);
    cr_expect_eq(verify_with_note("cut, rewritten or put back"), CM_EXIT_AUDIT_WRONG);
    cm_buf_clear(&log);
}
