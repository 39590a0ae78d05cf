/** Which link a self-test names, from what it has seen. */
import { describe, expect, it } from 'vitest';
import type { SelfTestEvidence } from '../../../src/lab/selftest/evidence.ts';
import { judgeLinks } from '../../../src/lab/selftest/judge.ts';
import { LINKS } from '../../../src/lab/selftest/links.ts';

const fine = { done: true, trouble: null } as const;
const undone = { done: false } as const;
const equal = { equal: true, detail: 'all equal' };
const bad = (trouble: string) => ({ done: true, trouble }) as const;
const noRecords = { sip: 0, keys: 0, keyFailures: 0 };
const silent = {
  df: { seen: { received: { x2: 0, x3: 0 }, keyRequests: {}, waiting: 0, lemfsDown: [] } },
  lemf: { seen: { records: noRecords, packets: 0, audio: [], explanation: null } },
};

/** All holds. */
const good: SelfTestEvidence = {
  entities: { asked: 12, unready: [] },
  ...{ entered: fine, active: fine, away: [] },
  caller: { keys: fine, registration: fine },
  callee: { keys: fine, registration: fine },
  call: { trouble: null, keysFailed: false, sas: ['a', 'a'], heard: [equal, equal] },
  df: { seen: { received: { x2: 9, x3: 90 }, keyRequests: { answered: 1 }, waiting: 0, lemfsDown: [] } },
  lemf: {
    seen: {
      ...{ records: { sip: 9, keys: 2, keyFailures: 0 }, packets: 90 },
      ...{ audio: [equal, equal], explanation: null },
    },
  },
  withdrawn: fine,
  second: { trouble: null, ...silent },
};
const unseen = { unseen: 'it is elsewhere' };
const dfSeen = 'seen' in good.df ? good.df.seen : null;

function states(evidence: Partial<SelfTestEvidence>): Record<string, string> {
  return Object.fromEntries(judgeLinks({ ...good, ...evidence }).map(({ link, state }) => [link, state]));
}

function failing(evidence: Partial<SelfTestEvidence>): string[] {
  return Object.entries(states(evidence)).flatMap(([link, state]) => (state === 'FAILED' ? [link] : []));
}

