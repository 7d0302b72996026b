#include "gateway/client/transcript.h"

#include "gateway/client/transcript_seal.h"
#include "proto/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCRATCH_CAP = 256 * 1024 };

struct cm_transcript {
    struct cm_answers *answers;
    struct cm_seal *seal;
    int file;
    char id[CM_ANSWER_ID_SIZE];
    char part[PATH_MAX]; // under which it is written; "" until it is there
    enum cm_status status;
    struct cm_error error;
};

static void add_part(struct cm_transcript *transcript, enum cm_receipt_kind kind,
                     struct cm_bytes bytes)
{
    uint8_t part[CM_RECEIPT_PART_SIZE];
    struct cm_error *error = &transcript->error;
    if (transcript->status != CM_OK) {
        return;
    }
    if (cm_seal_size(transcript->seal) + bytes.len > CM_MAX_RECEIPT) {
        transcript->status =
            cm_fail(error, CM_EXHAUSTED, "receipt", "the answer is larger than %d MiB",
                    CM_MAX_RECEIPT / 1024 / 1024);
        return;
    }
    cm_receipt_part(part, kind, bytes.len);
    transcript->status = cm_seal_add(transcript->seal, (struct cm_bytes){part, sizeof part}, error);
    if (transcript->status == CM_OK) {
        transcript->status = cm_seal_add(transcript->seal, bytes, error);
    }
}

static enum cm_status name_it(struct cm_transcript *transcript, struct cm_bytes question,
                              struct cm_error *error)
{
    struct cm_query query;
    struct cm_arena *arena = cm_arena_new(SCRATCH_CAP);
    enum cm_status status = arena != NULL ? cm_receipt_question(&query, arena, question, error)
                                          : cm_fail(error, CM_MEMORY, "receipt", "out of memory");
    if (status == CM_OK) {
        cm_hex(transcript->id, (struct cm_bytes){query.query_id, sizeof query.query_id});
        cm_wipe(&query, sizeof query);
    }
    cm_arena_free(arena);
    return status;
}

static enum cm_status create(struct cm_transcript *transcript, struct cm_bytes owner,
                             struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status = cm_answers_path(path, transcript->answers, transcript->id, true, error);
    if (status != CM_OK) {
        return status;
    }
    transcript->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (transcript->file < 0) {
        return cm_fail(error, CM_IO, path, "cannot create: %s", strerror(errno));
    }
    snprintf(transcript->part, sizeof transcript->part, "%s", path);
    return cm_seal_new(&transcript->seal, transcript->file, owner, error);
}

enum cm_status cm_transcript_new(struct cm_transcript **out, struct cm_answers *answers,
                                 const struct cm_transcript_head *head, struct cm_error *error)
{
    *out = NULL;
    struct cm_transcript *transcript = calloc(1, sizeof *transcript);
    if (transcript == NULL) {
        return cm_fail(error, CM_MEMORY, "receipt", "out of memory");
    }
    transcript->answers = answers;
    transcript->file = -1;
    enum cm_status status = name_it(transcript, head->question, error);
    if (status == CM_OK) {
        status = create(transcript, head->owner, error);
    }
    if (status == CM_OK) {
        transcript->status =
            cm_seal_add(transcript->seal,
                        (struct cm_bytes){(const uint8_t *)CM_RECEIPT_MAGIC, CM_RECEIPT_MAGIC_SIZE},
                        &transcript->error);
        add_part(transcript, CM_RECEIPT_QUESTION, head->question);
        add_part(transcript, CM_RECEIPT_DIRECTORY, head->directory);
        add_part(transcript, CM_RECEIPT_GATEWAY, head->gateway);
        *out = transcript;
    } else {
        cm_transcript_drop(transcript);
    }
    return status;
}

void cm_transcript_add(struct cm_transcript *transcript, struct cm_bytes response)
{
    add_part(transcript, CM_RECEIPT_RESPONSE, response);
}

// Whole and durable before it has its name.
static enum cm_status put_down(struct cm_transcript *transcript, struct cm_error *error)
{
    char path[PATH_MAX];
    enum cm_status status =
        cm_answers_path(path, transcript->answers, transcript->id, false, error);
    if (status == CM_OK) {
        status = cm_seal_end(transcript->seal, error);
    }
    if (status == CM_OK &&
        (fdatasync(transcript->file) != 0 || rename(transcript->part, path) != 0)) {
        status = cm_fail(error, CM_IO, path, "cannot be written: %s", strerror(errno));
    }
    if (status == CM_OK) {
        transcript->part[0] = '\0';
    }
    return status;
}

enum cm_status cm_transcript_keep(struct cm_transcript *transcript, struct cm_kept *out,
                                  struct cm_error *error)
{
    enum cm_status status = transcript->status;
    struct cm_answer_file file = {.kept_ms = cm_wall_ms(cm_clock_system()),
                                  .size = cm_seal_size(transcript->seal)};
    *out = (struct cm_kept){0};
    memcpy(file.id, transcript->id, sizeof file.id);
    if (status != CM_OK) {
        *error = transcript->error;
    } else {
        status = cm_answers_add(transcript->answers, &file, &out->removed, error);
    }
    if (status == CM_OK) {
        status = put_down(transcript, error);
    }
    if (status == CM_OK) {
        memcpy(out->id, file.id, sizeof file.id);
    }
    cm_transcript_drop(transcript);
    return status;
}

void cm_transcript_drop(struct cm_transcript *transcript)
{
    if (transcript == NULL) {
        return;
    }
    if (transcript->part[0] != '\0') {
        unlink(transcript->part);
    }
    if (transcript->file >= 0) {
        close(transcript->file);
    }
    cm_seal_free(transcript->seal);
    free(transcript);
}
