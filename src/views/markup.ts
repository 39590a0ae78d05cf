/**
 * HTML and SVG that cannot be broken out of: what stands in a template's own text is markup, and every value that is put
 * into it is text, whoever wrote it. Values stand in elements or in quoted attributes, never elsewhere.
 *
 *     markup`<text x="${x}">${name}</text>`
 */

/** A piece of HTML or SVG. Nothing but the functions of this file makes one. */
export class Markup {
  readonly #text: string;

  /** @param key shows that it is this file that makes it @param text well-formed markup */
  constructor(key: typeof KEY, text: string) {
    if (key !== KEY) throw new TypeError('markup is made by its templates');
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

const KEY = Symbol('markup');

export type MarkupValue = string | number | Markup | readonly Markup[] | null;

/** @param values strings and numbers are text; markup stays as it is; `null` is nothing */
export function markup(literal: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  const parts = literal.map((text, at) => (at === 0 ? '' : textOf(values[at - 1] ?? null)) + text);
  return new Markup(KEY, parts.join(''));
}

/** What an element `style` or `script` holds, as it is. @throws RangeError for what would end or escape the element */
export function rawText(text: string): Markup {
  if (/<\/|<!--/.test(text)) throw new RangeError('neither a style sheet nor a script may have </ or <!--');
  return new Markup(KEY, text);
}

/** Text in one line, with nothing in it that is not printed: no control characters, none that turn its direction. */
export function visible(text: string): string {
  return text.replace(/[\p{C}\u2028\u2029]/gu, '\ufffd');
}

/** Lines of text as they are, each `visible`; tabs become spaces. */
export function visibleLines(text: string): string {
  return text
    .split(/\r\n|\n|\r/)
    .map((line) => visible(line.replaceAll('\t', '    ')))
    .join('\n');
}

/** Text of so many characters at most; what was cut ends in `…`. */
export function cut(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

function textOf(value: MarkupValue): string {
  if (value === null) return '';
  if (value instanceof Markup) return value.toString();
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return escaped(visibleLines(value));
  return value.map(String).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
