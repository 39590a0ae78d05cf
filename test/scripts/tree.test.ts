/** The tree of sources as a whole: no circles, no name twice. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { doubledNames, importCircles, readTree } from '../../scripts/lint/tree.ts';

const source = path.resolve(import.meta.dirname, '../../src');

/** Run for each file of tests anew (`setupFiles` of vitest.config.ts). */
const SETUP = path.resolve(import.meta.dirname, '../support/left-behind.ts');
const HOOK = /^(?:before|after)(?:All|Each)\(/m;

function tree(files: Record<string, string>): Map<string, string> {
  return new Map(Object.entries(files));
}

describe('src', () => {
  const files = readTree(source);

  it('is all there', () => {
    expect(files.size).toBeGreaterThan(300);
    expect(files.has(path.join(source, 'cli/main.ts'))).toBe(true);
  });

  it('has no circle of imports', () => {
    expect(importCircles(files)).toEqual([]);
  });

  it('exports no name twice', () => {
    expect(Object.fromEntries(doubledNames(files))).toEqual({});
  });
});

describe('test', () => {
  // Files of tests share what they import: of a hook at its top, the first of them alone knows.
  it('has no hooks in what several files of tests may share', () => {
    const shared = [...readTree(path.resolve(import.meta.dirname, '..'))].filter(
      ([file]) => !file.endsWith('.test.ts') && file !== SETUP,
    );
    expect(shared.length).toBeGreaterThan(100);
    expect(shared.flatMap(([file, text]) => (HOOK.test(text) ? [file] : []))).toEqual([]);
  });
});

describe('circles of imports', () => {
  it.each([
    ['values', "import { b } from './b.ts';"],
    ['types alone', "import type { B } from './b.ts';"],
    ['types among values', "import { type B } from './b.ts';"],
    ['nothing', "import './b.ts';"],
    ['what is exported again', "export { b } from './b.ts';"],
    ['all that is exported again', "export * from './b.ts';"],
    ['a file at run time', "const b = await import('./b.ts');"],
    ['the type of a file', "let b: import('./b.ts').B;"],
    ['what stands over several lines', "import {\n  b, // './c.ts'\n} from './b.ts';"],
  ])('are found where a file imports %s', (_, text) => {
    const files = tree({ 'x/a.ts': text, 'x/b.ts': "import { a } from '../x/a.ts';", 'x/c.ts': text });
    expect(importCircles(files)).toEqual([['x/a.ts', 'x/b.ts']]);
  });

  it('are found over several files, each circle once', () => {
    const files = tree({
      'a.ts': "import './b.ts';",
      'b.ts': "import './c.ts'; import './d.ts';",
      'c.ts': "import './a.ts';",
      'd.ts': "import './e.ts';",
      'e.ts': "import './d.ts';",
      'f.ts': "import './f.ts';",
    });
    expect(importCircles(files)).toEqual([['d.ts', 'e.ts'], ['a.ts', 'b.ts', 'c.ts'], ['f.ts']]);
  });

  it('are not seen where two ways lead to one file', () => {
    const files = tree({
      'a.ts': "import './b.ts'; import './c.ts';",
      'b.ts': "import './d.ts';",
      'c.ts': "import './d.ts'; // import './a.ts';",
      'd.ts': "import 'node:fs'; const text = \"import './a.ts'\";",
    });
    expect(importCircles(files)).toEqual([]);
  });
});

describe('doubled names', () => {
  it.each([
    ['export const name = 1;'],
    ['export const { other: name } = object;'],
    ['export const [name] = list;'],
    ['export function name() {}'],
    ['export async function* name() {}'],
    ['export abstract class name {}'],
    ['export interface name {}'],
    ['export type name = string;'],
    ['export enum name {}'],
    ['export namespace name {}'],
    ['const name = 1; export { name };'],
    ['export { other as name };'],
    ["export type { name } from './c.ts';"],
    ["export * as name from './c.ts';"],
  ])('are found in %s', (text) => {
    const files = tree({ 'a.ts': text, 'b.ts': 'export type name = number;' });
    expect([...doubledNames(files)]).toEqual([['name', ['a.ts', 'b.ts']]]);
  });

  it('are not seen in what stays within a file, nor in overloads', () => {
    const files = tree({
      'a.ts': 'const name = 1; function other() {} export function twice(): void; export function twice() {}',
      'b.ts': 'export const name = 2; { class twice {} }',
      'c.ts': 'export type other = string;',
    });
    expect([...doubledNames(files)]).toEqual([]);
  });
});
