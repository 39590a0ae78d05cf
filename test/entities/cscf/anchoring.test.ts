/** Media of a call through the gateway: what session descriptions of several streams turn into. */
import type { Side } from '../../../src/wire/iq/sessions.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnchoredCall, refusalOf } from '../../../src/entities/cscf/anchoring.ts';
import { SipError } from '../../../src/sip/errors.ts';
import { SDP_TYPE, SessionDescription } from '../../../src/sip/sdp.ts';
import { fromOctets, toOctets } from '../../../src/sip/text.ts';
import { request } from '../../sip/support.ts';
import { FakeGateway } from './network.ts';
import { silent } from '../../support/silent.ts';

const HEAD = ['v=0', 'o=x 1 1 IN IP4 10.0.0.1', 's=-', 'c=IN IP4 10.0.0.1', 't=0 0'];

function sdp(...lines: readonly string[]): string {
  return [...HEAD, ...lines].map((line) => `${line}\r\n`).join('');
}

function callThrough(gateway: FakeGateway): AnchoredCall {
  return new AnchoredCall(gateway, silent, {
    correlation: new Uint8Array(8),
    parties: () => ({ a: [], b: [] }),
    newId: (branch) => branch,
    signalling: ({ address, port }) => address === '10.0.0.9' && port === 5070,
  });
}

/** Passes a description in a dialog of a call; gives it as it goes on. */
async function passed(
  call: AnchoredCall,
  from: Side,
  text: string,
  tag: string | null,
  contact?: string,
): Promise<string> {
  const fields = contact === undefined ? {} : { Contact: contact };
  const message = request(from === 'a' ? 'UPDATE' : 'ACK', fields, text);
  message.setBody(SDP_TYPE, toOctets(text));
  await call.onBranch(message, from, 'branch', tag);
  return fromOctets(message.body);
}

function anchored(gateway: FakeGateway): (from: Side, text: string, contact?: string) => Promise<string> {
  const call = callThrough(gateway);
  return (from, text, contact) => passed(call, from, text, 'b1', contact);
}

function media(text: string): string[] {
  return SessionDescription.parse(toOctets(text)).media.map(
    ({ media: kind, port, connection }) => `${kind} ${port === 0 ? 'off' : (connection?.address ?? '')}`,
  );
}

describe('anchored session descriptions', () => {
  it('a stream that was refused and is offered again is anchored in that very offer (R-53)', async () => {
    const gateway = new FakeGateway();
    const pass = anchored(gateway);
    const two = ['m=audio 4000 RTP/SAVP 0', 'm=video 4002 RTP/SAVP 99'];
    expect(media(await pass('a', sdp(...two)))).toEqual(['audio 127.0.0.77', 'video 127.0.0.77']);
    await pass('b', sdp('m=audio 5000 RTP/SAVP 0', 'm=video 0 RTP/SAVP 99'));
    expect(gateway.puts.at(-1)?.streams[1]).toBeNull();
    const again = await pass('a', sdp('m=audio 4000 RTP/SAVP 0', 'm=video 4004 RTP/SAVP 99'));
    expect(media(again)).toEqual(['audio 127.0.0.77', 'video 127.0.0.77']);
    expect(gateway.puts.at(-1)?.streams[1]).toEqual({ a: { address: '10.0.0.1', port: 4004 }, b: null });
    expect(again).not.toContain('4004');
    const answer = await pass('b', sdp('m=audio 5000 RTP/SAVP 0', 'm=video 5002 RTP/SAVP 99'));
    expect(media(answer)).toEqual(['audio 127.0.0.77', 'video 127.0.0.77']);
  });

  it('also where the offer is the same as the one before', async () => {
    const pass = anchored(new FakeGateway());
    const offer = sdp('m=audio 4000 RTP/SAVP 0', 'm=video 4002 RTP/SAVP 99');
    await pass('a', offer);
    await pass('b', sdp('m=audio 5000 RTP/SAVP 0', 'm=video 0 RTP/SAVP 99'));
    const again = await pass('a', offer);
    expect(media(again)).toEqual(['audio 127.0.0.77', 'video 127.0.0.77']);
    expect(again).not.toContain('4002');
  });

  it('ways around the gateway are taken out: candidates of ICE, addresses of RTCP', async () => {
    const pass = anchored(new FakeGateway());
    const ice = ['a=ice-ufrag:F7gI', 'a=ice-pwd:x9cml/YzichV2+XlhiMu8g', 'a=ice-options:ice2'];
    const candidates = [
      'a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host',
      'a=remote-candidates:1 10.0.0.2 5000',
      'a=end-of-candidates',
      'a=rtcp:4001 IN IP4 10.0.0.1',
    ];
    const offer = sdp(
      ...ice,
      'a=ice-lite',
      'a=tool:x',
      'm=audio 4000 RTP/SAVP 0',
      ...ice,
      ...candidates,
      'a=sendrecv',
    );
    const passed = await pass('a', offer);
    const kept = passed.split('\r\n').filter((line) => line.startsWith('a='));
    expect(kept).toEqual(['a=tool:x', 'a=sendrecv']);
  });

  it.each(['a=x-relay:[c2001:db8::7]:4000', 'a=x-relay:2001:db8::710.0.0.2', 'a=x:2001:0db8:0:0:0:0:0:7'])(
    'R-63: an address of IPv6 with something before or behind it is taken out: %s',
    async (line) => {
      const passed = await anchored(new FakeGateway())(
        'a',
        sdp('a=fingerprint:sha-256 AB:CD:EF:01:23:45:67:89:AB:CD', line, 'm=audio 4000 RTP/SAVP 0', line),
      );
      expect(passed.split('\r\n').filter((each) => each.startsWith('a='))).toEqual([
        'a=fingerprint:sha-256 AB:CD:EF:01:23:45:67:89:AB:CD',
      ]);
    },
  );

  it('an address of all zeros is nowhere: the party is on hold, and the stream stays', async () => {
    const gateway = new FakeGateway();
    const pass = anchored(gateway);
    await pass('a', sdp('m=audio 4000 RTP/SAVP 0', 'c=IN IP4 0.0.0.0'));
    expect(gateway.puts.at(-1)?.streams).toEqual([{ a: null, b: null }]);
  });
});

