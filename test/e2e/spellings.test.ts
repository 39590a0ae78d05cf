/**
 * one table of odd spellings, fed to all who read, end to end: two phones with keys of their KMS, a CSCF that
 * passes on or refuses, and, since the caller is a target, the DF on what X2 reported, the KMS that it asks for the keys,
 * and the LEMF; the command line, too. Of each row that a grammar allows the LEMF gets the keys that the phones have.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toBase64, toHex } from '../../src/bytes/octets.ts';
import { mikeyMessagesIn } from '../../src/cli/workbench/mikey-messages.ts';
import type { ExchangeResult } from '../../src/endpoint/key-exchange.ts';
import { readDescription } from '../../src/endpoint/session-description.ts';
import { sightingIn } from '../../src/entities/df/extraction.ts';
import { readSdp } from '../../src/entities/lemf/sdp.ts';
import { parseMessage } from '../../src/sip/message.ts';
import { fromOctets } from '../../src/sip/text.ts';
import type { EpsIri } from '../../src/wire/hi/eps-iri.ts';
import { IMS_EVENT } from '../../src/wire/hi/eps-iri.ts';
import type { PsPdu } from '../../src/wire/hi/ps-pdu.ts';
import { deliveredOf } from '../support/handed-over.ts';
import { spellings } from '../sip/spellings.ts';
import type { Spelling } from '../sip/spellings.ts';
import { TappedHome } from './phones/tapped-home.ts';
import { keyedUser } from './keyed-phone.ts';
import { decoysOf, SpeltCalls } from './spelt-calls.ts';
import { temporaryFolder } from './support.ts';

/** Its names and outcomes; the messages are those of each call. */
const ROWS = spellings('').map(({ name, outcome }, at) => [name, outcome, at] as const);

const NONE = new Uint8Array();
/** What fits into a message of 64 KiB. */
const MANY = 35;

/** The keys of all calls so far. */
const agreed: string[] = [];

const folder = temporaryFolder();
const hi2 = folder.at('state', 'home1', 'lemf', 'hi2.ber');
let home: TappedHome;
let calls: SpeltCalls;

beforeAll(async () => {
  home = await TappedHome.start(folder, ['alice', 'carol']);
  const { network } = home;
  const { port } = network.running('cscf', 'home1').sip;
  calls = await SpeltCalls.start(network, port, keyedUser(network, 'alice'), keyedUser(network, 'carol'));
});

afterAll(async () => {
  await calls.stop();
  await home.stop();
  folder.remove();
});

/** The row, about a MIKEY message. */
function spell(at: number, mikey: Uint8Array): Spelling {
  const row = spellings(toBase64(mikey))[at];
  if (row === undefined) throw new Error('no such row');
  return row;
}

function recordsIn({ payload }: PsPdu): EpsIri[] {
  return payload.kind === 'iri'
    ? payload.records.flatMap(({ contents }) => (contents.kind === 'eps' ? [contents.record] : []))
    : [];
}

/** What the LEMF has of a call, in order. */
function handedOver(callId: string): EpsIri[] {
  const pdus = deliveredOf(hi2);
  const own = pdus.find((pdu) =>
    recordsIn(pdu).some(({ sipMessage }) => fromOctets(sipMessage ?? NONE).includes(callId)),
  );
  return pdus.filter(({ header }) => header.cin === own?.header.cin).flatMap(recordsIn);
}

/** The keys in key records: CS ID, key, salt. */
function keysIn(records: readonly EpsIri[]): string[] {
  return records
    .filter(({ imsEvent }) => imsEvent === IMS_EVENT.decryptionKeysAvailable)
    .flatMap(({ keys = [] }) => keys)
    .map(({ csId, key, salt }) =>
      [csId, key.expose(), salt?.expose() ?? NONE].map((each) => toHex(each)).join(' '),
    );
}

