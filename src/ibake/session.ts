/**
 * A crypto session bundle with keys in force: what an exchange ends in, and what an update begins with. Both sides and
 * the recovery at the KMS compute it with the same functions.
 */
import { equalOctets } from '../bytes/octets.ts';
import type { Secret } from '../bytes/secret.ts';
import type { SrtpIdEntry } from '../mikey/header.ts';
import { publicPoint, sharedPoint, type EcCurve } from './curves.ts';
import { makeEccpt, SPI_OCTETS, type Eccpt } from './eccpt.ts';
import { IbakeError } from './errors.ts';
import type { ClearIdentity, MessageBase } from './messages.ts';
import { identitiesOf } from './plaintext.ts';
import type { PolicyTable } from './policy.ts';
import type { Endpoint } from './ports.ts';
import { drawSecret, type DrawContext, type SecretRole } from './recoverable-secret.ts';
import { shortAuthenticationString } from './sas.ts';
import {
  cryptoSessions,
  deriveCsbKeys,
  type Csb,
  type CryptoSession,
  type CsbKeys,
  type Spis,
} from './session-keys.ts';
import type { Timestamp } from './timestamps.ts';

export interface CsbSession {
  /** Which side of the initial exchange this end is. */
  readonly role: 'initiator' | 'responder';
  readonly csb: Csb;
  readonly keys: CsbKeys;
  readonly idri: ClearIdentity;
  /** As in R_MESSAGE_1. */
  readonly idrr: ClearIdentity;
  readonly map: readonly SrtpIdEntry[];
  readonly policies: PolicyTable;
  readonly spis: { readonly initiator: Uint8Array; readonly responder: Uint8Array };
  /** The greatest T seen in the CSB. */
  readonly latest: Timestamp;
  /** For SRTP, by CS ID; those in use only. */
  readonly cryptoSessions: readonly CryptoSession[];
  /** To be compared by the users; of the initial exchange, anew with each update that has points. */
  readonly sas: string;
  /** Of the initial exchange; updates stay on it. */
  readonly curve: EcCurve;
  /** A mailbox has answered: the CSB is not updated. */
  readonly isDeferred: boolean;
}

/** A point of one's own with its secret. */
export interface OwnPoint {
  readonly secret: Secret;
  readonly eccpt: Eccpt;
}

/** Draws the secret of a message from the seed; the SPI comes from the generator, before it. */
export function drawPoint(
  endpoint: Pick<Endpoint, 'keys' | 'device'>,
  role: SecretRole,
  curve: EcCurve,
  spi: Uint8Array,
  draw: { readonly time: number; readonly context: DrawContext },
): OwnPoint {
  const slotKey = endpoint.keys.slotKey(endpoint.device.uri, draw.time);
  const secret = drawSecret(slotKey, role, curve, draw.context);
  slotKey.wipe();
  return { secret, eccpt: makeEccpt(curve, publicPoint(curve, secret), spi) };
}

export function drawSpi(endpoint: Pick<Endpoint, 'random'>): Uint8Array {
  return endpoint.random.bytes(SPI_OCTETS);
}

/** MPK and TGK of one's own secret and the other side's point, which must be on the same curve. */
export function agreeKeys(own: OwnPoint, peer: Eccpt, csb: Csb): CsbKeys {
  if (own.eccpt.curve.id !== peer.curve.id) throw new IbakeError('unacceptable', 'points on two curves');
  return deriveCsbKeys(sharedPoint(peer.curve, own.secret, peer.point), csb);
}

/** The session that an exchange gives. */
export function establish(
  facts: Omit<CsbSession, 'cryptoSessions' | 'sas' | 'spis' | 'curve'>,
  points: { readonly eccpti: Eccpt; readonly eccptr: Eccpt },
): CsbSession {
  const { keys, csb, map, policies } = facts;
  const spis = { initiator: points.eccpti.spi, responder: points.eccptr.spi };
  const identities = identitiesOf(facts);
  return {
    ...facts,
    spis,
    cryptoSessions: cryptoSessions(keys, csb, map, policies, spis),
    sas: shortAuthenticationString(keys.mpk, csb, identities, points),
    curve: points.eccpti.curve,
  };
}

/** Overwrites all keys of a session. */
export function wipeSession({ keys, cryptoSessions: sessions }: CsbSession): void {
  for (const secret of [keys.mpk, keys.tgk, ...sessions.flatMap(({ tek, salt }) => [tek, salt])])
    secret.wipe();
}

/** Overwrites the keys of a session that an update replaced; the update may have left MPK and TGK as they were. */
export function wipeReplaced(before: CsbSession, after: CsbSession): void {
  const { keys, cryptoSessions: sessions } = before;
  const kept = new Set([after.keys.mpk, after.keys.tgk]);
  for (const secret of [keys.mpk, keys.tgk, ...sessions.flatMap(({ tek, salt }) => [tek, salt])])
    if (!kept.has(secret)) secret.wipe();
}

/* ------------------------------------------------------------ consistency */

/** Version, CSB ID, PRF, #CS, map type and IDRi: equal within an exchange (version and map type by form). */
export function isSameExchange(a: MessageBase, b: MessageBase): boolean {
  return (
    a.header.csbId === b.header.csbId &&
    a.header.prfFunc === b.header.prfFunc &&
    a.map.length === b.map.length &&
    equalOctets(a.idri.data, b.idri.data)
  );
}

export function isSameIdentity(a: ClearIdentity, b: ClearIdentity): boolean {
  return equalOctets(a.data, b.data);
}

/** Whether entries are equal, but for SSRCs that are 0 in `from`. */
export function isFilledMap(from: readonly SrtpIdEntry[], to: readonly SrtpIdEntry[]): boolean {
  return (
    from.length === to.length &&
    from.every((entry, i) => {
      const other = to[i];
      return (
        other?.policyNo === entry.policyNo &&
        other.roc === entry.roc &&
        (entry.ssrc === 0 || other.ssrc === entry.ssrc)
      );
    })
  );
}

export function isSameMap(a: readonly SrtpIdEntry[], b: readonly SrtpIdEntry[]): boolean {
  return isFilledMap(a, b) && isFilledMap(b, a);
}

/** The SPIs as far as they are known. */
export function spisOf(eccpti: Eccpt | null, eccptr: Eccpt | null): Spis {
  return { initiator: eccpti?.spi ?? null, responder: eccptr?.spi ?? null };
}
