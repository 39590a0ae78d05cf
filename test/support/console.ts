/** The console's page as `npm run build` makes it, for tests that serve it or look at it. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { build } from 'vite';
import { builtConsole } from '../../src/console/built.ts';
import type { PageFiles } from '../../src/net/pages.ts';
import { oneAtATime } from './one-at-a-time.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** What the page is made of, besides what hardly changes. */
const sources = ['src/console/page', 'src/views', 'src/entities/lemf'].map((folder) =>
  path.join(root, folder),
);
const page = path.join(root, 'dist/console/page/index.html');

/** Builds it where a source is newer; test files that want the same wait for each other. */
export function consolePages(): Promise<PageFiles> {
  return oneAtATime('console', async () => {
    if (newest() > changedAt(page)) await build({ configFile: path.join(root, 'vite.config.ts') });
    return builtConsole();
  });
}

function newest(): number {
  const files = sources.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => path.join(folder, file)),
  );
  return Math.max(...files.map(changedAt));
}

/** Unix milliseconds; 0: it is not there. */
function changedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
