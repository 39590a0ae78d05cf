/**
 * The objects of HI1 (TS 103 120): authorisations, tasks of lawful interception, documents and notifications, member by
 * member as `ts_103120_{Core,Authorisation,Task,Document,Notification}.xsd` have them. Objects of other types, those of
 * data disclosure for one, are known by their identifier and kept whole.
 */
import { optional } from '../../bytes/fields.ts';
import { IP_ADDRESS_AND_PORT, IP_ADDRESS_AND_PORTS } from '../xml/addresses.ts';
import { XmlDocumentError } from '../xml/errors.ts';
import { formsOf, leaf, record, Sequence } from '../xml/forms.ts';
import type { ElementForm } from '../xml/forms.ts';
import * as types from '../xml/simple-types.ts';
import { formatXml, parseXml } from '../xml/document.ts';
import type { QName, XmlElement } from '../xml/tree.ts';
import {
  APPROVAL_DETAILS,
  chosen,
  DICTIONARY_ENTRY,
  ENDPOINT_ID,
  ISO_COUNTRY,
  LONG_TEXT,
  national,
  NATURAL,
  OBJECT_ID,
  QUALIFIED_TIME,
  SHORT_TEXT,
  TRUTH,
  UNSUCCESSFUL,
} from './common.ts';
import { membersOf, readMembers, repeated, writeMembers } from './members.ts';
import type { MembersOf, MemberTable, UnknownMember } from './members.ts';
import {
  HI1_ANSWER_LIMIT,
  HI1_AUTHORISATION,
  HI1_CORE,
  HI1_DOCUMENT,
  HI1_NOTIFICATION,
  HI1_TASK,
  HI1_VOCABULARY,
} from './names.ts';

const core = formsOf(HI1_CORE);
const auth = formsOf(HI1_AUTHORISATION);
const task = formsOf(HI1_TASK);
const doc = formsOf(HI1_DOCUMENT);

/** What every object has. */
const BASE = membersOf(HI1_CORE, {
  ObjectIdentifier: OBJECT_ID,
  CountryCode: ISO_COUNTRY,
  OwnerIdentifier: SHORT_TEXT,
  Generation: NATURAL,
  ExternalIdentifier: LONG_TEXT,
  AssociatedObjects: core.list('AssociatedObject', OBJECT_ID),
  LastChanged: QUALIFIED_TIME,
  NationalHandlingParameters: national(HI1_CORE),
});

const AUTHORISATION = {
  ...BASE,
  ...membersOf(HI1_AUTHORISATION, {
    AuthorisationReference: LONG_TEXT,
    AuthorisationLegalType: DICTIONARY_ENTRY,
    AuthorisationPriority: DICTIONARY_ENTRY,
    AuthorisationStatus: DICTIONARY_ENTRY,
    AuthorisationDesiredStatus: DICTIONARY_ENTRY,
    AuthorisationTimespan: record({
      StartTime: optional(auth.one('StartTime', QUALIFIED_TIME)),
      EndTime: optional(auth.one('EndTime', QUALIFIED_TIME)),
    }),
    AuthorisationCSPID: auth.list('CSPID', ENDPOINT_ID, 1),
    AuthorisationCreationTimestamp: QUALIFIED_TIME,
    AuthorisationServedTimestamp: QUALIFIED_TIME,
    AuthorisationTerminationTimestamp: QUALIFIED_TIME,
  }),
  AuthorisationApprovalDetails: repeated(HI1_AUTHORISATION, APPROVAL_DETAILS),
  ...membersOf(HI1_AUTHORISATION, {
    AuthorisationInvalidReason: UNSUCCESSFUL,
    AuthorisationFlags: auth.list('AuthorisationFlag', DICTIONARY_ENTRY),
    AuthorisationManualInformation: LONG_TEXT,
    NationalAuthorisationParameters: national(HI1_AUTHORISATION),
    AuthorisationJurisdiction: LONG_TEXT,
    AuthorisationTypeOfCase: DICTIONARY_ENTRY,
    AuthorisationLegalEntity: SHORT_TEXT,
  }),
};

/** Where a task delivers to. */
const DELIVERY_ADDRESSES = {
  IPv4Address: chosen('IPv4Address', leaf(types.ipv4Address)),
  IPv6Address: chosen('IPv6Address', leaf(types.ipv6Address)),
  IPAddressPort: chosen('IPAddressPort', IP_ADDRESS_AND_PORT),
  IPAddressPortRange: chosen('IPAddressPortRange', IP_ADDRESS_AND_PORTS),
  E164Number: chosen('E164Number', leaf(types.e164)),
  FTPAddress: chosen('FTPAddress', leaf(types.anyUri)),
  URL: chosen('URL', leaf(types.anyUri)),
  FQDN: chosen('FQDN', LONG_TEXT),
  EmailAddress: chosen('EmailAddress', leaf(types.emailAddress)),
  EndpointID: chosen('EndpointID', ENDPOINT_ID),
};

