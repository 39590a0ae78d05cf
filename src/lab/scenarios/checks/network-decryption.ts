/** What the LEMF has where content is decrypted in the network: packets in the clear that say so, and nothing of keys. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fromUtf8, utf8 } from '../../../bytes/octets.ts';
import { mediaKindOf } from '../../../media/demultiplex.ts';
import { splitPsPdus } from '../../../wire/hi/deframer.ts';
import { readStreamName } from '../../../wire/hi/ipmm-cc.ts';
import { decodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import type { HomeName } from '../../network/home.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';
import { keysOnHi2 } from './keys.ts';

/** Neither key records, nor MIKEY messages, nor keys in SDP: looked for in the octets of the whole of HI2. */
export function noKeyMaterialCheck({ scenario }: CheckParts, home: HomeName): Check {
  const { out } = scenario.options;
  const file = path.join(out, home, 'hi2.ber');
  const octets = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const text = octets.toString('latin1');
  const blanked = [...text.matchAll(/a=key-mgmt:[* ]+\r\n/g)].length;
  const shown = [...text.matchAll(/key-mgmt:\s*mikey|inline:[A-Za-z0-9+/]/gi)].length;
  const keys = keysOnHi2(out, home).length;
  return {
    name: `the LEMF of ${home} has no key material`,
    passed: blanked > 0 && shown + keys === 0,
    detail: `${counted(keys, 'key record')}; of MIKEY messages in SDP ${blanked} blanked, ${shown} shown`,
  };
}

/** Every packet of the media is in the clear and says so, and names the crypto session under whose key it was. */
export function clearContentCheck({ scenario }: CheckParts, home: HomeName): Check {
  const file = path.join(scenario.options.out, home, 'hi3.ber');
  const pdus = existsSync(file) ? splitPsPdus(new Uint8Array(readFileSync(file))).pdus : [];
  let [marked, unmarked] = [0, 0];
  const sessions = new Set<number>();
  for (const octets of pdus) {
    const { payload } = decodePsPdu(octets);
    if (payload.kind !== 'cc') continue;
    for (const { contents } of payload.packets) {
      if (contents.kind !== 'ipmm') continue;
      const { packet, streamIdentifier = utf8('') } = contents.cc;
      const kind = mediaKindOf(packet);
      if (kind !== 'rtp' && kind !== 'rtcp') continue;
      const { decrypted } = readStreamName(fromUtf8(streamIdentifier));
      if (decrypted === null) unmarked++;
      else marked++;
      if (decrypted?.csId !== undefined && decrypted.csId !== null) sessions.add(decrypted.csId);
    }
  }
  return {
    name: `every packet at the LEMF of ${home} is in the clear, and says that the network decrypted it`,
    passed: marked > 0 && unmarked === 0 && sessions.size >= 2,
    detail: `${counted(marked, 'packet')} of crypto sessions ${[...sessions].sort().join(', ')}, ${unmarked} as intercepted`,
  };
}

/** The words of the LEMF's report: it had nothing to decrypt. */
export function nothingToDecryptCheck({ course }: CheckParts, home: HomeName): Check {
  const streams = course.recovered[home].calls.flatMap((call) => call.streams);
  const inNetwork = streams.filter(({ decryptedInNetwork }) => decryptedInNetwork).length;
  const here = streams.filter(({ authenticated }) => authenticated > 0).length;
  return {
    name: `the LEMF of ${home} decrypts nothing itself`,
    passed: inNetwork > 0 && here === 0 && inNetwork === streams.length,
    detail: `${counted(streams.length, 'stream')}, ${inNetwork} decrypted in the network, ${here} here`,
  };
}
