/** The union of all payloads, and one that was found at a place in a message. */
import type { PAYLOADS } from './payloads/all.ts';
import type { PayloadOf } from './payloads/fields.ts';

/** A payload of a type that is in the registry. */
export type KnownPayload = PayloadOf<(typeof PAYLOADS)[number]>;

/**
 * A payload of a type that is not in the registry, or of a registered type whose length depends on an algorithm that is
 * not. Its extent is unknown (only its first octet has a fixed meaning), so it runs to the end of the chain.
 */
export interface UnknownPayload {
  readonly kind: 'unknown';
  readonly type: number;
  /** Everything from the payload's first octet (its own next-payload field) to the end. */
  readonly data: Uint8Array;
}

export type Payload = KnownPayload | UnknownPayload;

export type PayloadKind = Payload['kind'];

/** Where a payload was found, from octet 0 of the message or chain that was decoded. */
export interface Location {
  /** Its first octet, the next-payload field (for SIGN: S type). */
  readonly offset: number;
  readonly length: number;
}

export type LocatedPayload = Payload & Location;

/** A located payload of one kind. */
export type Located<K extends PayloadKind> = Extract<Payload, { kind: K }> & Location;