type ValueOfForm<F> = F extends ElementForm<infer T> ? T : never;

export type Hi1DeliveryAddress = ValueOfForm<(typeof DELIVERY_ADDRESSES)[keyof typeof DELIVERY_ADDRESSES]>;

const DELIVERY_ADDRESS = task.choiceOf<Hi1DeliveryAddress>(DELIVERY_ADDRESSES, ({ kind }) => kind);

const DELIVERY_DESTINATION = record({
  DeliveryAddress: optional(task.one('DeliveryAddress', DELIVERY_ADDRESS)),
  EncryptionDetails: optional(task.one('EncryptionDetails', national(HI1_TASK))),
  IRIorCC: optional(task.one('IRIorCC', DICTIONARY_ENTRY)),
  HandoverFormat: optional(task.one('HandoverFormat', DICTIONARY_ENTRY)),
  DeliveryProfile: optional(task.one('DeliveryProfile', DICTIONARY_ENTRY)),
  NationalDeliveryParameters: optional(task.one('NationalDeliveryParameters', national(HI1_TASK))),
});

export type Hi1DeliveryDestination = ValueOfForm<typeof DELIVERY_DESTINATION>;

const TARGET_VALUE = record({
  FormatType: task.one(
    'FormatType',
    record({
      FormatOwner: task.one('FormatOwner', SHORT_TEXT),
      FormatName: task.one('FormatName', SHORT_TEXT),
    }),
  ),
  Value: task.one('Value', LONG_TEXT),
});

export type Hi1TargetValue = ValueOfForm<typeof TARGET_VALUE>;

const TASK = {
  ...BASE,
  ...membersOf(HI1_TASK, {
    Reference: leaf(types.liid),
    Status: DICTIONARY_ENTRY,
    DesiredStatus: DICTIONARY_ENTRY,
    Timespan: record({
      StartTime: optional(task.one('StartTime', QUALIFIED_TIME)),
      EndTime: optional(task.one('EndTime', QUALIFIED_TIME)),
      TerminationTime: optional(task.one('TerminationTime', QUALIFIED_TIME)),
      ProvisioningTime: optional(task.one('ProvisioningTime', QUALIFIED_TIME)),
      DeprovisioningTime: optional(task.one('DeprovisioningTime', QUALIFIED_TIME)),
    }),
    TargetIdentifier: record({
      TargetIdentifierValues: optional(
        task.one('TargetIdentifierValues', task.list('TargetIdentifierValue', TARGET_VALUE, 1)),
      ),
      ServiceType: optional(task.one('ServiceType', DICTIONARY_ENTRY)),
    }),
    DeliveryType: DICTIONARY_ENTRY,
    DeliveryDetails: task.list('DeliveryDestination', DELIVERY_DESTINATION, 1),
  }),
  ApprovalDetails: repeated(HI1_TASK, APPROVAL_DETAILS),
  ...membersOf(HI1_TASK, {
    CSPID: ENDPOINT_ID,
    HandlingProfile: DICTIONARY_ENTRY,
    InvalidReason: UNSUCCESSFUL,
    Flags: task.list('TaskFlag', DICTIONARY_ENTRY),
    NationalLITaskingParameters: national(HI1_TASK),
    ListOfTrafficPolicyReferences: task.list(
      'TrafficPolicyReference',
      record({
        Order: optional(task.one('Order', NATURAL)),
        ObjectIdentifier: optional(task.one('ObjectIdentifier', OBJECT_ID)),
      }),
      1,
    ),
  }),
};

const DOCUMENT = {
  ...BASE,
  ...membersOf(HI1_DOCUMENT, {
    DocumentReference: LONG_TEXT,
    DocumentName: LONG_TEXT,
    DocumentStatus: DICTIONARY_ENTRY,
    DocumentDesiredStatus: DICTIONARY_ENTRY,
    DocumentTimespan: record({
      StartTime: optional(doc.one('StartTime', QUALIFIED_TIME)),
      EndTime: optional(doc.one('EndTime', QUALIFIED_TIME)),
    }),
    DocumentType: DICTIONARY_ENTRY,
    DocumentProperties: doc.list(
      'DocumentProperty',
      record({
        PropertyType: doc.one('PropertyType', DICTIONARY_ENTRY),
        PropertyValue: doc.one('PropertyValue', LONG_TEXT),
      }),
    ),
    DocumentBody: record({
      Contents: optional(doc.one('Contents', leaf(types.base64Binary))),
      ContentType: optional(doc.one('ContentType', SHORT_TEXT)),
      Checksum: optional(doc.one('Checksum', SHORT_TEXT)),
      ChecksumType: optional(doc.one('ChecksumType', SHORT_TEXT)),
    }),
  }),
  DocumentSignature: repeated(HI1_DOCUMENT, APPROVAL_DETAILS),
  ...membersOf(HI1_DOCUMENT, {
    DocumentInvalidReason: UNSUCCESSFUL,
    NationalDocumentParameters: national(HI1_DOCUMENT),
  }),
};

