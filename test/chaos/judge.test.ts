/** What a chaos run judges by: that it says what does not hold. */
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { HI2_EPS_DOMAIN, IMS_EVENT } from '../../src/wire/hi/eps-iri.ts';
import { LI_PS_DOMAIN, TIME_STAMP_QUALIFIER } from '../../src/wire/hi/header.ts';
import { FRAME_TYPE, IPMM_CC_OBJECT } from '../../src/wire/hi/ipmm-cc.ts';
import { encodePsPdu } from '../../src/wire/hi/ps-pdu.ts';
import type { PsPduPayload } from '../../src/wire/hi/ps-pdu.ts';
import type { Hi1Operation } from '../../src/wire/hi/hi1.ts';
import { microTime } from '../../src/wire/hi/time.ts';
import { faultTexts, judge } from './judge.ts';
import { handedOverIn } from './lemf-files.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-judge-'));
afterAll(() => rmSync(root, { recursive: true }));

interface Sent {
  /** Absent: of a warrant itself. */
  readonly cin?: number;
  readonly number: number;
  readonly payload: PsPduPayload;
  /** Unix milliseconds; with `mediated`: of the mediation. */
  readonly time?: number;
  readonly mediated?: boolean;
}

const packet = (cin: number, number: number, call = 0, text = number): Sent => ({
  ...{ cin, number },
  payload: {
    kind: 'cc',
    packets: [
      {
        direction: 0,
        contents: {
          kind: 'ipmm',
          cc: {
            objectId: IPMM_CC_OBJECT,
            packet: utf8(`chaos-${call}@ ${text}`),
            frameType: FRAME_TYPE.rtpFrame,
          },
        },
      },
    ],
  },
});

const key = (cin: number, number: number, octet = 1, time = 1_800_000_000_000): Sent => ({
  ...{ cin, number, time, mediated: true },
  payload: {
    kind: 'iri',
    records: [
      {
        iriType: 4,
        contents: {
          kind: 'eps',
          record: {
            ...{ recordType: 4, domainId: HI2_EPS_DOMAIN, liid: 'L', time, parties: [] },
            networkIdentifier: { operator: 'home1', element: 'df' },
            imsEvent: IMS_EVENT.decryptionKeysAvailable,
            keys: [{ csId: Uint8Array.of(1), key: Secret.of(new Uint8Array(16).fill(octet)) }],
          },
        },
      },
    ],
  },
});

const notice = (number: number, kind: 'liActivated' | 'liModified' | 'liDeactivated'): Sent =>
  hi1(number, { kind, notification: { liid: 'L', time: 1_800_000_000_000 } });

const alarm = (number: number, information: string): Sent =>
  hi1(number, { kind: 'alarm', alarm: { liid: 'L', time: 1_800_000_000_000, information } });

function hi1(number: number, operation: Hi1Operation): Sent {
  return { number, payload: { kind: 'hi1', operation } };
}

let folders = 0;
/** A LEMF's folder with these on HI2 and HI3. */
function lemf(hi2: readonly Sent[], hi3: readonly Sent[]): string {
  const folder = mkdtempSync(path.join(root, `${folders++}-`));
  for (const [name, all] of Object.entries({ hi2, hi3 })) {
    const octets = all.map(({ cin, number, payload, time = 1_800_000_000_000, mediated = false }) =>
      encodePsPdu({
        header: {
          ...{ domainId: LI_PS_DOMAIN, liid: 'L', authorizationCountryCode: 'XX' },
          ...{ operatorIdentifier: 'home1', networkElementIdentifier: 'df', sequenceNumber: number },
          ...(cin === undefined ? {} : { cin }),
          time: microTime(time),
          timeStampQualifier: mediated
            ? TIME_STAMP_QUALIFIER.timeOfMediation
            : TIME_STAMP_QUALIFIER.timeOfInterception,
        },
        payload,
      }),
    );
    writeFileSync(path.join(folder, `${name}.ber`), Buffer.concat(octets));
  }
  return folder;
}

const whole = lemf([key(7, 0)], [packet(7, 0), packet(7, 1), packet(7, 2)]);
const judged = (
  hi2: readonly Sent[],
  hi3: readonly Sent[],
  { packets = 3, notices = [] as string[] } = {},
): string => {
  const { faults } = judge(lemf(hi2, hi3), {
    theirs: handedOverIn(whole),
    packets: new Map([['L', packets]]),
    notices: new Map([['L', notices]]),
  });
  return faultTexts(faults).join('\n');
};

