/**
 * Decodes many PDUs that have much in common, as a delivery function gets them: names, addresses and the XID are the same
 * in PDU after PDU, and what was decoded lately is not decoded again. What comes out is what `decodePdu` gives.
 */
import { RecentlyMade } from '../../bytes/recently-made.ts';
import type { Attribute } from './attributes.ts';
import { decodeContents, isTextual } from './attributes.ts';
import { decodePduWith, xidText } from './pdu.ts';
import type { PartReaders, Pdu } from './pdu.ts';

/** Values that are kept of each sort; when there are more, all of them are made anew. */
const KEPT = 1_024;
/** Contents of more octets are not kept: descriptions of sessions come once. */
const LONGEST = 256;

export class PduDecoder {
  readonly #attributes = new RecentlyMade<Attribute>(KEPT);
  readonly #xids = new RecentlyMade<string>(KEPT);
  readonly #parts: PartReaders = {
    xid: (octets) => this.#xids.of(latin1Of(octets), () => xidText(octets)),
    contents: (type, contents) => this.#attribute(type, contents),
  };

  /** As `decodePdu`. @throws BytesError, X2X3Error */
  decode(octets: Uint8Array): Pdu {
    return decodePduWith(octets, this.#parts);
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
