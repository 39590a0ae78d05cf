/**
 * Packets that no key opens, beside a stream that keys do open. Anybody who can reach the media gateway can send some, so
 * that they do not take from what was recovered; but a packet of the stream that was damaged, or whose key never came,
 * is one that is missing. The numbers tell (the header is in the clear):
 *
 *     doubled        an authenticated packet has the same number
 *     outside        not among the stream's numbers, nor where it would go on
 *     unaccounted    neither: it may be the packet that is missing
 */
import type { DeliveredPacket } from './calls.ts';
import type { Run } from './runs.ts';

export type Standing = 'doubled' | 'outside' | 'unaccounted';

export interface RefusedPacket {
  readonly sequenceNumber: number;
  readonly standing: Standing;
  readonly path: string | null;
}

const RANGE = 0x10000;

/** A stream goes on in the next so many numbers. */
const NEAR = 16;

/** A minute of 8 kHz: the longest silence after which the next packet still goes on. */
const LONG_SILENCE = 60 * 8000;

/** Judges each, in their order. */
export function judgeRefused(refused: readonly DeliveredPacket[], runs: readonly Run[]): RefusedPacket[] {
  const going = new Set(runs.flatMap((run) => continuing(refused, run)));
  return refused.map((packet) => ({
    sequenceNumber: packet.header.sequenceNumber,
    standing: going.has(packet) ? 'unaccounted' : standingOf(packet.header.sequenceNumber, runs),
    path: packet.path,
  }));
}

/** Whether packets of whatever content advance as those of a medium do: number by number, by a constant time. */
export function advances(packets: readonly DeliveredPacket[], atLeast: number): boolean {
  const steps = stepsOf(packets.map(({ header }) => header));
  return [...steps].some(([step, count]) => step > 0 && count >= atLeast);
}

function standingOf(sequenceNumber: number, runs: readonly Run[]): Standing {
  let standing: Standing = 'outside';
  for (const run of runs) {
    const { lowest } = run;
    const first = lowest + ((((sequenceNumber - lowest) % RANGE) + RANGE) % RANGE);
    for (let index = first; index <= run.highest; index += RANGE) {
      if (run.at(index) === undefined) return 'unaccounted';
      standing = 'doubled';
    }
  }
  return standing;
}

/** The packets outside a run that go on where it ends, or lead up to where it begins, in number and time. */
function continuing(refused: readonly DeliveredPacket[], run: Run): DeliveredPacket[] {
  const packets = run.packets();
  const [lowest, newest] = [packets[0]?.rtp, run.newest?.rtp];
  if (lowest === undefined || newest === undefined || run.highest - run.lowest >= RANGE / 2) return [];
  const steps = stepsOf([...packets.map(({ rtp }) => rtp), ...refused.map(({ header }) => header)]);
  const [step = 0] = [...steps].sort((a, b) => b[1] - a[1])[0] ?? [];
  return [
    ...chain(refused, newest, (ahead, later) => {
      return later === step * ahead || (ahead === 1 && later >= step && later <= LONG_SILENCE);
    }),
    ...chain(refused, lowest, (ahead, later) => later === step * ahead, -1),
  ];
}

interface Numbers {
  readonly sequenceNumber: number;
  readonly timestamp: number;
}

/** Each that follows the one before it, beginning with `anchor`. */
function chain(
  refused: readonly DeliveredPacket[],
  anchor: Numbers,
  follows: (ahead: number, later: number) => boolean,
  direction: 1 | -1 = 1,
): DeliveredPacket[] {
  const distance = ({ sequenceNumber }: Numbers, from: Numbers) =>
    (direction * (sequenceNumber - from.sequenceNumber) + RANGE) % RANGE;
  const byDistance = refused
    .filter(({ header }) => distance(header, anchor) > 0 && distance(header, anchor) < RANGE / 2)
    .sort((a, b) => distance(a.header, anchor) - distance(b.header, anchor));
  const found: DeliveredPacket[] = [];
  let last = anchor;
  for (const packet of byDistance) {
    const ahead = distance(packet.header, last);
    const later = (direction * (packet.header.timestamp - last.timestamp)) | 0;
    if (ahead > NEAR) break;
    if (ahead === 0 || !follows(ahead, later)) continue;
    found.push(packet);
    last = packet.header;
  }
  return found;
}

/** How often the timestamp advances by how much from one number to the next, in the order given. */
function stepsOf(packets: readonly Numbers[]): Map<number, number> {
  const steps = new Map<number, number>();
  for (const [at, { sequenceNumber, timestamp }] of packets.entries()) {
    const next = packets[at + 1];
    if (next === undefined || (next.sequenceNumber - sequenceNumber + RANGE) % RANGE !== 1) continue;
    const step = (next.timestamp - timestamp) | 0;
    steps.set(step, (steps.get(step) ?? 0) + 1);
  }
  return steps;
}
