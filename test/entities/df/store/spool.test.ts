/** The spool of content: what is in it after whatever has happened to the process, the power or the disk. */
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DfChanges } from '../../../../src/entities/df/ports.ts';
import { encodeBatch, segmentHead } from '../../../../src/entities/df/store/spool-batch.ts';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import { StorageError } from '../../../../src/storage/errors.ts';
import { UnitsAtOnce } from '../../../../src/storage/group-commit.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { CALL } from './compliance-values.ts';
import {
  content,
  forTheDatabase,
  found,
  killedCopy,
  newPlace,
  numbersIn,
  segmentsOf,
  spoolOf,
  upTo,
} from './spooled.ts';

/** All places, which takes minutes. */
const isSlow = process.env['CLAVIGER_SLOW'] !== undefined;

describe('the spool of content, cut off anywhere', { timeout: isSlow ? 600_000 : 30_000 }, () => {
  let file: string;
  /** Octets of the segment after each commit. */
  const lengths: number[] = [];
  const removals: (() => void)[] = [];
  const untilAllEnd = (remove: () => void): void => void removals.push(remove);
  afterAll(() => removals.forEach((remove) => remove()));
  beforeAll(async () => {
    file = newPlace(untilAllEnd);
    const store = await SqliteDfStore.open(file);
    for (let n = 0; n < 5; n++) {
      await store.commit(content(3 * n, 3));
      lengths.push(statSync(segmentsOf(file)[0]!).size);
    }
    const copy = killedCopy(file, untilAllEnd);
    await store.close();
    file = copy;
  });

  it('R-23: has what was committed of which all octets are there, with its numbers, and nothing of what is torn', async () => {
    const [whole = ''] = segmentsOf(file);
    const { size } = statSync(whole);
    expect(size).toBe(lengths.at(-1));
    const cuts = [...Array(size - lengths[2]! + 1).keys()].map((n) => lengths[2]! + n);
    for (const cut of cuts.filter((each, n) => isSlow || n % 53 === 0 || lengths.includes(each))) {
      const copy = killedCopy(file);
      truncateSync(segmentsOf(copy)[0]!, cut);
      const commits = lengths.filter((length) => length <= cut).length;
      const { numbers, next, streamNext, damage } = await found(copy);
      expect([numbers, next, streamNext, damage], `cut at ${cut}`).toEqual([
        ...[upTo(3 * commits), 3 * commits, 3 * commits, []],
      ]);
    }
  });

  it('R-23: … also where what is torn has its length and not its octets', async () => {
    for (let from = lengths[3]!; from < lengths[4]!; from += isSlow ? 1 : 67) {
      const copy = killedCopy(file);
      const segment = segmentsOf(copy)[0]!;
      const octets = readFileSync(segment).fill(0, from);
      writeFileSync(segment, octets);
      const { numbers, next, damage } = await found(copy);
      expect([numbers, next, damage], `zeros from ${from}`).toEqual([upTo(12), 12, []]);
    }
  });

  it('R-23: … and it goes on behind what was cut off', async () => {
    const copy = killedCopy(file);
    appendFileSync(segmentsOf(copy)[0]!, readFileSync(segmentsOf(copy)[0]!).subarray(20, 90));
    const store = await SqliteDfStore.open(copy);
    await store.commit(content(15, 3));
    const again = killedCopy(copy);
    await store.close();
    expect(await found(again)).toMatchObject({ numbers: upTo(18), next: 18, damage: [] });
  });

  it('R-23: what is damaged before the end is said, and what follows is there', async () => {
    const copy = killedCopy(file);
    const segment = segmentsOf(copy)[0]!;
    const octets = readFileSync(segment);
    // The octets of the second commit's last PDU are the last before the third commit's.
    octets[lengths[1]! - 1]! ^= 1;
    writeFileSync(segment, octets);
    const { numbers, damage, next } = await found(copy);
    expect(numbers).toEqual(upTo(15).filter((n) => n !== 5));
    expect(damage).toEqual([`content to lemf is damaged and lost: LIID L, CIN ${CALL.cin}, number 5`]);
    expect(next).toBe(15);
    // It is said once.
    expect((await found(copy)).damage).toEqual([]);
  });

  it('R-23: where numbers may be lost with it, calls go on under CINs that nobody has had', async () => {
    const copy = killedCopy(file);
    const segment = segmentsOf(copy)[0]!;
    writeFileSync(segment, readFileSync(segment).fill(0xff, lengths[1], lengths[2]));
    await expect(SqliteDfStore.open(copy)).rejects.toThrow('are damaged');
    const clock = new ManualClock(1_805_440_640_000);
    const { numbers, damage, next } = await found(copy, clock);
    expect(numbers).toEqual(upTo(15).filter((n) => n < 6 || n > 8));
    expect(damage).toEqual([
      expect.stringMatching(/^octets \d+ to \d+ of the spool's lemf\.0000000001\.spool/),
    ]);
    expect(next).toBeUndefined();
    const store = await SqliteDfStore.open(copy);
    expect((await store.load()).cinBase).toBe(1_805_440_640);
    await store.close();
  });

  it('R-23: what is damaged of a last batch is said where others have later ones: it was not being written', async () => {
    const place = newPlace();
    const store = await SqliteDfStore.open(place);
    await store.commit(content(0, 2));
    await store.commit(content(2, 2, ['other']));
    const copy = killedCopy(place);
    await store.close();
    const [segment = ''] = segmentsOf(copy);
    const octets = readFileSync(segment);
    octets[octets.length - 1]! ^= 1;
    writeFileSync(segment, octets);
    const { numbers, others, damage } = await found(copy);
    expect([numbers, others]).toEqual([[0], [2, 3]]);
    expect(damage).toEqual([`content to lemf is damaged and lost: LIID L, CIN ${CALL.cin}, number 1`]);
  });

  it('R-23: is read a file at a time: what else there is to do has its turns in between', async () => {
    const FILES = 20;
    const turnsOf = async (files: number): Promise<number> => {
      const place = newPlace();
      await (await SqliteDfStore.open(place)).close();
      mkdirSync(spoolOf(place), { recursive: true });
      for (let n = 1; n <= files; n++) {
        const record = { position: n, liid: 'L', cin: 3, sequenceNumber: n, octets: Uint8Array.of(n) };
        const account = { destinations: 1, needsDatabase: false, streams: [], communications: [] };
        const { octets } = encodeBatch({ ...account, number: n, records: [record] });
        const name = `lemf.${String(n).padStart(10, '0')}.spool`;
        writeFileSync(path.join(spoolOf(place), name), Buffer.concat([segmentHead('lemf'), octets]));
      }
      let turns = 0;
      let timer = setImmediate(function turn() {
        turns++;
        timer = setImmediate(turn);
      });
      const store = await SqliteDfStore.open(place);
      clearImmediate(timer);
      expect(await store.pending('lemf', 0, files + 1)).toHaveLength(files);
      await store.close();
      return turns;
    };
    // Reading, and taking what was read.
    expect((await turnsOf(FILES)) - (await turnsOf(0))).toBeGreaterThan(2 * FILES);
  });

  it.runIf(isSlow)('R-23: is read whatever number of commits it has', async () => {
    const place = newPlace();
    await (await SqliteDfStore.open(place)).close();
    const MANY = 200_000;
    const batches = Array.from({ length: MANY }, (_, n) => {
      const one = { position: 1, liid: 'L', cin: 3, sequenceNumber: 0, octets: Uint8Array.of(1) };
      const account = { destinations: 1, needsDatabase: false, streams: [], communications: [] };
      return encodeBatch({ ...account, number: n + 1, records: n + 1 === MANY ? [one] : [] }).octets;
    });
    mkdirSync(spoolOf(place), { recursive: true });
    writeFileSync(
      path.join(spoolOf(place), 'lemf.0000000001.spool'),
      Buffer.concat([segmentHead('lemf'), ...batches]),
    );
    expect(await found(place)).toMatchObject({ numbers: [0], damage: [] });
  });

  it('R-23: a segment that is missing is said', async () => {
    const copy = killedCopy(file);
    const store = await SqliteDfStore.open(copy);
    await store.close();
    rmSync(segmentsOf(copy)[0]!);
    const { damage, numbers } = await found(copy, new ManualClock(1_805_440_640_000));
    expect(damage[0]).toBe('segments 1 to 1 of the spool of lemf are missing');
    expect(numbers).toEqual([]);
  });
});

describe('a commit to several destinations', () => {
  it('R-23: holds at all of them or at none', async () => {
    const file = newPlace();
    const store = await SqliteDfStore.open(file);
    await store.commit(content(0, 2, ['lemf', 'other']));
    const sizes = segmentsOf(file).map((segment) => statSync(segment).size);
    await store.commit(content(2, 2, ['lemf', 'other']));
    for (const which of [0, 1]) {
      const copy = killedCopy(file);
      truncateSync(segmentsOf(copy)[which]!, sizes[which]! + 30);
      const { numbers, others, next, damage } = await found(copy);
      expect([numbers, others, next, damage]).toEqual([upTo(2), upTo(2), 2, []]);
    }
    expect(await found(killedCopy(file))).toMatchObject({ numbers: upTo(4), others: upTo(4), next: 4 });
    await store.close();
  });

  it('R-23: which the database is to have as well, holds where the database has it', async () => {
    const file = newPlace();
    const store = await SqliteDfStore.open(file);
    const record = { did: 'lemf', interface: 'hi2', liid: 'L', cin: 3, octets: new Uint8Array(3) } as const;
    const both = (n: number): DfChanges => {
      const changes = content(n, 1);
      const outbox = [{ ...record, sequenceNumber: n }, ...changes.outbox];
      return { ...changes, ...forTheDatabase(n + 1), outbox };
    };
    await store.commit(both(0));
    const before = killedCopy(file);
    await store.commit(both(1));
    const after = killedCopy(file);
    await store.close();
    // The spool has got it, and the database has not.
    for (const [n, segment] of segmentsOf(after).entries()) cpSync(segment, segmentsOf(before)[n]!);
    const reopened = await SqliteDfStore.open(before);
    const waiting = await reopened.pending('lemf', 0, 10);
    expect(waiting.map((entry) => `${entry.interface} ${entry.sequenceNumber}`)).toEqual(['hi2 0', 'hi3 0']);
    await reopened.commit(both(1));
    expect(await reopened.pending('lemf', 0, 10)).toHaveLength(4);
    await reopened.close();
  });

  it('R-23: which the database refuses, is in neither', async () => {
    const file = newPlace();
    const store = await SqliteDfStore.open(file);
    await store.commit(content(0, 2));
    const twice = {
      did: 'lemf',
      interface: 'hi2',
      liid: 'L',
      cin: 3,
      sequenceNumber: 7,
      octets: new Uint8Array(3),
    } as const;
    const refused = content(2, 2);
    const both = { ...refused, ...forTheDatabase(1), outbox: [...refused.outbox, twice, twice] };
    await expect(store.commit(both)).rejects.toThrow('UNIQUE');
    expect(numbersIn(await store.pending('lemf', 0, 10))).toEqual(upTo(2));
    expect(await found(killedCopy(file))).toMatchObject({ numbers: upTo(2), next: 2, damage: [] });
    await store.commit(refused);
    expect(await found(killedCopy(file))).toMatchObject({ numbers: upTo(4), next: 4, damage: [] });
    await store.close();
  });

  it('R-23: of which nobody was told whether the database has it, is there where it has: nothing is given twice or kept back', async () => {
    const store = await SqliteDfStore.open(newPlace());
    await store.commit(content(0, 2));
    const run = vi.spyOn(UnitsAtOnce.prototype, 'run');
    run.mockImplementationOnce(async function (this: UnitsAtOnce, unit) {
      await this.run(unit);
      throw new StorageError('unavailable', 'the thread that commits: it has ended');
    });
    const record = { did: 'lemf', interface: 'hi2', liid: 'L', cin: 3, octets: new Uint8Array(3) } as const;
    const changes = content(2, 1);
    const outbox = [{ ...record, sequenceNumber: 1 }, ...changes.outbox];
    const both = { ...changes, ...forTheDatabase(1), outbox };
    await expect(store.commit(both)).rejects.toThrow('it has ended');
    run.mockRestore();
    expect(store.waiting('lemf')).toEqual({ count: 4, octets: 33 });
    const { streams, communications } = await store.load();
    expect([streams[0]?.nextSequenceNumber, communications[0]?.nextHi3]).toEqual([3, 3]);
    await store.commit(content(3, 1));
    const waiting = await store.pending('lemf', 0, 10);
    expect(waiting.map((entry) => `${entry.interface} ${entry.sequenceNumber}`)).toEqual([
      ...['hi3 0', 'hi3 1', 'hi2 1', 'hi3 2', 'hi3 3'],
    ]);
    await store.acknowledge('lemf', waiting.at(-1)!.position);
    expect(await store.pending('lemf', 0, 10)).toEqual([]);
    expect([store.waiting('lemf').count, store.destinations(), await store.undelivered('L')]).toEqual([
      0,
      [],
      0,
    ]);
    await store.close();
  });

  it('a number that was given before is refused, and nothing of its commit is left', async () => {
    const file = newPlace();
    const store = await SqliteDfStore.open(file);
    await store.commit(content(0, 3));
    await expect(store.commit(content(2, 2))).rejects.toThrow('HI3 number 2 of CIN 3 comes after 2');
    expect(await found(killedCopy(file))).toMatchObject({ numbers: upTo(3), next: 3 });
    await store.close();
  });
});
