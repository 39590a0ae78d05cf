/** The console's page as `npm run build` makes it, for tests that serve it or look at it. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { build } from 'vite';
import { builtConsole } from '../../src/console/built.ts';
import type { PageFiles } from '../../src/net/pages.ts';
import { oneAtATime } from './one-at-a-time.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** The rooms that the page is made of. */
const sources = ['bytes', 'console/page', 'entities/lemf', 'evidence', 'media', 'mikey', 'views'].map(
  (room) => path.join(root, 'src', room),
);
const page = path.join(root, 'dist/console/page/index.html');

/** Builds it where a source is newer; test files that want the same wait for each other. */
export function consolePages(): Promise<PageFiles> {
  return oneAtATime('console', async () => {
    if (newest() > changedAt(page)) await builtForService();
    return builtConsole();
  });
}

/** Under test the page would be made of its libraries as they are for developers, and stay so for whoever runs it next. */
async function builtForService(): Promise<void> {
  const before = process.env['NODE_ENV'] ?? 'test';
  process.env['NODE_ENV'] = 'production';
  try {
    await build({ configFile: path.join(root, 'vite.config.ts') });
  } finally {
    process.env['NODE_ENV'] = before;
  }
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
