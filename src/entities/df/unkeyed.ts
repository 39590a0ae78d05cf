/**
 * Calls whose media are encrypted and whose keys are not seen: in SDES that cannot be read, in DTLS or ZRTP, in MIKEY of
 * another kind or without its end, or nowhere. The LEMF is told so, once for each call and LIID.
 *
 *     descriptions ──► last one of each party ─┐
 *     2xx to INVITE ─────────────────────────► settled ──► judged, medium by medium
 *                                                ├──► in the clear, or keyed: nothing until the next 2xx
 *                                                ├──► a party, or the end of an exchange, not yet seen: waits, within bounds
 *                                                └──► unkeyed: told
 *
 * A medium is keyed by a complete MIKEY-IBAKE exchange of its dialog, for what becomes of that is told elsewhere; or by
 * a=crypto that both parties show and the LEMF can use (RFC 4568). What is agreed upon on the media's own way is not.
 */
import { assemble } from '../../xk/exchanges.ts';
import type { SeenMessage } from '../../xk/seen-messages.ts';
import type { Agreed, MediaSighting, SeenMedium, SeenParty } from './media-sighting.ts';

/** What is to be judged. */
interface SettledDialog extends Agreed {
  /** When it came to the DF. */
  readonly since: number;
}

/** Of one call under one task; plain data, kept in the store as JSON. */
export interface KeyingState {
  readonly parties: readonly SeenParty[];
  /** Not judged yet. */
  readonly settled: SettledDialog | null;
  /** It is certain that keys are not seen. */
  readonly unkeyed: boolean;
  /** LIIDs that were told. */
  readonly told: readonly string[];
}

/** How long what is missing may take to come, milliseconds: as long as an answer of the KMS. */
const UNKEYED_AFTER_MS = 10_000;

/** Parties of one call (each branch of a fork is one): the latest count, and whose description is gone is waited for. */
const MAX_PARTIES = 32;

/** @returns the state itself where nothing has changed; `undefined` while nobody speaks of encryption */
export function withMedia(
  state: KeyingState | undefined,
  { party, agreed }: MediaSighting,
  messages: readonly SeenMessage[],
  now: number,
): KeyingState | undefined {
  if (state === undefined && !(party?.media.some(speaksOfEncryption) ?? false)) return undefined;
  let next = state ?? { parties: [], settled: null, unkeyed: false, told: [] };
  if (party !== null && !next.parties.some((known) => JSON.stringify(known) === JSON.stringify(party))) {
    const others = next.parties.filter(({ callId, tag }) => callId !== party.callId || tag !== party.tag);
    next = { ...next, parties: [...others, party].slice(-MAX_PARTIES) };
  }
  if (agreed !== null && !next.unkeyed) next = { ...next, settled: { ...agreed, since: now } };
  const after = judged(next, messages, now);
  const { parties, settled, unkeyed } = after;
  const same = state?.parties === parties && state.settled === settled && state.unkeyed === unkeyed;
  return same ? state : after;
}

/** The state after a look at what is settled; itself where that is not due. */
export function judged(state: KeyingState, messages: readonly SeenMessage[], now: number): KeyingState {
  const { settled, unkeyed } = state;
  if (settled === null || unkeyed) return state;
  const verdict = verdictOn(state.parties, settled, messages);
  if (verdict === 'nothing to tell') return { ...state, settled: null };
  if (verdict === 'waits' && now - settled.since < UNKEYED_AFTER_MS) return state;
  return { ...state, unkeyed: true };
}

/**
 * Whether what was agreed upon says that packets of a payload type are sent in the clear (`null`: of RTCP, which has none).
 * Where any two parties of a call agreed upon something else for it, they are not.
 */
export function isInTheClear({ parties }: KeyingState, payloadType: number | null): boolean {
  let isAgreed = false;
  for (const [at, one] of parties.entries()) {
    const others = parties
      .slice(at + 1)
      .filter(({ callId, tag }) => callId === one.callId && tag !== one.tag);
    const against = others.length === 0 && parties.length === 1 ? [one] : others;
    for (const other of against) {
      for (const [line, medium] of one.media.entries()) {
        const opposite = other.media[line];
        if (opposite === undefined || medium.refused || opposite.refused) continue;
        if (!mayBeOf(medium, payloadType) && !mayBeOf(opposite, payloadType)) continue;
        if (isEncrypted(medium, opposite)) return false;
        isAgreed = true;
      }
    }
  }
  return isAgreed;
}

/* ---------------------------------------------------------------- helpers */

function mayBeOf({ formats }: SeenMedium, payloadType: number | null): boolean {
  return payloadType === null || formats === undefined || formats.includes(payloadType);
}

function verdictOn(
  parties: readonly SeenParty[],
  { callId, tags }: SettledDialog,
  messages: readonly SeenMessage[],
): 'nothing to tell' | 'waits' | 'unkeyed' {
  const [one, other] = parties.filter((party) => party.callId === callId && tags.includes(party.tag));
  const own = messages.filter((message) => message.callId === callId);
  const exchanged = assemble(own).some(({ iMessage2, standing }) => {
    return standing !== 'withheld' && iMessage2.tags.every((tag) => tags.includes(tag));
  });
  if (one === undefined) return 'nothing to tell';
  if (other === undefined)
    return one.media.some((medium) => isEncrypted(medium, medium)) ? 'waits' : 'nothing to tell';
  const unkeyed = one.media.some((medium, at) => {
    const opposite = other.media[at];
    return opposite !== undefined && isEncrypted(medium, opposite) && !isKeyed(medium, opposite, exchanged);
  });
  if (!unkeyed) return 'nothing to tell';
  return own.length > 0 && !exchanged ? 'waits' : 'unkeyed';
}

function isEncrypted(one: SeenMedium, other: SeenMedium): boolean {
  if (one.refused || other.refused) return false;
  if (one.securable && other.securable && (one.secured || other.secured)) return true;
  return shared(one.keying, other.keying).length > 0;
}

function isKeyed(one: SeenMedium, other: SeenMedium, exchanged: boolean): boolean {
  const ways = shared(one.keying, other.keying);
  if (ways.includes('mikey') && exchanged) return true;
  if (ways.includes('dtls') || ways.includes('zrtp')) return false;
  return exchanged || shared(one.keyTags, other.keyTags).length > 0;
}

function shared<T>(one: readonly T[], other: readonly T[]): T[] {
  return one.filter((each) => other.includes(each));
}

function speaksOfEncryption({ securable, keying }: SeenMedium): boolean {
  return securable || keying.length > 0;
}
