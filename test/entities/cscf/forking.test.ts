/** Forked calls that more than one device takes: each dialog lives and ends by itself. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IncomingCall, Leg } from '../../../src/sip/agent-types.ts';
import type { UserAgent } from '../../../src/sip/agent.ts';
import type { SipResponse } from '../../../src/sip/message.ts';
import { request } from '../../sip/support.ts';
import { dial, Network, readSdp, sdpBody } from './network.ts';
import type { Home } from './network.ts';

const CAROL = 'sip:carol@home1.example';

let network: Network;
let home: Home;
let alice: UserAgent;
let devices: UserAgent[];

beforeEach(async () => {
  network = new Network();
  home = await network.home('home1.example', ['alice', 'carol', 'mallory']);
  alice = await network.phone('alice', 'home1.example');
  devices = [
    await network.phone('carol', 'home1.example', { device: '1' }),
    await network.phone('carol', 'home1.example', { device: '2' }),
  ];
  await Promise.all([alice, ...devices].map((phone) => phone.register()));
});

afterEach(() => network.close());

/** Both devices pick up at once; resolves with alice's leg and what became of the devices' calls. */
async function bothAnswer(): Promise<{ leg: Leg; ended: string[]; calls: IncomingCall[] }> {
  const ended: string[] = [];
  const calls: IncomingCall[] = [];
  const ready = devices.map(
    (device, i) =>
      new Promise<IncomingCall>((resolve) => {
        device.incoming = (call) => {
          call.handler = {
            ended: (reason) => ended.push(`${i} ${reason}`),
            update: () => ({ body: sdpBody(6000 + i) }),
          };
          call.provisional(180);
          resolve(call);
        };
      }),
  );
  // Not before both ring, so that neither is cancelled before it has answered.
  void Promise.all(ready).then((both) => {
    calls.push(...both);
    for (const [i, call] of both.entries()) void call.accept(sdpBody(5000 + i)).catch(() => undefined);
  });
  const leg = await dial(alice, CAROL);
  await expect.poll(() => ended.length).toBe(1);
  return { leg, ended, calls };
}

describe('R-42: two devices ring', () => {
  it('each early dialog has a PRACK of its own, which reaches its device', async () => {
    const pracked = devices.map(
      (device, i) =>
        new Promise<string>((resolve, reject) => {
          device.incoming = (call) => {
            call.reliable(183, sdpBody(5000 + i)).then(({ toTag }) => resolve(toTag ?? ''), reject);
          };
        }),
    );
    const legs: string[] = [];
    const provisional = (leg: Leg, response: SipResponse, reliable: boolean): void => {
      if (!reliable) return;
      legs.push(leg.remoteTag);
      void leg.prack(response).catch(() => undefined);
    };
    const handler = { provisional, accepted: () => undefined, failed: () => undefined };
    const call = alice.invite('sip:carol@home1.example', { body: sdpBody(4000) }, handler);
    const tags = await Promise.all(pracked);
    expect(new Set(tags).size).toBe(2);
    expect(legs.sort()).toEqual(tags.sort());
    call.cancel();
  });
});

describe('R-42: a home behind forks the call', () => {
  it('media go where the device is that is accepted, though another has described its own since', async () => {
    await network.home('home2.example', ['bob']);
    const phones = [
      await network.phone('bob', 'home2.example', { device: '1' }),
      await network.phone('bob', 'home2.example', { device: '2' }),
    ];
    for (const phone of phones) await phone.register();
    const [first, second] = phones;
    const described = new Set<string>();
    const ready: (() => void)[] = [];
    for (const [i, phone] of phones.entries())
      phone.incoming = (call) => {
        const begin = async (): Promise<void> => {
          await call.reliable(183, sdpBody(5000 + i));
          ready.shift()?.();
          if (phone === first) return;
          await expect.poll(() => described.size).toBe(2);
          accept();
        };
        if (phone === first) accept = () => void call.accept().catch(() => undefined);
        if (phone === second) ready.push(() => void begin());
        else void begin();
      };
    let accept = (): void => undefined;
    const leg = await new Promise<Leg>((resolve, reject) => {
      alice.invite(
        'sip:bob@home2.example',
        { body: sdpBody(4000) },
        {
          provisional: (early, response, reliable) => {
            if (!reliable) return;
            described.add(early.remoteTag);
            void early.prack(response);
          },
          accepted: (accepted) => {
            accepted.ack();
            resolve(accepted);
          },
          failed: reject,
        },
      );
    });
    const answer = home.observed
      .map(({ message }) => message)
      .find(
        (message) => message.kind === 'response' && message.status === 183 && message.toTag === leg.remoteTag,
      );
    const [session] = home.gateway.sessions.values();
    expect(session?.streams[0]?.b?.port).toBe(readSdp(answer?.body ?? new Uint8Array()).port);
    await leg.bye();
  });
});

