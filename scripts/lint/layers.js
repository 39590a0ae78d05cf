/**
 * The law of docs/architecture.md as ESLint rules.
 *
 * `layers`: an import goes down the list of layers, never up, and rooms of one layer do not import each other unless
 * `ALSO` says so; so entities never import each other.
 *
 * `rules`: what an entity decides by, its rules, imports neither the entity's own doors and stores nor what a process
 * is made of; `start.ts` hands these in.
 */
import path from 'node:path';

/** Layer of every room below src/, lowest first. */
const LAYER = {
  bytes: 1,
  ibe: 2,
  mikey: 2,
  sip: 2,
  media: 2,
  capacity: 2,
  ibake: 3,
  wire: 3,
  evidence: 3,
  net: 4,
  host: 4,
  storage: 4,
  x1: 5,
  xk: 5,
  poi: 5,
  endpoint: 5,
  'entities/kms': 6,
  'entities/admf': 6,
  'entities/df': 6,
  'entities/lemf': 6,
  'entities/cscf': 6,
  'entities/gateway': 6,
  'entities/mailbox': 6,
  'entities/ue': 6,
  views: 7,
  lab: 8,
  console: 8,
  cli: 8,
};

/** Imports within a layer that the table allows, "from → to". */
const ALSO = new Set(['poi → x1', 'host → net', 'host → storage', 'cli → lab', 'cli → console']);

/** Parts of an entity that are not its rules. */
const ADAPTERS = ['store', 'http', 'listeners', 'workers'];
const WIRING = /^(?:config|start)(?:-[\w-]+)?\.ts$/;
/** Rooms that are for adapters and wiring alone. */
const OUTSIDE = new Set(['net', 'host', 'storage']);

/** @param {string} file absolute path @returns {string[] | null} its parts below src/ */
function partsOf(file) {
  const parts = file.split(path.sep);
  const at = parts.lastIndexOf('src');
  return at < 0 ? null : parts.slice(at + 1);
}

/** @param {string} file absolute path @returns {string | null} the room, e.g. "entities/kms" */
function roomOf(file) {
  const [first, second] = partsOf(file) ?? [];
  return first === 'entities' ? `entities/${second}` : (first ?? null);
}

/** Whether a file of an entity is an adapter or wiring. @param {string} file absolute path */
function isOutside(file) {
  const [, , third = ''] = partsOf(file) ?? [];
  return ADAPTERS.includes(third) || WIRING.test(third);
}

/** Calls `check` with each import of a file. @param {(node: import('estree').Node, target: string) => void} check */
function imports(context, check) {
  /** @param {import('estree').Node & { source?: { value?: unknown } | null }} node */
  const visit = (node) => {
    const source = node.source?.value;
    if (typeof source === 'string' && source.startsWith('.'))
      check(node, path.resolve(path.dirname(context.filename), source));
  };
  return {
    ImportDeclaration: visit,
    ExportNamedDeclaration: visit,
    ExportAllDeclaration: visit,
    ImportExpression: visit,
  };
}

/** @type {import('eslint').Rule.RuleModule} */
export const layers = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      up: '{{from}} (layer {{a}}) must not import {{to}} (layer {{b}}): imports go down the layers only.',
      sibling: '{{from}} and {{to}} are of layer {{a}} and do not import each other.',
      unknown: 'src/{{room}} is in no layer: add it to scripts/lint/layers.js and docs/architecture.md.',
    },
  },
  create(context) {
    const from = roomOf(context.filename);
    if (from === null) return {};
    const a = LAYER[from];
    if (a === undefined)
      return { Program: (node) => context.report({ node, messageId: 'unknown', data: { room: from } }) };
    return imports(context, (node, target) => {
      const to = roomOf(target);
      if (to === null || to === from) return;
      const b = LAYER[to];
      const data = { from, to, a: String(a), b: String(b), room: to };
      if (b === undefined) context.report({ node, messageId: 'unknown', data });
      else if (b > a) context.report({ node, messageId: 'up', data });
      else if (b === a && !ALSO.has(`${from} → ${to}`)) context.report({ node, messageId: 'sibling', data });
    });
  },
};

/** @type {import('eslint').Rule.RuleModule} */
export const rules = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      adapter:
        'The rules of an entity do not import its adapters or wiring ({{to}}): take a port through the constructor.',
      outside: 'The rules of an entity do not import {{to}}/: take a port through the constructor.',
    },
  },
  create(context) {
    const from = roomOf(context.filename);
    if (from === null || !from.startsWith('entities/') || isOutside(context.filename)) return {};
    return imports(context, (node, target) => {
      const to = roomOf(target);
      if (to === from && isOutside(target))
        context.report({ node, messageId: 'adapter', data: { to: path.basename(target) } });
      else if (to !== null && OUTSIDE.has(to)) context.report({ node, messageId: 'outside', data: { to } });
    });
  },
};
