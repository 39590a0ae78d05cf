/** How trees become text: each element on a line of its own, two spaces deeper than what it stands in. */
import { XmlDocumentError } from './errors.ts';
import type { QName, XmlElement, XmlPrefixes, XmlVocabulary } from './tree.ts';
import { XML_NAMESPACE, XSI_NAMESPACE } from './namespaces.ts';

/** What is no `Char` of XML 1.0 (production 2): control characters, unpaired surrogates, U+FFFE and U+FFFF. */
const NOT_XML = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;
/** A prefix that needs no look at the tables of XML. */
const PREFIX = /^(?!xml)[A-Za-z_][A-Za-z0-9_.-]*$/i;

/** What the root of a document declares. */
export function declarationsOf({ declared }: XmlVocabulary): string {
  const own = [...declared].map(([namespace, prefix]) => declaration(prefix, namespace));
  return `${own.join('')} xmlns:xsi="${XSI_NAMESPACE}"`;
}

export class XmlWriter {
  readonly #vocabulary: XmlVocabulary;
  readonly #out: string[] = [];

  constructor(vocabulary: XmlVocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** The root element with all declarations. */
  root(element: XmlElement): string {
    this.#write(element, '\n', this.#vocabulary.declared, declarationsOf(this.#vocabulary));
    return this.#out.join('');
  }

  /** A child of the root, which has made the declarations. */
  child(element: XmlElement): string {
    this.#write(element, '\n  ', this.#vocabulary.declared, '');
    return this.#out.join('');
  }

  /** @param line begins the element: a line feed and spaces; empty within text */
  #write(element: XmlElement, line: string, prefixes: XmlPrefixes, declarations: string): void {
    const { name, children, text, mixed } = element;
    const scope = new Scope(prefixes, this.#vocabulary.others ?? NONE);
    const tag = `${scope.prefix(element, true)}${name}`;
    let attributes = '';
    for (const each of element.attributes ?? [])
      attributes += ` ${scope.prefix(each, false)}${each.name}="${quoted(each.value, name)}"`;
    if (element.type !== null)
      attributes += ` xsi:type="${scope.prefix(element.type, true)}${element.type.name}"`;
    this.#out.push(line, '<', tag, declarations, scope.declared, attributes);
    if (mixed !== undefined) {
      this.#out.push('>');
      for (const each of mixed)
        if (typeof each === 'string') this.#out.push(escaped(each, name));
        else this.#write(each, '', scope.prefixes, '');
      this.#out.push('</', tag, '>');
    } else if (children.length > 0) {
      this.#out.push('>');
      for (const child of children) this.#write(child, line === '' ? '' : `${line}  `, scope.prefixes, '');
      this.#out.push(line, '</', tag, '>');
    } else if (text === '') this.#out.push('/>');
    else this.#out.push('>', escaped(text, name), '</', tag, '>');
  }
}

const NONE: XmlPrefixes = new Map();

/** The prefixes within one element, which declares those that are missing. */
class Scope {
  prefixes: XmlPrefixes;
  declared = '';
  readonly #others: XmlPrefixes;

  constructor(prefixes: XmlPrefixes, others: XmlPrefixes) {
    this.prefixes = prefixes;
    this.#others = others;
  }

  /** What stands before a name, its colon included. @param byDefault whether the default namespace holds for the name */
  prefix({ namespace, prefix: wanted }: QName, byDefault: boolean): string {
    if (namespace === XML_NAMESPACE) return 'xml:';
    if (namespace === XSI_NAMESPACE) return 'xsi:';
    if (namespace === '') return this.#without(byDefault);
    const known = this.prefixes.get(namespace);
    if (known !== undefined && (known !== '' || byDefault)) return known === '' ? '' : `${known}:`;
    const prefix = this.#free(wanted ?? this.#others.get(namespace));
    this.#declare(prefix, namespace);
    return `${prefix}:`;
  }

  /** A name without a namespace has no prefix, and no default namespace may hold for it. */
  #without(byDefault: boolean): '' {
    if (byDefault && [...this.prefixes.values()].includes('') && this.prefixes.get('') === undefined)
      this.#declare('', '');
    return '';
  }

  #free(wanted: string | undefined): string {
    const taken = new Set(this.prefixes.values());
    if (wanted !== undefined && PREFIX.test(wanted) && !taken.has(wanted)) return wanted;
    let number = this.prefixes.size;
    while (taken.has(`n${number}`)) number += 1;
    return `n${number}`;
  }

  #declare(prefix: string, namespace: string): void {
    const kept = [...this.prefixes].filter(([, each]) => each !== prefix);
    this.prefixes = new Map([...kept, [namespace, prefix]]);
    this.declared += declaration(prefix, namespace);
  }
}

function declaration(prefix: string, namespace: string): string {
  return ` xmlns${prefix === '' ? '' : `:${prefix}`}="${quoted(namespace, prefix)}"`;
}

function quoted(text: string, name: string): string {
  return escaped(text, name).replace(/["\n\t]/g, (character) => ESCAPES[character] ?? '');
}

/** @throws XmlDocumentError `schema` */
function escaped(text: string, name: string): string {
  if (NOT_XML.test(text)) throw new XmlDocumentError('schema', `${name} has text that XML cannot carry`);
  return /[&<>\r]/.test(text) ? text.replace(/[&<>\r]/g, (character) => ESCAPES[character] ?? '') : text;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\r': '&#13;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
};