describe('two devices answer one call', () => {
  it('the BYE for the one that is not taken ends that dialog alone', async () => {
    const { leg, ended } = await bothAnswer();
    expect(ended).toEqual([expect.stringMatching(/ bye$/)]);
    expect(home.cscf.calls).toBe(1);
    await expect.poll(() => home.gateway.sessions.size).toBe(1);
    const answer = await leg.update(sdpBody(4002));
    expect(readSdp(answer.body).address).toBe('127.0.0.77');
    await leg.bye();
    expect(ended.length).toBe(2);
    expect([home.cscf.calls, home.gateway.sessions.size]).toEqual([0, 0]);
  });

  it('everything of both is reported, under one correlation', async () => {
    home.interception.add('sip:carol@home1.example');
    const { leg } = await bothAnswer();
    await leg.bye();
    await expect.poll(() => home.interception.trace().filter((line) => line === '< BYE').length).toBe(2);
    const correlations = home.interception.reports.map(({ observation }) =>
      Buffer.from(observation.correlation).toString('hex'),
    );
    expect(new Set(correlations).size).toBe(1);
  });
});

describe('calls under one Call-ID', () => {
  let mallory: UserAgent;
  let call: IncomingCall;
  let leg: Leg;

  beforeEach(async () => {
    mallory = await network.phone('mallory', 'home1.example');
    await mallory.register();
    const [carol, other] = devices as [UserAgent, UserAgent];
    await other.unregister();
    const incoming = new Promise<IncomingCall>((resolve) => {
      carol.incoming = (first) => {
        first.handler = { update: () => ({ body: sdpBody(5000) }) };
        carol.incoming = (later) => later.reject(486);
        void first.accept(sdpBody(5000)).catch(() => undefined);
        resolve(first);
      };
    });
    leg = await dial(alice, CAROL);
    call = await incoming;
  });

  /** Sends another INVITE with the Call-ID of the call that is up, and gives its final answer. */
  function inviteAgain(from: UserAgent, value: string, target: string): Promise<number> {
    const again = request('INVITE', {
      From: value,
      To: `<${target}>`,
      'Call-ID': call.leg.callId,
      Contact: '<sip:again@phone.example>',
    });
    again.uri = target;
    again.setBody(sdpBody(4444).type, sdpBody(4444).octets);
    const hop = { protocol: 'TCP', host: 'cscf.home1.example', port: 5060 } as const;
    return new Promise((resolve, reject) => {
      from.layer.send(again, hop, `z9hG4bK${value.length}`, {
        response: ({ status }) => {
          if (status >= 200) resolve(status);
        },
        failed: reject,
      });
    });
  }

  async function theCallLives(): Promise<void> {
    expect(home.cscf.calls).toBe(1);
    const answer = await leg.update(sdpBody(4002));
    expect(readSdp(answer.body).address).toBe('127.0.0.77');
    await leg.bye();
    expect(home.cscf.calls).toBe(0);
    await expect.poll(() => home.gateway.sessions.size).toBe(0);
  }

  it('another who takes it does not take the call', async () => {
    const own = '<sip:mallory@home1.example>;tag=m1';
    expect(await inviteAgain(mallory, own, 'sip:carol@home1.example')).toBe(486);
    await theCallLives();
  });

  it('a branch of the same INVITE that comes by itself and fails leaves the other as it is', async () => {
    mallory.incoming = (incoming) => incoming.reject(486);
    const same = `<sip:alice@home1.example>;tag=${leg.localTag}`;
    expect(await inviteAgain(alice, same, 'sip:mallory@home1.example')).toBe(486);
    await theCallLives();
  });
});

describe('a dialog whose BYE nobody answers', () => {
  it('is over, and its media are given back', async () => {
    await network.close();
    network = new Network({ t1: 5, t2: 40, t4: 50, d: 320 });
    home = await network.home('home1.example', ['alice', 'carol']);
    alice = await network.phone('alice', 'home1.example');
    const carol = await network.phone('carol', 'home1.example', { protocol: 'UDP' });
    await Promise.all([alice.register(), carol.register()]);
    carol.incoming = (call) => void call.accept(sdpBody(5000)).catch(() => undefined);
    const leg = await dial(alice, CAROL);
    expect(home.gateway.sessions.size).toBe(1);
    carol.layer.attach({ request: () => {}, ack: () => {}, stray: () => {}, closed: () => {} });
    void leg.bye();
    await expect.poll(() => [home.cscf.calls, home.gateway.sessions.size]).toEqual([0, 0]);
  });
});

describe('a contact that another subscriber registers, too', () => {
  it('does not divert what goes to its owner within a call', async () => {
    const [carol, other] = devices as [UserAgent, UserAgent];
    await Promise.all([carol.unregister(), other.unregister()]);
    const mallory = await network.phone('mallory', 'home1.example', {
      contact: 'sip:carol@carol-1.home1.example;transport=tcp',
    });
    await mallory.register();
    await carol.register();
    const acknowledged = new Promise((resolve, reject) => {
      carol.incoming = (call) => void call.accept(sdpBody(5000)).then(resolve, reject);
    });
    const leg = await dial(alice, CAROL);
    expect(
      await Promise.race([acknowledged, new Promise((resolve) => setTimeout(resolve, 1000))]),
    ).toBeDefined();
    await leg.bye();
  });
});
