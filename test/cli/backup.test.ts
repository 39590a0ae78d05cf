/** Copies of what entities keep, and putting them back. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLAIM_LIMITS } from '../../src/entities/df/claims.ts';
import { KNOWN_STREAM_LIMITS } from '../../src/entities/df/streams.ts';
import { SqliteDfStore } from '../../src/entities/df/store/sqlite.ts';
import { beginEpoch } from '../../src/entities/df/store/epoch.ts';
import { WorkingState } from '../../src/entities/df/working-state.ts';
import type { Service } from '../../src/lab/network/home.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { operate } from '../host/support/operated.ts';
import type { OperatedEntity } from '../host/support/operated.ts';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-backup-'));
const at = (name: string): string => path.join(folder, name);
let network: Network;
const running: Partial<Record<Service, OperatedEntity>> = {};

async function started(entity: Service): Promise<OperatedEntity> {
  return (running[entity] = await operate(entity, network.configOf(entity, 'home1'), folder));
}

/** Files of an entity's state, without its locks. */
function wipe(...paths: readonly string[]): void {
  for (const file of paths)
    for (const beside of ['', '-wal', '-shm', '.head', '.set-aside.db'])
      rmSync(file + beside, { force: true });
}

beforeAll(async () => {
  network = await Network.layOut({
    state: folder,
    out: null,
    users: { home1: ['alice', 'mailbox'], home2: [] },
    timeline: new Timeline(() => performance.now()),
  });
}, 60_000);

afterAll(async () => {
  for (const entity of Object.values(running)) await entity.stop();
  await network.stop();
  rmSync(folder, { recursive: true });
});

