/**
 * Encodes PDUs of one stream, as content comes packet after packet: of their headers only sequence number, time and the
 * length of the payload differ, so that the rest is encoded once. What comes out is what `encodePdu` gives.
 */
import { StreamMemory } from '../../bytes/stream-memory.ts';
import { ATTRIBUTE, attributeOctets } from './attributes.ts';
import { X2X3Error } from './errors.ts';
import type { X2X3Sizes } from './limits.ts';
import { encodePdu, FIXED_HEADER, timestampParts } from './pdu.ts';
import type { Pdu } from './pdu.ts';

/** Of the fixed header (clause 5.2). */
const PAYLOAD_LENGTH = 8;
/** Type and length of an attribute (clause 5.3). */
const ATTRIBUTE_HEAD = 4;
const NOTHING = new Uint8Array(0);

export class StreamEncoder {
  readonly #header: Uint8Array;
  readonly #mostPayload: number;
  readonly #memory = new StreamMemory();
  /** Where the contents of the attributes stand. */
  readonly #number: number;
  readonly #time: number;

  /**
   * @param header of any PDU of the stream, with a sequence number and a time
   * @param most sizes above which a PDU is refused
   * @throws X2X3Error `range`, `too-large`
   */
  constructor(header: Omit<Pdu, 'payload'>, most: X2X3Sizes) {
    this.#header = encodePdu({ ...header, payload: NOTHING }, most);
    this.#mostPayload = most.payload;
    this.#number = placeOf(header, ATTRIBUTE.sequenceNumber);
    this.#time = placeOf(header, ATTRIBUTE.timestamp);
  }

  /** @param unixMs may have a fraction. @throws X2X3Error `too-large` */
  encode(sequenceNumber: number, unixMs: number, payload: Uint8Array): Uint8Array {
    if (payload.length > this.#mostPayload)
      throw new X2X3Error('too-large', `payload of ${payload.length} octets`);
    const header = this.#header;
    const octets = this.#memory.take(header.length + payload.length);
    octets.set(header);
    octets.set(payload, header.length);
    const { seconds, nanoseconds } = timestampParts(unixMs);
    put(octets, PAYLOAD_LENGTH, payload.length);
    put(octets, this.#number, sequenceNumber);
    put(octets, this.#time, seconds);
    put(octets, this.#time + 4, nanoseconds);
    return octets;
  }
}

function placeOf({ attributes }: Pick<Pdu, 'attributes'>, type: number): number {
  const at = attributes.findIndex((attribute) => attribute.type === type);
  if (at < 0) throw new X2X3Error('range', `a stream without attribute ${type}`);
  const before = attributes.slice(0, at).reduce((sum, attribute) => sum + attributeOctets(attribute), 0);
  return FIXED_HEADER + before + ATTRIBUTE_HEAD;
}

/** 32 bits, big endian. */
function put(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >>> 24;
  octets[at + 1] = value >>> 16;
  octets[at + 2] = value >>> 8;
  octets[at + 3] = value;
}
