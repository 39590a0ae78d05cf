/**
 * What must hold of what LEMFs have in their files, however often processes were killed: of each LIID and CIN the numbers
 * on HI2 and on HI3 are 0…n−1, each once; a call has one CIN; the payloads are those of a DF in one process with the same
 * input, its CIN and times of mediation aside; each key is there, once; and of content there is as much as was reported.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { TIME_STAMP_QUALIFIER } from '../../src/wire/hi/header.ts';
import type { PsPdu } from '../../src/wire/hi/ps-pdu.ts';
import { deliveredOf } from '../support/handed-over.ts';

type Reference = 'hi2' | 'hi3';

/** What was delivered of one call under one warrant. */
interface Delivered {
  readonly liid: string;
  readonly cin: number;
  readonly numbers: Readonly<Record<Reference, number[]>>;
  /** Each payload as text, without CIN and times of the mediation. */
  readonly payloads: Readonly<Record<Reference, string[]>>;
  /** Each key by its crypto session and a hash. */
  readonly keys: string[];
}

/** What there is to judge by. */
export interface Expectation {
  /** Folder of the LEMF of the run in one process. */
  readonly folder: string;
  /** How many packets were reported, by LIID. */
  readonly packets: ReadonlyMap<string, number>;
}

/** How many of a kind are named in one fault. */
const TOLD = 5;

/** What does not hold. @param folder of the LEMF */
export function faultsOf(folder: string, expected: Expectation): { faults: string[]; delivered: number } {
  const own = [...deliveriesIn(folder).values()];
  const theirs = [...deliveriesIn(expected.folder).values()];
  const faults = [
    ...own.flatMap(numberFaults),
    ...own.flatMap(keyFaults),
    ...callFaults(own),
    ...payloadFaults(byCall(own), byCall(theirs)),
    ...[...expected.packets].flatMap(([liid, count]) => packetFaults(own, liid, count)),
  ];
  return {
    faults,
    delivered: own.reduce((sum, { numbers: { hi2, hi3 } }) => sum + hi2.length + hi3.length, 0),
  };
}

/* ---------------------------------------------------------------- helpers */

function deliveriesIn(folder: string): Map<string, Delivered> {
  const found = new Map<string, Delivered>();
  for (const reference of ['hi2', 'hi3'] as const)
    for (const pdu of deliveredOf(path.join(folder, `${reference}.ber`))) {
      const { liid, cin, sequenceNumber } = pdu.header;
      const key = `${liid} ${String(cin)}`;
      const delivered = found.get(key) ?? {
        ...{
          liid,
          cin: Number(cin),
          numbers: { hi2: [], hi3: [] },
          payloads: { hi2: [], hi3: [] },
          keys: [],
        },
      };
      found.set(key, delivered);
      delivered.numbers[reference].push(sequenceNumber);
      delivered.payloads[reference].push(payloadText(pdu));
      delivered.keys.push(...keysIn(pdu));
    }
  return found;
}

/** Secrets by their hashes: what does not hold is printed. */
function payloadText({ header, payload }: PsPdu): string {
  const isMediated = header.timeStampQualifier !== TIME_STAMP_QUALIFIER.timeOfInterception;
  return JSON.stringify(payload, function (this: Record<string, unknown>, name, value: unknown) {
    const own = this[name];
    if (own instanceof Secret) return hashOf(own);
    if (isMediated && name === 'time') return undefined;
    if (own instanceof Uint8Array) return toHex(own);
    return typeof value === 'bigint' ? String(value) : value;
  });
}

function keysIn({ payload }: PsPdu): string[] {
  if (payload.kind !== 'iri') return [];
  return payload.records.flatMap(({ contents }) =>
    contents.kind === 'eps'
      ? (contents.record.keys ?? []).map(({ csId, key }) => `${toHex(csId)} ${hashOf(key)}`)
      : [],
  );
}

function hashOf(secret: Secret): string {
  return createHash('sha256').update(secret.expose()).digest('hex');
}

function nameOf({ liid, cin }: Delivered): string {
  return `${liid}, CIN ${cin}`;
}

