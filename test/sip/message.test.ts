import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SipError } from '../../src/sip/errors.ts';
import { parseVia } from '../../src/sip/fields.ts';
import { StreamFramer } from '../../src/sip/framing.ts';
import { parseMessage, SipRequest } from '../../src/sip/message.ts';
import { fromOctets, toOctets } from '../../src/sip/text.ts';
import { addressOfRecord, parseHostPort, parseUri, sameUri } from '../../src/sip/uri.ts';
import { markReceived } from '../../src/sip/transport.ts';
import { judge } from '../../src/sip/verdict.ts';

const INVITE = [
  'INVITE sip:bob@home2.example SIP/2.0',
  'v: SIP/2.0/TCP a.example;branch=z9hG4bK1;rport , SIP/2.0/UDP b.example;branch=z9hG4bK2',
  'Max-Forwards:  070',
  'FROM:  "A, \\"quoted\\" \xc3\xa9" <sip:alice@home1.example>;tag=1',
  't: sip:bob@home2.example',
  'X-Unknown: ;;,, odd',
  '  folded\tvalue',
  'Route: <sip:p1.example;lr>, <sip:p2.example;lr>',
  'Route: <sip:p3.example;lr>',
  'i: abc@x',
  'CSeq: 1 INVITE',
  'l: 4',
  '',
  '\x00\xff\r\n',
].join('\r\n');

describe('SIP messages', () => {
  it('keep every octet that is not edited', () => {
    const message = parseMessage(toOctets(INVITE));
    expect(fromOctets(message.serialise())).toBe(INVITE);
    expect(judge(message, 'strict').kind).toBe('accept');
    message.set('Max-Forwards', '69');
    message.prepend('Via', 'SIP/2.0/TCP c.example;branch=z9hG4bK3');
    message.replaceFirst('Route', null);
    expect(fromOctets(message.serialise())).toBe(
      INVITE.replace('Max-Forwards:  070', 'Max-Forwards: 69')
        .replace('v: ', 'Via: SIP/2.0/TCP c.example;branch=z9hG4bK3\r\nv: ')
        .replace('Route: <sip:p1.example;lr>, <sip:p2.example;lr>', 'Route: <sip:p2.example;lr>'),
    );
  });

  it('give their fields typed', () => {
    const message = parseMessage(toOctets(INVITE));
    expect(message.vias.map((via) => via.host)).toEqual(['a.example', 'b.example']);
    expect(message.from.displayName).toBe('"A, \\"quoted\\" \xc3\xa9"');
    expect(message.routes.map((route) => route.uri.text)).toEqual(
      [1, 2, 3].map((n) => `sip:p${n}.example;lr`),
    );
    expect([message.callId, message.fromTag, message.toTag]).toEqual(['abc@x', '1', null]);
    expect(message.first('x-unknown')).toBe(';;,, odd folded\tvalue');
    expect([...message.body]).toEqual([0, 0xff, 13, 10]);
  });

  it('cut short anywhere are refused or judged bad, never accepted', () => {
    const whole = toOctets(INVITE);
    for (let length = 0; length < whole.length; length++) {
      let kind: string;
      try {
        kind = judge(parseMessage(whole.subarray(0, length)), 'lenient').kind;
      } catch (cause) {
        expect(cause).toBeInstanceOf(SipError);
        kind = 'error';
      }
      expect(kind).not.toBe('accept');
    }
  });

  it('made of arbitrary octets never break the parser', () => {
    const line = fc.oneof(fc.constantFrom(...INVITE.split('\r\n')), fc.string({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 15 }), (lines) => {
        try {
          const message = parseMessage(toOctets(lines.join('\r\n') + '\r\n\r\n'));
          judge(message, 'lenient');
          judge(message, 'strict');
        } catch (cause) {
          expect(cause).toBeInstanceOf(SipError);
        }
      }),
    );
  });

  it.each([
    ['a Via', (n: number) => () => parseVia(`SIP/2.0/UDP x${' '.repeat(n)}y`)],
    ['a host and port', (n: number) => () => parseHostPort(`x${' '.repeat(n)}:y`)],
    [
      'a Request-Line',
      (n: number) => () => parseMessage(toOctets(`INVITE ${' '.repeat(n)}x\r\nVia: x\r\n\r\n`)),
    ],
    ['URIs', (n: number) => () => sameUri(parseUri(manyParams(n)), parseUri(manyParams(n)))],
  ])('%s made to be slow is refused as fast as any other', (_, read) => {
    const started = performance.now();
    expect(read(60_000)).toThrow(SipError);
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('a value with a line break cannot be written (header injection)', () => {
    const message = new SipRequest('INVITE', 'sip:a@b');
    expect(() => message.append('Subject', 'x\r\nEvil: 1')).toThrow(SipError);
  });

  it.each([
    ['a.example;branch=z9hG4bK1;rport', 'a.example;branch=z9hG4bK1;rport=777;received=192.0.2.1'],
    ['192.0.2.1:5070', '192.0.2.1:5070'],
    ['192.0.2.1;received=192.0.2.66', '192.0.2.1;received=192.0.2.1'],
    ['192.0.2.1;rport=66', '192.0.2.1;rport=777;received=192.0.2.1'],
  ])('R-70: a Via of %s is marked with where the request came from (RFC 3581)', (via, marked) => {
    const message = new SipRequest('OPTIONS', 'sip:a@b');
    message.append('Via', `SIP/2.0/UDP ${via}`);
    markReceived(message, { address: '192.0.2.1', port: 777 });
    expect(message.list('Via')).toEqual([`SIP/2.0/UDP ${marked}`]);
  });
});

/** A URI of about `n` octets, all parameters. */
function manyParams(n: number): string {
  return `sip:a@b${Array.from({ length: n / 7 }, (_, i) => `;p${i}`).join('')}`;
}

describe('framing', () => {
  const second =
    'SIP/2.0 200 OK\r\nv: SIP/2.0/TCP a;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>;tag=2\r\ni: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n';
  const stream = toOctets(`\r\n\r\n${INVITE}\r\n\r\n${second}\r\n`);

  it('R-51: finds the same messages wherever TCP cuts the stream', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const framer = new StreamFramer();
      const frames = [...framer.push(stream.slice(0, cut)), ...framer.push(stream.slice(cut))];
      const messages = frames.flatMap((frame) =>
        frame.kind === 'message' ? [fromOctets(frame.octets)] : [],
      );
      expect(messages).toEqual([INVITE, second]);
      expect(frames.filter((frame) => frame.kind === 'ping').length).toBe(2);
    }
  });

  it('R-51: also octet by octet', () => {
    const framer = new StreamFramer();
    const frames = [...stream].flatMap((octet) => framer.push(Uint8Array.of(octet)));
    expect(frames.filter((frame) => frame.kind === 'message').length).toBe(2);
  });

  it.each([
    ['no Content-Length', INVITE.replace('l: 4\r\n', '')],
    ['two of them', INVITE.replace('l: 4', 'l: 4\r\nContent-Length: 4')],
    ['a negative one', INVITE.replace('l: 4', 'l: -4')],
    ['a word', INVITE.replace('l: 4', 'l: four')],
  ])('ends the stream at a message with %s, which is still answered 400', (_, text) => {
    const [frame, ...more] = new StreamFramer().push(toOctets(text + INVITE));
    expect(more).toEqual([]);
    if (frame?.kind !== 'broken' || frame.message === null) throw new Error('a broken frame is expected');
    expect(judge(frame.message, 'lenient')).toMatchObject({ kind: 'reject', status: 400 });
  });

  it('an endless head or a huge body is cut off', () => {
    const framer = new StreamFramer({ head: 1000, message: 2000 });
    expect(framer.push(toOctets('INVITE sip:a@b SIP/2.0\r\n' + 'a'.repeat(2000)))[0]?.kind).toBe('broken');
    expect(framer.push(toOctets(INVITE))).toEqual([]);
    const other = new StreamFramer({ head: 1000, message: 2000 });
    expect(other.push(toOctets(INVITE.replace('l: 4', 'l: 5000')))[0]?.kind).toBe('broken');
  });
});