describe('a DF', () => {
  it('R-94: is copied while it runs, and put back into an empty place only, with a new epoch on record', async () => {
    const df = await started('df');
    const config = network.configOf('df', 'home1') as { store: string; audit: string; x1: { store: string } };
    df.operated.setLevel('info');
    const copied = await claviger('backup', '--config', df.file, '--to', at('df-copy'));
    expect(copied).toMatchObject({
      status: 0,
      out: expect.stringContaining('in the clear, up to record 1') as string,
    });
    expect(readdirSync(at('df-copy')).sort()).toEqual(['audit.jsonl', 'df.db', 'manifest.json', 'tasks.db']);
    for (const name of readdirSync(at('df-copy')))
      expect(statSync(at(`df-copy/${name}`)).mode & 0o777).toBe(0o600);
    const again = await claviger('backup', '--config', df.file, '--to', at('df-copy'));
    expect([again.status, again.err]).toEqual([1, expect.stringContaining('is there already')]);
    const restore = ['restore', '--from', at('df-copy'), '--config', df.file];
    expect((await claviger(...restore)).err).toContain('in use by df');
    await df.stop();
    delete running.df;
    expect((await claviger(...restore)).err).toContain('goes into an empty place');
    wipe(config.store, config.audit, config.x1.store);
    const { status, out } = await claviger(...restore, '--json');
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual({
      ...{ entity: 'df', name: 'df.home1.example', asOf: expect.stringMatching(/^\d{4}-.*Z$/) as string },
      forgotten: expect.stringContaining('LEMFs are told by cINReset') as string,
    });
    expect(readFileSync(config.audit, 'utf8')).toMatch(/"kind":"restored","copyOf":"[^"]+","cinBase":\d{10}/);
    const back = await started('df');
    expect((await back.operated.status()).ready).toBe(true);
  });

  it.each([
    [
      'a file that was changed',
      (copy: string) => writeFileSync(path.join(copy, 'df.db'), 'x'),
      'not what was copied',
    ],
    ['a file that is gone', (copy: string) => rmSync(path.join(copy, 'tasks.db')), 'cannot be read'],
    ['no manifest', (copy: string) => rmSync(path.join(copy, 'manifest.json')), 'no manifest'],
    [
      'the manifest of another',
      (copy: string) => {
        const file = path.join(copy, 'manifest.json');
        writeFileSync(file, readFileSync(file, 'utf8').replace('df.home1', 'df.home9'));
      },
      'is a copy of df.home9.example',
    ],
  ])('R-94: is not put back from a copy with %s', async (_what, spoil, expected) => {
    const df = running.df ?? (await started('df'));
    const copy = mkdtempSync(at('spoilt-')) + '/copy';
    expect(await claviger('backup', '--config', df.file, '--to', copy)).toMatchObject({ status: 0, err: '' });
    spoil(copy);
    const config = network.configOf('df', 'home1') as object;
    const file = `${copy}.json`;
    const elsewhere = {
      store: `${copy}.db`,
      audit: `${copy}.jsonl`,
      x1: { ...(config as { x1: object }).x1, store: `${copy}.x1` },
    };
    writeFileSync(file, JSON.stringify({ ...config, ...elsewhere }));
    const { status, out, err } = await claviger('restore', '--from', copy, '--config', file);
    expect([status, out, err]).toEqual([1, '', expect.stringContaining(expected)]);
    expect([`${copy}.db`, `${copy}.jsonl`, `${copy}.x1`].filter((each) => existsSync(each))).toEqual([]);
  });

  it('R-94: gives no CIN that it may have given before it was put back, whatever the LIID', async () => {
    const file = at('epoch.db');
    const store = await SqliteDfStore.open(file);
    const before = new WorkingState(await store.load(), {
      claims: CLAIM_LIMITS,
      streams: KNOWN_STREAM_LIMITS,
    });
    const call = new Uint8Array(8).fill(1);
    expect(before.place(call, 'L1', 'hi2')).toEqual({ cin: 1, sequenceNumber: 0 });
    before.advance(call, 'L1', 'hi2', 5);
    await store.commit(before.take()!);
    await store.close();
    const now = Date.UTC(2030, 0, 1);
    expect(await beginEpoch(file, now)).toBe(now / 1000);
    // A clock that was set back does not bring back what was.
    expect(await beginEpoch(file, now - 1e9)).toBe(now / 1000);
    const opened = await SqliteDfStore.open(file);
    const after = new WorkingState(await opened.load(), {
      claims: CLAIM_LIMITS,
      streams: KNOWN_STREAM_LIMITS,
    });
    await opened.close();
    expect(after.place(call, 'L1', 'hi2')).toEqual({ cin: now / 1000 + 1, sequenceNumber: 0 });
    expect(after.place(call, 'L2', 'hi3')).toEqual({ cin: now / 1000 + 1, sequenceNumber: 0 });
  });
});

describe('a KMS', () => {
  it('R-94: is copied for the key of a recipient, or not at all, and nothing of it is in the clear', async () => {
    const kms = await started('kms');
    const refused = await claviger('backup', '--config', kms.file, '--to', at('kms-copy'));
    expect([refused.status, refused.err]).toEqual([
      1,
      expect.stringContaining("for a recipient's key alone"),
    ]);
    const unfit = await claviger(
      'backup',
      '--config',
      kms.file,
      '--to',
      at('kms-copy'),
      '--recipient',
      'age1x',
    );
    expect([unfit.status, unfit.err]).toEqual([1, expect.stringContaining('not a key of age')]);
    expect(existsSync(at('kms-copy'))).toBe(false);
    const identity = await generateIdentity();
    const recipient = await identityToRecipient(identity);
    const made = await claviger(
      'backup',
      '--config',
      kms.file,
      '--to',
      at('kms-copy'),
      '--recipient',
      recipient,
    );
    expect(made).toMatchObject({ status: 0, err: '' });
    const files = readdirSync(at('kms-copy')).filter((name) => name !== 'manifest.json');
    expect(files.sort()).toEqual(['audit.jsonl.age', 'kms.db.age', 'tasks.db.age']);
    for (const name of files)
      expect(readFileSync(at(`kms-copy/${name}`), 'latin1').slice(0, 21), name).toBe('age-encryption.org/v1');

    await kms.stop();
    delete running.kms;
    const { state } = network.configOf('kms', 'home1') as { state: string };
    wipe(...['kms.db', 'tasks.db', 'audit.jsonl'].map((name) => path.join(state, name)));
    const restore = ['restore', '--from', at('kms-copy'), '--config', kms.file];
    expect((await claviger(...restore)).err).toContain('--identity');
    const keyFile = at('key.txt');
    writeFileSync(keyFile, `# a key\n${await generateIdentity()}\n`, { mode: 0o600 });
    expect((await claviger(...restore, '--identity', keyFile)).err).toContain(
      'cannot be decrypted by this key',
    );
    writeFileSync(keyFile, `${identity}\n`);
    const back = await claviger(...restore, '--identity', keyFile);
    expect(back).toMatchObject({ status: 0, err: '' });
    expect(back.out).toContain('The KMS has forgotten since then:');
    const log = readFileSync(path.join(state, 'audit.jsonl'), 'utf8');
    expect(log).toMatch(/"kind":"restored","copyOf":"[^"]+","forgets":"requests of phones/);
    const again = await started('kms');
    expect((await again.operated.status()).ready).toBe(true);
  });
});

