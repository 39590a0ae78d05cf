/** Calls that their callee does not take, and has forwarded for that (RFC 6267 section 3.2, RFC 7044). */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import type { UserAgent } from '../../../src/sip/agent.ts';
import type { SipRequest } from '../../../src/sip/message.ts';
import { dial, Network, sdpBody } from './network.ts';
import type { Home } from './network.ts';

const uriOf = (user: string): string => `sip:${user}@home2.example`;

let network: Network;
let home2: Home;
let alice: UserAgent;
beforeEach(() => {
  network = new Network();
});
afterEach(() => network.close());

type Manner = 'answers' | 'is busy' | 'rings' | 'declines';

/** A registered phone, and the INVITEs that came to it. */
async function phone(
  user: string,
  manner: Manner,
  device = '1',
  home = 'home2.example',
): Promise<SipRequest[]> {
  const agent = await network.phone(user, home, { device });
  const invites: SipRequest[] = [];
  agent.incoming = (call) => {
    invites.push(call.request);
    if (manner === 'answers') void call.accept(sdpBody(5000)).catch(() => undefined);
    else if (manner === 'rings') call.provisional(180);
    else call.reject(manner === 'is busy' ? 486 : 603);
  };
  await agent.register();
  return invites;
}

async function homes(options: Parameters<Network['home']>[2]): Promise<void> {
  await network.home('home1.example', ['alice', 'dora']);
  home2 = await network.home('home2.example', ['bob', 'carol', 'erik', 'mailbox'], options);
  alice = await network.phone('alice', 'home1.example');
  await alice.register();
}

const historyOf = (invite: SipRequest | undefined) => invite?.list('History-Info');
const since = (reason: number) => [
  `<sip:bob@home2.example?Reason=SIP%3Bcause%3D${reason}>;index=1`,
  '<sip:carol@home2.example>;index=1.1;mp=1',
];

describe('R-42: a call that its callee does not take goes to whom it names for that', () => {
  it('when every device is busy', async () => {
    await homes({ untaken: { bob: { busy: uriOf('carol') } } });
    await phone('bob', 'is busy');
    await phone('bob', 'is busy', '2');
    const carol = await phone('carol', 'answers');
    const leg = await dial(alice, uriOf('bob'));
    await leg.bye();
    expect([carol[0]?.to.uri.text, historyOf(carol[0])]).toEqual([uriOf('bob'), since(486)]);
    expect(carol[0]?.first('P-Called-Party-ID')).toBe(`<${uriOf('carol')}>`);
  });

  it('when nobody answers in time: what rings is cancelled', async () => {
    await homes({ untaken: { bob: { unanswered: { to: uriOf('carol'), afterMs: 100 } } } });
    const bob = await phone('bob', 'rings');
    const carol = await phone('carol', 'answers');
    const leg = await dial(alice, uriOf('bob'));
    await leg.bye();
    expect([bob.length, historyOf(carol[0])]).toEqual([1, since(408)]);
    expect(
      home2.observed.some(({ message }) => message.kind === 'request' && message.method === 'CANCEL'),
    ).toBe(true);
  });

  it('when no device is registered', async () => {
    await homes({ untaken: { bob: { unavailable: uriOf('carol') } } });
    const carol = await phone('carol', 'answers');
    await (await dial(alice, uriOf('bob'))).bye();
    expect(historyOf(carol[0])).toEqual(since(480));
  });

  it('when a device is registered that cannot be reached any more', async () => {
    await homes({ untaken: { bob: { unavailable: uriOf('carol') } } });
    const gone = await network.phone('bob', 'home2.example');
    await gone.register();
    await network.transports.at(-1)?.close();
    const carol = await phone('carol', 'answers');
    await (await dial(alice, uriOf('bob'))).bye();
    expect(carol).toHaveLength(1);
  });

  it('and from there as that one wishes, until somebody takes it', async () => {
    await homes({
      untaken: { bob: { busy: uriOf('carol') }, carol: { unanswered: { to: uriOf('erik'), afterMs: 100 } } },
    });
    await phone('bob', 'is busy');
    await phone('carol', 'rings');
    const erik = await phone('erik', 'answers');
    await (await dial(alice, uriOf('bob'))).bye();
    expect(historyOf(erik[0])).toEqual([
      since(486)[0],
      '<sip:carol@home2.example?Reason=SIP%3Bcause%3D408>;index=1.1;mp=1',
      '<sip:erik@home2.example>;index=1.1.1;mp=1.1',
    ]);
  });

  it('out of this home too', async () => {
    await homes({ untaken: { bob: { busy: 'sip:dora@home1.example' } } });
    await phone('bob', 'is busy');
    const dora = await phone('dora', 'answers', '1', 'home1.example');
    await (await dial(alice, uriOf('bob'))).bye();
    expect(historyOf(dora[0])).toEqual([since(486)[0], '<sip:dora@home1.example>;index=1.1;mp=1']);
  });
});

