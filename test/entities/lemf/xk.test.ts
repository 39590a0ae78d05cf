/** Keys that a LEMF asks the KMS for itself: whole, from the files of a call to its audio. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/octets.ts';
import { lemfConfig } from '../../../src/entities/lemf/config.ts';
import { askForFiles } from '../../../src/entities/lemf/start-file-recovery.ts';
import { KEY_ANSWERS_FILE, SqliteKeyAnswers } from '../../../src/entities/lemf/store/key-answers.ts';
import { recoverFolder } from '../../../src/entities/lemf/store/recovery.ts';
import { systemClock } from '../../../src/host/runtime.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { decodeWav } from '../../../src/media/wav.ts';
import { lemfTaskXid } from '../../../src/wire/xk/lemf-task.ts';
import { roleCertificates } from '../../support/role-certificates.ts';
import { silent } from '../../support/silent.ts';
import { delivered, InterceptedCall, LIID } from './call.ts';
import type { AskableKms } from './kms.ts';
import { askableKms } from './kms.ts';

const NAME = 'lemf.home1.example';
const root = mkdtempSync(path.join(tmpdir(), 'claviger-lemf-xk-'));
const clock = systemClock();
const runtime = { clock, logger: silent };
let files: Readonly<Record<'lemf' | 'kms' | 'df', TlsFiles>>;
let kms: AskableKms;
let folders = 0;

beforeAll(async () => {
  files = await roleCertificates(root, clock.now(), ['lemf', 'kms', 'df']);
});
beforeEach(async () => {
  kms = await askableKms(files.kms, [NAME]);
});
afterEach(() => kms.close());
afterAll(() => rmSync(root, { recursive: true }));

/** What was handed over of a call, in files. */
function filesOf(call: InterceptedCall, keys = call.keys.slice(0, 0)) {
  const folder = mkdtempSync(path.join(root, `lemf-${folders++}-`));
  const paths = { hi2: path.join(folder, 'hi2.ber'), hi3: path.join(folder, 'hi3.ber') };
  const signalling = delivered([...call.signalling, ...keys]);
  writeFileSync(paths.hi2, concat(...signalling));
  writeFileSync(paths.hi3, concat(...delivered(call.content)));
  return { paths, folder: path.join(folder, 'out'), answers: path.join(folder, KEY_ANSWERS_FILE) };
}

const configOf = (extra: object = {}) =>
  lemfConfig({ tls: files.lemf, folder: root, xk: { url: kms.url, hosts: kms.hosts }, ...extra });

