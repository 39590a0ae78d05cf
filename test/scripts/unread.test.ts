/** The lint rules that what is parsed and what comes from a store is read. */
import { Linter } from 'eslint';
import type { Rule } from 'eslint';
import path from 'node:path';
import tseslint from 'typescript-eslint';
import { expect, it } from 'vitest';

const file = path.join(import.meta.dirname, '../../scripts/lint/unread.js');
const { unread, unreadRows } = (await import(file)) as Record<'unread' | 'unreadRows', Rule.RuleModule>;

function faults(code: string): number {
  const config: Linter.Config = {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { claviger: { rules: { unread, unreadRows } } },
    rules: { 'claviger/unread': 'error', 'claviger/unreadRows': 'error' },
  };
  return new Linter().verify(code, config, 'a.ts').length;
}

it.each([
  ['const value = JSON.parse(text) as { version: string };', 1],
  ['use(JSON.parse(read(file)) as Partial<Mark> | null);', 1],
  ['const value = JSON.parse(text) as unknown;', 0],
  ['const value: unknown = JSON.parse(text);', 0],
  ['form.read(JSON.parse(text));', 0],
  ["db.prepare<[number], { name: string }>('SELECT name FROM thing WHERE id = ?');", 1],
  ["db.prepare<[number]>('SELECT name FROM thing WHERE id = ?');", 0],
  ['let named: Database.Statement<[number], { name: string }>;', 1],
  ['let named: Database.Statement<[number]>;', 0],
  ['await sql<{ name: string }>`SELECT name FROM thing`.execute(db);', 1],
  ['READER.read((await sql`SELECT name FROM thing`.execute(db)).rows[0]);', 0],
])('%s: %i', (code, count) => expect(faults(code)).toBe(count));
