/** Calls between two homes over real sockets: reliable provisional responses, media anchoring, interception. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IncomingCall, Leg, OutgoingHandler } from '../../../src/sip/agent-types.ts';
import type { UserAgent } from '../../../src/sip/agent.ts';
import type { SipError } from '../../../src/sip/errors.ts';
import { parseMessage } from '../../../src/sip/message.ts';
import type { SipRequest, SipResponse } from '../../../src/sip/message.ts';
import { describeMessage, Network, readSdp, sdpBody } from './network.ts';
import type { Home } from './network.ts';

let network: Network;
let home1: Home;
let home2: Home;
let alice: UserAgent;
let bob: UserAgent;

beforeEach(async () => {
  network = new Network();
  home1 = await network.home('home1.example', ['alice', 'carol']);
  home2 = await network.home('home2.example', ['bob']);
  alice = await network.phone('alice', 'home1.example');
  bob = await network.phone('bob', 'home2.example');
  await Promise.all([alice.register(), bob.register()]);
});

afterEach(() => network.close());

interface Answered {
  readonly leg: Leg;
  readonly response: SipResponse;
}

/** Calls and resolves with the leg once it is accepted; the ACK is sent. */
function dial(
  caller: UserAgent,
  target: string,
  handler: Partial<OutgoingHandler> = {},
  body = sdpBody(4000, 'I1'),
) {
  return new Promise<Answered>((resolve, reject) => {
    caller.invite(
      target,
      { body },
      {
        accepted: (leg, response) => {
          leg.ack();
          resolve({ leg, response });
        },
        failed: (error: SipError, response) => reject(Object.assign(error, { status: response?.status })),
        ...handler,
      },
    );
  });
}

function answerAll(callee: UserAgent, port = 5000): { calls: IncomingCall[] } {
  const calls: IncomingCall[] = [];
  callee.incoming = (call) => {
    calls.push(call);
    void call.accept(sdpBody(port, 'R1')).catch(() => undefined);
  };
  return { calls };
}

/** The whole exchange with PRACK, as in the profile. */
async function callWithPrack(): Promise<{ leg: Leg; seen: string[] }> {
  const seen: string[] = [];
  let ended: () => void;
  const over = new Promise<void>((resolve) => (ended = resolve));
  bob.incoming = (call) => {
    seen.push(`bob offered ${readSdp(call.request.body).key}`);
    call.handler = {
      prack: (request: SipRequest) => {
        seen.push(`bob pracked ${readSdp(request.body).key}`);
        return { body: sdpBody(5000, 'R2') };
      },
      update: (request) => {
        seen.push(`bob updated ${readSdp(request.body).key}`);
        return { body: sdpBody(5000, 'U2') };
      },
      ended: (reason) => {
        seen.push(`bob ${reason}`);
        ended();
      },
    };
    void (async () => {
      await call.reliable(183, sdpBody(5000, 'R1'));
      call.provisional(180);
      await call.accept();
      seen.push('bob acknowledged');
    })();
  };
  const { leg } = await dial(alice, 'sip:bob@home2.example', {
    provisional: (early, response, reliable) => {
      seen.push(`alice ${response.status}${reliable ? ` ${readSdp(response.body).key}` : ''}`);
      if (!reliable) return;
      void early
        .prack(response, sdpBody(4000, 'I2'))
        .then((ok) => seen.push(`alice got ${readSdp(ok.body).key}`));
    },
  });
  await leg.whenQuiet();
  const updated = await leg.update(sdpBody(4000, 'U1'));
  seen.push(`alice got ${readSdp(updated.body).key}`);
  await leg.bye();
  await over;
  return { leg, seen };
}

