/** What agencies have brought goes with the warrants that came of it, and leaves no octet in the files. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { HOUR } from '../support.ts';
import {
  authorisation,
  create,
  CUSTOMS,
  get,
  objectOf,
  OFFICER,
  openHi1,
  target,
  task,
  update,
  uuid,
} from './support.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const RETENTION = HOUR;
const GOING = ['sip:goes@home1.example', 'GOES-WITH-IT', 'GOES-THROUGH-IT'];
const STAYING = ['sip:stays@home1.example', 'STAYS-WITH-BOTH'];
const of = (value: string) => ({ TargetIdentifier: { TargetIdentifierValues: [target('SIPURI', value)] } });
const paper = (number: number, reference: string, ...associated: number[]) =>
  objectOf('DocumentObject', number, {
    AssociatedObjects: associated.map(uuid),
    DocumentReference: reference,
  });

/** Two tasks of one authorisation, each with a document; of the first, nothing is left but its record. */
async function erased({ isStopped = false } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-hi1-retention-'));
  folders.push(folder);
  const lab = await openHi1({}, { file: path.join(folder, 'admf.db'), retentionMs: RETENTION });
  const objects = [
    authorisation(1),
    task(2, of('sip:goes@home1.example')),
    task(3, of('sip:stays@home1.example')),
    ...[paper(4, 'GOES-WITH-IT', 2), paper(5, 'GOES-THROUGH-IT', 4), paper(6, 'STAYS-WITH-BOTH', 2, 3)],
  ];
  const transaction = uuid(900);
  await lab.exchange(create(...objects), { transaction });
  // Its answer has the whole task in it.
  await lab.ask(update(objectOf('LITaskObject', 2, { DesiredStatus: undefined })));
  await lab.ask(create(authorisation(1)), { agency: CUSTOMS });
  await lab.settle();
  await lab.desk.approve('LIID3', OFFICER);
  await lab.desk.reject('LIID2', OFFICER);
  await lab.settle();
  /** Those of the texts that are in the ADMF's files. */
  const held = (...texts: readonly string[]): string[] => {
    const octets = Buffer.concat(readdirSync(folder).map((name) => readFileSync(path.join(folder, name))));
    return texts.filter((text) => octets.includes(text));
  };
  expect(held(...GOING)).toEqual(GOING);
  if (isStopped) await lab.running.followUp.stop();
  await lab.settle(RETENTION + 1000);
  return { lab, held };
}

describe('R-90: retention of what came over HI1', () => {
  it('R-90: what a warrant came from goes with its contents, on record, and nothing else', async () => {
    const { lab } = await erased();
    expect(lab.desk.find('LIID2')).toMatchObject({ erased: true });
    expect(await lab.outcomes(get(2, 4, 5))).toEqual([3014, 3014, 3014]);
    expect(await lab.outcomes(get(1, 3, 6))).toEqual(['done', 'done', 'done']);
    expect(await lab.outcomes(get(1), { agency: CUSTOMS })).toEqual(['done']);
    expect((await lab.notices()).filter((notice) => String(notice).includes(uuid(2)))).toEqual([]);
    expect((await lab.notices()).filter((notice) => String(notice).includes(uuid(3)))).not.toEqual([]);
    const told = lab.audit.events.filter(({ kind }) => kind === 'hi1-erased');
    expect(told).toMatchObject([{ agency: 'police', liid: 'LIID2' }]);
    for (const number of [2, 4, 5]) expect(told[0]!['objects']).toContain(uuid(number));
    await lab.running.followUp.stop();
  });

  it('R-90: the files have no octet of it any more: neither object nor answer nor document', async () => {
    const { lab, held } = await erased();
    expect(held(...GOING, ...STAYING)).toEqual(STAYING);
    expect(await lab.store.hi1.exchange('police', uuid(900))).toMatchObject({ answer: null });
    // With the last task, the authorisation goes.
    expect(await lab.statusOf(1)).toBe('Expired');
    await lab.settle(RETENTION + 10_000);
    expect(await lab.outcomes(get(1, 3, 6))).toEqual([3014, 3014, 3014]);
    expect(held(...GOING, ...STAYING)).toEqual([]);
    await lab.running.followUp.stop();
  });

  it('R-90: what a crash has left is erased after it', async () => {
    const { lab } = await erased({ isStopped: true });
    expect(await lab.outcomes(get(2))).toEqual(['done']);
    const { followUp } = lab.start();
    await followUp.begin();
    await followUp.queue.ended();
    expect(await lab.outcomes(get(2, 3))).toEqual([3014, 'done']);
    await followUp.stop();
  });

  it('R-90: what no warrant has come of goes that long after its last change', async () => {
    const lab = await openHi1({}, { retentionMs: RETENTION });
    await lab.running.followUp.begin();
    const asked = [paper(4, 'ALONE'), paper(5, 'WITH-IT', 4)];
    await lab.ask(create(...asked));
    await lab.settle(RETENTION - 120_000);
    expect(await lab.outcomes(get(4, 5))).toEqual(['done', 'done']);
    await lab.settle(240_000);
    expect(await lab.outcomes(get(4, 5))).toEqual([3014, 3014]);
    await lab.running.followUp.stop();
  });
});
