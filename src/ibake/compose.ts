/**
 * Putting a message together. The order is forced: the ESK first, since IBAKE's container is bound to it; then IBAKE,
 * bound to all octets before it; then V, over everything.
 */
import { concat } from '../bytes/octets.ts';
import type { Secret } from '../bytes/secret.ts';
import type { CommonHeader } from '../mikey/header.ts';
import { encodeMessage } from '../mikey/message.ts';
import type { Payload } from '../mikey/payload.ts';
import { ID_ROLE, TS_TYPE } from '../mikey/registry.ts';
import { prefixOf } from './messages.ts';
import { idrPayload, type Identities } from './plaintext.ts';
import { sha256 } from './sealing.ts';
import { macAlgorithm, macOctets, verificationMac, type Csb } from './session-keys.ts';
import type { Timestamp } from './timestamps.ts';
import { encodeChain } from '../mikey/chain.ts';
import type { Bindings } from './container.ts';

/** Makes a container for the bindings that its place gives it. */
export type Seal = (bindings: Bindings) => Uint8Array;

export interface Parts {
  readonly header: CommonHeader;
  /** The payloads before IBAKE. */
  readonly front: readonly Payload[];
  /** SHA-256 of the messages before; `null` where there are none to bind. */
  readonly transcript: Uint8Array | null;
  readonly ibake: Seal | null;
  readonly esk: Seal | null;
}

/** T and the identities, as every message has them; `between` is RAND, where there is one. */
export function frontOf(
  t: Timestamp,
  { idri, idrr }: Identities,
  between: readonly Payload[] = [],
): readonly Payload[] {
  return [
    { kind: 't', tsType: TS_TYPE['NTP-UTC'], value: t.octets },
    ...between,
    idrPayload(ID_ROLE.IDRi, idri),
    idrPayload(ID_ROLE.IDRr, idrr),
  ];
}

/** A message without V. */
export function composeMessage(parts: Parts): Uint8Array {
  return encodeMessage({ header: parts.header, payloads: [...parts.front, ...sealedParts(parts)] });
}

/** A message that ends in V under `mpk`. */
export function composeVerified(parts: Parts, mpk: Secret, csb: Csb, identities: Identities): Uint8Array {
  const length = macOctets(csb.prfFunc);
  const v: Payload = { kind: 'v', authAlg: macAlgorithm(csb.prfFunc), data: new Uint8Array(length) };
  const octets = encodeMessage({
    header: parts.header,
    payloads: [...parts.front, ...sealedParts(parts), v],
  });
  const withoutMac = octets.subarray(0, octets.length - length);
  return concat(withoutMac, verificationMac(mpk, csb, withoutMac, identities));
}

/** The octets of an ESK payload as the last of its message. */
export function eskPayloadOctets(encrData: Uint8Array): Uint8Array {
  return encodeChain([{ kind: 'esk', encrData }]);
}

function sealedParts({ header, front, transcript, ibake, esk }: Parts): Payload[] {
  if (ibake === null) return [];
  const prefix = sha256(prefixOf(header, front));
  const secretKey = esk?.({ prefix, esk: null, transcript: null }) ?? null;
  const eskHash = secretKey === null ? null : sha256(eskPayloadOctets(secretKey));
  const points = ibake({ prefix, esk: eskHash, transcript });
  return [
    { kind: 'ibake', encrData: points },
    ...(secretKey === null ? [] : [{ kind: 'esk' as const, encrData: secretKey }]),
  ];
}
