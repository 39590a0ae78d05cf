/**
 * Deletes what is kept of warrants in the files of a LEMF: each of their PDUs is overwritten, in its place, by a PDU of
 * the same length that says nothing (`padding.ts`). So the files stay what they are, offsets in them stay right, and
 * whatever comes meanwhile is added at their ends as ever.
 *
 * An overwritten PDU has no name any more, so that what was begun is noted first:
 *
 *     places of some PDUs ─► erasing.json (on the disk) ─► overwritten ─► on the disk ─► the next; erasing.json goes
 *
 * After a crash in between, a start overwrites those places (again), whatever is in them.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import Type from 'typebox';
import { jsonOf } from '../../../bytes/json.ts';
import { Form, strict } from '../../../bytes/schema.ts';
import { syncFolder } from '../../../storage/files.ts';
import { decodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import type { ReceivedPsPdu } from '../../../wire/hi/ps-pdu.ts';
import { paddingPdu } from '../../../wire/hi/padding.ts';
import { LemfError } from '../errors.ts';
import type { HandoverKind } from '../ports.ts';
import type { ErasedCounts, WarrantName } from '../retention.ts';
import { SourceLookup, sourcesPath } from '../sources.ts';
import { HandoverReader, sourceMarks } from './handed-over.ts';

/** PDUs that are overwritten at a time. */
const BATCH = 4096;

const NOTE = 'erasing.json';
const COUNT = Type.Integer({ minimum: 0 });
const BEGUN = new Form(
  strict({ kind: Type.Enum(['hi2', 'hi3']), places: Type.Array(Type.Tuple([COUNT, COUNT])) }),
);

type Place = [at: number, length: number];
interface Begun {
  readonly kind: HandoverKind;
  readonly places: Place[];
}

export interface ErasureOrder {
  /** Of the files. */
  readonly folder: string;
  /** Octets of each that are looked through. */
  readonly to: Readonly<Record<HandoverKind, number>>;
  readonly warrants: readonly WarrantName[];
}

/** Step by step; gives what was overwritten of each warrant, in their order. */
export function* erase({ folder, to, warrants }: ErasureOrder): Generator<void, ErasedCounts[]> {
  const counts = new Map(
    warrants.map((warrant) => [nameOf(warrant), { iri: 0, cc: 0, other: 0, octets: 0 }]),
  );
  for (const kind of ['hi2', 'hi3'] as const) {
    let places: Place[] = [];
    for (const { at, octets, source } of pdusOf(fileOf(folder, kind), to[kind])) {
      const pdu = decodePsPdu(octets);
      const { liid, networkElementIdentifier = '' } = pdu.header;
      const count = counts.get(nameOf({ liid, source: source ?? networkElementIdentifier }));
      if (count === undefined) continue;
      count[whatIs(pdu)]++;
      count.octets += octets.length;
      places.push([at, octets.length]);
      if (places.length < BATCH) continue;
      yield* eraseBatch(folder, { kind, places });
      places = [];
    }
    yield* eraseBatch(folder, { kind, places });
  }
  rmSync(path.join(folder, NOTE), { force: true });
  return [...counts.values()];
}

/** Goes on with what a crash has left. Gives how many PDUs that were. @throws LemfError `damaged` */
export function finishErasure(folder: string): number {
  const note = path.join(folder, NOTE);
  if (!existsSync(note)) return 0;
  const unread = () => new LemfError('damaged', `${note}, by which deletion goes on, cannot be read`);
  const begun = BEGUN.readOr(jsonOf(readFileSync(note, 'utf8')), unread);
  const steps = overwrite(fileOf(folder, begun.kind), begun.places);
  while (steps.next().done !== true);
  rmSync(note);
  return begun.places.length;
}

function* eraseBatch(folder: string, begun: Begun): Generator<void> {
  if (begun.places.length === 0) return;
  yield;
  noteBegun(folder, begun);
  yield;
  yield* overwrite(fileOf(folder, begun.kind), begun.places);
  yield;
}

function* overwrite(file: string, places: readonly Place[]): Generator<void> {
  const descriptor = openSync(file, 'r+');
  try {
    for (const [at, length] of places) {
      const padding = paddingPdu(length);
      if (padding === null) throw new LemfError('store', `${file}: no padding has ${length} octets`);
      for (let done = 0; done < length;) {
        done += writeSync(descriptor, padding, done, length - done, at + done);
      }
      yield;
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** On the disk before anything is overwritten. */
function noteBegun(folder: string, begun: Begun): void {
  const note = path.join(folder, NOTE);
  const descriptor = openSync(`${note}.new`, 'w', 0o600);
  try {
    writeFileSync(descriptor, JSON.stringify(begun));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(`${note}.new`, note);
  syncFolder(folder);
}

function* pdusOf(
  file: string,
  to: number,
): Generator<{ readonly octets: Uint8Array; readonly at: number; readonly source: string | null }> {
  const lookup = new SourceLookup(sourceMarks(sourcesPath(file)));
  const reader = new HandoverReader(file);
  try {
    for (const pdu of reader.pdus(0, to)) yield { ...pdu, source: lookup.at(pdu.at) };
  } finally {
    reader.close();
  }
}

function whatIs({ payload }: ReceivedPsPdu): 'iri' | 'cc' | 'other' {
  return payload.kind === 'iri' || payload.kind === 'cc' ? payload.kind : 'other';
}

function nameOf({ liid, source }: WarrantName): string {
  return JSON.stringify([liid, source]);
}

function fileOf(folder: string, kind: HandoverKind): string {
  return path.join(folder, `${kind}.ber`);
}
