/**
 * Session descriptions that cannot be led to the gateway, wherever in a call they stand: they do not leave. What
 * can still be refused is refused, and the call that was up goes on; what cannot ends the call on both sides.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UserAgent } from '../../../src/sip/agent.ts';
import type { Body, EndReason, IncomingCall, Leg, LegHandler } from '../../../src/sip/agent-types.ts';
import { makeResponse } from '../../../src/sip/response.ts';
import { SDP_TYPE } from '../../../src/sip/sdp.ts';
import { fromOctets, toOctets } from '../../../src/sip/text.ts';
import { Network, readSdp, sdpBody } from './network.ts';
import type { Home } from './network.ts';

/** Where media must not be sent past the gateway. */
const ELSEWHERE = '10.9.8.7';
const CONNECTION = `c=IN IP4 ${ELSEWHERE}\r\n`;

let network: Network;
let home: Home;
let alice: UserAgent;
let carol: UserAgent;
const ended: string[] = [];

beforeEach(async () => {
  ended.length = 0;
  network = new Network();
  home = await network.home('home1.example', ['alice', 'carol']);
  alice = await network.phone('alice', 'home1.example');
  carol = await network.phone('carol', 'home1.example');
  await Promise.all([alice.register(), carol.register()]);
});

afterEach(() => network.close());

/** A description whose c= line is another; `alter` may make more of it. */
function odd(connection: string, alter: (text: string) => string = (text) => text): Body {
  const text = fromOctets(sdpBody(5000, 'R1').octets).replace(/c=.*\r\n/, connection);
  return { type: SDP_TYPE, octets: toOctets(alter(text)) };
}

const UNREADABLE = odd(` ${CONNECTION}`);

function handler(who: string, more: LegHandler = {}): LegHandler {
  return { ended: (reason: EndReason) => void ended.push(`${who} ${reason}`), ...more };
}

interface Outcome {
  readonly leg: Leg | null;
  /** Of the final response. */
  readonly status: number;
  readonly body: Uint8Array;
}

/** Alice calls; `early` hears of reliable provisional responses. */
function call(body?: Body, ack?: Body, early: (leg: Leg) => void = () => undefined): Promise<Outcome> {
  return new Promise((resolve) => {
    alice.invite('sip:carol@home1.example', body === undefined ? {} : { body }, {
      provisional: (leg, response, reliable) => {
        leg.handler = handler('alice');
        if (reliable)
          void leg.prack(response, sdpBody(4000, 'I2')).then(
            () => early(leg),
            () => early(leg),
          );
      },
      accepted: (leg, response) => {
        leg.handler = handler('alice');
        leg.ack(ack);
        resolve({ leg, status: response.status, body: response.body });
      },
      failed: (_, response) =>
        resolve({ leg: null, status: response?.status ?? 0, body: response?.body ?? new Uint8Array() }),
    });
  });
}

/** What carol does with a call. */
function answers(act: (call: IncomingCall) => Promise<unknown>, more: LegHandler = {}): void {
  carol.incoming = (incoming) => {
    incoming.handler = handler('carol', more);
    void act(incoming).catch(() => undefined);
  };
}

/** Every message that the CSCF has sent, without the o= lines. */
function left(): string {
  const sent = home.observed.filter(({ direction }) => direction === 'sent');
  return sent.map(({ octets }) => fromOctets(octets).replace(/^o=.*$/gm, '')).join('\n');
}

/** The call that is up between alice and carol. */
async function talking(more: LegHandler): Promise<Leg> {
  answers((incoming) => incoming.accept(sdpBody(5000, 'R1')), more);
  const { leg } = await call(sdpBody(4000, 'I1'));
  return leg!;
}

async function refusal(exchange: Promise<unknown>): Promise<string> {
  return exchange.then(
    () => 'accepted',
    (error: unknown) => (error instanceof Error ? error.message : ''),
  );
}

