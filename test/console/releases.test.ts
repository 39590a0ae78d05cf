/** Releases of keys against warrants, as the auditor's page judges them. */
import { describe, expect, it } from 'vitest';
import type { ReadLog } from '../../src/console/page/audit-logs.ts';
import { isWithoutWarrant, refusedIn, releasesIn } from '../../src/console/page/releases.ts';
import type { KeyRelease } from '../../src/console/page/releases.ts';
import { toHex } from '../../src/bytes/octets.ts';
import type { AuditEvent, AuditRecord } from '../../src/evidence/log.ts';
import { ntpFromUnixMs } from '../../src/mikey/ntp.ts';

const NOON = Date.UTC(2027, 2, 19, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const XID = '00000000-0000-4000-8000-000000000001';

type Happening = readonly [number, AuditEvent];

function logOf(kind: string, happenings: readonly Happening[], more: Partial<ReadLog> = {}): ReadLog {
  const records = happenings.map(([at, event], sequence): AuditRecord => ({
    ...{ sequence, time: new Date(at).toISOString(), event, hash: '0'.repeat(64) },
  }));
  const log = { name: `${kind}.home1.example`, kind, state: 'verified', why: '', records } as const;
  return { ...log, verified: records.length, ...more };
}

function warrant(at: number, act: string, state: string, more: AuditEvent | object = {}): Happening {
  const [start, end] = [NOON, NOON + 4 * HOUR].map((ms) => new Date(ms).toISOString());
  return [
    at,
    {
      ...{
        kind: `warrant-${act}`,
        liid: 'L1',
        xid: XID,
        state,
        by: 'ben',
        start: start ?? '',
        end: end ?? '',
      },
      ...more,
    },
  ];
}

/** A warrant that was approved at noon. */
const APPROVED = [
  warrant(NOON - HOUR, 'entered', 'draft', { by: 'anna' }),
  warrant(NOON - HOUR, 'submitted', 'submitted', { by: 'anna' }),
  warrant(NOON, 'approved', 'approved'),
  warrant(NOON + 1, 'activated', 'active', { by: null }),
];

function release(at: number, sent: number, more: object = {}): Happening {
  return [
    at,
    {
      ...{
        kind: 'get-keys',
        outcome: 'answered',
        client: 'df.home1.example',
        target: 'sip:alice@home1.example',
      },
      ...{ xid: XID, t: toHex(ntpFromUnixMs(sent)), beforeStart: false, cryptoSessions: 2, ...more },
    },
  ];
}

function verdicts(
  warrants: readonly Happening[],
  releases: readonly Happening[],
  more: Partial<ReadLog> = {},
): KeyRelease['verdict'][] {
  return releasesIn([logOf('kms', releases), logOf('admf', warrants, more)]).map(({ verdict }) => verdict);
}

describe('R-93: a release of keys', () => {
  it('under a warrant that covers it has its warrant, with who approved it', () => {
    const logs = [logOf('kms', [release(NOON + MINUTE, NOON + MINUTE)]), logOf('admf', APPROVED)];
    expect(releasesIn(logs)).toMatchObject([
      { verdict: 'covered', liid: 'L1', approvedBy: ['ben'], client: 'df.home1.example', sessions: 2 },
    ]);
  });

  const at = NOON + HOUR;
  it.each([
    ['no warrant has its XID', APPROVED, release(at, at, { xid: 'other' }), 'no-warrant'],
    ['its warrant was never approved', APPROVED.slice(0, 2), release(at, at), 'not-approved'],
    ['it came before the approval', APPROVED, release(NOON - HOUR / 2, NOON), 'not-approved'],
    ['its messages are older than the warrant', APPROVED, release(at, NOON - MINUTE), 'outside'],
    ['its messages are newer than its end', APPROVED, release(NOON + 5 * HOUR, NOON + 5 * HOUR), 'outside'],
    ['it says no time of a message', APPROVED, release(at, at, { t: '' }), 'no-time'],
    [
      'the warrant was suspended by then',
      [
        ...APPROVED,
        warrant(NOON + MINUTE, 'suspended', 'suspending'),
        warrant(NOON + MINUTE, 'drained', 'suspended'),
      ],
      release(at, at),
      'outside',
    ],
    [
      'the warrant was withdrawn by then',
      [
        ...APPROVED,
        warrant(NOON + MINUTE, 'withdrawn', 'ending'),
        warrant(NOON + MINUTE, 'ended', 'ended', { by: null }),
      ],
      release(at, at),
      'outside',
    ],
    [
      'the call was under way, and the warrant is over',
      [...APPROVED, warrant(NOON + MINUTE, 'ended', 'ended', { by: null })],
      release(at, NOON - MINUTE, { beforeStart: true }),
      'outside',
    ],
  ] as const)('is red where %s', (_, warrants, happening, verdict) => {
    const [found] = releasesIn([logOf('kms', [happening]), logOf('admf', warrants)]);
    expect(found?.verdict).toBe(verdict);
    expect(found === undefined ? false : isWithoutWarrant(found)).toBe(true);
  });

  it('of a call that was under way when the warrant began is covered, and marked', () => {
    const taken = release(NOON + MINUTE, NOON - HOUR, { beforeStart: true });
    expect(releasesIn([logOf('kms', [taken]), logOf('admf', APPROVED)])).toMatchObject([
      { verdict: 'covered', isBeforeStart: true },
    ]);
  });

  it('of a warrant that was resumed, or whose end was moved, is covered by what is in force', () => {
    const start = new Date(NOON + 2 * HOUR).toISOString();
    const end = new Date(NOON + 9 * HOUR).toISOString();
    const resumed = [
      ...APPROVED,
      warrant(NOON + HOUR, 'drained', 'suspended'),
      warrant(NOON + 2 * HOUR, 'change-approved', 'approved', { start }),
      warrant(NOON + 3 * HOUR, 'change-approved', 'active', { start, end }),
    ];
    const times = [NOON + MINUTE, NOON + 1.5 * HOUR, NOON + 2.5 * HOUR, NOON + 8 * HOUR];
    const releases = times.map((each) => release(each, each));
    expect(verdicts(resumed, releases).toReversed()).toEqual(['covered', 'outside', 'covered', 'covered']);
  });

  it('to a LEMF that asks itself is of the warrant of its LIID', () => {
    const own = release(NOON + MINUTE, NOON + MINUTE, { xid: 'of the LEMF', liid: 'L1', lemf: 'lemf' });
    expect(verdicts(APPROVED, [own])).toEqual(['covered']);
  });

  it.each([
    ['is broken', { state: 'broken' }],
    ['could not be read to its end', { why: 'admf.home1.example does not answer' }],
    ['is not read yet', { state: 'unread', records: [], verified: 0 }],
    ['begins later, as far as it is kept', { verified: 10_000 }],
  ] as const)('is not judged where the log of the ADMF %s', (_, more) => {
    const early = release(NOON - 2 * HOUR, NOON - 2 * HOUR);
    expect(verdicts(APPROVED, [early], more)).toEqual(['unjudged']);
  });

  it('is not what was refused, which is counted', () => {
    const refused = release(NOON + MINUTE, NOON + MINUTE, { outcome: 'refused', reason: 'unknown-task' });
    expect(verdicts(APPROVED, [refused])).toEqual([]);
    expect(refusedIn([logOf('kms', [refused])])).toBe(1);
  });
});
