/**
 * What every page of the site has around it. Nothing is loaded from elsewhere, no script or style stands in a page: the
 * policy that each page names forbids both. Without scripts everything works but the search.
 */
import { hrefBetween } from './markdown.mjs';
import { KINDS } from './pages.mjs';

/** Read from a disk, a page is of no origin that `'self'` would mean (in Firefox): hence `file:`, which a server has not. */
export const POLICY =
  "default-src 'none'; style-src 'self' file:; script-src 'self' file:; img-src 'self' file:; base-uri 'none'; form-action 'none'";

/**
 * @typedef {import('./pages.mjs').Page & { html: string, headings: import('./markdown.mjs').Heading[] }} RenderedPage
 */

/** @param {string} text */
export function escaped(text) {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/**
 * A whole page. @param {RenderedPage} page @param {readonly RenderedPage[]} pages all of the site
 * @param {boolean} hasApi whether the site has the pages of the library
 */
export function documentOf(page, pages, hasApi) {
  const to = (/** @type {string} */ target) => escaped(hrefBetween(page.target, target));
  const title = page.target === 'index.html' ? 'Claviger' : `${page.title} – Claviger`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="${to('assets/site.css')}">
<script src="${to('assets/site.js')}" defer></script>
</head>
<body data-root="${to('index.html').replace(/index\.html$/, '')}">
<a class="skip" href="#content">To the content</a>
<header>
<a class="name" href="${to('index.html')}">Claviger</a>
<div class="search" hidden>
<input id="search" type="search" placeholder="Search" aria-label="Search the documentation" aria-controls="found" autocomplete="off">
<ul id="found" aria-label="What was found"></ul>
</div>
</header>
<div class="columns">
<details class="menu">
<summary>All pages</summary>
${navigation(page, pages, hasApi, 'All pages, in short')}
</details>
<div class="side">
${navigation(page, pages, hasApi, 'All pages')}
</div>
<main id="content">
${contents(page)}<article>
${page.html}</article>
</main>
</div>
</body>
</html>
`;
}

/** @param {RenderedPage} page @param {readonly RenderedPage[]} pages @param {boolean} hasApi @param {string} label */
function navigation(page, pages, hasApi, label) {
  const groups = KINDS.map(({ name, title }) => {
    const own = pages.filter((each) => each.kind === name && isListed(each, page, pages));
    const items = own.map((each) => item(each, page, pages));
    if (name === 'reference' && hasApi)
      items.push(
        `<li><a href="${escaped(hrefBetween(page.target, 'api/index.html'))}">Library (TypeScript)</a></li>`,
      );
    return items.length === 0 ? '' : `<h2>${escaped(title)}</h2>\n<ul>\n${items.join('\n')}\n</ul>\n`;
  });
  return `<nav aria-label="${escaped(label)}">\n${groups.join('')}</nav>`;
}

/** The index that a page stands below; `null`: it stands by itself. @param {string} target @param {readonly import('./pages.mjs').Page[]} pages */
function indexOf(target, pages) {
  const index = target.replace(/[^/]*$/, 'index.html');
  const stands = !target.includes('/') || target === index || !pages.some((each) => each.target === index);
  return stands ? null : index;
}

/**
 * Pages below an index are listed where it or one of them is shown.
 * @param {RenderedPage} each @param {RenderedPage} page @param {readonly RenderedPage[]} pages
 */
function isListed({ target }, page, pages) {
  const index = indexOf(target, pages);
  return index === null || index === page.target || index === indexOf(page.target, pages);
}

/** A page in the list of all; of directions, each of its own, too. @param {RenderedPage} each @param {RenderedPage} page @param {readonly RenderedPage[]} pages */
function item(each, page, pages) {
  const href = escaped(hrefBetween(page.target, each.target));
  const here = each.target === page.target ? ' aria-current="page"' : '';
  const place = indexOf(each.target, pages) === null ? '' : ' class="below"';
  const parts = each.headings.filter(({ level }) => level === 2);
  const isSplit = each.kind === 'how-to' && each.source.startsWith('docs/') && parts.length > 2;
  const below = isSplit ? `\n${listOf(parts, href)}` : '';
  return `<li${place}><a href="${href}"${here}>${escaped(nameOf(each))}</a>${below}</li>`;
}

/** @param {readonly import('./markdown.mjs').Heading[]} headings @param {string} href of their page; empty: this one */
function listOf(headings, href) {
  const items = headings.map(
    ({ anchor, text }) => `<li><a href="${href}#${escaped(anchor)}">${escaped(text)}</a></li>`,
  );
  return `<ul>\n${items.join('\n')}\n</ul>`;
}

/** @param {import('./pages.mjs').Page} page */
function nameOf({ target, title }) {
  if (target === 'index.html') return 'All pages';
  return target === 'readme.html' ? 'Claviger in short' : title;
}

/** What is on a page: beside it, or above it where there is no room. @param {RenderedPage} page */
function contents({ target, headings }) {
  const listed = headings.filter(({ level }) => level === 2);
  if (listed.length < 3 || target === 'index.html') return '';
  const list = listOf(listed, '');
  return `<details class="contents">\n<summary>On this page</summary>\n${list}\n</details>
<nav class="beside" aria-label="On this page">\n${list}\n</nav>\n`;
}

/** The first page: a list of all, by kind. @param {readonly import('./pages.mjs').Page[]} pages @param {string} sentence */
export function homeOf(pages, sentence) {
  const groups = KINDS.map(({ name, title, about }) => {
    const own = pages.filter((each) => each.kind === name && indexOf(each.target, pages) === null);
    const lines = own.map((each) => `- [${nameOf(each)}](${each.source})`);
    return [`## ${title}`, '', `${about}.`, '', ...lines, ''].join('\n');
  });
  return ['# Claviger', '', sentence, '', ...groups].join('\n');
}
