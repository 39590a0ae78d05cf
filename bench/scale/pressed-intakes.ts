/**
 * Points of interception that leave intakes no rest: each has one write of SIP messages under way, and makes the next when an
 * intake has acknowledged it. So what an intake has before it does not depend on how fast it is, nor on how many intakes there
 * are, and a PDU costs each the same.
 *
 *     points of interception, so many for each intake ──X2──► intake ──► streams
 *                                                    ◄──acknowledged──┘
 */
import type { TlsFiles } from '../../src/net/tls.ts';
import { TestPoi } from '../../test/entities/df/support.ts';
import { Interception } from '../chain/delivery-chain.ts';
import type { Part } from '../chain/parts.ts';
import { passed, runtime } from '../chain/runtime.ts';
import { CALLS_AT_ONCE, placed, sipOfLoad, STEPS_OF_CALL } from '../chain/signalling.ts';

/** For each intake: fewer than it takes connections of one certificate. */
const POINTS = 25;
/** SIP messages of a write. */
const TOGETHER = 10;
const WITHIN_MS = 30_000;

/** What a point of interception has under way, and how many there are at an intake. */
export const PRESSED = { together: TOGETHER, underWay: POINTS } as const;

class Point {
  readonly #interception: Interception;
  readonly #poi = new TestPoi(runtime.clock);
  readonly #calls: readonly number[];
  #made = 0;

  /** @param calls its own, of those that are up at a time */
  constructor(interception: Interception, calls: readonly number[]) {
    this.#interception = interception;
    this.#calls = calls;
  }

  /** Resolves when they are acknowledged. */
  send(): Promise<void> {
    const pdus = Array.from({ length: TOGETHER }, () => this.#next());
    this.#interception.send(Buffer.concat(pdus));
    return this.#interception.settled();
  }

  close(): void {
    this.#interception.close();
  }

  /** The next step of each of its calls in turn, and then other calls. */
  #next(): Uint8Array {
    const n = this.#made++;
    const call = this.#calls[n % this.#calls.length] ?? 0;
    const round = Math.floor(n / this.#calls.length);
    const { callId, message } = sipOfLoad(
      placed(Math.floor(round / STEPS_OF_CALL), round % STEPS_OF_CALL, call),
    );
    return this.#poi.x2(message, undefined, callId).octets;
  }
}

export class PressedIntakes {
  readonly #points: readonly Point[];
  readonly #working: Promise<unknown>;
  #taken = 0;
  #isEnding = false;

  private constructor(points: readonly Point[]) {
    this.#points = points;
    this.#working = Promise.all(points.map((point) => this.#press(point)));
  }

  /** @param most intakes that there will be: a point has as many calls with one of them as with all */
  static async open(intakes: readonly Part[], tls: TlsFiles, most: number): Promise<PressedIntakes> {
    const each = CALLS_AT_ONCE / (POINTS * most);
    if (!Number.isInteger(each) || intakes.length > most) throw new RangeError(`${intakes.length} intakes`);
    const points: Point[] = [];
    for (const { ports } of intakes)
      for (let n = 0; n < POINTS; n++) {
        const calls = Array.from({ length: each }, (_, call) => points.length * each + call);
        points.push(new Point(await Interception.open(ports['x2x3'] ?? 0, tls), calls));
      }
    return new PressedIntakes(points);
  }

  /** SIP messages that were acknowledged. */
  get taken(): number {
    return this.#taken;
  }

  /** Resolves when all that was sent is acknowledged. @throws if it is not */
  async stop(): Promise<void> {
    this.#isEnding = true;
    const isLate = await Promise.race([this.#working.then(() => false), passed(WITHIN_MS).then(() => true)]);
    for (const point of this.#points) point.close();
    if (isLate) throw new Error('SIP messages were not acknowledged');
  }

  async #press(point: Point): Promise<void> {
    while (!this.#isEnding) {
      await point.send();
      this.#taken += TOGETHER;
    }
  }
}
