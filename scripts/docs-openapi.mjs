#!/usr/bin/env node
/**
 * The forms of what goes over HTTP, for people and tools: the part `components/schemas` of api/*.openapi.yaml is what the
 * schemas say that messages are read by.
 *
 *     npm run build && node scripts/docs-openapi.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { isMap, parseDocument, visit } from 'yaml';

const root = path.resolve(import.meta.dirname, '..');

/** Exported schemas that each description has, by the file that has them. */
export const DESCRIPTIONS = {
  'admf.openapi.yaml': {
    'wire/officers/terms': ['WARRANT_LIID'],
    'wire/officers/warrants': [
      'ENTRY',
      'DECISION',
      'ORDER',
      'AMENDMENT',
      'EXTENSION',
      'IMPORT',
      'WARRANT_VIEW',
      'WARRANT_PAGE',
      'WARRANT_FILE',
      'IMPORTED',
    ],
    'wire/officers/events': ['TIME_EVENT', 'SYSTEM_EVENT', 'WARRANT_EVENT'],
    'wire/officers/system': [
      'SELF',
      'SYSTEM_STATUS',
      'ELEMENT_LIST',
      'DIFFERENCE_LIST',
      'ALARM_LIST',
      'AUDIT_PAGE',
      'WATCH_LIST',
    ],
    'net/problem': ['PROBLEM'],
  },
  'iq.openapi.yaml': {
    'wire/iq/sessions': ['WANTED_SESSION', 'ANCHORED'],
    'wire/iq/losses': ['LOST_SESSIONS'],
    'net/problem': ['PROBLEM'],
  },
  'kms.openapi.yaml': { 'net/problem': ['PROBLEM'] },
  'lemf.openapi.yaml': {
    'wire/analysts/calls': [
      'ANALYST_SELF',
      'CALL_LIST',
      'CALL_VIEWS',
      'RECORD_VIEW',
      'ANALYST_TIME_EVENT',
      'CALL_EVENT',
    ],
    'net/problem': ['PROBLEM'],
  },
  'xk.openapi.yaml': {
    'wire/xk/get-keys': ['GET_KEYS_REQUEST', 'GET_KEYS_ANSWER', 'GET_KEYS_FAILURE'],
    'net/problem': ['PROBLEM'],
  },
};

/**
 * The parts of a JSON Schema that are looked at here.
 * @typedef {object} Node
 * @property {string} [title] of what is described once and referred to
 * @property {string} [description]
 * @property {string} [errorMessage]
 * @property {unknown} [default]
 * @property {string} [type]
 * @property {string[]} [required]
 * @property {Record<string, Node>} [properties]
 * @property {Node} [items]
 * @property {Node[]} [anyOf]
 */

/** @typedef {Record<string, object>} Components */

/** A schema, those with titles by reference. @param {Node} node @param {Components} components @returns {object} */
function referring(node, components) {
  if (node.title === undefined) return spelt(node, components);
  components[node.title] ??= spelt(node, components);
  return { $ref: `#/components/schemas/${node.title}` };
}

/** A schema without what is ours alone: what has a default need not be given. @param {Node} node @param {Components} components */
function spelt(node, components) {
  const { title, errorMessage, description, type, required, properties, items, anyOf, ...rest } = node;
  const inner = (/** @type {Node} */ member) => referring(member, components);
  const needed = required?.filter((name) => properties?.[name]?.default === undefined) ?? [];
  return {
    ...(type === undefined ? {} : { type }),
    ...(description === undefined ? {} : { description }),
    ...rest,
    ...(needed.length === 0 ? {} : { required: needed }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, member]) => [name, inner(member)]),
          ),
        }),
    ...(items === undefined ? {} : { items: inner(items) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map(inner) }),
  };
}

/** A description with its schemas anew. @param {string} name @param {Node[]} schemas */
export async function openapi(name, schemas) {
  const file = path.join(root, 'api', name);
  const document = parseDocument(readFileSync(file, 'utf8'));
  /** @type {Components} */
  const components = {};
  for (const schema of schemas) referring(schema, components);
  const made = document.createNode(components, { aliasDuplicateObjects: false });
  visit(made, {
    Map: (_, map) => {
      if (isMap(map) && map.has('$ref')) map.flow = true;
    },
  });
  document.setIn(['components', 'schemas'], made);
  return format(document.toString({ lineWidth: 120 }), {
    ...(await resolveConfig(file)),
    parser: 'yaml',
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [name, files] of Object.entries(DESCRIPTIONS)) {
    const schemas = [];
    for (const [file, names] of Object.entries(files)) {
      const at = pathToFileURL(path.join(root, 'dist', `${file}.js`)).href;
      const module = /** @type {Record<string, Node>} */ (await import(at));
      schemas.push(...names.map((each) => module[each] ?? {}));
    }
    writeFileSync(path.join(root, 'api', name), await openapi(name, schemas));
  }
}
