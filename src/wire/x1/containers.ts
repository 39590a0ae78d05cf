/**
 * X1 documents (TS 103 221-1 clause 6.1): `X1Request` with requests, `X1Response` with a response for each, and
 * `X1TopLevelErrorResponse` where a request could not be taken apart. Every message starts with
 *
 *     admfIdentifier, neIdentifier, messageTimestamp, version, x1TransactionId
 *
 * and then has what its `xsi:type` says. A message whose header can be read but whose contents cannot is decoded as
 * that, because it must be answered under its own transaction.
 */
import { X1Error } from './errors.ts';
import { REQUESTS } from './requests.ts';
import type { PayloadCodec, RequestType, X1RequestBody } from './requests.ts';
import { RESPONSES } from './responses.ts';
import type { X1ResponseBody } from './responses.ts';
import { leaf, node, Sequence, sequence, simple } from './sequence.ts';
import * as types from './simple-types.ts';
import { formatXml, parseXml, X1_NAMESPACE } from './xml.ts';
import type { XmlElement } from './xml.ts';

/** The version of the schema that these codecs follow. */
export const X1_VERSION = 'v1.22.1';

export interface TopLevelHeader {
  readonly admfIdentifier: string;
  readonly neIdentifier: string;
  /** Unix milliseconds with the microseconds as fraction. */
  readonly timestamp: number;
  /** `v1.MINOR.PATCH`. */
  readonly version: string;
}

export interface X1Header extends TopLevelHeader {
  /** UUID; a response repeats its request's. */
  readonly transactionId: string;
}

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
  readonly error: X1Error;
}

export type X1RequestMessage = X1Message<X1RequestBody> | MalformedMessage;
export type X1ResponseMessage = X1Message<X1ResponseBody>;

export type X1Response =
  | { readonly kind: 'response'; readonly messages: readonly X1ResponseMessage[] }
  | { readonly kind: 'top-level-error'; readonly header: TopLevelHeader };

export function encodeX1Request(messages: readonly X1Message<X1RequestBody>[]): Uint8Array {
  const write = ({ header, body }: X1Message<X1RequestBody>): XmlElement =>
    writeMessage('x1RequestMessage', `${body.type}Request`, header, payloadOf(REQUESTS, body));
  return formatXml(container('X1Request', messages.map(write)));
}

/** @throws X1Error if the container or a message's header is not as it must be */
export function decodeX1Request(octets: Uint8Array): X1RequestMessage[] {
  return readContainer(parseXml(octets), 'X1Request', 'x1RequestMessage', readRequest);
}

export function encodeX1Response(response: X1Response): Uint8Array {
  if (response.kind === 'top-level-error') {
    return formatXml(container('X1TopLevelErrorResponse', writeTopLevelHeader(response.header)));
  }
  const write = ({ header, body }: X1ResponseMessage): XmlElement =>
    writeMessage('x1ResponseMessage', `${body.type}Response`, header, payloadOf(RESPONSES, body));
  return formatXml(container('X1Response', response.messages.map(write)));
}

/** @throws X1Error if anything in it is not as it must be */
export function decodeX1Response(octets: Uint8Array): X1Response {
  const root = parseXml(octets);
  if (root.name === 'X1TopLevelErrorResponse' && root.namespace === X1_NAMESPACE) {
    return { kind: 'top-level-error', header: sequence(root, readTopLevelHeader) };
  }
  const messages = readContainer(root, 'X1Response', 'x1ResponseMessage', readResponse);
  return { kind: 'response', messages };
}

function readContainer<T>(
  root: XmlElement,
  name: string,
  item: string,
  read: (element: XmlElement) => T,
): T[] {
  if (root.name !== name || root.namespace !== X1_NAMESPACE) {
    throw new X1Error('schema', `${name} is expected`);
  }
  return sequence(root, (children) => children.many(item, read, 1));
}

function container(name: string, children: readonly XmlElement[]): XmlElement {
  if (children.length === 0) throw new X1Error('schema', `${name} has no message`);
  return node(name, children);
}

function readRequest(element: XmlElement): X1RequestMessage {
  const children = new Sequence(element);
  const header = readHeader(children);
  const type = typeOf(element, 'Request', REQUESTS);
  try {
    if (type === null) throw new X1Error('schema', 'this is not a request of X1');
    const body = readPayload(REQUESTS, type, children) as X1RequestBody;
    return { header, body };
  } catch (error) {
    if (error instanceof X1Error) return { header, body: null, type, error };
    throw error;
  }
}

function readResponse(element: XmlElement): X1ResponseMessage {
  const children = new Sequence(element);
  const header = readHeader(children);
  const type = typeOf(element, 'Response', RESPONSES);
  if (type === null) throw new X1Error('schema', 'this is not a response of X1');
  return { header, body: readPayload(RESPONSES, type, children) as X1ResponseBody };
}

/** The message's type by its `xsi:type`; `null` if it is none of the table's. */
function typeOf<T extends string>(
  element: XmlElement,
  suffix: string,
  table: Readonly<Record<T, unknown>>,
): T | null {
  const { type } = element;
  if (type?.namespace !== X1_NAMESPACE || !type.name.endsWith(suffix)) return null;
  const name = type.name.slice(0, -suffix.length);
  return Object.hasOwn(table, name) ? (name as T) : null;
}

function readPayload<T extends string>(
  table: Readonly<Record<T, { readonly read: (children: Sequence) => object }>>,
  type: T,
  children: Sequence,
): object {
  const payload = { type, ...table[type].read(children) };
  children.end();
  return payload;
}

/** The elements of a message's body; the table's entry of its type is the codec of its payload. */
function payloadOf<B extends { readonly type: string }>(
  table: Readonly<Record<B['type'], unknown>>,
  body: B,
): XmlElement[] {
  const codec = table[body.type as B['type']] as PayloadCodec<B>;
  return codec.write(body);
}

function writeMessage(
  name: string,
  type: string,
  header: X1Header,
  payload: readonly XmlElement[],
): XmlElement {
  const message = node(name, [
    ...writeTopLevelHeader(header),
    leaf('x1TransactionId', types.uuid, header.transactionId),
    ...payload,
  ]);
  return { ...message, type: { namespace: X1_NAMESPACE, name: type } };
}

function readHeader(children: Sequence): X1Header {
  return {
    ...readTopLevelHeader(children),
    transactionId: children.one('x1TransactionId', simple(types.uuid)),
  };
}

function readTopLevelHeader(children: Sequence): TopLevelHeader {
  return {
    admfIdentifier: children.one('admfIdentifier', simple(types.anyToken)),
    neIdentifier: children.one('neIdentifier', simple(types.anyToken)),
    timestamp: children.one('messageTimestamp', simple(types.dateTime)),
    version: children.one('version', simple(types.version)),
  };
}

function writeTopLevelHeader(header: TopLevelHeader): XmlElement[] {
  return [
    leaf('admfIdentifier', types.anyToken, header.admfIdentifier),
    leaf('neIdentifier', types.anyToken, header.neIdentifier),
    leaf('messageTimestamp', types.dateTime, header.timestamp),
    leaf('version', types.version, header.version),
  ];
}
