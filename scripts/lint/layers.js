/**
 * The layer rule of docs/architecture.md as an ESLint rule: an import goes down the list of layers, never up, and
 * siblings of a layer do not import each other unless `ALSO` says so.
 */
import path from 'node:path';

/** Layer of every room below src/, lowest first. */
const LAYER = {
  bytes: 1,
  ibe: 2,
  mikey: 2,
  sip: 2,
  media: 2,
  ibake: 3,
  'li/wire': 3,
  'li/ne': 4,
  evidence: 4,
  kms: 5,
  admf: 5,
  df: 5,
  lemf: 5,
  cscf: 5,
  gateway: 5,
  ue: 5,
  stores: 6,
  servers: 6,
  app: 7,
  cli: 8,
  lab: 8,
};

/** Sibling imports that the table allows, "from → to". */
const ALSO = new Set(['li/ne → evidence', 'servers → stores', 'cli → lab']);

/** @param {string} file absolute path @returns {string | null} the room, e.g. "li/wire" */
function roomOf(file) {
  const parts = file.split(path.sep);
  const at = parts.lastIndexOf('src');
  if (at < 0) return null;
  const first = parts[at + 1];
  return first === 'li' ? `li/${parts[at + 2]}` : (first ?? null);
}

/** @type {import('eslint').Rule.RuleModule} */
export const layers = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      up: '{{from}} (layer {{a}}) must not import {{to}} (layer {{b}}): imports go down the layers only.',
      sibling: '{{from}} and {{to}} are siblings of layer {{a}} and do not import each other.',
      unknown: 'src/{{room}} is in no layer: add it to scripts/lint/layers.js and docs/architecture.md.',
    },
  },
  create(context) {
    const from = roomOf(context.filename);
    if (from === null) return {};
    const a = LAYER[from];
    /** @param {import('estree').Node & { source?: { value?: unknown } | null }} node */
    const check = (node) => {
      const source = node.source?.value;
      if (a === undefined) return context.report({ node, messageId: 'unknown', data: { room: from } });
      if (typeof source !== 'string' || !source.startsWith('.')) return;
      const to = roomOf(path.resolve(path.dirname(context.filename), source));
      if (to === null || to === from) return;
      const b = LAYER[to];
      const data = { from, to, a: String(a), b: String(b), room: to };
      if (b === undefined) context.report({ node, messageId: 'unknown', data });
      else if (b > a) context.report({ node, messageId: 'up', data });
      else if (b === a && !ALSO.has(`${from} → ${to}`)) context.report({ node, messageId: 'sibling', data });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};
