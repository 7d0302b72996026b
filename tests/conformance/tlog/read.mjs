// Checks a ledger's checkpoint and its proofs of inclusion with sigstore's own code, which knows
// nothing of this project. usage: read.mjs FOLDER
import { readFileSync } from 'node:fs';
import { createHash, createPublicKey } from 'node:crypto';
import { createRequire } from 'node:module';

const library = createRequire(new URL('../../package.json', import.meta.url));
const { verifyCheckpoint } = library('@sigstore/verify/dist/timestamp/checkpoint.js');
const { verifyMerkleInclusion } = library('@sigstore/verify/dist/timestamp/merkle.js');

const folder = process.argv[2];
const read = (name) => readFileSync(`${folder}/${name}`, 'utf8');
const proofs = JSON.parse(read('proofs.json'));
const checkpoint = read('checkpoint');
const [, name, hash, key] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(read('vkey').trim());
const spki = Buffer.from(key, 'base64').subarray(1);
const logID = createHash('sha256').update(spki).digest();
if (logID.subarray(0, 4).toString('hex') !== hash) {
  throw new Error("vkey: its hash is another's");
}
const log = {
  publicKey: createPublicKey({ key: spki, format: 'der', type: 'spki' }),
  logID,
  validFor: { start: new Date(0), end: new Date(8640000000000000) },
};
const root = checkpoint.split('\n')[2];

const entryOf = (one) => ({
  integratedTime: '1767225600',
  canonicalizedBody: Buffer.from(one.entry, 'base64'),
  inclusionProof: {
    rootHash: Buffer.from(root, 'base64'),
    logIndex: String(one.index),
    treeSize: checkpoint.split('\n')[1],
    hashes: one.hashes.map((text) => Buffer.from(text, 'base64')),
    checkpoint: { envelope: checkpoint },
  },
});

function holds(entry, logs) {
  try {
    verifyCheckpoint(entry, logs);
    verifyMerkleInclusion(entry);
    return true;
  } catch (error) {
    if (error.constructor.name !== 'VerificationError') {
      throw error;
    }
    return false;
  }
}

function must(held, what) {
  if (!held) {
    console.error(what);
    process.exit(1);
  }
}

for (const one of proofs.inclusion) {
  must(holds(entryOf(one), [log]), `inclusion of ${one.index} does not hold`);
  const other = entryOf(one);
  other.canonicalizedBody[0] ^= 1;
  must(!holds(other, [log]), `another entry holds at ${one.index}`);
}
const altered = entryOf(proofs.inclusion[0]);
altered.inclusionProof.checkpoint.envelope = checkpoint.replace(/\n\d+\n/, '\n1\n');
must(!holds(altered, [log]), 'an altered checkpoint holds');
console.log(`${name}: ${proofs.inclusion.length} proofs of inclusion hold under its checkpoint`);
