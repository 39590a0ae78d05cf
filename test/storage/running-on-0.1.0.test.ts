/**
 * The entities of a home run on the files that version 0.1.0 left (test/vectors/stores-0.1.0), over the wires that they
 * always use: what was under way when it was stopped goes on.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DfEvent } from '../../src/entities/df/events.ts';
import type { AuditRecord } from '../../src/evidence/log.ts';
import { Network } from '../../src/lab/network/network.ts';
import { withdrawWarrant } from '../../src/lab/network/officer.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { deliveredOf } from '../support/handed-over.ts';

/** The seed with which the files were made: the phone draws the same numbers again, so its request is a copy. */
const SEED = 'stores-0.1.0';
const ALICE = 'LIID-ALICE';
/** The call of which the question was open, and nothing acknowledged. */
const CIN = 2;
const PERIOD = 1_805_414_400;

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-on-0.1.0-'));
const home = path.join(folder, 'state', 'home1');
const timeline = new Timeline(() => performance.now());
const atDf: DfEvent[] = [];
let network: Network;

/** Records of the KMS's audit log from number `from` on. */
function audited(from = 0): AuditRecord['event'][] {
  const lines = readFileSync(path.join(home, 'kms', 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return lines.slice(from).map((line) => (JSON.parse(line) as AuditRecord).event);
}

/** Numbers of what the LEMF holds of a call. */
function numbers(kind: 'hi2' | 'hi3', cin: number): number[] {
  return deliveredOf(path.join(home, 'lemf', `${kind}.ber`))
    .map(({ header }) => header)
    .filter((header) => header.liid === ALICE && header.cin === cin)
    .map(({ sequenceNumber }) => sequenceNumber);
}

const upTo = (count: number): number[] => [...Array(count).keys()];

beforeAll(async () => {
  mkdirSync(path.dirname(home));
  cpSync(path.resolve(import.meta.dirname, '../vectors/stores-0.1.0/home1'), home, { recursive: true });
  expect([numbers('hi2', CIN), numbers('hi3', CIN)]).toEqual([[], []]);
  const others = ['cscf', 'gateway', 'df', 'admf', 'lemf'] as const;
  network = await Network.start({
    state: path.dirname(home),
    out: null,
    users: { home1: ['alice'], home2: [] },
    timeline,
    seed: SEED,
    leaveOut: others.map((entity) => ({ entity, home: 'home2' })),
    onDf: (_home, event) => atDf.push(event),
  });
}, 60_000);

afterAll(async () => {
  await network.stop();
  rmSync(folder, { recursive: true });
});

describe('the entities of today on the files of version 0.1.0', () => {
  it('ADMF: the warrant runs on, and its elements hold for it what they should: nothing is told anew', async () => {
    const { admf } = network.running('admf', 'home1');
    expect(admf.list().map(({ warrant, state }) => [warrant.liid, state])).toEqual([
      ['LIID-ENDED', 'ended'],
      [ALICE, 'active'],
    ]);
    expect(await admf.verify()).toEqual([]);
    const asked = timeline.entries.filter(
      ({ reference, from }) => reference === 'X1' && from === 'admf.home1',
    );
    expect(new Set(asked.map(({ to }) => to))).toEqual(
      new Set(['kms.home1', 'df.home1', 'gateway.home1', 'cscf.home1']),
    );
    const changes = /(Activate|Deactivate|Modify|Create|Remove)\w+Request/;
    expect(asked.filter(({ what }) => changes.test(what))).toEqual([]);
  });

  it('DF and KMS: the open question is asked, and what nobody acknowledged is delivered, once', async () => {
    expect(await network.running('df', 'home1').settle(20_000)).toBe(true);
    // Where the machine is busy an attempt may run into its time: the question is put again, what follows is told once.
    const unanswered = atDf.filter((event) => event.type === 'no-keys' && event.reason === 'no-answer');
    expect(atDf.filter(({ type }) => type === 'asked')).toHaveLength(1 + unanswered.length);
    // A phone of that version drew its secret in the first version of the context, which no KMS redraws any more.
    const notices = atDf.filter((event) => event.type === 'notice');
    const rest = atDf.filter(
      (event) => event.type !== 'asked' && event.type !== 'notice' && !unanswered.includes(event),
    );
    expect(rest).toHaveLength(2);
    expect(rest).toContainEqual(
      expect.objectContaining({ type: 'no-keys', reason: 'endpoint-not-compliant' }),
    );
    expect(rest).toContainEqual(
      expect.objectContaining({ type: 'record', kind: 'key-failure', liid: ALICE, cin: CIN }),
    );
    // Ten records and fifty packets that were waiting, and the failure of the question.
    expect(numbers('hi2', CIN)).toEqual(upTo(11));
    expect(numbers('hi3', CIN)).toEqual(upTo(50));
    expect(numbers('hi2', 3)).toEqual(upTo(2));
    // Version 0.1.0 told nobody that the warrant is in force. A busy LEMF may seem to be away for a while.
    const told = notices.filter(({ kind }) => kind !== 'li-alarm');
    expect(told).toMatchObject([{ kind: 'li-activated', liid: ALICE, sequenceNumber: 0 }]);
  });

  it('LEMF: what it held of one call is recovered; of the other it has what came now', async () => {
    const { calls } = await network.running('lemf', 'home1').recover(path.join(folder, 'recovered'));
    const withContent = calls.filter(({ streams }) => streams.length > 0);
    expect(withContent.map(({ liid, cin, recovered, reason }) => [liid, cin, recovered, reason])).toEqual([
      [ALICE, 1, true, null],
      [ALICE, CIN, false, 'key-retrieval-failed'],
    ]);
    expect(withContent[1]?.records).toMatchObject({ sip: 10, keys: 0, keyFailures: 1 });
  });

  it('KMS: a request that version 0.1.0 answered is a copy, and the next one gets keys of the period whose seed was issued', async () => {
    const { ue } = network.phone('alice');
    const before = audited().length;
    await expect(ue.register()).rejects.toMatchObject({ name: 'RequestKeyError', code: 'untimely' });
    expect(audited(before)).toMatchObject([
      { kind: 'keys-refused', credential: 'alice', reason: 'replayed' },
    ]);
    await ue.register();
    expect(audited(before + 1)).toContainEqual(
      expect.objectContaining({ kind: 'keys-issued', credential: 'alice', period: PERIOD, seed: true }),
    );
  });

  it('ADMF: the warrant ends as any other, everywhere', async () => {
    const { admf, desk } = network.running('admf', 'home1');
    await withdrawWarrant({ admf, desk }, ALICE);
    expect(admf.list().map(({ state }) => state)).toEqual(['ended', 'ended']);
    expect(await admf.verify()).toEqual([]);
    const ended = timeline.entries.filter(({ what }) => what.includes('DeactivateTaskRequest'));
    expect(new Set(ended.map(({ to }) => to))).toEqual(
      new Set(['kms.home1', 'df.home1', 'gateway.home1', 'cscf.home1']),
    );
  });
});
