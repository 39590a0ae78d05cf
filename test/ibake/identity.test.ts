/** The canonical form of identities: its six rules, and what is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import { canonicalIdentity, districtOfHost, identityOfData, periodStart } from '../../src/ibake/identity.ts';

describe('canonical form', () => {
  it.each([
    ['(1) the scheme in lower case', 'SIP:alice@home1.example', 'sip:alice@home1.example'],
    ['(1) sips becomes sip', 'sips:alice@home1.example', 'sip:alice@home1.example'],
    ['(2) the case of the user is kept', 'sip:Alice@home1.example', 'sip:Alice@home1.example'],
    ['(2) %HH of an unreserved character is decoded', 'sip:%61%2Dlice%7e@h.example', 'sip:a-lice~@h.example'],
    [
      '(2) others are kept with upper-case hex',
      'sip:a%2fb%c3%a9%40@h.example',
      'sip:a%2Fb%C3%A9%40@h.example',
    ],
    ['(2) %25 is not decoded into a new escape', 'sip:%2561@h.example', 'sip:%2561@h.example'],
    ['(2) user-unreserved characters', 'sip:a&b=c+d$e,f;g?h/i@h.example', 'sip:a&b=c+d$e,f;g?h/i@h.example'],
    [
      '(3) separators of a telephone number',
      'sip:+1-(201).555@h.example;user=phone',
      'sip:+1201555@h.example',
    ],
    ['(3) escaped ones too', 'sip:+1%2D201@h.example;USER=Phone', 'sip:+1201@h.example'],
    [
      '(3) but not those of its context',
      'sip:7-042;phone-context=a-b.example@h.example;user=phone',
      'sip:7042;phone-context=a-b.example@h.example',
    ],
    ['(3) without user=phone they stay', 'sip:a-b.c@h.example', 'sip:a-b.c@h.example'],
    ['(4) the host in lower case', 'sip:alice@HOME1.Example', 'sip:alice@home1.example'],
    ['(4) an A-label', 'sip:a@XN--BCHER-KVA.example', 'sip:a@xn--bcher-kva.example'],
    ['(6) parameters go', 'sip:a@h.example;transport=tcp;lr', 'sip:a@h.example'],
    [
      '(6) gr with a value stays, verbatim',
      'sip:a@h.example;lr;gr=urn:uuid:F81D;x=y',
      'sip:a@h.example;gr=urn:uuid:F81D',
    ],
    ['(6) gr without a value goes', 'sip:a@h.example;gr', 'sip:a@h.example'],
  ])('%s', (_, text, canonical) => {
    expect(canonicalIdentity(text).uri).toBe(canonical);
    expect(identityOfData(utf8(canonical)).uri).toBe(canonical);
  });

  it.each([
    ['a tel: URI', 'tel:+12015550123'],
    ['no user part', 'sip:home1.example'],
    ['an empty user part', 'sip:@home1.example'],
    ['a user of separators alone', 'sip:--@home1.example;user=phone'],
    ['a password', 'sip:alice:secret@home1.example'],
    ['a port', 'sip:alice@home1.example:5060'],
    ['headers', 'sip:alice@home1.example?subject=x'],
    ['a second @', 'sip:alice@home1.example@evil.example'],
    ['an IPv4 address', 'sip:alice@127.0.0.1'],
    ['an IPv6 address', 'sip:alice@[::1]'],
    ['an address in another notation', 'sip:alice@0x7f.1'],
    ['a trailing dot', 'sip:alice@home1.example.'],
    ['an empty label', 'sip:alice@home1..example'],
    ['a label with a hyphen at its end', 'sip:alice@home1-.example'],
    ['a U-label', 'sip:alice@bücher.example'],
    ['an A-label that is none', 'sip:alice@xn--a.example'],
    ['an A-label that is none beside one that is', 'sip:alice@xn--a.xn--bcher-kva.example'],
    ['an A-label of ASCII alone', 'sip:alice@xn--zzzzzz--.example'],
    ['an underscore in the host', 'sip:alice@home_1.example'],
    ['a space', 'sip:al ice@home1.example'],
    ['a quote in the user', 'sip:"alice"@home1.example'],
    ['a bare percent sign', 'sip:al%ice@home1.example'],
    ['an octet that is not ASCII', 'sip:alicé@home1.example'],
    ['a line feed at the end', 'sip:alice@home1.example\n'],
    ['a NUL', 'sip:alice\0@home1.example'],
    ['two gr', 'sip:alice@home1.example;gr=a;gr=b'],
    ['an odd parameter', 'sip:alice@home1.example;x=<y>'],
    ['an empty parameter', 'sip:alice@home1.example;'],
    ['nothing', ''],
    ['another scheme', 'mailto:alice@home1.example'],
    ['more than a thousand octets', `sip:${'a'.repeat(1024)}@home1.example`],
  ])('refuses %s', (_, text) => {
    expect(() => canonicalIdentity(text)).toThrow(IbakeError);
    expect(() => identityOfData(utf8(text))).toThrow(IbakeError);
  });

  it('ID data in any other form than the canonical one are refused', () => {
    for (const text of ['SIP:a@h.example', 'sip:%61@h.example', 'sip:a@H.example', 'sip:a@h.example;lr'])
      expect(() => identityOfData(utf8(text))).toThrow(IbakeError);
    expect(() => identityOfData(Uint8Array.of(0xff))).toThrow(IbakeError);
  });

  it('is its own canonical form, whatever it came from', () => {
    const user = fc.stringMatching(/^[A-Za-z0-9\-_.!~*'()&=+$,;?/]{1,12}$/);
    const escape = fc.integer({ min: 0, max: 255 }).map((octet) => `%${octet.toString(16).padStart(2, '0')}`);
    const host = fc.stringMatching(/^[A-Za-z][a-z0-9]{0,8}\.[A-Za-z][a-z]{1,5}$/);
    const rest = fc.constantFrom('', ';user=phone', ';gr=x%3a', ';lr;gr=A');
    fc.assert(
      fc.property(user, escape, host, rest, (a, b, c, d) => {
        let once: string;
        try {
          once = canonicalIdentity(`sips:${a}${b}@${c}${d}`).uri;
        } catch (error) {
          expect(error).toBeInstanceOf(IbakeError);
          return;
        }
        expect(canonicalIdentity(once).uri).toBe(once);
      }),
    );
  });
});

it('a device identity and its address of record', () => {
  const identity = canonicalIdentity('sip:bob@home2.example;gr=mobile');
  expect(identity).toEqual({
    uri: 'sip:bob@home2.example;gr=mobile',
    addressOfRecord: 'sip:bob@home2.example',
    host: 'home2.example',
  });
  expect(canonicalIdentity(identity.uri).addressOfRecord).toBe('sip:bob@home2.example');
  expect(districtOfHost(identity.host)).toBe('https://kms.home2.example/.well-known/ibe');
});

it('periods begin at multiples of the lifetime since 1970', () => {
  expect(periodStart(1_805_440_640, 86_400)).toBe(Date.UTC(2027, 2, 19) / 1000);
  expect(periodStart(86_400, 86_400)).toBe(86_400);
  expect(periodStart(86_399, 86_400)).toBe(0);
});
