/** Arbitrary payloads, headers and messages of every registered kind, for properties. */
import fc from 'fast-check';
import { Secret } from '../../src/bytes/secret.ts';
import type { CommonHeader, CsIdMap } from '../../src/mikey/header.ts';
import type { Payload } from '../../src/mikey/payload.ts';
import type { KeyValidity } from '../../src/mikey/payloads/fields.ts';
import {
  DH_VALUE_OCTETS,
  ECC_FIELD_OCTETS,
  HASH_OCTETS,
  KEY_DATA_WITH_SALT,
  MAC_OCTETS,
  TS_OCTETS,
} from '../../src/mikey/registry.ts';

const u4 = fc.integer({ min: 0, max: 15 });
const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const octets = (maxLength = 64) => fc.uint8Array({ maxLength });
const secret = octets().map((value) => Secret.of(value));
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** An algorithm of a length table, with a value of its length. */
function sized(table: Readonly<Record<number, number>>): fc.Arbitrary<[number, Uint8Array]> {
  return fc
    .constantFrom(...Object.keys(table).map(Number))
    .chain((alg) => exactly(table[alg] ?? 0).map((value): [number, Uint8Array] => [alg, value]));
}

const validity: fc.Arbitrary<KeyValidity> = fc.oneof(
  fc.constant<KeyValidity>({ kind: 'null' }),
  octets(255).map((spi) => ({ kind: 'spi' as const, spi })),
  fc.tuple(octets(255), octets(255)).map(([from, to]) => ({ kind: 'interval' as const, from, to })),
);

const point = fc
  .tuple(fc.constantFrom(...Object.keys(ECC_FIELD_OCTETS).map(Number)), fc.constantFrom(0, 2, 3, 4, 6, 7))
  .chain(([curve, form]) => {
    const field = ECC_FIELD_OCTETS[curve] ?? 0;
    const length = form === 0 ? 0 : form < 4 ? field : 2 * field;
    return exactly(length).map((rest) => ({ curve, point: Uint8Array.of(form, ...rest) }));
  });

const policy = fc.record({
  ticketType: u16,
  subtype: u8,
  version: u8,
  prfFunc: fc.integer({ min: 0, max: 127 }),
  flags: fc.integer({ min: 0, max: 0xfff }),
  reserved: fc.integer({ min: 0, max: 31 }),
  tpData: octets(),
});

/** Every kind that may stand anywhere in a chain. */
export const inner: fc.Arbitrary<Payload> = fc.oneof(
  fc.tuple(u8, octets(), sized(MAC_OCTETS)).map(([encrAlg, encrData, [macAlg, mac]]): Payload => ({
    kind: 'kemac',
    encrAlg,
    encrData,
    macAlg,
    mac,
  })),
  fc.record({ kind: fc.constant('pke' as const), cache: fc.integer({ min: 0, max: 3 }), data: octets() }),
  fc
    .tuple(sized(DH_VALUE_OCTETS), u4, validity)
    .map(([[group, value], reserved, kv]): Payload => ({ kind: 'dh', group, value, reserved, kv })),
  sized(TS_OCTETS).map(([tsType, value]): Payload => ({ kind: 't', tsType, value })),
  fc
    .tuple(u8, sized(TS_OCTETS))
    .map(([role, [tsType, value]]): Payload => ({ kind: 'tr', role, tsType, value })),
  fc.record({ kind: fc.constantFrom('id' as const, 'cert' as const), type: u8, data: octets() }),
  fc.record({ kind: fc.constant('idr' as const), role: u8, type: u8, data: octets() }),
  sized(HASH_OCTETS).map(([hashFunc, hash]): Payload => ({ kind: 'chash', hashFunc, hash })),
  sized(MAC_OCTETS).map(([authAlg, data]): Payload => ({ kind: 'v', authAlg, data })),
  fc.record({
    kind: fc.constant('sp' as const),
    policyNo: u8,
    protType: u8,
    params: fc.array(fc.record({ type: u8, value: octets(255) }), { maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant('rand' as const), rand: octets(255) }),
  fc.record({ kind: fc.constant('randr' as const), role: u8, rand: octets(255) }),
  fc.record({ kind: fc.constant('err' as const), errorNo: u8, reserved: u16 }),
  policy.map((p): Payload => ({ kind: 'tp', ...p })),
  fc
    .tuple(policy, octets(), octets())
    .map(([p, ticketData, initiatorData]): Payload => ({ kind: 'ticket', ...p, ticketData, initiatorData })),
  fc.tuple(u4, secret, secret, validity).map(([type, key, salt, kv]): Payload => ({
    kind: 'key-data',
    type,
    key,
    salt: KEY_DATA_WITH_SALT.has(type) ? salt : null,
    kv,
  })),
  fc.record({ kind: fc.constant('ext' as const), type: u8, data: octets() }),
  fc.record({ kind: fc.constantFrom('ibake' as const, 'esk' as const), encrData: octets() }),
  fc.record({ kind: fc.constant('sk' as const), type: u4, key: secret, kv: validity }),
  fc.tuple(point, u8, u16, u4, validity).map(([at, authAlg, tgkLen, reserved, kv]): Payload => ({
    kind: 'eccpt',
    ...at,
    authAlg,
    tgkLen,
    reserved,
    kv,
  })),
);

/** Kinds that can only be the last. */
const last: fc.Arbitrary<Payload> = fc.oneof(
  inner,
  fc.record({ kind: fc.constant('sign' as const), type: u4, signature: octets() }),
  fc.record({
    kind: fc.constant('unknown' as const),
    type: fc.integer({ min: 27, max: 255 }),
    data: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
);

export const chain: fc.Arbitrary<Payload[]> = fc
  .tuple(fc.array(inner, { maxLength: 5 }), last)
  .map(([payloads, end]) => [...payloads, end]);

const map: fc.Arbitrary<{ csCount: number; csIdMapType: number; csIdMap: CsIdMap }> = fc.oneof(
  fc.array(fc.record({ policyNo: u8, ssrc: u32, roc: u32 }), { maxLength: 5 }).map((entries) => ({
    csCount: entries.length,
    csIdMapType: 0,
    csIdMap: { kind: 'srtp-id' as const, entries },
  })),
  u8.map((csCount) => ({ csCount, csIdMapType: 1, csIdMap: { kind: 'empty' as const } })),
  fc
    .array(
      fc.record({
        csId: u8,
        protType: u8,
        s: fc.boolean(),
        policies: fc.array(u8, { maxLength: 127 }),
        sessionData: octets(),
        spi: octets(255),
      }),
      { maxLength: 3 },
    )
    .map((entries) => ({
      csCount: entries.length,
      csIdMapType: 2,
      csIdMap: { kind: 'generic-id' as const, entries },
    })),
);

export const header: fc.Arbitrary<CommonHeader> = fc
  .tuple(
    fc.record({
      version: u8,
      dataType: u8,
      v: fc.boolean(),
      prfFunc: fc.integer({ min: 0, max: 127 }),
      csbId: u32,
    }),
    map,
  )
  .map(([fixed, mapped]) => ({ ...fixed, ...mapped }));

/** A payload as plain data: secrets in hex, without its location. */
export function plain(payload: Payload): unknown {
  const fields = Object.entries(payload).filter(([name]) => name !== 'offset' && name !== 'length');
  return Object.fromEntries(
    fields.map(([name, value]: [string, unknown]) => [
      name,
      value instanceof Secret ? Buffer.from(value.expose()).toString('hex') : value,
    ]),
  );
}
