/** Calls that subscribers have forwarded (RFC 6267 section 3.2, RFC 7044), and devices that are called by their GRUU. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { forward } from '../../../src/entities/cscf/forwarding.ts';
import type { Directory } from '../../../src/entities/cscf/subscribers.ts';
import type { UserAgent } from '../../../src/sip/agent.ts';
import type { SipRequest } from '../../../src/sip/message.ts';
import { request } from '../../sip/support.ts';
import { dial, Network, sdpBody } from './network.ts';
import type { Home } from './network.ts';

let network: Network;
beforeEach(() => {
  network = new Network();
});
afterEach(() => network.close());

/** Answers calls, and keeps their INVITEs. */
function answering(phone: UserAgent): SipRequest[] {
  const invites: SipRequest[] = [];
  phone.incoming = (call) => {
    invites.push(call.request);
    void call.accept(sdpBody(5000)).catch(() => undefined);
  };
  return invites;
}

describe('R-42: calls of a subscriber who has forwarded them', () => {
  let [home1, home2]: (Home | null)[] = [null, null];
  let alice: UserAgent;

  beforeEach(async () => {
    home1 = await network.home('home1.example', ['alice', 'dora']);
    home2 = await network.home('home2.example', ['bob', 'carol', 'erik', 'frank'], {
      forwards: {
        bob: 'sip:carol@home2.example',
        erik: 'sip:frank@home2.example',
        frank: 'sip:erik@home2.example',
      },
    });
    alice = await network.phone('alice', 'home1.example');
    await alice.register();
  });

  it('go there, with who was called in To and in History-Info; warrants on either have the signalling', async () => {
    for (const user of ['bob', 'carol']) home2?.interception.add(`sip:${user}@home2.example`);
    const carol = await network.phone('carol', 'home2.example');
    await carol.register();
    home2?.interception.reports.splice(0);
    const invites = answering(carol);
    const leg = await dial(alice, 'sip:bob@home2.example');
    await leg.bye();
    expect(invites).toHaveLength(1);
    expect(invites[0]?.to.uri.text).toBe('sip:bob@home2.example');
    expect(invites[0]?.list('History-Info')).toEqual([
      '<sip:bob@home2.example>;index=1',
      '<sip:carol@home2.example>;index=1.1;mp=1',
    ]);
    expect(invites[0]?.first('P-Called-Party-ID')).toBe('<sip:carol@home2.example>');
    const reported = ['bob', 'carol'].map((user) => home2?.interception.trace(`sip:${user}@home2.example`));
    expect(reported[0]).toContain('< INVITE');
    expect(reported[0]).toEqual(reported[1]);
  });

  it('a call that would go round and round is refused with 482', async () => {
    await expect(dial(alice, 'sip:erik@home2.example')).rejects.toMatchObject({
      message: expect.stringMatching(/^482/) as string,
    });
    expect([home1?.cscf.calls, home2?.cscf.calls]).toEqual([0, 0]);
  });

  it('what is no call is not forwarded', () => {
    const directory = {
      subscriber: () => ({ identity: 'sip:bob@home2.example', forwardTo: 'sip:carol@home2.example' }),
    } as unknown as Directory;
    const message = request('MESSAGE');
    expect(forward(message, directory)).toBe('none');
    expect(message.uri).toBe('sip:bob@home2.example');
  });
});

describe('the setting forwardTo', () => {
  it.each([
    ['sip:bob@home2.example', /forwardTo/],
    ['tel:+1-555-2001', /forwardTo/],
    ['mailto:bob@home2.example', /forwardTo/],
  ])('%s: refused', (forwardTo, message) => {
    const subscriber = { identity: 'sip:bob@home2.example', aliases: ['tel:+15552001'], forwardTo };
    const settings = { subscribers: [{ ...subscriber, username: 'bob', password: 'x' }] };
    expect(() => cscfConfig(settings)).toThrow(message);
  });
});

describe('R-42: a device with an instance', () => {
  it('is called by its GRUU in dialogs, and alone by it', async () => {
    await network.home('home1.example', ['alice', 'carol']);
    await network.home('home2.example', []);
    const alice = await network.phone('alice', 'home1.example');
    const devices = await Promise.all(
      ['1', '2'].map((device) =>
        network.phone('carol', 'home1.example', { device, instance: `urn:uuid:${device}` }),
      ),
    );
    for (const phone of [alice, ...devices]) await phone.register();
    const gruus = ['sip:carol@home1.example;gr=urn:uuid:1', 'sip:carol@home1.example;gr=urn:uuid:2'];
    expect(devices.map(({ gruu }) => gruu)).toEqual(gruus);
    const invites = devices.map(answering);
    const sent: string[] = [];
    alice.layer.observe(({ message, direction }) => {
      if (direction === 'sent' && message.kind === 'request') sent.push(`${message.method} ${message.uri}`);
    });
    const leg = await dial(alice, gruus[1] ?? '');
    await leg.bye();
    expect(invites.map(({ length }) => length)).toEqual([0, 1]);
    expect(sent).toEqual(['INVITE', 'ACK', 'BYE'].map((method) => `${method} ${gruus[1] ?? ''}`));
  });
});
