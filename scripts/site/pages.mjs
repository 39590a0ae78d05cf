/**
 * Which pages the site has, and where in it they stand: by what a reader wants of them (https://diataxis.fr): to learn
 * by doing, to do something, to look something up, to understand.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/**
 * @typedef {object} Page
 * @property {string} source where it is in the package; of a page that is made, where it would be
 * @property {string} target where it is in the site
 * @property {string} title
 * @property {string} markdown
 * @property {string} kind one of `KINDS`
 */

/** The kinds of pages, in the order in which the site has them. */
export const KINDS = [
  { name: 'overview', title: 'Overview', about: 'What it is, and what it prints' },
  { name: 'tutorial', title: 'Tutorial', about: 'Learn by doing it once, step by step' },
  { name: 'how-to', title: 'How to', about: 'Directions for what is to be done' },
  { name: 'reference', title: 'Reference', about: 'Every command, setting, message, error and metric' },
  { name: 'explanation', title: 'Explanation', about: 'Why it is as it is' },
];

/**
 * Pages and folders by kind, in the order in which the site lists them. A folder stands for all pages in it that are not
 * named, its index first.
 * @type {Record<string, string[]>}
 */
const PLACES = {
  overview: ['README.md'],
  tutorial: ['docs/tutorial/'],
  'how-to': [
    'docs/how-to/',
    'docs/operations.md',
    'docs/scale.md',
    'docs/console.md',
    'docs/report.md',
    'docs/workbench.md',
    'CONTRIBUTING.md',
  ],
  reference: [
    'docs/commands/',
    'docs/configuration.md',
    'docs/errors.md',
    'docs/metrics.md',
    'docs/http/',
    'docs/mikey-ibake/',
    'docs/vectors.md',
    'docs/conformance/',
    'docs/requirements.md',
    'docs/performance.md',
    'docs/glossary.md',
    'CHANGELOG.md',
  ],
  explanation: [
    'docs/life-of-a-call.md',
    'docs/architecture.md',
    'docs/profile.md',
    'docs/security.md',
    'SECURITY.md',
    'docs/decisions/',
    'docs/',
  ],
};

/** Folders without an index of their own: what it says above the list of their pages. @type {Record<string, string[]>} */
const INDEXES = {
  'docs/conformance/': [
    'Conformance',
    'What is done of each standard, clause by clause, and which test shows it.',
  ],
};

/** The files that pages outside docs/ become. @type {Record<string, string>} */
const OUTSIDE = {
  'README.md': 'readme.html',
  'CONTRIBUTING.md': 'contributing.html',
  'CHANGELOG.md': 'changelog.html',
  'SECURITY.md': 'vulnerabilities.html',
};

/** The file in the site that a page of the package becomes. @param {string} source */
export function targetOf(source) {
  return OUTSIDE[source] ?? source.replace(/^docs\//, '').replace(/\.md$/, '.html');
}

/** The heading of a page, as text. @param {string} markdown */
export function titleOf(markdown) {
  return (/^# (.+)$/m.exec(markdown)?.[1] ?? '').replaceAll('`', '');
}

/** @param {string} folder @returns {string[]} */
function within(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
}

/**
 * All pages, in order: those of the package, and those that are made of the code.
 * @param {string} root folder of the package @param {readonly { source: string, markdown: string }[]} made
 * @returns {Page[]}
 */
export function pagesOf(root, made) {
  const files = [
    ...Object.keys(OUTSIDE),
    ...within(path.join(root, 'docs')).map((name) => `docs/${name.split(path.sep).join('/')}`),
  ];
  const written = files.map((source) => ({
    source,
    markdown: readFileSync(path.join(root, source), 'utf8'),
  }));
  const all = [...written, ...made];
  for (const [folder, [title = '', about = '']] of Object.entries(INDEXES)) {
    const listed = all.filter(({ source }) => source.startsWith(folder)).sort(bySource);
    const lines = listed.map(
      ({ source, markdown }) => `- [${titleOf(markdown)}](${source.slice(folder.length)})`,
    );
    all.push({
      source: `${folder}index.md`,
      markdown: [`# ${title}`, '', about, '', ...lines, ''].join('\n'),
    });
  }
  const rest = new Map(all.sort(bySource).map((page) => [page.source, page]));
  const explicit = new Set(Object.values(PLACES).flat());
  /** @type {Page[]} */
  const pages = [];
  for (const [kind, places] of Object.entries(PLACES))
    for (const place of places)
      for (const [source, { markdown }] of rest) {
        const isNamed = source !== place && (explicit.has(source) || isOfNarrower(source, place, explicit));
        if (source !== place && (!place.endsWith('/') || !source.startsWith(place) || isNamed)) continue;
        rest.delete(source);
        pages.push({ source, target: targetOf(source), title: titleOf(markdown), markdown, kind });
      }
  return pages;
}

/** Whether a folder within `place` claims the page. @param {string} source @param {string} place @param {Set<string>} all */
function isOfNarrower(source, place, all) {
  return [...all].some(
    (other) => other.endsWith('/') && other.length > place.length && source.startsWith(other),
  );
}

/** By name, the index of a folder first. @param {{ source: string }} a @param {{ source: string }} b */
function bySource(a, b) {
  const key = (/** @type {string} */ source) => source.replace(/index\.md$/, '');
  return key(a.source) < key(b.source) ? -1 : 1;
}
