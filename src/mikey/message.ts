/**
 * A MIKEY message: common header and payload chain (RFC 3830 section 5.2, figure 5.1). Decoding keeps what it does not
 * know, so that encoding what was decoded yields the same octets; it checks form, never policy.
 */
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { payloadType, readChain, writeChain } from './chain.ts';
import { asMikey, MikeyError } from './errors.ts';
import type { CommonHeader } from './header.ts';
import { readHeader, writeHeader } from './header.ts';
import type { Located, LocatedPayload, Payload, PayloadKind } from './payload.ts';
import { PAYLOAD_TYPE } from './registry.ts';

export interface MikeyMessage {
  readonly header: CommonHeader;
  /** In order of appearance. */
  readonly payloads: readonly LocatedPayload[];
}

/** What can be encoded: payloads need no location. */
export interface MikeyMessageParts {
  readonly header: CommonHeader;
  readonly payloads: readonly Payload[];
}

/** Decodes one message that fills `octets`. @throws MikeyError `malformed` */
export function decodeMessage(octets: Uint8Array): MikeyMessage {
  return asMikey('malformed', 'MIKEY message', () => {
    const reader = new Reader(octets);
    const { header, nextPayload } = readHeader(reader);
    if (header.csIdMap.kind === 'unknown') return { header, payloads: [] };
    return { header, payloads: readChain(octets, reader.offset, nextPayload) };
  });
}

/** @throws MikeyError `unencodable` */
export function encodeMessage({ header, payloads }: MikeyMessageParts): Uint8Array {
  return asMikey('unencodable', 'MIKEY message', () => {
    const [first] = payloads;
    if (header.csIdMap.kind === 'unknown' && first !== undefined)
      throw new MikeyError('unencodable', 'payloads after a CS ID map of unknown extent');
    const writer = new Writer(2048);
    writeHeader(writer, header, first === undefined ? PAYLOAD_TYPE.LAST : payloadType(first));
    writeChain(writer, payloads);
    return writer.finish();
  });
}

/** All payloads of a kind, in order. */
export function payloadsOf<K extends PayloadKind>(
  message: { readonly payloads: readonly LocatedPayload[] },
  kind: K,
): Located<K>[] {
  return message.payloads.filter((payload): payload is Located<K> => payload.kind === kind);
}

/** The one payload of a kind; `null` if there is none or more than one. */
export function onlyPayload<K extends PayloadKind>(
  message: { readonly payloads: readonly LocatedPayload[] },
  kind: K,
): Located<K> | null {
  const found = payloadsOf(message, kind);
  return found.length === 1 ? (found[0] ?? null) : null;
}