function numberFaults(delivered: Delivered): string[] {
  return (['hi2', 'hi3'] as const).flatMap((reference) => {
    const numbers = delivered.numbers[reference].toSorted((a, b) => a - b);
    const seen = new Set(numbers);
    const twice = numbers.filter((number, at) => number === numbers[at - 1]);
    const lacking = Array.from({ length: numbers.at(-1) ?? 0 }, (_, n) => n).filter((n) => !seen.has(n));
    const told = (what: string, list: readonly number[]): string[] =>
      list.length === 0
        ? []
        : [`${nameOf(delivered)}, ${reference}: ${what} ${list.slice(0, TOLD).join(', ')} (${list.length})`];
    return [...told('twice: number', twice), ...told('not there: number', lacking)];
  });
}

function keyFaults(delivered: Delivered): string[] {
  const { keys } = delivered;
  if (keys.length === 0) return [`${nameOf(delivered)}: no key`];
  const twice = keys.filter((key, at) => keys.indexOf(key) !== at);
  return twice.length === 0 ? [] : [`${nameOf(delivered)}: ${twice.length} keys more than once`];
}

/** By what generated messages and packets say of which call they are: in hex, as octets are written here. */
function callsOf({ payloads }: Delivered): string[] {
  const found = [...payloads.hi2, ...payloads.hi3].flatMap((text) =>
    [...text.matchAll(CALL)].map(([, digits = '']) => Buffer.from(digits, 'hex').toString()),
  );
  return [...new Set(found)];
}

/** `chaos-N@` */
const CALL = new RegExp(`${Buffer.from('chaos-').toString('hex')}((?:3[0-9])+)40`, 'g');

function callFaults(all: readonly Delivered[]): string[] {
  const seen = new Map<string, Delivered>();
  return all.flatMap((delivered) => {
    const calls = callsOf(delivered);
    if (calls.length !== 1) return [`${nameOf(delivered)}: of ${calls.length} calls (${calls.join(', ')})`];
    const key = `${delivered.liid} ${calls[0] ?? ''}`;
    const other = seen.get(key);
    seen.set(key, delivered);
    return other === undefined ? [] : [`call ${calls[0] ?? ''}: ${nameOf(other)} and ${nameOf(delivered)}`];
  });
}

function byCall(all: readonly Delivered[]): Map<string, Delivered> {
  return new Map(
    all.map((delivered) => [`${delivered.liid}, call ${callsOf(delivered)[0] ?? '?'}`, delivered]),
  );
}

function payloadFaults(
  own: ReadonlyMap<string, Delivered>,
  theirs: ReadonlyMap<string, Delivered>,
): string[] {
  const keys = [...new Set([...own.keys(), ...theirs.keys()])];
  return keys.flatMap((key) =>
    (['hi2', 'hi3'] as const).flatMap((reference) => {
      const mine = counted(own.get(key)?.payloads[reference] ?? []);
      const expected = counted(theirs.get(key)?.payloads[reference] ?? []);
      const where = `${key}, CIN ${own.get(key)?.cin ?? 'none'}, ${reference}`;
      const told = (what: string, list: readonly string[]): string[] =>
        list.length === 0 ? [] : [`${where}: ${list.length} ${what}, as ${brief(list[0] ?? '')}`];
      return [
        ...told('payloads of the run in one process are not there', less(expected, mine)),
        ...told('payloads that the run in one process has not', less(mine, expected)),
      ];
    }),
  );
}

function packetFaults(all: readonly Delivered[], liid: string, reported: number): string[] {
  const own = all.filter((each) => each.liid === liid);
  const count = own.reduce((sum, { numbers }) => sum + numbers.hi3.length, 0);
  return count === reported ? [] : [`${liid}: ${count} packets delivered of ${reported} that were reported`];
}

function counted(all: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const each of all) counts.set(each, (counts.get(each) ?? 0) + 1);
  return counts;
}

function less(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): string[] {
  return [...one].flatMap(([text, count]) => (count > (other.get(text) ?? 0) ? [text] : []));
}

/** Without long octets. */
function brief(text: string): string {
  return text.replaceAll(/[0-9a-f]{48,}/g, '…').slice(0, 240);
}
