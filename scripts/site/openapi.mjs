/** Descriptions of HTTP interfaces (api/*.openapi.yaml) as pages: what is asked, what is answered, the form of both. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/**
 * The parts of OpenAPI 3.1 that the descriptions have.
 * @typedef {Record<string, any>} Node
 */

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

/** A page for each description, and one that lists them. @param {string} root folder of the package */
export function openapiPages(root) {
  const files = readdirSync(path.join(root, 'api')).filter((name) => name.endsWith('.openapi.yaml'));
  const pages = files.sort().map((file) => {
    const name = file.replace('.openapi.yaml', '');
    const description = parse(readFileSync(path.join(root, 'api', file), 'utf8'));
    return { source: `docs/http/${name}.md`, markdown: openapiPage(description, file) };
  });
  const lines = pages.map(({ source, markdown }) => {
    const title = /^# (.+)$/m.exec(markdown)?.[1] ?? '';
    return `- [${title}](${path.basename(source)})`;
  });
  const index = ['# HTTP interfaces', '', 'Made from `api/*.openapi.yaml`.', '', ...lines, ''].join('\n');
  return [{ source: 'docs/http/index.md', markdown: index }, ...pages];
}

/** @param {Node} api @param {string} file */
export function openapiPage(api, file) {
  const { info, paths = {}, components = {}, servers = [] } = api;
  const operations = Object.entries(paths).flatMap(([where, item]) =>
    METHODS.filter((method) => item[method] !== undefined).flatMap((method) =>
      operationOf(api, where, method, item[method], item.parameters ?? []),
    ),
  );
  const schemas = Object.entries(components.schemas ?? {}).flatMap(([name, schema]) => [
    `## ${name}`,
    '',
    ...schemaOf(schema),
  ]);
  return [
    `# ${info.title}`,
    '',
    `Made from \`api/${file}\`, version ${info.version}.`,
    '',
    String(info.description ?? '').trim(),
    '',
    ...servers.map((/** @type {Node} */ { url }) => `Base: \`${url}\`\n`),
    ...operations,
    ...schemas,
  ].join('\n');
}

/** @param {Node} api @param {string} where @param {string} method @param {Node} operation @param {Node[]} shared @returns {string[]} */
function operationOf(api, where, method, operation, shared) {
  const parameters = [...shared, ...(operation['parameters'] ?? [])].map((each) => found(api, each));
  const body = operation['requestBody'] === undefined ? null : found(api, operation['requestBody']);
  const answers = Object.entries(operation['responses'] ?? {}).map(([status, each]) => {
    const { description = '', content, headers = {} } = found(api, each);
    const names = Object.keys(headers).map((name) => `\`${name}\``);
    return [status, inCell(description), contentOf(content), names.join(', ')];
  });
  return [
    `## ${method.toUpperCase()} ${where}`,
    '',
    ...paragraph(operation['summary']),
    ...paragraph(operation['description']),
    ...(parameters.length === 0
      ? []
      : table(
          ['parameter', 'in', 'required', 'form', 'meaning'],
          parameters.map((each) => [
            `\`${each.name}\``,
            each.in,
            each.required === true ? 'yes' : 'no',
            formOf(each.schema ?? {}),
            inCell(each.description ?? ''),
          ]),
        )),
    ...(body === null ? [] : [`Body: ${contentOf(body.content)}`, '', ...paragraph(body.description)]),
    ...table(['answer', 'meaning', 'body', 'headers'], answers),
  ];
}

/** What a reference leads to. @param {Node} api @param {Node} node @returns {Node} */
function found(api, node) {
  if (node['$ref'] === undefined) return node;
  const target = String(node['$ref'])
    .replace(/^#\//, '')
    .split('/')
    .reduce((/** @type {any} */ at, name) => at?.[name], api);
  if (target === undefined) throw new Error(`${node['$ref']} leads nowhere`);
  return target;
}

/** Media types with the schema of each. @param {Node | undefined} content */
function contentOf(content) {
  return Object.entries(content ?? {})
    .map(([type, { schema }]) => (schema === undefined ? `\`${type}\`` : `\`${type}\`: ${formOf(schema)}`))
    .join('; ');
}

/** A schema's members as a table, or its form in words. @param {Node} schema @returns {string[]} */
function schemaOf(schema) {
  const about = paragraph(schema['description']);
  if (schema['properties'] === undefined) return [...about, formOf(schema), ''];
  return [...about, ...table(['member', 'required', 'form', 'meaning'], membersOf(schema, ''))];
}

/** Rows of members, those of members too. @param {Node} schema @param {string} prefix @returns {string[][]} */
function membersOf({ properties = {}, required = [] }, prefix) {
  return Object.entries(properties).flatMap(([name, member]) => {
    const inner = withMembers(member.items ?? member);
    const mark = member.items === undefined ? '' : '[]';
    const below = inner === undefined ? [] : membersOf(inner, `${prefix}${name}${mark}.`);
    const row = [
      `\`${prefix}${name}\``,
      required.includes(name) ? 'yes' : 'no',
      formOf(member),
      inCell(member.description ?? ''),
    ];
    return [row, ...below];
  });
}

/** A schema that has members, or the one of several that has. @param {Node} schema @returns {Node | undefined} */
function withMembers(schema) {
  const all = [schema, ...(schema['anyOf'] ?? [])];
  return all.find((/** @type {Node} */ each) => each['properties'] !== undefined);
}

const LIMITS = {
  minimum: 'at least',
  maximum: 'at most',
  minLength: 'characters at least',
  maxLength: 'characters at most',
  minItems: 'items at least',
  maxItems: 'items at most',
};

/** What a value can be, for a cell. @param {Node} schema @returns {string} */
function formOf(schema) {
  const { $ref, type, items, format, pattern, additionalProperties } = schema;
  if ($ref !== undefined) {
    const name = String($ref).replace(/^.*\//, '');
    return `[${name}](#${name.toLowerCase()})`;
  }
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (choices !== undefined) return choices.map(formOf).join(' or ');
  if (schema['enum'] !== undefined)
    return schema['enum'].map((/** @type {unknown} */ each) => `\`${each}\``).join(', ');
  if (schema['const'] !== undefined) return `\`${schema['const']}\``;
  const limits = Object.entries(LIMITS)
    .filter(([key]) => schema[key] !== undefined)
    .map(([key, words]) => (words.includes(' at ') ? `${schema[key]} ${words}` : `${words} ${schema[key]}`));
  const map = typeof additionalProperties === 'object' ? `map of ${formOf(additionalProperties)}` : undefined;
  const kind =
    items === undefined ? (map ?? [type ?? 'any'].flat().join(' or ')) : `list of ${formOf(items)}`;
  const how = [format, ...limits, pattern === undefined ? undefined : inCell(`\`${pattern}\``)];
  return [kind, ...how.filter((each) => each !== undefined)].join(', ');
}

/** @param {unknown} text @returns {string[]} */
function paragraph(text) {
  return text === undefined ? [] : [String(text).trim(), ''];
}

/** @param {string} text */
function inCell(text) {
  return text.trim().replace(/\s+/g, ' ').replaceAll('|', '\\|');
}

/** @param {string[]} head @param {string[][]} rows columns that are empty are left out @returns {string[]} */
function table(head, rows) {
  const used = head.map((_, at) => rows.some((row) => row[at] !== ''));
  const line = (/** @type {string[]} */ cells) => `| ${cells.filter((_, at) => used[at]).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}
