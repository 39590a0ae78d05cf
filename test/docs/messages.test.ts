/** docs/mikey-ibake: its figures are those of the test vectors, octet for octet. */
import { constants, createHash, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Reader } from '../../src/bytes/reader.ts';
import { decodeChain, payloadType } from '../../src/mikey/chain.ts';
import { ntpName } from '../../src/mikey/describe-values.ts';
import { readHeader } from '../../src/mikey/header.ts';
import { decodeMessage } from '../../src/mikey/message.ts';
import { PAYLOADS } from '../../src/mikey/payloads/all.ts';
import * as registry from '../../src/mikey/registry.ts';
import { formatKeyManagement, parseKeyManagement } from '../../src/sip/key-management.ts';
import { payloadOf, readMessage } from '../vector-sets/independent/mikey-reader.ts';
import { page, root, tableRows } from './support.ts';

const product = {
  ...{ Reader, readHeader, decodeMessage, decodeChain, payloadType, PAYLOADS, registry, ntpName },
  formatKeyManagement,
};
const { PAGES, messagesPage } = (await import(path.join(root, 'scripts/docs-messages.mjs'))) as {
  PAGES: readonly string[];
  messagesPage: (name: string, product: object) => Promise<string>;
};
const { diagram } = (await import(path.join(root, 'scripts/octets/diagram.mjs'))) as {
  diagram: (fields: readonly object[]) => string[];
};

interface Kept {
  readonly message: string;
  readonly plaintext?: string;
  readonly esk?: { readonly plaintext: string };
}

function kept(set: string, message: string): Kept {
  const json: unknown = JSON.parse(readFileSync(path.join(root, 'test/vectors', `${set}.json`), 'utf8'));
  const [name = '', ...above] = message.split('/').toReversed();
  const at = [...above.toReversed(), 'messages', name];
  return at.reduce((holder, key) => (holder as Record<string, unknown>)[key], json) as Kept;
}

/** The octets of a message, or of the plaintext in its container. */
function octetsOf(set: string, message: string, within: string | undefined): Buffer {
  const found = kept(set, message);
  if (within === 'esk') return Buffer.from(found.esk?.plaintext ?? '', 'hex');
  return within === undefined
    ? Buffer.from(found.message, 'base64')
    : Buffer.from(found.plaintext ?? '', 'hex');
}

interface Mark {
  readonly what: string;
  readonly octets: Buffer;
  readonly set: string;
  readonly message: string;
  readonly part: string;
  readonly block: readonly string[];
}

/** The figures of a page, each with what it is of. */
function marks(name: string): Mark[] {
  const text = page(`docs/mikey-ibake/${name}`);
  const mark = /<!-- (\w+): (\S+) ([\w/]+)(?::(\w+))?(?: (\w+))? -->\n\n((?:.+\n)+)/g;
  return [...text.matchAll(mark)].map(
    ([, what = '', set = '', message = '', within, part = '', block = '']) => {
      const lines = block.trimEnd().split('\n');
      return { what, octets: octetsOf(set, message, within), set, message, part, block: lines };
    },
  );
}

/** The bits that a diagram shows, `.` for those that it leaves out: value lines hold hex and nothing else. */
function bitsOf(lines: readonly string[]): string {
  let bits = '';
  for (const [at, line] of lines.entries()) {
    const cells = line.split(/[|~]/).slice(1, -1);
    if (line.startsWith('~')) {
      const octets = /(\d+) (?:more )?octets/.exec(line)?.[1];
      const value = (lines[at + 1] ?? '').replace(/[^0-9a-f]/g, '');
      if (octets !== undefined) bits += binary(value, 32) + '.'.repeat(8 * Number(octets) - 32);
      continue;
    }
    if (!line.startsWith('|') || !cells.every((cell) => /^ ?[0-9a-f ]*$/.test(cell))) continue;
    for (const cell of cells) bits += binary(cell.replaceAll(' ', ''), (cell.length + 1) / 2);
  }
  return bits;
}

function binary(hex: string, bits: number): string {
  return hex === '' ? '' : BigInt(`0x${hex}`).toString(2).padStart(bits, '0');
}

describe.each(PAGES)('docs/mikey-ibake/%s', (name) => {
  it('R-40: is what node scripts/docs-messages.mjs makes', async () => {
    expect(page(`docs/mikey-ibake/${name}`)).toBe(await messagesPage(name, product));
    expect(marks(name).length).toBeGreaterThan(0);
  });
});

