/** docs/configuration.md has every setting that the code reads, and no other; its examples are configurations. */
import { describe, expect, it } from 'vitest';
import { admfConfig } from '../../src/entities/admf/start.ts';
import { ConfigError } from '../../src/host/config.ts';
import { cscfConfig } from '../../src/entities/cscf/start.ts';
import { dfConfig } from '../../src/entities/df/start.ts';
import { gatewayConfig } from '../../src/entities/gateway/start.ts';
import { kmsConfig } from '../../src/entities/kms/start.ts';
import { lemfConfig } from '../../src/entities/lemf/start.ts';
import { ueConfig } from '../../src/entities/ue/start.ts';
import { fences, page, tableRows } from './support.ts';

type Reader = (json: unknown) => unknown;

const READERS: Readonly<Record<string, Reader>> = {
  kms: kmsConfig,
  cscf: cscfConfig,
  gateway: gatewayConfig,
  df: dfConfig,
  admf: admfConfig,
  lemf: lemfConfig,
  ue: ueConfig,
};

const markdown = page('docs/configuration.md');
const sections = new Map(
  markdown
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.split('\n')[0] ?? '', text]),
);
/** What "see above" stands for. */
const [x1, delivery] = (sections.get('Common parts') ?? '').split('**`delivery`**').map(settingsIn);
/** Maps of the operator's own names: their members are no settings. */
const MAPS = ['hosts', 'numbers'];

interface Setting {
  readonly name: string;
  readonly fallback: string;
}

function settingsIn(text: string): Setting[] {
  return tableRows(text, 'setting').map(([name = '', fallback = '']) => ({
    name: name.replaceAll('`', ''),
    fallback,
  }));
}

function settingsOf(entity: string): Setting[] {
  return settingsIn(sections.get(entity) ?? '').flatMap((setting) => {
    const part = setting.name === 'x1' ? x1 : setting.name === 'delivery' ? delivery : undefined;
    return part?.map((inner) => ({ ...inner, name: `${setting.name}.${inner.name}` })) ?? [setting];
  });
}

function exampleOf(entity: string): Record<string, unknown> {
  const json = fences(sections.get(entity) ?? '').find(({ language }) => language === 'json');
  return JSON.parse(json?.lines.join('\n') ?? 'null') as Record<string, unknown>;
}

/** The value, telling of each member that is read, `[]` for elements of lists. */
function watched(value: unknown, path: string, read: (path: string) => void): unknown {
  if (typeof value !== 'object' || value === null || MAPS.includes(path)) return value;
  if (Array.isArray(value)) return value.map((element) => watched(element, `${path}[]`, read));
  return new Proxy(value, {
    get: (object, member) => {
      if (typeof member !== 'string') return undefined;
      const name = path === '' ? member : `${path}.${member}`;
      read(name);
      return watched((object as Record<string, unknown>)[member], name, read);
    },
  });
}

/** What a reader reads of a configuration, without the objects that hold the rest. */
function readBy(reader: Reader, ...configurations: unknown[]): string[] {
  const names = new Set<string>();
  for (const json of configurations) reader(watched(json, '', (name) => names.add(name)));
  const all = [...names];
  const isHolder = (name: string): boolean =>
    all.some((other) => other.startsWith(`${name}.`) || other.startsWith(`${name}[]`));
  return all.filter((name) => !isHolder(name)).sort();
}

function pathOf(name: string): string[] {
  return name.replaceAll('[]', '').split('.');
}

/** The member of a configuration as it was read, of the first element of lists on the way. */
function at(value: unknown, [member, ...rest]: readonly string[]): unknown {
  const object = Array.isArray(value) ? (value[0] as unknown) : value;
  if (member === undefined || typeof object !== 'object' || object === null) return object;
  return at((object as Record<string, unknown>)[member], rest);
}

/** A copy without one member, in every element of lists on the way. */
function withoutMember(value: unknown, [member = '', ...rest]: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((element) => withoutMember(element, [member, ...rest]));
  const object = value as Record<string, unknown>;
  const others = Object.fromEntries(Object.entries(object).filter(([name]) => name !== member));
  return rest.length === 0 ? others : { ...others, [member]: withoutMember(object[member], rest) };
}

/** The parts of the examples that another example has whole. */
const whole = exampleOf('cscf');

function completeExample(entity: string): Record<string, unknown> {
  const example = exampleOf(entity);
  const own = example['x1'] as Record<string, unknown> | undefined;
  const common = whole['x1'] as Record<string, unknown>;
  return {
    ...example,
    ...(own?.['identifier'] === undefined ? {} : { x1: { ...common, ...own } }),
    ...(example['delivery'] === undefined ? {} : { delivery: whole['delivery'] }),
  };
}

describe.each(Object.entries(READERS))('%s', (entity, reader) => {
  const example = exampleOf(entity);
  const complete = completeExample(entity);

  it('has an example that is a configuration', () => {
    expect(() => reader(example)).not.toThrow();
  });

  it('has every setting that is read, and no other', () => {
    const rejecting = entity === 'ue' ? [{ ...complete, answer: { policy: 'reject', status: 486 } }] : [];
    const read = readBy(reader, complete, ...rejecting);
    expect(
      settingsOf(entity)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(read);
  });

  it('says which settings are required', () => {
    for (const { name, fallback } of settingsOf(entity)) {
      const json = withoutMember(complete, pathOf(name));
      if (fallback.startsWith('required')) expect(() => reader(json), name).toThrow(ConfigError);
      else expect(() => reader(json), name).not.toThrow();
    }
  });

  it('says what a setting is by default', () => {
    const plain = settingsOf(entity).filter(({ fallback }) =>
      /^(?:\d+|true|false|\d+(?:\.\d+){3})$/.test(fallback),
    );
    const wrong = plain.flatMap(({ name, fallback }) => {
      const found = at(reader(withoutMember(complete, pathOf(name))), pathOf(name));
      // Some defaults are those of the part that the setting is for.
      return found === undefined || JSON.stringify(found).replaceAll('"', '') === fallback
        ? []
        : [{ name, found }];
    });
    expect(plain.length).toBeGreaterThan(2);
    expect(wrong).toEqual([]);
  });
});