describe('R-42: dialogs of a call that was forked behind share its session', () => {
  const audio = (port: number, ...more: string[]) => sdp(`m=audio ${port} RTP/SAVP 0`, ...more);
  /** Where media of either side go at present. */
  const ports = ({ puts }: FakeGateway) => [0, 1].map((k) => puts.at(-1)?.streams[k]?.b?.port ?? null);

  /** Without an offer: both offer, and are answered after both have. */
  async function bothOffer(gateway: FakeGateway): Promise<AnchoredCall> {
    const call = callThrough(gateway);
    await passed(call, 'b', audio(5001), 'b1');
    await passed(call, 'b', audio(5002), 'b2');
    await passed(call, 'a', audio(4000, 'a=x:1'), 'b1');
    await passed(call, 'a', audio(4000, 'a=x:2'), 'b2');
    return call;
  }

  it('an answer goes with the offer of its own dialog, whichever was heard of last', async () => {
    const gateway = new FakeGateway();
    const call = await bothOffer(gateway);
    expect(ports(gateway)[0]).toBe(5002);
    await call.taken('b1');
    expect(gateway.puts.at(-1)?.streams).toEqual([
      { a: { address: '10.0.0.1', port: 4000 }, b: { address: '10.0.0.1', port: 5001 } },
    ]);
    expect(gateway.puts.at(-1)?.sdps.b).toContain('5001');
  });

  it('what another says once one is accepted does not move its media', async () => {
    const gateway = new FakeGateway();
    const call = await bothOffer(gateway);
    await call.taken('b1');
    expect(media(await passed(call, 'b', audio(5012), 'b2'))).toEqual(['audio 127.0.0.77']);
    expect(ports(gateway)).toEqual([5001, null]);
    const two = await passed(call, 'b', audio(5014, 'm=video 5016 RTP/SAVP 99'), 'b2');
    expect(media(two)).toEqual(['audio 127.0.0.77', 'video 127.0.0.77']);
    expect(gateway.puts.at(-1)?.streams[1]).toEqual({ a: null, b: null });
    await passed(call, 'b', audio(5021), 'b1');
    expect(ports(gateway)).toEqual([5021, null]);
  });

  it('of two that were accepted the one that is left has the media', async () => {
    const gateway = new FakeGateway();
    const call = await bothOffer(gateway);
    await call.taken('b1');
    await call.taken('b2');
    expect(ports(gateway)[0]).toBe(5002);
    call.releaseDialog('b2');
    await passed(call, 'a', audio(4000, 'a=x:3'), 'b1');
    expect(gateway.puts.slice(-2).map(({ streams }) => streams[0]?.b?.port)).toEqual([5001, 5001]);
    call.releaseDialog('b1');
    await expect.poll(() => gateway.sessions.size).toBe(0);
  });

  it('a refused offer of one leaves the media of the other', async () => {
    const gateway = new FakeGateway();
    const call = await bothOffer(gateway);
    const before = call.state('b1')!;
    await passed(call, 'b', audio(5011), 'b1');
    const since = call.state('b1')!;
    await passed(call, 'b', audio(5012), 'b2');
    await call.restore('b1', before, since);
    expect(ports(gateway)[0]).toBe(5012);
    await call.taken('b1');
    expect(ports(gateway)[0]).toBe(5001);
  });
});

