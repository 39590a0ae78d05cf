/** SIP over TLS between phones, CSCFs and homes (RFC 3261 section 26, RFC 5630, RFC 5922): who is known, and what goes where. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IncomingCall, Leg } from '../../../src/sip/agent-types.ts';
import type { UserAgent } from '../../../src/sip/agent.ts';
import type { Protocol } from '../../../src/sip/flow.ts';
import type { SipResponse } from '../../../src/sip/message.ts';
import { SipRequest } from '../../../src/sip/message.ts';
import { fromOctets } from '../../../src/sip/text.ts';
import { LabPki } from '../../../src/lab/network/pki.ts';
import { TcpFlow } from '../../../src/sip/connection.ts';
import { CertifiedSip } from '../../../src/net/sip-security.ts';
import { loadTls } from '../../../src/net/tls.ts';
import type { TlsMaterial } from '../../../src/net/tls.ts';
import { Network, sdpBody } from './network.ts';
import type { Home } from './network.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-sip-tls-'));
const now = Date.now();
/** By host name; `authorities` of phones. */
const material = new Map<string, TlsMaterial>();
let authorities = '';

beforeAll(async () => {
  const pki = await LabPki.create(folder, now);
  for (const domain of ['home1.example', 'home2.example', 'home3.example']) {
    const name = `cscf.${domain}`;
    material.set(
      name,
      loadTls(await pki.issue({ commonName: name, dnsNames: [name], roles: ['cscf'] }), now),
    );
  }
  const named = { commonName: 'cscf.home2.example', dnsNames: ['cscf.home2.example'] };
  material.set('without-role', loadTls(await pki.issue({ ...named, roles: ['lemf'] }), now));
  authorities = material.get('cscf.home1.example')?.authorities ?? '';
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Certificates of a host by another's files, if they are `of` another. */
function security(host: string, of = host): CertifiedSip {
  const tls = material.get(of);
  const namesOf = (name: string): string[] => [name, name.replace(/^cscf\./, '')];
  return tls === undefined
    ? new CertifiedSip({ tls: { authorities }, namesOf })
    : new CertifiedSip({ tls, namesOf, role: 'cscf' });
}

let network: Network;
beforeEach(() => {
  network = new Network();
  network.security = security;
});
afterEach(() => network.close());

function dial(caller: UserAgent, target: string): Promise<{ leg: Leg; response: SipResponse }> {
  return new Promise((resolve, reject) => {
    caller.invite(
      target,
      { body: sdpBody(4000, 'I1') },
      {
        accepted: (leg, response) => {
          leg.ack();
          resolve({ leg, response });
        },
        failed: (error, response) => reject(Object.assign(error, { response })),
      },
    );
  });
}

async function refusalOf(caller: UserAgent, target: string): Promise<SipResponse | null> {
  const outcome = await dial(caller, target).catch((error: unknown) => error);
  return (outcome as { response: SipResponse | null }).response;
}

function answering(callee: UserAgent): IncomingCall[] {
  const calls: IncomingCall[] = [];
  callee.incoming = (call) => {
    calls.push(call);
    void call.accept(sdpBody(5000, 'R1')).catch(() => undefined);
  };
  return calls;
}

async function twoHomes(
  options: { phones?: Protocol; sips?: boolean; home2?: { interHome?: Protocol } } = {},
): Promise<{ home1: Home; home2: Home; alice: UserAgent; bob: UserAgent }> {
  const { phones = 'TLS', sips = true } = options;
  const home1 = await network.home('home1.example', ['alice'], options.home2 ?? {});
  const home2 = await network.home('home2.example', ['bob']);
  const alice = await network.phone('alice', 'home1.example', { protocol: 'TLS', sips: true });
  const bob = await network.phone('bob', 'home2.example', { protocol: phones, sips });
  await Promise.all([alice.register(), bob.register()]);
  return { home1, home2, alice, bob };
}

describe('R-95: a call over TLS on Gm and Mw', () => {
  it.each(['sip', 'sips'])(
    'by %s: has no message without TLS, and is intercepted octet for octet',
    async (scheme) => {
      const { home1, home2, alice, bob } = await twoHomes();
      for (const home of [home1, home2]) {
        home.interception.add('sip:alice@home1.example');
        home.observed.splice(0);
      }
      const calls = answering(bob);
      const { leg, response } = await dial(alice, `${scheme}:bob@home2.example`);
      await leg.bye();
      const { request } = calls[0]!;
      expect(request.uri).toMatch(new RegExp(`^${scheme}:bob@`));
      expect(request.vias.map(({ transport }) => transport)).toEqual(['TLS', 'TLS', 'TLS']);
      const through = (message: { list(name: string): string[] }) => message.list('Record-Route');
      const own =
        scheme === 'sips'
          ? /^<sips:cscf\.home[12]\.example:5061;lr>$/
          : /^<sip:cscf\.home[12]\.example:5061;transport=tls;lr>$/;
      for (const route of [...through(request), ...through(response)]) expect(route).toMatch(own);
      expect(response.contacts[0]?.uri.text).toMatch(new RegExp(`^${scheme}:bob@`));
      for (const { observed, interception } of [home1, home2]) {
        expect(new Set(observed.map(({ flow }) => flow.protocol))).toEqual(new Set(['TLS']));
        expect(interception.trace()).toEqual(expect.arrayContaining(['> INVITE', '< 200 INVITE', '> BYE']));
      }
      const seen = new Set(home1.observed.map(({ octets }) => fromOctets(octets)));
      for (const { observation } of home1.interception.reports) {
        expect(seen.has(fromOctets(observation.payload))).toBe(true);
        expect(observation.ipProtocol).toBe(6);
      }
    },
  );

  it('a phone by sips: is called by sip: too, and keeps to it (RFC 5630)', async () => {
    const { alice, bob } = await twoHomes();
    const calls = answering(bob);
    const { leg } = await dial(alice, 'sip:bob@home2.example');
    expect(calls[0]?.request.uri).toMatch(/^sip:bob@/);
    await leg.bye();
  });

  it('without its connection a phone is not called, and registers anew', async () => {
    const { home2, alice, bob } = await twoHomes();
    answering(bob);
    const { flow } = home2.observed.findLast(({ direction }) => direction === 'received')!;
    if (!(flow instanceof TcpFlow)) throw new Error('not over a connection');
    flow.cut('idle');
    await expect.poll(async () => (await refusalOf(alice, 'sip:bob@home2.example'))?.status).toBe(480);
    const registered = (): number =>
      home2.observed.filter(({ message }) => message.kind === 'request' && message.method === 'REGISTER')
        .length;
    const before = registered();
    await expect.poll(registered, { timeout: 30_000 }).toBeGreaterThan(before);
    await expect
      .poll(async () => (await dial(alice, 'sip:bob@home2.example').catch(() => null))?.response.status)
      .toBe(200);
  });
});

describe('R-95: sips: without TLS all the way (RFC 5630)', () => {
  it('over TCP is refused with 416', async () => {
    await network.home('home1.example', ['alice']);
    const alice = await network.phone('alice', 'home1.example', { protocol: 'TCP' });
    await alice.register();
    expect((await refusalOf(alice, 'sips:bob@home2.example'))?.status).toBe(416);
  });

  it.each([
    ['a phone over TCP', { phones: 'TCP', sips: false }],
    ['a phone over TLS that registered by sip:', { sips: false }],
    ['a home that is reached over TCP', { home2: { interHome: 'TCP' } }],
  ] as const)('to %s is refused with 480 and 380 (SIPS Not Allowed)', async (_, options) => {
    const { alice, bob } = await twoHomes(options);
    const calls = answering(bob);
    const response = await refusalOf(alice, 'sips:bob@home2.example');
    expect([response?.status, response?.first('Warning')?.slice(0, 4)]).toEqual([480, '380 ']);
    expect(calls).toEqual([]);
  });

  it.each(['TCP', 'UDP'] as const)('is not registered over %s', async (protocol) => {
    await network.home('home1.example', ['alice']);
    const alice = await network.phone('alice', 'home1.example', { protocol, sips: true });
    await expect(alice.register()).rejects.toMatchObject({ code: 'refused' });
  });
});

describe('R-95: another home over TLS is known by its certificate alone (RFC 5922)', () => {
  /** An INVITE to alice as cscf.home2.example would send it, over some flow. */
  function invite(protocol: Protocol, port: number): SipRequest {
    const request = new SipRequest('OPTIONS', 'sip:alice@home1.example');
    request.append('Via', `SIP/2.0/${protocol} cscf.home2.example:${port};branch=z9hG4bKforged`);
    request.append('Max-Forwards', '70');
    request.append('From', '<sip:bob@home2.example>;tag=1');
    request.append('To', '<sip:alice@home1.example>');
    request.append('Call-ID', 'forged');
    request.append('CSeq', '1 OPTIONS');
    request.append('Content-Length', '0');
    return request;
  }

  /** What such a request is answered, of whoever has these certificates. */
  async function answerTo(protocol: Protocol, as: string): Promise<number | null> {
    const home1 = await network.home('home1.example', ['alice']);
    network.hosts.set('cscf.home2.example', '127.0.0.1');
    const transport = network.transport({}, security('stranger', as));
    const answers: number[] = [];
    let isClosed = false;
    transport.attach({
      arrived: (message) => {
        if (message.kind === 'response') answers.push(message.status);
      },
      closed: () => (isClosed = true),
    });
    const host = 'cscf.home1.example';
    const port = protocol === 'TLS' ? 5061 : 5060;
    const flow = await transport.flowTo({ protocol, host, port });
    flow.send(invite(protocol, port).serialise());
    await expect.poll(() => answers.length > 0 || isClosed).toBe(true);
    expect(home1.cscf.calls).toBe(0);
    return answers[0] ?? null;
  }

  it('with its certificate it is', async () => expect(await answerTo('TLS', 'cscf.home2.example')).toBe(480));
  it('from its address, without TLS, it is not', async () =>
    expect(await answerTo('TCP', 'nobody')).toBe(407));
  it('without a certificate it is not', async () => expect(await answerTo('TLS', 'nobody')).toBe(407));
  it('with that of a third home it is not', async () =>
    expect(await answerTo('TLS', 'cscf.home3.example')).toBe(407));
  it('with one that has its name, and not the role of a CSCF, it is not', async () =>
    expect(await answerTo('TLS', 'without-role')).toBe(407));

  it.each(['cscf.home3.example', 'without-role'])(
    'nothing is sent to who shows the certificate of %s in its place',
    async (other) => {
      network.security = (host) => security(host, host === 'cscf.home2.example' ? other : host);
      await network.home('home1.example', ['alice']);
      const impostor = await network.home('home2.example', ['bob']);
      const alice = await network.phone('alice', 'home1.example', { protocol: 'TLS' });
      await alice.register();
      // RFC 3261 section 16.7: what is unreachable for this node is not its caller’s to avoid.
      expect((await refusalOf(alice, 'sip:bob@home2.example'))?.status).toBe(500);
      expect(impostor.observed).toEqual([]);
    },
  );

  it('a phone does not register at who shows another certificate than its CSCF’s', async () => {
    network.security = (host) => security(host, host === 'cscf.home1.example' ? 'cscf.home3.example' : host);
    const impostor = await network.home('home1.example', ['alice']);
    const alice = await network.phone('alice', 'home1.example', { protocol: 'TLS' });
    await expect(alice.register()).rejects.toMatchObject({ code: 'unreachable' });
    expect(impostor.observed).toEqual([]);
  });
});
