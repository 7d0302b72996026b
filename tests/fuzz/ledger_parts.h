// What the first byte of an input of fuzz_note and fuzz_audit_wire says that the rest is,
// for the harnesses and the program that writes their corpora.
#ifndef CM_TESTS_FUZZ_LEDGER_PARTS_H
#define CM_TESTS_FUZZ_LEDGER_PARTS_H

#define FUZZ_ORIGIN "valley.test/ca.northport.pd/node/n1"

enum fuzz_note_part {
    NOTE_NOTE = 0,
    NOTE_LINE, // of a cosignature
    NOTE_VKEY,
    NOTE_COSIGNERS,
    NOTE_PART_COUNT,
};

enum fuzz_wire_part {
    WIRE_VERDICT = 0,
    WIRE_STREAM,
    WIRE_PART_COUNT,
};

#endif
