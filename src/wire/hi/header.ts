/**
 * PS-header, TS 102 232-1 clause 5.2 and annex A.
 *
 *     PSHeader ::= SEQUENCE {
 *       li-psDomainId                [0] OBJECT IDENTIFIER,
 *       lawfulInterceptionIdentifier [1] OCTET STRING (SIZE (1..25)),
 *       authorizationCountryCode     [2] PrintableString (SIZE (2)) OPTIONAL,
 *       communicationIdentifier      [3] CommunicationIdentifier,
 *       sequenceNumber               [4] INTEGER (0..4294967295),
 *       timeStamp                    [5] GeneralizedTime OPTIONAL,
 *       ...,
 *       microSecondTimeStamp         [7] MicroSecondTimeStamp OPTIONAL,
 *       timeStampQualifier           [8] ENUMERATED OPTIONAL, … }
 *     CommunicationIdentifier ::= SEQUENCE {
 *       networkIdentifier            [0] SEQUENCE { operatorIdentifier       [0] OCTET STRING (SIZE (1..16)),
 *                                                   networkElementIdentifier [1] OCTET STRING (SIZE (1..16)) OPTIONAL, … },
 *       communicationIdentityNumber  [1] INTEGER (0..4294967295) OPTIONAL,
 *       deliveryCountryCode          [2] PrintableString (SIZE (2)) OPTIONAL, … }
 *
 * The sequence number counts per LIID and CIN, IRI and CC apart, from 0 without gaps; that of a TRI PDU counts per
 * instance of the delivery function.
 */
import { optional, spread } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { integer, OBJECT_IDENTIFIER } from './contents.ts';
import { component, converted, ifReadable, optionalComponent, sequence } from './fields.ts';
import type { Component } from './fields.ts';
import { latin1String, printableString } from './text.ts';
import { GENERALIZED_TIME, MICRO_TIME, microTime, unixMsOf } from './time.ts';
import type { MicroTime } from './time.ts';

/** { itu-t(0) identified-organization(4) etsi(0) securityDomain(2) lawfulIntercept(2) li-ps(5) genHeader(1) version40(40) } */
export const LI_PS_DOMAIN = '0.4.0.2.2.5.1.40';

/** TimeStampQualifier, TS 102 232-1 annex A. */
export const TIME_STAMP_QUALIFIER = {
  unknown: 0,
  timeOfInterception: 1,
  timeOfMediation: 2,
  timeOfAggregation: 3,
} as const;

/** Two letters, ISO 3166-1. */
const COUNTRY = printableString(2, 2);
/** 1 to 16 octets. */
const ELEMENT_NAME = latin1String(1, 16);
export const LIID = latin1String(1, 25);

const NETWORK = sequence([0, 1], 'skipped', {
  operatorIdentifier: component(0, 'operatorIdentifier', ELEMENT_NAME),
  networkElementIdentifier: optionalComponent(1, 'networkElementIdentifier', ELEMENT_NAME),
});

const COMMUNICATION = sequence([0, 1, 2], 'skipped', {
  network: spread(component(0, 'networkIdentifier', NETWORK)),
  /** Communication identity number; PDUs of the transport itself have none. */
  cin: optionalComponent(1, 'communicationIdentityNumber', integer()),
  deliveryCountryCode: optionalComponent(2, 'deliveryCountryCode', COUNTRY),
});

const HEADER_PARTS = {
  domainId: component(0, 'li-psDomainId', OBJECT_IDENTIFIER),
  /** 1 to 25 octets, one character each. */
  liid: component(1, 'lawfulInterceptionIdentifier', LIID),
  authorizationCountryCode: optionalComponent(2, 'authorizationCountryCode', COUNTRY),
  communication: spread(component(3, 'communicationIdentifier', COMMUNICATION)),
  sequenceNumber: component(4, 'sequenceNumber', integer()),
  time: optional(
    orOlder(
      ifReadable(component(7, 'microSecondTimeStamp', MICRO_TIME)),
      ifReadable(component(5, 'timeStamp', converted(GENERALIZED_TIME, microTime, unixMsOf))),
    ),
  ),
  timeStampQualifier: optionalComponent(8, 'timeStampQualifier', integer()),
};

export type PsHeader = ValueOf<typeof HEADER_PARTS>;

export const PS_HEADER = sequence([0, 1, 2, 3, 4, 5], 'skipped', HEADER_PARTS);

/** The microsecond time stamp, else the older GeneralizedTime, which is read only. */
function orOlder(micro: Component<MicroTime>, older: Component<MicroTime>): Component<MicroTime> {
  return {
    ...micro,
    read: (components) => {
      const time = older.read(components);
      return micro.read(components) ?? time;
    },
  };
}
