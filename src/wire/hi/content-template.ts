/**
 * PS-PDUs of the packets of one stream, which differ in four values and in nothing else:
 *
 *     30 L  A1 L  domain, LIID, country, communication │ 84 L sequence number │ A7 L seconds, microseconds │ qualifier
 *           A2 L  A1 L  30 L  direction │ A2 L  AC L  object │ 81 L packet │ frame type, stream, protocol
 *
 * What is the same is taken from an example that the encoder of all PDUs has made, so that there is one grammar: what comes
 * out is what `encodePsPdu` gives, octet for octet.
 */
import { berValue } from '../../bytes/ber.ts';
import type { DerValue } from '../../bytes/der.ts';
import type { OctetPool } from '../../bytes/octet-pool.ts';
import { concat } from '../../bytes/octets.ts';
import { elementsOf, malformed } from './ber.ts';
import { HiError } from './errors.ts';
import { encodePsPdu } from './ps-pdu.ts';
import type { PsPdu } from './ps-pdu.ts';
import type { MicroTime } from './time.ts';

/** What is the same in all PDUs of a stream, around what is not. */
interface Frame {
  readonly beforeNumber: Uint8Array;
  readonly afterTime: Uint8Array;
  readonly beforeContents: Uint8Array;
  readonly beforePacket: Uint8Array;
  readonly afterPacket: Uint8Array;
}

/** Identifier octets of what is around the values that differ, and of these. */
const TAGS = {
  pdu: 0x30,
  header: 0xa1,
  sequenceNumber: 0x84,
  time: 0xa7,
  seconds: 0x80,
  microSeconds: 0x81,
  payload: 0xa2,
  ccPayloads: 0xa1,
  ccPayload: 0x30,
  contents: 0xa2,
  ipmmCc: 0xac,
  packet: 0x81,
} as const;

const EACH_ITS_OWN = { take: (length: number): Uint8Array => new Uint8Array(length) };

const MOST_NUMBER = 0xffffffff;
const MOST_MICROSECONDS = 999_999;

export class ContentTemplate {
  readonly #frame: Frame;

  /** @param example of the stream: one packet, content of IP multimedia, with a time. @throws HiError */
  constructor(example: PsPdu) {
    this.#frame = frameOf(encodePsPdu(example));
  }

  /** @param pool which the PDU is taken from. @throws HiError `range` */
  encode(
    sequenceNumber: number,
    { seconds, microSeconds }: MicroTime,
    packet: Uint8Array,
    pool: Pick<OctetPool, 'take'> = EACH_ITS_OWN,
  ): Uint8Array {
    const { beforeNumber, afterTime, beforeContents, beforePacket, afterPacket } = this.#frame;
    requireWithin('sequenceNumber', sequenceNumber, MOST_NUMBER);
    requireWithin('seconds', seconds, Number.MAX_SAFE_INTEGER);
    requireWithin('microSeconds', microSeconds, MOST_MICROSECONDS);
    // Lengths from the inside out, octets from the outside in.
    const time = integerSize(seconds) + integerSize(microSeconds);
    const header = beforeNumber.length + integerSize(sequenceNumber) + elementSize(time) + afterTime.length;
    const content = beforePacket.length + elementSize(packet.length) + afterPacket.length;
    const contents = elementSize(content);
    const payload = beforeContents.length + elementSize(contents);
    const payloads = elementSize(payload);
    const choice = elementSize(payloads);
    const pdu = elementSize(header) + elementSize(choice);
    return new Output(pool.take(elementSize(pdu)))
      .head(TAGS.pdu, pdu)
      .head(TAGS.header, header)
      .octets(beforeNumber)
      .integer(TAGS.sequenceNumber, sequenceNumber)
      .head(TAGS.time, time)
      .integer(TAGS.seconds, seconds)
      .integer(TAGS.microSeconds, microSeconds)
      .octets(afterTime)
      .head(TAGS.payload, choice)
      .head(TAGS.ccPayloads, payloads)
      .head(TAGS.ccPayload, payload)
      .octets(beforeContents)
      .head(TAGS.contents, contents)
      .head(TAGS.ipmmCc, content)
      .octets(beforePacket)
      .head(TAGS.packet, packet.length)
      .octets(packet)
      .octets(afterPacket).taken;
  }
}

