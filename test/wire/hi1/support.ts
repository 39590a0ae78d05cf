/** Arbitrary messages of HI1, and the judge of documents: xmllint with the schemas of TS 103 120. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import type { Hi1Header, Hi1Message, Hi1Request, Hi1Response } from '../../../src/wire/hi1/messages.ts';
import type { Hi1Object } from '../../../src/wire/hi1/objects.ts';
import { HI1_NOTIFICATION } from '../../../src/wire/hi1/names.ts';
import { sharedPath } from '../../support/shared.ts';
import { xmllint } from '../x1/support.ts';

export const HI1_SCHEMA = 'xsd/hi1/ts_103120_Validation.xsd';

/** Judges messages by the validation schema of ETSI, and that of notifications, which it leaves out. */
export function judged(documents: readonly Uint8Array[]): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'hi1-'));
  try {
    const file = path.join(folder, 'all.xsd');
    const notification = sharedPath('xsd/hi1/ts_103120_Notification.xsd');
    const parts = [
      `<xs:include schemaLocation="${sharedPath(HI1_SCHEMA)}"/>`,
      `<xs:import namespace="${HI1_NOTIFICATION}" schemaLocation="${notification}"/>`,
    ];
    writeFileSync(
      file,
      `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">${parts.join('')}</xs:schema>`,
    );
    return xmllint(documents, file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `{ a?: T }` for each: the key is left out rather than undefined. */
function maybe<T extends object>(parts: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(parts, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const uuid = fc.uuid();
const word = fc.stringMatching(/^[A-Za-z0-9äé&<> ]{1,20}$/);
const natural = fc.nat().map(String);
const qualifiedTime = fc
  .tuple(fc.integer({ min: 0, max: 4e9 }), fc.constantFrom('Z', '+02:00', '-14:00'))
  .map(([s, zone]) => `${new Date(s * 1000).toISOString().slice(0, 19)}${zone}`);
const entry = fc.record({ Owner: word, Name: word, Value: word });
const endpoint = fc.record({ CountryCode: fc.constantFrom('XX', 'NO'), UniqueIdentifier: word });
const reason = fc.record({ ErrorCode: fc.integer({ min: 3000, max: 3021 }), ErrorDescription: word });
const approval = maybe({
  ApprovalReference: word,
  ApprovalTimestamp: qualifiedTime,
  ApprovalIsEmergency: fc.boolean(),
  ApproverDetails: fc
    .tuple(
      maybe({ ApproverName: word }),
      fc.array(maybe({ ApproverPhoneNumber: fc.constant('442079460223') }), { maxLength: 2 }),
    )
    .map(([name, contacts]) => ({ ...name, ApproverContactDetails: contacts })),
});

const base = {
  CountryCode: fc.constantFrom('XX', 'NO'),
  OwnerIdentifier: word,
  Generation: natural,
  ExternalIdentifier: word,
  AssociatedObjects: fc.array(uuid, { maxLength: 3 }),
  LastChanged: qualifiedTime,
};
const span = maybe({ StartTime: qualifiedTime, EndTime: qualifiedTime });

const address = fc.oneof(
  fc.record({ kind: fc.constant('IPv4Address'), value: fc.ipV4() }),
  fc.record({
    kind: fc.constant('IPAddressPort'),
    value: fc.record({
      address: fc.oneof(fc.ipV4(), fc.constant('2001:0db8:0000:0000:0000:0000:0000:0001')),
      port: fc.integer({ min: 2, max: 65535 }),
      transport: fc.constantFrom('tcp', 'udp'),
    }),
  }),
  fc.record({
    kind: fc.constant('IPAddressPortRange'),
    value: fc.record({
      address: fc.ipV4(),
      start: fc.integer({ min: 2, max: 65535 }),
      end: fc.integer({ min: 2, max: 65535 }),
      transport: fc.constantFrom('tcp', 'udp'),
    }),
  }),
  fc.record({ kind: fc.constantFrom('FQDN'), value: word }),
  fc.record({ kind: fc.constant('EndpointID'), value: endpoint }),
);

const MEMBERS: Readonly<Record<string, fc.Arbitrary<object>>> = {
  AuthorisationObject: maybe({
    ...base,
    AuthorisationReference: word,
    AuthorisationStatus: entry,
    AuthorisationTimespan: span,
    AuthorisationCSPID: fc.array(endpoint, { minLength: 1, maxLength: 2 }),
    AuthorisationApprovalDetails: fc.array(approval, { minLength: 1, maxLength: 2 }),
    AuthorisationInvalidReason: reason,
    AuthorisationFlags: fc.array(entry, { maxLength: 2 }),
    AuthorisationLegalEntity: word,
  }),
  LITaskObject: maybe({
    ...base,
    Reference: fc.stringMatching(/^[!-~]{1,25}$/),
    DesiredStatus: entry,
    Timespan: span,
    TargetIdentifier: fc.record({
      TargetIdentifierValues: fc.array(
        fc.record({ FormatType: fc.record({ FormatOwner: word, FormatName: word }), Value: word }),
        { minLength: 1, maxLength: 2 },
      ),
    }),
    DeliveryType: entry,
    DeliveryDetails: fc.array(maybe({ DeliveryAddress: address, IRIorCC: entry, HandoverFormat: entry }), {
      minLength: 1,
      maxLength: 2,
    }),
    CSPID: endpoint,
  }),
  DocumentObject: maybe({
    ...base,
    DocumentReference: word,
    DocumentBody: maybe({
      Contents: fc.uint8Array({ maxLength: 9 }).map((octets) => Buffer.from(octets).toString('base64')),
      ContentType: word,
    }),
    DocumentSignature: fc.array(approval, { minLength: 1, maxLength: 2 }),
  }),
  NotificationObject: maybe({
    ...base,
    NotificationDetails: word,
    NotificationType: entry,
    NewNotification: fc.boolean(),
    NotificationTimestamp: qualifiedTime,
  }),
};

export const hi1Object: fc.Arbitrary<Hi1Object> = fc.oneof(
  ...Object.entries(MEMBERS).map(([kind, members]) =>
    fc.record({ kind: fc.constant(kind), identifier: uuid, members, unknown: fc.constant([]) }),
  ),
) as fc.Arbitrary<Hi1Object>;

/** An element that no schema at hand has: of another namespace, with attributes, and children among text. */
export const later = {
  after: null,
  element: {
    ...{ namespace: 'urn:example:national', name: 'Case', prefix: 'nat', type: null },
    attributes: [{ namespace: '', name: 'lang', prefix: '', value: 'de "<&>\n' }],
    text: 'Akte \n  zwei',
    children: [
      { namespace: 'urn:example:national', name: 'Nr', prefix: 'nat', type: null, children: [], text: '7' },
    ],
    mixed: [
      'Akte ',
      { namespace: 'urn:example:national', name: 'Nr', prefix: 'nat', type: null, children: [], text: '7' },
      '\n  zwei',
    ],
  },
};

const header: fc.Arbitrary<Hi1Header> = fc.record({
  sender: endpoint,
  receiver: endpoint,
  transaction: uuid,
  timestamp: fc.integer({ min: 0, max: 4e12 }),
  version: fc.record({
    etsi: fc.constantFrom('V1.12.1', 'V1.23.1'),
    profileOwner: word,
    profileVersion: word,
  }),
});

const requests: fc.Arbitrary<Hi1Request> = fc.oneof(
  fc.record({ id: natural, action: fc.constant('GET' as const), identifier: uuid }),
  fc.record({
    id: natural,
    action: fc.constantFrom('CREATE' as const, 'UPDATE' as const),
    object: hi1Object,
  }),
  fc.record(
    { id: natural, action: fc.constant('LIST' as const), objectType: entry, lastChanged: qualifiedTime },
    { requiredKeys: ['id', 'action'] },
  ) as fc.Arbitrary<Hi1Request>,
  fc.record({ id: natural, action: fc.constant('DELIVER' as const), identifier: uuid, object: hi1Object }),
);

const responses: fc.Arbitrary<Hi1Response> = fc.oneof(
  fc.record({ id: natural, action: fc.constant('GETResponse' as const), object: hi1Object }),
  fc.record(
    {
      id: natural,
      action: fc.constantFrom('CREATEResponse', 'UPDATEResponse'),
      identifier: uuid,
      object: hi1Object,
    },
    { requiredKeys: ['id', 'action', 'identifier'] },
  ) as fc.Arbitrary<Hi1Response>,
  fc.record({
    id: natural,
    action: fc.constant('LISTResponse' as const),
    records: fc.array(fc.record({ objectType: entry, identifier: uuid, generation: natural }), {
      maxLength: 2,
    }),
  }),
  reason.chain((why) => natural.map((id) => ({ id, action: 'ErrorInformation' as const, ...why }))),
  fc.record({ id: natural, action: fc.constant('DELIVERResponse' as const), identifier: uuid }),
);

export const hi1Message: fc.Arbitrary<Hi1Message> = fc.record({
  header,
  payload: fc.oneof(
    fc.record({
      kind: fc.constant('requests' as const),
      actions: fc.array(requests, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant('responses' as const),
      actions: fc.array(responses, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('error' as const), error: reason }),
  ),
});
