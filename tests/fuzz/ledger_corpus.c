// Writes the corpora of fuzz_note, fuzz_audit_wire and fuzz_receipt anew into their
// folders below the one given: what is as it ought to be, or wrong in one thing.
#include "ledger_parts.h"

#include "gateway/client/receipt.h"
#include "proto/base/file.h"
#include "proto/ledger/audit_wire.h"
#include "proto/ledger/cosign.h"
#include "proto/ledger/cosigners.h"
#include "proto/ledger/vkey.h"
#include "tests/support/pki.h"
#include "tests/support/pki_x509.h"

#include <stdio.h>
#include <string.h>

static const char *out_folder;

// part below 0: the bytes alone.
static void put(const char *fuzzer, const char *name, int part, struct cm_bytes bytes)
{
    char path[4096];
    struct cm_buf file = {0};
    const uint8_t first = (uint8_t)part;
    snprintf(path, sizeof path, "%s/%s/%s", out_folder, fuzzer, name);
    PKI_MUST((part < 0 || cm_buf_add(&file, &first, 1) == CM_OK) &&
             cm_buf_add(&file, bytes.data, bytes.len) == CM_OK &&
             cm_file_write(path, cm_buf_bytes(&file), 0644, NULL) == CM_OK);
    cm_buf_clear(&file);
}

static void add_note(struct cm_buf *out, uint64_t size, const struct cm_digest *root,
                     struct cm_signer *signer)
{
    struct cm_checkpoint checkpoint = {.origin = FUZZ_ORIGIN, .size = size, .root = *root};
    PKI_MUST(cm_checkpoint_sign(out, &checkpoint, signer) == CM_OK);
}

static void put_notes(struct pki *pki, struct cm_signer *signer)
{
    const struct pki_identity *gateway = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    struct cm_buf note = {0}, line = {0}, vkey = {0}, pem = {0};
    add_note(&note, 3, &(struct cm_digest){{1}}, signer);
    put("fuzz_note", "checkpoint", NOTE_NOTE, cm_buf_bytes(&note));
    PKI_MUST(cm_cosign(&line, cm_buf_bytes(&note), 1795348800, gateway->signer) == CM_OK);
    put("fuzz_note", "line_of_another", NOTE_LINE, cm_buf_bytes(&line));
    PKI_MUST(cm_cosign_add(&note, cm_buf_bytes(&line)) == CM_OK);
    line.len = 0;
    PKI_MUST(cm_cosign(&line, cm_buf_bytes(&note), 1795348801, signer) == CM_OK);
    put("fuzz_note", "line", NOTE_LINE, cm_buf_bytes(&line));
    PKI_MUST(cm_cosign_add(&note, cm_buf_bytes(&line)) == CM_OK);
    put("fuzz_note", "cosigned", NOTE_NOTE, cm_buf_bytes(&note));
    put("fuzz_note", "line_without_value", NOTE_LINE, cm_bytes_of("\xe2\x80\x94 name \n"));
    put("fuzz_note", "not_utf8", NOTE_NOTE, cm_bytes_of("a\n1\nAA==\n\n\xff name AAAA\n"));
    PKI_MUST(cm_vkey_format(&vkey, FUZZ_ORIGIN, cm_signer_spki(signer)) == CM_OK);
    put("fuzz_note", "vkey", NOTE_VKEY, cm_buf_bytes(&vkey));
    put("fuzz_note", "vkey_of_another_kind", NOTE_VKEY, cm_bytes_of("name+00000000+AQIDBA=="));
    PKI_MUST(cm_cosigners_add(&pem, "valley.test/gateway/gw-1", gateway->chain,
                              gateway->chain_count) == CM_OK);
    put("fuzz_note", "cosigners", NOTE_COSIGNERS, cm_buf_bytes(&pem));
    put("fuzz_note", "cosigners_cut", NOTE_COSIGNERS, (struct cm_bytes){pem.data, pem.len - 30});
    cm_buf_clear(&note);
    cm_buf_clear(&line);
    cm_buf_clear(&vkey);
    cm_buf_clear(&pem);
}

