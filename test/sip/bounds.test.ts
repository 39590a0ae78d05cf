/** work over a message grows with its octets and no faster, and what is too much is answered. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { StreamFramer } from '../../src/sip/framing.ts';
import { parseMessage, readMessage, SipRequest } from '../../src/sip/message.ts';
import { fromOctets, toOctets } from '../../src/sip/text.ts';
import { judge } from '../../src/sip/verdict.ts';

const HEAD = [
  'Via: SIP/2.0/UDP a;branch=z9hG4bK1',
  'From: <sip:a@b>;tag=1',
  'To: <sip:c@d>',
  'Call-ID: 1',
  'CSeq: 1 OPTIONS',
  'Max-Forwards: 70',
];

function message(more: readonly string[], uri = 'sip:c@d', body = ''): Uint8Array {
  const lines = [`OPTIONS ${uri} SIP/2.0`, ...HEAD, ...more, `Content-Length: ${body.length}`];
  return toOctets(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

function values(name: string, value: string, count: number): string {
  return `${name}: ${Array.from({ length: count }, () => value).join(', ')}`;
}

describe('R-70: a message with too much of something', () => {
  it.each([
    ['2,221 Routes in a line', [values('Route', '<sip:cscf.home1.example;lr>', 2221)], 400],
    ['257 Routes', [values('Route', '<sip:x;lr>', 257)], 400],
    ['256 Routes', [values('Route', '<sip:x;lr>', 256)], null],
    ['1,000 Vias in a line', [values('Via', 'SIP/2.0/UDP x;branch=z9hG4bK2', 1000)], 400],
    ['1,000 Contacts', [values('Contact', '<sip:x>', 1000)], 400],
    ['1,000 Record-Routes', [values('Record-Route', '<sip:x;lr>', 1000)], 400],
    ['129 parameters in From', ['X: 1'], 400, `;${Array.from({ length: 128 }, (_, i) => `a${i}`).join(';')}`],
    [
      '128 parameters in From',
      ['X: 1'],
      null,
      `;${Array.from({ length: 127 }, (_, i) => `a${i}`).join(';')}`,
    ],
    ['1,000 parameters in Via', [`Via: SIP/2.0/UDP x${';a'.repeat(1000)}`], 400],
    ['600 lines', Array.from({ length: 600 }, (_, i) => `X-${i}: 1`), 400],
    ['500 lines', Array.from({ length: 500 }, (_, i) => `X-${i}: 1`), null],
  ])('%s', (_, lines, status, params = '') => {
    const octets = toOctets(fromOctets(message(lines)).replace(';tag=1', `;tag=1${params}`));
    const verdict = judge(readMessage(octets), 'lenient');
    expect(verdict.kind === 'reject' ? verdict.status : null).toBe(status);
  });

  it('a Request-URI that is too long is answered 414', () => {
    const verdict = judge(readMessage(message([], `sip:${'c'.repeat(5000)}@d`)), 'lenient');
    expect(verdict).toMatchObject({ kind: 'reject', status: 414 });
  });

  it.each([
    ['head', message([`Subject: ${'x'.repeat(3000)}`])],
    ['body', message([], 'sip:c@d', 'x'.repeat(3000))],
  ])('a stream whose %s is too large ends, and its sender is answered 513', (_, octets) => {
    const [frame] = new StreamFramer({ head: 2000, message: 2500 }).push(octets);
    if (frame?.kind !== 'broken' || frame.message === null) throw new Error('a broken frame is expected');
    expect(judge(frame.message, 'lenient')).toMatchObject({ kind: 'reject', status: 513 });
  });

  it('who does not answer gets an error', () => {
    const lines = Array.from({ length: 600 }, (_, i) => `X-${i}: 1`);
    expect(() => parseMessage(message(lines))).toThrow('too many header lines');
  });
});

describe('R-70: elements of a list field', () => {
  it('are taken out from the front over several lines, and what is left stays as it is', () => {
    const request = new SipRequest('OPTIONS', 'sip:c@d');
    for (const value of ['<sip:1>, <sip:2>', '<sip:3>', '<sip:4>,  <sip:5>', '<sip:6>,<sip:7>'])
      request.append('Route', value);
    request.dropFirst('Route', 4);
    expect(request.all('Route')).toEqual(['<sip:5>', '<sip:6>,<sip:7>']);
    request.dropFirst('Route', 9);
    expect(request.all('Route')).toEqual([]);
  });
});

describe('R-70: a stream octet by octet', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([
    ['head', message([`Subject: ${'x'.repeat(20_000)}`])],
    ['body', message([], 'sip:c@d', 'x'.repeat(20_000))],
    ['pings', toOctets('\r\n\r\n'.repeat(5000))],
    ['blank lines', toOctets('\r\n'.repeat(10_001))],
  ])(
    'with a large part of %s: each octet is moved and searched a few times, however many there are',
    (_, octets) => {
      const [set, indexOf] = [vi.spyOn(Uint8Array.prototype, 'set'), vi.spyOn(Buffer.prototype, 'indexOf')];
      const framer = new StreamFramer();
      for (const octet of octets) framer.push(Uint8Array.of(octet));
      const moved = set.mock.calls.reduce((sum, [source]) => sum + source.length, 0);
      const searched = indexOf.mock.calls.reduce(
        (sum, [, from], i) => sum + (indexOf.mock.contexts[i] as Buffer).length - Number(from),
        0,
      );
      expect(framer.buffered).toBeLessThan(4);
      expect(moved).toBeLessThan(5 * octets.length);
      expect(searched).toBeLessThan(6 * octets.length);
    },
  );
});
