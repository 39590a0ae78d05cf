/** What was spoken beside what was recovered of it, by speaker. */
import { decodeWav } from '../../media/wav.ts';
import type { CallReport } from '../../entities/lemf/recover.ts';
import { compareSamples } from '../scenarios/call.ts';
import type { Compared } from '../scenarios/call.ts';
import type { DemoReport } from '../scenarios/report.ts';

/** WAV files of the folder that a run left, by name. */
export type RunRecordings = ReadonlyMap<string, Uint8Array>;

export interface Recorded {
  readonly file: string;
  readonly octets: Uint8Array;
  readonly samples: Int16Array;
}

export interface RecoveredVoice {
  readonly recorded: Recorded;
  readonly liid: string;
  /** Home of the LEMF. */
  readonly home: string;
  readonly stream: CallReport['streams'][number];
  /** Against what was spoken; `null`: nobody knows what that was. */
  readonly compared: Compared | null;
}

export interface RunVoice {
  readonly speaker: string;
  readonly spoken: Recorded | null;
  readonly recovered: readonly RecoveredVoice[];
}

/** Those who speak in the calls first, then others of whom there is a recording. */
export function voicesOf(report: DemoReport, recordings: RunRecordings): RunVoice[] {
  const speakers = [...recordings.keys()].flatMap((file) => /^spoken-(.+)\.wav$/.exec(file)?.[1] ?? []);
  const parties = report.calls.flatMap(({ caller, callee }) => [caller, callee]);
  const streams = streamsOf(report);
  const known = new Set([...parties.filter((party) => speakers.includes(party)), ...speakers.sort()]);
  const voices = [...known].map((speaker): RunVoice => {
    const spoken = recordedIn(`spoken-${speaker}.wav`, recordings);
    const own = streams.filter(({ stream }) => isOf(stream.file, speaker, speakers));
    return { speaker, spoken, recovered: recoveredOf(own, spoken, recordings) };
  });
  const rest = streams.filter(
    ({ stream }) => !speakers.some((speaker) => isOf(stream.file, speaker, speakers)),
  );
  const unknown = recoveredOf(rest, null, recordings).map((recovered) => ({
    speaker: recovered.stream.speaker ?? recovered.recorded.file,
    spoken: null,
    recovered: [recovered],
  }));
  return [...voices, ...unknown].filter(({ spoken, recovered }) => spoken !== null || recovered.length > 0);
}

type OwnedStream = Pick<RecoveredVoice, 'stream' | 'liid' | 'home'>;

/** Streams of which there is a file, each file once. */
function streamsOf({ calls, warrants }: DemoReport): OwnedStream[] {
  const homes = new Map(warrants.map(({ liid, home }) => [liid, home]));
  const byFile = new Map<string, OwnedStream>();
  for (const { liid, streams } of calls.flatMap(({ recovery }) => recovery)) {
    for (const stream of streams) {
      if (stream.file !== null) byFile.set(stream.file, { stream, liid, home: homes.get(liid) ?? '' });
    }
  }
  return [...byFile.values()];
}

function recoveredOf(
  streams: readonly OwnedStream[],
  spoken: Recorded | null,
  recordings: RunRecordings,
): RecoveredVoice[] {
  return streams.flatMap((owned) => {
    const recorded = recordedIn(owned.stream.file ?? '', recordings);
    if (recorded === null) return [];
    const compared = spoken === null ? null : compareSamples(recorded.samples, spoken.samples);
    return [{ ...owned, recorded, compared }];
  });
}

function recordedIn(file: string, recordings: RunRecordings): Recorded | null {
  const octets = recordings.get(file);
  return octets === undefined ? null : { file, octets, samples: decodeWav(octets) };
}

/** `recovered-alice.wav` and `recovered-alice-2.wav` are alice's, unless somebody is called `alice-2`. */
function isOf(file: string | null, speaker: string, speakers: readonly string[]): boolean {
  const stem = /^recovered-(.+)\.wav$/.exec(file ?? '')?.[1] ?? '';
  if (stem === speaker) return true;
  return !speakers.includes(stem) && stem.replace(/-\d+$/, '') === speaker;
}
