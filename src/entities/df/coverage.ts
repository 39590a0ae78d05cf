/**
 * What a warrant covers of the signalling that is handed over for it, and the one place where the rest is taken out
 * . Several warrants share one task at the points of interception, so that nothing is taken out there.
 *
 *     without content    bodies, but for session descriptions; the keys of a=crypto and k= in these; all of a MESSAGE
 *     without location   P-Access-Network-Info, Cellular-Network-Info, Geolocation, Geolocation-Error; location in bodies
 *     without digits     bodies with dialled digits (INFO)
 *     without keys       where content is decrypted in the network: MIKEY messages and keys of a=crypto and k= in
 *                        session descriptions, and wherever else such lines stand; bodies that cannot be looked into
 *
 * Everything else stays octet for octet, fields that nobody knows and Content-Length included: it says how long the body
 * was. What cannot be read is taken for content. A message that lost something of its body is handed over as
 * sIPheaderOnly(2).
 */
import { concat, equalOctets, fromUtf8 } from '../../bytes/octets.ts';
import { withoutKeyLines, withoutKeys } from '../../sip/blanked-keys.ts';
import { bodyFieldsOf, reducedBody } from '../../sip/bodies.ts';
import type { BodyLeaf } from '../../sip/bodies.ts';
import { SipError } from '../../sip/errors.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import { takenApart } from '../../sip/offer-answer.ts';
import { SDP_TYPE } from '../../sip/sdp.ts';
import { fromOctets, toOctets } from '../../sip/text.ts';
import { readOnce } from './parsed-sip.ts';
import type { HandoverRecord } from './records.ts';

/** When location is handed over: with everything, where a session or something else begins or ends, never. */
export type LocationCoverage = 'always' | 'beginningAndEnd' | 'never';

export interface WarrantCoverage {
  readonly content: boolean;
  readonly location: LocationCoverage;
  /** Digits that are dialled while the call stands. */
  readonly digits: boolean;
  /** Key material, and what leads to it; absent: where content is covered. */
  readonly keys?: boolean | undefined;
}

/** The record as a warrant may have it; itself where it covers all of it. */
export function covered<T extends HandoverRecord>(record: T, coverage: WarrantCoverage): T {
  if (record.kind === 'sip-message') {
    const { sip, isReduced } = reducedMessage(record.sip, coverage);
    return sip === record.sip ? record : { ...record, sip, isReduced };
  }
  if (record.kind !== 'session-start') return record;
  const [offer, answer] = [record.offer, record.answer].map(({ head, sdp }) =>
    takenApart(reducedMessage(concat(head, sdp), coverage).sip),
  );
  return { ...record, offer, answer };
}

/** @returns `sip` itself where nothing is taken out; whether something of the body was */
export function reducedMessage(
  sip: Uint8Array,
  coverage: WarrantCoverage,
): { readonly sip: Uint8Array; readonly isReduced: boolean } {
  const { head, sdp: body } = takenApart(sip);
  const message = readable(sip);
  const kept = message === null ? unreadableBody(body, coverage) : bodyOf(message, body, coverage);
  const isShown = showsLocation(message, coverage) || !mayHaveLocation(message);
  const shown = isShown ? head : withoutLocation(head);
  const isReduced = kept !== body && !equalOctets(kept, body);
  return { sip: isReduced || shown !== head ? concat(shown, kept) : sip, isReduced };
}

/* ---------------------------------------------------------------- helpers */

const NOTHING = new Uint8Array();

function readable(sip: Uint8Array): SipRequest | SipResponse | null {
  try {
    return readOnce(sip);
  } catch (error) {
    if (error instanceof SipError) return null;
    throw error;
  }
}

function unreadableBody(body: Uint8Array, { content, keys = true }: WarrantCoverage): Uint8Array {
  return content && keys ? body : NOTHING;
}