function keysOf({ sessions }: ExchangeResult): string[] {
  return sessions.map(({ csId, masterKey, masterSalt }) =>
    [Uint8Array.of(csId), masterKey.expose(), masterSalt.expose()].map((each) => toHex(each)).join(' '),
  );
}

/** What each reader makes of a message as it stands on a wire: the MIKEY messages, in base64. */
function readers(octets: Uint8Array): Record<string, readonly string[]> {
  const message = parseMessage(octets);
  const { mikey } = readDescription(message.first('Content-Type'), message.body);
  return {
    phone: mikey === null ? [] : [toBase64(mikey)],
    df: sightingIn(octets, true, 0).mikey.map((seen) => seen.octets),
    lemf: readSdp(message.body).mikey.map(toBase64),
    cli: mikeyMessagesIn(octets).map(toBase64),
  };
}

/** Those with a body, of messages as they stand on a wire. */
function withBody(messages: readonly Uint8Array[]): Uint8Array[] {
  return messages.filter((octets) => parseMessage(octets).body.length > 0);
}

describe('R-61: odd spellings, end to end', () => {
  it.each(ROWS)('%s: %s', async (_, outcome, at) => {
    const callId = `spelling-${at}.phone.example`;
    const call = await calls.invite(callId, (mikey) => spell(at, mikey));
    if (outcome !== 'reads') {
      await calls.next(String(outcome));
      call.giveUp();
      await expect.poll(() => handedOver(callId).length).toBeGreaterThan(0);
      const [first] = handedOver(callId);
      expect(fromOctets(first!.sipMessage!)).toMatch(/^INVITE /);
      expect(calls.arrived).toHaveLength(1);
      return;
    }
    const { messages, caller, callee } = await call.agree();
    expect(keysOf(caller)).toHaveLength(2);
    expect(keysOf(callee)).toEqual(keysOf(caller));
    agreed.push(...keysOf(caller));
    await expect.poll(() => keysIn(handedOver(callId))).toEqual(keysOf(caller));

    const alike = messages.map(toBase64).map((mikey) => {
      const all = [mikey];
      return { phone: all, df: all, lemf: all, cli: all };
    });
    const reported = () => handedOver(callId).flatMap(({ sipMessage }) => sipMessage ?? []);
    await expect.poll(() => withBody(reported()).map(readers)).toEqual(alike);
    const arrived = calls.arrived.map((message) => message.serialise());
    expect(withBody(arrived).map(readers)).toEqual(alike);
    const { from, to, address } = home.network.plan.homes.home1.media;
    for (const octets of withBody(arrived)) {
      const [onward] = readSdp(parseMessage(octets).body).media;
      expect(onward).toMatchObject({ media: 'audio', protocol: 'RTP/SAVP', address });
      expect(onward!.port).toBeGreaterThanOrEqual(from);
      expect(onward!.port).toBeLessThanOrEqual(to);
    }
    await call.end();
  });

  it('R-66: a callee that fills INFO and 183 with decoys hides nothing', async () => {
    const callId = 'decoys.phone.example';
    const call = await calls.invite(callId, (mikey) => spell(0, mikey));
    const { caller } = await call.agree((rMessage1) => decoysOf(rMessage1, MANY, (mikey) => spell(0, mikey)));
    agreed.push(...keysOf(caller));
    await expect.poll(() => keysIn(handedOver(callId)), { timeout: 30_000 }).toEqual(keysOf(caller));
    const failures = () =>
      handedOver(callId).filter(({ mediaSecFailure }) => mediaSecFailure !== undefined).length;
    await expect.poll(failures, { timeout: 30_000 }).toBeGreaterThan(0);
    await call.end();
  });

  it('nobody gets keys for what was refused', async () => {
    expect(await home.network.running('df', 'home1').settle(15_000)).toBe(true);
    expect(keysIn(deliveredOf(hi2).flatMap(recordsIn))).toEqual(agreed);
  });
});