describe('a chaos run', () => {
  it('R-20: holds where CIN and times of mediation alone are others', () => {
    const hi3 = [packet(9, 0), packet(9, 1), packet(9, 2)];
    expect(judged([key(9, 0, 1, 1_800_000_999_000)], hi3)).toBe('');
  });

  it('R-20: tells of a number that is not there, and of one that is there twice', () => {
    expect(judged([key(9, 0)], [packet(9, 0), packet(9, 2, 0, 1), packet(9, 3, 0, 2)])).toMatch(
      /L, CIN 9, hi3: not there: number 1/,
    );
    expect(judged([key(9, 0)], [packet(9, 0), packet(9, 1), packet(9, 1, 0, 2)])).toMatch(
      /L, CIN 9, hi3: twice: number 1/,
    );
  });

  it('R-20: tells of what was not delivered, though numbers have no gap', () => {
    const faults = judged([key(9, 0)], [packet(9, 0), packet(9, 1)]);
    expect(faults).toMatch(/L, call 0, CIN 9, hi3: 1 payloads of the run in one process are not there/);
    expect(faults).toMatch(/L: 2 packets delivered of 3 that were reported/);
  });

  it('R-20: tells of what was delivered under two numbers', () => {
    const hi3 = [packet(9, 0), packet(9, 1), packet(9, 2), packet(9, 3, 0, 2)];
    expect(judged([key(9, 0)], hi3)).toMatch(/hi3: 1 payloads that the run in one process has not/);
  });

  it('R-32: tells of a key that is not there, that is another, and that is there twice', () => {
    const hi3 = [packet(9, 0), packet(9, 1), packet(9, 2)];
    expect(judged([], hi3)).toMatch(/L, CIN 9: no key/);
    const other = judged([key(9, 0, 2)], hi3);
    expect(other).toMatch(/hi2: 1 payloads of the run in one process are not there/);
    expect(other).not.toContain('02020202');
    expect(judged([key(9, 0), key(9, 1)], hi3)).toMatch(/L, CIN 9: 1 keys more than once/);
  });

  it('R-8: tells of a CIN that two calls have, and of a call that has two', () => {
    expect(judged([key(9, 0)], [packet(9, 0), packet(9, 1), packet(9, 2, 1)])).toMatch(/CIN 9: of 2 calls/);
    expect(judged([key(9, 0), key(8, 0)], [packet(9, 0), packet(9, 1), packet(8, 0, 0, 2)])).toMatch(
      /call 0: L, CIN [89] and L, CIN [89]/,
    );
  });

  describe('of what was told of a warrant', () => {
    const hi3 = [packet(9, 0), packet(9, 1), packet(9, 2)];
    const told = (...all: readonly Sent[]): string =>
      judged([key(9, 0), ...all], hi3, { notices: ['liActivated', 'liDeactivated'] });

    it('R-20: holds where each step is told once, whatever destinations were away', () => {
      const away = alarm(1, 'destination 0a-1: no process delivers to this destination');
      expect(told(notice(0, 'liActivated'), away, notice(2, 'liDeactivated'))).toBe('');
    });

    it('R-20: tells of what is not told, is told twice, and is told of nobody', () => {
      expect(told(notice(0, 'liActivated'))).toBe('L, HI1: told liActivated, not liActivated, liDeactivated');
      const twice = [notice(0, 'liActivated'), notice(1, 'liActivated'), notice(2, 'liDeactivated')];
      expect(told(...twice)).toMatch(/^L, HI1: told liActivated, liActivated, liDeactivated, not/);
      expect(judged([key(9, 0), notice(0, 'liActivated')], hi3)).toBe(
        'L, HI1: told liActivated, not nothing',
      );
    });

    it('R-20: tells of numbers that lack, come twice, or in another order', () => {
      expect(told(notice(0, 'liActivated'), notice(2, 'liDeactivated'))).toBe('L, HI1: numbers are 0, 2');
      expect(told(notice(0, 'liActivated'), notice(0, 'liDeactivated'))).toBe('L, HI1: numbers are 0, 0');
      expect(told(notice(1, 'liActivated'), notice(0, 'liDeactivated'))).toBe('L, HI1: numbers are 1, 0');
    });

    it('R-20: tells of an alarm that says that something was lost or set aside', () => {
      const lost = alarm(1, '3 X3 PDUs were lost before they reached the DF');
      expect(told(notice(0, 'liActivated'), lost, notice(2, 'liDeactivated'))).toBe(
        'L, HI1: alarm: 3 X3 PDUs were lost before they reached the DF',
      );
    });
  });

  it('R-20: tells of a file that ends in the middle of a PDU', () => {
    const folder = lemf([key(9, 0)], [packet(9, 0), packet(9, 1), packet(9, 2)]);
    const file = path.join(folder, 'hi3.ber');
    truncateSync(file, statSync(file).size - 1);
    expect(handedOverIn(folder).unfinished).toEqual(['hi3']);
  });
});
