/** What a laboratory writes for its NATS server, which another user runs where the superuser starts it. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../src/host/runtime.ts';
import { makeEngines } from '../../../src/lab/engines/engines.ts';
import { launchOfStreams, streamConfig } from '../../../src/lab/engines/nats.ts';
import { engineUser } from '../../../src/lab/engines/programs.ts';
import { missingNats } from '../../support/nats-server.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-engines-'));
chmodSync(root, 0o711);
afterAll(() => rmSync(root, { recursive: true }));

describe.skipIf(missingNats())('settings of the NATS server of a laboratory', () => {
  const folder = path.join(root, 'lab', 'engines');
  const victim = path.join(root, 'victim');

  it('are written by way of no link that whoever runs it may have laid, and are not that one’s to change', () => {
    makeEngines(folder, ['home1'], systemRandom());
    writeFileSync(victim, 'as it was', { mode: 0o600 });
    const own = path.join(folder, 'nats');
    mkdirSync(own);
    const conf = streamConfig(folder);
    for (const link of [conf, `${conf}.new`, path.join(own, 'nats.conf'), path.join(own, 'nats.conf.new')])
      symlinkSync(victim, link);
    const before = statSync(victim);
    const { args } = launchOfStreams({ folder, port: 4222, homes: ['home1'] });
    expect(args).toEqual(['-c', conf]);
    expect(readFileSync(victim, 'utf8')).toBe('as it was');
    const { uid, gid, mode } = statSync(victim);
    expect([uid, gid, mode]).toEqual([before.uid, before.gid, before.mode]);
    expect(JSON.parse(readFileSync(conf, 'utf8'))).toMatchObject({ host: '127.0.0.1', port: 4222 });
    const written = lstatSync(conf);
    expect(written.isFile()).toBe(true);
    const user = engineUser('nats');
    expect(written.mode & 0o777).toBe(user === null ? 0o600 : 0o640);
    expect(written.uid).toBe(before.uid);
    expect(statSync(path.dirname(conf)).uid).toBe(before.uid);
    if (user !== null) expect([written.gid, statSync(own).uid]).toEqual([user.gid, user.uid]);
  });

  it('are not written where a link is in place of the server’s own folder', () => {
    if (engineUser('nats') === null) return;
    const elsewhere = path.join(root, 'elsewhere');
    mkdirSync(elsewhere);
    rmSync(path.join(folder, 'nats'), { recursive: true });
    symlinkSync(elsewhere, path.join(folder, 'nats'));
    const { uid } = statSync(elsewhere);
    expect(() => launchOfStreams({ folder, port: 4222, homes: ['home1'] })).toThrow();
    expect(statSync(elsewhere).uid).toBe(uid);
  });
});
