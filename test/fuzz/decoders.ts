/** Every reader of what comes from outside, with what it may throw and good inputs that its own writers make. */
import fc from 'fast-check';
import { BytesError } from '../../src/bytes/errors.ts';
import { fromBase64, fromHex, fromUtf8, utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { readSdp } from '../../src/entities/lemf/sdp.ts';
import { decodeContainer } from '../../src/ibake/container.ts';
import { readErrorMessage } from '../../src/ibake/error-message.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import * as ibake from '../../src/ibake/messages.ts';
import {
  decodeBfCiphertextBlock,
  decodeBfPrivateKeyBlock,
  encodeBfPrivateKeyBlock,
  encodeBfCiphertextBlock,
} from '../../src/ibe/blocks.ts';
import { IbeError } from '../../src/ibe/errors.ts';
import { decodeIbeIdentityInfo } from '../../src/ibe/identity.ts';
import { decodeBfPublicParameters } from '../../src/ibe/parameters.ts';
import { decodeIbeSysParams, encodeIbeSysParams, sysParamsOf } from '../../src/ibe/system-parameters.ts';
import { MediaError } from '../../src/media/errors.ts';
import { decodeRtcp, encodeRtcp } from '../../src/media/rtcp.ts';
import { decodeRtp, decodeRtpHeader, encodeRtp } from '../../src/media/rtp.ts';
import { SrtpReceiver, SrtpSender } from '../../src/media/srtp/stream.ts';
import { SRTP_SUITE } from '../../src/media/srtp/suites.ts';
import { decodeWav, encodeWav } from '../../src/media/wav.ts';
import { describeMessage, renderMessage } from '../../src/mikey/describe.ts';
import { MikeyError } from '../../src/mikey/errors.ts';
import { decodeMessage } from '../../src/mikey/message.ts';
import { openDescription, seenDescription } from '../../src/sip/descriptions.ts';
import { parseAuthorization, parseChallenge } from '../../src/sip/digest.ts';
import { SipError } from '../../src/sip/errors.ts';
import { StreamFramer } from '../../src/sip/framing.ts';
import { parseMessage } from '../../src/sip/message.ts';
import { SessionDescription } from '../../src/sip/sdp.ts';
import { fromOctets } from '../../src/sip/text.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { PsPduDeframer } from '../../src/wire/hi/deframer.ts';
import { HiError } from '../../src/wire/hi/errors.ts';
import { decodePsPdu, encodePsPdu } from '../../src/wire/hi/ps-pdu.ts';
import { renderHi1Message } from '../../src/wire/hi1/describe.ts';
import { decodeHi1Message, encodeHi1Message } from '../../src/wire/hi1/messages.ts';
import { IqError } from '../../src/wire/iq/errors.ts';
import { decodeAnchored, decodeWanted, encodeAnchored, encodeWanted } from '../../src/wire/iq/sessions.ts';
import { PpsError } from '../../src/wire/pps/errors.ts';
import { decodePublication } from '../../src/wire/pps/publication.ts';
import { RequestKeyError } from '../../src/wire/request-key/errors.ts';
import { decodeIssuedKeys, encodeIssuedKeys } from '../../src/wire/request-key/issued-keys.ts';
import { decodeKeyRequest, makeKeyRequest } from '../../src/wire/request-key/request.ts';
import {
  decodeX1Request,
  decodeX1Response,
  encodeX1Request,
  encodeX1Response,
} from '../../src/wire/x1/containers.ts';
import { XmlDocumentError } from '../../src/wire/xml/errors.ts';
import { Deframer } from '../../src/wire/x2x3/deframer.ts';
import { X2X3Error } from '../../src/wire/x2x3/errors.ts';
import { decodePdu, encodePdu, keepalivePdu } from '../../src/wire/x2x3/pdu.ts';
import { decodeGetKeysRequest, decodeGetKeysResponse, XkError } from '../../src/wire/xk/get-keys.ts';
import { loadVector, messageOf } from '../ibake/support/vectors.ts';
import { samples as handovers } from '../wire/hi/samples.ts';
import { hi1Message } from '../wire/hi1/support.ts';
import { request as x1Request, response as x1Response } from '../wire/x1/support.ts';
import { samplePdu } from '../wire/x2x3/support.ts';
import { CONFIGURATIONS } from './configurations.ts';
import type { FuzzedDecoder } from './decoder.ts';
import { DIALOGUE, DESCRIPTIONS, GET_KEYS, WANTED, XK_ANSWERS } from './samples.ts';

const VECTORS = ['exchange-1.json', 'exchange-fork-gcm.json'];
const MESSAGES = ['I_MESSAGE_1', 'R_MESSAGE_1', 'I_MESSAGE_2', 'R_MESSAGE_2'] as const;

const texts = (list: readonly string[]) => () => list.map(utf8);
const jsons = (list: readonly unknown[]) => () => list.map((value) => utf8(JSON.stringify(value)));

/** JSON as HTTP's door reads it: what is not JSON, or not UTF-8, does not reach the decoder. */
function parsedJson(octets: Uint8Array, decode: (json: unknown) => unknown): unknown {
  let json: unknown;
  try {
    json = JSON.parse(fromUtf8(octets));
  } catch {
    return 'not JSON';
  }
  return decode(json);
}

const mikeyMessages = (): Uint8Array[] =>
  VECTORS.flatMap((file) => {
    const vector = loadVector(file);
    return MESSAGES.filter((name) => name in vector.messages).map((name) => messageOf(vector, name));
  });

const sealedParts = (): Uint8Array[] =>
  VECTORS.map((file) => ibake.readIMessage1(messageOf(loadVector(file), 'I_MESSAGE_1')).ibake.encrData);

const parameters = (): Uint8Array[] =>
  Object.values(loadVector('exchange-1.json').kms).map((home) => fromBase64(home.bfPublicParametersDER));

const districtPoints = () => parameters().map((der) => decodeBfPublicParameters(der).P);

const issuedKeys = (): Uint8Array[] =>
  districtPoints().map((privateKey, at) => {
    const [from, to] = [1_800_000_000, 1_800_086_400];
    const seed = at === 0 ? null : { slotStart: null, key: Secret.of(new Uint8Array(32).fill(9)) };
    return encodeIssuedKeys([{ uri: 'sip:alice@home1.example', from, to, privateKey, seed }]);
  });

const keyRequests = (): Uint8Array[] =>
  [null, 1_800_000_000].map((from) => {
    const credential = {
      name: 'alice',
      psk: Secret.of(new Uint8Array(32).fill(7)),
      district: 'https://kms.home1.example/x',
    };
    const wanted = { from, to: from === null ? null : from + 86_400 };
    const uris = ['sip:alice@home1.example', 'sip:alice@home1.example;gr=1'];
    return makeKeyRequest(
      credential,
      { uris, time: 1_800_000_000_000, wanted },
      { bytes: (n) => new Uint8Array(n).fill(5) },
    ).octets;
  });

/** Reads a message of every form; what is not of one must say so in every one of them. */
function readInEveryForm(octets: Uint8Array): unknown {
  const {
    readIMessage1,
    readRMessage1,
    readIMessage2,
    readRMessage2,
    readUpdateIMessage1,
    readUpdateRMessage1,
  } = ibake;
  const readers = [
    readIMessage1,
    readRMessage1,
    readIMessage2,
    readRMessage2,
    readUpdateIMessage1,
    readUpdateRMessage1,
  ];
  const refusals = [...readers, readErrorMessage].map((read) => {
    try {
      read(octets);
      return null;
    } catch (error) {
      if (!(error instanceof IbakeError || error instanceof MikeyError)) throw error;
      return error;
    }
  });
  const [first = null] = refusals;
  if (first !== null && refusals.every((refusal) => refusal !== null)) throw first;
  return refusals.map((refusal) => refusal?.code ?? 'read');
}

/** All that anybody in the house asks of a message. */
function readSip(octets: Uint8Array): unknown {
  const message = parseMessage(octets);
  const questions = [
    () => message.topVia,
    () => [message.from, message.to, message.fromTag, message.toTag],
    () => message.cseq,
    () => message.callId,
    () => message.routes,
    () => message.contacts,
    () => openDescription(message),
    () => seenDescription(message),
    () => message.all('Authorization').map(parseAuthorization),
    () => message.all('WWW-Authenticate').map(parseChallenge),
    () => (message.kind === 'request' ? parseUri(message.uri) : message.status),
    () => parseMessage(message.serialise()),
  ];
  return questions.map((ask) => {
    try {
      return typeof ask();
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      return error.code;
    }
  });
}

const SRTP = {
  suite: SRTP_SUITE.aesCm128HmacSha1Tag80,
  masterKey: Secret.of(new Uint8Array(16).fill(1)),
  masterSalt: Secret.of(new Uint8Array(14).fill(2)),
  ssrc: 0x1234_5678,
  mki: Uint8Array.of(1, 2, 3, 4),
};
const rtpPackets = (): Uint8Array[] =>
  [null, { profile: 0xbede, data: new Uint8Array(8) }].map((extension, at) =>
    encodeRtp({
      ...{ marker: at === 0, payloadType: 8, sequenceNumber: 65_535, timestamp: 160, ssrc: SRTP.ssrc },
      ...{ csrc: at === 0 ? [] : [1, 2, 3], extension, payload: new Uint8Array(20).fill(0xd5) },
    }),
  );
const rtcpPackets = (): Uint8Array[] => {
  const block = {
    ssrc: 1,
    fractionLost: 2,
    cumulativeLost: -3,
    highestSequenceNumber: 4,
    jitter: 5,
    lastSr: 6,
    delaySinceLastSr: 7,
  };
  const ssrc = SRTP.ssrc;
  return [
    encodeRtcp([
      { kind: 'rr', ssrc, reports: [block] },
      { kind: 'bye', sources: [ssrc, 1], reason: 'gone' },
    ]),
    encodeRtcp([{ kind: 'unknown', type: 202, count: 1, data: new Uint8Array(12).fill(1) }]),
  ];
};

export const DECODERS: readonly FuzzedDecoder[] = [
  {
    name: 'mikey',
    errors: [MikeyError],
    samples: mikeyMessages,
    decode: (octets) => renderMessage(describeMessage(decodeMessage(octets), octets.length)),
  },
  { name: 'ibake', errors: [IbakeError, MikeyError], samples: mikeyMessages, decode: readInEveryForm },
  { name: 'cms', errors: [IbakeError], samples: sealedParts, decode: decodeContainer },
  {
    name: 'ibe-ciphertext',
    errors: [IbeError],
    samples: () => sealedParts().map((part) => encodeBfCiphertextBlock(decodeContainer(part).encryptedKey)),
    decode: decodeBfCiphertextBlock,
  },
  { name: 'ibe-parameters', errors: [IbeError], samples: parameters, decode: decodeBfPublicParameters },
  {
    name: 'ibe-system',
    errors: [IbeError],
    samples: () => {
      const { district, serial, bfPublicParametersDER } = loadVector('exchange-1.json').kms.initiator;
      const bf = decodeBfPublicParameters(fromBase64(bfPublicParametersDER));
      return [
        encodeIbeSysParams(
          sysParamsOf({ district, serial, bf, notBefore: 0, notAfter: 86_400, keyLifetime: 86_400 }),
        ),
      ];
    },
    decode: decodeIbeSysParams,
  },
  {
    name: 'ibe-identity',
    errors: [IbeError],
    samples: () => [fromHex(loadVector('exchange-1.json').kms.initiator.user.identityDER)],
    decode: decodeIbeIdentityInfo,
  },
  {
    name: 'ibe-private-key',
    errors: [IbeError],
    samples: () => districtPoints().map(encodeBfPrivateKeyBlock),
    decode: decodeBfPrivateKeyBlock,
  },
  { name: 'request-key', errors: [RequestKeyError], samples: keyRequests, decode: decodeKeyRequest },
  {
    name: 'issued-keys',
    errors: [RequestKeyError, MikeyError, IbeError],
    samples: issuedKeys,
    decode: decodeIssuedKeys,
  },
  {
    name: 'publication',
    errors: [PpsError],
    samples: texts(['MAD/\r\n']),
    decode: (octets) => decodePublication(octets, fromOctets(octets)),
  },
  { name: 'sip', errors: [SipError], samples: texts(DIALOGUE), decode: readSip },
  {
    name: 'sip-stream',
    errors: [SipError],
    samples: texts([DIALOGUE.join('')]),
    decode: (octets) => {
      const framer = new StreamFramer();
      const parts = [octets.subarray(0, 100), octets.subarray(100)];
      return parts.flatMap((part) => framer.push(part)).map(({ kind }) => kind);
    },
  },
  {
    name: 'sdp',
    errors: [SipError],
    samples: texts(DESCRIPTIONS),
    decode: (octets) => SessionDescription.parse(octets).serialise(),
  },
  {
    name: 'sdp-seen',
    errors: [],
    samples: texts(DESCRIPTIONS),
    decode: (octets) => [readSdp(octets), SessionDescription.salvage(octets)],
  },
  {
    name: 'hi1',
    errors: [XmlDocumentError],
    samples: () => fc.sample(hi1Message, { seed: 1, numRuns: 12 }).map(encodeHi1Message),
    decode: (octets) => renderHi1Message(decodeHi1Message(octets)),
  },
  {
    name: 'x1-request',
    errors: [XmlDocumentError],
    samples: () =>
      fc.sample(x1Request, { seed: 1, numRuns: 12 }).map((message) => encodeX1Request([message])),
    decode: decodeX1Request,
  },
  {
    name: 'x1-response',
    errors: [XmlDocumentError],
    samples: () =>
      fc
        .sample(x1Response, { seed: 1, numRuns: 12 })
        .map((message) => encodeX1Response({ kind: 'response', messages: [message] })),
    decode: decodeX1Response,
  },
  {
    name: 'x2x3',
    errors: [BytesError, X2X3Error],
    samples: () => [encodePdu(samplePdu()), encodePdu(keepalivePdu(3, 1))],
    decode: decodePdu,
  },
  {
    name: 'x2x3-stream',
    errors: [BytesError, X2X3Error],
    samples: () => [encodePdu(samplePdu()), encodePdu(keepalivePdu(3, 1))],
    decode: (octets) => new Deframer().push(octets),
  },
  {
    name: 'hi',
    errors: [HiError],
    samples: () => handovers.map(([, pdu]) => encodePsPdu(pdu)),
    decode: decodePsPdu,
  },
  {
    name: 'hi-stream',
    errors: [BytesError, HiError],
    samples: () => handovers.map(([, pdu]) => encodePsPdu(pdu)),
    decode: (octets) => [...new PsPduDeframer().push(octets)],
  },
  {
    name: 'xk-request',
    errors: [XkError],
    samples: jsons(GET_KEYS),
    decode: (octets) => parsedJson(octets, decodeGetKeysRequest),
  },
  {
    name: 'xk-response',
    errors: [XkError],
    samples: jsons(XK_ANSWERS),
    decode: (octets) => parsedJson(octets, decodeGetKeysResponse),
  },
  {
    name: 'iq-wanted',
    errors: [IqError],
    samples: jsons(WANTED.map(encodeWanted)),
    decode: (octets) => parsedJson(octets, decodeWanted),
  },
  {
    name: 'iq-anchored',
    errors: [IqError],
    samples: jsons([
      encodeAnchored(
        WANTED.flatMap(({ streams }) =>
          streams.map((each) => (each?.a && each.b ? { a: each.a, b: each.b } : null)),
        ),
      ),
    ]),
    decode: (octets) => parsedJson(octets, decodeAnchored),
  },
  {
    name: 'rtp',
    errors: [BytesError, MediaError],
    samples: rtpPackets,
    decode: (octets) => [decodeRtpHeader(octets), decodeRtp(octets)],
  },
  { name: 'rtcp', errors: [BytesError, MediaError], samples: rtcpPackets, decode: decodeRtcp },
  {
    name: 'srtp',
    errors: [BytesError, MediaError],
    samples: () => rtpPackets().map((packet) => new SrtpSender(SRTP).protect(packet)),
    decode: (octets) => new SrtpReceiver(SRTP).unprotect(octets),
  },
  {
    name: 'srtcp',
    errors: [BytesError, MediaError],
    samples: () =>
      rtcpPackets()
        .slice(0, 1)
        .map((packet) => new SrtpSender(SRTP).protectRtcp(packet)),
    decode: (octets) => new SrtpReceiver(SRTP).unprotectRtcp(octets),
  },
  {
    name: 'wav',
    errors: [BytesError, MediaError],
    samples: () => [encodeWav(new Int16Array(20))],
    decode: decodeWav,
  },
  ...CONFIGURATIONS,
];