describe('R-63: an answer that cannot be rewritten does not leave', () => {
  it.each([
    ['a blank before a line', UNREADABLE],
    ['a blank line within', odd(`\r\n${CONNECTION}`)],
    ['a host name in c=', odd('c=IN IP4 media.elsewhere.example\r\n')],
    ['a bare CR', odd(`c=IN IP4 127.0.0.1\rc=IN IP4 ${ELSEWHERE}\r\n`)],
    ['a NUL', odd(`c=IN IP4 127.0.0.1\0${ELSEWHERE}\r\n`)],
    ['an upper-case letter before =', odd(`C=IN IP4 ${ELSEWHERE}\r\n`)],
    ['a blank after =', odd(`c= IN IP4 ${ELSEWHERE}\r\n`)],
    ['another network', odd(`c=TN RFC2543 ${ELSEWHERE}\r\n`)],
    ['a second description', odd(CONNECTION, (text) => text + text)],
    ['a malformed m= line', odd(CONNECTION, (text) => text.replace('m=audio 5000', 'm=audio'))],
    ['a body of several parts', { ...odd(CONNECTION), type: 'multipart/mixed;boundary=x' }],
    ['no media type that can be read', { ...odd(CONNECTION), type: 'sdp' }],
  ])('in a 200 to INVITE: %s. The caller is refused, the callee hears BYE', async (_, body) => {
    answers((incoming) => incoming.accept(body));
    expect((await call(sdpBody(4000, 'I1'))).status).toBe(488);
    expect(left()).toMatch(
      /^Warning: 399 cscf\.home1\.example:\d+ "a session description cannot be used"\r$/m,
    );
    await expect.poll(() => ended).toEqual(['carol bye']);
    expect(left()).not.toContain(ELSEWHERE);
    await expect.poll(() => [home.cscf.calls, home.gateway.sessions.size]).toEqual([0, 0]);
  });

  it.each([
    ['a blank line at the end', odd(CONNECTION, (text) => `${text}\r\n`)],
    ['lower case in c=', odd(`c=in ip4 ${ELSEWHERE}\r\n`)],
    ['tabs', odd(`c=IN\tIP4\t${ELSEWHERE}\r\n`, (text) => text.replace('m=audio 5000 ', 'm=audio\t5000\t'))],
    [
      'blanks at the end of lines',
      odd(`c=IN IP4 ${ELSEWHERE} \r\n`, (text) => text.replace(/\r\n$/, ' \r\n')),
    ],
    ['several blanks', odd(CONNECTION, (text) => text.replace('m=audio 5000 ', 'm=audio  5000   '))],
    ['LF alone', odd(CONNECTION, (text) => text.replaceAll('\r\n', '\n'))],
    ['a second c= line', odd(CONNECTION + CONNECTION, (text) => `${text}${CONNECTION}${CONNECTION}`)],
    ['a=altc', odd(CONNECTION, (text) => `${text}a=altc:1 IP4 ${ELSEWHERE} 5000\r\n`)],
    ['a=RTCP', odd(CONNECTION, (text) => `${text}a=RTCP:5001 in ip4 ${ELSEWHERE}\r\n`)],
    ['a=source-filter', odd(CONNECTION, (text) => `${text}a=source-filter: incl IN IP4 * ${ELSEWHERE}\r\n`)],
    ['ICE', odd(CONNECTION, (text) => `${text}a=Candidate:1 1 UDP 1 ${ELSEWHERE} 5000 typ host\r\n`)],
    [
      'a capability',
      odd(CONNECTION, (text) => `${text}a=acap:1 rtcp:5001\r\na=ccap:1 IN IP4 ${ELSEWHERE}\r\n`),
    ],
    ['what nobody knows', odd(CONNECTION, (text) => `${text}a=x-media: udp/${ELSEWHERE}:5000\r\n`)],
    ['a stream that is off', odd(CONNECTION, (text) => `${text}m=video 0 RTP/AVP 31\r\n${CONNECTION}`)],
  ])('and one that can be read leads to the gateway: %s', async (_, body) => {
    answers((incoming) => incoming.accept(body));
    const { leg, body: heard } = await call(sdpBody(4000, 'I1'));
    expect(readSdp(heard)).toMatchObject({ address: '127.0.0.77', key: 'R1' });
    expect(left()).not.toContain(ELSEWHERE);
    expect(left()).not.toMatch(/acap|5001/);
    await leg!.bye();
  });

  it('in a 183: the INVITE fails, and the callee stops ringing', async () => {
    answers((incoming) => incoming.reliable(183, UNREADABLE));
    expect((await call(sdpBody(4000, 'I1'))).status).toBe(488);
    await expect.poll(() => ended).toEqual(['carol cancelled']);
    expect(left()).not.toContain(ELSEWHERE);
  });

  it('in a 200 to PRACK before the call is up: the INVITE fails, too', async () => {
    answers((incoming) => incoming.reliable(183, sdpBody(5000, 'R1')), {
      prack: () => ({ body: UNREADABLE }),
    });
    expect((await call(sdpBody(4000, 'I1'))).status).toBe(488);
    await expect.poll(() => ended).toContain('carol cancelled');
    expect(left()).not.toContain(ELSEWHERE);
  });

  it.each(['update', 'reinvite'] as const)(
    'in a 200 to %s within the call: the call is ended on both sides',
    async (method) => {
      const leg = await talking({ [method]: () => ({ body: UNREADABLE }) });
      expect(await refusal(leg[method](sdpBody(4002, 'I3')))).toContain('488');
      await expect.poll(() => ended.toSorted()).toEqual(['alice bye', 'carol bye']);
      expect(left()).not.toContain(ELSEWHERE);
      expect(home.cscf.calls).toBe(0);
    },
  );

  it('in an ACK, answering the offer of a 200: the call is ended on both sides', async () => {
    answers((incoming) => incoming.accept(sdpBody(5000, 'I1')));
    await call(undefined, UNREADABLE);
    await expect.poll(() => ended.toSorted()).toEqual(['alice bye', 'carol bye']);
    expect(left()).not.toContain(ELSEWHERE);
  });

  it('in a refusal, which only says what would have done: its body is taken off', async () => {
    answers((incoming) => incoming.accept(sdpBody(5000, 'R1')), {
      update: () => ({ status: 488, body: odd(CONNECTION) }),
    });
    const { leg } = await call(sdpBody(4000, 'I1'));
    expect(await refusal(leg!.update(sdpBody(4002, 'I3')))).toContain('488');
    expect(left()).not.toContain(ELSEWHERE);
    await leg!.bye();
  });

  it('while the gateway does not answer: the caller hears so, and the callee hears BYE', async () => {
    answers((incoming) => {
      home.gateway.broken = true;
      return incoming.accept(odd(CONNECTION));
    });
    expect((await call(sdpBody(4000, 'I1'))).status).toBe(503);
    await expect.poll(() => ended).toEqual(['carol bye']);
    expect(left()).not.toContain(ELSEWHERE);
  });
});