describe('a mailbox', () => {
  it('R-94: is copied while messages come and go, and put back into an empty place', async () => {
    const mailbox = await started('mailbox');
    const config = network.configOf('mailbox', 'home1') as { folder: string; replays: string };
    const messages = path.join(config.folder, 'messages');
    const whole = ['00000000000001-aa.message', '00000000000002-bb.left', 'format.json'];
    for (const name of whole.slice(0, 2)) writeFileSync(path.join(messages, name), `of ${name}`);
    const order = ['backup', '--config', mailbox.file, '--to', at('mailbox-copy')];
    const copied = await claviger(...order);
    expect(copied).toMatchObject({ status: 0, err: '' });
    expect(copied.out).toMatch(/: 4 files of mailbox\.home1\.example, in the clear\n$/);
    expect(readdirSync(at('mailbox-copy')).sort()).toEqual([
      'manifest.json',
      ...whole.map((name) => `messages.${name}`),
      'replays.db',
    ]);
    expect(readdirSync(config.folder)).not.toContain('messages.copying');
    const restore = ['restore', '--from', at('mailbox-copy'), '--config', mailbox.file];
    expect((await claviger(...restore)).err).toContain('in use by mailbox');
    await mailbox.stop();
    delete running.mailbox;
    for (const name of whole.slice(0, 2)) rmSync(path.join(messages, name));
    wipe(config.replays);
    // What says of which version the files are is in the way, too.
    expect((await claviger(...restore)).err).toContain('goes into an empty place');
    rmSync(messages, { recursive: true });
    const back = await claviger(...restore);
    expect(back).toMatchObject({ status: 0, err: '' });
    expect(back.out).toContain('Messages that were left since then are lost.');
    expect(readdirSync(messages).sort()).toEqual(whole);
    expect(readFileSync(path.join(messages, whole[0]!), 'utf8')).toBe(`of ${whole[0]!}`);
  });

  it('R-94: is not put back from a copy whose files lead elsewhere', async () => {
    const { folder: kept } = network.configOf('mailbox', 'home1') as { folder: string };
    rmSync(path.join(kept, 'messages'), { recursive: true });
    const file = path.join(at('mailbox-copy'), 'manifest.json');
    const text = readFileSync(file, 'utf8');
    const spoilt = [
      ['"folder": "messages"', '"folder": "elsewhere"', 'does not have what a mailbox keeps'],
      ['"name": "00000000000001-aa.message"', '"name": "../x"', 'no manifest'],
      ['"file": "messages.format.json"', '"file": "/etc/hostname"', 'no manifest'],
    ] as const;
    for (const [from, to, problem] of spoilt) {
      expect(text).toContain(from);
      writeFileSync(file, text.replace(from, to));
      const restore = await claviger('restore', '--from', at('mailbox-copy'), '--config', at('mailbox.json'));
      expect([restore.status, restore.err]).toEqual([1, expect.stringContaining(problem)]);
      expect(existsSync(path.join(kept, 'messages'))).toBe(false);
    }
  });
});
