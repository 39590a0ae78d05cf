/**
 * XML as X1 uses it: elements in namespaces, text, and no attribute but those of XML Schema instances. Parsing yields
 * plain trees and takes nothing from outside the document: UTF-8 only, no document type (so no entity but the five of
 * XML and character references, nothing external), bounded in size and depth.
 */
import {
  ParseOption,
  XmlCData,
  XmlComment,
  XmlDocument,
  XmlElement as Node,
  XmlError,
  XmlText,
  XmlTreeNode,
} from 'libxml2-wasm';
import { BytesError } from '../../bytes/errors.ts';
import { fromUtf8, utf8 } from '../../bytes/octets.ts';
import { X1Error } from '../x1/errors.ts';

export const X1_NAMESPACE = 'http://uri.etsi.org/03221/X1/2017/10';
/** TS 103 280, common parameters. */
export const COMMON_NAMESPACE = 'http://uri.etsi.org/03280/common/2017/07';
export const HASHED_ID_NAMESPACE = 'http://uri.etsi.org/03221/X1/2017/10/HashedID';
const XSI_NAMESPACE = 'http://www.w3.org/2001/XMLSchema-instance';

/** Where an NE and where the ADMF take documents (TS 103 221-1 clause 7). */
export const X1_NE_PATH = '/X1/NE';
export const X1_ADMF_PATH = '/X1/ADMF';
/** Octets of a request at most. */
export const X1_SIZE_LIMIT = 1 << 20;
/** Octets of an answer that an element gives at most; what asks reads more than that (`answerOctets`). */
export const X1_ANSWER_LIMIT = 8 << 20;
const DEPTH_LIMIT = 32;

/** A qualified name. */
export interface QName {
  readonly namespace: string;
  readonly name: string;
}

/** An element: either child elements or text. */
export interface XmlElement extends QName {
  /** The value of `xsi:type`, resolved. */
  readonly type: QName | null;
  readonly children: readonly XmlElement[];
  /** Character data, CDATA sections included; of an element with children: what stands between them. */
  readonly text: string;
}

const OPTIONS = { option: ParseOption.XML_PARSE_NONET | ParseOption.XML_PARSE_NO_XXE };

/** The root element of a document. @throws X1Error `too-large`, `not-xml`, `forbidden-xml`, `schema` */
export function parseXml(octets: Uint8Array, limit = X1_SIZE_LIMIT): XmlElement {
  const document = open(octets, limit);
  try {
    return readElement(document.root, 1);
  } finally {
    document.dispose();
  }
}

/**
 * Parses a document under the same restrictions and lends it to `use`; the hints of `xsi:schemaLocation` are taken
 * away, so that no validator follows them.
 */
export function withDocument<T>(octets: Uint8Array, use: (document: XmlDocument) => T): T {
  const document = open(octets, octets.length);
  try {
    removeHints(document.root);
    return use(document);
  } finally {
    document.dispose();
  }
}

/** The document of a root element, indented, without a line feed at its end. @throws X1Error `schema` */
export function formatXml(root: XmlElement): Uint8Array {
  const out = [XML_HEAD];
  write(root, '\n', DECLARED, out, DECLARATIONS);
  return utf8(out.join(''));
}

/** As `formatXml`, of a root of X1 whose children have been formatted each by itself. */
export function formatXmlOf(root: string, children: readonly string[]): Uint8Array {
  return utf8(`${XML_HEAD}\n<${root}${DECLARATIONS}>${children.join('')}\n</${root}>`);
}

/** A child of the root as it stands in the document. Elements with equal contents give equal text. @throws X1Error `schema` */
export function formatXmlChild(element: XmlElement): string {
  const out: string[] = [];
  write(element, '\n  ', DECLARED, out);
  return out.join('');
}

/** `xsi:schemaLocation` and `xsi:noNamespaceSchemaLocation` are hints that a reader may ignore; this one does. */
const HINTS = new Set(['schemaLocation', 'noNamespaceSchemaLocation']);

function open(octets: Uint8Array, limit: number): XmlDocument {
  if (octets.length > limit) throw new X1Error('too-large', `more than ${limit} octets`);
  const text = textOf(octets);
  if (text.includes('<!DOCTYPE')) throw new X1Error('forbidden-xml', 'a document type is not allowed');
  const encoding = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/.exec(text)?.[1];
  if (encoding !== undefined && !/^utf-?8$/i.test(encoding)) {
    throw new X1Error('forbidden-xml', 'an encoding other than UTF-8 is not allowed');
  }
  try {
    return XmlDocument.fromString(text, OPTIONS);
  } catch (cause) {
    if (cause instanceof XmlError) throw new X1Error('not-xml', 'not well-formed XML', { cause });
    throw cause;
  }
}