describe('R-42: it goes nowhere else', () => {
  it.each([
    [
      'when it is declined',
      'declines',
      { busy: uriOf('carol'), unanswered: { to: uriOf('carol'), afterMs: 100 } },
      /^603/,
    ],
    [
      'when it is busy, and only calls without an answer are forwarded',
      'is busy',
      { unanswered: { to: uriOf('carol'), afterMs: 100 } },
      /^486/,
    ],
  ] as const)('%s', async (_, manner, bob, status) => {
    await homes({ untaken: { bob } });
    await phone('bob', manner);
    const carol = await phone('carol', 'answers');
    await expect(dial(alice, uriOf('bob'))).rejects.toThrow(status);
    expect([carol.length, home2.cscf.calls]).toEqual([0, 0]);
  });

  it('when the caller has given up', async () => {
    await homes({ untaken: { bob: { unanswered: { to: uriOf('carol'), afterMs: 200 } } } });
    const bob = await phone('bob', 'rings');
    const carol = await phone('carol', 'answers');
    const failed = new Promise<string>((resolve) => {
      const call = alice.invite(
        uriOf('bob'),
        { body: sdpBody(4000) },
        { accepted: () => resolve('accepted'), failed: ({ message }) => resolve(message) },
      );
      void vi.waitFor(() => expect(bob).toHaveLength(1), 30_000).then(() => call.cancel());
    });
    expect(await failed).toMatch(/^487/);
    expect([carol.length, home2.cscf.calls]).toEqual([0, 0]);
  });

  it('when two have named each other: who was called last has the last word', async () => {
    await homes({ untaken: { bob: { busy: uriOf('carol') }, carol: { busy: uriOf('bob') } } });
    const [bob, carol] = [await phone('bob', 'is busy'), await phone('carol', 'is busy')];
    await expect(dial(alice, uriOf('bob'))).rejects.toThrow(/^486/);
    expect([bob.length, carol.length, home2.cscf.calls]).toEqual([1, 1, 0]);
  });
});

describe('R-42: beside a mailbox', () => {
  it('what is forwarded for one reason goes there, all else to the mailbox', async () => {
    await homes({
      untaken: { bob: { busy: uriOf('carol') } },
      mailboxes: { bob: { identity: uriOf('mailbox'), afterMs: 100 } },
    });
    await phone('bob', 'rings');
    const [carol, mailbox] = [await phone('carol', 'answers'), await phone('mailbox', 'answers')];
    await (await dial(alice, uriOf('bob'))).bye();
    expect([carol.length, mailbox.length]).toEqual([0, 1]);
  });

  it('it is told who has registered, and of nobody else', async () => {
    await homes({ mailboxes: { bob: { identity: uriOf('mailbox'), afterMs: 100 } } });
    const mailbox = await network.phone('mailbox', 'home2.example');
    const told: SipRequest[] = [];
    mailbox.told = (request) => void told.push(request);
    await mailbox.register();
    const [carol, bob] = [
      await network.phone('carol', 'home2.example'),
      await network.phone('bob', 'home2.example'),
    ];
    await carol.register();
    await bob.register();
    await expect.poll(() => told.length).toBe(1);
    await bob.unregister();
    await bob.register();
    await expect.poll(() => told.length).toBe(2);
    expect(told.map(({ method, to }) => [method, to.uri.text])).toEqual([
      ['REGISTER', uriOf('bob')],
      ['REGISTER', uriOf('bob')],
    ]);
  });
});

describe('R-42: interception of calls that go on to somebody else', () => {
  it('warrants on the callee and on who takes the call have its signalling, and the gateway their names', async () => {
    await homes({ untaken: { bob: { busy: uriOf('carol') } } });
    for (const user of ['bob', 'carol']) home2.interception.add(uriOf(user));
    await phone('bob', 'is busy');
    await phone('carol', 'answers');
    home2.interception.reports.splice(0);
    await (await dial(alice, uriOf('bob'))).bye();
    const traces = ['bob', 'carol'].map((user) => home2.interception.trace(uriOf(user)));
    expect(traces[0]?.filter((line) => line === '< INVITE')).toHaveLength(2);
    for (const trace of traces) expect(trace).toEqual(expect.arrayContaining(['> 200 INVITE', '< BYE']));
    expect(home2.gateway.puts.at(-1)?.parties.b).toEqual(
      expect.arrayContaining([uriOf('bob'), uriOf('carol')]),
    );
  });
});

describe('the settings of conditional forwarding', () => {
  const bob = {
    identity: 'sip:bob@home2.example',
    aliases: ['tel:+15552001'],
    username: 'bob',
    password: 'x',
  };
  const read = (settings: object) => cscfConfig({ subscribers: [{ ...bob, ...settings }] });

  it.each([
    [{ forwardBusyTo: 'sip:bob@home2.example' }, /forwardBusyTo/],
    [{ forwardUnansweredTo: 'tel:+1-555-2001' }, /forwardUnansweredTo/],
    [{ forwardUnavailableTo: 'mailto:carol@home2.example' }, /forwardUnavailableTo/],
    [{ forwardTo: uriOf('carol'), forwardBusyTo: uriOf('carol') }, /forwardBusyTo/],
    [{ forwardUnansweredAfterMs: 5000 }, /forwardUnansweredAfterMs/],
    [{ forwardUnansweredTo: uriOf('carol'), forwardUnansweredAfterMs: 5 }, /forwardUnansweredAfterMs/],
    [{ forwardBusy: uriOf('carol') }, /forwardBusy/],
  ])('%j: refused', (settings, message) => {
    expect(() => read(settings)).toThrow(message);
  });
});
