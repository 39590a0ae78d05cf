/**
 * Certificates and revocation lists of an entity that end: when an operator is told, and what Prometheus reads of them. There are
 * those of TLS, and those of key requests (REQUEST_KEY with certificates), which no TLS looks at.
 */
import { isoTime } from '../bytes/iso-time.ts';
import { isNearEnd } from '../net/revocation.ts';
import { listValidity } from '../net/validity.ts';
import type { TimeInForce } from '../net/validity.ts';
import type { LiveTls } from '../net/live-tls.ts';
import { meterBy } from './meters.ts';
import type { Meter, Operation } from './operation.ts';
import type { Alarm } from './status.ts';

const DAY_MS = 86_400_000;
/** Days before the end of a certificate at which the alarm is raised, and at which it is critical. */
const EXPIRY_DAYS = { warning: 30, critical: 7 };

type Use = 'tls' | 'key-requests';

/** What a use is called in an alarm, and who is refused without a list in force. */
const USES: Readonly<Record<Use, { readonly certificate: string; readonly refused: string }>> = {
  tls: { certificate: 'the certificate', refused: 'peers are refused' },
  'key-requests': { certificate: 'a certificate for key requests', refused: 'phones are refused' },
};

type Validities = Readonly<Record<Use, readonly TimeInForce[]>>;

/** What ends soon, or has ended. @param now Unix milliseconds */
export function validityAlarms(
  operation: Pick<Operation, 'tls' | 'keyRequestValidity'>,
  now: number,
): Alarm[] {
  const all = validitiesOf(operation);
  return (['tls', 'key-requests'] as const).flatMap((use) =>
    all[use].flatMap((each) =>
      each.kind === 'certificate' ? certificateAlarms(each, use, now) : listAlarms(each, use, now),
    ),
  );
}

/** When the first of each kind ends. */
export function validityMeters(operation: Pick<Operation, 'tls' | 'keyRequestValidity'>): Meter[] {
  const firstEnds = (kind: TimeInForce['kind']): Record<string, number> =>
    Object.fromEntries(
      Object.entries(validitiesOf(operation)).flatMap(([use, each]) => {
        const ends = each.filter((one) => one.kind === kind).map(({ to }) => to / 1000);
        return ends.length === 0 ? [] : [[use, Math.min(...ends)]];
      }),
    );
  return [
    meterBy(
      'use',
      'certificate_expiry_seconds',
      'When the certificate in force ends, of several the first, Unix seconds.',
      () => firstEnds('certificate'),
    ),
    meterBy(
      'use',
      'revocation_list_expiry_seconds',
      'When the revocation list in force ends, of several the first, Unix seconds; absent where there is none.',
      () => firstEnds('revocation-list'),
    ),
  ];
}

/** Whole days that are left; negative once it has ended. */
export function daysUntil(end: number, now: number): number {
  return Math.floor((end - now) / DAY_MS);
}

function validitiesOf({
  tls,
  keyRequestValidity,
}: { tls: LiveTls } & Pick<Operation, 'keyRequestValidity'>): Validities {
  const own: TimeInForce = { kind: 'certificate', file: '', from: 0, to: tls.inForce.notAfter };
  return { tls: [own, ...listValidity(tls.revocation)], 'key-requests': keyRequestValidity?.() ?? [] };
}

function certificateAlarms({ file, to }: TimeInForce, use: Use, now: number): Alarm[] {
  const days = daysUntil(to, now);
  if (days >= EXPIRY_DAYS.warning) return [];
  const { certificate } = USES[use];
  const text = days < 0 ? `${certificate} has expired` : `${certificate} ends in ${days} days`;
  const severity = days < EXPIRY_DAYS.critical ? 'critical' : 'warning';
  return [{ name: 'certificate-expiry', severity, about: file, text, since: null }];
}

function listAlarms(list: TimeInForce, use: Use, now: number): Alarm[] {
  if (!isNearEnd(list, now)) return [];
  const { file, to } = list;
  const hasEnded = to < now;
  const text = hasEnded
    ? `a revocation list has ended: ${USES[use].refused} until there is a new one`
    : `a revocation list ends at ${isoTime(to)}`;
  const severity = hasEnded ? 'critical' : 'warning';
  return [{ name: 'revocation-list', severity, about: file, text, since: null }];
}
