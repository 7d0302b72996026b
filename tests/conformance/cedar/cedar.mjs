// The official engine, and what its callers here share.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../package.json', import.meta.url));
export const cedar = require('@cedar-policy/cedar-wasm/nodejs');

export function must(answer, what) {
    if (answer.type !== 'success') {
        throw new Error(`${what}: ${JSON.stringify(answer.errors ?? answer)}`);
    }
    return answer;
}

// What Cedar's validator finds wrong with policies, as lines.
export function faults(schema, policies) {
    const answer = must(
        cedar.validate({ schema, policies: { staticPolicies: policies } }),
        'validation',
    );
    return answer.validationErrors.map((error) => `${error.policyId}: ${error.error.message}`);
}

// Entities by type and id, and with all that lies above them: what a request's own part of a large
// store is, as Cedar's users send it.
export class Entities {
    #byUid = new Map();
    #above = new Map();

    constructor(list) {
        for (const entity of list) {
            this.#byUid.set(`${entity.uid.type}::${entity.uid.id}`, entity);
        }
    }

    above(type, id) {
        const key = `${type}::${id}`;
        let found = this.#above.get(key);
        if (found === undefined) {
            const queue = [key];
            const seen = new Set(queue);
            found = [];
            while (queue.length > 0) {
                const entity = this.#byUid.get(queue.pop());
                if (entity === undefined) {
                    continue;
                }
                found.push(entity);
                for (const parent of entity.parents) {
                    const above = `${parent.type}::${parent.id}`;
                    if (!seen.has(above)) {
                        seen.add(above);
                        queue.push(above);
                    }
                }
            }
            this.#above.set(key, found);
        }
        return found;
    }

    of(request) {
        return [
            ...this.above(request.principal.type, request.principal.id),
            ...this.above(request.resource.type, request.resource.id),
        ];
    }
}
