"""Writes the last checkpoint of a ledger's log to a file and prints the offset where its frame ends.

usage: last_checkpoint.py LOG NOTE   Frames: u32le length, u8 type, bytes, u32le CRC-32C (proto/ledger/frame.h).
"""
import struct
import sys

MAGIC, HEAD, TAIL, CHECKPOINT = 16, 5, 4, 3

with open(sys.argv[1], 'rb') as file:
    log = file.read()
offset, end, note = MAGIC, MAGIC, b''
while offset + HEAD + TAIL <= len(log):
    length, kind = struct.unpack_from('<IB', log, offset)
    after = offset + HEAD + length + TAIL
    if kind == 0 or after > len(log):
        break
    if kind == CHECKPOINT:
        note, end = log[offset + HEAD:after - TAIL], after
    offset = after
with open(sys.argv[2], 'wb') as file:
    file.write(note)
print(end)
