#!/usr/bin/env node
/**
 * docs/errors.md from the sources: every class that extends `ClavigerError`, its codes, and the comments above them.
 *
 *     node scripts/docs-errors.mjs
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';

const root = path.resolve(import.meta.dirname, '..');

const HEAD = `# Errors

Made from the sources by \`node scripts/docs-errors.mjs\`; a test compares.

Every error that Claviger throws on purpose extends \`ClavigerError\` (\`src/bytes/errors.ts\`) and has a \`code\`. There is
one class a domain. A code is stable, its message is for people. Statuses of HTTP are made of
them in the entities' \`http/\`, numbers of X1 in \`src/x1/\`, statuses of SIP in \`src/entities/cscf/\` and \`src/entities/ue/\`. "Not mine" is \`null\`, not an error. No message holds a key, a seed or a password.

Where an answer could help an attacker to find out why, all causes have one code and one answer: decryption of an
identity-based ciphertext gives \`null\` for every cause, an I_MESSAGE_1 that does not verify gets silence, get_keys has one
indication for all that is wrong with the messages and one for all that is wrong with who asks.

## Exit codes of the command line

| code | meaning |
| --- | --- |
| 0 | done; \`demo\`: every check passed; \`lemf recover\`: every call with content was recovered, and both files were read to their ends |
| 1 | not done; the message says why, and a hint what to do |
| 2 | the command line cannot be used: no such command or option, a value that is none, options that contradict each other |
| 3 | \`selftest\`: no link is broken, and some could not be checked |
| 70 | a failure that nobody foresaw; with its stack |
| 130, 143 | ended by SIGINT or SIGTERM: \`demo\` by the first, \`run\` by a second one |
`;

/** @param {string} folder @returns {string[]} */
function sources(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

/** The text of a comment, in one line. @param {string | undefined} comment */
function plain(comment) {
  return (comment ?? '')
    .replace(/^\s*\/\*\*\s?|\s*\*\/\s*$/g, '')
    .replace(/\n\s*\* ?/g, ' ')
    .trim();
}

const COMMENT = String.raw`\/\*\*(?:(?!\*\/)[^])*\*\/`;

/** Codes with their comments, of a union of literals or a list. @param {string} text */
function codesOf(text) {
  const code = new RegExp(`(?:(${COMMENT})\\s*)?(?:\\|\\s*)?'([\\w-]+)'`, 'g');
  return [...text.matchAll(code)].map(([, comment, name = '']) => ({ name, meaning: plain(comment) }));
}

/** The definition that gives a type its codes. @param {string} type @param {string[]} texts */
function definitionOf(type, texts) {
  if (type.startsWith("'")) return type;
  const union = new RegExp(`export type ${type} =((?:\\s*(?:${COMMENT})?\\s*\\|?\\s*'[\\w-]+')+);`);
  const listed = new RegExp(`export type ${type} = \\(typeof (\\w+)\\)\\[number\\];`);
  const keys = new RegExp(`export type ${type} = keyof typeof (\\w+);`);
  for (const text of texts) {
    const found = union.exec(text)?.[1];
    if (found !== undefined) return found;
    const table = keys.exec(text)?.[1];
    if (table !== undefined) return tableKeys(table, text);
    const list = listed.exec(text)?.[1];
    if (list === undefined) continue;
    return new RegExp(`${list} = \\[([^\\]]*)\\]`).exec(text)?.[1] ?? '';
  }
  throw new Error(`no codes found for ${type}`);
}

/**
 * The keys of a table as a union has them, each below what its row says: the code, if it has one, and the text.
 * @param {string} table @param {string} text
 */
function tableKeys(table, text) {
  const body = new RegExp(`const ${table} = \\{\\n([^]*?)\\n\\} as const`).exec(text)?.[1] ?? '';
  return [...body.matchAll(/^ {2}(\w+): (.*),$/gm)]
    .map(([, key, row = '']) => {
      const [, code] = /code: (\d+)/.exec(row) ?? [];
      const says = /'([^']+)'/.exec(row)?.[1] ?? '';
      return `/** ${code === undefined ? '' : `${code}: `}${says}. */ | '${key}'`;
    })
    .join('\n');
}

/** The page, as the formatter has it. @param {string} [base] folder of the package @returns {Promise<string>} */
export async function errorsPage(base = root) {
  const files = sources(path.join(base, 'src'));
  const texts = files.map((file) => readFileSync(file, 'utf8'));
  const classes = new RegExp(`(?:(${COMMENT})\\n)?export class (\\w+) extends ClavigerError<([^>]+)>`, 'g');
  const sections = files.flatMap((file, at) =>
    [...(texts[at] ?? '').matchAll(classes)].map(([, comment, name = '', type = '']) => {
      const codes = codesOf(definitionOf(type, texts));
      const rows = codes.map(
        ({ name: code, meaning }) => `| \`${code}\` | ${meaning.replaceAll('|', '\\|')} |`,
      );
      const place = path.relative(base, file).split(path.sep).join('/');
      const about = plain(comment);
      const intro = `\`${place}\`${about === '' ? '' : `. ${about}`}`;
      return {
        name,
        text: [`## ${name}`, '', intro, '', '| code | meaning |', '| --- | --- |', ...rows].join('\n'),
      };
    }),
  );
  sections.sort((a, b) => (a.name < b.name ? -1 : 1));
  const page = [HEAD, ...sections.map(({ text }) => `${text}\n`)].join('\n');
  return format(page, { ...(await resolveConfig(path.join(base, 'docs/errors.md'))), parser: 'markdown' });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(path.join(root, 'docs/errors.md'), await errorsPage());
}
