/**
 * A reader of MIKEY messages and CMS containers, as far as judging a set of vectors needs it: written from the texts of RFC
 * 3830, 6043, 6267 and 5083, sharing no code with the product.
 */

/** A payload of the clear part, by the type that named it. */
export interface RawPayload {
  readonly type: number;
  readonly from: number;
  readonly to: number;
  readonly octets: Buffer;
}

export interface RawMessage {
  readonly octets: Buffer;
  readonly dataType: number;
  readonly prfFunc: number;
  readonly csbId: Buffer;
  /** Policy number, SSRC, ROC of each crypto session. */
  readonly map: readonly { readonly policy: number; readonly ssrc: number; readonly roc: number }[];
  readonly payloads: readonly RawPayload[];
}

/** Payload types of RFC 3830 table 6.1.b, RFC 6043 and RFC 6267. */
export const TYPE = {
  ...{
    kemac: 1,
    pke: 2,
    sign: 4,
    t: 5,
    cert: 7,
    chash: 8,
    v: 9,
    sp: 10,
    rand: 11,
    tr: 13,
    idr: 14,
    keyData: 20,
  },
  ...{ ext: 21, ibake: 22, esk: 23, sk: 24, eccpt: 25 },
} as const;
/** Octets of a point's coordinate, by ECC curve. */
const FIELD: Readonly<Record<number, number>> = { 8: 32, 11: 48, 14: 66 };
const MAC: Readonly<Record<number, number>> = { 0: 0, 1: 20, 2: 32 };
/** Hash func of CHASH: SHA-256 is RFC 6043's. */
const HASHES: Readonly<Record<number, number>> = { 0: 20, 1: 16, 2: 32 };
const SRTP_ID = 0;
const EMPTY_MAP = 1;

/** @throws for what it does not know */
export function readMessage(base64: string): RawMessage {
  const octets = Buffer.from(base64, 'base64');
  const csCount = octets.readUInt8(8);
  const mapType = octets.readUInt8(9);
  if (mapType !== SRTP_ID && mapType !== EMPTY_MAP) throw new Error(`map type ${mapType}`);
  const map = Array.from({ length: mapType === SRTP_ID ? csCount : 0 }, (_, at) => ({
    policy: octets.readUInt8(10 + 9 * at),
    ssrc: octets.readUInt32BE(11 + 9 * at),
    roc: octets.readUInt32BE(15 + 9 * at),
  }));
  const first = 10 + 9 * map.length;
  const [dataType, prfFunc] = [octets.readUInt8(1), octets.readUInt8(3) & 0x7f];
  const csbId = octets.subarray(4, 8);
  return {
    octets,
    dataType,
    prfFunc,
    csbId,
    map,
    payloads: readPayloads(octets, octets.readUInt8(2), first),
  };
}

/** Payloads from `at` on; each begins with the type of the one after it, the last with 0. SIGN has none after it. */
export function readPayloads(octets: Buffer, firstType: number, at: number): RawPayload[] {
  const payloads: RawPayload[] = [];
  for (let type = firstType, from = at; type !== 0;) {
    const to = from + lengthOf(type, octets.subarray(from));
    if (to > octets.length) throw new Error(`payload ${type} ends after its message`);
    payloads.push({ type, from, to, octets: octets.subarray(from, to) });
    type = type === TYPE.sign ? 0 : octets.readUInt8(from);
    from = to;
  }
  return payloads;
}

/** The only payload of a type. */
export function payloadOf({ payloads }: Pick<RawMessage, 'payloads'>, type: number): RawPayload {
  const [one, ...more] = payloads.filter((payload) => payload.type === type);
  if (one === undefined || more.length > 0) throw new Error(`not one payload of type ${type}`);
  return one;
}

/** T. */
export function timeOf(message: RawMessage): Buffer {
  return payloadOf(message, TYPE.t).octets.subarray(2, 10);
}

/** ID data of all IDRs with a role, in order. */
export function identitiesOf({ payloads }: Pick<RawMessage, 'payloads'>, role: number): Buffer[] {
  return payloads
    .filter(({ type, octets }) => type === TYPE.idr && octets.readUInt8(1) === role)
    .map(({ octets }) => octets.subarray(5));
}

/** IBAKE and ESK of a message: `Encr data`, and what stands before the payload. */
export function sealedOf(
  message: RawMessage,
  type: number,
): { encrData: Buffer; prefix: Buffer; payload: Buffer } | null {
  const payload = message.payloads.find((one) => one.type === type);
  if (payload === undefined) return null;
  return {
    encrData: payload.octets.subarray(3),
    prefix: message.octets.subarray(0, payload.from),
    payload: payload.octets,
  };
}

/** Sub-payloads of a plaintext of IBAKE or ESK, or of KEMAC, which begin with IDR. */
export function readInside(plaintext: Buffer): RawPayload[] {
  return readPayloads(plaintext, TYPE.idr, 0);
}

/** A point as it stands in a plaintext. */
export interface RawPoint {
  readonly curve: number;
  readonly point: Buffer;
  readonly spi: Buffer;
  /** Without its next-payload octet. */
  readonly octets: Buffer;
}

