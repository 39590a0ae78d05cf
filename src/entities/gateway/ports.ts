/** What the gateway takes from outside to intercept; `li/ne` has both. */
import type { Match, Observation } from '../../poi/poi.ts';

/** The tasks that X1 has given this network element. */
export interface InterceptionTasks {
  /** Grows with every change of a task, so that matches need not be sought for every packet. */
  readonly revision: number;
  /** The tasks whose target is one of these identities. */
  match(identities: readonly string[]): readonly Match[];
}

/** Where intercepted packets go; never throws, never waits. */
export interface ContentPoi {
  report(observation: Observation, matches: readonly Match[]): void;
}
