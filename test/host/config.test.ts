import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { strict } from '../../src/bytes/schema.ts';
import { filePath } from '../../src/host/config-paths.ts';
import {
  configReader,
  count,
  HOSTS,
  listener,
  listOf,
  mediaPorts,
  milliseconds,
  parseConfig,
  readConfigFile,
  readSecretFile,
  text,
} from '../../src/host/config.ts';

const read = configReader(
  strict({
    host: text('a host'),
    retries: count('attempts', { max: 9, default: 3 }),
    listen: listener('where it listens'),
    hosts: HOSTS,
    media: mediaPorts('where media pass'),
    pauseMs: milliseconds('between attempts', { min: 1, default: 5 }),
    partners: listOf(strict({ name: text('a name') })),
  }),
);

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return 'accepted';
}

describe('a configuration', () => {
  it('takes its defaults where a setting is missing', () => {
    expect(read({ host: 'a', partners: [{ name: 'b' }] })).toEqual({
      host: 'a',
      retries: 3,
      listen: { address: '127.0.0.1', port: 0 },
      hosts: {},
      media: { address: '127.0.0.1', from: 16_384, to: 32_767 },
      pauseMs: 5,
      partners: [{ name: 'b' }],
    });
  });

  it.each([
    [null, 'the configuration is not an object'],
    [{ host: 'a', listen: { prot: 1 } }, 'listen.prot: no such setting; did you mean port?'],
    [{ host: 'a', hosts: { x: 1 } }, 'hosts.x is not a string'],
    [{ host: 'a', media: { from: 40_000 } }, 'media is not a range whose from is below to'],
    [{ host: 'a', partners: [{}] }, 'partners[0].name is missing: a string'],
  ])('%j is refused: %s', (value, message) => {
    expect(refusal(() => read(value))).toBe(message);
  });

  it('is refused with all that is wrong, a line each with its file', () => {
    const wrong = { hots: {}, retries: 10, listen: { port: 70_000 }, partners: [{ name: 1 }] };
    expect(
      refusal(() => read(wrong, 'a.json'))
        .split('\n')
        .sort(),
    ).toEqual([
      'a.json: host is missing: a string',
      'a.json: hots: no such setting; did you mean hosts?',
      'a.json: listen.port is not a whole number from 0 to 65535',
      'a.json: partners[0].name is not a string',
      'a.json: retries is not a whole number from 0 to 9',
    ]);
  });

  it('has no time that a timer would take for none', () => {
    expect(read({ host: 'a', pauseMs: 2_147_483_647 }).pauseMs).toBe(2_147_483_647);
    expect(refusal(() => read({ host: 'a', pauseMs: 2_147_483_648 }))).toContain('from 1 to 2147483647');
  });
});

describe('paths in a configuration', () => {
  const files = configReader(
    strict({ store: filePath('a store'), name: text('a name'), more: listOf(filePath('a file')) }),
  );
  const given = { store: 'state/a.db', name: 'a/b', more: ['../c', '/d', ':memory:', ''] };

  it('R-93: are taken from the folder of the file that names them, wherever one works', () => {
    expect(files(given, '/etc/claviger/a.json')).toEqual({
      store: '/etc/claviger/state/a.db',
      name: 'a/b',
      more: ['/etc/c', '/d', ':memory:', ''],
    });
    expect(files(given, 'lab/a.json').store).toBe(path.resolve('lab/state/a.db'));
  });

  it('are left as they are where there is no file, and where they are of the wrong form', () => {
    expect(files(given)).toEqual(given);
    expect(refusal(() => files({ ...given, store: 7, stroe: 'x' }, '/a.json'))).toBe(
      '/a.json: stroe: no such setting; did you mean store?\n/a.json: store is not a string',
    );
  });
});