static void put_wire(void)
{
    static const uint8_t key[CM_DAY_KEY_SIZE] = {4, 5};
    struct cm_buf verdict = {0}, refused = {0};
    struct cm_day_keys *keys;
    const struct cm_error why = {.where = "audit", .text = "no", .hint = ""};
    PKI_MUST(cm_day_keys_new(&keys) == CM_OK && cm_day_keys_add(keys, 20779, key) == CM_OK &&
             cm_day_keys_add(keys, 20780, key) == CM_OK);
    cm_day_keys_set_erased(keys, 20778);
    PKI_MUST(cm_audit_verdict_ok(&verdict, keys) == CM_OK &&
             cm_audit_verdict_refuse(&refused, CM_FORBIDDEN, &why) == CM_OK);
    put("fuzz_audit_wire", "verdict", WIRE_VERDICT, cm_buf_bytes(&verdict));
    put("fuzz_audit_wire", "verdict_cut", WIRE_VERDICT,
        (struct cm_bytes){verdict.data, verdict.len - 1});
    put("fuzz_audit_wire", "refused", WIRE_VERDICT, cm_buf_bytes(&refused));
    put("fuzz_audit_wire", "message", WIRE_STREAM, (struct cm_bytes){(uint8_t *)"\3\0\0\0abc", 7});
    put("fuzz_audit_wire", "half", WIRE_STREAM, (struct cm_bytes){(uint8_t *)"\4\0\0\0abc", 7});
    put("fuzz_audit_wire", "huge", WIRE_STREAM,
        (struct cm_bytes){(uint8_t *)"\xff\xff\xff\xff"
                                     "abc",
                          7});
    put("fuzz_audit_wire", "none", WIRE_STREAM, (struct cm_bytes){(uint8_t *)"\0\0\0\0", 4});
    cm_day_keys_free(keys);
    cm_buf_clear(&verdict);
    cm_buf_clear(&refused);
}

static void add_part(struct cm_buf *out, enum cm_receipt_kind kind, struct cm_bytes bytes)
{
    uint8_t head[CM_RECEIPT_PART_SIZE];
    cm_receipt_part(head, kind, bytes.len);
    PKI_MUST(cm_buf_add(out, head, sizeof head) == CM_OK &&
             cm_buf_add(out, bytes.data, bytes.len) == CM_OK);
}

static void put_receipts(struct pki *pki, struct cm_signer *signer)
{
    struct cm_buf receipt = {0}, question = {0};
    const struct pki_identity *gateway = pki_identity(pki, "_", CM_ROLE_GATEWAY, "gw-1");
    PKI_MUST(cm_dsse_sign(&question, CM_FAMILY_QUERY, cm_bytes_of("a query"), signer, true) ==
                 CM_OK &&
             cm_buf_add(&receipt, CM_RECEIPT_MAGIC, CM_RECEIPT_MAGIC_SIZE) == CM_OK);
    put("fuzz_receipt", "magic", -1, cm_buf_bytes(&receipt));
    add_part(&receipt, CM_RECEIPT_QUESTION, cm_buf_bytes(&question));
    add_part(&receipt, CM_RECEIPT_DIRECTORY, cm_bytes_of("a directory"));
    add_part(&receipt, CM_RECEIPT_GATEWAY, gateway->chain[0]);
    put("fuzz_receipt", "no_answer", -1, cm_buf_bytes(&receipt));
    add_part(&receipt, CM_RECEIPT_RESPONSE, cm_bytes_of("a response"));
    add_part(&receipt, CM_RECEIPT_RESPONSE, cm_bytes_of("another"));
    put("fuzz_receipt", "unsigned", -1, cm_buf_bytes(&receipt));
    PKI_MUST(cm_receipt_sign(&receipt, cm_buf_bytes(&receipt), signer, pki->now_ms, NULL) == CM_OK);
    put("fuzz_receipt", "signed", -1, cm_buf_bytes(&receipt));
    put("fuzz_receipt", "cut", -1, (struct cm_bytes){receipt.data, receipt.len - 1});
    receipt.data[CM_RECEIPT_MAGIC_SIZE + CM_RECEIPT_PART_SIZE + 20] ^= 1;
    put("fuzz_receipt", "altered", -1, cm_buf_bytes(&receipt));
    cm_buf_clear(&receipt);
    cm_buf_clear(&question);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: fuzz_ledger_corpus tests/fuzz/corpus\n", stderr);
        return 2;
    }
    out_folder = argv[1];
    struct pki *pki = pki_new_seeded(1, 1795348800000);
    pki_agency(pki, "ca.northport.pd");
    struct cm_signer *signer = pki_signer(pki, "ca.northport.pd", CM_ROLE_NODE, "n1");
    put_notes(pki, signer);
    put_wire();
    put_receipts(pki, signer);
    pki_free(pki);
    return 0;
}
