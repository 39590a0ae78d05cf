/** The two homes and the users of a set: all that is drawn follows from the seed and the set's name, the time as well. */
import { createHash } from 'node:crypto';
import type { Random } from '../../src/bytes/ports.ts';
import { toBase64, toBigInt, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { multiply, type AffinePoint } from '../../src/ibe/curve.ts';
import { loadDemoGroup, type DemoHome } from '../../src/ibe/demo-groups.ts';
import { groupOf } from '../../src/ibe/group.ts';
import { hashToPoint } from '../../src/ibe/hash-to-point.ts';
import { encodeBfPublicParameters } from '../../src/ibe/parameters.ts';
import { canonicalIdentity, periodStart } from '../../src/ibake/identity.ts';
import { liSeed } from '../../src/ibake/recoverable-secret.ts';
import { endpointFor, engine, identityAt, type TestHome } from '../ibake/support/network.ts';
import { SeededRandom, type TestEndpoint } from '../ibake/support/scenario.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { HomeForm, KeyForm } from './form.ts';

/** Randomness that is remembered until it is asked for. */
export class RecordedRandom implements Random {
  readonly #random: Random;
  readonly #drawn: Uint8Array[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  bytes(length: number): Uint8Array {
    const octets = this.#random.bytes(length);
    this.#drawn.push(octets.slice());
    return octets;
  }

  /** What has been drawn since the last time. */
  take(): Uint8Array[] {
    return this.#drawn.splice(0);
  }
}

/** Somebody with a device. */
export interface Party {
  /** What the set calls them. */
  readonly name: string;
  /** The set's name of their KMS. */
  readonly kms: string;
  readonly device: string;
  readonly home: TestHome;
  readonly endpoint: TestEndpoint;
  readonly random: RecordedRandom;
}

const DAY_MS = 86_400_000;

export class World {
  readonly seed: string;
  readonly home1: TestHome;
  readonly home2: TestHome;
  readonly clock: ManualClock;
  readonly #name: string;
  readonly #chosen: SeededRandom;

  constructor(seed: string, name: string) {
    this.seed = seed;
    this.#name = name;
    this.home1 = homeOf(seed, 'home1', 1);
    this.home2 = homeOf(seed, 'home2', 7);
    this.#chosen = new SeededRandom(`${seed} ${name} chosen`);
    // A day of 2027 between six in the morning and six in the evening, and no month's last: so that neither a period nor
    // the next period's epoch ends in a set.
    const [month, day, ms] = [12, 27, DAY_MS / 2].map((below) => this.#number(4) % below);
    this.clock = new ManualClock(Date.UTC(2027, month ?? 0, 1 + (day ?? 0)) + DAY_MS / 4 + (ms ?? 0));
  }

  party(name: string, kms: string, device: string): Party {
    const addressOfRecord = canonicalIdentity(device).addressOfRecord;
    const random = new RecordedRandom(new SeededRandom(`${this.seed} ${this.#name} ${device}`));
    const homes = [this.home1, this.home2];
    const endpoint = endpointFor(homes, { addressOfRecord, device }, { clock: this.clock, random });
    return { name, kms, device, home: this.homeOfUser(device), endpoint, random };
  }

  /** An SSRC, never 0. */
  ssrc(): number {
    return this.#number(4) || 1;
  }

  /** A number of octets that a set needs for something of its own. */
  octets(length: number): Uint8Array {
    return this.#chosen.bytes(length);
  }

  homeOfUser(uri: string): TestHome {
    const { host } = canonicalIdentity(uri);
    return host === this.home1.host ? this.home1 : this.home2;
  }

  #number(octets: number): number {
    return Number(toBigInt(this.#chosen.bytes(octets)));
  }
}

/** A home as a set has it, with the keys of some users for the period of a time; seeds for those who have a device. */
export function homeForm(
  home: TestHome,
  users: readonly { uri: string; seed: boolean }[],
  time: number,
): HomeForm {
  const { district, serial, keyLifetime, bf, masterSecret, liRoot } = home;
  return {
    ...{ district, serial, keyLifetime, p: hexOf(bf.p), q: hexOf(bf.q) },
    ...{ P: pairOf(bf.P), Ppub: pairOf(bf.Ppub), masterSecret: hexOf(masterSecret) },
    liRootKey: toHex(liRoot),
    bfPublicParametersDER: toBase64(encodeBfPublicParameters(bf)),
    users: users.map(({ uri, seed }) => keyForm(home, uri, seed, time)),
  };
}

/** An integer as a set has it. */
export function hexOf(value: bigint): string {
  return `0x${value.toString(16)}`;
}

export function pairOf({ x, y }: AffinePoint): [string, string] {
  return [hexOf(x), hexOf(y)];
}

/* ---------------------------------------------------------------- helpers */

const homes = new Map<string, TestHome>();

/** The demo's groups, under secrets that follow from the seed; the same object for a seed, so that tables serve every set. */
function homeOf(seed: string, name: DemoHome, serial: number): TestHome {
  const key = createHash('sha256').update(`${seed}\0${name}\0${serial}`).digest('hex');
  const known = homes.get(key);
  if (known !== undefined) return known;
  const { hash, p, q, P } = loadDemoGroup(name);
  const random = new SeededRandom(`${seed} ${name}`);
  const masterSecret = (toBigInt(random.bytes(40)) % (q - 1n)) + 1n;
  const Ppub = multiply(P, masterSecret, p);
  if (Ppub === null) throw new Error('no P_pub');
  const host = `${name}.example`;
  const home = {
    ...{ host, district: `https://kms.${host}/.well-known/ibe`, serial, keyLifetime: 86_400 },
    ...{ bf: { hash, p, q, P, Ppub }, masterSecret, liRoot: random.bytes(32) },
  };
  homes.set(key, home);
  return home;
}

function keyForm(home: TestHome, uri: string, seed: boolean, time: number): KeyForm {
  const identity = identityAt(home, uri, time);
  const Qid = hashToPoint(home.bf.hash, identity, groupOf(home.bf.p, home.bf.q));
  if (Qid === null) throw new Error('no Q_id');
  return {
    ...{ uri, period: periodStart(time, home.keyLifetime), identityDER: toHex(identity) },
    Qid: pairOf(Qid),
    Sid: pairOf(engine.extract(home.bf, home.masterSecret, identity)),
    ...(seed ? { liSeed: toHex(liSeed(Secret.of(home.liRoot.slice()), identity).expose()) } : {}),
  };
}
