/**
 * Chains of payloads: each says in its first octet what comes next, 0 ends the chain (RFC 3830 section 5.2). Messages are
 * a header and a chain; the plaintexts of KEMAC, IBAKE and ESK are chains without a header, whose first type is known
 * from the context.
 */
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import type { PayloadCodec } from './codec.ts';
import { asMikey, MikeyError } from './errors.ts';
import type { KnownPayload, LocatedPayload, Payload } from './payload.ts';
import { PAYLOADS } from './payloads/all.ts';
import { PAYLOAD_TYPE } from './registry.ts';

type AnyCodec = PayloadCodec<KnownPayload>;

const CODECS = PAYLOADS as readonly AnyCodec[];
const BY_TYPE = new Map(CODECS.map((codec) => [codec.type, codec]));
const BY_KIND = new Map<string, AnyCodec>(CODECS.map((codec) => [codec.kind, codec]));

/** The payloads of a chain, from its first octet. @throws MikeyError `malformed` */
export function decodeChain(firstType: number, octets: Uint8Array): LocatedPayload[] {
  return asMikey('malformed', 'payload chain', () => readChain(octets, 0, firstType));
}

/** The octets of a chain. @throws MikeyError `unencodable` */
export function encodeChain(payloads: readonly Payload[]): Uint8Array {
  return asMikey('unencodable', 'payload chain', () => {
    const writer = new Writer(1024);
    writeChain(writer, payloads);
    return writer.finish();
  });
}

/** The next-payload value that announces `payload`. */
export function payloadType(payload: Payload): number {
  return payload.kind === 'unknown' ? payload.type : codecOf(payload).type;
}

/** Reads payloads from octet `start` up to the last; what follows it is refused. */
export function readChain(octets: Uint8Array, start: number, firstType: number): LocatedPayload[] {
  const payloads: LocatedPayload[] = [];
  let type = firstType;
  let at = start;
  while (type !== PAYLOAD_TYPE.LAST) {
    const { payload, next } = readPayload(octets, at, type);
    payloads.push(payload);
    type = next;
    at += payload.length;
  }
  new Reader(octets, at).end('after the last payload');
  return payloads;
}

/** Writes payloads, each with the type of the one after it. */
export function writeChain(writer: Writer, payloads: readonly Payload[]): void {
  payloads.forEach((payload, i) => {
    const following = payloads[i + 1];
    if (payload.kind === 'unknown') {
      if (following !== undefined)
        throw new MikeyError('unencodable', 'a payload of unknown extent must be the last');
      writer.bytes(payload.data);
      return;
    }
    const codec = codecOf(payload);
    if (codec.endsChain === undefined) {
      writer.u8(following === undefined ? PAYLOAD_TYPE.LAST : payloadType(following));
    } else if (following !== undefined) {
      throw new MikeyError('unencodable', 'SIGN must be the last payload');
    }
    codec.encode(writer, payload);
  });
}

function readPayload(
  octets: Uint8Array,
  offset: number,
  type: number,
): { payload: LocatedPayload; next: number } {
  const reader = new Reader(octets, offset);
  const codec = BY_TYPE.get(type);
  const next = codec?.endsChain === undefined ? reader.u8('next payload') : PAYLOAD_TYPE.LAST;
  const payload = codec?.decode(reader) ?? null;
  if (payload !== null) {
    return { payload: { ...payload, offset, length: reader.offset - offset }, next };
  }
  const data = octets.slice(offset);
  return {
    payload: { kind: 'unknown', type, data, offset, length: data.length },
    next: PAYLOAD_TYPE.LAST,
  };
}

function codecOf(payload: KnownPayload): AnyCodec {
  const codec = BY_KIND.get(payload.kind);
  if (codec === undefined) throw new MikeyError('unencodable', `no codec for ${payload.kind}`);
  return codec;
}