/* ---------------------------------------------------------------- helpers */

function frameOf(example: Uint8Array): Frame {
  const what = 'the example of a stream';
  const inside = (element: DerValue, tag: number): DerValue[] => {
    if (element.raw[0] !== tag) throw malformed(`${what}: tag ${element.raw[0] ?? ''}, not ${tag}`);
    return elementsOf(element.contents, what);
  };
  const only = (elements: readonly DerValue[]): DerValue => {
    const [element, ...more] = elements;
    if (element === undefined || more.length > 0) throw malformed(`${what}: not one packet`);
    return element;
  };
  const [header, choice] = inside(berValue(example, what), TAGS.pdu);
  if (header === undefined || choice === undefined) throw malformed(`${what}: no header, or no payload`);
  const parts = inside(header, TAGS.header);
  const item = inside(only(inside(only(inside(choice, TAGS.payload)), TAGS.ccPayloads)), TAGS.ccPayload);
  const contents = item.at(-1);
  if (contents === undefined) throw malformed(`${what}: no contents`);
  const content = inside(only(inside(contents, TAGS.contents)), TAGS.ipmmCc);
  const number = placeOf(parts, TAGS.sequenceNumber);
  if (placeOf(parts, TAGS.time) !== number + 1) throw malformed(`${what}: the time is not after the number`);
  const packet = placeOf(content, TAGS.packet);
  return {
    beforeNumber: joined(parts.slice(0, number)),
    afterTime: joined(parts.slice(number + 2)),
    beforeContents: joined(item.slice(0, -1)),
    beforePacket: joined(content.slice(0, packet)),
    afterPacket: joined(content.slice(packet + 1)),
  };
}

function placeOf(elements: readonly DerValue[], tag: number): number {
  const at = elements.findIndex(({ raw }) => raw[0] === tag);
  if (at < 0) throw malformed(`the example of a stream: no element of tag ${tag}`);
  return at;
}

function joined(elements: readonly DerValue[]): Uint8Array {
  return concat(...elements.map(({ raw }) => raw));
}

function requireWithin(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= most) return;
  throw new HiError('range', `${name}: ${value} is not within 0…${most}`);
}

/** Octets of the contents of an INTEGER from 0 on: the first bit says that it is not below. */
function integerLength(value: number): number {
  let length = 1;
  for (let rest = Math.floor(value / 0x80); rest > 0; rest = Math.floor(rest / 0x100)) length++;
  return length;
}

/** Of the whole element, its tag of one octet included. */
function integerSize(value: number): number {
  return 2 + integerLength(value);
}

/** Of an element with so many octets of contents. */
function elementSize(length: number): number {
  return 1 + lengthSize(length) + length;
}

/** X.690 8.1.3: in one octet below 128, else in as few as it takes after one that counts them. */
function lengthSize(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x100) return 2;
  if (length < 0x10000) return 3;
  return length < 0x1000000 ? 4 : 5;
}

/** Octets of a length that is known. */
class Output {
  /** What was written, once it is all. */
  readonly taken: Uint8Array;
  #at = 0;

  constructor(octets: Uint8Array) {
    this.taken = octets;
  }

  head(tag: number, length: number): this {
    this.#octet(tag);
    const size = lengthSize(length);
    if (size === 1) this.#octet(length);
    else {
      this.#octet(0x80 | (size - 1));
      this.#number(length, size - 1);
    }
    return this;
  }

  integer(tag: number, value: number): this {
    const length = integerLength(value);
    this.#octet(tag);
    this.#octet(length);
    this.#number(value, length);
    return this;
  }

  octets(octets: Uint8Array): this {
    this.taken.set(octets, this.#at);
    this.#at += octets.length;
    return this;
  }

  #number(value: number, length: number): void {
    let rest = value;
    for (let at = this.#at + length - 1; at >= this.#at; at--) {
      this.taken[at] = rest % 0x100;
      rest = Math.floor(rest / 0x100);
    }
    this.#at += length;
  }

  #octet(octet: number): void {
    this.taken[this.#at++] = octet;
  }
}
