import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { describeMessage, renderMessage } from '../../src/mikey/describe.ts';
import { decodeMessage, encodeMessage } from '../../src/mikey/message.ts';
import { unixMsFromNtp } from '../../src/mikey/ntp.ts';
import { chain, header } from './arbitrary.ts';
import { exchange, FILES, messagesOf } from './vectors.ts';

describe.each(FILES)('the rendering of %s', (file) => {
  const vector = exchange(file);

  it.each(messagesOf(vector))(
    'of %s names the message, its identities, its time and its payloads',
    (name, octets) => {
      const text = renderMessage(describeMessage(decodeMessage(octets), octets.length));
      expect(text.split('\n')[0]).toBe(`${name}, ${octets.length} octets`);
      expect(text).toContain(`ID Data: ${vector.uri.i}`);
      expect(text).toContain(`CSB ID: 0x${vector.csbId.toString(16).padStart(8, '0')}`);
      const t = fromHex(name.endsWith('1') ? vector.time.T1 : vector.time.T2);
      expect(text).toContain(new Date(Math.floor(unixMsFromNtp(t))).toISOString());
    },
  );
});

describe('the rendering', () => {
  it('exists for every message, as JSON too, and shows no key', () => {
    fc.assert(
      fc.property(header, chain, (head, payloads) => {
        const key = new Uint8Array(16).map((_, i) => 0xa5 ^ (37 * i));
        const secret = {
          kind: 'key-data' as const,
          type: 7,
          key: Secret.of(key),
          salt: null,
          kv: { kind: 'null' as const },
        };
        const octets = encodeMessage({ header: head, payloads: [secret, ...payloads] });
        const message = decodeMessage(octets);
        const described = describeMessage(message, octets.length);
        const text = renderMessage(described);
        expect(text.endsWith('\n')).toBe(true);
        expect(JSON.stringify(described) + text).not.toContain(toHex(key));
        expect(described.payloads.length).toBe(payloads.length + 1);
      }),
    );
  });
});
