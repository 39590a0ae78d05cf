/** The KMS as it is started: configuration, listeners, provisioning over X1, restart. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../../src/host/config.ts';
import type { RunningKms } from '../../../src/entities/kms/start.ts';
import { kmsConfig } from '../../../src/entities/kms/config.ts';
import { startKms } from '../../../src/entities/kms/start.ts';
import { fromBase64, fromUtf8, utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { verifyChain } from '../../../src/evidence/log.ts';
import { decodeBfPrivateKeyBlock } from '../../../src/ibe/blocks.ts';
import { loadDemoGroup } from '../../../src/ibe/demo-groups.ts';
import { requireOrderQ } from '../../../src/ibe/parameters.ts';
import { drawMasterSecret } from '../../../src/ibe/setup.ts';
import { decodeIbeSysParams, districtParameters } from '../../../src/ibe/system-parameters.ts';
import {
  decodeDistrictFile,
  masterSecretOctets,
  NO_END,
  revealDistrict,
} from '../../../src/entities/kms/district-file.ts';
import { epochOf } from '../../../src/entities/kms/li-roots.ts';
import { KmsError } from '../../../src/entities/kms/errors.ts';
import type { X1Requester } from '../../../src/x1/requester.ts';
import { decodeGetKeysResponse, encodeGetKeysRequest } from '../../../src/wire/xk/get-keys.ts';
import { MIKEY_MEDIA_TYPE } from '../../../src/wire/request-key/transport.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { X1SchemaError } from '../../../src/x1/schema.ts';
import { AuditFile } from '../../../src/evidence/audit-file.ts';
import { SqliteKmsStore } from '../../../src/entities/kms/store/sqlite.ts';
import { ElementHome, elementRuntime as runtime } from '../../support/elements.ts';
import { ALICE, DISTRICT, keyRequest, PSK, question, taskAt } from './support/alice.ts';
import { INVALID_TS, errorOf, open } from './support/client.ts';

const { clock } = runtime;

let folder: string;
let home: ElementHome;
let tls: TlsFiles;
let kms: RunningKms;

function config(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: 'kms.home1.example',
    tls,
    admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example/X1/ADMF' },
    state: path.join(folder, 'state'),
    district: { name: DISTRICT, demoGroup: 'home1' },
    subscribers: [
      {
        id: 'alice',
        publicIdentities: [ALICE],
        aliases: ['tel:+15551001'],
        devices: [{ credential: 'alice-1', psk: PSK, identity: ALICE }],
      },
    ],
    workers: 1,
    revealSecrets: true,
    ...changes,
  };
}

async function start(): Promise<void> {
  kms = await startKms(kmsConfig(config()), runtime);
  home.hosts.set('kms.home1.example:443', `127.0.0.1:${kms.users.port}`);
  home.hosts.set('kms.home1.example:8443', `127.0.0.1:${kms.xk.port}`);
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-kms-'));
  home = await ElementHome.create(folder);
  tls = await home.issue('kms');
  await start();
});

afterAll(async () => {
  await home.close();
  await kms.stop();
  rmSync(folder, { recursive: true });
});

const task = taskAt(clock.now());

function admf(): Promise<X1Requester> {
  return home.admf('kms', kms.x1.port, 8444);
}

async function requestKeys() {
  const ue = await home.client('ue', 'anybody');
  const published = await ue.request('GET', DISTRICT);
  const { bf } = districtParameters(decodeIbeSysParams(fromBase64(fromUtf8(published.body))));
  const { options, octets } = keyRequest(runtime);
  const body = { type: MIKEY_MEDIA_TYPE, octets };
  const answer = await ue.request('POST', 'https://kms.home1.example/mikey', body);
  return { bf, keys: open(answer.body, options) };
}

describe('a started KMS', () => {
  it('publishes its parameters and issues keys of theirs', async () => {
    const { bf, keys } = await requestKeys();
    expect(keys.map(({ type }) => type)).toEqual([7, 15, 7, 15]);
    requireOrderQ(decodeBfPrivateKeyBlock(new Uint8Array(keys[0]!.key)), bf);
  });

  it('reveals its secrets where that is configured, in the form of a district file', async () => {
    const { bf, keys } = await requestKeys();
    const revealed = decodeDistrictFile(await kms.reveal());
    expect(revealed).toMatchObject({ district: DISTRICT, keyLifetime: 86_400, serial: { serial: 1, bf } });
    expect(revealed.liRoot?.length).toBe(32);
    expect(keys).toHaveLength(4);
  });

  it('answers over Xk only what the ADMF has provisioned here over X1, and that ends with the task', async () => {
    const df = await home.client('df');
    const ask = async () => {
      const body = { type: 'application/json', octets: utf8(encodeGetKeysRequest(question)) };
      const answer = await df.request('POST', 'https://kms.home1.example:8443/xk/v1/get-keys', body);
      return decodeGetKeysResponse(fromUtf8(answer.body));
    };
    const lastReason = () =>
      [...verifyChain(auditLines())].findLast(({ event }) => event.kind === 'get-keys')?.event['reason'];
    expect(await ask()).toEqual({ failureIndication: 'not-authorised' });
    expect(lastReason()).toBe('unknown-task');
    const x1 = await admf();
    await x1.request({ type: 'ActivateTask', task });
    expect(await ask()).toEqual({ failureIndication: 'not-authorised' });
    expect(lastReason()).toBe('outside-validity');
    await expect(x1.request({ type: 'ActivateTask', task })).rejects.toThrow(/2010/);
    const withoutEnd = { ...task, xid: '11111111-f230-486a-a860-f5a784ab9172', mediation: [] };
    await expect(x1.request({ type: 'ActivateTask', task: withoutEnd })).rejects.toThrow();
    await x1.request({ type: 'DeactivateTask', xid: task.xid });
    expect(await ask()).toEqual({ failureIndication: 'not-authorised' });
    expect(lastReason()).toBe('outside-validity');
  });

  it('is the same after a restart', async () => {
    const before = await requestKeys();
    const revealed = await kms.reveal();
    await kms.stop();
    await start();
    const after = await requestKeys();
    expect(after.keys.map(({ key }) => key)).toEqual(before.keys.map(({ key }) => key));
    expect(await kms.reveal()).toEqual(revealed);
  });

  it('gives a REQUEST_KEY that it answered before a restart no second answer (R-44)', async () => {
    const { octets } = keyRequest(runtime);
    const post = async () => {
      const ue = await home.client('ue', 'anybody');
      return (await ue.request('POST', 'https://kms.home1.example/mikey', { type: MIKEY_MEDIA_TYPE, octets }))
        .body;
    };
    expect(errorOf(await post())).toBeNull();
    await kms.stop();
    await start();
    expect(errorOf(await post())).toBe(INVALID_TS);
  });

  it('R-23: does not end tasks when keepalives stay away where several KMSs may have them', () => {
    const database = { engine: 'postgresql', host: '127.0.0.1', name: 'kms', user: 'kms', instance: 'one' };
    const of = (failClosed: boolean) =>
      kmsConfig(config({ database, x1: { keepalive: { timeoutMs: 700, failClosed } } }));
    expect(() => of(true)).toThrow(/x1.keepalive.failClosed: expected false with database/);
    expect(of(false).x1.keepalive).toEqual({ timeoutMs: 700, failClosed: false });
  });

  it('takes X1 keepalives where they are agreed, and ends its tasks when they stay away', async () => {
    await expect((await admf()).request({ type: 'Keepalive' })).rejects.toThrow(/1070/);
    const state = mkdtempSync(path.join(folder, 'agreed-'));
    const x1 = { keepalive: { timeoutMs: 700, failClosed: true } };
    const agreed = await startKms(kmsConfig(config({ state, x1 })), runtime);
    const requester = await home.admf('kms', agreed.x1.port, 8445);
    await requester.request({ type: 'ActivateTask', task });
    await requester.request({ type: 'Keepalive' });
    const store = await SqliteKmsStore.open(path.join(state, 'kms.db'));
    const end = async () => (await store.warrant(task.xid))?.periods.at(-1)?.end;
    expect(await end()).toBe(task.mediation[0]!.endTime! / 1000);
    await vi.waitFor(async () => expect(await end()).toBeLessThan(clock.now() / 1000), {
      timeout: 10_000,
      interval: 100,
    });
    await store.close();
    await agreed.stop();
  });

  it('R-25: destroys the LI roots whose retention has passed, when it starts, on record', async () => {
    const state = mkdtempSync(path.join(folder, 'retention-'));
    const file = path.join(state, 'kms.db');
    const before = await SqliteKmsStore.open(file);
    const root = Uint8Array.from({ length: 32 }, (_, i) => 0xa0 ^ (i * 11));
    const past = epochOf(clock.now() / 1000 - 120 * 86_400);
    const recent = epochOf(clock.now() / 1000);
    for (const epoch of [past, recent]) await before.keepLiRoot(epoch, Secret.of(root.slice()));
    await before.close();
    const kept = await startKms(kmsConfig(config({ state, retention: 30 * 86_400 })), runtime);
    await kept.stop();
    const after = await SqliteKmsStore.open(file);
    expect(await after.liRoot(past)).toEqual({ state: 'destroyed' });
    expect((await after.liRoot(recent)).state).toBe('kept');
    await after.close();
    const audit = new AuditFile(path.join(state, 'audit.jsonl'));
    expect([...verifyChain(audit.lines())].map(({ event }) => event)).toContainEqual({
      kind: 'li-root-destroyed',
      epoch: past,
    });
    audit.close();
  });

  it('reads the operator’s schema where its configuration names one', async () => {
    const state = mkdtempSync(path.join(folder, 'schema-'));
    const x1 = { schema: path.join(folder, 'absent.xsd') };
    await expect(startKms(kmsConfig(config({ state, x1 })), runtime)).rejects.toThrow(X1SchemaError);
  });

  it('keeps an unbroken audit log without secrets', async () => {
    const { keys } = await requestKeys();
    const lines = auditLines();
    expect([...verifyChain(lines)].length).toBeGreaterThan(4);
    for (const { key } of keys) expect(lines.join('')).not.toContain(key.toString('hex'));
    expect(lines.join('')).not.toContain(PSK);
  });
});

describe('configuration', () => {
  it.each([
    ['name', ['kms', 'other.home1.example', 'other.home1.example']],
    ['role', ['df', 'unlike.home1.example', 'kms.home1.example']],
  ] as const)(
    'R-72: a KMS whose certificate does not bear its %s does not start',
    async (what, [role, name, dnsName]) => {
      const changes = { tls: await home.issue(role, name, dnsName), state: path.join(folder, `no-${what}`) };
      await expect(startKms(kmsConfig(config(changes)), runtime)).rejects.toMatchObject({
        code: 'tls-configuration',
        message: expect.stringContaining(
          what === 'name' ? 'not for kms.home1.example' : 'the role kms',
        ) as unknown,
      });
    },
  );

  const elsewhere = () => ({ state: mkdtempSync(path.join(folder, 'elsewhere-')) });

  it('is refused with unknown or missing fields and with short keys', () => {
    expect(() => kmsConfig(config({ misspelt: 1 }))).toThrow(ConfigError);
    expect(() => kmsConfig(config({ district: {} }))).toThrow(/district.name/);
    const device = { credential: 'a', psk: 'abcd', identity: ALICE };
    const subscriber = { id: 'a', publicIdentities: [ALICE], devices: [device] };
    expect(() => kmsConfig(config({ subscribers: [subscriber] }))).toThrow(/psk/);
    const proved = (by: object) => ({
      ...subscriber,
      devices: [{ credential: 'a', identity: ALICE, ...by }],
    });
    expect(() => kmsConfig(config({ subscribers: [proved({})] }))).toThrow(
      /subscribers\[0\]\.devices\[0\]: expected psk, or certified/,
    );
    expect(() => kmsConfig(config({ subscribers: [proved({ certified: true })] }))).toThrow(
      /expected certificates/,
    );
    expect(() => kmsConfig(config({ certificates: { keys: [] } }))).toThrow(/certificates.keys/);
  });

  it('without parameters does not start', async () => {
    const bare = kmsConfig(config({ ...elsewhere(), district: { name: DISTRICT } }));
    await expect(startKms(bare, runtime)).rejects.toThrow(ConfigError);
  });

  it('with an uncanonical identity does not start', async () => {
    const subscribers = [{ id: 'a', publicIdentities: ['sip:alice@HOME1.example'] }];
    await expect(startKms(kmsConfig(config({ ...elsewhere(), subscribers })), runtime)).rejects.toThrow(
      KmsError,
    );
  });

  it('with a group of the demo in a district file does not start; open to others, neither', async () => {
    const { parameters, masterSecret } = drawMasterSecret(loadDemoGroup('home2'), runtime.random);
    const serial = {
      serial: 1,
      notBefore: 0,
      notAfter: NO_END,
      bf: parameters,
      masterSecret: masterSecretOctets(masterSecret, parameters.q),
    };
    const file = path.join(folder, 'district.json');
    const json = JSON.stringify(
      revealDistrict({ district: DISTRICT, keyLifetime: 86_400, serial, liRoot: null }),
    );
    const district = { name: DISTRICT, files: [file] };
    writeFileSync(file, json, { mode: 0o644 });
    await expect(startKms(kmsConfig(config({ ...elsewhere(), district })), runtime)).rejects.toThrow(
      /chmod 600/,
    );
    rmSync(file);
    writeFileSync(file, json, { mode: 0o600 });
    await expect(startKms(kmsConfig(config({ ...elsewhere(), district })), runtime)).rejects.toThrow(
      /group of the demo/,
    );
  });

  it('reveals nothing unless it says so', async () => {
    const silent = await startKms(
      kmsConfig(config({ state: path.join(folder, 'silent'), revealSecrets: false })),
      runtime,
    );
    await expect(silent.reveal()).rejects.toThrow(ConfigError);
    await silent.stop();
  });
});

function auditLines(): string[] {
  const file = new AuditFile(path.join(folder, 'state', 'audit.jsonl'));
  const lines = [...file.lines()];
  file.close();
  return lines;
}
