/** The lint rule that what is parsed is read. */
import { Linter } from 'eslint';
import type { Rule } from 'eslint';
import path from 'node:path';
import tseslint from 'typescript-eslint';
import { expect, it } from 'vitest';

const file = path.join(import.meta.dirname, '../../scripts/lint/unread.js');
const { unread } = (await import(file)) as { unread: Rule.RuleModule };

function faults(code: string): number {
  const config: Linter.Config = {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { claviger: { rules: { unread } } },
    rules: { 'claviger/unread': 'error' },
  };
  return new Linter().verify(code, config, 'a.ts').length;
}

it.each([
  ['const value = JSON.parse(text) as { version: string };', 1],
  ['use(JSON.parse(read(file)) as Partial<Mark> | null);', 1],
  ['const value = JSON.parse(text) as unknown;', 0],
  ['const value: unknown = JSON.parse(text);', 0],
  ['form.read(JSON.parse(text));', 0],
])('%s: %i', (code, count) => expect(faults(code)).toBe(count));
