import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../src/bytes/octets.ts';
import { decodeChain, encodeChain } from '../../src/mikey/chain.ts';
import { MikeyError } from '../../src/mikey/errors.ts';
import type { CommonHeader } from '../../src/mikey/header.ts';
import { decodeSrtpSessionData, encodeSrtpSessionData } from '../../src/mikey/header.ts';
import { decodeMessage, encodeMessage, onlyPayload, payloadsOf } from '../../src/mikey/message.ts';
import { decodeKeyIds, encodeKeyIds } from '../../src/mikey/payloads/ext.ts';
import { DATA_TYPE, PAYLOAD_TYPE } from '../../src/mikey/registry.ts';
import { chain, header, inner, plain } from './arbitrary.ts';
import { exchange, FILES, messagesOf, plaintextsOf } from './vectors.ts';

/** A header of ten octets, then what the test appends. */
const HEAD: CommonHeader = {
  version: 1,
  dataType: DATA_TYPE.ERROR,
  v: false,
  prfFunc: 1,
  csbId: 0x01020304,
  csCount: 0,
  csIdMapType: 1,
  csIdMap: { kind: 'empty' },
};

describe.each(FILES)('messages of %s', (file) => {
  const vector = exchange(file);

  it.each(messagesOf(vector))('%s decodes, and encodes to the same octets', (name, octets) => {
    const message = decodeMessage(octets);
    expect(toHex(encodeMessage(message))).toBe(toHex(octets));
    expect(message.header).toMatchObject({
      version: 1,
      dataType: DATA_TYPE[name as keyof typeof DATA_TYPE],
      prfFunc: vector.prfFunc,
      csbId: vector.csbId,
    });
    expect(message.payloads.map(({ kind }) => kind)).not.toContain('unknown');
  });

  it.each(messagesOf(vector))(
    '%s has the clear fields of the exchange where the RFC puts them',
    (name, octets) => {
      const message = decodeMessage(octets);
      const t = onlyPayload(message, 't');
      expect(toHex(t?.value ?? new Uint8Array())).toBe(name.endsWith('1') ? vector.time.T1 : vector.time.T2);
      const [idri, idrr] = payloadsOf(message, 'idr');
      expect(idri?.data).toEqual(utf8(vector.uri.i));
      expect([idri?.role, idrr?.role]).toEqual([1, 2]);
      if (name.startsWith('I_'))
        expect(toHex(onlyPayload(message, 'rand')?.rand ?? new Uint8Array())).toBe(vector.rand);
      const last = message.payloads.at(-1);
      expect((last?.offset ?? 0) + (last?.length ?? 0)).toBe(octets.length);
    },
  );

  it.each(plaintextsOf(vector))(
    'the plaintext chain of %s decodes, and encodes to the same octets',
    (_, octets) => {
      const payloads = decodeChain(PAYLOAD_TYPE.IDR, octets);
      expect(toHex(encodeChain(payloads))).toBe(toHex(octets));
      expect(payloads.map(({ kind }) => kind)).toContain('eccpt');
      for (const payload of payloads) {
        if (payload.kind !== 'eccpt') continue;
        expect(payload.curve).toBe(vector.curve);
        expect(payload.point[0]).toBe(4);
        expect(payload.kv.kind === 'spi' ? [vector.spi.i, vector.spi.r] : []).toContain(
          payload.kv.kind === 'spi' ? toHex(payload.kv.spi) : '',
        );
      }
    },
  );

  it.each(messagesOf(vector))('%s cut short anywhere, or lengthened, is refused', (_, octets) => {
    for (let length = 0; length < octets.length; length++) {
      expect(() => decodeMessage(octets.subarray(0, length)), `first ${length} octets`).toThrow(MikeyError);
    }
    expect(() => decodeMessage(concat(octets, Uint8Array.of(0)))).toThrow(MikeyError);
  });
});

