/**
 * Writes what the Debian package has besides the program, made of the program itself: units, users, manual pages,
 * completion. `node scripts/packaged-files.mjs STAGE VERSION DATE`
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const [stage, version, date] = process.argv.slice(2);
if (stage === undefined || version === undefined || date === undefined) {
  console.error('usage: node scripts/packaged-files.mjs STAGE VERSION DATE');
  process.exit(2);
}

const { createProgram } = await import('../dist/cli/program.js');
const { outlineOf } = await import('../dist/cli/reference/outline.js');
const { manualPages } = await import('../dist/cli/reference/manual.js');
const { bashCompletion } = await import('../dist/cli/reference/bash-completion.js');
const { zshCompletion } = await import('../dist/cli/reference/zsh-completion.js');
const { fishCompletion } = await import('../dist/cli/reference/fish-completion.js');
const { PACKAGED, systemdUnits, systemUsers } = await import('../dist/lab/packaging/systemd.js');

/** @param {string} at @param {string} text */
function write(at, text) {
  const file = path.join(stage, at);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const tree = outlineOf(await createProgram([]));
for (const { file, text } of manualPages(tree, { version, date })) write(`usr/share/man/man1/${file}`, text);
write('usr/share/bash-completion/completions/claviger', bashCompletion(tree));
write('usr/share/zsh/vendor-completions/_claviger', zshCompletion(tree));
write('usr/share/fish/vendor_completions.d/claviger.fish', fishCompletion(tree));
for (const { name, text } of systemdUnits(PACKAGED)) write(`usr/lib/systemd/system/${name}`, text);
write('usr/lib/sysusers.d/claviger.conf', systemUsers(PACKAGED));
