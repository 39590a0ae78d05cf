/** What `claviger up` asks at control sockets: whether entities are ready, and why not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readinessOf, untilReady } from '../../src/cli/readiness.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-ready-'));
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

/** An entity that answers with one reason after the other, and then that it is ready. */
async function entity(name: string, ...reasons: string[]): Promise<{ name: string; file: string }> {
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({ store: `${name}.db` }));
  const left = [...reasons];
  const server = createServer((_, answer) => {
    const reason = left.shift();
    answer.end(
      JSON.stringify({ ready: reason === undefined, reasons: reason === undefined ? [] : [reason] }),
    );
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(path.join(folder, `${name}.db.control.sock`), done));
  return { name, file };
}

describe('readiness of entities', () => {
  it('R-93: is what each says of itself, with its reasons; who does not answer is not ready', async () => {
    const gone = path.join(folder, 'gone.json');
    writeFileSync(gone, JSON.stringify({ store: 'gone.db' }));
    const entities = [await entity('kms'), await entity('df', 'no KMS'), { name: 'admf', file: gone }];
    expect(await readinessOf(entities)).toEqual([
      { name: 'kms', ready: true, reasons: [] },
      { name: 'df', ready: false, reasons: ['no KMS'] },
      { name: 'admf', ready: false, reasons: [expect.stringContaining('no entity answers')] },
    ]);
  });

  it('R-93: is waited for, of all of them', async () => {
    const slow = await entity('slow', 'starts', 'starts');
    await untilReady([await entity('quick'), slow], 30_000);
    expect(await readinessOf([slow])).toMatchObject([{ ready: true }]);
  });

  it('R-93: that does not come is told with its reasons', async () => {
    const never = await entity('never', 'no disk', 'no disk', 'no disk');
    await expect(untilReady([never], 0)).rejects.toMatchObject({
      code: 'failed',
      message: 'not ready within 0 s:\n  never: no disk',
    });
  });
});
