/** The sets that `npm run vectors` makes: one of every exchange of the profile, and every curve, PRF and suite. */
import { SRTP_POLICY, type SrtpPolicy } from '../../src/ibake/policy.ts';
import { deferredSet } from './deferred-set.ts';
import { mediumAddedSet, updatesSet } from './update-sets.ts';
import { forkedSet, offerlessSet, plainSet, redirectedSet, retargetedSet } from './call-sets.ts';
import { requestKeyPkeSet, requestKeyPskSet } from './request-key-sets.ts';

export interface VectorSet {
  /** Of its file, without `.json`. */
  readonly name: string;
  /** Whether it is among those that are kept in `test/vectors/claviger`. */
  readonly isKept: boolean;
  /** @param seed what everything in it follows from */
  readonly make: (seed: string) => Promise<object>;
}

export interface Suite {
  readonly curve: number;
  readonly prfFunc: number;
  readonly policy: SrtpPolicy;
}

const { aesCm128, aesCm256, aesGcm128, aesGcm256 } = SRTP_POLICY;

/** TEKs of 32 octets go with PRF-HMAC-SHA-256 alone. */
const SUITES: readonly Suite[] = [8, 11, 14].flatMap((curve) => [
  ...[aesCm128, aesCm256, aesGcm128, aesGcm256].map((policy) => ({ curve, prfFunc: 1, policy })),
  ...[aesCm128, aesGcm128].map((policy) => ({ curve, prfFunc: 0, policy })),
]);

const kept = (name: string, make: VectorSet['make']): VectorSet => ({ name, isKept: true, make });

/** In the order in which they are made. */
export const VECTOR_SETS: readonly VectorSet[] = [
  kept('exchange-plain', (seed) =>
    plainSet(seed, 'exchange-plain', { curve: 8, prfFunc: 1, policy: aesCm128 }),
  ),
  kept('exchange-forked', (seed) => forkedSet(seed, { curve: 11, prfFunc: 1, policy: aesGcm256 })),
  kept('exchange-retargeted', (seed) => retargetedSet(seed, { curve: 8, prfFunc: 0, policy: aesCm128 })),
  kept('exchange-redirected', (seed) => redirectedSet(seed, { curve: 14, prfFunc: 1, policy: aesCm256 })),
  kept('exchange-offerless', (seed) => offerlessSet(seed, { curve: 8, prfFunc: 0, policy: aesGcm128 })),
  kept('exchange-deferred', (seed) => deferredSet(seed, { curve: 8, prfFunc: 1, policy: aesGcm128 })),
  kept('exchange-update', (seed) => updatesSet(seed, { curve: 11, prfFunc: 1, policy: aesCm128 })),
  kept('exchange-medium-added', (seed) => mediumAddedSet(seed, { curve: 8, prfFunc: 1, policy: aesCm128 })),
  kept('request-key-psk', (seed) => requestKeyPskSet(seed)),
  kept('request-key-pke', (seed) => requestKeyPkeSet(seed)),
  ...SUITES.map((suite) => {
    const name = `exchange-plain-${suite.curve}-${suite.prfFunc}-${suite.policy.name.toLowerCase()}`;
    return { name, isKept: false, make: (seed: string) => plainSet(seed, name, suite) };
  }),
];
