// How long Cedar takes to decide one request for one owner of rules:
//   node --no-turbo-inline-js-wasm-calls time.mjs EXPORTS REQUESTS
// EXPORTS holds one folder an owner, each made by `comity acl export --cedar --out`. REQUESTS has a
// JSON object a line: { principal, action, resource, context }. Policies are parsed beforehand, and
// each request brings only its own part of the entities. Prints one object.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cedar, Entities, must } from './cedar.mjs';

const [exports, file] = process.argv.slice(2);
if (file === undefined) {
    console.error('usage: time.mjs EXPORTS REQUESTS');
    process.exit(2);
}
const requests = readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));

function load(owner) {
    const read = (name) => readFileSync(join(exports, owner, name), 'utf8');
    must(cedar.preparsePolicySet(owner, { staticPolicies: read('policies.cedar') }), owner);
    const store = new Entities(JSON.parse(read('entities.json')));
    return requests.map((request) => ({
        ...request,
        preparsedPolicySetId: owner,
        entities: store.of(request),
    }));
}

const folders = readdirSync(exports, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const calls = folders.map((entry) => load(entry.name));
let allowed = 0;

function decideAll(index) {
    let count = 0;
    const began = process.hrtime.bigint();
    for (const owner of calls) {
        const answer = cedar.statefulIsAuthorized(owner[index]);
        count += answer.type === 'success' && answer.response.decision === 'allow' ? 1 : 0;
    }
    const us = Number(process.hrtime.bigint() - began) / 1000;
    allowed += count;
    return us / calls.length;
}

if (calls.length === 0 || requests.length === 0) {
    console.error('time.mjs: no exports or no requests');
    process.exit(1);
}
// Once untimed: the engine warms up.
requests.forEach((_, index) => decideAll(index));
allowed = 0;
const times = requests.map((_, index) => decideAll(index)).sort((a, b) => a - b);
console.log(
    JSON.stringify({
        per_decision_us: times[Math.floor(times.length / 2)],
        owners: calls.length,
        requests: requests.length,
        allowed,
    }),
);