describe('a call between two homes', () => {
  it('goes with 100rel, PRACK, UPDATE and BYE, and MIKEY arrives as it left', async () => {
    const { seen } = await callWithPrack();
    const of = (who: string): string[] => seen.filter((each) => each.startsWith(who)).sort();
    expect(of('alice')).toEqual(['alice 180', 'alice 183 R1', 'alice got R2', 'alice got U2']);
    expect(of('bob')).toEqual([
      'bob acknowledged',
      'bob bye',
      'bob offered I1',
      'bob pracked I2',
      'bob updated U1',
    ]);
    expect([home1.cscf.calls, home2.cscf.calls]).toEqual([0, 0]);
  });

  it('anchors media at the gateways of both homes and gives the sessions back', async () => {
    await callWithPrack();
    const [first] = home1.gateway.puts;
    expect(first!.streams).toEqual([{ a: { address: '127.0.0.1', port: 4000 }, b: null }]);
    expect(first!.parties.a).toContain('tel:+15550001');
    const last = home1.gateway.puts.at(-1)!;
    expect(last.streams[0]!.b!.address).toBe('127.0.0.77');
    expect(home2.gateway.puts.at(-1)!.streams[0]!.b).toEqual({ address: '127.0.0.1', port: 5000 });
    expect(home2.gateway.puts[0]!.streams[0]!.a!.address).toBe('127.0.0.77');
    expect(home1.gateway.puts[0]!.correlation).toEqual(home2.gateway.puts[0]!.correlation);
    expect([home1.gateway.sessions.size, home2.gateway.sessions.size]).toEqual([0, 0]);
  });

  it('R-1, R-55: everything on the target’s side is reported once, in order, both ways', async () => {
    home1.interception.add('sip:alice@home1.example');
    home2.interception.add('tel:+25550001');
    await callWithPrack();
    const expected = (mine: string, theirs: string): string[] => [
      `${mine} INVITE`,
      `${theirs} 100 INVITE`,
      `${theirs} 183 INVITE`,
      `${mine} PRACK`,
      `${theirs} 200 PRACK`,
      `${theirs} 180 INVITE`,
      `${theirs} 200 INVITE`,
      `${mine} ACK`,
      `${mine} UPDATE`,
      `${theirs} 200 UPDATE`,
      `${mine} BYE`,
      `${theirs} 200 BYE`,
    ];
    expect(home1.interception.trace()).toEqual(expected('>', '<'));
    expect(home2.interception.trace()).toEqual(expected('<', '>'));
    const correlations = [...home1.interception.reports, ...home2.interception.reports].map(
      ({ observation }) => Buffer.from(observation.correlation).toString('hex'),
    );
    expect(new Set(correlations).size).toBe(1);
    const wire = home1.observed.filter(({ side }) => side === 'server').map(({ octets }) => octets);
    for (const { observation } of home1.interception.reports) expect(wire).toContain(observation.payload);
  });

  it('R-1: a call whose INVITE is challenged is reported once and whole at both homes, and so is what was challenged', async () => {
    home1.interception.add('sip:alice@home1.example');
    home2.interception.add('tel:+25550001');
    alice = await network.phone('alice', 'home1.example', { device: '7', protocol: 'UDP' });
    await callWithPrack();
    const challenged = ['> INVITE', '< 407 INVITE', '> ACK'];
    const trace = home1.interception.trace();
    expect(trace.slice(0, 4)).toEqual([...challenged, '> INVITE']);
    const once = ['< 183 INVITE', '> PRACK', '< 200 INVITE', '> UPDATE', '> BYE', '< 200 BYE'];
    for (const [mine, theirs, home] of [
      ['>', '<', home1],
      ['<', '>', home2],
    ] as const) {
      const wanted = once.map((line) => `${line.startsWith('>') ? mine : theirs}${line.slice(1)}`);
      const seen = home.interception.trace().filter((line) => wanted.includes(line));
      expect(seen.toSorted()).toEqual(wanted.toSorted());
    }
  });

  it('asserts who calls, makes one ICID, and keeps both from user equipment', async () => {
    const { calls } = answerAll(bob);
    const { leg } = await dial(alice, 'sip:bob@home2.example');
    const [between] = home2.observed.filter(
      ({ message }) => message.kind === 'request' && message.method === 'INVITE',
    );
    const invite = between!.message;
    expect(invite.list('P-Asserted-Identity')).toEqual(['<sip:alice@home1.example>', '<tel:+15550001>']);
    expect(invite.first('P-Charging-Vector')).toMatch(/^icid-value=\w+$/);
    expect(invite.list('Record-Route')).toEqual(['<sip:cscf.home1.example:5060;transport=tcp;lr>']);
    const atBob = calls[0]!.request;
    expect(atBob.first('P-Charging-Vector')).toBeNull();
    expect(atBob.first('P-Called-Party-ID')).toBe('<sip:bob@home2.example>');
    expect(atBob.first('Max-Forwards')).toBe('68');
    await leg.bye();
  });

  it('R-55: a tel number of the other home is called, and its owner found', async () => {
    home2.interception.add('sip:bob@home2.example');
    answerAll(bob);
    const { leg } = await dial(alice, 'tel:+2-555-0001');
    await leg.bye();
    expect(home2.interception.trace().slice(0, 2)).toEqual(['< INVITE', '> 100 INVITE']);
  });

  it('a caller who hides is matched by the asserted identity', async () => {
    home2.interception.add('tel:+15550001');
    const { calls } = answerAll(bob);
    await new Promise<void>((resolve, reject) => {
      alice.invite(
        'sip:bob@home2.example',
        { body: sdpBody(4000), fields: [['Privacy', 'id']] },
        {
          accepted: (leg) => {
            leg.ack();
            resolve();
          },
          failed: reject,
        },
      );
    });
    expect(home2.interception.trace()[0]).toBe('> INVITE');
    expect(calls[0]!.request.first('P-Asserted-Identity')).toBeNull();
  });

  it('calls of others leave nothing, also while alice is a target', async () => {
    home1.interception.add('sip:alice@home1.example');
    home1.interception.reports.length = 0;
    const carol = await network.phone('carol', 'home1.example');
    await carol.register();
    answerAll(bob);
    const { leg } = await dial(carol, 'sip:bob@home2.example');
    await leg.bye();
    expect(home1.interception.reports).toEqual([]);
  });

  it('R-36: a call between two targets of one home is reported to both, each on its own side', async () => {
    home1.interception.add('sip:alice@home1.example', 'A');
    home1.interception.add('sip:carol@home1.example', 'C');
    const carol = await network.phone('carol', 'home1.example');
    await carol.register();
    home1.interception.reports.length = 0;
    answerAll(carol);
    const { leg } = await dial(alice, 'sip:carol@home1.example');
    await leg.bye();
    expect(home1.interception.trace('A').slice(0, 3)).toEqual(['> INVITE', '< 100 INVITE', '< 200 INVITE']);
    expect(home1.interception.trace('C').slice(0, 3)).toEqual(['< INVITE', '> 100 INVITE', '> 200 INVITE']);
  });

  it('R-23: a point of interception that throws changes nothing', async () => {
    home1.interception.add('sip:alice@home1.example');
    home1.interception.report = () => {
      throw new Error('broken');
    };
    answerAll(bob);
    const { leg } = await dial(alice, 'sip:bob@home2.example');
    await leg.bye();
  });

  it('registrations of a target are reported', async () => {
    home1.interception.add('tel:+15550001');
    await (await network.phone('alice', 'home1.example', { device: '2' })).register();
    const first = ['> REGISTER', '< 401 REGISTER', '> REGISTER', '< 200 REGISTER'];
    expect(home1.interception.trace()).toEqual(first);
    await alice.register();
    expect(home1.interception.trace()).toEqual([...first, '> REGISTER', '< 200 REGISTER']);
  });

  it('a call to a target who is not there is reported', async () => {
    home2.interception.add('sip:bob@home2.example');
    await bob.unregister();
    home2.interception.reports.length = 0;
    await expect(dial(alice, 'sip:bob@home2.example')).rejects.toMatchObject({ status: 480 });
    await expect
      .poll(() => home2.interception.trace())
      .toEqual(['< INVITE', '> 100 INVITE', '> 480 INVITE', '< ACK']);
  });

  it('a message and its SDP are not overtaken by the next one while the gateway is slow', async () => {
    home1.gateway.delayMs = 30;
    const order: number[] = [];
    bob.incoming = (call) => {
      call.provisional(183, sdpBody(5000));
      call.provisional(180);
      void call.accept(sdpBody(5000)).catch(() => undefined);
    };
    const { leg } = await dial(alice, 'sip:bob@home2.example', {
      provisional: (_, response) => order.push(response.status),
    });
    expect(order).toEqual([183, 180]);
    await leg.bye();
  });

  it('without its media gateway a call is refused with 503', async () => {
    home1.gateway.broken = true;
    await expect(dial(alice, 'sip:bob@home2.example')).rejects.toMatchObject({ status: 503 });
    expect(home1.cscf.calls).toBe(0);
  });
});

