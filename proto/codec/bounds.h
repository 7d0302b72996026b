// Every bound of WIRE.md, "Bounds", in one place. Bytes unless said otherwise.
#ifndef CM_CODEC_BOUNDS_H
#define CM_CODEC_BOUNDS_H

#include <stdint.h>

enum {
    CM_MAX_PAYLOAD = 8 * 1024,
    CM_MAX_ENVELOPE = 16 * 1024,
    CM_MAX_CHAIN = 3, // certificates
    CM_MAX_CERTIFICATE = 2 * 1024,
    CM_MAX_APPROVAL = 4 * 1024,
    CM_MAX_REASON = 512,
    CM_MAX_CASE = 64,
    CM_MAX_PLATE = 12,
    CM_MAX_AGENCIES_NAMED = 256,
    CM_MAX_ID = 96,
    CM_MAX_ROW = 4 * 1024,
    CM_MAX_BATCH =
        64 * 1024, // rows of it; the message may add 32 KiB for header and withheld leaves
    CM_MAX_BATCH_MESSAGE = 96 * 1024,
    CM_MAX_BATCH_ROWS = 512,
    CM_FIRST_BATCH_ROWS = 16,
    CM_MAX_LIMIT = 10000000,
    CM_DEFAULT_LIMIT = 1000,
    CM_MAX_ASK = 64 * 1024,
    CM_CREDITS = 64, // asks in flight per session
    CM_MIN_DEADLINE_MS = 500,
    CM_MAX_DEADLINE_MS = 60000,
    CM_DEFAULT_DEADLINE_MS = 10000,
    CM_CLIENT_GRACE_MS = 2000,
    CM_HELLO_MS = 5000,
    CM_ANSWER_START_MS = 1000,
    CM_MERGE_WAIT_MS = 2000, // or a quarter of the time left, if that is less
    CM_SKEW_MS = 5000,
    CM_MAX_QUERY_LIFE_MS = 120000,
    CM_MAX_APPROVAL_LIFE_MS = 24 * 3600 * 1000,
    CM_MAX_RULESET = 1024 * 1024,
    CM_MAX_RULE_FILES = 64,
    CM_MAX_RULES = 10000,
    CM_MAX_DIRECTORY_AGENCIES = 10000,
    CM_MAX_DIRECTORY = 16 * 1024 * 1024,
    CM_DIRECTORY_PART = 1024 * 1024,
    CM_MAX_ENTRY = 65535,
    CM_MAX_ACCESS_RECORD = 6 * 1024 * 1024, // before it is sealed; a copy has room
    CM_MAX_ACCESS_TEXT = 4 * 1024,
    CM_MAX_AUDIT_REQUEST = 8 * 1024,
    CM_MAX_RECEIPT_SEAL = 64,
    CM_MAX_EPOCH_STATEMENT = 8 * 1024,
    CM_MAX_COSIGNATURE_LINE = 512,
    CM_MAX_CANDIDATES = 10,
    CM_MAX_KEY = 8 + CM_MAX_ID + 1 + 128, // a row's sort key
    CM_MAX_EVENT_ID = 128,
    CM_QUERY_ID_SIZE = 16,
    CM_BLIND_SIZE = 32,
    CM_TOKEN_SIZE = 32,
    CM_INSTANCE_SIZE = 16,
    CM_SALT_SIZE = 16,
    CM_SIGNATURE_SIZE = 64,
    CM_MAX_ATTACHMENTS = CM_MAX_ENVELOPE - CM_MAX_PAYLOAD, // signatures and chains of an envelope
    CM_MAX_HEADER = 2 * 1024,
    CM_MAX_REFUSAL = 2 * 1024,
    CM_MAX_MANIFEST = 4 * 1024 * 1024,
    CM_MAX_CHECKPOINT = 4 * 1024,
    CM_MAX_PROOF = 64, // hashes
    CM_MAX_RECORD = CM_MAX_ENTRY + CM_MAX_CHECKPOINT + CM_MAX_PROOF * 34 + 64,
    CM_MAX_ORIGIN = 255, // of a ledger
    CM_MAX_LEAF = 256,   // a decision leaf
    CM_MAX_LEAF_PATH = 32,
    CM_MAX_RULE_SETS = 16, // in Hello
    CM_MAX_NAME = 256,     // what people read: an agency's name, a site
    CM_MAX_CRL = 1024 * 1024,
    CM_MAX_BUNDLE = 2 * CM_MAX_DIRECTORY,
    CM_MAX_APPROVAL_USES = 1000,
    CM_MAX_ORDERS_PAYLOAD = 256 * 1024, // an agency's register of court orders
    CM_MAX_ORDERS = 1000,
    CM_MAX_ORDER_LIST = 256, // agencies, plates, purposes of one
    // What each stream's receiver must take.
    CM_MAX_LOOKUP_REQUEST = CM_MAX_ENVELOPE + 64,
    CM_MAX_LOOKUP_RESPONSE = CM_MAX_MANIFEST + CM_MAX_ENVELOPE,
    CM_MAX_ATTACH_UP = 4 * 1024 * 1024, // Hello with rule sets
    CM_MAX_COPY = 6 * 1024 * 1024,      // manifest and leaves of 10,000 agencies
    CM_MAX_ATTACH_DOWN = CM_MAX_COPY,
    CM_MAX_ERROR = 1024,
};

// 9999-12-31T23:59:59.999Z: sums with any duration stay far from overflow.
#define CM_MAX_TIME_MS INT64_C(253402300799999)

#endif
