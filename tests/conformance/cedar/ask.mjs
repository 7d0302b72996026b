// Answers rule sets that come as JSON, one a line:
//   { policies, schema, entities, valid, points: [{ principals, action, resource, context }] }
// with one line each: { visible: "0110…", problems: ["…"] }. A point is visible when it is allowed to
// each of its principals. valid: false for policies that were damaged on purpose.
import { createInterface } from 'node:readline';
import { cedar, Entities, faults, must } from './cedar.mjs';

function decide(request, entities, more, problems) {
    const answer = must(
        cedar.statefulIsAuthorized({ ...request, ...more, preparsedPolicySetId: 'rules', entities }),
        'decision',
    );
    for (const error of answer.response.diagnostics.errors) {
        problems.push(`${error.policyId}: ${error.error.message}`);
    }
    return answer.response.decision === 'allow';
}

// An agency that Cedar knows nothing of has no attributes: policies that look at them err, which
// must not let it see anything.
function allowed(request, set, store, whole, problems) {
    const tolerated = [];
    const known = store.above('Agency', request.principal.id).length > 0;
    const here = known && set.valid ? problems : tolerated;
    const allow = decide(request, store.of(request), {}, here);
    if (whole) {
        const strict = { preparsedSchemaName: 'rules', validateRequest: true };
        if (decide(request, set.entities, strict, here) !== allow) {
            problems.push(`the part of the entities changes the answer: ${JSON.stringify(request)}`);
        }
    }
    if (allow && tolerated.length > 0 && !known) {
        problems.push(`an unknown agency is allowed: ${JSON.stringify(request)}`);
    }
    return allow;
}

let schema = '';

function answer(set) {
    const problems = set.valid ? faults(set.schema, set.policies) : [];
    const store = new Entities(set.entities);
    must(cedar.preparsePolicySet('rules', { staticPolicies: set.policies }), 'policies');
    if (set.schema !== schema) {
        must(cedar.preparseSchema('rules', set.schema), 'schema');
        schema = set.schema;
    }
    let visible = '';
    set.points.forEach(({ principals, ...rest }, index) => {
        const whole = set.valid && index === 0;
        const every = principals.every((id) =>
            allowed({ principal: { type: 'Agency', id }, ...rest }, set, store, whole, problems),
        );
        visible += every ? '1' : '0';
    });
    return { visible, problems };
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    let reply;
    try {
        reply = answer(JSON.parse(line));
    } catch (error) {
        reply = { visible: '', problems: [String(error.message ?? error)] };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
}
