/**
 * Calls from communications: PDUs of one LIID and CIN belong together, save where sources have one number for different
 * things.
 */
import type { Gap } from './marks.ts';
import { GapList } from './marks.ts';
import type { HandoverKind } from './ports.ts';
import type { NumberedLine, NumberedSession } from './sessions.ts';
import type { Owners, Workspace } from './workspace.ts';

/** PDUs of one source and count. */
export interface CallSource {
  /** In the certificate, where that is known; else the network element. */
  readonly name: string;
  readonly kind: HandoverKind;
  readonly count: number;
  readonly pdus: number;
}

/** Content that is not RTP, by what it is. */
export type OtherContent = 'rtcp' | 'stun' | 'handshake' | 'noise' | 'unsupported';

/** What was delivered about one call under one LIID; records and packets are in the workspace. */
export interface CallMaterial {
  /** Id of the communication. */
  readonly session: number;
  /** Whose PDUs of it are this call's; `null`: all. */
  readonly owners: Owners;
  readonly liid: string;
  readonly cin: number;
  /** Which of the sources that have this LIID and CIN for different calls; `null` where nothing tells it. */
  readonly source: string | null;
  readonly sources: readonly CallSource[];
  /** PDUs whose number another has with other content; all are kept. */
  readonly conflicts: number;
  /** RTP packets. */
  readonly packets: number;
  /** CC payloads that are not RTP. */
  readonly other: Readonly<Record<OtherContent, number>>;
  /** Directions in which the parties agreed upon keys on the media's own way; -1: not known. */
  readonly handshakes: ReadonlySet<number>;
  /** Sequence numbers that never came: the first thousand gaps of each line. */
  readonly missing: Readonly<Record<HandoverKind, readonly Gap[]>>;
  /** How many numbers that are. */
  readonly absent: number;
  /** Values of its PDUs that could not be read, by sequence number, path and cause: the first thousand. */
  readonly unread: readonly string[];
  readonly unreadInAll: number;
  /** Unix milliseconds of the first and last header. */
  readonly firstTime: number | null;
  readonly lastTime: number | null;
}

/** Values that are listed; all are counted. */
const MAX_LISTED = 1000;

/** The calls of a communication. */
export function callsOf(session: NumberedSession, workspace: Workspace): CallMaterial[] {
  const gaps = { hi2: gapsOf(session.lines.hi2, workspace), hi3: gapsOf(session.lines.hi3, workspace) };
  return divide(session).map(({ source, owners }) => {
    const own = ({ source: name }: NumberedLine) => owners === null || owners.has(name);
    const lines = { hi2: session.lines.hi2.filter(own), hi3: session.lines.hi3.filter(own) };
    const all = [...lines.hi2, ...lines.hi3].map(({ tally }) => tally);
    const notes = workspace.notes(session.id, owners, MAX_LISTED);
    return {
      session: session.id,
      owners,
      liid: session.liid,
      cin: session.cin ?? 0,
      source,
      sources: sourcesOf(lines),
      conflicts: session.conflicts,
      packets: all.reduce((sum, { packets }) => sum + packets, 0),
      other: otherOf(lines.hi3),
      handshakes: new Set(all.flatMap(({ handshakes }) => handshakes)),
      missing: { hi2: gaps.hi2.gaps, hi3: gaps.hi3.gaps },
      absent: gaps.hi2.absent + gaps.hi3.absent,
      unread: notes.first,
      unreadInAll: notes.all,
      firstTime: extreme(
        all.map(({ firstTime }) => firstTime),
        Math.min,
      ),
      lastTime: extreme(
        all.map(({ lastTime }) => lastTime),
        Math.max,
      ),
    };
  });
}

/**
 * Sources that have one number for different things have different calls under one LIID and CIN: each is one of its own.
 * A source of content alone belongs to one of records alone, in the order in which they appear.
 */
function divide({ divided, lines }: NumberedSession): { source: string | null; owners: Owners }[] {
  if (!divided) return [{ source: null, owners: null }];
  const namesOf = (kind: HandoverKind) => [
    ...new Set(lines[kind].filter(({ tally }) => tally.pdus > 0).map(({ source }) => source)),
  ];
  const [hi2, hi3] = [namesOf('hi2'), namesOf('hi3')];
  const recordsAlone = hi2.filter((name) => !hi3.includes(name));
  const contentAlone = hi3.filter((name) => !hi2.includes(name));
  const ownerOf = new Map(contentAlone.map((name, at) => [name, recordsAlone[at] ?? name]));
  const sources = [...new Set([...hi2, ...hi3.map((name) => ownerOf.get(name) ?? name)])];
  return sources.map((source) => ({
    source,
    owners: new Set([source, ...contentAlone.filter((name) => ownerOf.get(name) === source)]),
  }));
}

function gapsOf(lines: readonly NumberedLine[], workspace: Workspace): { gaps: Gap[]; absent: number } {
  const lists = lines.map(({ id, first }) => {
    const list = new GapList(first);
    for (const number of workspace.numbers(id)) list.pass(number);
    return list;
  });
  return {
    gaps: lists.flatMap(({ gaps }) => gaps),
    absent: lists.reduce((sum, { absent }) => sum + absent, 0),
  };
}

function sourcesOf(lines: Readonly<Record<HandoverKind, readonly NumberedLine[]>>): CallSource[] {
  return (['hi2', 'hi3'] as const).flatMap((kind) =>
    lines[kind]
      .filter(({ tally }) => tally.pdus > 0)
      .map(({ source: name, count, tally }) => ({ name, kind, count, pdus: tally.pdus })),
  );
}

function otherOf(lines: readonly NumberedLine[]): Record<OtherContent, number> {
  const sum = (kind: OtherContent) => lines.reduce((all, { tally }) => all + tally.other[kind], 0);
  return {
    rtcp: sum('rtcp'),
    stun: sum('stun'),
    handshake: sum('handshake'),
    noise: sum('noise'),
    unsupported: sum('unsupported'),
  };
}

function extreme(times: readonly (number | null)[], which: (a: number, b: number) => number): number | null {
  return times.reduce<number | null>((found, time) => {
    if (time === null) return found;
    return found === null ? time : which(found, time);
  }, null);
}
