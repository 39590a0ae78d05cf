/** Forked calls that more than one device takes: each dialog lives and ends by itself. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IncomingCall, Leg } from '../../src/sip/agent-types.ts';
import type { UserAgent } from '../../src/sip/agent.ts';
import { Network, readSdp, sdpBody } from './network.ts';
import type { Home } from './network.ts';

let network: Network;
let home: Home;
let alice: UserAgent;
let devices: UserAgent[];

beforeEach(async () => {
  network = new Network();
  home = await network.home('home1.example', ['alice', 'carol']);
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
  const leg = await new Promise<Leg>((resolve, reject) => {
    alice.invite(
      'sip:carol@home1.example',
      { body: sdpBody(4000) },
      {
        accepted: (accepted) => {
          accepted.ack();
          resolve(accepted);
        },
        failed: reject,
      },
    );
    // Not before both ring, so that neither is cancelled before it has answered.
    void Promise.all(ready).then((both) => {
      calls.push(...both);
      for (const [i, call] of both.entries()) void call.accept(sdpBody(5000 + i)).catch(() => undefined);
    });
  });
  await expect.poll(() => ended.length).toBe(1);
  return { leg, ended, calls };
}

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
