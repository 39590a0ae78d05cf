/** What KEMAC of REQUEST_KEY_RESP holds (profile, section 4), read without the product. */
import { readInside, TYPE, type RawPayload } from './mikey-reader.ts';

export interface RawIssuedKey {
  readonly uri: string;
  readonly from: number;
  readonly to: number;
  readonly Sid: readonly [string, string];
  readonly seed: { readonly key: string; readonly slotStart?: number } | undefined;
}

const NTP_FROM_UNIX = 2_208_988_800;
const PRIVATE_KEY = 7;
const LI_SEED = 15;

/** Identity, private key and perhaps a seed, one after the other. */
export function keysIn(plaintext: Buffer): RawIssuedKey[] {
  const payloads = readInside(plaintext);
  const keys: RawIssuedKey[] = [];
  for (let at = 0; at < payloads.length;) {
    const [identity, key, next] = payloads.slice(at, at + 3);
    if (identity?.type !== TYPE.idr || key === undefined || typeOf(key) !== PRIVATE_KEY)
      throw new Error('not an identity with its private key');
    const seed = next !== undefined && typeOf(next) === LI_SEED ? next : undefined;
    const [from, to] = intervalOf(key);
    if (from === undefined || to === undefined) throw new Error('a private key without a period');
    const [slotStart] = seed === undefined ? [] : intervalOf(seed);
    keys.push({
      ...{ uri: identity.octets.subarray(5).toString(), from, to, Sid: pointIn(keyOf(key)) },
      seed:
        seed === undefined
          ? undefined
          : { key: keyOf(seed).toString('hex'), ...(slotStart === undefined ? {} : { slotStart }) },
    });
    at += seed === undefined ? 2 : 3;
  }
  return keys;
}

function typeOf({ type, octets }: RawPayload): number {
  return type === TYPE.keyData ? octets.readUInt8(1) >> 4 : -1;
}

function keyOf({ octets }: RawPayload): Buffer {
  return octets.subarray(4, 4 + octets.readUInt16BE(2));
}

/** VF and VT in Unix seconds, each behind a length; none without KV. */
function intervalOf(payload: RawPayload): number[] {
  const kv = payload.octets.subarray(4 + keyOf(payload).length);
  return [0, 9].filter((at) => at < kv.length).map((at) => kv.readUInt32BE(at + 1) - NTP_FROM_UNIX);
}

/** DER of BFPrivateKeyBlock: the point with two INTEGERs, whatever is around them. */
function pointIn(der: Buffer): [string, string] {
  const integers: string[] = [];
  const walk = (octets: Buffer): void => {
    for (let at = 0; at < octets.length;) {
      const [tag, short] = [octets.readUInt8(at), octets.readUInt8(at + 1)];
      const more = short < 0x80 ? 0 : short - 0x80;
      const length = more === 0 ? short : octets.readUIntBE(at + 2, more);
      const contents = octets.subarray(at + 2 + more, at + 2 + more + length);
      if (tag === 0x30) walk(contents);
      if (tag === 0x02) integers.push(`0x${BigInt(`0x${contents.toString('hex')}`).toString(16)}`);
      at += 2 + more + length;
    }
  };
  walk(der);
  const [x = '', y = ''] = integers.slice(-2);
  return [x, y];
}