describe('R-35: the gateway is told which devices take part', () => {
  const device = (urn: string) => `<sip:x@192.0.2.1>;+sip.instance="<${urn}>"`;
  const [imei, other] = ['urn:gsma:imei:35693803-564398-0', 'urn:gsma:imei:35693803-564399-0'];
  const line = (port: number) => sdp(`m=audio ${port} RTP/SAVP 0`);

  it('by the instance in Contact of whoever describes, on either side', async () => {
    const gateway = new FakeGateway();
    const pass = anchored(gateway);
    await pass('a', line(4000), device(imei));
    expect(gateway.puts.at(-1)?.parties).toEqual({ a: [imei], b: [] });
    await pass('b', line(5000), device(other));
    expect(gateway.puts.at(-1)?.parties).toEqual({ a: [imei], b: [other] });
  });

  it('a description without Contact keeps the device, another device takes its place', async () => {
    const gateway = new FakeGateway();
    const pass = anchored(gateway);
    await pass('b', line(5000), device(imei));
    await pass('b', line(5002));
    expect(gateway.puts.at(-1)?.parties.b).toEqual([imei]);
    await pass('b', line(5002), device(other));
    expect(gateway.puts.at(-1)?.parties.b).toEqual([other]);
    await pass('b', line(5002), '<sip:x@192.0.2.1>');
    expect(gateway.puts.at(-1)?.parties.b).toEqual([]);
  });

  it('R-65: no more than a handful of one description', async () => {
    const gateway = new FakeGateway();
    const many = Array.from({ length: 300 }, (_, at) => device(`urn:uuid:${at}`)).join(', ');
    await anchored(gateway)('a', line(4000), many);
    expect(gateway.puts.at(-1)?.parties.a).toHaveLength(4);
  });
});

describe('R-71: RTCP on the port of RTP', () => {
  const rtcpOf = (gateway: FakeGateway) => {
    const stream = gateway.puts.at(-1)?.streams[0];
    return [stream?.a?.rtcp ?? null, stream?.b?.rtcp ?? null];
  };
  const line = ['m=audio 4000 RTP/SAVP 0', 'a=rtcp-mux'];
  const own = { address: '10.0.0.1', port: 4000 };

  it('is so once both sides have said so, and no more once one does not', async () => {
    const gateway = new FakeGateway();
    const pass = anchored(gateway);
    await pass('a', sdp(...line));
    expect(rtcpOf(gateway)).toEqual([null, null]);
    await pass('b', sdp(...line, 'a=ptime:20'));
    expect(rtcpOf(gateway)).toEqual([own, own]);
    await pass('a', sdp('m=audio 4000 RTP/SAVP 0'));
    expect(rtcpOf(gateway)).toEqual([null, null]);
  });

  it.each([
    ['its a=rtcp holds where the answer knows nothing of it', ['a=rtcp:4007'], { ...own, port: 4007 }],
    ['an a=rtcp to nowhere is none', ['a=rtcp:9 IN IP4 0.0.0.0'], null],
  ])('offered alone binds nobody: %s', async (_, more, rtcp) => {
    const gateway = new FakeGateway();
    const pass = anchored(gateway);
    await pass('a', sdp(...line, ...more));
    await pass('b', sdp('m=audio 5000 RTP/SAVP 0'));
    expect(rtcpOf(gateway)).toEqual([rtcp, null]);
  });
});

