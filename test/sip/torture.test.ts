/** RFC 4475: every one of its 49 messages, bit exact from the archive in its appendix, with a verdict each. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../src/sip/message.ts';
import { admit, judge } from '../../src/sip/verdict.ts';
import type { Abilities, Verdict } from '../../src/sip/verdict.ts';
import { missingShared, sharedPath } from '../support/shared.ts';

type Outcome = 'accept' | 'discard' | number;

const PROXY: Abilities = {
  role: 'proxy',
  methods: null,
  schemes: ['sip', 'sips', 'tel'],
  options: [],
  bodies: null,
};
const AGENT: Abilities = {
  role: 'user-agent',
  methods: ['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'MESSAGE', 'REGISTER'],
  schemes: ['sip', 'sips'],
  options: ['100rel'],
  bodies: ['application/sdp'],
};

/** name → strict, lenient (RFC 4475 text), then what a proxy and a user agent do with it once it is well-formed. */
const TABLE: Readonly<Record<string, readonly [Outcome, Outcome, Outcome, Outcome]>> = {
  // 3.1.1 valid messages
  wsinv: ['accept', 'accept', 'accept', 'accept'],
  intmeth: ['accept', 'accept', 'accept', 501],
  esc01: ['accept', 'accept', 'accept', 'accept'],
  escnull: ['accept', 'accept', 'accept', 'accept'],
  esc02: ['accept', 'accept', 'accept', 501],
  lwsdisp: ['accept', 'accept', 'accept', 'accept'],
  longreq: ['accept', 'accept', 'accept', 'accept'],
  dblreq: ['accept', 'accept', 'accept', 'accept'],
  semiuri: ['accept', 'accept', 'accept', 'accept'],
  transports: ['accept', 'accept', 'accept', 'accept'],
  mpart01: ['accept', 'accept', 'accept', 415],
  unreason: ['accept', 'accept', 'accept', 'accept'],
  noreason: ['accept', 'accept', 'accept', 'accept'],
  // 3.1.2 invalid messages
  badinv01: [400, 400, 400, 400],
  clerr: [400, 400, 400, 400],
  ncl: [400, 400, 400, 400],
  scalar02: [400, 400, 400, 400],
  scalarlg: ['discard', 'discard', 'discard', 'discard'],
  quotbal: [400, 400, 400, 400],
  ltgtruri: [400, 400, 400, 400],
  lwsruri: [400, 400, 400, 400],
  lwsstart: [400, 'accept', 'accept', 'accept'],
  trws: [400, 'accept', 'accept', 'accept'],
  escruri: [400, 400, 400, 400],
  baddate: [400, 'accept', 'accept', 'accept'],
  regbadct: [400, 400, 400, 400],
  badaspec: [400, 400, 400, 400],
  baddn: [400, 400, 400, 400],
  badvers: [505, 505, 505, 505],
  mismatch01: [400, 400, 400, 400],
  mismatch02: [501, 501, 501, 501],
  bigcode: ['discard', 'discard', 'discard', 'discard'],
  // 3.2 transaction layer
  badbranch: [400, 400, 400, 400],
  // 3.3 application layer
  insuf: [400, 400, 400, 400],
  unkscm: ['accept', 'accept', 416, 416],
  novelsc: ['accept', 'accept', 416, 416],
  unksm2: ['accept', 'accept', 'accept', 'accept'],
  bext01: ['accept', 'accept', 420, 420],
  invut: ['accept', 'accept', 'accept', 415],
  regaut01: ['accept', 'accept', 'accept', 'accept'],
  multi01: [400, 400, 400, 400],
  mcl01: [400, 400, 400, 400],
  bcast: ['accept', 'accept', 'accept', 'accept'],
  zeromf: ['accept', 'accept', 483, 'accept'],
  cparam01: ['accept', 'accept', 'accept', 'accept'],
  cparam02: ['accept', 'accept', 'accept', 'accept'],
  regescrt: ['accept', 'accept', 'accept', 'accept'],
  sdp01: ['accept', 'accept', 'accept', 406],
  // 3.4 backward compatibility
  inv2543: [400, 'accept', 'accept', 'accept'],
};

const file = 'rfc/rfc4475.txt';

describe.skipIf(missingShared(file))('RFC 4475', () => {
  const messages = missingShared(file) ? new Map<string, Uint8Array>() : archive();

  it('has 49 messages, all in the table', () => {
    expect([...messages.keys()].sort()).toEqual(Object.keys(TABLE).sort());
    expect(messages.size).toBe(49);
  });

  it.each(Object.entries(TABLE))('%s', (name, [strict, lenient, proxy, agent]) => {
    const octets = messages.get(name)!;
    const message = parseMessage(octets);
    expect(outcome(judge(message, 'strict'))).toBe(strict);
    const verdict = judge(message, 'lenient');
    expect(outcome(verdict)).toBe(lenient);
    const as = (abilities: Abilities): Outcome =>
      verdict.kind === 'accept' && message.kind === 'request'
        ? outcome(admit(message, abilities))
        : outcome(verdict);
    expect([as(PROXY), as(AGENT)]).toEqual([proxy, agent]);
  });

  it.each(Object.keys(TABLE))('%s keeps its octets, but for what is no part of it', (name) => {
    const octets = messages.get(name)!;
    const out = parseMessage(octets).serialise();
    if (name === 'lwsstart' || name === 'trws') expect(out.length).toBe(octets.length - 2);
    else
      expect(Buffer.from(octets).subarray(0, out.length).equals(out.subarray(0, octets.length))).toBe(true);
    // Of the others, only dblreq has something behind it.
    expect(out.length === octets.length || ['dblreq', 'lwsstart', 'trws', 'baddn'].includes(name)).toBe(true);
  });

  it('baddn is refused for its names too, where the blank line that the archive left out is there', () => {
    const verdict = judge(
      parseMessage(Buffer.concat([messages.get('baddn')!, Buffer.from('\r\n')])),
      'lenient',
    );
    expect(verdict).toMatchObject({ kind: 'reject', status: 400, problem: 'From: not a name and address' });
  });
});

function outcome(verdict: Verdict): Outcome {
  return verdict.kind === 'reject' ? verdict.status : verdict.kind;
}

/** The tar of the appendix: 512-octet headers with name and octal size. Its `test.dat` is not in the RFC's text. */
function archive(): Map<string, Uint8Array> {
  const text = readFileSync(sharedPath(file), 'latin1');
  const block = /\n *-- BEGIN MESSAGE ARCHIVE --\r?\n([^]*?)-- END MESSAGE ARCHIVE --/.exec(text)?.[1] ?? '';
  const base64 = block
    .split('\n')
    .filter((line) => /^\s*[^\s]+\s*$/.test(line))
    .join('')
    .replace(/\s/g, '');
  const tar = gunzipSync(Buffer.from(base64, 'base64'));
  const messages = new Map<string, Uint8Array>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const name = /^[^\0]*/.exec(tar.toString('latin1', at, at + 100))![0];
    const size = parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    if (name.endsWith('.dat') && name !== 'test.dat')
      messages.set(name.replace(/^.*\/|\.dat$/g, ''), tar.subarray(at + 512, at + 512 + size));
    at += 512 * (1 + Math.ceil(size / 512));
  }
  return messages;
}