const NOTIFICATION = {
  ...BASE,
  ...membersOf(HI1_NOTIFICATION, {
    NotificationDetails: LONG_TEXT,
    NotificationType: DICTIONARY_ENTRY,
    NewNotification: TRUTH,
    NotificationTimestamp: QUALIFIED_TIME,
    NationalNotificationParameters: national(HI1_NOTIFICATION),
  }),
};

/** The objects that are read member by member, by the name of their type. */
const OBJECTS = {
  AuthorisationObject: { namespace: HI1_AUTHORISATION, table: AUTHORISATION },
  LITaskObject: { namespace: HI1_TASK, table: TASK },
  DocumentObject: { namespace: HI1_DOCUMENT, table: DOCUMENT },
  NotificationObject: { namespace: HI1_NOTIFICATION, table: NOTIFICATION },
} as const;

export type Hi1ObjectKind = keyof typeof OBJECTS;
export const HI1_OBJECT_KINDS = Object.keys(OBJECTS) as readonly Hi1ObjectKind[];

/** An object of one of our types. */
export interface Hi1ObjectOf<K extends Hi1ObjectKind> {
  readonly kind: K;
  readonly identifier: string;
  /** Without the identifier. */
  readonly members: Omit<MembersOf<(typeof OBJECTS)[K]['table']>, 'ObjectIdentifier'>;
  /** Elements that the schema does not have, where they stood. */
  readonly unknown: readonly UnknownMember[];
}

/** An object of another type. */
export interface Hi1ForeignObject {
  readonly kind: 'other';
  readonly identifier: string;
  readonly element: XmlElement;
}

export type Hi1KnownObject = { [K in Hi1ObjectKind]: Hi1ObjectOf<K> }[Hi1ObjectKind];
export type Hi1Object = Hi1KnownObject | Hi1ForeignObject;

/** `HI1Object`, which is abstract: its `xsi:type` says which. */
export const HI1_OBJECT: ElementForm<Hi1Object> = {
  read: (element) => {
    const { type } = element;
    if (type === null) throw new XmlDocumentError('schema', `${element.name}: its xsi:type is missing`);
    const kind = kindOf(type);
    if (kind === null) return { kind: 'other', identifier: identifierOf(element), element };
    if (element.attributes !== undefined)
      throw new XmlDocumentError('schema', `${element.name} has other attributes than its type`);
    const { members, unknown } = readMembers(tableOf(kind), element);
    const { ObjectIdentifier: identifier, ...others } = members;
    if (typeof identifier !== 'string')
      throw new XmlDocumentError('schema', `${element.name}: ObjectIdentifier is missing`);
    return { kind, identifier, members: others, unknown };
  },
  write: (name, object) => {
    if (object.kind === 'other') return { ...object.element, ...name };
    const { kind, identifier, members, unknown } = object;
    const all = { members: { ObjectIdentifier: identifier, ...members }, unknown };
    const type = { namespace: OBJECTS[kind].namespace, name: kind };
    return { ...writeMembers(tableOf(kind), name, all), type };
  },
};

function tableOf(kind: Hi1ObjectKind): MemberTable {
  return OBJECTS[kind].table;
}

function kindOf({ namespace, name }: QName): Hi1ObjectKind | null {
  return HI1_OBJECT_KINDS.find((kind) => kind === name && OBJECTS[kind].namespace === namespace) ?? null;
}

/** One object as a document of its own, for a store. @throws XmlDocumentError `schema` */
export function encodeHi1Object(object: Hi1Object): Uint8Array {
  return formatXml(HI1_OBJECT.write({ namespace: HI1_CORE, name: 'HI1Object' }, object), HI1_VOCABULARY);
}

/** @throws XmlDocumentError */
export function decodeHi1Object(octets: Uint8Array): Hi1Object {
  return HI1_OBJECT.read(parseXml(octets, { limit: HI1_ANSWER_LIMIT, whole: true }));
}

const IDENTIFIER = core.one('ObjectIdentifier', OBJECT_ID);

function identifierOf(element: XmlElement): string {
  const children = new Sequence(element);
  const identifier = IDENTIFIER.read(children);
  if (identifier === undefined) throw IDENTIFIER.missing(children);
  return identifier;
}
