/**
 * The metrics of all entities, from the sources: every meter there is, with its labels and what it says of itself, and
 * which entities have it. A test asks entities that run whether that is so.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/**
 * @typedef {object} Metric
 * @property {string} name as Prometheus reads it
 * @property {string} kind gauge or counter
 * @property {readonly string[]} labels
 * @property {string} help
 * @property {readonly string[]} entities that have it
 * @property {string} [only] when they have it; absent: always, or `unless`
 * @property {string} [unless] when they do not have it, as they do by default
 */

/** Files whose meters every entity has. */
const EVERYWHERE = [
  'src/host/metrics.ts',
  'src/host/entity-status.ts',
  'src/host/operate.ts',
  'src/host/validity.ts',
];

/** Files with meters that an entity has only by its settings or its role, and when. @type {Record<string, string>} */
const ONLY = {
  'src/entities/df/start-deliverer.ts': 'role `delivery`',
  'src/entities/df/start-intake.ts': 'role `intake`',
  'src/entities/df/start-stream-operation.ts': 'with `streams`',
};

/** The same where an entity has them by its settings as they are by default. @type {Record<string, string>} */
const UNLESS = { 'src/entities/gateway/workers/thread-meters.ts': 'unless `workers` is 0' };

/** Rooms whose exported functions, by the names that they have, make meters for those who call them. */
const MAKERS = ['src/host', 'src/x1', 'src/poi'];
const MAKER = /^export function (\w+Meters)\(/gm;
/** What a composition calls that is not a function of its own: `startPoiElement` gives it. @type {Record<string, RegExp>} */
const GIVEN = { 'src/poi/operation.ts': /\boperation\.meters\(/ };

/** @param {string} root folder of the package @returns {Metric[]} by name */
export function metricsOf(root) {
  const folder = path.join(root, 'src/entities');
  const entities = readdirSync(folder).filter((name) =>
    existsSync(path.join(folder, name, 'start-operation.ts')),
  );
  const makers = makersOf(root);
  /** @type {Map<string, Metric>} */
  const metrics = new Map();
  for (const entity of entities)
    for (const file of filesOf(root, makers, entity))
      for (const meter of metersIn(path.join(root, file))) {
        const before = metrics.get(meter.name);
        const same =
          before === undefined || before.help === meter.help ? meter.help : `${before.help} ${meter.help}`;
        const all = new Set([...(before?.entities ?? []), entity]);
        const only = before !== undefined && before.only === undefined ? undefined : ONLY[file];
        metrics.set(meter.name, {
          ...meter,
          help: same,
          entities: [...all],
          ...(only === undefined ? {} : { only }),
          ...(UNLESS[file] === undefined ? {} : { unless: UNLESS[file] }),
        });
      }
  return [...metrics.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a call of a function that makes meters looks like, by the file that it is in. @param {string} root @returns {[string, RegExp][]} */
function makersOf(root) {
  const files = MAKERS.flatMap((room) =>
    readdirSync(path.join(root, room))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${room}/${name}`),
  );
  const exported = files.flatMap((file) =>
    [...readFileSync(path.join(root, file), 'utf8').matchAll(MAKER)].map(
      ([, name = '']) => /** @type {[string, RegExp]} */ ([file, new RegExp(`\\b${name}\\(`)]),
    ),
  );
  return [...Object.entries(GIVEN), ...exported];
}

/** Files that an entity's meters are in, those that it always has first. @param {string} root @param {[string, RegExp][]} makers @param {string} entity @returns {Set<string>} */
function filesOf(root, makers, entity) {
  const files = new Set([...EVERYWHERE, `src/entities/${entity}/start-operation.ts`]);
  for (const file of files) {
    if (EVERYWHERE.includes(file)) continue;
    const text = readFileSync(path.join(root, file), 'utf8');
    for (const [maker, call] of makers) if (call.test(text)) files.add(maker);
  }
  for (const file of [...Object.keys(ONLY), ...Object.keys(UNLESS)])
    if (file.startsWith(`src/entities/${entity}/`)) files.add(file);
  return files;
}

/** @param {string} file @returns {Omit<Metric, 'entities'>[]} */
function metersIn(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  /** @type {Omit<Metric, 'entities'>[]} */
  const meters = [];
  const visit = (/** @type {ts.Node} */ node) => {
    const meter = ts.isCallExpression(node)
      ? ofCall(node)
      : ts.isObjectLiteralExpression(node)
        ? ofObject(node)
        : null;
    if (meter !== null) meters.push(meter);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return meters;
}

/** `meter(name, help, …)`, `meterBy(label, name, help, …)`, `gauge(name, help, labels, …)`. @param {ts.CallExpression} call */
function ofCall({ expression, arguments: args }) {
  const made = ts.isIdentifier(expression) ? expression.text : '';
  const [first, second, third] = args;
  if (made === 'meter' && isText(first) && isText(second)) return metric(first.text, second.text, []);
  if (made === 'meterBy' && isText(first) && isText(second) && isText(third))
    return metric(second.text, third.text, [first.text]);
  if (made === 'gauge' && isText(first) && isText(second))
    return metric(first.text, second.text, textsOf(third));
  return null;
}

/** A meter spelt out. @param {ts.ObjectLiteralExpression} object */
function ofObject({ properties }) {
  const value = (/** @type {string} */ key) => {
    const found = properties.find(
      (each) => each.name !== undefined && ts.isIdentifier(each.name) && each.name.text === key,
    );
    return found !== undefined && ts.isPropertyAssignment(found) ? found.initializer : undefined;
  };
  const [name, help, kind] = [value('name'), value('help'), value('kind')];
  return isText(name) && isText(help) && isText(kind)
    ? metric(name.text, help.text, textsOf(value('labels')))
    : null;
}

/** @param {ts.Node | undefined} node @returns {node is ts.StringLiteral} */
function isText(node) {
  return node !== undefined && ts.isStringLiteral(node);
}

/** @param {ts.Node | undefined} node @returns {string[]} */
function textsOf(node) {
  if (node === undefined || !ts.isArrayLiteralExpression(node)) return [];
  return node.elements.filter(isText).map(({ text }) => text);
}

/** @param {string} name @param {string} help @param {string[]} labels */
function metric(name, help, labels) {
  return { name: `claviger_${name}`, kind: name.endsWith('_total') ? 'counter' : 'gauge', labels, help };
}

/** @param {string} root folder of the package */
export function metricsPage(root) {
  const metrics = metricsOf(root);
  const all = Math.max(...metrics.map(({ entities }) => entities.length));
  const rows = metrics.map(({ name, kind, labels, help, entities, only, unless }) => {
    const which = entities.length === all ? 'all' : entities.join(', ');
    const whose = [which, only ?? unless ?? []].flat().join(' ');
    const marks = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${kind} | ${marks} | ${whose} | ${help.replaceAll('|', '\\|')} |`;
  });
  const markdown = [
    '# Metrics',
    '',
    'Made from the sources. `claviger metrics` prints what an entity has now, `/metrics` gives it to Prometheus ([monitoring](operations.md#monitoring) says where, and which alerts there are). Labels are roles, states and reasons, never identities.',
    '',
    '| metric | kind | labels | entities | what it says |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ];
  return { source: 'docs/metrics.md', markdown: markdown.join('\n') };
}
