#!/usr/bin/env node
/**
 * The documentation as a site of files that are read without a network: the pages of docs/, and those that are made of
 * the code: commands, metrics, HTTP interfaces, the library.
 *
 *     npm run docs
 *     node scripts/docs-site.mjs [--out docs-site] [--without-library]
 *
 * A link that leads nowhere makes it fail.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { commandPages } from './site/commands.mjs';
import { documentOf, homeOf } from './site/layout.mjs';
import { checkSite } from './site/links.mjs';
import { hrefBetween, render } from './site/markdown.mjs';
import { metricsPage } from './site/metrics.mjs';
import { openapiPages } from './site/openapi.mjs';
import { pagesOf } from './site/pages.mjs';

const root = path.resolve(import.meta.dirname, '..');
/** Pictures that pages show (`docs-pictures.sh`). */
const PICTURES = 'docs/pictures';

/**
 * Writes the site into a folder, but for the pages of the library.
 * @param {string} out @param {import('./site/commands.mjs').CommandOutline} commands @param {boolean} hasApi whether
 * the pages of the library will be there
 * @returns {import('./site/pages.mjs').Page[]}
 */
export function buildSite(out, commands, hasApi) {
  const made = [...commandPages(commands), ...openapiPages(root), metricsPage(root)];
  const pages = pagesOf(root, made);
  const sentence = readFileSync(path.join(root, 'README.md'), 'utf8').split('\n\n')[1] ?? '';
  const home = { source: 'index.md', target: 'index.html', title: 'Claviger', kind: 'overview' };
  const all = [{ ...home, markdown: homeOf(pages, sentence) }, ...pages];
  const pictures = readdirSync(path.join(root, PICTURES)).filter((name) => name.endsWith('.png'));
  const targets = new Map([
    ...all.map(({ source, target }) => /** @type {const} */ ([source, target])),
    ...pictures.map((name) => /** @type {const} */ ([`${PICTURES}/${name}`, `pictures/${name}`])),
  ]);
  const rendered = all.map((page) => ({ ...page, ...render(page.markdown, hrefOf(page, targets)) }));
  mkdirSync(path.join(out, 'assets'), { recursive: true });
  for (const page of rendered) {
    mkdirSync(path.join(out, path.dirname(page.target)), { recursive: true });
    writeFileSync(path.join(out, page.target), documentOf(page, rendered, hasApi));
  }
  for (const file of ['site.css', 'site.js'])
    copyFileSync(path.join(root, 'scripts/site/assets', file), path.join(out, 'assets', file));
  mkdirSync(path.join(out, 'pictures'), { recursive: true });
  for (const name of pictures)
    copyFileSync(path.join(root, PICTURES, name), path.join(out, 'pictures', name));
  const index = rendered.flatMap(({ target, title, sections }) =>
    sections.map(({ anchor, heading, text }) => [`${target}#${anchor}`, title, heading, text]),
  );
  writeFileSync(path.join(out, 'assets/sections.js'), `globalThis.sections = ${JSON.stringify(index)};\n`);
  return all;
}

/**
 * What links of a page become. @param {import('./site/pages.mjs').Page} page @param {Map<string, string>} targets
 * @returns {(link: string) => string | null}
 */
function hrefOf({ source, target }, targets) {
  return (link) => {
    if (/^(?:https?|mailto):/.test(link)) return link;
    const [file = '', anchor] = link.split('#');
    const hash = anchor === undefined ? '' : `#${anchor}`;
    if (file === '') return hash;
    const at = path.posix.join(path.posix.dirname(source), file);
    const to = targets.get(at) ?? targets.get(path.posix.join(at, 'index.md'));
    return to === undefined ? null : `${hrefBetween(target, to)}${hash}`;
  };
}

/** The pages of the library (typedoc), without a script within them. @param {string} out */
function addLibrary(out) {
  const typedoc = path.join(root, 'node_modules/typedoc/bin/typedoc');
  const { status } = spawnSync(process.execPath, [typedoc, '--out', out], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('typedoc has failed');
  for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.html')) continue;
    const file = path.join(out, name);
    const to = path.relative(path.dirname(file), path.join(out, 'assets/theme.js'));
    const html = readFileSync(file, 'utf8').replace(/<script>([^]*?)<\/script>/g, (_, script) => {
      writeFileSync(path.join(out, 'assets/theme.js'), script);
      return `<script src="${to}"></script>`;
    });
    writeFileSync(file, html);
  }
}

async function main() {
  const options = { out: { type: 'string', default: 'docs-site' }, 'without-library': { type: 'boolean' } };
  const { values } = parseArgs({ options: /** @type {any} */ (options) });
  const out = path.resolve(String(values['out']));
  const hasApi = values['without-library'] !== true;
  const from = (/** @type {string} */ name) => import(pathToFileURL(path.join(root, 'dist', name)).href);
  const { createProgram } = await from('cli/program.js');
  const { outlineOf } = await from('cli/reference/outline.js');
  rmSync(out, { recursive: true, force: true });
  buildSite(out, outlineOf(await createProgram([])), hasApi);
  if (hasApi) addLibrary(path.join(out, 'api'));
  const { pages, links, faults } = checkSite(out);
  for (const { page, text } of faults) console.error(`${page} ${text}`);
  console.log(
    `${path.relative(process.cwd(), path.join(out, 'index.html'))}: ${pages} pages, ${links} links`,
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