describe('R-14: a LEMF whose DF brought no keys', () => {
  it('asks the KMS under its own task, recovers the call, and needs nobody for that later', async () => {
    await kms.allow(NAME, LIID);
    const call = new InterceptedCall();
    const { paths, folder, answers } = filesOf(call);
    expect(recoverFolder(paths, folder).calls[0]).toMatchObject({ recovered: false });
    expect(await askForFiles(configOf(), { paths, folder }, runtime)).toEqual({
      ...{ answered: 1, refused: 0, later: 0 },
    });
    expect(kms.audit.of('get-keys')).toMatchObject([
      { outcome: 'answered', client: NAME, lemf: NAME, liid: LIID, xid: lemfTaskXid(LIID) },
    ]);
    const { calls } = recoverFolder(paths, folder);
    expect(calls[0]).toMatchObject({ recovered: true, keysAsked: 2, records: { keys: 0 } });
    for (const { speaker, spoken } of call.streams) {
      const stream = calls[0]!.streams.find((each) => each.speaker === speaker);
      const wav = decodeWav(new Uint8Array(readFileSync(path.join(folder, stream?.file ?? ''))));
      expect(wav).toEqual(spoken);
    }
    expect(statSync(answers).mode & 0o777).toBe(0o600);
    expect(await askForFiles(configOf(), { paths, folder }, runtime)).toMatchObject({ answered: 0 });
    expect(kms.audit.of('get-keys')).toHaveLength(1);
  });

  it('asks for nothing where all keys came', async () => {
    await kms.allow(NAME, LIID);
    const call = new InterceptedCall();
    const { paths, folder } = filesOf(call, call.keys);
    expect(await askForFiles(configOf(), { paths, folder }, runtime)).toMatchObject({ answered: 0 });
    expect(kms.audit.of('get-keys')).toEqual([]);
    expect(recoverFolder(paths, folder).calls[0]).toMatchObject({ recovered: true });
  });

  it('asks where some came', async () => {
    await kms.allow(NAME, LIID);
    const call = new InterceptedCall();
    const { paths, folder } = filesOf(call, call.keys.slice(0, 1));
    expect(await askForFiles(configOf(), { paths, folder }, runtime)).toMatchObject({ answered: 1 });
    expect(recoverFolder(paths, folder).calls[0]).toMatchObject({ recovered: true });
  });

  it('gets nothing without a task of its own, and may ask again', async () => {
    const { paths, folder } = filesOf(new InterceptedCall());
    expect(await askForFiles(configOf(), { paths, folder }, runtime)).toMatchObject({
      answered: 0,
      later: 1,
    });
    expect(kms.audit.of('get-keys')).toMatchObject([{ outcome: 'refused', reason: 'unknown-task' }]);
    await kms.allow(NAME, 'LIID-2');
    expect(await askForFiles(configOf(), { paths, folder }, runtime)).toMatchObject({
      answered: 0,
      later: 1,
    });
    await kms.allow(NAME, LIID);
    expect(await askForFiles(configOf(), { paths, folder }, runtime)).toMatchObject({ answered: 1 });
  });

  it('does not ask again about what the KMS refuses for good', async () => {
    await kms.allow(NAME, LIID);
    const call = new InterceptedCall();
    const { message } = call.vector.messages['R_MESSAGE_2']!;
    const other = Buffer.from(message, 'base64');
    other[other.length - 1]! ^= 1;
    const vector = call.vector as unknown as { messages: Record<string, { message: string }> };
    vector.messages['R_MESSAGE_2'] = { message: other.toString('base64') };
    const { paths, folder, answers } = filesOf(call);
    expect(await askForFiles(configOf(), { paths, folder }, runtime)).toMatchObject({ refused: 1 });
    expect(await askForFiles(configOf(), { paths, folder }, runtime)).toMatchObject({ refused: 0 });
    expect(kms.audit.of('get-keys')).toHaveLength(1);
    vector.messages['R_MESSAGE_2'] = { message };
    (await SqliteKeyAnswers.open(answers)).close();
  });

  it('needs a certificate that says that it is one', async () => {
    const { paths, folder } = filesOf(new InterceptedCall());
    const config = configOf({ tls: files.df });
    await expect(askForFiles(config, { paths, folder }, runtime)).rejects.toThrow(
      'does not have the role lemf',
    );
  });

  it('is switched off where nothing is said', async () => {
    const { paths, folder } = filesOf(new InterceptedCall());
    expect(await askForFiles(configOf({ xk: undefined }), { paths, folder }, runtime)).toBeNull();
  });
});

describe('R-14: what was answered', () => {
  it('is there after a restart, and gone with its warrant', async () => {
    await kms.allow(NAME, LIID);
    const { paths, folder, answers } = filesOf(new InterceptedCall());
    await askForFiles(configOf(), { paths, folder }, runtime);
    const store = await SqliteKeyAnswers.open(answers);
    store.forget('LIID-2');
    expect(recoverFolder(paths, folder).calls[0]).toMatchObject({ recovered: true });
    store.forget(LIID);
    expect(recoverFolder(paths, folder).calls[0]).toMatchObject({ recovered: false });
    store.close();
    const octets = readFileSync(answers);
    expect(octets.includes(Buffer.from('"csId"'))).toBe(false);
  });
});
