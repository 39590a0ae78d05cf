/**
 * Reads the files of a LEMF: `read-handover.js HI2-FILE HI3-FILE`. Keys are said to be there and not printed.
 *
 * Door: `claviger/wire/hi`.
 */
import { readFileSync } from 'node:fs';
import { splitPsPdus } from 'claviger/wire/hi/deframer';
import { IMS_EVENT } from 'claviger/wire/hi/eps-iri';
import type { EpsIri } from 'claviger/wire/hi/eps-iri';
import { decodePsPdu } from 'claviger/wire/hi/ps-pdu';

const files = process.argv.slice(2);
if (files.length !== 2) throw new Error('read-handover.js HI2-FILE HI3-FILE');

let packets = 0;
for (const file of files) {
  const { pdus, rest, damage } = splitPsPdus(readFileSync(file));
  if (damage !== null) throw damage;
  if (rest.length > 0) console.log(`${file} ends in the middle of a PDU`);
  for (const { header, payload } of pdus.map((pdu) => decodePsPdu(pdu))) {
    const place = `${header.liid}, CIN ${header.cin ?? 'none'}, number ${header.sequenceNumber}`;
    if (payload.kind === 'iri') {
      for (const { contents } of payload.records)
        console.log(`${place}: ${contents.kind === 'eps' ? described(contents.record) : 'another record'}`);
    }
    if (payload.kind === 'cc') packets += payload.packets.length;
  }
}
console.log(`${packets} packets of content`);

function described({ imsEvent, sipMessage, keys = [] }: EpsIri): string {
  if (sipMessage !== undefined) return Buffer.from(sipMessage).toString('latin1').split('\r\n', 1)[0] ?? '';
  if (imsEvent === IMS_EVENT.decryptionKeysAvailable)
    return `keys of ${keys.map(({ csId }) => `crypto session ${csId[0] ?? '?'}`).join(', ')}`;
  return 'a record without SIP';
}
