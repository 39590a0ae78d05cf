/** One PS-PDU of every kind that Claviger sends, for the codec's tests and the oracle. */
import { utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { HI2_EPS_DOMAIN, IMS_EVENT, IRI_TYPE } from '../../../src/wire/hi/eps-iri.ts';
import type { EpsIri } from '../../../src/wire/hi/eps-iri.ts';
import { LI_PS_DOMAIN, TIME_STAMP_QUALIFIER } from '../../../src/wire/hi/header.ts';
import type { PsHeader } from '../../../src/wire/hi/header.ts';
import { FRAME_TYPE, IPMM_CC_OBJECT, MMCC_PROTOCOL } from '../../../src/wire/hi/ipmm-cc.ts';
import { IPMM_IRI_OBJECT } from '../../../src/wire/hi/ipmm-iri.ts';
import { PARTY_TARGET } from '../../../src/wire/hi/party.ts';
import { PAYLOAD_DIRECTION } from '../../../src/wire/hi/ps-pdu.ts';
import type { PsPduPayload, PsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { HI3_VOIP_DOMAIN, ICE_TYPE, T_PDU_DIRECTION } from '../../../src/wire/hi/voip-cc.ts';
import { microTime } from '../../../src/wire/hi/time.ts';

const AT = Date.UTC(2030, 0, 2, 3, 4, 5, 678);

export const header: PsHeader = {
  domainId: LI_PS_DOMAIN,
  liid: 'LIID-2030-0001',
  authorizationCountryCode: 'DE',
  deliveryCountryCode: 'DE',
  operatorIdentifier: 'home1',
  networkElementIdentifier: 'df2.home1',
  cin: 0xfffffffe,
  sequenceNumber: 4294967295,
  time: microTime(AT),
  timeStampQualifier: TIME_STAMP_QUALIFIER.timeOfInterception,
};

const record: EpsIri = {
  recordType: IRI_TYPE.report,
  domainId: HI2_EPS_DOMAIN,
  liid: header.liid,
  time: AT,
  parties: [
    { qualifier: PARTY_TARGET, sipUri: 'sip:alice@home1.example' },
    { qualifier: PARTY_TARGET, telUri: 'tel:+4930123456', impi: 'alice@private.home1.example' },
  ],
  networkIdentifier: { operator: 'home1', element: 'df.home1.example' },
  correlation: { iriToIri: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
};

function iri(fields: Partial<EpsIri>, direction: number = PAYLOAD_DIRECTION.toTarget): PsPduPayload {
  return {
    kind: 'iri',
    records: [
      { iriType: IRI_TYPE.report, contents: { kind: 'eps', record: { ...record, ...fields } }, direction },
    ],
  };
}

const keyInfo = (csId: number, key: number, salt: number) => ({
  csId: Uint8Array.of(csId),
  key: Secret.of(new Uint8Array(key).fill(csId)),
  salt: Secret.of(new Uint8Array(salt).fill(0x80 + csId)),
});

const cc = { cc: [Uint8Array.of(9), Uint8Array.of(10, 11)], iri: Uint8Array.of(12) };
const sip = utf8('INVITE sip:bob@home2.example SIP/2.0\r\nCall-ID: a\r\n\r\n');

const payloads: Record<string, PsPduPayload> = {
  'SIP message': iri({ imsEvent: IMS_EVENT.unfilteredSIPmessage, sipMessage: sip }),
  'SIP message without its content': iri({
    imsEvent: IMS_EVENT.sIPheaderOnly,
    sipMessage: sip,
    pani: [
      { accessType: '3GPP-E-UTRAN-FDD', networkProvided: true, rawLocation: utf8('utran-cell-id-3gpp=1') },
      { accessClass: '3GPP-WLAN', networkProvided: false },
    ],
  }),
  'session encryption keys available': iri({
    imsEvent: IMS_EVENT.decryptionKeysAvailable,
    keys: [keyInfo(1, 16, 14), keyInfo(2, 32, 12)],
  }),
  'start of interception with an established IMS session': iri({
    imsEvent: IMS_EVENT.startOfInterceptionForIMSEstablishedSession,
    sipMessageHeaderOffer: utf8('INVITE sip:bob@home2.example SIP/2.0\r\n'),
    sipMessageHeaderAnswer: utf8('SIP/2.0 183 Session Progress\r\n'),
    sdpOffer: utf8('v=0\r\n'),
    sdpAnswer: utf8('v=0\r\n'),
  }),
  'media security failure': iri({ mediaSecFailure: 0 }),
  'content unavailable': iri({ imsEvent: IMS_EVENT.ccUnavailable, ccUnavailableReason: 'gateway lost' }),
  'correlation to content': iri({ correlation: { iriToCc: cc } }),
  'correlation to content and records': iri({
    correlation: { iriToCc: { cc: [] }, iriToIri: Uint8Array.of(1) },
    imsVoip: [{ imsIri: Uint8Array.of(1), imsCc: cc }, { imsIri: Uint8Array.of(2) }],
  }),
  'a SIP message by TS 102 232-5': {
    kind: 'iri',
    records: [
      {
        iriType: IRI_TYPE.continue,
        contents: {
          kind: 'ipmm',
          iri: {
            objectId: IPMM_IRI_OBJECT,
            message: {
              kind: 'sip',
              iriOnly: false,
              source: { octets: Uint8Array.of(127, 0, 0, 1) },
              destination: { text: '2001:db8::1' },
              content: sip,
            },
          },
        },
      },
    ],
  },
  'signalling as an IP packet': {
    kind: 'iri',
    records: [
      {
        contents: {
          kind: 'ipmm',
          iri: {
            objectId: IPMM_IRI_OBJECT,
            message: { kind: 'original', iriOnly: true, packet: new Uint8Array(40).fill(0x45) },
          },
        },
      },
    ],
  },
  'two records in one PDU': {
    kind: 'iri',
    records: [1, 2].map((n) => ({
      iriType: IRI_TYPE.report,
      time: microTime(AT + n),
      timeStampQualifier: TIME_STAMP_QUALIFIER.timeOfInterception,
      contents: { kind: 'eps', record: { ...record, time: AT + n } },
    })),
  },
  'an RTP packet': {
    kind: 'cc',
    packets: [
      {
        direction: PAYLOAD_DIRECTION.fromTarget,
        contents: {
          kind: 'ipmm',
          cc: {
            objectId: IPMM_CC_OBJECT,
            packet: new Uint8Array(190).fill(0x80),
            frameType: FRAME_TYPE.rtpFrame,
            streamIdentifier: utf8('1'),
            protocol: MMCC_PROTOCOL.rTP,
          },
        },
        time: microTime(AT),
        timeStampQualifier: TIME_STAMP_QUALIFIER.timeOfInterception,
      },
    ],
  },
  'an RTP packet by TS 33.108 clause 12': {
    kind: 'cc',
    packets: [
      {
        direction: PAYLOAD_DIRECTION.toTarget,
        contents: {
          kind: 'voip',
          cc: {
            domainId: HI3_VOIP_DOMAIN,
            liid: header.liid,
            correlationNumber: Uint8Array.of(1, 2, 3),
            time: AT,
            sequenceNumber: 65535,
            direction: T_PDU_DIRECTION.toTarget,
            iceType: ICE_TYPE.mGw,
            sdp: utf8('v=0\r\n'),
            payload: new Uint8Array(200).fill(0x45),
          },
        },
      },
    ],
  },
  'LI activated': {
    kind: 'hi1',
    operation: {
      kind: 'liActivated',
      notification: {
        liid: header.liid,
        communication: { network: record.networkIdentifier },
        time: AT,
        target: 'sip:alice@home1.example',
      },
    },
  },
  'LI modified': {
    kind: 'hi1',
    operation: { kind: 'liModified', notification: { liid: header.liid, time: AT, target: 'x'.repeat(256) } },
  },
  'LI deactivated': {
    kind: 'hi1',
    operation: {
      kind: 'liDeactivated',
      notification: {
        domainId: '0.4.0.2.2.0.1.6',
        liid: 'x'.repeat(25),
        communication: { identity: '12345678', network: { operator: 'home1' } },
        time: 0,
        national: { domainId: '0.4.0.2.2.0.1.6', countryCode: 'DE' },
      },
    },
  },
  'an alarm': {
    kind: 'hi1',
    operation: {
      kind: 'alarm',
      alarm: {
        communication: { network: record.networkIdentifier },
        time: AT,
        information: 'loss: 3 PDUs were lost before they came to the delivery function',
        liid: header.liid,
      },
    },
  },
  'an alarm of the element': {
    kind: 'hi1',
    operation: { kind: 'alarm', alarm: { time: AT, information: '!', national: { countryCode: 'NL' } } },
  },
  'option request': { kind: 'tri', message: { type: 'optionRequest', requested: [0] } },
  'option response': { kind: 'tri', message: { type: 'optionResponse', accepted: [0], declined: [] } },
};

for (const type of [
  'testPDU',
  'keepAlive',
  'keepAliveResponse',
  'firstSegmentFlag',
  'lastSegmentFlag',
  'cinReset',
  'optionComplete',
  'pduAcknowledgementRequest',
  'pduAcknowledgementResponse',
] as const) {
  payloads[type] = { kind: 'tri', message: { type } };
}

const { cin: _cin, ...transportHeader } = header;

function hasNoCin({ kind }: PsPduPayload): boolean {
  return kind === 'tri' || kind === 'hi1';
}

/** Every kind, by name; those of the transport and of HI1 have no CIN. */
export const samples: readonly (readonly [string, PsPdu])[] = Object.entries(payloads).map(
  ([name, payload]) => [name, { header: hasNoCin(payload) ? transportHeader : header, payload }],
);
