#!/usr/bin/env node
/**
 * What the schemas of settings say, for people and editors: the tables of docs/configuration.md, and a JSON Schema for
 * each entity in api/config/.
 *
 *     npm run build && node scripts/docs-configuration.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';

const root = path.resolve(import.meta.dirname, '..');

export const ENTITIES = [
  'kms',
  'cscf',
  'gateway',
  'df',
  'admf',
  'lemf',
  'mailbox',
  'ue',
  'officer',
  'analyst',
  'agency',
];

/** Where the schema is that is not an entity's. @type {Record<string, string>} */
const ELSEWHERE = {
  officer: 'entities/admf/config-officer.js',
  analyst: 'entities/lemf/config-analyst.js',
  agency: 'entities/admf/config-agency.js',
};

/**
 * The parts of a JSON Schema that are looked at here.
 * @typedef {object} Node
 * @property {string} [type]
 * @property {string} [title] of a part that several entities have
 * @property {string} [description]
 * @property {string} [errorMessage]
 * @property {boolean} [isPath] whether it is a file or folder
 * @property {string} [absent] what holds where it is missing
 * @property {unknown} [default]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {string[]} [enum]
 * @property {string[]} [required]
 * @property {Record<string, Node>} [properties]
 * @property {Record<string, Node>} [patternProperties]
 * @property {Node} [items]
 */

/** What a setting can be. @param {Node} node @returns {string} */
function formOf(node) {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${value}\``).join(', ');
  if (node.isPath === true) return 'path';
  if (node.items !== undefined) return `list of ${formOf(node.items)}`;
  if (node.type === 'integer') return `${String(node.minimum)} to ${String(node.maximum)}`;
  if (node.type === 'boolean') return 'true, false';
  if (node.type === 'object') return node.patternProperties === undefined ? 'object' : 'map of texts';
  return node.errorMessage ?? 'text';
}

/** @param {Node} node @param {boolean} required @param {string} holder the optional object that it is in */
function defaultOf(node, required, holder) {
  if (node.absent !== undefined) return node.absent;
  if (node.default !== undefined) {
    const values = typeof node.default === 'object' ? Object.values(node.default ?? {}) : [node.default];
    return values.length === 0 ? 'none' : values.join(', ');
  }
  if (!required) return 'none';
  return holder === '' ? 'required' : `required with \`${holder}\``;
}

/** Rows of a table: one for each setting. @param {Node} node @returns {string[][]} */
function rowsOf(node, prefix = '', holder = '') {
  return Object.entries(node.properties ?? {}).flatMap(([name, setting]) => {
    const required = node.required?.includes(name) ?? false;
    const full = `${prefix}${name}`;
    const isCommon = setting.title !== undefined;
    if (!isCommon && setting.properties !== undefined)
      return rowsOf(setting, `${full}.`, required || setting.default !== undefined ? holder : full);
    if (setting.items?.properties !== undefined) return rowsOf(setting.items, `${full}[].`);
    const fallback = isCommon && setting.properties !== undefined && setting.default !== undefined;
    const meaning = isCommon ? 'see above' : (setting.description ?? '');
    return [
      [
        `\`${full}\``,
        fallback ? 'see above' : defaultOf(setting, required, holder),
        formOf(setting),
        meaning.replaceAll('|', '\\|'),
      ],
    ];
  });
}

/** @param {Node} node */
function tableOf(node) {
  const rows = [['setting', 'default', 'form', 'meaning'], ['---', '---', '---', '---'], ...rowsOf(node)];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/**
 * The page with its tables anew: each stands below its mark, a comment `settings: NAME`.
 * @param {Record<string, Node>} schemas by entity @param {string} [base] folder of the package
 */
export async function configurationPage(schemas, base = root) {
  const file = path.join(base, 'docs/configuration.md');
  const common = {
    ...schemas['cscf']?.properties,
    connections: schemas['admf']?.properties?.['listen']?.properties?.['connections'],
    streams: schemas['df']?.properties?.['x2x3']?.properties?.['connections'],
    ...schemas,
  };
  const page = readFileSync(file, 'utf8').replace(
    /<!-- settings: (\w+) -->\n\n(?:\|.*\n)*/g,
    (/** @type {string} */ _, /** @type {string} */ name) => {
      const node = common[name];
      if (node === undefined) throw new Error(`no settings are called ${name}`);
      return `<!-- settings: ${name} -->\n\n${tableOf(node)}\n`;
    },
  );
  return format(page, { ...(await resolveConfig(file)), parser: 'markdown' });
}

/** A schema without what is ours alone: what has a default need not be given. @param {Node} node @returns {object} */
export function publicSchema(node) {
  const { absent, required, errorMessage, properties, items, isPath: _, ...rest } = node;
  const needed = required?.filter((name) => properties?.[name]?.default === undefined) ?? [];
  const about = [rest.description, absent === undefined ? undefined : `default: ${absent}`];
  const description = about.filter((part) => part !== undefined).join('; ');
  return {
    ...rest,
    ...(description === '' ? {} : { description }),
    ...(errorMessage === undefined ? {} : { errorMessage }),
    ...(needed.length === 0 ? {} : { required: needed }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, member]) => [name, publicSchema(member)]),
          ),
        }),
    ...(items === undefined ? {} : { items: publicSchema(items) }),
  };
}

/** The JSON Schema of an entity's configuration, as a file. @param {string} entity @param {Node} node */
export async function configSchema(entity, node) {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `Configuration of claviger ${entity}`,
    ...publicSchema(node),
  };
  const file = path.join(root, 'api/config', `${entity}.schema.json`);
  return format(JSON.stringify(schema), { ...(await resolveConfig(file)), parser: 'json' });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  /** @type {Record<string, Node>} */
  const schemas = {};
  for (const entity of ENTITIES) {
    const at = pathToFileURL(
      path.join(root, 'dist', ELSEWHERE[entity] ?? `entities/${entity}/config.js`),
    ).href;
    const module = /** @type {Record<string, Node>} */ (await import(at));
    const schema = module[`${entity.toUpperCase()}_CONFIG`];
    if (schema === undefined) throw new Error(`${entity} has no schema`);
    schemas[entity] = schema;
    writeFileSync(path.join(root, 'api/config', `${entity}.schema.json`), await configSchema(entity, schema));
  }
  writeFileSync(path.join(root, 'docs/configuration.md'), await configurationPage(schemas));
}