describe('URIs (RFC 3261 section 19.1.4, RFC 3966)', () => {
  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp', true],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5', true],
    ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on', true],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
      true,
    ],
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP', false],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060', false],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp', false],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp', false],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting', false],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4', false],
    ['tel:+1-201-555-0123', 'tel:+12015550123', true],
    ['tel:+12015550123', 'sip:+12015550123@home1.example', false],
    ['sip:a%2541@b', 'sip:a%41@b', false],
  ])('%s and %s: %s', (a, b, same) => {
    expect(sameUri(parseUri(a), parseUri(b))).toBe(same);
    expect(sameUri(parseUri(b), parseUri(a))).toBe(same);
  });

  it('have an address of record', () => {
    expect(addressOfRecord(parseUri('sips:%61lice@HOME1.Example:5061;transport=tcp'))).toBe(
      'sip:alice@home1.example',
    );
    expect(addressOfRecord(parseUri('tel:+1-201-(555).0123'))).toBe('tel:+12015550123');
    expect(parseUri('sip:user;par=u%40example.net@example.com')).toMatchObject({
      user: 'user;par=u%40example.net',
    });
    expect(parseUri('sip:[2001:db8::1]:5070')).toMatchObject({
      host: '[2001:db8::1]',
      port: 5070,
      user: null,
    });
  });

  it.each([
    'sip:',
    'sip:@x',
    'sip:a@',
    'sip:a b@c',
    'sip:a@b:99999',
    'tel:',
    'tel:+',
    'nothing',
    'sip:a@b;;c',
    'sip:a@-b',
  ])('%s is refused', (text) => {
    expect(() => parseUri(text)).toThrow(SipError);
  });
});