function bodyOf(message: SipRequest | SipResponse, body: Uint8Array, coverage: WarrantCoverage): Uint8Array {
  if (body.length === 0) return body;
  const { content, digits, keys = true } = coverage;
  if (content && digits && keys && showsLocation(message, coverage)) return body;
  // What lies beyond the message's end is none of it.
  if (content)
    return reduced(message, body, (leaf) => contentLeaf(leaf, coverage, showsLocation(message, coverage)));
  if (methodOf(message) === 'MESSAGE') return NOTHING;
  return reduced(message, message.body, (leaf) =>
    signallingLeaf(leaf, coverage, showsLocation(message, coverage)),
  );
}

function reduced(
  message: SipRequest | SipResponse,
  body: Uint8Array,
  judge: (leaf: BodyLeaf) => Uint8Array | null,
): Uint8Array {
  return reducedBody(bodyFieldsOf(message), body, judge) ?? NOTHING;
}

/** Of a warrant for content. */
function contentLeaf(
  { type, body }: BodyLeaf,
  { digits, keys = true }: WarrantCoverage,
  location: boolean,
): Uint8Array | null {
  if (!location && isLocation(type, body)) return null;
  if (!digits && DIGITS.has(type)) return null;
  if (keys) return body;
  return type === SDP_TYPE ? withoutKeys(body, { mikey: true }) : withoutKeyLines(body);
}

/** Of a warrant for signalling alone. */
function signallingLeaf(
  { type, body }: BodyLeaf,
  { keys = true }: WarrantCoverage,
  location: boolean,
): Uint8Array | null {
  if (type === SDP_TYPE) return withoutKeys(body, { mikey: !keys });
  return location && isLocation(type, body) ? body : null;
}

const DIGITS: ReadonlySet<string> = new Set([
  'application/dtmf-relay',
  'application/dtmf',
  'application/vnd.nortelnetworks.digits',
  'audio/telephone-event',
]);

/** PIDF-LO (RFC 4119) and HELD; presence without a place is not location. */
function isLocation(type: string, body: Uint8Array): boolean {
  if (type === 'application/held+xml') return true;
  return /^application\/pidf(?:-diff)?\+xml$/.test(type) && /geopriv|location-info/i.test(textOf(body));
}

function textOf(body: Uint8Array): string {
  try {
    return fromUtf8(body);
  } catch {
    return fromOctets(body).replaceAll('\0', '');
  }
}

function showsLocation(message: SipRequest | SipResponse | null, { location }: WarrantCoverage): boolean {
  if (location !== 'beginningAndEnd') return location === 'always';
  if (message === null) return false;
  const isWithin = message.kind === 'request' ? message.first('To')?.includes('tag=') === true : false;
  return ENDS.has(methodOf(message)) || (!isWithin && !WITHIN.has(methodOf(message)));
}

/** Of a call, what ends it, and what is only sent while it stands. */
const ENDS: ReadonlySet<string> = new Set(['BYE']);
const WITHIN: ReadonlySet<string> = new Set(['ACK', 'PRACK', 'UPDATE', 'INFO']);

function methodOf(message: SipRequest | SipResponse): string {
  if (message.kind === 'request') return message.method;
  return /\S+$/.exec(message.first('CSeq') ?? '')?.[0] ?? '';
}

const LOCATION_FIELDS = [
  'P-Access-Network-Info',
  'Cellular-Network-Info',
  'Geolocation',
  'Geolocation-Error',
];

/** However it is folded, wherever it stands, and in a head that nobody can read. */
const LOCATION_LINES =
  /^(?:P-Access-Network-Info|Cellular-Network-Info|Geolocation|Geolocation-Error)(?:\r?\n[ \t]|[ \t])*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|$(?![^]))/gim;

/** Of a head that can be read whole, each line has its name; of any other, nobody knows. */
function mayHaveLocation(message: SipRequest | SipResponse | null): boolean {
  if (message === null || message.fault !== null) return true;
  return LOCATION_FIELDS.some((name) => message.first(name) !== null);
}

function withoutLocation(head: Uint8Array): Uint8Array {
  const text = fromOctets(head);
  const left = text.replace(LOCATION_LINES, '');
  return left.length === text.length ? head : toOctets(left);
}