describe('bit diagrams', () => {
  const all = marks('payloads.md').filter(({ what }) => what === 'diagram');

  it('R-40: there are those of the payloads of RFC 6267, and of every other that its messages have', () => {
    const text = page('docs/mikey-ibake/payloads.md');
    for (const kind of ['IBAKE', 'ESK', 'SK', 'ECCPT'] as const)
      expect(text).toContain(`\n## ${registry.PAYLOAD_TYPE[kind]}: ${kind}\n`);
    const drawn = new Set(all.map(({ part }) => part));
    const within = marks('messages.md').filter(({ what }) => what === 'octets');
    const parts = new Set(
      within.flatMap(({ block }) => block.slice(2).map((row) => row.split('|')[1]?.trim())),
    );
    expect([...parts].filter((part) => part !== '' && !drawn.has(part ?? ''))).toEqual([]);
  });

  it.each(all.map((mark) => [`${mark.message} ${mark.part}`, mark] as const))(
    'R-40: %s shows the bits that are in the message, each at its place',
    (_, { octets, part, block }) => {
      const shown = bitsOf(block.slice(1, -1));
      expect(shown.length % 8).toBe(0);
      const whole = [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('');
      const starts = [...octets.keys()].filter((at) => {
        const there = whole.slice(8 * at, 8 * at + shown.length);
        return (
          there.length === shown.length &&
          Array.from(shown).every((bit, i) => bit === '.' || bit === there[i])
        );
      });
      expect(starts.length, part).toBeGreaterThan(0);
      if (part === 'HDR') expect(starts).toContain(0);
    },
  );

  it('R-40: what they are of is a payload whole, as a reader that shares no code with the product finds it', () => {
    for (const { octets, part, block, message } of all.filter(
      ({ part }) => part === 'IBAKE' || part === 'V',
    )) {
      const type = part === 'V' ? 9 : 22;
      const found = payloadOf(readMessage(octets.toString('base64')), type);
      expect(bitsOf(block.slice(1, -1)).length, `${message} ${part}`).toBe(8 * found.octets.length);
    }
  });

  it('draws what does not fill a row, what goes on in the next and what is too long', () => {
    const field = (name: string, octets: number[], bits = 8 * octets.length) => ({
      ...{ name, bits, at: 0, octets: Uint8Array.from(octets) },
      value: octets[0] ?? 0,
    });
    const long = Array.from({ length: 41 }, (_, i) => i);
    expect(diagram([field('a', [1]), field('b', [2, 3, 4, 5])]).slice(2)).toEqual([
      '+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+',
      '| a             | b                                             |',
      '| 01            | 02 03 04                                      |',
      '+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+',
      '| 05            |',
      '+-+-+-+-+-+-+-+-+',
    ]);
    expect(diagram([field('c', long), field('d', [9])]).slice(3)).toEqual([
      '~ c, 41 octets                                                  ~',
      '~ 00 01 02 03 …                                                 ~',
      '+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+',
      '| d             |',
      '| 09            |',
      '+-+-+-+-+-+-+-+-+',
    ]);
  });
});

describe('messages', () => {
  const all = marks('messages.md').filter(({ what }) => what === 'octets');

  it('R-40: each of data types 19 to 25 has its section', () => {
    const text = page('docs/mikey-ibake/messages.md');
    const types = Object.entries(registry.DATA_TYPE).filter(([, value]) => value >= 19 && value <= 25);
    expect(types).toHaveLength(7);
    for (const [name, value] of types) expect(text).toContain(`\n## ${value}: ${name}\n`);
  });

  it.each(all.map((mark) => [`${mark.set} ${mark.message}, ${mark.octets.length} octets`, mark] as const))(
    'R-40: %s: every octet is in the table, once, as it is',
    (_, { octets, block }) => {
      let bits = 0;
      for (const [, from, size = '', , holds = ''] of tableRows(block.join('\n'), 'part')) {
        const wide = size.includes('bit') ? Number.parseInt(size, 10) : 8 * Number(size);
        expect(Number(from), `octet ${from ?? ''}`).toBe(wide % 8 === 0 ? bits / 8 : Number(from));
        if (wide % 8 === 0) {
          const shown = holds.replace(/[^0-9a-f]/g, '');
          expect(octets.subarray(bits / 8, bits / 8 + Math.min(8, wide / 8)).toString('hex')).toBe(shown);
        }
        bits += wide;
      }
      expect(bits).toBe(8 * octets.length);
    },
  );

  it('R-41: the request with a certificate is a true one: its signature and the hash of the KMS’s certificate are right', () => {
    const kept = JSON.parse(page('test/vectors/request-key-pke/request.json')) as {
      district: string;
      uris: string[];
      certificates: { device: string; kms: string };
      messages: { REQUEST_KEY_PKE: { message: string } };
    };
    const octets = Buffer.from(kept.messages.REQUEST_KEY_PKE.message, 'base64');
    const device = new X509Certificate(Buffer.from(kept.certificates.device, 'base64'));
    const signed = Buffer.concat([octets.subarray(0, -256), Buffer.from(kept.uris.join('') + kept.district)]);
    const key = { key: device.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    expect(verify('sha256', signed, key, octets.subarray(-256))).toBe(true);
    const hash = createHash('sha256').update(Buffer.from(kept.certificates.kms, 'base64')).digest();
    expect(octets.includes(hash)).toBe(true);
  });
});

it('R-40: the line in SDP is one that is read as the message', () => {
  const [mark] = marks('sdp.md');
  const line = mark?.block[1] ?? '';
  expect(line).toMatch(/^a=key-mgmt:/);
  const { protocol, data } = parseKeyManagement(line.slice('a=key-mgmt:'.length));
  expect(protocol).toBe('mikey');
  expect(Buffer.from(data)).toEqual(mark?.octets);
});
