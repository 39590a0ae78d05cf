/**
 * Messages of HI1 (TS 103 120, `ts_103120_Core.xsd`): a header, and a payload of requests or of answers.
 *
 *     HI1Message
 *     ├ Header    sender, receiver, transaction, time, version
 *     ├ Payload   RequestPayload:  actions, each with a number and GET, CREATE, UPDATE, LIST or DELIVER
 *     │           ResponsePayload: an answer to each, or one ErrorInformation for all
 *     └ Signature kept as it came
 */
import { optional, readParts, spread, writeParts } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { formatXml, parseXml } from '../xml/document.ts';
import type { QName, XmlElement } from '../xml/tree.ts';
import { XmlDocumentError } from '../xml/errors.ts';
import { formsOf, leaf, node, record, requireType, Sequence, unexpected } from '../xml/forms.ts';
import type { Children, ElementForm } from '../xml/forms.ts';
import * as types from '../xml/simple-types.ts';
import {
  DICTIONARY_ENTRY,
  ENDPOINT_ID,
  ISO_COUNTRY,
  LONG_TEXT,
  NATURAL,
  OBJECT_ID,
  QUALIFIED_TIME,
  SHORT_TEXT,
  UNSUCCESSFUL,
  UNSUCCESSFUL_PARTS,
} from './common.ts';
import type { Unsuccessful } from './common.ts';
import { HI1_ANSWER_LIMIT, HI1_CORE, HI1_MOST_ACTIONS, HI1_SIZE_LIMIT, HI1_VOCABULARY } from './names.ts';
import { HI1_OBJECT } from './objects.ts';

const { one, many } = formsOf(HI1_CORE);

const HEADER_PARTS = {
  sender: one('SenderIdentifier', ENDPOINT_ID),
  receiver: one('ReceiverIdentifier', ENDPOINT_ID),
  /** UUID; an answer repeats its request's. */
  transaction: one('TransactionIdentifier', OBJECT_ID),
  /** Unix milliseconds with the microseconds as fraction. */
  timestamp: one('Timestamp', leaf(types.dateTime)),
  version: one(
    'Version',
    record({
      /** `V1.12.1`; `\d` of XML Schema is any decimal digit of Unicode. */
      etsi: one(
        'ETSIVersion',
        leaf(types.restrictedString({ maxLength: 255, pattern: /^V\p{Nd}+\.\p{Nd}+\.\p{Nd}+$/u })),
      ),
      profileOwner: one('NationalProfileOwner', SHORT_TEXT),
      profileVersion: one('NationalProfileVersion', SHORT_TEXT),
    }),
  ),
};

export type Hi1Header = ValueOf<typeof HEADER_PARTS>;

const OBJECT = one('HI1Object', HI1_OBJECT);
const IDENTIFIER = one('Identifier', OBJECT_ID);

const REQUESTS = {
  GET: { identifier: IDENTIFIER },
  CREATE: { object: OBJECT },
  UPDATE: { object: OBJECT },
  LIST: {
    objectType: optional(one('ObjectType', DICTIONARY_ENTRY)),
    lastChanged: optional(one('LastChanged', QUALIFIED_TIME)),
  },
  DELIVER: { identifier: IDENTIFIER, object: OBJECT },
};

const LIST_RECORD = record({
  objectType: one('ObjectType', DICTIONARY_ENTRY),
  identifier: IDENTIFIER,
  country: optional(one('CountryCode', ISO_COUNTRY)),
  owner: optional(one('OwnerIdentifier', SHORT_TEXT)),
  generation: one('Generation', NATURAL),
  external: optional(one('ExternalIdentifier', LONG_TEXT)),
  lastChanged: optional(one('LastChanged', QUALIFIED_TIME)),
});

const RESPONSES = {
  GETResponse: { object: OBJECT },
  CREATEResponse: { identifier: IDENTIFIER, object: optional(OBJECT) },
  UPDATEResponse: { identifier: IDENTIFIER, object: optional(OBJECT) },
  LISTResponse: { records: many('ListResponseRecord', LIST_RECORD) },
  ErrorInformation: UNSUCCESSFUL_PARTS,
  DELIVERResponse: { identifier: IDENTIFIER },
};

type ActionOf<T> = {
  [A in keyof T]: { readonly id: string; readonly action: A } & ValueOf<T[A]>;
}[keyof T];

/** An action that is asked for; `id` is its number in the message, as decimal digits. */
export type Hi1Request = ActionOf<typeof REQUESTS>;
/** What came of an action. */
export type Hi1Response = ActionOf<typeof RESPONSES>;
export type Hi1ListRecord = ReturnType<(typeof LIST_RECORD)['read']>;

export type Hi1Payload =
  | { readonly kind: 'requests'; readonly actions: readonly Hi1Request[] }
  | { readonly kind: 'responses'; readonly actions: readonly Hi1Response[] }
  | { readonly kind: 'error'; readonly error: Unsuccessful };

export interface Hi1Message {
  readonly header: Hi1Header;
  readonly payload: Hi1Payload;
  /** Anything; nobody here makes or checks signatures. */
  readonly signature?: XmlElement;
}