/** The points of a plaintext, in order. */
export function pointsIn(plaintext: Buffer): RawPoint[] {
  return readInside(plaintext)
    .filter(({ type }) => type === TYPE.eccpt)
    .map(({ octets }) => {
      const curve = octets.readUInt8(1);
      const end = 3 + 2 * fieldOf(curve);
      const spi = octets.subarray(Math.ceil(end / 4) * 4 + 5);
      return { curve, point: octets.subarray(2, end), spi, octets: octets.subarray(1) };
    });
}

/** Cipher and lengths of a policy that an I_MESSAGE_1 announces; 0 is RFC 3830's default. */
export function policyIn(
  { payloads }: RawMessage,
  number: number,
): { gcm: boolean; key: number; salt: number } {
  const sp = payloads.find(({ type, octets }) => type === TYPE.sp && octets.readUInt8(1) === number)?.octets;
  if (sp === undefined && number !== 0) throw new Error(`no policy ${number}`);
  const params = new Map<number, number>();
  for (let at = 5; sp !== undefined && at < sp.length; at += 3)
    params.set(sp.readUInt8(at), sp.readUInt8(at + 2));
  const gcm = params.get(0) === 6;
  return { gcm, key: params.get(1) ?? 16, salt: gcm ? 12 : 14 };
}

function fieldOf(curve: number): number {
  const field = FIELD[curve];
  if (field === undefined) throw new Error(`curve ${curve}`);
  return field;
}

/** Octets of the payload of a type that `octets` begin with. */
function lengthOf(type: number, octets: Buffer): number {
  switch (type) {
    case TYPE.t:
      return 10;
    case TYPE.tr:
      return 11;
    case TYPE.rand:
      return 2 + octets.readUInt8(1);
    case TYPE.idr:
    case TYPE.sp:
      return 5 + octets.readUInt16BE(3);
    case TYPE.ext:
      return 4 + octets.readUInt16BE(2);
    case TYPE.pke:
      return 3 + (octets.readUInt16BE(1) & 0x3fff);
    case TYPE.sign:
      return 2 + (octets.readUInt16BE(0) & 0x0fff);
    case TYPE.cert:
      return 4 + octets.readUInt16BE(2);
    case TYPE.chash:
      return 2 + (HASHES[octets.readUInt8(1)] ?? NaN);
    case TYPE.ibake:
    case TYPE.esk:
      return 3 + octets.readUInt16BE(1);
    case TYPE.v:
      return 2 + (MAC[octets.readUInt8(1)] ?? NaN);
    case TYPE.kemac: {
      const end = 4 + octets.readUInt16BE(2);
      return end + 1 + (MAC[octets.readUInt8(end)] ?? NaN);
    }
    case TYPE.sk:
    case TYPE.keyData:
      return lengthWithValidity(octets, 4 + octets.readUInt16BE(2), octets.readUInt8(1) & 0x0f);
    case TYPE.eccpt: {
      const end = Math.ceil((3 + 2 * fieldOf(octets.readUInt8(1))) / 4) * 4;
      return lengthWithValidity(octets, end + 4, octets.readUInt8(end + 3) & 0x0f);
    }
    default:
      throw new Error(`payload of type ${type}`);
  }
}

/** With what follows of KV: nothing, an SPI, or two times, each behind its length. */
function lengthWithValidity(octets: Buffer, from: number, kv: number): number {
  let to = from;
  for (let at = 0; at < kv; at++) to += 1 + octets.readUInt8(to);
  return to;
}

/* ------------------------------------------------------------------ CMS */

export interface RawContainer {
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
  /** DER of the authenticated attributes as the SET OF that they are authenticated as. */
  readonly aad: Buffer;
}

/** AuthEnvelopedData of RFC 5083 with one recipient and AES-GCM. */
export function readContainer(der: Buffer): RawContainer {
  const [contentInfo] = readDer(der);
  const enveloped = inside(inside(contentInfo)[1])[0];
  const [, , contentInfoEncrypted, authAttrs, mac] = inside(enveloped);
  const [, algorithm, encrypted] = inside(contentInfoEncrypted);
  const [nonce] = inside(inside(algorithm)[1]);
  if (nonce === undefined || encrypted === undefined || authAttrs === undefined || mac === undefined)
    throw new Error('not a container');
  const aad = Buffer.from(authAttrs.raw);
  aad.writeUInt8(0x31, 0);
  return { nonce: nonce.contents, ciphertext: encrypted.contents, tag: mac.contents, aad };
}

interface Der {
  readonly raw: Buffer;
  readonly contents: Buffer;
}

function inside(der: Der | undefined): Der[] {
  if (der === undefined) throw new Error('DER: nothing there');
  return readDer(der.contents);
}

function readDer(octets: Buffer): Der[] {
  const all: Der[] = [];
  for (let at = 0; at < octets.length;) {
    const short = octets.readUInt8(at + 1);
    const more = short < 0x80 ? 0 : short - 0x80;
    const length = more === 0 ? short : octets.readUIntBE(at + 2, more);
    const from = at + 2 + more;
    if (from + length > octets.length) throw new Error('DER: ends too early');
    all.push({ raw: octets.subarray(at, from + length), contents: octets.subarray(from, from + length) });
    at = from + length;
  }
  return all;
}
