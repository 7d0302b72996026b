// Has Cedar's validator judge exports: validate.mjs FOLDER..., each made by
// `comity acl export --cedar --out`. Prints what is wrong; the exit code is 1 then.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cedar, faults, must } from './cedar.mjs';

for (const folder of process.argv.slice(2)) {
    const read = (name) => readFileSync(join(folder, name), 'utf8');
    const schema = read('schema.cedarschema');
    for (const fault of faults(schema, read('policies.cedar'))) {
        console.error(`${folder}: ${fault}`);
        process.exitCode = 1;
    }
    must(cedar.checkParseEntities({ schema, entities: JSON.parse(read('entities.json')) }), folder);
}