describe('the proxy', () => {
  it('forks to all devices; the first to answer has the call, the others are cancelled', async () => {
    const second = await network.phone('bob', 'home2.example', { device: '2' });
    await second.register();
    const ended: string[] = [];
    second.incoming = (call) => {
      call.handler = { ended: (reason) => ended.push(reason) };
      call.provisional(180);
    };
    let accept = (): void => undefined;
    bob.incoming = (call) => {
      accept = () => void call.accept(sdpBody(5000)).catch(() => undefined);
      call.provisional(180);
    };
    const legs = new Set<string>();
    const { leg } = await dial(alice, 'sip:bob@home2.example', {
      // Not before both ring.
      provisional: (early) => {
        if (legs.add(early.remoteTag).size === 2) accept();
      },
    });
    expect(legs.size).toBe(2);
    await expect.poll(() => ended).toEqual(['cancelled']);
    await expect.poll(() => home2.gateway.sessions.size).toBe(1);
    await leg.bye();
    expect(home2.gateway.sessions.size).toBe(0);
  });

  it('the best refusal of several goes back', async () => {
    const second = await network.phone('bob', 'home2.example', { device: '2' });
    await second.register();
    bob.incoming = (call) => call.reject(486);
    second.incoming = (call) => setTimeout(() => call.reject(603), 30);
    await expect(dial(alice, 'sip:bob@home2.example')).rejects.toMatchObject({ status: 603 });
    expect([home1.cscf.calls, home2.cscf.calls, home1.gateway.sessions.size]).toEqual([0, 0, 0]);
  });

  it('CANCEL reaches the callee and 487 comes back', async () => {
    home1.interception.add('sip:alice@home1.example');
    const ended: string[] = [];
    bob.incoming = (call) => {
      call.handler = { ended: (reason) => ended.push(reason) };
      call.provisional(180);
    };
    const status = await new Promise((resolve) => {
      const call = alice.invite(
        'sip:bob@home2.example',
        { body: sdpBody(4000) },
        {
          provisional: () => call.cancel(),
          accepted: () => resolve('accepted'),
          failed: (_, response) => resolve(response?.status),
        },
      );
    });
    expect([status, ended]).toEqual([487, ['cancelled']]);
    await expect
      .poll(() => home1.interception.trace().slice(-5))
      .toEqual(['< 180 INVITE', '> CANCEL', '< 200 CANCEL', '< 487 INVITE', '> ACK']);
  });

  it.each([
    ['sip:nobody@home2.example', 404],
    ['sip:carol@home1.example', 480],
    ['sip:x@elsewhere.example', 404],
    ['tel:+3555', 404],
  ])('%s is answered %i', async (target, status) => {
    await expect(dial(alice, target)).rejects.toMatchObject({ status });
  });

  it('another home that is down is 500, and at once', async () => {
    await home2.transport.close();
    await expect(dial(alice, 'sip:bob@home2.example')).rejects.toMatchObject({ status: 500 });
  });

  it('a caller who is not registered must show who they are, and may not be another', async () => {
    answerAll(bob);
    const fresh = await network.phone('alice', 'home1.example', { device: '9' });
    const { leg } = await dial(fresh, 'sip:bob@home2.example');
    await leg.bye();
    const onward = home1.observed.filter(({ side, direction }) => side === 'client' && direction === 'sent');
    expect(onward.length).toBeGreaterThan(0);
    for (const { message } of onward)
      expect([message.first('Authorization'), message.first('Proxy-Authorization')]).toEqual([null, null]);
    const thief = await network.phone('alice', 'home1.example', { device: '8', password: 'guess' });
    await expect(dial(thief, 'sip:bob@home2.example')).rejects.toMatchObject({ status: 407 });
    await expect(thief.register()).rejects.toThrow('401');
  });

  it('a request within no call, or from a stranger’s route, gets 481 and goes nowhere', async () => {
    const { leg } = await (answerAll(bob), dial(alice, 'sip:bob@home2.example'));
    await leg.bye();
    const sentOn = home1.observed.filter(({ side }) => side === 'client').length;
    await expect(leg.update(sdpBody(1))).rejects.toThrow('ended');
    expect(home1.observed.filter(({ side }) => side === 'client').length).toBe(sentOn);
  });

  it('MESSAGE goes through to the other home and its answer comes back', async () => {
    const texts: string[] = [];
    bob.message = (request) => {
      texts.push(Buffer.from(request.body).toString());
      return {};
    };
    const response = await alice.sendMessage('sip:bob@home2.example', {
      type: 'text/plain',
      octets: Buffer.from('hi'),
    });
    expect([response.status, texts]).toEqual([200, ['hi']]);
  });

  it('octets go on as received but for what a proxy must change', async () => {
    const { calls } = answerAll(bob);
    const { leg } = await dial(alice, 'sip:bob@home2.example');
    const sent = home1.observed.find(({ octets }) => describeMessage(octets) === 'INVITE')!;
    const before = parseMessage(sent.octets);
    const after = calls[0]!.request;
    for (const name of ['From', 'To', 'Call-ID', 'CSeq', 'Contact', 'Supported', 'Allow', 'Content-Type'])
      expect(after.all(name)).toEqual(before.all(name));
    await leg.bye();
  });

  it('calls beyond the bound are refused with 503 and Retry-After', async () => {
    const small = new Network();
    const home = await small.home('home1.example', ['alice', 'carol'], {
      limits: { calls: 1 },
      media: false,
    });
    const [a, c] = [await small.phone('alice', 'home1.example'), await small.phone('carol', 'home1.example')];
    await Promise.all([a.register(), c.register()]);
    answerAll(c);
    const { leg } = await dial(a, 'sip:carol@home1.example');
    await expect(dial(a, 'sip:carol@home1.example')).rejects.toMatchObject({ status: 503 });
    await leg.bye();
    await (await dial(a, 'sip:carol@home1.example')).leg.bye();
    expect(home.cscf.calls).toBe(0);
    await small.close();
  });
});
