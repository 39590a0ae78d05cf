/**
 * X1 documents (TS 103 221-1 clause 6.1): `X1Request` with requests, `X1Response` with a response for each, and
 * `X1TopLevelErrorResponse` where a request could not be taken apart. Every message starts with
 *
 *     admfIdentifier, neIdentifier, messageTimestamp, version, x1TransactionId
 *
 * and then has what its `xsi:type` says. A message whose header can be read but whose contents cannot is decoded as
 * that, because it must be answered under its own transaction.
 */
import { readParts, writeParts } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { UUID } from './details.ts';
import { XmlDocumentError } from '../xml/errors.ts';
import { node, record, Sequence, leaf } from '../xml/forms.ts';
import type { Children, ElementForm } from '../xml/forms.ts';
import { REQUESTS } from './requests.ts';
import type { RequestType, X1RequestBody } from './requests.ts';
import { RESPONSES } from './responses.ts';
import type { X1ResponseBody } from './responses.ts';
import * as types from '../xml/simple-types.ts';
import { utf8 } from '../../bytes/octets.ts';
import { formatXml, formatXmlChild, formatXmlOf, parseXml } from '../xml/document.ts';
import { many, one, X1_ANSWER_LIMIT, X1_NAMESPACE, X1_SIZE_LIMIT, X1_VOCABULARY } from './names.ts';
import type { QName, XmlElement } from '../xml/tree.ts';

/** Requests that a document may have: each costs its answer, and its audit is one line however many there are. */
export const X1_MOST_REQUESTS = 256;

const TOP_LEVEL_HEADER_PARTS = {
  admfIdentifier: one('admfIdentifier', leaf(types.anyToken)),
  neIdentifier: one('neIdentifier', leaf(types.anyToken)),
  /** Unix milliseconds with the microseconds as fraction. */
  timestamp: one('messageTimestamp', leaf(types.dateTime)),
  /** `v1.MINOR.PATCH`. */
  version: one('version', leaf(types.version)),
};

export type TopLevelHeader = ValueOf<typeof TOP_LEVEL_HEADER_PARTS>;

const HEADER_PARTS = {
  ...TOP_LEVEL_HEADER_PARTS,
  /** UUID; a response repeats its request's. */
  transactionId: one('x1TransactionId', UUID),
};

export type X1Header = ValueOf<typeof HEADER_PARTS>;

export interface X1Message<Body> {
  readonly header: X1Header;
  readonly body: Body;
}

/** A message whose contents are not as the schema has them. */
export interface MalformedMessage {
  readonly header: X1Header;
  readonly body: null;
  /** The request's type as far as it is known. */
  readonly type: RequestType | null;
  readonly error: XmlDocumentError;
}

export type X1RequestMessage = X1Message<X1RequestBody> | MalformedMessage;
export type X1ResponseMessage = X1Message<X1ResponseBody>;

export type X1Response =
  | { readonly kind: 'response'; readonly messages: readonly X1ResponseMessage[] }
  | { readonly kind: 'top-level-error'; readonly header: TopLevelHeader };

const x1 = (name: string): QName => ({ namespace: X1_NAMESPACE, name });

export function encodeX1Request(messages: readonly X1Message<X1RequestBody>[]): Uint8Array {
  return formatXml(REQUEST_CONTAINER.write(x1('X1Request'), { messages }), X1_VOCABULARY);
}

/** @throws XmlDocumentError if the container or a message's header is not as it must be, `too-large` if it has too many requests */
export function decodeX1Request(octets: Uint8Array): readonly X1RequestMessage[] {
  const root = parseXml(octets, { limit: X1_SIZE_LIMIT });
  if (root.children.length > X1_MOST_REQUESTS)
    throw new XmlDocumentError('too-large', `more than ${X1_MOST_REQUESTS} requests`);
  return readContainer(root, 'X1Request', REQUEST_CONTAINER);
}

/**
 * @param instead what is said, in few octets, in place of the first message for which `X1_ANSWER_LIMIT` leaves no room, and
 *   of all after it
 * @throws XmlDocumentError `schema`; `too-large` if it does not fit, and nothing else is to be said
 */
