/** The thread that numbers what a LEMF has stored before its start, so that nothing of it holds up who receives. */
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../../bytes/errors.ts';
import type { NumberedPart } from '../numbered-store.ts';
import { Numbering } from '../numbering.ts';
import { NumberingWalk } from '../numbering-walk.ts';
import type { HandoverLengths, WalkedPdu } from '../numbering-walk.ts';
import { LemfError } from '../errors.ts';
import type { HandoverKind, StoredPdu } from '../ports.ts';
import type { NextIds } from '../sessions.ts';
import type { HandoverPaths } from '../store/recovery.ts';
import { storedPdus } from '../store/handed-over.ts';
import { openScratch, SqliteNumbers } from '../store/numbers.ts';
import type { NumberingOrder, NumberingReply, NumberOrder } from './numbering-order.ts';
import type { FailedReply } from './order-thread.ts';
import { yieldPriority } from './priority.ts';

/** PDUs between two answers at most: so long it takes to stop. */
const MOST_AT_ONCE = 4096;

/** The files as far as somebody has said that they are complete. */
class GrowingFiles {
  readonly #paths: HandoverPaths;
  lengths: HandoverLengths = { hi2: 0, hi3: 0 };

  constructor(paths: HandoverPaths) {
    this.#paths = paths;
  }

  read(kind: HandoverKind, from = 0): Iterable<StoredPdu> {
    return storedPdus(this.#paths[kind], from, this.lengths[kind]);
  }
}

class NumberingPass {
  readonly #files: GrowingFiles;
  readonly #numbers: SqliteNumbers;
  readonly #numbering: Numbering;
  readonly #walk: NumberingWalk;

  constructor({ paths, numbers }: NumberOrder) {
    this.#files = new GrowingFiles(paths);
    this.#numbers = new SqliteNumbers(openScratch(numbers));
    this.#numbering = new Numbering(this.#numbers);
    this.#walk = new NumberingWalk(this.#files, this.#numbering);
  }

  number({ to, old, most }: NumberOrder): NumberedPart {
    this.#files.lengths = to;
    const told: NumberedPart['told'][number][] = [];
    for (let n = 0; n < MOST_AT_ONCE && told.length < most; n++) {
      const next = this.#walk.next();
      if (next === 'end') return { numbered: this.#walk.numbered, told, isWhole: true };
      if (next !== 'transport' && isToBeTold(next, old)) told.push(toldOf(next));
    }
    return { numbered: this.#walk.numbered, told, isWhole: false };
  }

  leave(): NextIds {
    this.#walk.stop();
    const next = this.#numbering.putAway();
    this.#numbers.leave();
    return next;
  }
}

/** Of old PDUs the LEMF wants to know notifications of warrants alone. */
function isToBeTold({ at, kind, pdu }: WalkedPdu, old: HandoverLengths): boolean {
  return at >= old[kind] || pdu.payload.kind === 'hi1';
}

/** A copy, since the octets lie in what is read next, and without what belongs to this thread. */
function toldOf({ octets, kind, at, source, verdict }: WalkedPdu): NumberedPart['told'][number] {
  const common = { octets: octets.slice(), kind, at, source };
  if (verdict.kind === 'copy') return { ...common, verdict };
  const { count, expected, conflict, differsFrom } = verdict;
  return { ...common, verdict: { kind: 'new', count, expected, conflict, differsFrom } };
}

let pass: NumberingPass | null = null;

parentPort?.on('message', (order: NumberingOrder) => {
  if (order.kind === 'end') {
    parentPort?.close();
    return;
  }
  try {
    reply(answerTo(order));
  } catch (error) {
    reply({ kind: 'failed', reason: messageOf(error) });
  }
});

function answerTo(order: Exclude<NumberingOrder, { kind: 'end' }>): NumberingReply {
  if (order.kind === 'number') {
    if (pass === null) yieldPriority();
    pass ??= new NumberingPass(order);
    return { kind: 'numbered', ...pass.number(order) };
  }
  if (pass === null) throw new LemfError('store', 'nothing was numbered');
  return { kind: 'left', next: pass.leave() };
}

function reply(message: NumberingReply | FailedReply): void {
  parentPort?.postMessage(message);
}
