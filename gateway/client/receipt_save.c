#include "gateway/client/receipt_desk.h"

#include "gateway/client/receipt_kept.h"
#include "proto/base/cli_args.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"

static const struct argp_option options[] = {
    {"config", 'C', "FILE", 0, "Instead of the usual client.ini files", 0},
    {"passphrase-file", 'P', "FILE", 0, "Your key's passphrase", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    .options = options,
    .words = "ID FILE",
    .about = "Save an answer of the last 24 hours as a receipt, signed with your key. ID is what "
             "the lookup said, or the first characters of it.\vFILE must not be there yet. It "
             "holds question and rows in the clear.",
    .least_words = 2,
    .most_words = 2,
};

static enum cm_status save(const struct cm_answers *answers, const char *id, const char *path,
                           const struct cm_signer *signer, struct cm_error *error)
{
    const struct cm_answer_file *file;
    struct cm_buf clear = {0};
    struct cm_receipt receipt;
    enum cm_status status = cm_answers_find(&file, answers, id, error);
    if (status == CM_OK) {
        status = cm_receipt_open_kept(&clear, &receipt, answers, file->id, signer, error);
    }
    if (status == CM_OK) {
        status =
            cm_receipt_sign(&clear, receipt.content, signer, cm_wall_ms(cm_clock_system()), error);
    }
    if (status == CM_OK) {
        status = cm_file_create(path, cm_buf_bytes(&clear), 0600, error);
    }
    cm_receipt_close_kept(&clear);
    return status;
}

int cm_receipt_save(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_settings settings;
    struct cm_answers answers;
    struct cm_error error;
    cm_cli_parse(&args, &usage, argc, argv);
    enum cm_status status =
        cm_settings_load(&settings, cm_cli_get(&args, 'C'), cm_cli_get(&args, 'P'), &error);
    if (status != CM_OK) {
        return cm_cli_fail(&error);
    }
    status = cm_answers_open(&answers, settings.folder, cm_wall_ms(cm_clock_system()), &error);
    if (status == CM_OK) {
        status = save(&answers, args.words[0], args.words[1], settings.signer, &error);
        cm_answers_clear(&answers);
    }
    cm_settings_clear(&settings);
    if (status != CM_OK) {
        return cm_cli_fail(&error);
    }
    cm_cli_say("saved; the file holds question and rows in the clear, for you alone (mode 600)");
    return CM_EXIT_OK;
}