describe('every payload', () => {
  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(header, chain, (head, payloads) => {
        const octets = encodeMessage({ header: head, payloads });
        const decoded = decodeMessage(octets);
        expect(decoded.header).toEqual(head);
        expect(decoded.payloads.map(plain)).toEqual(payloads.map(plain));
        expect(encodeMessage(decoded)).toEqual(octets);
      }),
    );
  });

  it('lies where its location says', () => {
    fc.assert(
      fc.property(header, chain, (head, payloads) => {
        const octets = encodeMessage({ header: head, payloads });
        const decoded = decodeMessage(octets);
        const parts = decoded.payloads.map(({ offset, length }) => octets.subarray(offset, offset + length));
        const start = decoded.payloads[0]?.offset ?? octets.length;
        expect(concat(octets.subarray(0, start), ...parts)).toEqual(octets);
      }),
    );
  });

  it('cut short anywhere is refused', () => {
    fc.assert(
      fc.property(fc.array(inner, { minLength: 1, maxLength: 2 }), (payloads) => {
        const octets = encodeMessage({ header: HEAD, payloads });
        for (let length = 0; length < octets.length; length++) {
          expect(() => decodeMessage(octets.subarray(0, length))).toThrow(MikeyError);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('arbitrary octets decode to a message that encodes to them, or are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.integer({ min: 0, max: 27 }), (tail, next) => {
        const octets = concat(fromHex('0106'), Uint8Array.of(next), fromHex('01010203040001'), tail);
        let decoded;
        try {
          decoded = decodeMessage(octets);
        } catch (error) {
          expect(error).toBeInstanceOf(MikeyError);
          return;
        }
        expect(toHex(encodeMessage(decoded))).toBe(toHex(octets));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('unknown values survive', () => {
  const tail = fromHex('00ff01020304');

  it.each([
    ['payload type', 99],
    ['V of an unregistered algorithm', PAYLOAD_TYPE.V],
    ['T of an unregistered type', PAYLOAD_TYPE.T],
    ['CHASH of an unregistered function', PAYLOAD_TYPE.CHASH],
    ['DH of an unregistered group', PAYLOAD_TYPE.DH],
    ['ECCPT of an unregistered curve', PAYLOAD_TYPE.ECCPT],
  ])('%s: kept to the end of the message', (_, type) => {
    const octets = concat(fromHex('0106'), Uint8Array.of(type), fromHex('01010203040001'), tail);
    const message = decodeMessage(octets);
    expect(message.payloads).toEqual([
      { kind: 'unknown', type, data: tail, offset: 10, length: tail.length },
    ]);
    expect(toHex(encodeMessage(message))).toBe(toHex(octets));
  });

  it('CS ID map of an unregistered type: kept with all that follows', () => {
    const octets = fromHex('0106050101020304' + '02fe' + 'aabbccdd');
    const message = decodeMessage(octets);
    expect(message.header.csIdMap).toEqual({ kind: 'unknown', nextPayload: 5, rest: fromHex('aabbccdd') });
    expect(toHex(encodeMessage(message))).toBe(toHex(octets));
  });

  it('version, data type, PRF func, roles, types and error numbers without a name: kept in place', () => {
    const octets = fromHex('07c80eff' + '01020304' + '0001' + '0cf0f1000142' + '00f2abcd');
    const message = decodeMessage(octets);
    expect(message.header).toMatchObject({ version: 7, dataType: 200, v: true, prfFunc: 127 });
    expect(message.payloads).toMatchObject([
      { kind: 'idr', role: 0xf0, type: 0xf1, data: fromHex('42') },
      { kind: 'err', errorNo: 0xf2, reserved: 0xabcd },
    ]);
    expect(toHex(encodeMessage(message))).toBe(toHex(octets));
  });
});

describe('what cannot be encoded is refused', () => {
  it('#CS or map type that contradicts the map', () => {
    expect(() => encodeMessage({ header: { ...HEAD, csIdMapType: 0 }, payloads: [] })).toThrow(MikeyError);
    const csIdMap = { kind: 'srtp-id' as const, entries: [] };
    expect(() =>
      encodeMessage({ header: { ...HEAD, csIdMapType: 0, csCount: 1, csIdMap }, payloads: [] }),
    ).toThrow(MikeyError);
  });

  it('a payload after SIGN or after one of unknown extent', () => {
    const rand = { kind: 'rand' as const, rand: new Uint8Array(16) };
    const sign = { kind: 'sign' as const, type: 1, signature: new Uint8Array(4) };
    const unknown = { kind: 'unknown' as const, type: 99, data: new Uint8Array(1) };
    expect(() => encodeMessage({ header: HEAD, payloads: [sign, rand] })).toThrow(MikeyError);
    expect(() => encodeMessage({ header: HEAD, payloads: [unknown, rand] })).toThrow(MikeyError);
  });

  it('fields that do not fit', () => {
    const payloads = [{ kind: 'v' as const, authAlg: 2, data: new Uint8Array(31) }];
    expect(() => encodeMessage({ header: HEAD, payloads })).toThrow(MikeyError);
    const long = [{ kind: 'ibake' as const, encrData: new Uint8Array(0x10000) }];
    expect(() => encodeMessage({ header: HEAD, payloads: long })).toThrow(MikeyError);
  });
});

describe('fields of fields', () => {
  it('ECCPT padding is zero and ends on a 32-bit boundary of the sub-payload (RFC 6267 6.1.4)', () => {
    const point = concat(Uint8Array.of(4), new Uint8Array(96).fill(7));
    const payload = {
      kind: 'eccpt' as const,
      curve: 11,
      point,
      authAlg: 0,
      tgkLen: 0,
      reserved: 0,
      kv: { kind: 'null' as const },
    };
    const octets = encodeChain([payload]);
    expect(octets.length).toBe(100 + 4);
    octets[99] = 1;
    expect(() => decodeChain(PAYLOAD_TYPE.ECCPT, octets)).toThrow(/padding/);
  });

  it('Key ID Information holds several key IDs (RFC 4563 4)', () => {
    const ids = [
      { type: 0, id: fromHex('010203') },
      { type: 1, id: fromHex('00000001') },
    ];
    expect(decodeKeyIds(encodeKeyIds(ids))).toEqual(ids);
    expect(toHex(encodeKeyIds(ids))).toBe('0003010203010400000001');
    expect(() => decodeKeyIds(fromHex('000301'))).toThrow(MikeyError);
  });

  it('SRTP session data have ROC and SEQ where S is set (RFC 6043 6.1.1)', () => {
    const full = { ssrc: 1, roc: 2, seq: 3 };
    expect(toHex(encodeSrtpSessionData(full))).toBe('00000001000000020003');
    expect(decodeSrtpSessionData(encodeSrtpSessionData(full), true)).toEqual(full);
    expect(decodeSrtpSessionData(fromHex('00000001'), false)).toEqual({ ssrc: 1, roc: null, seq: null });
    expect(() => decodeSrtpSessionData(fromHex('00000001'), true)).toThrow(MikeyError);
  });
});
