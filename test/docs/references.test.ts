/** References of the documentation: files, symbols in files, links between pages. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { page, pages, prose, root } from './support.ts';

/** `src/room/file.ts`, `src/room/file.ts#Symbol`, `…#Class.method`, `…#Class.#method`, in backticks. */
const REFERENCE =
  /`((?:src|test|scripts|bench|api|assets)\/[\w./-]+\.(?:ts|js|mjs|sh|yaml|json|wav))(?:#([\w.#]+))?`/g;

/** Paths below `src/` that the architecture page gives without it. */
const WITHIN_SRC = /`((?:[a-z0-9-]+\/)+[\w-]+\.ts)`/g;

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;

/** Whether a TypeScript source declares `A`, or `A` with a member `b`. */
function declares(source: string, symbol: string): boolean {
  const [owner = '', ...rest] = symbol.split(/\.(?=#?\w+$)/);
  const member = rest[0];
  const start = new RegExp(
    `^(?:export )?(?:abstract |async |const )*(?:class|interface|function|const|type) ${owner}\\b|^export const ${owner}\\b`,
    'm',
  ).exec(source);
  if (start === null) return false;
  if (member === undefined) return true;
  const body = source.slice(start.index);
  const end = /^\}/m.exec(body);
  return new RegExp(`^  (?:static |async |get |readonly )*${member}\\b *[(<:=]`, 'm').test(
    body.slice(0, end?.index),
  );
}

/** The anchors that headings get. */
function anchors(markdown: string): string[] {
  return [...prose(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the checker', () => {
  const source =
    'export class A {\n  #b(): void {}\n  static async c(): void {}\n}\nfunction f(): void {}\nclass D {\n  e(): void {}\n}\n';

  it.each(['A', 'A.#b', 'A.c', 'f', 'D.e'])('finds %s', (symbol) => {
    expect(declares(source, symbol)).toBe(true);
  });

  it.each(['B', 'A.b', 'A.e', 'D.c', 'g'])('does not find %s', (symbol) => {
    expect(declares(source, symbol)).toBe(false);
  });
});

describe.each(pages)('%s', (name) => {
  const text = page(name);

  it('refers to files and symbols that exist', () => {
    const broken = [...text.matchAll(REFERENCE)].flatMap(([reference, file = '', symbol]) => {
      const at = path.join(root, file);
      if (!existsSync(at)) return [reference];
      return symbol === undefined || declares(readFileSync(at, 'utf8'), symbol) ? [] : [reference];
    });
    expect(broken).toEqual([]);
  });

  it('refers to files below src that exist', () => {
    const broken = [...text.matchAll(WITHIN_SRC)].flatMap(([reference, file = '']) =>
      [root, path.join(root, 'src')].some((base) => existsSync(path.join(base, file))) ? [] : [reference],
    );
    expect(broken).toEqual([]);
  });

  it('links to pages and headings that exist', () => {
    const links = [...prose(text).matchAll(LINK)].map(([, target = '']) => target);
    const broken = links.filter((link) => {
      if (/^(?:https?|mailto):/.test(link)) return false;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? name : path.join(path.dirname(name), file);
      if (!existsSync(path.join(root, target))) return true;
      return anchor !== undefined && !anchors(page(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe('life of a call', () => {
  it('names a place in the code for every step', () => {
    const steps = page('docs/life-of-a-call.md')
      .split(/^## /m)
      .slice(1)
      .filter((section) => /^\d+\. /.test(section));
    expect(steps.length).toBe(11);
    for (const step of steps) expect(step).toMatch(/`src\/[\w./-]+\.ts#/);
  });
});
