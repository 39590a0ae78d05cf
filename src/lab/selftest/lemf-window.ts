/** What a LEMF has received since a moment, read from its files: they only grow, and what is of the test is at their end. */
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { recoverFolder } from '../../entities/lemf/store/recovery.ts';
import type { RecoveryReport } from '../../entities/lemf/recover.ts';
import { decodeWav } from '../../media/wav.ts';
import { compareSamples } from '../scenarios/call.ts';
import type { Compared } from '../scenarios/call.ts';
import type { LemfEvidence } from './evidence.ts';

const KINDS = ['hi2', 'hi3'] as const;
const CHUNK = 1 << 16;

export class LemfWindow {
  readonly #folder: string;
  readonly #from: Readonly<Record<'hi2' | 'hi3', number>>;

  /** From now on. @param folder of the LEMF's files */
  constructor(folder: string) {
    this.#folder = folder;
    this.#from = { hi2: this.#length('hi2'), hi3: this.#length('hi3') };
  }

  /** What came for a LIID. @param said what either end of the call said, as whoever decodes it must hear it */
  look(liid: string, said: readonly Int16Array[]): LemfEvidence {
    const work = mkdtempSync(path.join(tmpdir(), 'claviger-selftest-'));
    try {
      for (const kind of KINDS) this.#copyEnd(kind, path.join(work, `${kind}.ber`));
      const out = path.join(work, 'recovered');
      const paths = { hi2: path.join(work, 'hi2.ber'), hi3: path.join(work, 'hi3.ber') };
      return evidenceOf(recoverFolder(paths, out), liid, said, out);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }

  #file(kind: 'hi2' | 'hi3'): string {
    return path.join(this.#folder, `${kind}.ber`);
  }

  #length(kind: 'hi2' | 'hi3'): number {
    return statSync(this.#file(kind), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Of a file that is shorter than it was, which somebody has put in its place, all. */
  #copyEnd(kind: 'hi2' | 'hi3', to: string): void {
    const target = openSync(to, 'wx', 0o600);
    try {
      if (this.#length(kind) === 0) return;
      const source = openSync(this.#file(kind), 'r');
      try {
        const { size } = fstatSync(source);
        const chunk = new Uint8Array(CHUNK);
        for (let at = size < this.#from[kind] ? 0 : this.#from[kind]; at < size;) {
          const count = readSync(source, chunk, 0, Math.min(CHUNK, size - at), at);
          if (count === 0) break;
          writeSync(target, chunk, 0, count);
          at += count;
        }
      } finally {
        closeSync(source);
      }
    } finally {
      closeSync(target);
    }
  }
}

function evidenceOf(
  report: RecoveryReport,
  liid: string,
  said: readonly Int16Array[],
  folder: string,
): LemfEvidence {
  const calls = report.calls.filter((call) => call.liid === liid);
  const sessions = report.otherSessions.filter((session) => session.liid === liid);
  const heard = calls.flatMap(({ streams }) =>
    streams.flatMap(({ file }) =>
      file === null ? [] : [decodeWav(new Uint8Array(readFileSync(path.join(folder, file))))],
    ),
  );
  const total = (of: (call: (typeof calls)[number]) => number): number =>
    calls.reduce((sum, call) => sum + of(call), 0);
  return {
    records: {
      sip: total(({ records }) => records.sip) + sessions.reduce((sum, { records }) => sum + records, 0),
      keys: total(({ records }) => records.keys),
      keyFailures: total(({ records }) => records.keyFailures),
    },
    packets: total(({ packets, otherContent }) => packets + otherContent),
    audio: heard.length === 0 ? [] : said.map((voice) => nearest(voice, heard)),
    explanation: calls.find(({ recovered }) => !recovered)?.explanation ?? null,
  };
}

/** Streams are not told apart by who speaks: each voice must be one of them. */
function nearest(voice: Int16Array, heard: readonly Int16Array[]): Compared {
  const all = heard.map((stream) => compareSamples(stream, voice));
  return all.find(({ equal }) => equal) ?? all[0] ?? { equal: false, detail: 'nothing was recovered' };
}
