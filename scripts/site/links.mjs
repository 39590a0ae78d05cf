/** What is wrong with a site in a folder: links that lead nowhere, and what a page would load from elsewhere or has within. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/**
 * @typedef {object} Fault
 * @property {string} page
 * @property {string} text
 */

const ATTRIBUTE = /<(\w+)\b[^>]*?\s(href|src)="([^"]*)"/g;
/** Scripts and styles within a page, and handlers: what the policy of a page forbids. */
const WITHIN = /<style\b|<script\b(?![^>]*\ssrc=)|<[^>]*\s(?:style|on[a-z]+)="/;

/**
 * @param {string} folder @param {{ skip?: string }} [options] `skip`: a folder in it whose pages are not looked at
 * @returns {{ pages: number, links: number, faults: Fault[] }}
 */
export function checkSite(folder, { skip } = {}) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(path.sep).join('/'))
    .filter((name) => name.endsWith('.html') && (skip === undefined || !name.startsWith(`${skip}/`)));
  /** @type {Map<string, Set<string>>} */
  const ids = new Map();
  const idsOf = (/** @type {string} */ file) => {
    const known = ids.get(file);
    if (known !== undefined) return known;
    const found = readFileSync(path.join(folder, file), 'utf8').matchAll(/\sid="([^"]*)"/g);
    const all = new Set([...found].map(([, id = '']) => plain(id)));
    ids.set(file, all);
    return all;
  };
  /** @type {Fault[]} */
  const faults = [];
  let links = 0;
  for (const page of files) {
    const html = readFileSync(path.join(folder, page), 'utf8');
    if (WITHIN.test(html)) faults.push({ page, text: 'has a script or a style within it' });
    for (const [, tag = '', , value = ''] of html.matchAll(ATTRIBUTE)) {
      links++;
      const why = faultOf(plain(value), tag, page);
      if (why !== null) faults.push({ page, text: `${why}: ${value}` });
    }
  }
  return { pages: files.length, links, faults };

  /** @param {string} value @param {string} tag @param {string} page @returns {string | null} */
  function faultOf(value, tag, page) {
    if (/^[a-z][a-z+.-]*:|^\/\//i.test(value)) return tag === 'a' ? null : 'is loaded from elsewhere';
    const [name = '', anchor] = value.split('#');
    const file = name === '' ? page : path.posix.join(path.posix.dirname(page), decodeURIComponent(name));
    if (file.startsWith('..') || !existsSync(path.join(folder, file))) return 'leads nowhere';
    if (anchor === undefined || anchor === '' || !file.endsWith('.html')) return null;
    return idsOf(file).has(decodeURIComponent(anchor)) ? null : 'leads to no such place on its page';
  }
}

/** @param {string} text as it stands in an attribute */
function plain(text) {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}
