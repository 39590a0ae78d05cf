/**
 * What a scenario of the demo is: who is there, what is set, which warrants run from the beginning, and a course, made of
 * the steps of a `Stage`. Each is a file of its own in `named/`, and a line in `catalogue.ts`.
 *
 *     network up ─► phones register ─► warrants ─► course ─► deliveries settle ─► warrants end ─► recovery ─► checks
 *
 * A course gives the checks of what it did, which are made when everything has ended: a function, since most of what they
 * look at is there only then. Checks that several scenarios make are in `checks/`; each chooses.
 */
import type { CertifiedPhones, HomeName } from '../network/home.ts';
import type { Check, CheckParts } from './checks/check.ts';
import type { Stage } from './stage.ts';
import type { WarrantPlan } from './warrants.ts';

export type Judge = (parts: CheckParts) => readonly Check[];

export type PartyConfig = Readonly<Record<string, unknown>>;

export interface DemoScenario {
  /** Users by home. A phone each, of the user's name, unless `devices` has others. */
  readonly users: Readonly<Record<HomeName, readonly string[]>>;
  /** Names of the phones of users who have several: `desk` of bob is the phone `bob.desk`. */
  readonly devices?: Readonly<Record<string, readonly string[]>>;
  /** Phones that prove themselves to their KMS by certificates; default: none, pre-shared keys do. */
  readonly certified?: CertifiedPhones;
  /** Warrants that run before the course begins. @param targets users that `--target` names */
  warrants(targets: readonly string[]): readonly WarrantPlan[];
  /** The configuration of a party in place of its usual one. @param party `alice`, `bob.desk`, `cscf.home1` */
  readonly configure?: (party: string, config: PartyConfig) => PartyConfig;
  /** What happens, from the registrations on. @throws LabError `call` if a call does not come to its end */
  course(stage: Stage): Promise<Judge>;
}

/** A warrant for content on each target, from the beginning: what most scenarios have. */
export function contentWarrants(targets: readonly string[]): readonly WarrantPlan[] {
  return targets.map((user) => ({ user }));
}