describe('R-71: a description that leads media to where SIP is spoken', () => {
  it.each([
    ['by c= and m=', ['m=audio 5070 RTP/SAVP 0', 'c=IN IP4 10.0.0.9']],
    ['by c= and m=, RTCP on the port after', ['m=audio 5069 RTP/SAVP 0', 'c=IN IP4 10.0.0.9']],
    ['by a=rtcp', ['m=audio 4000 RTP/SAVP 0', 'a=rtcp:5070 IN IP4 10.0.0.9']],
    ['in its second stream', ['m=audio 4000 RTP/SAVP 0', 'm=video 5070 RTP/SAVP 99', 'c=IN IP4 10.0.0.9']],
  ])('is refused with 488, and the gateway hears nothing: %s', async (_, lines) => {
    for (const side of ['a', 'b'] as const) {
      const gateway = new FakeGateway();
      const problem: unknown = await anchored(gateway)(side, sdp(...lines)).catch((error: unknown) => error);
      expect(refusalOf(problem)).toBe(488);
      expect(gateway.puts).toEqual([]);
    }
  });
});

/** What names an address, or may be taken to, in every manner that is known here. */
const NAMING = [
  'c=IN IP4 10.0.0.2',
  'c=IN IP6 2001:db8::7',
  'c=in ip4 10.0.0.2/127/3',
  'c=IN IP4 media.example',
  'a=rtcp:4001 IN IP4 10.0.0.2',
  'a=RTCP:4001',
  'a=candidate:1 1 UDP 2130706431 10.0.0.2 4000 typ host raddr 10.0.0.3 rport 9',
  'a=Remote-Candidates:1 10.0.0.2 5000',
  'a=altc:1 IP6 2001:db8::7 4000',
  'a=source-filter: incl IN IP4 * 10.0.0.2',
  'a=acap:7 candidate:1 1 UDP 1 10.0.0.2 4000 typ host',
  'a=ccap:1 IN IP4 10.0.0.2',
  'a=path:msrp://media.example:7394/s;tcp',
  'a=x-relay:[2001:db8::7]:4000',
  'a=visited-realm:1 media.example IN IP4 10.0.0.2 4000',
  'm=video 4002/2 RTP/AVP 31',
  'm=audio 0 RTP/AVP 0',
  'v=0',
  '',
  ' ',
];
const INSERTED = ['\t', '\r', '\n', '\r\n', '\0', ' ', '=', ':', '/', 'c', 'IP6', '\u0085', '10.0.0.2'];

/** A description with lines put in, characters put in and letters changed in case. */
const mangled = fc
  .record({
    end: fc.constantFrom('\r\n', '\n'),
    lines: fc.array(fc.tuple(fc.nat(9), fc.constantFrom(...NAMING)), { maxLength: 6 }),
    insertions: fc.array(fc.tuple(fc.nat(400), fc.constantFrom(...INSERTED)), { maxLength: 3 }),
    turned: fc.array(fc.nat(400), { maxLength: 3 }),
    cut: fc.option(fc.nat(400)),
  })
  .map(({ end, lines, insertions, turned, cut }) => {
    const all = [...HEAD, 'a=tool:x', 'm=audio 4000 RTP/SAVP 0 8', 'a=rtpmap:8 PCMA/8000', 'a=sendrecv'];
    for (const [at, line] of lines) all.splice(at, 0, line);
    let text = all.map((line) => line + end).join('');
    for (const [at, piece] of insertions) text = text.slice(0, at) + piece + text.slice(at);
    for (const at of turned) {
      const c = text[at] ?? '';
      const other = c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase();
      text = text.slice(0, at) + other + text.slice(at + 1);
    }
    return cut === null ? text : text.slice(0, cut);
  });

/** What a reader who takes what he can get may find: addresses, and names in c= lines. */
function named(text: string): string[] {
  return text.split(/[\r\n\0]+/).flatMap((line) => {
    if (/^\s*[osiuepkbtrzv]\s*=/.test(line)) return [];
    const literals = line.match(/\d+\.\d+\.\d+\.\d+|2001:db8::7/gi) ?? [];
    return /^\s*c\s*=/i.test(line) ? [line] : literals;
  });
}

describe('R-63: whatever becomes of a description', () => {
  it.each(['a', 'b'] as const)(
    'no address but the gateway’s is named in what leaves from %s',
    async (from) => {
      let passed = 0;
      await fc.assert(
        fc.asyncProperty(mangled, async (text) => {
          const pass = anchored(new FakeGateway());
          const left = await pass(from, text).catch((error: unknown) => {
            if (!(error instanceof SipError)) throw error;
            return null;
          });
          if (left === null) return;
          passed++;
          for (const each of named(left))
            expect(each.trim()).toMatch(/^(?:c=IN IP4 )?(?:127\.0\.0\.77|0\.0\.0\.0)$/);
        }),
        { numRuns: 3000 },
      );
      expect(passed).toBeGreaterThan(300);
    },
  );
});
