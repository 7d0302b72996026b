// A receipt as somebody hands it in: its form, before anything in it is believed.
#include "harness.h"

#include "gateway/client/receipt.h"
#include "proto/codec/gateway.h"
#include "proto/codec/receipt.h"

#include <stdio.h>

enum { ARENA = 8 << 20 };

FUZZ_AGAIN(receipt_seal, cm_receipt_seal_encode(out, &value))

static void must(bool holds, const char *law)
{
    if (!holds) {
        fprintf(stderr, "broken: %s\n", law);
        abort();
    }
}

static bool inside(struct cm_bytes part, struct cm_bytes all)
{
    return part.data >= all.data && part.data + part.len <= all.data + all.len;
}

static void read_parts(const struct cm_receipt *receipt, struct cm_bytes in)
{
    struct cm_arena *arena = cm_arena_new(ARENA);
    struct cm_bytes response, rest = receipt->responses;
    struct cm_lookup_response decoded;
    struct cm_query query;
    int64_t saved_ms;
    size_t count = 0;
    must(arena != NULL, "memory");
    must(inside(receipt->question, in) && inside(receipt->directory, in) &&
             inside(receipt->gateway, in) && inside(receipt->content, in),
         "parts lie in the receipt");
    must(receipt->signature.len == 0 || inside(receipt->signature, in),
         "the signature lies in the receipt");
    while (cm_receipt_next(&response, &rest)) {
        must(inside(response, receipt->responses), "responses lie in theirs");
        cm_arena_reset(arena);
        (void)!cm_lookup_response_decode(&decoded, arena, response, NULL);
        count++;
    }
    must(count > 0 && rest.len == 0, "all responses are read");
    cm_arena_reset(arena);
    (void)!cm_receipt_question(&query, arena, receipt->question, NULL);
    (void)!cm_receipt_verify(&saved_ms, receipt, NULL, NULL);
    cm_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cm_bytes in = {data, size};
    struct cm_receipt receipt;
    struct cm_error error = {.text = ""};
    if (cm_receipt_read(&receipt, in, &error) == CM_OK) {
        read_parts(&receipt, in);
    } else {
        must(error.text[0] != '\0', "a refusal says why");
    }
    fuzz_codec(again_receipt_seal, data, size);
    return 0;
}
