/** Which parts of a DF a process has, and how the streams between them are entered: what settings may say. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dfProcessConfig } from '../../../src/entities/df/config.ts';
import { socketOf } from '../../../src/cli/control-client.ts';
import { controlPathOf } from '../../../src/host/control.ts';
import { streamAccess } from '../../../src/host/stream-server-config.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

const STREAMS = { servers: ['127.0.0.1:4222'], name: 'df1' };
const SETTINGS = {
  x1: {
    identifier: 'df.home1.example',
    listen: {},
    admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
    store: '/df/tasks.sqlite',
  },
  x2x3: {},
  tls: { certificate: '/df/c.pem', privateKey: '/df/k.pem', authorities: '/df/a.pem' },
  store: '/df/df.sqlite',
  audit: '/df/audit.log',
  name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
  xk: { url: 'https://kms.home1.example:1' },
};

const read = (changes: object) => dfProcessConfig({ ...SETTINGS, ...changes });

describe('Roles of a DF', () => {
  it('are all of them, without streams, where nothing is said', () => {
    const { roles, streams, controlSocket } = read({});
    expect([roles, streams, controlSocket]).toEqual([
      ['intake', 'mediation', 'delivery'],
      undefined,
      undefined,
    ]);
  });

  it('are not taken apart without streams between them', () => {
    expect(() => read({ roles: ['intake'] })).toThrow(/streams: missing/);
    expect(() => read({ roles: ['mediation', 'delivery'] })).toThrow(/streams: missing/);
    expect(() => read({ roles: ['delivery'] })).toThrow(/streams: missing/);
  });

  it.each([
    ['intake and delivery without what is between them', ['intake', 'delivery']],
    ['none', []],
    ['one twice', ['intake', 'intake']],
    ['one that is not', ['kms']],
  ])('are refused: %s', (_, roles) => {
    expect(() => read({ roles, streams: STREAMS })).toThrow(/roles/);
  });

  it('may each be processes apart, with a database as well', () => {
    const database = { engine: 'postgresql', host: '127.0.0.1', name: 'df', user: 'df', instance: 'one' };
    const { store: _, x1, ...others } = SETTINGS;
    const { store: _tasks, ...ofX1 } = x1;
    const kept = (roles: readonly string[]) =>
      dfProcessConfig({ ...others, x1: ofX1, database, streams: STREAMS, roles }).roles;
    const all = [['intake'], ['mediation'], ['delivery'], ['mediation', 'delivery'], ['intake', 'mediation']];
    for (const roles of all) expect(kept(roles)).toEqual(roles);
  });

  it('have a control socket each by the same settings, but for one that is named', () => {
    const socket = (changes: object) => controlPathOf(read({ streams: STREAMS, ...changes }));
    expect(socket({ roles: ['intake'] })).toBe('/df/df.sqlite.intake.control.sock');
    expect(socket({ roles: ['intake'], controlSocket: '/run/df-2.sock' })).toBe('/run/df-2.sock');
    expect(socket({ roles: ['delivery'] })).toBe('/df/df.sqlite.delivery.control.sock');
    expect(socket({ roles: ['mediation'] })).toBe('/df/df.sqlite.control.sock');
    expect(socket({ roles: ['mediation', 'delivery'] })).toBe('/df/df.sqlite.control.sock');
    expect(socket({})).toBe('/df/df.sqlite.control.sock');
    const file = path.join(folder, 'intake.json');
    const settings = { ...SETTINGS, roles: ['intake'], streams: STREAMS };
    writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
    expect(socketOf(file)).toBe('/df/df.sqlite.intake.control.sock');
  });
});

describe('Settings of a stream server', () => {
  const streams = (changes: object) => read({ streams: { ...STREAMS, ...changes } }).streams!;
  const tls = { authorities: '/df/a.pem' };

  it('may be in the clear on loopback alone', () => {
    expect(streams({ servers: ['127.0.0.1:4222', '[::1]:4222'] }).servers).toHaveLength(2);
    const far = { servers: ['127.0.0.1:4222', 'nats.home1.example:4222'] };
    expect(() => streams(far)).toThrow(/not entered in the clear/);
    expect(streams({ ...far, tls }).tls).toEqual(tls);
  });

  it.each([
    ['a server without port', { servers: ['127.0.0.1'] }],
    ['no server', { servers: [] }],
    ['a certificate without key', { tls: { ...tls, certificate: '/df/c.pem' } }],
    ['a password without user', { passwordFile: '/df/password' }],
    ['a name with a dot', { name: 'df.1' }],
    ['no partition', { partitions: 0 }],
  ])('are refused: %s', (_, changes) => {
    expect(() => streams(changes)).toThrow(/streams/);
  });

  it('name a file with a password that nobody but its owner may read', () => {
    const passwordFile = path.join(folder, 'password');
    const access = () => streamAccess(streams({ user: 'df', passwordFile }));
    expect(access).toThrow(/cannot read/);
    writeFileSync(passwordFile, 'secret\n', { mode: 0o644 });
    expect(access).toThrow(/open to others/);
    rmSync(passwordFile);
    writeFileSync(passwordFile, 'secret\n', { mode: 0o600 });
    expect([access().user, access().password()]).toEqual(['df', 'secret']);
    writeFileSync(passwordFile, 'another\n', { mode: 0o600 });
    expect(access().password()).toBe('another');
  });
});
