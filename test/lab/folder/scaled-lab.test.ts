/** A laboratory whose KMSs and DFs are several processes each: what `claviger init --scale` makes. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dfConfig } from '../../../src/entities/df/config.ts';
import type { DfConfig } from '../../../src/entities/df/config.ts';
import { kmsConfig } from '../../../src/entities/kms/config.ts';
import { controlPathOf } from '../../../src/host/control.ts';
import { readSecretFile } from '../../../src/host/config.ts';
import { systemRandom } from '../../../src/host/runtime.ts';
import { checkConfigurations } from '../../../src/lab/check/check.ts';
import { enginesOf } from '../../../src/lab/engines/engines.ts';
import { programOf } from '../../../src/lab/engines/programs.ts';
import { initLab } from '../../../src/lab/folder/init.ts';
import { LabFolder } from '../../../src/lab/folder/lab-folder.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-scaled-'));
afterAll(() => rmSync(root, { recursive: true }));
const now = Date.now();
const folder = path.join(root, 'lab');

beforeAll(async () => {
  const homes = ['north', 'south'];
  await initLab({ folder, homes, portBase: 20_000, force: false, scaled: true, now, random: systemRandom() });
});

const namesOf = (kind: string): string[] =>
  LabFolder.open(folder)
    .entities()
    .filter((each) => each.kind === kind)
    .map(({ name }) => name);

describe('claviger init --scale', () => {
  it('R-93: makes several KMSs and DFs of a home, and one of each other entity', () => {
    expect(namesOf('kms')).toEqual(['kms-1.north', 'kms-2.north', 'kms-1.south', 'kms-2.south']);
    expect(namesOf('df').filter((name) => name.endsWith('.north'))).toEqual([
      ...['df-intake-1.north', 'df-intake-2.north'],
      ...['df-mediation-1.north', 'df-mediation-2.north', 'df-mediation-3.north'],
      ...['df-delivery-1.north', 'df-delivery-2.north'],
    ]);
    for (const kind of ['cscf', 'gateway', 'admf', 'lemf', 'mailbox'])
      expect(namesOf(kind)).toEqual([`${kind}.north`, `${kind}.south`]);
  });

  it('R-93: makes configurations that go together, of all processes, phones and people', () => {
    const lab = LabFolder.open(folder);
    const { findings } = checkConfigurations(
      [...lab.entities(), ...lab.phones(), ...lab.people()],
      true,
      now,
    );
    expect(findings).toEqual([]);
  });

  it('R-93: gives processes of one entity one database or one name of streams, and each its own place', () => {
    const read = (name: string): unknown => readSecretFile(path.join(folder, 'north', `${name}.json`));
    const kms = ['kms-1', 'kms-2'].map((name) => kmsConfig(read(name), path.join(folder, 'north', name)));
    expect(new Set(kms.map(({ database }) => database?.schema)).size).toBe(1);
    expect(kms.map(({ database }) => database?.instance)).toEqual(['kms-1', 'kms-2']);
    expect(new Set(kms.map(({ state }) => state)).size).toBe(2);
    const dfs = namesOf('df')
      .filter((name) => name.endsWith('.north'))
      .map((name) => name.replace('.north', ''))
      .map((name) => dfConfig(read(name), path.join(folder, 'north', name)));
    expect(new Set(dfs.map(({ streams }) => streams?.name))).toEqual(new Set(['df_north']));
    expect(new Set(dfs.map(controlPathOf)).size).toBe(dfs.length);
    expect(new Set(dfs.flatMap(({ roles }) => roles))).toEqual(new Set(['intake', 'mediation', 'delivery']));
  });

  it('R-57: has a user for each entity and each role of a DF, with a password of its own that nobody but its owner may read', () => {
    const engines = path.join(folder, 'engines');
    expect(statSync(engines).mode & 0o777).toBe(0o700);
    const passwords = new Map(
      readdirSync(engines).map((name) => {
        expect(statSync(path.join(engines, name)).mode & 0o777).toBe(0o600);
        return [name, readFileSync(path.join(engines, name), 'utf8').trim()];
      }),
    );
    for (const password of passwords.values()) expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect(new Set(passwords.values()).size).toBe(1 + 2 * (2 + 3));
    const users = (kind: string, setting: 'database' | 'streams'): string[] => {
      const found = namesOf(kind).flatMap((name): string[] => {
        const [process = '', home = ''] = name.split('.');
        const read = readSecretFile(path.join(folder, home, `${process}.json`));
        const config = (kind === 'kms' ? kmsConfig : dfConfig)(read, path.join(folder, home, process));
        const entered = (config as DfConfig)[setting];
        if (entered === undefined) return [];
        const { user, passwordFile } = entered;
        const engine = setting === 'database' ? 'postgresql' : 'nats';
        expect(path.basename(passwordFile ?? '')).toBe(`${engine}-${String(user)}-password`);
        expect(passwords.has(path.basename(passwordFile ?? ''))).toBe(true);
        return [String(user)];
      });
      return [...new Set(found)];
    };
    expect(users('kms', 'database')).toEqual(['kms_north', 'kms_south']);
    expect(users('df', 'database')).toEqual(['df_north', 'df_south']);
    const roles = ['intake', 'mediation', 'delivery'];
    expect(users('df', 'streams')).toEqual(
      ['north', 'south'].flatMap((home) => roles.map((role) => `${role}_${home}`)),
    );
  });

  it('has both engines, and a laboratory without --scale has none', async () => {
    expect(enginesOf(LabFolder.open(folder)).map(({ name }) => name)).toEqual(['postgresql', 'nats-server']);
    const plain = path.join(root, 'plain');
    await initLab({
      ...{ folder: plain, homes: ['north'], portBase: 20_000, force: false, now, random: systemRandom() },
    });
    expect(enginesOf(LabFolder.open(plain))).toEqual([]);
  });

  it('refuses in words more homes than there are ports for', async () => {
    const made = initLab({
      ...{ folder: path.join(root, 'three'), homes: ['a', 'b', 'c'], portBase: 20_000, force: false },
      ...{ scaled: true, now, random: systemRandom() },
    });
    await expect(made).rejects.toThrow(/1 to 2 homes/);
  });
});

describe('programs of engines', () => {
  it('R-93: that are not installed are refused in words, with what to install', () => {
    expect(() => programOf('nats-server', [root])).toThrow(/apt-get install nats-server/);
    expect(() => programOf('initdb', [root])).toThrow(/apt-get install postgresql/);
  });

  it('are files that can be run, and not folders of that name', () => {
    const bin = path.join(root, 'bin');
    mkdirSync(path.join(bin, 'nats-server'), { recursive: true });
    expect(() => programOf('nats-server', [bin])).toThrow(/not installed/);
    const other = path.join(root, 'other');
    mkdirSync(other);
    writeFileSync(path.join(other, 'nats-server'), '', { mode: 0o755 });
    expect(programOf('nats-server', [bin, other])).toBe(path.join(other, 'nats-server'));
  });
});
