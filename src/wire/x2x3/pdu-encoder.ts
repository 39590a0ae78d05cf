/**
 * Encodes many PDUs that have much in common, as a point of interception has them: names, addresses and the XID are the
 * same in PDU after PDU, and what was encoded lately is not encoded again. What comes out is what `encodePdu` gives.
 */
import { RecentlyMade } from '../../bytes/recently-made.ts';
import type { Attribute } from './attributes.ts';
import { encodeAttribute } from './attributes.ts';
import type { X2X3Sizes } from './limits.ts';
import { assemblePdu, xidOctets } from './pdu.ts';
import type { Pdu } from './pdu.ts';

/** Encodings that are kept of each sort; when there are more, all of them are made anew. */
const KEPT = 1_024;
/** A text of more characters is not kept: descriptions of sessions come once. */
const LONGEST = 256;

export class PduEncoder {
  readonly #texts = new RecentlyMade<Uint8Array>(KEPT);
  readonly #xids = new RecentlyMade<Uint8Array>(KEPT);

  /** @param most sizes above which a PDU is refused. @throws X2X3Error `range`, `too-large` */
  encode(pdu: Pdu, most?: X2X3Sizes): Uint8Array {
    const xid = this.#xids.of(pdu.xid, () => xidOctets(pdu.xid));
    return assemblePdu(
      pdu,
      xid,
      pdu.attributes.map((attribute) => this.#attribute(attribute)),
      most,
    );
  }

  #attribute(attribute: Attribute): Uint8Array {
    if (attribute.kind !== 'text' || attribute.value.length > LONGEST) return encodeAttribute(attribute);
    return this.#texts.of(`${attribute.type} ${attribute.value}`, () => encodeAttribute(attribute));
  }
}