function textOf(octets: Uint8Array): string {
  try {
    return fromUtf8(octets).replace(/^\uFEFF/, '');
  } catch (cause) {
    if (cause instanceof BytesError) throw new X1Error('not-xml', 'not UTF-8', { cause });
    throw cause;
  }
}

function removeHints(node: Node): void {
  for (const attribute of node.attrs) {
    if (attribute.namespaceUri === XSI_NAMESPACE && HINTS.has(attribute.name)) attribute.remove();
  }
  for (const child of childrenOf(node)) if (child instanceof Node) removeHints(child);
}

/** The children of an element. @throws X1Error at a processing instruction or whatever else has no siblings */
function* childrenOf(node: Node): Generator<XmlTreeNode> {
  for (let child: unknown = node.firstChild; child !== null;) {
    if (!(child instanceof XmlTreeNode))
      throw new X1Error('forbidden-xml', `${node.name} has an instruction`);
    yield child;
    child = child.next;
  }
}

function readElement(node: Node, depth: number): XmlElement {
  if (depth > DEPTH_LIMIT) throw new X1Error('forbidden-xml', 'elements are nested too deep');
  const children: XmlElement[] = [];
  let text = '';
  for (const child of childrenOf(node)) {
    if (child instanceof Node) children.push(readElement(child, depth + 1));
    else if (child instanceof XmlText || child instanceof XmlCData) text += child.content;
    else if (child instanceof XmlComment) continue;
    else throw new X1Error('forbidden-xml', `${node.name} has something other than elements and text`);
  }
  return {
    namespace: node.namespaceUri,
    name: node.name,
    type: readAttributes(node),
    children,
    text,
  };
}

/** The resolved `xsi:type`; any other attribute is refused. */
function readAttributes(node: Node): QName | null {
  let type: QName | null = null;
  for (const attribute of node.attrs) {
    const isXsi = attribute.namespaceUri === XSI_NAMESPACE;
    if (isXsi && attribute.name === 'type') type = resolve(node, attribute.value);
    else if (!isXsi || !HINTS.has(attribute.name))
      throw new X1Error('schema', `${node.name} has an attribute ${attribute.name}`);
  }
  return type;
}

function resolve(node: Node, value: string): QName {
  const match = /^(?:([^\s:]+):)?([^\s:]+)$/.exec(value.trim());
  const namespace = match === null ? null : node.namespaceForPrefix(match[1] ?? '');
  if (match === null || (namespace === null && match[1] !== undefined)) {
    throw new X1Error('schema', `${node.name} has an unreadable xsi:type`);
  }
  return { namespace: namespace ?? '', name: match[2] ?? '' };
}

/** What is no `Char` of XML 1.0 (production 2): control characters, unpaired surrogates, U+FFFE and U+FFFF. */
const NOT_XML = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

const XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>';
/** Namespaces that the root declares, and their prefixes. */
const DECLARED: Prefixes = new Map([
  [X1_NAMESPACE, ''],
  [COMMON_NAMESPACE, 'common:'],
]);
const DECLARATIONS = ` xmlns="${X1_NAMESPACE}" xmlns:common="${COMMON_NAMESPACE}" xmlns:xsi="${XSI_NAMESPACE}"`;

type Prefixes = ReadonlyMap<string, string>;

/** Each element on a line of its own, two spaces deeper than what it stands in; an element has children or text. */
function write(element: XmlElement, line: string, known: Prefixes, out: string[], attributes = ''): void {
  const { namespace, name, children, text } = element;
  if (NOT_XML.test(text)) throw new X1Error('schema', `${name} has text that XML cannot carry`);
  let inScope = known;
  let declared = attributes;
  if (!known.has(namespace)) {
    const prefix = namespace === HASHED_ID_NAMESPACE ? 'hashed:' : `n${known.size}:`;
    inScope = new Map([...known, [namespace, prefix]]);
    declared += ` xmlns:${prefix.slice(0, -1)}="${escaped(namespace).replaceAll('"', '&quot;')}"`;
  }
  if (element.type !== null) declared += ` xsi:type="${element.type.name}"`;
  const tag = `${inScope.get(namespace) ?? ''}${name}`;
  out.push(line, '<', tag, declared);
  if (children.length > 0) {
    out.push('>');
    for (const child of children) write(child, `${line}  `, inScope, out);
    out.push(line, '</', tag, '>');
  } else if (text === '') out.push('/>');
  else out.push('>', escaped(text), '</', tag, '>');
}

function escaped(text: string): string {
  return /[&<>\r]/.test(text) ? text.replace(/[&<>\r]/g, (character) => ESCAPES[character] ?? '') : text;
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };
