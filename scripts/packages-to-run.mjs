/**
 * Prints the files of the packages that the program runs with, one a line, from the lock file: what is for development
 * alone is not among them, nor what packages carry to be compiled from.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));

/** Of packages with native code, the parts that are used. */
const PARTS = {
  'better-sqlite3': ['package.json', 'LICENSE', 'lib', 'build/Release/better_sqlite3.node'],
  koffi: ['package.json', 'LICENSE.txt', 'index.js', 'src/koffi/index.js', 'src/koffi/src/static.js'],
  'koffi-linux-x64': ['package.json', 'index.js', 'linux_x64'],
  'koffi-linux-arm64': ['package.json', 'index.js', 'linux_arm64'],
};

/** What packages carry for those who read, test or compile against them: folders at their top, and endings. */
const ASIDE =
  /^(?:[.]github|benchmarks?|docs?|examples?|integration|tests?|__tests__|types|[.][^/]+)[/]|[.](?:d[.][cm]?ts|[cm]?ts|map|md|markdown|flow|c|cc|cpp|h|gyp)$|(?:^|[/])[.][^/]+$/;

const LICENCE = /^(?:licen[cs]e|copying|notice|copyright)/i;

const wanted = Object.entries(packages)
  .filter(([place, { dev, devOptional }]) => place !== '' && dev !== true && devOptional !== true)
  .map(([place]) => place)
  .filter((place) => existsSync(path.join(root, place)));

/** @param {string} place @returns {string[]} files below it, but for packages within */
function filesOf(place) {
  return readdirSync(path.join(root, place), { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules' && name !== '.bin')
    .flatMap((entry) => {
      const below = path.join(place, entry.name);
      if (entry.isDirectory()) return filesOf(below);
      return entry.isFile() ? [below] : [];
    });
}

const files = wanted.flatMap((place) => {
  const parts = PARTS[path.basename(place)];
  const all = filesOf(place).filter(
    (file) => LICENCE.test(path.basename(file)) || !ASIDE.test(path.relative(place, file)),
  );
  if (parts === undefined) return all;
  return all.filter((file) => parts.some((part) => `${file}/`.startsWith(`${path.join(place, part)}/`)));
});
process.stdout.write(files.map((file) => `${file}\n`).join(''));
