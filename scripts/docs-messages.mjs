#!/usr/bin/env node
/**
 * The figures of docs/mikey-ibake/: below each mark, a comment, stands what the decoders read in a message of the test
 * vectors.
 *
 *     <!-- diagram: FILE MESSAGE PART -->     a bit diagram of the header or of a payload
 *     <!-- octets: FILE MESSAGE -->           every field of a message in a table
 *     <!-- order: FILE MESSAGE -->            the names of its payloads, and of those in its containers
 *     <!-- line: FILE MESSAGE -->             as SDP carries it
 *
 * FILE is below test/vectors, without `.json`; MESSAGE is a name in it with `/` between, and with `:plaintext` or
 * `:esk` what its container holds; PART is the name of a payload, the second one of that name with `#2`.
 *
 *     npm run build && node scripts/docs-messages.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { diagram } from './octets/diagram.mjs';
import { octetTable } from './octets/table.mjs';
import { messageParts, plaintextParts } from './octets/trace.mjs';

const root = path.resolve(import.meta.dirname, '..');

export const PAGES = ['messages.md', 'payloads.md', 'sdp.md'];

/** @typedef {import('./octets/trace.mjs').Product & { formatKeyManagement: typeof import('../src/sip/key-management.ts').formatKeyManagement }} Product */

/** A mark, and the block below it: a fence or a table. */
const MARK =
  /<!-- (diagram|octets|order|line): ([\w/-]+) ([\w/]+)(?::(plaintext|esk))?(?: (\w+)(?:#(\d))?)? -->\n(?:\n(?:```\n[^]*?\n```\n|(?:\|.*\n)+)?)?/g;

/** A page with its figures anew. @param {string} name @param {Product} product @returns {Promise<string>} */
export async function messagesPage(name, product) {
  const file = path.join(root, 'docs/mikey-ibake', name);
  const page = readFileSync(file, 'utf8').replace(MARK, (whole, what, set, message, within, part, which) => {
    const mark = whole.slice(0, whole.indexOf('\n'));
    const lines = figure(product, what, { set, message, within, part, which: Number(which ?? 1) });
    return `${mark}\n\n${lines.join('\n')}\n\n`;
  });
  return format(page, { ...(await resolveConfig(file)), parser: 'markdown' });
}

/**
 * @typedef {{ set: string, message: string, within?: string, part?: string, which: number }} Place
 * @param {Product} product @param {string} what @param {Place} place @returns {string[]}
 */
function figure(product, what, { set, message, within, part, which }) {
  const found = messageOf(set, message);
  const octets = new Uint8Array(Buffer.from(found.message, 'base64'));
  if (what === 'line') return fenced(lineOf(product, octets));
  const parts = () => {
    if (within === undefined) return messageParts(product, octets);
    const { plaintext } = within === 'esk' ? found.esk : found;
    return plaintextParts(product, new Uint8Array(Buffer.from(plaintext, 'hex')));
  };
  if (what === 'octets') return octetTable(product, parts());
  if (what === 'order') return fenced([orderOf(product, found, octets)]);
  const [one] = parts()
    .filter(({ name }) => name === part)
    .slice(which - 1);
  if (one === undefined) throw new Error(`${set} ${message} has no ${part} ${which}`);
  return fenced(diagram(one.fields));
}

/** A message of the vectors, and the plaintexts of its containers. @typedef {{ message: string, plaintext?: string, esk?: { plaintext: string } }} Found */

/** @param {Product} product @param {Found} found @param {Uint8Array} octets */
function orderOf(product, { plaintext, esk }, octets) {
  const within = (/** @type {string | undefined} */ hex) =>
    hex === undefined
      ? ''
      : `(${namesOf(plaintextParts(product, new Uint8Array(Buffer.from(hex, 'hex')))).join(' ')})`;
  return namesOf(messageParts(product, octets))
    .map((name) =>
      name === 'IBAKE' ? name + within(plaintext) : name === 'ESK' ? name + within(esk?.plaintext) : name,
    )
    .join(' ');
}

/** Names of parts; those of identities with their roles. @param {import('./octets/trace.mjs').Part[]} parts */
function namesOf(parts) {
  const roles = ['', 'i', 'r', 'kms', 'psk'];
  return parts.map(({ name, fields }) => {
    const role = fields.find((field) => field.name === 'ID Role');
    return role === undefined ? name : `${name}${roles[role.value] ?? ''}`;
  });
}

/** @param {Product} product @param {Uint8Array} octets @returns {string[]} */
function lineOf({ formatKeyManagement }, octets) {
  return [`a=${formatKeyManagement({ protocol: 'mikey', data: octets })}`];
}

/** @param {string[]} lines */
function fenced(lines) {
  return ['```', ...lines, '```'];
}

/** @param {string} set @param {string} message */
function messageOf(set, message) {
  const json = JSON.parse(readFileSync(path.join(root, 'test/vectors', `${set}.json`), 'utf8'));
  const [name = '', ...above] = message.split('/').toReversed();
  const holder = above.toReversed().reduce((at, key) => at[key], json);
  const found = holder.messages[name];
  if (found === undefined) throw new Error(`${set} has no ${message}`);
  return found;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const from = (/** @type {string} */ name) => import(pathToFileURL(path.join(root, 'dist', name)).href);
  /** @type {Product} */
  const product = {
    ...(await from('bytes/reader.js')),
    ...(await from('mikey/header.js')),
    ...(await from('mikey/message.js')),
    ...(await from('mikey/chain.js')),
    ...(await from('mikey/payloads/all.js')),
    ...(await from('mikey/describe-values.js')),
    ...(await from('sip/key-management.js')),
    registry: await from('mikey/registry.js'),
  };
  for (const name of PAGES)
    writeFileSync(path.join(root, 'docs/mikey-ibake', name), await messagesPage(name, product));
}