describe('a configuration file', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['a.json', '{ "host": "a", "partners": [{ "name": "b" }] }'],
    ['a.yaml', 'host: a # a comment\npartners:\n  - name: b\n'],
    ['a.yml', 'host: &it a\npartners: [{ name: b }]\n'],
  ])('may be %s', (name, content) => {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    expect(readConfigFile(file)).toEqual({ host: 'a', partners: [{ name: 'b' }] });
  });

  it('takes names in YAML for texts, and times as they are written', () => {
    const yaml = 'numbers: { +1555: home1.example }\nstartTime: 2026-01-01T00:00:00Z\nyes: no\n';
    expect(parseConfig(yaml, 'a.yaml')).toEqual({
      numbers: { '+1555': 'home1.example' },
      startTime: '2026-01-01T00:00:00Z',
      yes: 'no',
    });
  });

  it.each([
    ['a.json', '{\n "psk": "secret",\n secret }', 'a.json is not JSON (line 3)'],
    ['a.json', '{\n "psk": secret,\n "b": 1\n}', 'a.json is not JSON (line 2)'],
    ['a.json', '{\n "psk": "secret"\n "b": 1\n}', 'a.json is not JSON (line 3)'],
    ['a.json', '{\n "psk": ["secret",\n\n, 1] }', 'a.json is not JSON (line 4)'],
    ['a.json', '{ "psk": "secret" }\n\n}', 'a.json is not JSON (line 3)'],
    ['a.json', '{\n "psk": "secret\n" }', 'a.json is not JSON (line 2)'],
    ['a.json', 'secret', 'a.json is not JSON (line 1)'],
    ['a.json', '\0\u0001secret', 'a.json is not JSON (line 1)'],
    ['a.json', '{\n "psk": "sec', 'a.json is not JSON (it ends too early)'],
    ['a.json', '{\n "psk": "secret",\n', 'a.json is not JSON (it ends too early)'],
    ['a.json', ' \n', 'a.json is not JSON (it is empty)'],
    ['a.yaml', 'a: 1\npsk: "secret\n', 'a.yaml is not YAML (line 3)'],
    ['a.yaml', 'psk: secret\npsk: secret\n', 'a.yaml is not YAML (line 2)'],
    ['a.yaml', 'psk: !!js/function secret\n', 'a.yaml is not YAML (line 1)'],
    ['a.yaml', 'psk: !secret secret\n', 'a.yaml is not YAML (line 1)'],
    ['a.yaml', '%secret\n---\na: 1\n', 'a.yaml is not YAML (line 1)'],
    ['a.yaml', 'psk: secret\n---\npsk: secret\n', 'a.yaml is not YAML (line 2)'],
    ['a.yaml', 'psk: *secret\n', 'a.yaml is not YAML that can be used'],
    ['a.yaml', '[secret]: 1\n', 'a.yaml is not YAML (line 1)'],
  ])('%s, %j: is refused without its content', (file, content, message) => {
    expect(refusal(() => parseConfig(content, file))).toBe(message);
  });

  it('a bomb of aliases is refused', () => {
    const levels = Array.from({ length: 12 }, (_, at) =>
      at === 0
        ? 'l0: &l0 [secret]'
        : `l${at}: &l${at} [${Array(10)
            .fill(`*l${at - 1}`)
            .join(', ')}]`,
    );
    expect(refusal(() => parseConfig(levels.join('\n'), 'a.yaml'))).toBe(
      'a.yaml is not YAML that can be used',
    );
  });

  it('however deep, is refused in order', () => {
    expect(refusal(() => parseConfig('['.repeat(100_000), 'a.yaml'))).toMatch(/^a\.yaml is not YAML/);
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;
    for (const [file, from] of [
      [undefined, ''],
      ['a.json', 'a.json: '],
    ] as const)
      expect(refusal(() => read({ host: 'a', partners: deep }, file))).toBe(
        `${from}partners[0] is not an object`,
      );
  });

  it('with secrets that others may read is refused', () => {
    const file = path.join(folder, 'secret.yaml');
    writeFileSync(file, 'a: 1\n');
    chmodSync(file, 0o640);
    expect(refusal(() => readSecretFile(file))).toContain('chmod 600');
    chmodSync(file, 0o600);
    expect(readSecretFile(file)).toEqual({ a: 1 });
  });
});
