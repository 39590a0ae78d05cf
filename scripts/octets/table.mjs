/** The octets of a message as a table: where each field stands, what it holds, and what that means. */
import { hex } from './diagram.mjs';

/** @typedef {import('./trace.mjs').Part} Part @typedef {import('./trace.mjs').Field} Field @typedef {import('./trace.mjs').Product} Product */

const MOST_OCTETS = 8;

/** Name spaces of fields, by part and field, or by field alone. @type {Record<string, import('./trace.mjs').RegistryName>} */
const SPACES = {
  'data type': 'DATA_TYPE',
  'next payload': 'PAYLOAD_TYPE',
  'PRF func': 'PRF_FUNC',
  'CS ID map type': 'CS_ID_MAP_TYPE',
  'TS type': 'TS_TYPE',
  'ID Role': 'ID_ROLE',
  'ID Type': 'ID_TYPE',
  'ECC Curve': 'ECC_CURVE',
  'Encr alg': 'ENCR_ALG',
  'Mac alg': 'MAC_ALG',
  KV: 'KV_TYPE',
  'Prot type': 'PROT_TYPE',
  'Cert Type': 'CERT_TYPE',
  'Hash func': 'HASH_FUNC',
  'S type': 'SIGN_TYPE',
  C: 'CACHE_TYPE',
  'Error no': 'ERROR_NO',
  'V Auth alg': 'MAC_ALG',
  'SK Type': 'SK_TYPE',
  'KEY_DATA Type': 'KEY_DATA_TYPE',
  'EXT Type': 'EXT_TYPE',
  'SP param Type': 'SRTP_PARAM',
};

/** @param {Product} product @param {readonly Part[]} parts @returns {string[]} lines of Markdown */
export function octetTable(product, parts) {
  const rows = parts.flatMap((part) =>
    part.fields.map(({ at, bits, ...field }, index) => [
      index === 0 ? part.name : '',
      String(at),
      bits % 8 === 0 ? String(bits / 8) : `${bits} bit${bits === 1 ? '' : 's'}`,
      field.name,
      valueOf({ at, bits, ...field }),
      meaningOf(product, part.name, { at, bits, ...field }),
    ]),
  );
  const head = ['part', 'from', 'octets', 'field', 'holds', 'meaning'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

/** @param {Field} field */
function valueOf({ bits, octets, value }) {
  if (bits % 8 !== 0) return `\`${value.toString(16)}\``;
  const shown = hex(octets.subarray(0, MOST_OCTETS));
  return octets.length > MOST_OCTETS ? `\`${shown} …\`` : `\`${shown}\``;
}

/** @param {Product} product @param {string} part @param {Field} field @returns {string} */
function meaningOf({ registry, ntpName }, part, { name, octets, value, bits }) {
  const space = SPACES[`${part} ${name}`] ?? SPACES[name];
  if (space !== undefined) return registry.nameOf(registry[space], value) ?? String(value);
  if (name === 'ID Data') return `\`${Buffer.from(octets).toString('latin1')}\``;
  if (name === 'TS value') return ntpName(octets).replace(/ .*$/, '');
  if (name === 'V') return value === 1 ? 'a response is expected' : 'no response is expected';
  if (part === 'EXT' && name === 'Data') return `\`${Buffer.from(octets).toString('latin1')}\``;
  if (/^#CS$|len(?:gth)?$|Length$|^ROC$|^Policy|version/.test(name) && bits <= 48) return String(value);
  return '';
}
