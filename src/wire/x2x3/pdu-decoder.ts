/**
 * Decodes many PDUs that have much in common, as a delivery function gets them: names, addresses and the XID are the same
 * in PDU after PDU, and what was decoded lately is not decoded again. What comes out is what `decodePdu` gives, but that
 * content is a view of the octets that were given, since it is handed on at once and not worth a copy, and that PDUs of a
 * stream of content share what is the same in them.
 */
import { RecentlyMade } from '../../bytes/recently-made.ts';
import type { Attribute } from './attributes.ts';
import { decodeContents, isTextual } from './attributes.ts';
import { HeaderTemplate } from './header-template.ts';
import { decodePduWith, FIXED_HEADER, PDU_TYPE, xidText } from './pdu.ts';
import type { PartReaders, Pdu } from './pdu.ts';

/** Values that are kept of each sort; when there are more, all of them are made anew. */
const KEPT = 1_024;
/** Contents of more octets are not kept: descriptions of sessions come once. */
const LONGEST = 256;
/** Streams of content whose headers are kept. */
const STREAMS = 4_096;
/** Milliseconds after which streams are forgotten. */
const FORGET_MS = 10_000;
/** Where the correlation ID is in a header. */
const CORRELATION = 32;

export class PduDecoder {
  readonly #attributes = new RecentlyMade<Attribute>(KEPT);
  readonly #xids = new RecentlyMade<string>(KEPT);
  readonly #streams = new RecentlyMade<HeaderTemplate>(STREAMS);
  #forgotten = -Infinity;
  readonly #parts: PartReaders = {
    xid: (octets) => this.#xids.of(latin1Of(octets), () => xidText(octets)),
    contents: (type, contents) => this.#attribute(type, contents),
    payload: (octets, type) => (type === PDU_TYPE.x3 ? octets : octets.slice()),
  };

  /** As `decodePdu`. @throws BytesError, X2X3Error */
  decode(octets: Uint8Array): Pdu {
    if (octets[2] !== 0 || octets[3] !== PDU_TYPE.x3) return decodePduWith(octets, this.#parts);
    const key = latin1Of(octets.subarray(CORRELATION, FIXED_HEADER));
    const known = this.#streams.get(key)?.decode(octets) ?? null;
    if (known !== null) return known;
    const pdu = decodePduWith(octets, this.#parts);
    const template = HeaderTemplate.of(octets, pdu);
    if (template !== null) this.#streams.put(key, template);
    return pdu;
  }

  /**
   * Streams that have ended are not kept for ever: all are forgotten every ten seconds, and those that go on are known again.
   * @param now milliseconds
   */
  forgetInTime(now: number): void {
    if (now - this.#forgotten < FORGET_MS) return;
    this.#forgotten = now;
    this.#streams.clear();
  }

  /** Attributes that are texts; what is only octets where text should be is decoded each time, into octets of its own. */
  #attribute(type: number, contents: Uint8Array): Attribute {
    if (!isTextual(type) || contents.length > LONGEST) return decodeContents(type, contents);
    const key = `${type} ${latin1Of(contents)}`;
    const known = this.#attributes.get(key);
    if (known !== undefined) return known;
    const made = decodeContents(type, contents);
    return made.kind === 'text' ? this.#attributes.put(key, made) : made;
  }
}

/** One character for each octet. */
function latin1Of({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}
