/** What a command line says of the parts of a DF that a process has. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-roles-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'df.json');
writeFileSync(
  file,
  JSON.stringify({
    x1: {
      identifier: 'df.home1.example',
      listen: {},
      admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
      store: 'tasks.sqlite',
    },
    x2x3: {},
    tls: { certificate: 'c.pem', privateKey: 'k.pem', authorities: 'a.pem' },
    store: 'df.sqlite',
    audit: 'audit.log',
    name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
    xk: { url: 'https://kms.home1.example:1' },
  }),
  { mode: 0o600 },
);

describe('claviger df run --roles', () => {
  it('goes before what the configuration says', async () => {
    const { status, err } = await claviger('df', 'run', '--config', file, '--roles', 'mediation, delivery');
    expect(status).toBe(1);
    expect(err).toContain('streams: missing, they are between mediation, delivery and the other roles');
  });

  it('is refused where it names a role that is not', async () => {
    const { status, err } = await claviger('df', 'run', '--config', file, '--roles', 'intake,all');
    expect(status).toBe(1);
    expect(err).toContain('roles');
  });

  it('is not there of other entities', async () => {
    const { status, err } = await claviger('kms', 'run', '--config', file, '--roles', 'intake');
    expect(status).toBe(2);
    expect(err).toContain('--roles');
  });
});
