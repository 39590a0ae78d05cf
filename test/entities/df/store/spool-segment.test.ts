/** What of a spool is in memory, and for how long. */
import path from 'node:path';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { encodeBatch } from '../../../../src/entities/df/store/spool-batch.ts';
import { SpoolSegment } from '../../../../src/entities/df/store/spool-segment.ts';
import type { GoneRecords } from '../../../../src/entities/df/store/spool-segment.ts';
import { SegmentFile } from '../../../../src/storage/segment-file.ts';

const FROM = 21;
/** One packet after the other: two of a warrant, two of another, and one of the first. */
const RECORDS = ['LIID-A', 'LIID-A', 'LIID-Ä', 'LIID-Ä', 'LIID-A'].map((liid, n) => ({
  ...{ position: 10 + n, liid, cin: 1, sequenceNumber: n },
  octets: new Uint8Array(300 + n).fill(n),
}));

function kept() {
  const encoded = encodeBatch({
    ...{ number: 1, destinations: 1, needsDatabase: false, streams: [], communications: [] },
    records: RECORDS,
  });
  const at = encoded.records[0]?.at ?? 0;
  const octets = new Uint8Array(encoded.octets.subarray(at));
  const segment = new SpoolSegment(1, new SegmentFile(path.join(tmpdir(), 'never-made.spool'), 'at-once'));
  segment.add(1, FROM, encoded.records, { from: FROM + at, octets, waiting: RECORDS.length });
  return segment;
}

it('R-23: content of a commit that is in memory is what was appended, without its file', async () => {
  const segment = kept();
  const waiting = [...segment.after(0)];
  expect(waiting.map(({ position, liid, length }) => [position, liid, length])).toEqual(
    RECORDS.map(({ position, liid, octets }) => [position, liid, octets.length]),
  );
  const octets = await segment.octetsOf(waiting);
  expect(octets.map((each) => [...(each ?? [])])).toEqual(RECORDS.map((record) => [...record.octets]));
});

it('R-56: memory of a commit is counted with all that it takes until nothing of it waits', () => {
  const segment = kept();
  const gone: GoneRecords[] = [];
  const note = (records: GoneRecords) => gone.push({ ...records });
  segment.done(0, 12, note);
  segment.done(0, 20, note, 'LIID-A');
  expect(gone).toEqual([
    { liid: 'LIID-A', count: 2, octets: 601, freed: 0 },
    { liid: 'LIID-Ä', count: 1, octets: 302, freed: 0 },
    { liid: 'LIID-A', count: 1, octets: 304, freed: 0 },
  ]);
  expect(segment.waiting).toBe(1);
  const last = segment.at(13);
  if (last !== null) segment.finish(last, note);
  expect(gone.at(-1)).toEqual({ liid: 'LIID-Ä', count: 1, octets: 303, freed: 1510 });
  segment.done(0, 20, note);
  expect(gone).toHaveLength(4);
});
