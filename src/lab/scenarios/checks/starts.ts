/** Records of HI2 by event: the start of interception with an established session, and what a warrant may not have. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { splitPsPdus } from '../../../wire/hi/deframer.ts';
import type { EpsIri } from '../../../wire/hi/eps-iri.ts';
import { IMS_EVENT } from '../../../wire/hi/eps-iri.ts';
import { decodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import type { HomeName } from '../../network/home.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';

/** How many records of the start in mid-call a warrant has, each with offer and answer. */
export function startCheck(parts: CheckParts, home: HomeName, liid: string, expected: 0 | 1): Check {
  const starts = recordsOnHi2(parts.scenario.options.out, home, liid).filter(
    ({ imsEvent }) => imsEvent === IMS_EVENT.startOfInterceptionForIMSEstablishedSession,
  );
  const whole = starts.filter(({ sdpOffer, sdpAnswer }) =>
    [sdpOffer, sdpAnswer].every((sdp) => sdp !== undefined && Buffer.from(sdp).includes('key-mgmt:mikey')),
  );
  const what = expected === 1 ? 'the start in mid-call once, with offer and answer' : 'no start in mid-call';
  return {
    name: `the LEMF of ${home} has ${what}, under ${liid}`,
    passed: starts.length === expected && whole.length === expected,
    detail: `${counted(starts.length, 'record')}, ${whole.length} with the MIKEY messages of both`,
  };
}

/** Of a warrant without content: signalling with its descriptions, no content, no keys, and nobody asked for any. */
export function withoutContentCheck({ scenario, course }: CheckParts, home: HomeName, liid: string): Check {
  const records = recordsOnHi2(scenario.options.out, home, liid);
  const described = records.filter(({ sipMessage = new Uint8Array() }) => {
    return Buffer.from(sipMessage).includes('key-mgmt:mikey');
  });
  const keys = records.filter(({ keys: own = [] }) => own.length > 0).length;
  const packets = course.recovered[home].calls.reduce(
    (sum, call) => sum + call.packets + call.otherContent,
    0,
  );
  const questions = course.seen.questions[home];
  return {
    name: `the LEMF of ${home} has signalling with its descriptions, and neither content nor keys`,
    passed: described.length > 0 && keys + packets + questions === 0,
    detail: `${counted(described.length, 'message')} with MIKEY, ${counted(keys, 'key record')}, ${counted(packets, 'packet')}, ${questions} get_keys`,
  };
}

function recordsOnHi2(out: string, home: HomeName, liid: string): EpsIri[] {
  const file = path.join(out, home, 'hi2.ber');
  if (!existsSync(file)) return [];
  return splitPsPdus(new Uint8Array(readFileSync(file))).pdus.flatMap((octets) => {
    const { header, payload } = decodePsPdu(octets);
    if (payload.kind !== 'iri' || header.liid !== liid) return [];
    return payload.records.flatMap(({ contents }) => (contents.kind === 'eps' ? contents.record : []));
  });
}