/** A message, or why it is none, with its header where that can be read. */
export type Hi1Reading =
  | { readonly header: Hi1Header; readonly message: Hi1Message }
  | { readonly header: Hi1Header | null; readonly error: XmlDocumentError };

/** @throws XmlDocumentError `schema` if a value cannot be written */
export function encodeHi1Message(message: Hi1Message): Uint8Array {
  return formatXml(MESSAGE.write(core('HI1Message'), message), HI1_VOCABULARY);
}

/** @throws XmlDocumentError */
export function decodeHi1Message(octets: Uint8Array, limit = HI1_ANSWER_LIMIT): Hi1Message {
  const reading = readHi1Message(octets, limit);
  if ('error' in reading) throw reading.error;
  return reading.message;
}

/** Reads what somebody has sent, as far as it goes. @param limit octets at most */
export function readHi1Message(octets: Uint8Array, limit = HI1_SIZE_LIMIT): Hi1Reading {
  let header: Hi1Header | null = null;
  try {
    const root = parseXml(octets, { limit, whole: true });
    if (root.name !== 'HI1Message' || root.namespace !== HI1_CORE)
      throw new XmlDocumentError('schema', 'HI1Message is expected');
    ({ header } = readParts({ header: HEADER }, new Sequence(root)));
    return { header, message: MESSAGE.read(root) };
  } catch (error) {
    if (error instanceof XmlDocumentError) return { header, error };
    throw error;
  }
}

const core = (name: string): QName => ({ namespace: HI1_CORE, name });

/** One of a table of actions, after the number. */
function actionForm<T extends Readonly<Record<string, Children>>>(table: T): ElementForm<ActionOf<T>> {
  const number = one('ActionIdentifier', NATURAL);
  return {
    read: (element) => {
      requireType(element, null);
      const children = new Sequence(element);
      const { id } = readParts({ id: number }, children);
      const [child, ...others] = children.rest();
      if (child === undefined || others.length > 0)
        throw new XmlDocumentError('schema', `${element.name}: exactly one action is expected`);
      const parts = Object.hasOwn(table, child.name) ? table[child.name] : undefined;
      if (parts === undefined || child.namespace !== HI1_CORE) throw unexpected(element, child);
      return { id, action: child.name, ...record(parts).read(child) } as unknown as ActionOf<T>;
    },
    write: (name, action) => {
      const { id, action: kind } = action as unknown as { readonly id: string; readonly action: string };
      const parts: Children = table[kind] ?? {};
      const children: XmlElement[] = [];
      writeParts({ id: number }, { id }, children);
      return node(name, [...children, record(parts).write(core(kind), action)]);
    },
  };
}

function actions<T>(name: string, form: ElementForm<T>): ElementForm<{ readonly actions: readonly T[] }> {
  return bounded(record({ actions: many(name, form, 1) }));
}

/** Each action costs its answer. */
function bounded<T>(form: ElementForm<T>): ElementForm<T> {
  const check = ({ children }: XmlElement): void => {
    if (children.length > HI1_MOST_ACTIONS)
      throw new XmlDocumentError('too-large', `more than ${HI1_MOST_ACTIONS} actions`);
  };
  return {
    read: (element) => {
      check(element);
      return form.read(element);
    },
    write: (name, value) => {
      const element = form.write(name, value);
      check(element);
      return element;
    },
  };
}

const HEADER = one('Header', record(HEADER_PARTS));

const REQUEST_PAYLOAD = record({
  all: spread(one('ActionRequests', actions('ActionRequest', actionForm(REQUESTS)))),
});
const RESPONSE_PAYLOAD = formsOf(HI1_CORE).choiceOf<Hi1Payload>(
  {
    ActionResponses: {
      read: (element) => ({ kind: 'responses', ...RESPONSE_LIST.read(element) }),
      write: (name, payload) => RESPONSE_LIST.write(name, payload as { actions: readonly Hi1Response[] }),
    },
    ErrorInformation: {
      read: (element) => ({ kind: 'error', error: UNSUCCESSFUL.read(element) }),
      write: (name, payload) => UNSUCCESSFUL.write(name, (payload as { error: Unsuccessful }).error),
    },
  },
  ({ kind }) => (kind === 'error' ? 'ErrorInformation' : 'ActionResponses'),
);
const RESPONSE_LIST = actions('ActionResponse', actionForm(RESPONSES));

const PAYLOAD = formsOf(HI1_CORE).choiceOf<Hi1Payload>(
  {
    RequestPayload: {
      read: (element) => ({ kind: 'requests', ...REQUEST_PAYLOAD.read(element) }),
      write: (name, payload) => REQUEST_PAYLOAD.write(name, payload as { actions: readonly Hi1Request[] }),
    },
    ResponsePayload: RESPONSE_PAYLOAD,
  },
  ({ kind }) => (kind === 'requests' ? 'RequestPayload' : 'ResponsePayload'),
);

const WHOLE: ElementForm<XmlElement> = {
  read: (element) => element,
  write: (name, element) => ({ ...element, ...name }),
};

const MESSAGE: ElementForm<Hi1Message> = record({
  header: HEADER,
  payload: one('Payload', PAYLOAD),
  signature: optional(one('Signature', WHOLE)),
});
