/** What a chaos run judges by: that it says what does not hold. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
import { microTime } from '../../src/wire/hi/time.ts';
import { faultsOf } from './judge.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-judge-'));
afterAll(() => rmSync(root, { recursive: true }));

interface Sent {
  readonly cin: number;
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

let folders = 0;
/** A LEMF's folder with these on HI2 and HI3. */
function lemf(hi2: readonly Sent[], hi3: readonly Sent[]): string {
  const folder = mkdtempSync(path.join(root, `${folders++}-`));
  for (const [name, all] of Object.entries({ hi2, hi3 })) {
    const octets = all.map(({ cin, number, payload, time = 1_800_000_000_000, mediated = false }) =>
      encodePsPdu({
        header: {
          ...{ domainId: LI_PS_DOMAIN, liid: 'L', authorizationCountryCode: 'XX' },
          ...{ operatorIdentifier: 'home1', networkElementIdentifier: 'df', cin, sequenceNumber: number },
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
const judged = (hi2: readonly Sent[], hi3: readonly Sent[], packets = 3): string =>
  faultsOf(lemf(hi2, hi3), { folder: whole, packets: new Map([['L', packets]]) }).faults.join('\n');

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
});
