/**
 * Makes the two groups of `assets/districts/` and prints their fingerprints for `src/ibe/demo-groups.ts`.
 *
 *     npx esbuild scripts/make-demo-districts.ts --bundle --platform=node --format=esm | node --input-type=module
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodeGroup, groupFingerprint } from '../src/ibe/demo-groups.ts';
import { generateDistrict } from '../src/ibe/setup.ts';

const folder = path.resolve('assets/districts');
mkdirSync(folder, { recursive: true });
for (const home of ['home1', 'home2']) {
  const { parameters } = await generateDistrict({
    n: 3072,
    random: { bytes: (length) => new Uint8Array(randomBytes(length)) },
  });
  writeFileSync(
    path.join(folder, `demo-${home}.json`),
    `${JSON.stringify(encodeGroup(parameters), null, 2)}\n`,
  );
  console.log(`${home}: '${groupFingerprint(parameters)}',`);
}