describe('claviger selftest', () => {
  it('R-93: finds nothing wrong where all holds', () => {
    expect(new Set(Object.values(states({})))).toEqual(new Set(['ok']));
    expect(Object.keys(states({}))).toEqual(Object.keys(LINKS));
  });

  it.each<[string, Partial<SelfTestEvidence>, string[]]>([
    [
      'an entity that is not ready',
      { entities: { asked: 12, unready: ['df.home1: no room'] } },
      ['entities'],
    ],
    ['officers who are refused', { entered: bad('role'), active: undone, withdrawn: undone }, ['officers']],
    ['a warrant that is not active', { active: bad('provisioning'), away: ['df'], ...silent }, ['x1']],
    [
      'a KMS that gives a phone no keys',
      {
        caller: { keys: bad('the KMS did not answer'), registration: undone },
        ...{ call: null, second: null, ...silent },
      },
      ['request-key'],
    ],
    [
      'a CSCF that refuses a phone',
      { callee: { keys: fine, registration: bad('403') }, call: null, second: null, ...silent },
      ['registration'],
    ],
    [
      'a call that is not answered',
      {
        call: { trouble: '503', keysFailed: false, sas: [null, null], heard: [] },
        df: { seen: { received: { x2: 4, x3: 0 }, keyRequests: {}, waiting: 0, lemfsDown: [] } },
        lemf: {
          seen: { records: { sip: 4, keys: 0, keyFailures: 0 }, packets: 0, audio: [], explanation: null },
        },
        second: null,
      },
      ['call'],
    ],
    [
      'phones that do not agree',
      { call: { trouble: 'no', keysFailed: true, sas: [null, null], heard: [] }, ...silent, second: null },
      ['keys', 'x2'],
    ],
    [
      'ends that read different strings',
      { call: { trouble: null, keysFailed: false, sas: ['a', 'b'], heard: [equal, equal] } },
      ['keys'],
    ],
    [
      'media that do not arrive',
      {
        call: {
          ...{ trouble: null, keysFailed: false, sas: ['a', 'a'] },
          heard: [equal, { equal: false, detail: '0 samples' }],
        },
      },
      ['media'],
    ],
    ['a DF that gets nothing', silent, ['x2', 'x3', 'xk', 'audio']],
    [
      'a gateway that intercepts nothing',
      {
        df: { seen: { received: { x2: 9, x3: 0 }, keyRequests: { answered: 1 }, waiting: 0, lemfsDown: [] } },
        lemf: {
          seen: { records: { sip: 9, keys: 2, keyFailures: 0 }, packets: 0, audio: [], explanation: null },
        },
      },
      ['x3', 'audio'],
    ],
    [
      'a KMS that gives the DF no keys',
      {
        df: {
          seen: { received: { x2: 9, x3: 90 }, keyRequests: { 'no-answer': 3 }, waiting: 0, lemfsDown: [] },
        },
        lemf: {
          seen: {
            ...{ records: { sip: 9, keys: 0, keyFailures: 1 }, packets: 90, audio: [] },
            explanation: 'no keys came',
          },
        },
      },
      ['xk', 'audio'],
    ],
    [
      'a LEMF that is away',
      {
        df: {
          seen: {
            ...{ received: { x2: 9, x3: 90 }, keyRequests: { answered: 1 } },
            ...{ waiting: 99, lemfsDown: ['lemf:7512'] },
          },
        },
        lemf: silent.lemf,
      },
      ['hi2', 'hi2-keys', 'hi3', 'audio'],
    ],
    [
      'a warrant that is not withdrawn everywhere',
      { withdrawn: bad('the warrant is ending'), second: null },
      ['withdrawal'],
    ],
    [
      'interception that goes on after the withdrawal',
      { second: { trouble: null, df: good.df, lemf: good.lemf } },
      ['silence'],
    ],
    ['a second call that does not come about', { second: { trouble: '503', ...silent } }, ['silence']],
  ])('R-93: names the link where there is %s', (_, evidence, expected) => {
    expect(failing(evidence)).toEqual(expected);
  });

  it('R-93: takes nothing to hold that it could not look at: a LEMF elsewhere at the DF’s word alone', () => {
    const elsewhere = { lemf: unseen, second: { trouble: null, df: silent.df, lemf: unseen } };
    expect(states(elsewhere)).toMatchObject({
      ...{ x2: 'ok', x3: 'ok', xk: 'ok', hi2: 'ok', hi3: 'ok', silence: 'ok', audio: 'not checked' },
    });
    expect(failing({ ...elsewhere, df: { seen: { ...dfSeen!, waiting: 3 } } })).toEqual([
      ...['hi2', 'hi2-keys', 'hi3'],
    ]);
    const alone = { df: unseen, lemf: unseen, second: { trouble: null, df: unseen, lemf: unseen } };
    const unchecked = Object.entries(states(alone)).filter(([, state]) => state === 'not checked');
    expect(unchecked.map(([link]) => link)).toEqual([
      ...['x2', 'x3', 'xk', 'hi2', 'hi2-keys', 'hi3', 'audio', 'silence'],
    ]);
    expect(failing(alone)).toEqual([]);
  });

  it('R-93: PDUs at the DF after the withdrawal may be of other warrants where the LEMF cannot tell', () => {
    const second = { trouble: null, df: good.df, lemf: unseen };
    expect(states({ lemf: unseen, second })['silence']).toBe('not checked');
  });

  it('R-93: says what to look at where a link failed, and only there', () => {
    const links = judgeLinks({ ...good, withdrawn: bad('ending'), second: null });
    for (const { state, look } of links) expect(look === null).toBe(state !== 'FAILED');
  });
});
