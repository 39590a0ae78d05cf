/** UDP with loss: every fifth datagram is dropped, on each way, and everything still works. */
import { afterEach, describe, expect, it } from 'vitest';
import type { IncomingCall, Leg } from '../../../src/sip/agent-types.ts';
import { ignoreSip } from '../../../src/sip/agent-leg.ts';
import type { UserAgent } from '../../../src/sip/agent.ts';
import { LossyRelay } from './lossy.ts';
import { Network, readSdp, sdpBody } from './network.ts';

/** A tenth of RFC 3261's, so that the test is done sooner; the ratios are those of the RFC. */
const TIMERS = { t1: 50, t2: 400, t4: 500, d: 3200 };

describe('UDP', () => {
  const network = new Network(TIMERS);
  const relays: LossyRelay[] = [];

  afterEach(async () => {
    await network.close();
    for (const relay of relays) relay.close();
  });

  it('calls with every fifth datagram dropped are set up, keyed and ended; R-50: nothing is reported twice', async () => {
    const home1 = await network.home('home1.example', ['alice', 'carol'], { media: false });
    home1.interception.add('sip:alice@home1.example');
    const phones = await Promise.all(
      ['alice', 'carol'].map((user) => network.phone(user, 'home1.example', { protocol: 'UDP' })),
    );
    const [alice, carol] = phones as [UserAgent, UserAgent];
    // Phones find the CSCF through the relay, each its own.
    const relay = await LossyRelay.to(home1.ports.UDP, 5);
    relays.push(relay);
    network.hosts.set('cscf.home1.example:5060', `127.0.0.1:${relay.port}`);
    await Promise.all([alice.register(), carol.register()]);
    // Where the ACK is lost just before the BYE, the wait for it ends with the call.
    carol.incoming = (call) => void answer(call).catch(ignoreSip);
    for (let i = 0; i < 5; i++) await one(alice, i);
    expect(relay.dropped).toBeGreaterThan(10);
    const payloads = home1.interception.reports.map(({ observation }) =>
      Buffer.from(observation.payload).toString('hex'),
    );
    expect(new Set(payloads).size).toBe(payloads.length);
    const trace = home1.interception.trace();
    const once = ['> INVITE', '< 183 INVITE', '> PRACK', '< 200 PRACK', '< 200 INVITE', '> BYE', '< 200 BYE'];
    const counts = once.map((line) => `${trace.filter((each) => each === line).length} ${line}`);
    expect(counts).toEqual(once.map((line) => `5 ${line}`));
    // An ACK that is lost just before the BYE is not sent again.
    expect(trace.filter((each) => each === '> ACK').length).toBeLessThanOrEqual(5);
  });

  async function one(alice: UserAgent, i: number): Promise<void> {
    const keys: string[] = [];
    const pending: Promise<unknown>[] = [];
    const leg = await new Promise<Leg>((resolve, reject) => {
      alice.invite(
        'sip:carol@home1.example',
        { body: sdpBody(4000 + i, `I${i}`) },
        {
          provisional: (early, response, reliable) => {
            if (!reliable) return;
            keys.push(readSdp(response.body).key);
            pending.push(
              early.prack(response, sdpBody(4000, 'I2')).then((ok) => keys.push(readSdp(ok.body).key)),
            );
          },
          accepted: (accepted) => {
            accepted.ack();
            resolve(accepted);
          },
          failed: reject,
        },
      );
    });
    await Promise.all(pending);
    expect(keys).toEqual([`R for I${i}`, 'R2']);
    await leg.bye();
  }

  async function answer(call: IncomingCall): Promise<void> {
    call.handler = { prack: () => ({ body: sdpBody(5000, 'R2') }) };
    await call.reliable(183, sdpBody(5000, `R for ${readSdp(call.request.body).key}`));
    await call.accept();
  }
});
