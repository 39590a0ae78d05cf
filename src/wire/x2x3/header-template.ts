/**
 * Headers of the PDUs of one stream of content, which differ in three values and in nothing else:
 *
 *     version, type, header length │ payload length │ format, direction, XID, correlation ID
 *     attributes │ 8, 4 │ sequence number │ attributes │ 9, 8 │ seconds, nanoseconds │ attributes
 *
 * What is the same is taken from an example that was decoded as any other, so that there is one grammar: what comes out is
 * what the decoder of all PDUs gives.
 */
import type { Attribute } from './attributes.ts';
import { ATTRIBUTE } from './attributes.ts';
import { FIXED_HEADER } from './pdu.ts';
import type { Pdu } from './pdu.ts';

/** Where the length of the payload is, and where it ends. */
const PAYLOAD_LENGTH = 8;
const PAYLOAD_LENGTH_END = 12;
const MOST_NANOSECONDS = 999_999_999;

/** A value that differs: where its contents are in the header, and which of the attributes it is. */
interface Place {
  readonly at: number;
  readonly index: number;
}

export class HeaderTemplate {
  readonly #header: Uint8Array;
  readonly #example: Pdu;
  readonly #number: Place;
  readonly #time: Place;
  /** Parts of the header that are the same, each from an octet to before another. */
  readonly #same: readonly (readonly [from: number, to: number])[];

  /** @param header of the example, octets of its own @param example decoded, which is kept but for its payload */
  private constructor(header: Uint8Array, example: Pdu, number: Place, time: Place) {
    this.#header = header;
    this.#example = { ...example, payload: new Uint8Array() };
    this.#number = number;
    this.#time = time;
    const different = [[PAYLOAD_LENGTH, PAYLOAD_LENGTH_END], span(number, 4), span(time, 8)];
    const edges = [0, ...different.sort(([a = 0], [b = 0]) => a - b).flat(), header.length];
    this.#same = [0, 2, 4, 6].map((n) => [edges[n] ?? 0, edges[n + 1] ?? 0]);
  }

  /** @returns `null` where PDUs of its stream do not differ in these values alone, or have attributes that are octets */
  static of(octets: Uint8Array, example: Pdu): HeaderTemplate | null {
    let number: Place | null = null;
    let time: Place | null = null;
    let at = FIXED_HEADER;
    for (const [index, { kind, type }] of example.attributes.entries()) {
      const place = { at: at + 4, index };
      if (kind === 'octets') return null;
      if (type === ATTRIBUTE.sequenceNumber) number ??= place;
      if (type === ATTRIBUTE.timestamp) time ??= place;
      at = place.at + 256 * (octets[at + 2] ?? 0) + (octets[at + 3] ?? 0);
    }
    return number === null || time === null
      ? null
      : new HeaderTemplate(octets.slice(0, at), example, number, time);
  }

  /** The PDU that octets are, its payload a view of them; `null`: they are not one of the stream, or not a PDU. */
  decode(octets: Uint8Array): Pdu | null {
    const header = this.#header;
    for (const [from, to] of this.#same)
      for (let at = from; at < to; at++) if (octets[at] !== header[at]) return null;
    const nanoseconds = u32(octets, this.#time.at + 4);
    const isWhole = header.length + u32(octets, PAYLOAD_LENGTH) === octets.length;
    if (!isWhole || nanoseconds > MOST_NANOSECONDS) return null;
    const { version, type, payloadFormat, direction, xid, correlation } = this.#example;
    const attributes: Attribute[] = this.#example.attributes.slice();
    attributes[this.#number.index] = {
      kind: 'number',
      type: ATTRIBUTE.sequenceNumber,
      value: u32(octets, this.#number.at),
    };
    attributes[this.#time.index] = {
      kind: 'timestamp',
      type: ATTRIBUTE.timestamp,
      seconds: u32(octets, this.#time.at),
      nanoseconds,
    };
    const payload = octets.subarray(header.length);
    return { version, type, payloadFormat, direction, xid, correlation, attributes, payload };
  }
}

function span({ at }: Place, length: number): [from: number, to: number] {
  return [at, at + length];
}

function u32(octets: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [octets[at], octets[at + 1], octets[at + 2], octets[at + 3]];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
