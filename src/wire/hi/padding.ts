/**
 * PDUs that take room and say nothing: TRIPayload `paddingPDU [2] OCTET STRING`, "undefined contents (will be discarded)"
 * (TS 102 232-1 annex A). One of a given length takes the place of another PDU in a file, octet for octet, so that the
 * file stays one of PS-PDUs and everything else in it stays where it is.
 */
import { concat } from '../../bytes/octets.ts';
import { primitive } from './ber.ts';
import { LI_PS_DOMAIN } from './header.ts';
import { encodePsPdu } from './ps-pdu.ts';

const PADDING = 2;

/** It is about nobody. An LIID has 1 to 25 octets: where lengths of lengths leave out a number, another fits. */
const NOBODY = '-';
const LONGEST_LIID = 25;

const SEQUENCE = 0x30;
/** The short form, and long ones of so many octets: longer than need be where nothing else fits (X.690 8.1.3.5). */
const FORMS = [0, 1, 2, 3, 4];
const LONGEST_SHORT = 127;
const LONG = 0x80;

/** A padding PDU of so many octets; `null`: there is none so short. */
export function paddingPdu(octets: number): Uint8Array | null {
  for (const form of FORMS) {
    const length = octets - 2 - form;
    if (length < 0 || length > (form === 0 ? LONGEST_SHORT : 256 ** form - 1)) continue;
    const contents = contentsOf(length);
    if (contents !== null) return concat(headerOf(length, form), contents);
  }
  return null;
}

function headerOf(length: number, form: number): Uint8Array {
  if (form === 0) return Uint8Array.of(SEQUENCE, length);
  const octets = Array.from({ length: form }, (_, at) => Math.floor(length / 256 ** (form - 1 - at)) % 256);
  return Uint8Array.of(SEQUENCE, LONG | form, ...octets);
}

/** What is in a padding PDU, of so many octets. */
function contentsOf(octets: number): Uint8Array | null {
  for (let length = 1; length <= LONGEST_LIID; length++) {
    const liid = NOBODY.repeat(length);
    let room = octets - padded(liid, 0).length;
    for (let tries = 0; tries < 3 && room >= 0; tries++) {
      const contents = padded(liid, room);
      if (contents.length === octets) return contents;
      room += octets - contents.length;
    }
  }
  return null;
}

function padded(liid: string, room: number): Uint8Array {
  const header = {
    domainId: LI_PS_DOMAIN,
    liid,
    operatorIdentifier: NOBODY,
    sequenceNumber: 0,
  };
  const element = primitive(PADDING, new Uint8Array(room));
  const pdu = encodePsPdu({
    header,
    payload: { kind: 'tri', message: { type: 'other', tag: PADDING, element } },
  });
  const [, first = 0] = pdu;
  return pdu.subarray(2 + (first > LONGEST_SHORT ? first & LONGEST_SHORT : 0));
}
