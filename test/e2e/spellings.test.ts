/**
 * one table of odd spellings, fed to all who read: the phone, the CSCF (which passes on or refuses), the DF on what
 * X2 reported, the LEMF on what the DF handed on, and the command line.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messagesIn } from '../../src/cli/commands/mikey.ts';
import { sightingIn } from '../../src/entities/df/extraction.ts';
import { readSdp } from '../../src/entities/lemf/sdp.ts';
import { readDescription } from '../../src/endpoint/session-description.ts';
import { toBase64 } from '../../src/bytes/octets.ts';
import type { UserAgent } from '../../src/sip/agent.ts';
import { parseMessage } from '../../src/sip/message.ts';
import type { SipRequest } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';
import { fromOctets, toOctets } from '../../src/sip/text.ts';
import { Network } from '../entities/cscf/network.ts';
import type { Home } from '../entities/cscf/network.ts';
import { vector } from '../entities/df/support.ts';
import { spellings } from '../sip/spellings.ts';
import type { Spelling } from '../sip/spellings.ts';

const I_MESSAGE_1 = vector().messages.I_MESSAGE_1.message;

let network: Network;
let home: Home;
let alice: UserAgent;
let carol: UserAgent;
/** What reached carol's phone. */
const arrived: SipRequest[] = [];

beforeAll(async () => {
  network = new Network();
  home = await network.home('home1.example', ['alice', 'carol']);
  home.interception.add('sip:alice@home1.example');
  alice = await network.phone('alice', 'home1.example');
  carol = await network.phone('carol', 'home1.example');
  await Promise.all([alice.register(), carol.register()]);
  carol.layer.attach({
    request: (transaction) => {
      arrived.push(transaction.request);
      transaction.respond(makeResponse(transaction.request, 486, { toTag: 'c' }));
    },
    ack: () => undefined,
    stray: () => undefined,
    closed: () => undefined,
  });
});

afterAll(() => network.close());

/** Alice's INVITE, spelt like this; its final status. */
function invite({ type, body }: Spelling, callId: string): Promise<number> {
  const head = [
    'INVITE sip:carol@home1.example SIP/2.0',
    'Max-Forwards: 70',
    'From: <sip:alice@home1.example>;tag=a',
    'To: <sip:carol@home1.example>',
    `Call-ID: ${callId}`,
    'CSeq: 1 INVITE',
    'Contact: <sip:alice@alice-1.home1.example;transport=tcp>',
    ...(type === null ? [] : [type]),
    `Content-Length: ${body.length}`,
  ];
  const request = parseMessage(toOctets(`${head.join('\r\n')}\r\n\r\n${body}`));
  if (request.kind !== 'request') throw new Error('a request');
  return new Promise((resolve, reject) => {
    const hop = { protocol: 'TCP', host: 'cscf.home1.example', port: 5060 } as const;
    alice.layer.send(request, hop, `z9hG4bK${callId}`, {
      response: ({ status }) => status >= 200 && resolve(status),
      failed: reject,
    });
  });
}

/** What each reader makes of a message as it stands on a wire: the MIKEY messages, in base64. */
function readers(octets: Uint8Array): Record<string, readonly string[]> {
  const message = parseMessage(octets);
  const { mikey } = readDescription(message.first('Content-Type'), message.body);
  return {
    phone: mikey === null ? [] : [toBase64(mikey)],
    df: sightingIn(octets, true, 0).mikey.map((seen) => seen.octets),
    lemf: readSdp(message.body).mikey.map(toBase64),
    cli: messagesIn(octets).map(toBase64),
  };
}

describe('R-61: odd spellings, end to end', () => {
  it.each(spellings(I_MESSAGE_1).map((row, at) => [row.name, row.outcome, row, at] as const))(
    '%s: %s',
    async (_, outcome, row, at) => {
      arrived.length = 0;
      const callId = `spelling-${at}`;
      const status = await invite(row, callId);
      const reported = home.interception.reports
        .map(({ observation }) => observation.payload)
        .filter((octets) => fromOctets(octets).includes(callId));
      const [offer] = reported;
      expect(fromOctets(offer!)).toMatch(/^INVITE /);
      if (outcome !== 'reads') {
        expect([status, arrived]).toEqual([outcome, []]);
        return;
      }
      expect([status, arrived.length]).toEqual([486, 1]);
      const all = [I_MESSAGE_1];
      for (const octets of [offer!, arrived[0]!.serialise()])
        expect(readers(octets)).toEqual({ phone: all, df: all, lemf: all, cli: all });
      const [onward] = readSdp(arrived[0]!.body).media;
      expect(onward).toMatchObject({ media: 'audio', protocol: 'RTP/SAVP', address: '127.0.0.77' });
    },
  );
});
