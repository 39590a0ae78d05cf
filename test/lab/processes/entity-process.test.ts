/** What an entity's process is given besides its configuration. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ALLOCATOR } from '../../../src/host/allocator.ts';
import { startEntityProcess } from '../../../src/lab/processes/entity-process.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-entity-'));
afterAll(() => rmSync(root, { recursive: true }));

it('the allocator is told what suits Node.js, and what the operator says otherwise', async () => {
  const script = path.join(root, 'stand-in.cjs');
  const told = path.join(root, 'told.json');
  writeFileSync(
    script,
    `require('node:fs').writeFileSync(${JSON.stringify(told)}, JSON.stringify(process.env));
setInterval(() => undefined, 1000);
console.log('{}');
`,
  );
  const before = process.env['MALLOC_TOP_PAD_'];
  process.env['MALLOC_TOP_PAD_'] = '4096';
  try {
    const started = await startEntityProcess({
      entity: 'df',
      name: 'df',
      file: 'df.json',
      script,
      readyMs: 10_000,
    });
    started.signal('SIGTERM');
    await started.ended;
  } finally {
    if (before === undefined) delete process.env['MALLOC_TOP_PAD_'];
    else process.env['MALLOC_TOP_PAD_'] = before;
  }
  expect(JSON.parse(readFileSync(told, 'utf8'))).toMatchObject({ ...ALLOCATOR, MALLOC_TOP_PAD_: '4096' });
});
