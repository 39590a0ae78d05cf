/** The registrar by itself (RFC 3261 section 10.3, RFC 5627). */
import { beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { DEFAULT_CSCF_LIMITS } from '../../../src/entities/cscf/ports.ts';
import type { StoredBinding, Subscriber } from '../../../src/entities/cscf/ports.ts';
import { Registrar } from '../../../src/entities/cscf/registrar.ts';
import { closedFlow } from '../../../src/sip/flow.ts';
import { parseUri } from '../../../src/sip/uri.ts';
import { FakeFlow, request } from '../../sip/support.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const CONTACT = '<sip:carol@phone.example>;+sip.instance="<urn:uuid:1>"';

function subscriberOf(user: string): Subscriber {
  return {
    identity: `sip:${user}@home1.example`,
    aliases: [],
    username: user,
    password: Secret.of(utf8('x')),
  };
}

const [carol, mallory] = [subscriberOf('carol'), subscriberOf('mallory')];
let registrar: Registrar;

beforeEach(() => {
  registrar = new Registrar(new ManualClock(), DEFAULT_CSCF_LIMITS);
});

function register(who: Subscriber, cseq: number, fields: Readonly<Record<string, string>>): number {
  const message = request('REGISTER', {
    Via: 'SIP/2.0/TCP phone.example;branch=z9hG4bK1',
    'Call-ID': who.username,
    CSeq: `${cseq} REGISTER`,
    ...fields,
  });
  return registrar.register(message, who, new FakeFlow('TCP'), 't').status;
}

describe('the registrar', () => {
  it('finds a device by its contact and by its GRUU, among those of its owner alone', () => {
    expect(register(carol, 1, { Contact: CONTACT })).toBe(200);
    const gruu = parseUri('sip:carol@home1.example;gr=urn:uuid:1');
    const [binding] = registrar.bindings(carol);
    expect(registrar.byContact(gruu, [carol])).toBe(binding);
    expect(registrar.byContact(parseUri('sip:carol@phone.example'), [carol])).toBe(binding);
    expect(registrar.byContact(parseUri('sip:carol@phone.example'), [mallory])).toBeNull();
    expect(registrar.byContact(parseUri('sip:mallory@home1.example;gr=urn:uuid:1'), [carol])).toBeNull();
  });

  it.each([
    ['one contact', { Contact: '<sip:carol@phone.example>;expires=0' }],
    ['all contacts', { Contact: '*', Expires: '0' }],
  ])('an older REGISTER of the same Call-ID does not take away %s', (_, fields) => {
    expect(register(carol, 7, { Contact: CONTACT })).toBe(200);
    expect(register(carol, 7, fields)).toBe(500);
    expect(registrar.bindings(carol).length).toBe(1);
    expect(register(carol, 8, fields)).toBe(200);
    expect(registrar.bindings(carol)).toEqual([]);
  });
});

describe('R-70: who is known by a flow', () => {
  it('registered over it, over UDP from the same source, as long as the contact lasts', () => {
    const clock = new ManualClock();
    registrar = new Registrar(clock, DEFAULT_CSCF_LIMITS);
    const [tcp, udp] = [new FakeFlow('TCP'), new FakeFlow('UDP')];
    const bind = (who: Subscriber, cseq: number, flow: FakeFlow, expires: number): void => {
      const fields = { Via: 'SIP/2.0/UDP phone.example;branch=z9hG4bK1', CSeq: `${cseq} REGISTER` };
      const contact = { Contact: `<sip:${who.username}@phone.example>`, Expires: String(expires) };
      registrar.register(
        request('REGISTER', { ...fields, ...contact, 'Call-ID': who.username }),
        who,
        flow,
        't',
      );
    };
    bind(carol, 1, tcp, 60);
    bind(mallory, 1, udp, 60);
    expect(registrar.subscribersOf(tcp)).toEqual([carol]);
    expect(registrar.subscribersOf(new FakeFlow('TCP'))).toEqual([]);
    expect(registrar.subscribersOf(new FakeFlow('UDP'))).toEqual([mallory]);
    bind(carol, 2, udp, 30);
    expect(registrar.subscribersOf(tcp)).toEqual([]);
    expect(registrar.subscribersOf(udp)).toEqual([mallory, carol]);
    clock.advance(30_000);
    expect(registrar.subscribersOf(udp)).toEqual([mallory]);
    bind(mallory, 2, udp, 0);
    expect(registrar.subscribersOf(udp)).toEqual([]);
  });
});

describe('R-74: a phone that starts anew', () => {
  /** Registers over a connection of its own, under a Call-ID of its own. */
  function start(n: number, contact: string): { status: number; flow: FakeFlow } {
    const flow = new FakeFlow('TCP');
    const message = request('REGISTER', {
      Via: 'SIP/2.0/TCP phone.example;branch=z9hG4bK1',
      'Call-ID': `start-${n}`,
      CSeq: '1 REGISTER',
      Contact: contact,
    });
    return { status: registrar.register(message, carol, flow, 't').status, flow };
  }

  function end({ flow }: { flow: FakeFlow }): void {
    flow.open = false;
    registrar.closed(flow);
  }

  const instance = (uuid: number, more = '') => `;+sip.instance="<urn:uuid:${uuid}>"${more}`;

  it('a hundred times, each with another port, has its last contact alone: the instance is the same', () => {
    for (let n = 0; n < 100; n++)
      expect(start(n, `<sip:carol@phone.example:${6000 + n}>${instance(1)}`).status).toBe(200);
    expect(registrar.bindings(carol).map(({ contact }) => contact.uri.text)).toEqual([
      'sip:carol@phone.example:6099',
    ]);
  });

  it('keeps its other flow (RFC 5626), and other devices keep theirs', () => {
    start(1, `<sip:carol@phone.example:6001>${instance(1, ';reg-id=1')}`);
    start(2, `<sip:carol@phone.example:6002>${instance(1, ';reg-id=2')}`);
    start(3, `<sip:carol@phone.example:6003>${instance(2, ';reg-id=1')}`);
    start(4, `<sip:carol@phone.example:6004>${instance(1, ';reg-id=1')}`);
    expect(
      registrar.bindings(carol).map(({ contact }) => contact.uri.kind === 'sip' && contact.uri.port),
    ).toEqual([6002, 6003, 6004]);
  });

  it('without an instance: contacts whose connection is closed make room, the oldest first', () => {
    const starts = Array.from({ length: 8 }, (_, n) => start(n, `<sip:carol@phone.example:${6000 + n}>`));
    expect(start(8, '<sip:carol@phone.example:6008>').status).toBe(403);
    for (const each of starts.slice(2, 5)) end(each);
    expect(registrar.bindings(carol)).toHaveLength(8);
    for (let n = 8; n < 11; n++) expect(start(n, `<sip:carol@phone.example:${6000 + n}>`).status).toBe(200);
    expect(start(11, '<sip:carol@phone.example:6011>').status).toBe(403);
    const ports = registrar
      .bindings(carol)
      .map(({ contact }) => contact.uri.kind === 'sip' && contact.uri.port);
    expect(ports).toEqual([6000, 6001, 6005, 6006, 6007, 6008, 6009, 6010]);
  });

  it('a contact that nothing but its connection leads to goes with it', () => {
    const remote = new FakeFlow('TCP').remote.port;
    const [behind, listening] = [
      start(1, `<sip:carol@phone.example:${remote}>`),
      start(2, '<sip:carol@phone.example:6002>'),
    ];
    const flow = start(3, `<sip:carol@phone.example:6003>${instance(1, ';reg-id=1')}`);
    for (const each of [behind, listening, flow]) end(each);
    expect(registrar.bindings(carol).map(({ contact }) => contact.uri.text)).toEqual([
      'sip:carol@phone.example:6002',
    ]);
  });

  it('may take away its old contact and bring a new one in one REGISTER, in any order', () => {
    start(1, `<sip:carol@phone.example:6001>${instance(1)}`);
    start(
      2,
      `<sip:carol@phone.example:6002>${instance(1)}, <sip:carol@phone.example:6001>;expires=0${instance(1)}`,
    );
    expect(registrar.bindings(carol)).toHaveLength(1);
  });
});

describe('R-74: what is kept', () => {
  it('comes back, but for what nothing leads to, and expires at its time', () => {
    const saved = new Map<string, readonly StoredBinding[]>();
    const store = {
      load: () => saved,
      save: (identity: string, bindings: readonly StoredBinding[]) => saved.set(identity, bindings),
    };
    const clock = new ManualClock();
    registrar = new Registrar(clock, DEFAULT_CSCF_LIMITS, store);
    const own = new FakeFlow('TCP').remote.port;
    const contacts = `${CONTACT}, <sip:carol@phone.example:${own}>`;
    expect(register(carol, 1, { Contact: contacts, Expires: '60' })).toBe(200);
    registrar.close();
    const kept = (saved.get(carol.identity) ?? []).map((each) => ({
      ...each,
      flow: closedFlow(each.local, each.remote),
    }));
    expect(kept).toHaveLength(2);
    const restarted = new Registrar(clock, DEFAULT_CSCF_LIMITS, store);
    restarted.restore(carol, kept);
    expect(restarted.bindings(carol)).toMatchObject([{ gr: 'urn:uuid:1', callId: 'carol', cseq: 1 }]);
    clock.advance(60_000);
    expect(restarted.bindings(carol)).toEqual([]);
  });

  it('is given up when the phone signs off', () => {
    const saved: number[] = [];
    const store = {
      load: () => new Map<string, readonly StoredBinding[]>(),
      save: (_identity: string, bindings: readonly StoredBinding[]) => saved.push(bindings.length),
    };
    registrar = new Registrar(new ManualClock(), DEFAULT_CSCF_LIMITS, store);
    register(carol, 1, { Contact: CONTACT });
    register(carol, 2, { Contact: '*', Expires: '0' });
    expect(saved).toEqual([1, 0]);
  });
});
