/** Manual pages in man(7), one a command, made of what the commands' own help says. */
import { everyOutline } from './outline.ts';
import type { CommandOutline, OptionOutline } from './outline.ts';

export interface ManualEdition {
  readonly version: string;
  /** `2030-01-31` */
  readonly date: string;
}

export interface ManualPage {
  /** `claviger-kms-run.1` */
  readonly file: string;
  readonly text: string;
}

const EXIT_STATUS: readonly (readonly [string, string])[] = [
  ['0', 'It was done.'],
  ['1', 'It could not be done, or the outcome is not what was hoped for; standard error says why.'],
  ['2', 'The command line or a value cannot be used; nothing was done.'],
  ['70', 'A failure that nobody foresaw.'],
];

/** A page for each command of the tree. */
export function manualPages(tree: CommandOutline, edition: ManualEdition): ManualPage[] {
  return everyOutline(tree).map((outline) => ({
    file: `${nameOf(outline)}.1`,
    text: pageOf(outline, tree, edition),
  }));
}

function pageOf(outline: CommandOutline, tree: CommandOutline, edition: ManualEdition): string {
  const name = nameOf(outline);
  const { prose, examples } = partsOf(outline.notes);
  const listed = outline.commands.map((each): [string, string] => [each.path.join(' '), each.description]);
  return [
    `.TH ${quoted(name.toUpperCase())} 1 ${quoted(edition.date)} ${quoted(`claviger ${edition.version}`)} "User Commands"`,
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(outline.description)}`,
    '.SH SYNOPSIS',
    `.B ${escaped(outline.path.join(' '))}`,
    ...lineOf(synopsisOf(outline)),
    '.SH DESCRIPTION',
    ...lineOf(sentence(outline.description)),
    ...blocks(prose),
    ...items(
      'ARGUMENTS',
      outline.arguments.map(({ term, description, choices }) => [term, withChoices(description, choices)]),
    ),
    ...items('OPTIONS', outline.options.map(optionItem)),
    ...items('COMMANDS', listed),
    ...(examples === '' ? [] : ['.SH EXAMPLES', ...blocks(examples).slice(1)]),
    ...items('EXIT STATUS', EXIT_STATUS),
    '.SH SEE ALSO',
    seeAlso(outline, tree),
    '',
  ].join('\n');
}

function nameOf({ path }: CommandOutline): string {
  return path.join('-');
}

function synopsisOf({ commands, options, arguments: args }: CommandOutline): string {
  const needed = options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags);
  const terms = args.map(({ term }) => term);
  return [...needed, '[options]', ...(commands.length > 0 ? ['<command>'] : []), ...terms].join(' ');
}

function optionItem({ flags, description, choices, byDefault }: OptionOutline): [string, string] {
  const text = withChoices(description, choices);
  return [flags, byDefault === null ? text : `${text} (default: ${byDefault})`];
}

function withChoices(description: string, choices: readonly string[]): string {
  return choices.length === 0 ? description : `${description} (${choices.join(', ')})`;
}

/** What a command's notes say before the examples, and these. */
function partsOf(notes: string): { readonly prose: string; readonly examples: string } {
  const at = /^Examples?:$/m.exec(notes);
  if (at === null) return { prose: notes, examples: '' };
  return { prose: notes.slice(0, at.index).trim(), examples: notes.slice(at.index + at[0].length) };
}

/** Paragraphs; what is indented stands as it is. */
function blocks(text: string): string[] {
  return text
    .split(/\n\s*\n/)
    .map((block) => block.replace(/^\n+|\s+$/g, ''))
    .filter((block) => block !== '')
    .flatMap((block) => {
      const lines = block.split('\n').flatMap(lineOf);
      return /^\s/m.test(block) ? ['.PP', '.nf', ...lines, '.fi'] : ['.PP', ...lines];
    });
}

function items(head: string, list: readonly (readonly [string, string])[]): string[] {
  if (list.length === 0) return [];
  return [
    `.SH ${head}`,
    ...list.flatMap(([term, text]) => ['.TP', `.B ${escaped(term)}`, ...lineOf(sentence(text))]),
  ];
}

function seeAlso({ path, commands }: CommandOutline, tree: CommandOutline): string {
  const above = path.length > 1 ? [path.slice(0, -1)] : [];
  const beside = path.length > 2 ? [tree.path] : [];
  const all = [...beside, ...above, ...commands.map((each) => each.path)].map((each) => each.join('-'));
  const names = [...new Set(all)];
  return names
    .map((name, at) => `.BR ${escaped(name)} ${at < names.length - 1 ? '"(1)," ' : '(1)'}`.trimEnd())
    .join('\n');
}

function sentence(text: string): string {
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.:]$/.test(text) ? '' : '.'}`;
}

/** A line of text that the formatter takes for nothing else. */
function lineOf(text: string): string[] {
  const line = escaped(text.trimEnd());
  if (line === '') return [];
  return [/^[.']/.test(line) ? `\\&${line}` : line];
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('’', "'")
    .replace(
      /[^\x20-\x7e]/gu,
      (sign) => `\\[u${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    );
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '\\(dq')}"`;
}