describe('R-63: an offer that cannot be rewritten is refused, and a call that was up goes on as it was', () => {
  it('at the start', async () => {
    for (const [body, status] of [
      [UNREADABLE, 488],
      [odd('c=IN IP4 media.elsewhere.example\r\n'), 488],
      [{ ...odd(CONNECTION), type: 'sdp' }, 400],
    ] as const)
      expect((await call(body)).status).toBe(status);
    expect(left()).not.toContain(ELSEWHERE);
  });

  it.each(['update', 'reinvite'] as const)('within the call, in %s', async (method) => {
    const leg = await talking({ update: () => ({ body: sdpBody(5000, 'R3') }) });
    const before = home.gateway.puts.length;
    expect(await refusal(leg[method](UNREADABLE))).toContain('488');
    expect(home.gateway.puts).toHaveLength(before);
    expect(left()).not.toContain(ELSEWHERE);
    await leg.update(sdpBody(4000, 'I3'));
    await leg.bye();
    await expect.poll(() => ended).toEqual(['alice hung-up', 'carol bye']);
  });

  it('in PRACK', async () => {
    answers((incoming) => incoming.reliable(183, sdpBody(5000, 'R1')));
    const outcome = await new Promise<string>((resolve) => {
      alice.invite(
        'sip:carol@home1.example',
        { body: sdpBody(4000, 'I1') },
        {
          provisional: (leg, response, reliable) => {
            if (reliable) void refusal(leg.prack(response, UNREADABLE)).then(resolve);
          },
          accepted: () => undefined,
          failed: () => undefined,
        },
      );
    });
    expect(outcome).toContain('488');
    expect(left()).not.toContain(ELSEWHERE);
  });

  it('one that the far end refuses leaves the media where they were', async () => {
    const leg = await talking({ reinvite: () => ({ status: 488 }) });
    const before = home.gateway.puts.at(-1)!.streams;
    home.gateway.delayMs = 50;
    expect(await refusal(leg.reinvite(sdpBody(4444, 'I3')))).toContain('488');
    // Already: what comes next must not overtake it on its way to the gateway.
    expect(home.gateway.puts.at(-1)!.streams).toEqual(before);
    await leg.bye();
  });

  it('a 183 to re-INVITE that cannot be rewritten fails the re-INVITE and nothing else', async () => {
    const leg = await talking({});
    carol.layer.attach({
      request: (transaction) => {
        const { request } = transaction;
        if (request.method === 'BYE') ended.push('carol bye');
        const invited = request.method === 'INVITE';
        transaction.respond(makeResponse(request, invited ? 183 : 200, invited ? { body: UNREADABLE } : {}));
      },
      ack: () => undefined,
      stray: () => undefined,
      closed: () => undefined,
    });
    const before = home.gateway.puts.at(-1)!.streams;
    expect(await refusal(leg.reinvite(sdpBody(4444, 'I3')))).toContain('488');
    expect(home.gateway.puts.at(-1)!.streams).toEqual(before);
    expect(ended).toEqual([]);
    expect(left()).not.toContain(ELSEWHERE);
    await leg.bye();
  });
});
