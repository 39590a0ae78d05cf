/** docs/architecture.md says what lint enforces. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { page, root, tableRows } from './support.ts';

const architecture = page('docs/architecture.md');
const rule = readFileSync(path.join(root, 'scripts/lint/layers.js'), 'utf8');

/** Rooms by layer, as lint has them. */
function lawful(): Map<string, number> {
  const table = /const LAYER = \{([^}]*)\}/.exec(rule)?.[1] ?? '';
  const entries = [...table.matchAll(/^\s*'?([\w/]+)'?: (\d+),$/gm)];
  return new Map(entries.map(([, room = '', layer]) => [room, Number(layer)]));
}

/** Rooms by layer, as the page has them. */
function described(): Map<string, number> {
  return new Map(
    tableRows(architecture, 'layer').flatMap(([layer, folders = '']) =>
      [...folders.matchAll(/`([\w/]+)\/`/g)].map(([, room = '']) => [room, Number(layer)] as const),
    ),
  );
}

describe('docs/architecture.md', () => {
  it('has the rooms of the layer rule, each in its layer', () => {
    expect(lawful().size).toBeGreaterThan(15);
    expect(Object.fromEntries(described())).toEqual(Object.fromEntries(lawful()));
  });

  it('has every folder below src', () => {
    const folders = readdirSync(path.join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    const rooms = [...described().keys()];
    expect(folders.filter((folder) => !rooms.some((room) => room.split('/')[0] === folder))).toEqual([]);
  });

  it('names the siblings that may import each other', () => {
    const also = /const ALSO = new Set\(\[([^\]]*)\]\)/.exec(rule)?.[1] ?? '';
    const pairs = [...also.matchAll(/'([^']+)'/g)].map(([, pair = '']) => pair);
    expect(pairs.length).toBeGreaterThan(0);
    for (const pair of pairs) expect(architecture).toContain(`\`${pair}\``);
  });

  it('names code that is there for every reference point', () => {
    const cells = tableRows(architecture, 'reference point').map((cells) => cells.at(-1) ?? '');
    expect(cells.length).toBeGreaterThan(8);
    for (const [, place = ''] of cells.flatMap((cell) => [...cell.matchAll(/`([^`*]+)`/g)])) {
      const found = [place, `src/${place}`].some((at) => existsSync(path.join(root, at)));
      expect(found, place).toBe(true);
    }
  });
});
