/** docs/requirements.md names tests and lines of source that are there; `scripts/check-requirements.mjs` runs them. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { page, root, tableRows } from './support.ts';

interface Row {
  readonly id: string;
  readonly requirement: string;
  readonly test: string;
  readonly name: string;
  readonly file: string;
  readonly line: string;
}

const script = path.join(root, 'scripts/check-requirements.mjs');
const { rowsOf, placesOf, without } = (await import(script)) as {
  rowsOf: (markdown: string) => Row[];
  placesOf: (source: string, line: string) => number[];
  without: (source: string, line: string) => string;
};

const text = page('docs/requirements.md');
const rows = rowsOf(text);

function source(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** A title as it may stand in a source: in whichever quotes. */
function hasTitle(test: string, title: string): boolean {
  return test.includes(title) || test.includes(title.replaceAll("'", "\\'"));
}

describe('docs/requirements.md', () => {
  it('has rows for every requirement that this version is to meet', () => {
    const ids = new Set(rows.map(({ id }) => id));
    const wanted = [...Array.from({ length: 13 }, (_, i) => i + 1), 20, 21, 22, 23, 26, 30, 31, 32];
    expect(wanted.filter((id) => !ids.has(`R-${id}`))).toEqual([]);
    expect(tableRows(text, 'id').map(([id]) => id)).toEqual(rows.map(({ id }) => id));
  });

  it.each(rows.map((row) => [row.id, row.line, row] as const))('%s: %s', (_id, _line, row) => {
    expect(existsSync(path.join(root, row.test)), row.test).toBe(true);
    expect(hasTitle(source(row.test), row.name), `${row.test}: ${row.name}`).toBe(true);
    expect(placesOf(source(row.file), row.line), `${row.file}: ${row.line}`).toHaveLength(1);
  });

  it('names tests of the whole network that are there', () => {
    const named = tableRows(text, 'requirements').map(
      ([, cell = '']) => /^`([^`]+)`: (.+)$/.exec(cell) ?? [],
    );
    expect(named.length).toBeGreaterThan(0);
    for (const [, file = '', title = ''] of named) {
      expect(existsSync(path.join(root, file)), file).toBe(true);
      expect(hasTitle(source(file), title), `${file}: ${title}`).toBe(true);
    }
  });
});

describe('the mutation', () => {
  it('removes one line and no other', () => {
    expect(without('a\n  b;\nc\n', 'b;')).toBe('a\nc\n');
  });

  it('refuses a line that is there twice, or not at all', () => {
    expect(() => without('b;\n  b;\n', 'b;')).toThrow(/2 times/);
    expect(() => without('a\n', 'b;')).toThrow(/0 times/);
  });
});
