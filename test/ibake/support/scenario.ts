/** A network of two homes with fresh secrets, and calls in it. */
import { createHmac } from 'node:crypto';
import type { Random } from '../../../src/bytes/ports.ts';
import { toBigInt } from '../../../src/bytes/octets.ts';
import { multiply } from '../../../src/ibe/curve.ts';
import { loadDemoGroup, type DemoHome } from '../../../src/ibe/demo-groups.ts';
import type { Endpoint } from '../../../src/ibake/ports.ts';
import { Initiator, type ResponderPolicy, type Offer } from '../../../src/ibake/initiator.ts';
import { respond, type ResponderOptions } from '../../../src/ibake/responder.ts';
import type { ResponderLeg } from '../../../src/ibake/responder-leg.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { endpointFor, type MemoryReplays, type TestHome, type TestKeys } from './network.ts';

export const ALICE = 'sip:alice@home1.example';
export const BOB = 'sip:bob@home2.example';
export const BOB_DESK = `${BOB};gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6`;
export const BOB_MOBILE = `${BOB};gr=mobile`;
export const CAROL = 'sip:carol@home2.example';
export const MAILBOX = 'sip:mailbox@home2.example';

/** Noon, so that nothing crosses midnight unless a test wants it. */
export const NOON = Date.UTC(2027, 2, 19, 12, 0, 0, 250);

export type TestEndpoint = Endpoint & { readonly keys: TestKeys; readonly replays: MemoryReplays };

/** Octets that follow from a name: reproducible, and different for every name. */
export class SeededRandom implements Random {
  readonly #seed: string;
  #count = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = createHmac('sha256', this.#seed).update(String(this.#count++)).digest();
      out.set(block.subarray(0, Math.min(32, length - at)), at);
    }
    return out;
  }
}

/** Made once, so that the engine's tables serve all tests of a file. */
const HOME1 = makeHome('home1', 3);
const HOME2 = makeHome('home2', 11);

export class Network {
  readonly clock = new ManualClock(NOON);
  readonly home1: TestHome;
  readonly home2: TestHome;
  readonly #seed: string;
  #endpoints = 0;

  constructor(seed: string, keyLifetime = 86_400) {
    this.#seed = seed;
    this.home1 = { ...HOME1, keyLifetime };
    this.home2 = { ...HOME2, keyLifetime };
  }

  get homes(): TestHome[] {
    return [this.home1, this.home2];
  }

  endpoint(addressOfRecord: string, device = addressOfRecord): TestEndpoint {
    const random = new SeededRandom(`${this.#seed} ${device} ${this.#endpoints++}`);
    return endpointFor(this.homes, { addressOfRecord, device }, { clock: this.clock, random });
  }

  /** Alice offers one audio line. */
  offer(from: Endpoint, callee: string, offer: Partial<Offer> = {}): Initiator {
    return Initiator.offer(from, { callee, media: [{ ssrc: 0x01020304 }], ...offer });
  }
}

export interface Call {
  readonly initiator: Initiator;
  readonly responder: ResponderLeg;
  readonly iMessage1: Uint8Array;
  readonly rMessage1: Uint8Array;
  readonly iMessage2: Uint8Array;
  readonly rMessage2: Uint8Array;
  readonly leg: ReturnType<Initiator['answer']>;
  readonly sessions: {
    readonly initiator: NonNullable<ReturnType<Initiator['answer']>['session']>;
    readonly responder: NonNullable<ResponderLeg['session']>;
  };
}

/** The answer to an I_MESSAGE_1. @throws if there is none */
export function answered(
  to: Endpoint,
  iMessage1: Uint8Array,
  options: ResponderOptions = { ssrcs: [0x0a0b0c0d] },
): ResponderLeg {
  const verdict = respond(to, iMessage1, options);
  if (verdict.kind === 'silence') throw verdict.reason;
  if (verdict.kind === 'error') throw new Error(`error ${verdict.errorNo}`);
  return verdict.leg;
}

/** A whole exchange. */
export function completed(initiator: Initiator, responder: ResponderLeg, policy: ResponderPolicy = {}): Call {
  const leg = initiator.answer(responder.message, policy);
  const confirmed = responder.confirm(leg.message);
  const session = leg.verify(confirmed.message);
  return {
    initiator,
    responder,
    leg,
    iMessage1: initiator.message,
    rMessage1: responder.message,
    iMessage2: leg.message,
    rMessage2: confirmed.message,
    sessions: { initiator: session, responder: confirmed.session },
  };
}

function makeHome(home: DemoHome, serial: number): TestHome {
  const { hash, p, q, P } = loadDemoGroup(home);
  const random = new SeededRandom(home);
  const masterSecret = (toBigInt(random.bytes(32)) % (q - 1n)) + 1n;
  const Ppub = multiply(P, masterSecret, p);
  if (Ppub === null) throw new Error('no P_pub');
  const host = `${home}.example`;
  return {
    host,
    district: `https://kms.${host}/.well-known/ibe`,
    serial,
    keyLifetime: 86_400,
    bf: { hash, p, q, P, Ppub },
    masterSecret,
    liRoot: random.bytes(32),
  };
}
