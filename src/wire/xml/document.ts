/**
 * XML as our reference points use it (X1, HI1): elements in namespaces, text, and no attribute but those of XML Schema
 * instances. Parsing yields plain trees and takes nothing from outside the document: UTF-8 only, no document type (so no
 * entity but the five of XML and character references, nothing external), bounded in size and depth.
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
import { XmlDocumentError } from './errors.ts';
import { XSI_NAMESPACE } from './namespaces.ts';
import type { QName, XmlAttributeValue, XmlElement, XmlVocabulary } from './tree.ts';
import { declarationsOf, XmlWriter } from './writer.ts';

const DEPTH_LIMIT = 32;

export interface XmlReading {
  /** Octets at most. */
  readonly limit: number;
  /** Whether attributes, prefixes and children among text are kept; otherwise attributes are refused. */
  readonly whole?: boolean;
}

const OPTIONS = { option: ParseOption.XML_PARSE_NONET | ParseOption.XML_PARSE_NO_XXE };

/** The root element of a document. @throws XmlDocumentError `too-large`, `not-xml`, `forbidden-xml`, `schema` */
export function parseXml(octets: Uint8Array, { limit, whole = false }: XmlReading): XmlElement {
  const document = open(octets, limit);
  try {
    return readElement(document.root, 1, whole);
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

/** The document of a root element, indented, without a line feed at its end. @throws XmlDocumentError `schema` */
export function formatXml(root: XmlElement, vocabulary: XmlVocabulary): Uint8Array {
  return utf8(`${XML_HEAD}${new XmlWriter(vocabulary).root(root)}`);
}

/** As `formatXml`, of a root in the default namespace whose children have been formatted each by itself. */
export function formatXmlOf(
  root: string,
  children: readonly string[],
  vocabulary: XmlVocabulary,
): Uint8Array {
  return utf8(`${XML_HEAD}\n<${root}${declarationsOf(vocabulary)}>${children.join('')}\n</${root}>`);
}

/** A child of the root as it stands in the document. Elements with equal contents give equal text. @throws XmlDocumentError `schema` */
export function formatXmlChild(element: XmlElement, vocabulary: XmlVocabulary): string {
  return new XmlWriter(vocabulary).child(element);
}

/** `xsi:schemaLocation` and `xsi:noNamespaceSchemaLocation` are hints that a reader may ignore; this one does. */
const HINTS = new Set(['schemaLocation', 'noNamespaceSchemaLocation']);

function open(octets: Uint8Array, limit: number): XmlDocument {
  if (octets.length > limit) throw new XmlDocumentError('too-large', `more than ${limit} octets`);
  const text = textOf(octets);
  if (text.includes('<!DOCTYPE'))
    throw new XmlDocumentError('forbidden-xml', 'a document type is not allowed');
  const encoding = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/.exec(text)?.[1];
  if (encoding !== undefined && !/^utf-?8$/i.test(encoding)) {
    throw new XmlDocumentError('forbidden-xml', 'an encoding other than UTF-8 is not allowed');
  }
  try {
    return XmlDocument.fromString(text, OPTIONS);
  } catch (cause) {
    if (cause instanceof XmlError) throw new XmlDocumentError('not-xml', 'not well-formed XML', { cause });
    throw cause;
  }
}

function textOf(octets: Uint8Array): string {
  try {
    return fromUtf8(octets).replace(/^\uFEFF/, '');
  } catch (cause) {
    if (cause instanceof BytesError) throw new XmlDocumentError('not-xml', 'not UTF-8', { cause });
    throw cause;
  }
}

function removeHints(node: Node): void {
  for (const attribute of node.attrs) {
    if (attribute.namespaceUri === XSI_NAMESPACE && HINTS.has(attribute.name)) attribute.remove();
  }
  for (const child of childrenOf(node)) if (child instanceof Node) removeHints(child);
}

/** The children of an element. @throws XmlDocumentError at a processing instruction or whatever else has no siblings */
function* childrenOf(node: Node): Generator<XmlTreeNode> {
  for (let child: unknown = node.firstChild; child !== null;) {
    if (!(child instanceof XmlTreeNode))
      throw new XmlDocumentError('forbidden-xml', `${node.name} has an instruction`);
    yield child;
    child = child.next;
  }
}

function readElement(node: Node, depth: number, whole: boolean): XmlElement {
  if (depth > DEPTH_LIMIT) throw new XmlDocumentError('forbidden-xml', 'elements are nested too deep');
  const children: XmlElement[] = [];
  const content: (string | XmlElement)[] = [];
  let text = '';
  for (const child of childrenOf(node)) {
    if (child instanceof Node) {
      const element = readElement(child, depth + 1, whole);
      children.push(element);
      content.push(element);
    } else if (child instanceof XmlText || child instanceof XmlCData) {
      text += child.content;
      content.push(child.content);
    } else if (child instanceof XmlComment) continue;
    else
      throw new XmlDocumentError('forbidden-xml', `${node.name} has something other than elements and text`);
  }
  const { type, attributes } = readAttributes(node, whole);
  return {
    namespace: node.namespaceUri,
    name: node.name,
    type,
    children,
    text: whole && children.length > 0 && text.trim() === '' ? '' : text,
    ...(whole && node.prefix !== '' ? { prefix: node.prefix } : {}),
    ...(attributes.length > 0 ? { attributes } : {}),
    ...(whole && children.length > 0 && text.trim() !== '' ? { mixed: content } : {}),
  };
}

/** The resolved `xsi:type`, and what other attributes are kept; where none is, any other is refused. */
function readAttributes(
  node: Node,
  whole: boolean,
): { readonly type: QName | null; readonly attributes: readonly XmlAttributeValue[] } {
  let type: QName | null = null;
  const attributes: XmlAttributeValue[] = [];
  for (const attribute of node.attrs) {
    const { name, value, prefix, namespaceUri: namespace } = attribute;
    const isXsi = namespace === XSI_NAMESPACE;
    if (isXsi && name === 'type') type = resolve(node, value, whole);
    else if (isXsi && HINTS.has(name)) continue;
    else if (whole) attributes.push({ namespace, name, prefix, value });
    else throw new XmlDocumentError('schema', `${node.name} has an attribute ${name}`);
  }
  return { type, attributes };
}

function resolve(node: Node, value: string, whole: boolean): QName {
  const match = /^(?:([^\s:]+):)?([^\s:]+)$/.exec(value.trim());
  const namespace = match === null ? null : node.namespaceForPrefix(match[1] ?? '');
  if (match === null || (namespace === null && match[1] !== undefined)) {
    throw new XmlDocumentError('schema', `${node.name} has an unreadable xsi:type`);
  }
  const [, prefix = '', name = ''] = match;
  return { namespace: namespace ?? '', name, ...(whole && prefix !== '' ? { prefix } : {}) };
}

const XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>';
