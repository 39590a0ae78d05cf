/** What a run has come to when its network is stopped: what checks and report are made from. */
import path from 'node:path';
import type { AudioNames } from '../../entities/lemf/names.ts';
import type { RecoveryReport } from '../../entities/lemf/recover.ts';
import { copyWhole } from '../../storage/files.ts';
import type { HomeName } from '../network/home.ts';
import type { Network } from '../network/network.ts';
import type { Timeline } from '../timeline.ts';
import type { CallOutcome } from './call.ts';
import type { Observations } from './observations.ts';

export interface Course {
  readonly network: Network;
  readonly timeline: Timeline;
  readonly seen: Observations;
  /** In the order of their ends. */
  readonly calls: readonly CallOutcome[];
  readonly recovered: Readonly<Record<HomeName, RecoveryReport>>;
}

/** Where the LEMF of a home writes what it recovers, in the state of a run: two LEMFs have the same names for it. */
export function recoveredIn(state: string, home: HomeName): string {
  return path.join(state, `recovered-${home}`);
}

/**
 * The report of a LEMF with audio named by speaker alone: `recovered-alice.wav` beside `spoken-alice.wav`, and where a
 * scenario has several calls or warrants, `recovered-alice-2.wav`. The files are copied within their folder.
 * @param names those that are taken: the LEMFs of a run have one folder in the end
 * @throws FileError
 */
export function inDemoNames(report: RecoveryReport, folder: string, names: AudioNames): RecoveryReport {
  const calls = report.calls.map((call) => ({
    ...call,
    streams: call.streams.map((stream) => {
      const renamed = (file: string, name: string): string => {
        copyWhole(path.join(folder, file), path.join(folder, name));
        return name;
      };
      const { speaker, file, rtp } = stream;
      return {
        ...stream,
        file: file === null ? null : renamed(file, names.nextOf(speaker)),
        rtp: rtp === null ? null : { ...rtp, file: renamed(rtp.file, names.nextPacketsOf(speaker)) },
      };
    }),
  }));
  return { ...report, calls };
}
