/** What a run has come to when its network is stopped: what checks and report are made from. */
import path from 'node:path';
import type { RecoveryReport } from '../../entities/lemf/recover.ts';
import type { HomeName } from '../network/home.ts';
import type { Network } from '../network/network.ts';
import type { Timeline } from '../timeline.ts';
import type { CallOutcome } from './call.ts';
import type { Observations } from './observations.ts';

export interface Course {
  readonly network: Network;
  readonly timeline: Timeline;
  readonly seen: Observations;
  readonly call: CallOutcome;
  readonly recovered: Readonly<Record<HomeName, RecoveryReport>>;
}

/** Where the LEMF of a home writes what it recovers, in the state of a run: two LEMFs have the same names for it. */
export function recoveredIn(state: string, home: HomeName): string {
  return path.join(state, `recovered-${home}`);
}
