/** docs/configuration.md and api/config are what the schemas say; the page's examples are configurations. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { TSchema } from 'typebox';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/host/config.ts';
import { CONFIG_READERS } from '../../src/lab/check/configurations.ts';
import { fences, page, root, tableRows } from './support.ts';

const generator = path.join(root, 'scripts/docs-configuration.mjs');
const { ENTITIES, configSchema, configurationPage } = (await import(generator)) as {
  ENTITIES: string[];
  configSchema: (entity: string, schema: TSchema) => Promise<string>;
  configurationPage: (schemas: Record<string, TSchema>) => Promise<string>;
};

interface Entity {
  readonly schema: TSchema;
  readonly read: (json: unknown) => unknown;
}

const FORMS: Readonly<Record<string, Entity>> = Object.fromEntries(
  Object.entries(CONFIG_READERS).map(([entity, read]) => [entity, { schema: read.schema, read }]),
);

const markdown = page('docs/configuration.md');
const sections = new Map(
  markdown
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.split('\n')[0] ?? '', text]),
);

function exampleOf(entity: string): Record<string, unknown> {
  const json = fences(sections.get(entity) ?? '').find(({ language }) => language === 'json');
  return JSON.parse(json?.lines.join('\n') ?? 'null') as Record<string, unknown>;
}

/** A copy without one member, in every element of lists on the way. */
function withoutMember(value: unknown, [member = '', ...rest]: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((element) => withoutMember(element, [member, ...rest]));
  const object = value as Record<string, unknown>;
  const others = Object.fromEntries(Object.entries(object).filter(([name]) => name !== member));
  return rest.length === 0 ? others : { ...others, [member]: withoutMember(object[member], rest) };
}

/** Settings of a section's table that are there in its example. */
function settingsOf(entity: string): { name: string; fallback: string }[] {
  return tableRows(sections.get(entity) ?? '', 'setting').map(([name = '', fallback = '']) => ({
    name: name.replaceAll('`', ''),
    fallback,
  }));
}

function pathOf(name: string): string[] {
  return name.replaceAll('[]', '').split('.');
}

function isThere(value: unknown, [member, ...rest]: readonly string[]): boolean {
  const object = Array.isArray(value) ? (value[0] as unknown) : value;
  if (member === undefined) return object !== undefined;
  if (typeof object !== 'object' || object === null) return false;
  return isThere((object as Record<string, unknown>)[member], rest);
}

it('docs/configuration.md is what node scripts/docs-configuration.mjs makes', async () => {
  expect(markdown).toBe(
    await configurationPage(
      Object.fromEntries(Object.entries(FORMS).map(([entity, { schema }]) => [entity, schema])),
    ),
  );
  expect(ENTITIES).toEqual(Object.keys(FORMS));
});

describe.each(Object.entries(FORMS))('%s', (entity, { schema, read }) => {
  const example = exampleOf(entity);
  const file = readFileSync(path.join(root, 'api/config', `${entity}.schema.json`), 'utf8');
  const judge = new Ajv2020({ strict: false }).compile(JSON.parse(file) as object);

  it('has a JSON Schema that is what the script makes', async () => {
    expect(file).toBe(await configSchema(entity, schema));
  });

  it('has an example that is a configuration, by the reader and by the JSON Schema', () => {
    expect(() => read(example)).not.toThrow();
    expect(judge(example), JSON.stringify(judge.errors)).toBe(true);
    expect(judge({ ...example, misspelt: 1 })).toBe(false);
  });

  it('says which settings are required, as reader and JSON Schema have it', () => {
    const there = settingsOf(entity).filter(({ name }) => isThere(example, pathOf(name)));
    expect(there.length).toBeGreaterThan(3);
    for (const { name, fallback } of there) {
      const json = withoutMember(example, pathOf(name));
      // Of settings that stand for each other, `this, or …`, one is needed, which a JSON Schema does not say.
      if (/^(?:required|this)\b/.test(fallback)) expect(() => read(json), name).toThrow(ConfigError);
      else expect(() => read(json), name).not.toThrow();
      expect(judge(json), name).toBe(!fallback.startsWith('required'));
    }
  });

  it('says what every setting means', () => {
    const rows = tableRows(sections.get(entity) ?? '', 'setting');
    expect(rows.filter((cells) => cells.length !== 4 || cells.includes(''))).toEqual([]);
  });
});
