/** The union of all payloads, and one that was found at a place in a message. */
import type { CertPayload, IdPayload } from './payloads/id.ts';
import type { ChashPayload } from './payloads/chash.ts';
import type { DhPayload } from './payloads/dh.ts';
import type { EccptPayload } from './payloads/eccpt.ts';
import type { ErrPayload } from './payloads/err.ts';
import type { ExtPayload } from './payloads/ext.ts';
import type { EskPayload, IbakePayload } from './payloads/ibake.ts';
import type { IdrPayload } from './payloads/idr.ts';
import type { KemacPayload } from './payloads/kemac.ts';
import type { KeyDataPayload } from './payloads/key-data.ts';
import type { PkePayload } from './payloads/pke.ts';
import type { RandPayload, RandrPayload } from './payloads/rand.ts';
import type { SignPayload } from './payloads/sign.ts';
import type { SkPayload } from './payloads/sk.ts';
import type { SpPayload } from './payloads/sp.ts';
import type { TPayload, TrPayload } from './payloads/t.ts';
import type { TicketPayload, TpPayload } from './payloads/ticket.ts';
import type { VPayload } from './payloads/v.ts';

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

export type Payload =
  | KemacPayload
  | PkePayload
  | DhPayload
  | SignPayload
  | TPayload
  | IdPayload
  | CertPayload
  | ChashPayload
  | VPayload
  | SpPayload
  | RandPayload
  | ErrPayload
  | TrPayload
  | IdrPayload
  | RandrPayload
  | TpPayload
  | TicketPayload
  | KeyDataPayload
  | ExtPayload
  | IbakePayload
  | EskPayload
  | SkPayload
  | EccptPayload
  | UnknownPayload;

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
