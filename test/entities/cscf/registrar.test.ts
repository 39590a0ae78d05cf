/** The registrar by itself (RFC 3261 section 10.3, RFC 5627). */
import { beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { DEFAULT_CSCF_LIMITS } from '../../../src/entities/cscf/ports.ts';
import type { Subscriber } from '../../../src/entities/cscf/ports.ts';
import { Registrar } from '../../../src/entities/cscf/registrar.ts';
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
