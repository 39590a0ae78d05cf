/**
 * Markdown to HTML, as GitHub has it: the same anchors, tables, no markup but Markdown's own. Links are those of the
 * package's files; they lead to pages of the site, and where there is none, only their text is left.
 */
import path from 'node:path';
import MarkdownIt from 'markdown-it';

/**
 * @typedef {object} Heading
 * @property {number} level
 * @property {string} anchor
 * @property {string} text
 */

/**
 * @typedef {object} Section what is found by a search: a heading, and what stands below it up to the next
 * @property {string} anchor
 * @property {string} heading
 * @property {string} text
 */

/** The anchor of a heading. @param {string} heading as text @param {Map<string, number>} taken anchors before it */
export function anchorOf(heading, taken) {
  const anchor = heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
  const before = taken.get(anchor) ?? 0;
  taken.set(anchor, before + 1);
  return before === 0 ? anchor : `${anchor}-${before}`;
}

/** The way from one file of the site to another. @param {string} from @param {string} to */
export function hrefBetween(from, to) {
  return path.posix.relative(path.posix.dirname(from), to);
}

/**
 * @param {string} markdown @param {(link: string) => string | null} hrefOf what a link becomes; `null`: none
 * @returns {{ html: string, headings: Heading[], sections: Section[] }}
 */
export function render(markdown, hrefOf) {
  const md = new MarkdownIt({ html: true, linkify: false, typographer: false });
  const tokens = md.parse(markdown, {});
  const headings = anchored(tokens);
  linked(tokens, hrefOf);
  for (const token of tokens) aligned(token);
  const { rules } = md.renderer;
  const escaped = (/** @type {string} */ text) => (/^\s*<!--/.test(text) ? '' : md.utils.escapeHtml(text));
  rules.html_block = (all, at) => escaped(all[at]?.content ?? '');
  rules.html_inline = (all, at) => escaped(all[at]?.content ?? '');
  rules.table_open = () => '<div class="table" tabindex="0" role="region" aria-label="Table"><table>\n';
  rules.table_close = () => '</table></div>\n';
  rules.fence = (all, at) => {
    const { info = '', content = '' } = all[at] ?? {};
    const language = info.trim() === '' ? '' : ` class="language-${md.utils.escapeHtml(info.trim())}"`;
    return `<pre tabindex="0"><code${language}>${md.utils.escapeHtml(content)}</code></pre>\n`;
  };
  return { html: md.renderer.render(tokens, md.options, {}), headings, sections: sectionsOf(tokens) };
}

/** Gives headings their anchors. @param {import('markdown-it').Token[]} tokens @returns {Heading[]} */
function anchored(tokens) {
  const taken = new Map();
  return tokens.flatMap((token, at) => {
    if (token.type !== 'heading_open') return [];
    const text = textOf(tokens[at + 1]);
    const anchor = anchorOf(text, taken);
    token.attrSet('id', anchor);
    return [{ level: Number(token.tag.slice(1)), anchor, text }];
  });
}

/** Cells are aligned by a class: pages have no styles within them. @param {import('markdown-it').Token} token */
function aligned(token) {
  const style = /^text-align:(\w+)$/.exec(String(token.attrGet('style') ?? ''));
  if (style === null) return;
  token.attrs = (token.attrs ?? []).filter(([name]) => name !== 'style');
  token.attrSet('class', style[1] ?? '');
}

/** What a reader sees of inline tokens. @param {import('markdown-it').Token | undefined} inline */
function textOf(inline) {
  const shown = (inline?.children ?? []).filter(({ type }) =>
    /^(text|code_inline|softbreak|image)$/.test(type),
  );
  return shown.map(({ type, content }) => (type === 'softbreak' ? ' ' : content)).join('');
}

/** @param {import('markdown-it').Token[]} tokens @param {(link: string) => string | null} hrefOf */
function linked(tokens, hrefOf) {
  for (const { children } of tokens) {
    const kept = [];
    for (const token of children ?? []) {
      if (token.type === 'image') {
        const src = hrefOf(String(token.attrGet('src')));
        if (src === null) token.hidden = true;
        else token.attrSet('src', src);
      }
      if (token.type === 'link_open') {
        const href = hrefOf(String(token.attrGet('href')));
        kept.push(href !== null);
        if (href === null) token.hidden = true;
        else token.attrSet('href', href);
      }
      if (token.type === 'link_close' && kept.pop() === false) token.hidden = true;
    }
    // A hidden inline token is still written; as text it is not.
    for (const token of children ?? []) if (token.hidden) Object.assign(token, { type: 'text', content: '' });
  }
}

/** @param {import('markdown-it').Token[]} tokens @returns {Section[]} */
function sectionsOf(tokens) {
  /** @type {{ anchor: string, heading: string, texts: string[] }[]} */
  const sections = [];
  tokens.forEach((token, at) => {
    if (token.type === 'heading_open')
      sections.push({ anchor: String(token.attrGet('id')), heading: textOf(tokens[at + 1]), texts: [] });
    else if (token.type === 'inline' && tokens[at - 1]?.type !== 'heading_open')
      sections.at(-1)?.texts.push(textOf(token));
    else if (token.type === 'fence') sections.at(-1)?.texts.push(token.content);
  });
  return sections.map(({ anchor, heading, texts }) => ({
    anchor,
    heading,
    text: texts.join(' ').replace(/\s+/g, ' '),
  }));
}
