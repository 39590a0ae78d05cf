import {
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  closeSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { erase, finishErasure } from '../../../../src/entities/lemf/store/erasure.ts';
import { LemfFiles } from '../../../../src/entities/lemf/store/files.ts';
import { decodePsPdu } from '../../../../src/wire/hi/ps-pdu.ts';
import { delivered, InterceptedCall, notified } from '../call.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-erasure-'));
const DF1 = 'df.home1.example';
const DF2 = 'df.home2.example';
const GONE = { liid: 'LIID-GONE', source: DF1 };
const filled = path.join(root, 'filled');
const expected = path.join(root, 'expected');
const keying = { tek: 'a1'.repeat(16), salt: 'b2'.repeat(14), mki: 'c3'.repeat(8) };
const call = new InterceptedCall('exchange-1.json', { packets: 2, liid: 'LIID-GONE', keying });
let to: Readonly<Record<'hi2' | 'hi3', number>>;

beforeAll(async () => {
  const files = new LemfFiles(filled);
  const other = new InterceptedCall('exchange-1.json', { packets: 2, liid: 'LIID-STAYS' });
  const notice = {
    kind: 'li-activated',
    liid: 'LIID-GONE',
    time: 1,
    target: 'sip:alice@home1.example',
  } as const;
  const add = (pdus: readonly Uint8Array[], kind: 'hi2' | 'hi3', source: string) => {
    for (const pdu of pdus) files.append(kind, pdu, source);
  };
  add(notified([notice]), 'hi2', DF1);
  add(delivered([...call.signalling, ...call.keys]), 'hi2', DF1);
  add(delivered([...other.signalling, ...other.keys]), 'hi2', DF1);
  // Another delivery function's warrant under the same LIID.
  add(delivered(call.signalling), 'hi2', DF2);
  add(delivered(other.content), 'hi3', DF1);
  add(delivered(call.content), 'hi3', DF1);
  add(delivered(call.content).slice(0, 2), 'hi3', DF2);
  to = files.lengths;
  await files.close();
  cpSync(filled, expected, { recursive: true });
  const steps = erase({ folder: expected, to, warrants: [GONE] });
  while (steps.next().done !== true);
});
afterAll(() => rmSync(root, { recursive: true }));

function copy(): string {
  const folder = mkdtempSync(path.join(root, 'copy-'));
  cpSync(filled, folder, { recursive: true });
  return folder;
}

function octetsOf(folder: string): Buffer[] {
  return (['hi2.ber', 'hi3.ber'] as const).map((name) => readFileSync(path.join(folder, name)));
}

/** What a folder holds, PDU by PDU. */
function held(folder: string, kind: 'hi2' | 'hi3') {
  return [...new LemfFiles(folder).read(kind)].map(({ octets, at, source }) => {
    const { header, payload } = decodePsPdu(octets);
    return { at, source, octets, liid: header.liid, kind: payload.kind };
  });
}

describe('R-90: what a LEMF keeps of a warrant is overwritten in its files', () => {
  it('all of it, and nothing else; everything else stays where it was', () => {
    for (const kind of ['hi2', 'hi3'] as const) {
      const [before, after] = [held(filled, kind), held(expected, kind)];
      expect(after).toHaveLength(before.length);
      for (const [nth, pdu] of after.entries()) {
        const was = before[nth]!;
        if (was.liid !== GONE.liid || was.source !== DF1) expect(pdu).toEqual(was);
        else
          expect(pdu).toMatchObject({
            at: was.at,
            kind: 'tri',
            liid: expect.stringMatching(/^-+$/) as string,
          });
      }
    }
    const { tek } = call.vector.keys.cryptoSessions[0]!;
    expect(octetsOf(filled)[0]!.includes(Buffer.from(tek, 'hex'))).toBe(true);
    expect(octetsOf(expected)[0]!.includes(Buffer.from(tek, 'hex'))).toBe(false);
    expect(existsSync(path.join(expected, 'erasing.json'))).toBe(false);
  });

  it('counts what it was', () => {
    const steps = erase({ folder: copy(), to, warrants: [{ ...GONE, source: 'df.home9.example' }, GONE] });
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    expect(step.value[0]).toEqual({ iri: 0, cc: 0, other: 0, octets: 0 });
    expect(step.value[1]).toMatchObject({ iri: 8, cc: 4, other: 1 });
  });

  it('killed at any step, with a PDU half overwritten: a start finishes what was begun, and the rest can be deleted', () => {
    let torn = 0;
    for (let kill = 1, isOver = false; !isOver; kill++) {
      const folder = copy();
      const steps = erase({ folder, to, warrants: [GONE] });
      for (let step = 0; step < kill && !isOver; step++) isOver = steps.next().done === true;
      const note = path.join(folder, 'erasing.json');
      if (existsSync(note)) {
        tear(folder, note, kill);
        torn++;
      }
      finishErasure(folder);
      const again = erase({ folder, to, warrants: [GONE] });
      while (again.next().done !== true);
      expect(octetsOf(folder)).toEqual(octetsOf(expected));
      expect(kill).toBeLessThan(100);
    }
    expect(torn).toBeGreaterThan(2);
  });

  it('a note that cannot be read is no reason to go on as if nothing had been', () => {
    const folder = copy();
    const file = openSync(path.join(folder, 'erasing.json'), 'w');
    writeSync(file, '{"kind":"hi2","places":[[0');
    closeSync(file);
    expect(() => new LemfFiles(folder)).toThrow(/erasing\.json/);
  });
});

/** Half of one of the PDUs that were being overwritten is neither the one nor the other. */
function tear(folder: string, note: string, which: number): void {
  const { kind, places } = JSON.parse(readFileSync(note, 'utf8')) as {
    kind: string;
    places: [number, number][];
  };
  const [at, length] = places[which % places.length]!;
  const file = openSync(path.join(folder, `${kind}.ber`), 'r+');
  writeSync(file, new Uint8Array(length >> 1), 0, length >> 1, at);
  closeSync(file);
}
