import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import { dfStoreSuite } from './compliance.ts';

dfStoreSuite({ name: 'SQLite', open: (place) => SqliteDfStore.open(`${place}.db`) });

it('the DF store in SQLite is a file for its owner alone', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-store-'));
  const file = path.join(folder, 'df.db');
  const store = await SqliteDfStore.open(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await store.close();
  rmSync(folder, { recursive: true });
});
