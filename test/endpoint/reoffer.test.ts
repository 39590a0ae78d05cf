/** Offers within a call that is up: what they are answered, and what is sent then. */
import { describe, expect, test } from 'vitest';
import type { NetworkAddress } from '../../src/bytes/network-address.ts';
import { fromUtf8, utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { AudioStream } from '../../src/endpoint/audio-stream.ts';
import type { EndpointError } from '../../src/endpoint/errors.ts';
import { reoffered } from '../../src/endpoint/reoffer.ts';
import { CallMedia } from '../../src/endpoint/call-media.ts';
import { OwnDescriptions, readDescription } from '../../src/endpoint/session-description.ts';
import type { OwnLine } from '../../src/endpoint/session-description.ts';
import type { DatagramSocket } from '../../src/media/datagrams.ts';
import { SRTP_SUITE } from '../../src/media/srtp/suites.ts';
import type { Body, Reply } from '../../src/sip/agent-types.ts';
import { SipRequest } from '../../src/sip/message.ts';
import { ManualClock } from '../support/manual-clock.ts';

const SDP = 'application/sdp';
const MIKEY = Uint8Array.of(1, 22, 5);
const FAR = { address: '192.0.2.1', port: 5000 };

/** A call that is up: this end has offered twice, with MIKEY messages, and the other end hears at FAR. */
async function talking() {
  const clock = new ManualClock();
  const sent: NetworkAddress[] = [];
  const socket = (port: number): DatagramSocket => ({
    local: { address: '127.0.0.1', port },
    onDatagram: () => undefined,
    send: (_, to) => void sent.push(to),
    close: () => undefined,
  });
  const media = await CallMedia.toOffer(
    {
      audio: () =>
        Promise.resolve(
          new AudioStream({
            sockets: { rtp: socket(40_000), rtcp: socket(40_001) },
            origin: { ssrc: 1, sequenceNumber: 1, timestamp: 0 },
            clock,
          }),
        ),
      video: () => Promise.reject(new Error('no video')),
    },
    { mux: false, video: null },
  );
  const stream = media.audio;
  const keys = (ssrc: number) => ({
    suite: SRTP_SUITE.aesCm128HmacSha1Tag80,
    masterKey: Secret.of(new Uint8Array(16).fill(ssrc)),
    masterSalt: Secret.of(new Uint8Array(14).fill(ssrc)),
    ssrc,
    mki: new Uint8Array(8).fill(ssrc),
  });
  stream.connect({ remote: FAR, listens: true }, 'pcma');
  stream.secure({ send: keys(1), receive: keys(2) });
  const said = ownDescriptions(() => media.lines);
  said.offer(MIKEY);
  said.offer(Uint8Array.of(1, 24, 5));
  const failures: EndpointError[] = [];
  const parts = { said, media, failed: (cause: EndpointError) => void failures.push(cause) };
  return {
    failures,
    offered: (lines: string, method = 'INVITE'): Reply => reoffered(request(method, lines), parts),
    /** Where the packets of the next 100 ms go. */
    spoken: (): NetworkAddress[] => {
      sent.splice(0);
      void stream.play(new Int16Array(80_000));
      clock.advance(100);
      return [...sent];
    },
  };
}

function ownDescriptions(lines: () => readonly (OwnLine | null)[]): OwnDescriptions {
  return new OwnDescriptions({ username: 'alice', sessionId: '1234', address: '127.0.0.1', lines });
}

function request(method: string, lines: string): SipRequest {
  const made = new SipRequest(method, 'sip:alice@127.0.0.1');
  if (lines !== '') made.setBody(SDP, utf8(lines.replaceAll('\n', '\r\n')));
  return made;
}

const described = (audio = 'RTP/SAVP 8', more = '', address = '192.0.2.1', port = 5000): string =>
  `v=0\no=- 1 1 IN IP4 ${address}\ns=-\nc=IN IP4 ${address}\nt=0 0\nm=audio ${port} ${audio}\n${more}`;
const textOf = (body: Body | undefined): string => fromUtf8(body?.octets ?? new Uint8Array());
const versionOf = (body: Body | undefined): number => Number(/^o=alice 1234 (\d+) /m.exec(textOf(body))?.[1]);

describe('an offer within a call', () => {
  test.each([
    ['a=sendonly', described('RTP/SAVP 8', 'a=sendonly\n'), 'recvonly'],
    ['a=inactive', described('RTP/SAVP 8', 'a=inactive\n'), 'inactive'],
    ['the address 0.0.0.0', described('RTP/SAVP 8', '', '0.0.0.0'), 'sendrecv'],
  ])(
    'R-81: who is held by %s sends nothing, and goes on when the hold is over',
    async (_, hold, answered) => {
      const { offered, spoken } = await talking();
      expect(spoken().length).toBeGreaterThan(0);
      expect(textOf(offered(hold).body)).toContain(`a=${answered}\r\n`);
      expect(spoken()).toEqual([]);
      expect(textOf(offered(described()).body)).toContain('a=sendrecv\r\n');
      const heard = spoken();
      expect(heard.length).toBeGreaterThan(0);
      expect(heard.every(({ address, port }) => address === FAR.address && port === FAR.port)).toBe(true);
    },
  );

  test('R-81: the version of the o= line counts what changes, and stays for what is described again', async () => {
    const { offered } = await talking();
    const versions = [
      described(),
      described(),
      described('RTP/SAVP 8', 'a=sendonly\n'),
      described('RTP/SAVP 8', 'a=sendonly\n'),
      described(),
    ].map((lines) => versionOf(offered(lines).body));
    expect(versions).toEqual([3, 3, 4, 4, 5]);
  });

  test('R-81: each early dialog of a forked INVITE counts from its offer on', () => {
    const said = ownDescriptions(() => [
      { kind: 'audio', port: FAR.port, mux: false, direction: 'sendrecv', format: null },
    ]);
    said.offer(MIKEY);
    const [one, two] = [said.fork(), said.fork()];
    expect(versionOf(one.offer(Uint8Array.of(1, 24, 1)))).toBe(2);
    expect(versionOf(two.offer(Uint8Array.of(1, 24, 2)))).toBe(2);
    expect(versionOf(one.offer(null))).toBe(3);
  });

  test('R-81: an INVITE without an offer gets one that keeps the keys, and the answer in its ACK counts', async () => {
    const { offered, spoken, failures } = await talking();
    const { status, body, answered } = offered('');
    expect(status).toBeUndefined();
    expect(textOf(body)).toMatch(/^m=audio 40000 RTP\/SAVP 8 0 101\r$/m);
    expect(textOf(body)).not.toContain('key-mgmt');
    expect(versionOf(body)).toBe(3);
    answered?.(request('ACK', described('RTP/SAVP 8', '', '192.0.2.9', 5004)));
    expect(new Set(spoken().map(({ address, port }) => `${address}:${port}`))).toEqual(
      new Set(['192.0.2.9:5004']),
    );
    expect(failures).toEqual([]);
  });

  test('R-81: an INVITE without an offer gets every m= line that there was before', async () => {
    const { offered } = await talking();
    offered(
      'v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 5000 RTP/SAVP 0\nm=video 5002 RTP/SAVP 96\n',
    );
    const { body } = offered('');
    expect(textOf(body).match(/^m=.*$/gm)).toEqual([
      'm=audio 40000 RTP/SAVP 8 0 101',
      'm=video 0 RTP/SAVP 96',
    ]);
    expect(readDescription(SDP, body?.octets ?? new Uint8Array()).audio.index).toBe(0);
  });

  test.each([
    ['no answer', '', 'not-acceptable'],
    ['an answer without SRTP', described('RTP/AVP 8'), 'no-srtp'],
    [
      'an answer that brings keys',
      described('RTP/SAVP 8', 'a=x\n').replace('t=0 0', 't=0 0\na=key-mgmt:mikey ARYF'),
      'key-exchange',
    ],
  ])('R-81: %s to that offer ends the call', async (_, lines, code) => {
    const { offered, failures, spoken } = await talking();
    offered('').answered?.(request('ACK', lines));
    expect(failures).toEqual([expect.objectContaining({ code })]);
    expect(spoken().every(({ port }) => port === FAR.port)).toBe(true);
  });

  test('R-81: an UPDATE without an offer is answered without one', async () => {
    expect((await talking()).offered('', 'UPDATE')).toEqual({});
  });

  test.each([
    ['RTP/AVP', described('RTP/AVP 8'), 302],
    ['no G.711', described('RTP/SAVP 96'), 305],
    ['no audio', described().replace('audio', 'video'), 304],
    ['audio in the place of another m= line', described().replace('m=', 'm=video 0 RTP/SAVP 96\nm='), 304],
    ['a refused stream', described('RTP/SAVP 8', '', '192.0.2.1', 0), 304],
    ['a name for an address', described('RTP/SAVP 8', '', 'host.example'), 301],
    ['a malformed description', 'hello', undefined],
    ['other keys', described().replace('t=0 0', 't=0 0\na=key-mgmt:mikey ARYF'), undefined],
  ])('R-81: %s gets 488 with a warning that says so, and changes nothing', async (_, lines, code) => {
    const { offered, spoken } = await talking();
    const { status, warning } = offered(lines);
    expect([status, warning?.code]).toEqual([488, code]);
    expect(spoken().length).toBeGreaterThan(0);
  });
});
