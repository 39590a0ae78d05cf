/**
 * ECCPT by the profile (section 3): curve 8, 11 or 14, an uncompressed point that is on it, KV = 1 with an SPI of 8
 * octets. Auth alg and TGK len are 0 when sent and ignored.
 *
 * The SPI is the MKI of the SRTP stream that the owner of the point sends. It comes from the owner's own generator, not
 * from the seed; so an echo of the whole sub-payload proves that a message was opened, which the seed alone cannot forge.
 */
import { equalOctets } from '../bytes/octets.ts';
import { encodeChain } from '../mikey/chain.ts';
import type { EccptPayload } from '../mikey/payloads/eccpt.ts';
import { curveById, isPoint, type EcCurve } from './curves.ts';

export const SPI_OCTETS = 8;

/** A point that has been checked. */
export interface Eccpt {
  readonly curve: EcCurve;
  readonly point: Uint8Array;
  readonly spi: Uint8Array;
  /** The sub-payload without its next-payload octet, as sent. */
  readonly octets: Uint8Array;
}

/** The sub-payload of a point of one's own. */
export function makeEccpt(curve: EcCurve, point: Uint8Array, spi: Uint8Array): Eccpt {
  return { curve, point, spi, octets: encodeChain([payloadOf({ curve, point, spi })]).subarray(1) };
}

/** The payload to be sent. */
export function payloadOf({ curve, point, spi }: Pick<Eccpt, 'curve' | 'point' | 'spi'>): EccptPayload {
  const kv = { kind: 'spi' as const, spi };
  return { kind: 'eccpt', curve: curve.id, point, authAlg: 0, tgkLen: 0, reserved: 0, kv };
}

/** A received sub-payload, checked; `null` if it is not of the profile. `octets` without the next-payload octet. */
export function checkEccpt(payload: EccptPayload, octets: Uint8Array): Eccpt | null {
  const curve = curveById(payload.curve);
  const { kv, point } = payload;
  if (curve === null || kv.kind !== 'spi' || kv.spi.length !== SPI_OCTETS) return null;
  return isPoint(curve, point) ? { curve, point, spi: kv.spi, octets } : null;
}

/** Whether an echo is the point that was sent: curve, point and SPI. */
export function sameEccpt(a: Eccpt, b: Eccpt): boolean {
  return a.curve.id === b.curve.id && equalOctets(a.point, b.point) && equalOctets(a.spi, b.spi);
}
