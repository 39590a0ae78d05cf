/** an element's audit log and its tasks belong together. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openNeState } from '../../src/x1/state.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-ne-state-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('R-78: an element misses its audit log when what lies beside it was removed too', async () => {
  const files = { store: path.join(folder, 'tasks.db'), audit: path.join(folder, 'audit.jsonl') };
  const runtime = { clock: new ManualClock(), logger: silent };
  const state = await openNeState(files, runtime);
  state.audit.append({ kind: 'event' });
  await state.close();
  const again = await openNeState(files, runtime);
  await again.close();
  rmSync(files.audit);
  rmSync(`${files.audit}.head`);
  await expect(openNeState(files, runtime)).rejects.toMatchObject({ code: 'cut-off' });
});
