/** What goes wrong on the side of the interception: the call never notices, and what can be delivered is delivered. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DemoOptions } from '../../src/lab/scenarios/scenario.ts';
import type { HomeName } from '../../src/lab/network/home.ts';
import type { DemoReport } from '../../src/lab/scenarios/report.ts';
import {
  failures,
  filesBelow,
  pdusOf,
  recordsOf,
  sequenceNumbers,
  shortDemo,
  temporaryFolder,
} from './support.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** Milliseconds from dialling: down before the keys are asked for, up again while the call is on. */
const WINDOW = { from: 200, to: 2600 };

const RUNS = {
  'ue-ignores-seed': { target: 'both', faults: ['ue-ignores-seed=alice'] },
  'df-down': { faults: ['df-down=home1'] },
  'lemf-down': { faults: ['lemf-down=home1'] },
  'kms-down for a while': { faults: ['kms-down=home1'], ...WINDOW },
  'df-down for a while': { faults: ['df-down=home1'], ...WINDOW },
  'lemf-down for a while': { faults: ['lemf-down=home1'], ...WINDOW },
  'everything down at once': {
    target: 'both',
    faults: ['kms-down=home1', 'df-down=home1', 'lemf-down=home1', 'df-down=home2', 'lemf-down=home2'],
    from: 1000,
    to: 3000,
  },
} as const satisfies Record<string, Partial<DemoOptions>>;
type RunName = keyof typeof RUNS;

const reports = new Map<RunName, DemoReport>();
const outOf = (run: RunName): string => folder.at(run.replaceAll(' ', '-'));

beforeAll(async () => {
  const waiting = Object.keys(RUNS) as RunName[];
  const worker = async (): Promise<void> => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
      reports.set(run, await shortDemo(outOf(run), RUNS[run], 2.5));
    }
  };
  await Promise.all([worker(), worker()]);
}, 280_000);

function reportOf(run: RunName): DemoReport {
  const report = reports.get(run);
  if (report === undefined) throw new Error(`there was no run ${run}`);
  return report;
}

/** What is left to say of a home where everything that was intercepted has been delivered in the end. */
function expectAllDelivered(run: RunName, home: HomeName): void {
  const [hi2] = Object.values(sequenceNumbers(outOf(run), home, 'hi2.ber'));
  const [hi3] = Object.values(sequenceNumbers(outOf(run), home, 'hi3.ber'));
  const sent = reportOf(run).calls[0]?.cryptoSessions.reduce((sum, { packets }) => sum + packets, 0);
  const records = recordsOf(outOf(run), home, 'hi2.ber');
  expect(records.filter(({ sipMessage }) => sipMessage !== undefined)).toHaveLength(10);
  expect(pdusOf(outOf(run), home, 'x2')).toHaveLength(10);
  expect(hi2).toEqual([...Array(records.length).keys()]);
  expect(hi3).toEqual([...Array(sent).keys()]);
}

describe.each(Object.keys(RUNS) as RunName[])('%s', (run) => {
  it('R-22 R-23: the call is unaffected: both ends heard everything, and read the same string', () => {
    const { checks, calls } = reportOf(run);
    const ofCall = checks.filter(({ name }) => /short authentication string|heard what/.test(name));
    expect(ofCall.map(({ passed, detail }) => [passed, passed ? '' : detail])).toEqual([
      [true, ''],
      [true, ''],
      [true, ''],
    ]);
    const { dialled = 0, established = 0, ended = 0 } = calls[0]?.times ?? {};
    expect(ended - established).toBeGreaterThan(2000);
    expect(established).toBeGreaterThan(dialled);
  });

  it('R-23: what can be delivered is delivered, without gaps', () => {
    expectAllDelivered(run, 'home1');
    for (const { name, passed, detail } of reportOf(run).checks.filter(({ name: each }) =>
      /no gap|as many records/.test(each),
    ))
      expect(passed, `${name}: ${detail}`).toBe(true);
  });
});

describe('ue-ignores-seed=alice', () => {
  it('R-30: the KMS answers endpoint-not-compliant, and the LEMF gets the failure record', () => {
    const report = reportOf('ue-ignores-seed');
    expect(failures(report)).toEqual([]);
    const answers = report.timeline.filter(
      ({ reference, from }) => reference === 'Xk' && from === 'kms.home1',
    );
    expect(new Set(answers.map(({ what }) => what))).toEqual(new Set(['no keys: endpoint-not-compliant']));
    const records = recordsOf(outOf('ue-ignores-seed'), 'home1', 'hi2.ber');
    expect(records.filter(({ mediaSecFailure }) => mediaSecFailure === 0)).toHaveLength(1);
    expect(records.filter(({ keys }) => keys !== undefined)).toEqual([]);
    expect(report.calls[0]?.recovery.map(({ reason }) => reason)).toEqual(['key-retrieval-failed']);
  });

  it('R-9: the other party keeps to its seed, and its own KMS gives the keys', () => {
    const bob = reportOf('ue-ignores-seed').calls.find(({ role }) => role === 'responder');
    expect(bob?.recovery.map(({ recovered }) => recovered)).toEqual([true]);
    expectAllDelivered('ue-ignores-seed', 'home2');
  });
});

describe.each([
  'df-down',
  'lemf-down',
  'kms-down for a while',
  'df-down for a while',
  'lemf-down for a while',
  'everything down at once',
] as const)('%s', (run) => {
  it('R-13 R-23: everything is recovered once it is up again', () => {
    expect(failures(reportOf(run))).toEqual([]);
    expect(reportOf(run).passed).toBe(true);
    const names = filesBelow(outOf(run)).filter((file) => file.includes('recovered-'));
    // Of each home that intercepts, what either end said.
    expect(names).toHaveLength(run === 'everything down at once' ? 4 : 2);
  });

  it('went down and came back', () => {
    const { timeline } = reportOf(run);
    const entity = `${/^(kms|df|lemf)/.exec(run)?.[0] ?? 'df'}.home1`;
    const events = timeline.filter(({ reference, from }) => reference === 'lab' && from === entity);
    expect(events.map(({ what }) => (what.endsWith('is up') ? 'up' : what)).slice(0, 3)).toEqual([
      'up',
      'is down',
      'up',
    ]);
  });
});
