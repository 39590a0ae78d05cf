/** The documentation as a site: complete, every link leads somewhere, nothing of it comes from elsewhere. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createProgram } from '../../src/cli/program.ts';
import { everyOutline, outlineOf } from '../../src/cli/reference/outline.ts';
import type { CommandOutline } from '../../src/cli/reference/outline.ts';
import { pages as sources, root } from './support.ts';

interface SitePage {
  readonly source: string;
  readonly target: string;
  readonly kind: string;
}

interface Checked {
  readonly pages: number;
  readonly links: number;
  readonly faults: readonly { readonly page: string; readonly text: string }[];
}

interface Rendered {
  readonly html: string;
  readonly headings: readonly { readonly anchor: string }[];
}

const script = (name: string): Promise<unknown> => import(path.join(root, 'scripts', name));
const { buildSite } = (await script('docs-site.mjs')) as {
  buildSite: (out: string, commands: CommandOutline, hasApi: boolean) => SitePage[];
};
const { checkSite } = (await script('site/links.mjs')) as { checkSite: (folder: string) => Checked };
const { render } = (await script('site/markdown.mjs')) as {
  render: (markdown: string, hrefOf: (link: string) => string | null) => Rendered;
};

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-site-'));
const site = path.join(folder, 'site');
const html = (target: string): string => readFileSync(path.join(site, target), 'utf8');
let commands: CommandOutline;
let pages: readonly SitePage[];

beforeAll(async () => {
  commands = outlineOf(await createProgram([]));
  pages = buildSite(site, commands, false);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the site', () => {
  it('has every page of the documentation, once, under one kind', () => {
    const shown = pages.map(({ source }) => source);
    expect(sources.filter((source) => !shown.includes(source))).toEqual([]);
    expect(new Set(pages.map(({ target }) => target)).size).toBe(pages.length);
    const kinds = new Set(pages.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(['explanation', 'how-to', 'overview', 'reference', 'tutorial']);
  });

  it('has no link that leads nowhere, and nothing that is loaded from elsewhere or stands in a page', () => {
    const { pages: looked, links, faults } = checkSite(site);
    expect(faults).toEqual([]);
    expect(looked).toBe(pages.length);
    expect(links).toBeGreaterThan(5000);
  });

  it('forbids in each page what would come from elsewhere', () => {
    for (const { target } of pages)
      expect(html(target), target).toContain(
        `http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self' file:; script-src 'self' file:;`,
      );
    const assets = readdirSync(path.join(site, 'assets')).map((name) => html(`assets/${name}`));
    expect(assets).toHaveLength(3);
    const [sections, ...own] = [html('assets/sections.js'), html('assets/site.css'), html('assets/site.js')];
    for (const text of own) expect(text).not.toMatch(/https?:|@import|url\(|\beval\b/);
    expect(sections).toMatch(/^globalThis\.sections = \[\[/);
  });

  it('leads from its first page to every other', () => {
    const reached = new Set(['index.html']);
    for (const target of reached)
      for (const [, href = ''] of html(target).matchAll(/<a [^>]*?href="([^"#:]+)["#]/g))
        reached.add(path.posix.join(path.posix.dirname(target), href));
    expect(pages.filter(({ target }) => !reached.has(target))).toEqual([]);
  });

  it('says of every command, at every level, what its help says', () => {
    for (const { path: words, options } of everyOutline(commands).slice(1)) {
      const text = html(`commands/${words[1] ?? ''}.html`);
      expect(text).toContain(`${words.join(' ')}</h`);
      for (const { flags } of options)
        expect(text).toContain(`<code>${flags.replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</code>`);
    }
  });

  it('has every operation and every form of the HTTP interfaces', () => {
    for (const file of readdirSync(path.join(root, 'api')).filter((name) => name.endsWith('.openapi.yaml'))) {
      const api = parse(readFileSync(path.join(root, 'api', file), 'utf8')) as {
        paths: Record<string, Record<string, unknown>>;
        components: { schemas: Record<string, unknown> };
      };
      const text = html(`http/${file.replace('.openapi.yaml', '.html')}`);
      const operations = Object.entries(api.paths).flatMap(([where, item]) =>
        Object.keys(item)
          .filter((key) => key !== 'parameters')
          .map((method) => `${method.toUpperCase()} ${where}`),
      );
      expect(operations.length).toBeGreaterThan(0);
      for (const heading of [...operations, ...Object.keys(api.components.schemas)])
        expect(text).toContain(`>${heading}</h2>`);
    }
  });

  it('R-93: shows every picture that there is, in words too, each less than 150 kB', () => {
    const shown = pages.flatMap(({ target }) =>
      [...html(target).matchAll(/<img src="([^"]+)" alt="([^"]+)"/g)].map(([, src = '']) =>
        path.posix.join(path.posix.dirname(target), src),
      ),
    );
    const names = readdirSync(path.join(root, 'docs/pictures'));
    expect(names.length).toBeGreaterThan(10);
    expect([...new Set(shown)].sort()).toEqual(names.map((name) => `pictures/${name}`).sort());
    for (const name of names)
      expect([name, statSync(path.join(site, 'pictures', name)).size]).toEqual([
        name,
        expect.toSatisfy((octets) => octets > 0 && octets < 150_000),
      ]);
  });

  it('has the metrics that alerts and dashboard ask for', () => {
    const asked = ['prometheus/alerts.yaml', 'grafana/claviger.json'].flatMap((file) => [
      ...readFileSync(path.join(root, 'assets', file), 'utf8').matchAll(/\bclaviger_\w+/g),
    ]);
    const text = html('metrics.html');
    expect(asked.filter(([name]) => !text.includes(`<code>${name}</code>`))).toEqual([]);
  });
});

describe('Markdown', () => {
  const none = (): null => null;

  it('has the anchors that GitHub gives', () => {
    const { headings } = render('# A *b* `c-d` (e), f_g\n## Twice\n## Twice\n### Zürich – ß\n', none);
    expect(headings.map(({ anchor }) => anchor)).toEqual(['a-b-c-d-e-f_g', 'twice', 'twice-1', 'zürich--ß']);
  });

  it('shows markup as text, and no comment', () => {
    const { html: shown } = render(
      '<script>a()</script>\n\n<!-- settings: x -->\n\nb <i onclick="c">d</i>\n',
      none,
    );
    expect(shown).toBe(
      '&lt;script&gt;a()&lt;/script&gt;\n<p>b &lt;i onclick=&quot;c&quot;&gt;d&lt;/i&gt;</p>\n',
    );
  });

  it('leaves the text of a link that leads out of the site', () => {
    const { html: shown } = render('[a `b`](../tools) [c](d.md)', (link) =>
      link === 'd.md' ? 'd.html' : null,
    );
    expect(shown).toBe('<p>a <code>b</code> <a href="d.html">c</a></p>\n');
  });
});

describe('the check of links', () => {
  it.each([
    ['<a href="b.html">', 'leads nowhere: b.html'],
    ['<a href="../a.html">', 'leads nowhere: ../a.html'],
    ['<a href="#c">', 'leads to no such place on its page: #c'],
    ['<a href="a.html#c">', 'leads to no such place on its page: a.html#c'],
    ['<img src="https://example.com/a.png">', 'is loaded from elsewhere: https://example.com/a.png'],
    ['<link rel="stylesheet" href="//example.com/a.css">', 'is loaded from elsewhere: //example.com/a.css'],
    ['<script>a()</script>', 'has a script or a style within it'],
    ['<style>a{}</style>', 'has a script or a style within it'],
    ['<p class="a" style="b">', 'has a script or a style within it'],
    ['<p onclick="b">', 'has a script or a style within it'],
  ])('finds what is wrong with %s', (markup, text) => {
    const at = mkdtempSync(path.join(folder, 'faulty-'));
    mkdirSync(path.join(at, 'below'));
    writeFileSync(path.join(at, 'a.html'), `<p id="here"><a href="#here">a</a>${markup}`);
    expect(checkSite(at).faults).toEqual([{ page: 'a.html', text }]);
  });
});
