/**
 * That X2 carried every SIP message on the target's side, and no other: the messages between phone and CSCF, as sent
 * while the warrant ran, against the PDUs, octet for octet. In order: each way by itself, since two messages that cross
 * on their way have no order that both ends would agree on.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { equalOctets, toHex } from '../../../bytes/octets.ts';
import { ATTRIBUTE } from '../../../wire/x2x3/attributes.ts';
import { DIRECTION, numberAttribute, textAttribute } from '../../../wire/x2x3/pdu.ts';
import type { Pdu } from '../../../wire/x2x3/pdu.ts';
import type { HomeName } from '../../network/home.ts';
import { summary } from '../../network/signalling.ts';
import type { SentMessage } from '../../network/signalling.ts';
import type { SignallingSpan } from '../observations.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';
import { pdusIn } from './pdus.ts';

/**
 * Of the first warrant on a user.
 * @param side on whose side the target's calls pass: another user's, where the target's calls go there
 */
export function signallingCheck({ scenario, course }: CheckParts, user: string, side = user): Check {
  const { out } = scenario.options;
  const home = course.network.homeOf(user).name;
  const span = course.seen.warrants.find((warrant) => warrant.user === user) ?? { from: 0, to: Infinity };
  const pdus = eachOnce(pdusIn(path.join(out, home, 'x2.bin')));
  return compareSignalling(side, home, messagesIn(path.join(out, 'signalling'), span), pdus);
}

/** @param sent SIP messages of a run, as sent @param pdus of X2 in the target's home, each once */
export function compareSignalling(
  user: string,
  home: HomeName,
  sent: readonly SentMessage[],
  pdus: readonly Pdu[],
): Check {
  const phones = phonesOf(user, sent);
  const ways = phones.flatMap((phone) => {
    const from = distinct(sent.filter((each) => each.from === phone).map(({ octets }) => octets));
    const to = distinct(sent.filter((each) => each.to === phone).map(({ octets }) => octets));
    const only = phones.length > 1;
    return [
      {
        name: `from ${phone}`,
        wire: from,
        reported: reportedOf(pdus, DIRECTION.fromTarget, only ? from : null),
      },
      { name: `to ${phone}`, wire: to, reported: reportedOf(pdus, DIRECTION.toTarget, only ? to : null) },
    ];
  });
  const wire = ways.reduce((sum, way) => sum + way.wire.length, 0);
  const differences = ways.flatMap((way) => differenceOf(way.name, way.wire, way.reported) ?? []);
  const strays = pdus.length - ways.reduce((sum, way) => sum + way.reported.length, 0);
  if (strays > 0) differences.push(`${counted(strays, 'PDU')} neither from nor to ${user}`);
  return {
    name: `X2 of ${home} has every SIP message on ${user}'s side, in order, octet for octet`,
    passed: differences.length === 0 && wire > 0,
    detail: [
      `${counted(wire, 'message')} on the wire, ${pdus.length} on X2`,
      ...(differences.length === 0 ? ['all equal'] : differences),
    ].join('; '),
  };
}

/** The phones of a user that messages were sent from or to: `bob`, or `bob.desk`, `bob.mobile`. */
function phonesOf(user: string, sent: readonly SentMessage[]): string[] {
  const parties = new Set(sent.flatMap(({ from, to }) => [from, to]));
  const phones = [...parties].filter((party) => party === user || party.startsWith(`${user}.`));
  return phones.length === 0 ? [user] : phones.sort();
}

/** What was reported one way, in order; with `among`, of that alone: a PDU does not say which phone it is of. */
function reportedOf(
  pdus: readonly Pdu[],
  way: Pdu['direction'],
  among: readonly Uint8Array[] | null,
): Uint8Array[] {
  const wanted = among === null ? null : new Set(among.map((octets) => toHex(octets)));
  const reported = pdus.filter(({ direction }) => direction === way).map(({ payload }) => payload);
  return reported.filter((payload) => wanted === null || wanted.has(toHex(payload)));
}

/** The first place where what was reported one way is not what was sent; `null` if there is none. */
function differenceOf(
  way: string,
  wire: readonly Uint8Array[],
  reported: readonly Uint8Array[],
): string | null {
  const length = Math.max(wire.length, reported.length);
  for (let at = 0; at < length; at++) {
    const [sent, told] = [wire[at], reported[at]];
    if (sent !== undefined && told !== undefined && equalOctets(sent, told)) continue;
    const is = told === undefined ? 'nothing' : summary(told);
    const expected = sent === undefined ? 'nothing' : summary(sent);
    return `${way}, message ${at + 1}: sent ${expected}, X2 has ${is}`;
  }
  return null;
}

/** The record of SIP, `NNN-FROM-TO.sip`: those of the span, in the order of sending. */
function messagesIn(folder: string, { from, to }: SignallingSpan): SentMessage[] {
  const files = readdirSync(folder).flatMap((name) => {
    const [, number, sender, recipient] = /^(\d+)-([^-]+)-([^-]+)\.sip$/.exec(name) ?? [];
    if (number === undefined || sender === undefined || recipient === undefined) return [];
    return [{ at: Number(number) - 1, from: sender, to: recipient, file: path.join(folder, name) }];
  });
  return files
    .filter(({ at }) => at >= from && at < to)
    .sort((a, b) => a.at - b.at)
    .map((entry) => ({ from: entry.from, to: entry.to, octets: new Uint8Array(readFileSync(entry.file)) }));
}

/** A message that is sent again (RFC 3262 section 3) is reported once. */
function distinct(messages: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(messages.map((octets) => [toHex(octets), octets])).values()];
}

/** What a point of interception sends again after a connection broke is the same PDU. */
function eachOnce(pdus: readonly Pdu[]): Pdu[] {
  const once = new Map<string, Pdu>();
  for (const pdu of pdus) {
    const { did, nfid, ipid, sequenceNumber } = ATTRIBUTE;
    const texts = [did, nfid, ipid].map((type) => textAttribute(pdu, type));
    const key = [pdu.xid, ...texts, toHex(pdu.correlation), numberAttribute(pdu, sequenceNumber)].join(' ');
    if (!once.has(key)) once.set(key, pdu);
  }
  return [...once.values()];
}
