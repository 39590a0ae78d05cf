/** The documentation as tests read it: its pages, their fenced blocks, tables and headings. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** Every page, relative to the root of the package. */
export const pages: readonly string[] = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'].filter((page) =>
    existsSync(path.join(root, page)),
  ),
  ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .sort(),
];

export function page(name: string): string {
  return readFileSync(path.join(root, name), 'utf8');
}

export interface Fence {
  readonly language: string;
  readonly lines: readonly string[];
}

/** Fenced blocks of a page, in order. */
export function fences(markdown: string): Fence[] {
  return [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
    language,
    lines: text.trimEnd().split('\n'),
  }));
}

/** The text of a page without its fenced blocks. */
export function prose(markdown: string): string {
  return markdown.replace(/^```(\w*)\n(.*?)^```$/gms, '');
}

export interface Snippet {
  readonly command: string;
  readonly output: readonly string[];
}

/** `$ command` and what it prints, in blocks of a language. */
export function snippets(markdown: string, of: 'console' | 'session' = 'console'): Snippet[] {
  const found: { command: string; output: string[] }[] = [];
  for (const { lines } of fences(markdown).filter(({ language }) => language === of)) {
    for (const line of lines) {
      if (line.startsWith('$ ')) found.push({ command: line.slice(2), output: [] });
      else found.at(-1)?.output.push(line);
    }
  }
  return found;
}

/** What a line says, without what differs from run to run: numbers, hex, times, identifiers, short authentication strings. */
export function formOf(line: string): string {
  return line
    .replace(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, '0')
    .replace(/sip:[^\s,]+/g, 'sip:…')
    .replace(/\bLIID-\S+,/g, 'LIID,')
    .replace(/recovered-[^\s.]+\.wav/g, 'recovered-….wav')
    .replace(/\b[a-z2-7]{4}(?:-[a-z2-7]{4}){2}\b/g, '…')
    .replace(/\b(0x)?[0-9a-f]*\d[0-9a-f]*(\.\d+)?\b/g, '0')
    .trimEnd();
}

/** Rows of every table whose first heading is `first`, each as its cells. */
export function tableRows(markdown: string, first: string): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of prose(markdown).split('\n')) {
    if (!line.startsWith('|')) {
      inside = false;
      continue;
    }
    const cells = cellsOf(line);
    if (cells[0] === first) inside = true;
    else if (inside && !/^:?-+:?$/.test(cells[0] ?? '')) rows.push(cells);
  }
  return rows;
}

/** Cells of a table row; a `|` within a cell is written `\|`. */
function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}