export function encodeX1Response(
  response: X1Response,
  instead?: (message: X1ResponseMessage, at: number) => X1ResponseMessage,
): Uint8Array {
  if (response.kind === 'top-level-error')
    return formatXml(TOP_LEVEL_ERROR.write(x1('X1TopLevelErrorResponse'), response.header), X1_VOCABULARY);
  const { messages } = response;
  if (messages.length === 0) throw new XmlDocumentError('schema', 'x1ResponseMessage is missing');
  const format = (message: X1ResponseMessage): string =>
    formatXmlChild(RESPONSE.write(x1('x1ResponseMessage'), message), X1_VOCABULARY);
  const parts: string[] = [];
  let room = X1_ANSWER_LIMIT;
  for (const [at, message] of messages.entries()) {
    // After the first that does not fit nothing is tried: it would only be thrown away.
    const part = room > 0 ? format(message) : '';
    room -= utf8(part).length;
    if (room <= 0 && instead === undefined)
      throw new XmlDocumentError('too-large', 'the answer is too large');
    parts.push(room > 0 || instead === undefined ? part : format(instead(message, at)));
  }
  return formatXmlOf('X1Response', parts, X1_VOCABULARY);
}

/** @param limit octets at most @throws XmlDocumentError if anything in it is not as it must be */
export function decodeX1Response(octets: Uint8Array, limit = X1_SIZE_LIMIT): X1Response {
  const root = parseXml(octets, { limit });
  if (root.name === 'X1TopLevelErrorResponse' && root.namespace === X1_NAMESPACE) {
    return { kind: 'top-level-error', header: TOP_LEVEL_ERROR.read(root) };
  }
  return { kind: 'response', messages: readContainer(root, 'X1Response', RESPONSE_CONTAINER) };
}

const REQUEST: ElementForm<X1RequestMessage> = {
  read: (element) => {
    const children = new Sequence(element);
    const header = readParts(HEADER_PARTS, children);
    const type = typeOf(element, 'Request', REQUESTS);
    try {
      if (type === null) throw notARequest(element);
      return { header, body: readBody(REQUESTS, type, children) as X1RequestBody };
    } catch (error) {
      if (error instanceof XmlDocumentError) return { header, body: null, type, error };
      throw error;
    }
  },
  write: (name, { header, body }) => {
    if (body === null) throw new XmlDocumentError('schema', 'a malformed request cannot be written');
    return writeMessage(name, `${body.type}Request`, header, REQUESTS, body);
  },
};

const RESPONSE: ElementForm<X1ResponseMessage> = {
  read: (element) => {
    const children = new Sequence(element);
    const header = readParts(HEADER_PARTS, children);
    const type = typeOf(element, 'Response', RESPONSES);
    if (type === null) throw new XmlDocumentError('schema', 'this is not a response of X1');
    return { header, body: readBody(RESPONSES, type, children) as X1ResponseBody };
  },
  write: (name, { header, body }) => writeMessage(name, `${body.type}Response`, header, RESPONSES, body),
};

const REQUEST_CONTAINER = record({ messages: many('x1RequestMessage', REQUEST, 1) });
const RESPONSE_CONTAINER = record({ messages: many('x1ResponseMessage', RESPONSE, 1) });
const TOP_LEVEL_ERROR = record(TOP_LEVEL_HEADER_PARTS);

function readContainer<M>(
  root: XmlElement,
  name: string,
  container: ElementForm<{ readonly messages: readonly M[] }>,
): readonly M[] {
  if (root.name !== name || root.namespace !== X1_NAMESPACE) {
    throw new XmlDocumentError('schema', `${name} is expected`);
  }
  return container.read(root).messages;
}

/** The message's type by its `xsi:type`; `null` if it is none of the table's. */
function typeOf<T extends string>(
  { type }: XmlElement,
  suffix: 'Request' | 'Response',
  table: Readonly<Record<T, Children>>,
): T | null {
  if (type?.namespace !== X1_NAMESPACE || !type.name.endsWith(suffix)) return null;
  const name = type.name.slice(0, -suffix.length);
  return Object.hasOwn(table, name) ? (name as T) : null;
}

/** A request of another specification or of a later version, or not a request at all. */
function notARequest({ type }: XmlElement): XmlDocumentError {
  return type?.name.endsWith('Request') === true
    ? new XmlDocumentError('unknown-request', `${type.name} is not a request of X1`)
    : new XmlDocumentError('schema', 'this is not a request of X1');
}

function readBody<T extends string>(
  table: Readonly<Record<T, Children>>,
  type: T,
  children: Sequence,
): object {
  const body = { type, ...readParts(table[type], children) };
  children.end();
  return body;
}

function writeMessage<T extends string>(
  name: QName,
  type: string,
  header: X1Header,
  table: Readonly<Record<T, Children>>,
  body: { readonly type: T },
): XmlElement {
  const children: XmlElement[] = [];
  writeParts(HEADER_PARTS, header, children);
  const parts: Children = table[body.type];
  writeParts(parts, body, children);
  return { ...node(name, children), type: x1(type) };
}
