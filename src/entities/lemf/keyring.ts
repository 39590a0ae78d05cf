/**
 * The keys to try for a stream: those that the delivery function handed over for the crypto sessions that have its SSRC
 * (all of them where no map knows it), and those that the SDP shows (RFC 4568: whoever writes a=crypto sends under it).
 */
import { suiteByName } from '../../media/srtp/suites.ts';
import type { CcKeyInfo } from '../../wire/hi/eps-iri.ts';
import type { CandidateKey } from '../../media/srtp/stream-decryptor.ts';
import { MKI_LENGTH, shownKey } from '../../media/srtp/stream-decryptor.ts';
import type { TargetSide } from './negotiation.ts';
import { suitesFor } from './policy.ts';
import type { AgreedStream, Signalling } from './signalling.ts';
import { usableSdesKeys } from '../../sip/sdes.ts';
import type { CryptoAttribute } from '../../sip/sdes.ts';

/** Keys from SDPs for one stream; each party offers a handful. */
const MAX_SDES_KEYS = 64;

export interface Keyring {
  readonly keys: readonly CandidateKey[];
  /** Keys there are for it, usable here or not. */
  readonly known: number;
  /** Keys from the SDP beyond the bound. */
  readonly passedOver: number;
}

/**
 * @param handed the keys that were handed over
 * @param speaker the end that sends the stream; `null`: not known, so that both ends' keys are tried
 */
export function keyringFor(
  sessions: readonly AgreedStream[],
  speaker: TargetSide | null,
  handed: readonly CcKeyInfo[],
  signalling: Signalling,
): Keyring {
  const handedOver = keysHandedOver(sessions, handed);
  const shown = keysShown(speaker, signalling);
  return {
    keys: [...handedOver.keys, ...shown.keys.slice(0, MAX_SDES_KEYS)],
    known: handedOver.known + shown.known,
    passedOver: Math.max(0, shown.keys.length - MAX_SDES_KEYS),
  };
}

/** The SSRC is in no map. */
const UNKNOWN_PLACE = [{ suite: null, roc: 0 }] as const;

function keysHandedOver(
  sessions: readonly AgreedStream[],
  handed: readonly CcKeyInfo[],
): Pick<Keyring, 'keys' | 'known'> {
  const keys: CandidateKey[] = [];
  let known = 0;
  for (const { csId, key, salt } of handed) {
    const number = csId[0] ?? 0;
    const own = sessions.filter((session) => session.csId === number);
    if (sessions.length > 0 && own.length === 0) continue;
    known++;
    if (salt === undefined) continue;
    const places = own.length > 0 ? own : UNKNOWN_PLACE;
    for (const { suite, roc } of places) {
      const suites = suite === null ? suitesFor(key.length, salt.length) : [suite];
      for (const candidate of suites) {
        if (candidate.keyLength !== key.length || candidate.saltLength !== salt.length) continue;
        keys.push({ csId: number, suite: candidate, key, salt, roc, mkiLength: MKI_LENGTH });
      }
    }
  }
  return { keys, known };
}

function keysShown(
  speaker: TargetSide | null,
  { descriptions }: Signalling,
): Pick<Keyring, 'keys' | 'known'> {
  const attributes = descriptions
    .filter(({ side }) => speaker === null || side === null || side === speaker)
    .flatMap(({ media }) => media.flatMap(({ crypto }) => crypto));
  const keys: CandidateKey[] = [];
  for (const candidate of attributes.flatMap(candidatesOf)) {
    if (!keys.some((known) => isSameKey(known, candidate))) keys.push(candidate);
  }
  return { keys, known: attributes.length };
}

function candidatesOf(attribute: CryptoAttribute): CandidateKey[] {
  const usable = usableSdesKeys(attribute, suiteByName);
  if (usable === null) return [];
  const { suite, keys } = usable;
  return keys.map(({ keyAndSalt, mkiLength }) => shownKey(suite, keyAndSalt, mkiLength));
}

function isSameKey(a: CandidateKey, b: CandidateKey): boolean {
  return a.suite === b.suite && a.mkiLength === b.mkiLength && a.key.equals(b.key) && a.salt.equals(b.salt);
}
