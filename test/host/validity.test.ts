/** Alarms before certificates and revocation lists end, of TLS and of key requests. */
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/host/operation.ts';
import { validityAlarms, validityMeters } from '../../src/host/validity.ts';
import type { TimeInForce } from '../../src/net/validity.ts';

const NOW = Date.UTC(2027, 2, 19);
const DAY = 86_400_000;

/** An entity whose certificate ends in `own` days, and its list and what key requests go by as given. */
function entity(own: number, list: Omit<TimeInForce, 'kind'> | null, keyRequests: readonly TimeInForce[]) {
  const inForce = { subject: 'CN=kms', notAfter: NOW + own * DAY };
  const tls = { inForce, revocation: list === null ? undefined : { firstToEnd: list } };
  return { tls, keyRequestValidity: () => keyRequests } as unknown as Pick<
    Operation,
    'tls' | 'keyRequestValidity'
  >;
}

const certificate = (file: string, days: number): TimeInForce => ({
  ...{ kind: 'certificate', file, from: NOW - DAY, to: NOW + days * DAY },
});
/** A list of 40 days. */
const list = (file: string, days: number): TimeInForce => ({
  ...{ kind: 'revocation-list', file, from: NOW + (days - 40) * DAY, to: NOW + days * DAY },
});

describe('R-92: what ends soon', () => {
  it('is an alarm for each certificate 30 days before, a critical one 7 days before', () => {
    const keys = [30, 29.9, 7, 6.9, -0.1].map((days) => certificate(`${days}.pem`, days));
    const alarms = validityAlarms(entity(29, null, keys), NOW);
    expect(alarms.map(({ name, severity, about, text }) => [name, severity, about, text])).toEqual([
      ['certificate-expiry', 'warning', '', 'the certificate ends in 29 days'],
      ['certificate-expiry', 'warning', '29.9.pem', 'a certificate for key requests ends in 29 days'],
      ['certificate-expiry', 'warning', '7.pem', 'a certificate for key requests ends in 7 days'],
      ['certificate-expiry', 'critical', '6.9.pem', 'a certificate for key requests ends in 6 days'],
      ['certificate-expiry', 'critical', '-0.1.pem', 'a certificate for key requests has expired'],
    ]);
  });

  it('is an alarm for each list with less than a quarter of its time left, and says who is refused without', () => {
    const keys = [list('phones.pem', -1), list('later.pem', 10), list('soon.pem', 9)];
    const alarms = validityAlarms(entity(300, list('peers.pem', -1), keys), NOW);
    expect(alarms.map(({ name, severity, about, text }) => [name, severity, about, text])).toEqual([
      [
        ...['revocation-list', 'critical', 'peers.pem'],
        'a revocation list has ended: peers are refused until there is a new one',
      ],
      [
        ...['revocation-list', 'critical', 'phones.pem'],
        'a revocation list has ended: phones are refused until there is a new one',
      ],
      ['revocation-list', 'warning', 'soon.pem', 'a revocation list ends at 2027-03-28T00:00:00.000Z'],
    ]);
  });

  it('is in the metrics by use, of several the first', () => {
    const keys = [certificate('a', 9), certificate('b', 5), list('c', 3)];
    const read = validityMeters(entity(40, list('d', 8), keys)).map(({ name, read }) => [name, read()]);
    const seconds = (days: number): number => (NOW + days * DAY) / 1000;
    expect(read).toEqual([
      [
        'certificate_expiry_seconds',
        [
          { labels: { use: 'tls' }, value: seconds(40) },
          { labels: { use: 'key-requests' }, value: seconds(5) },
        ],
      ],
      [
        'revocation_list_expiry_seconds',
        [
          { labels: { use: 'tls' }, value: seconds(8) },
          { labels: { use: 'key-requests' }, value: seconds(3) },
        ],
      ],
    ]);
  });

  it('is nothing where nothing ends', () => {
    expect(validityAlarms(entity(300, list('d', 30), [certificate('a', 90)]), NOW)).toEqual([]);
    const [, lists] = validityMeters(entity(40, null, []));
    expect(lists?.read()).toEqual([]);
  });
});
