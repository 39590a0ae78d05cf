/** A point of interception over real connections: certificates, task, and a client that is quick to try again. */
import type { Clock, SetAside } from '../../src/bytes/ports.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { Role, TlsMaterial } from '../../src/net/tls.ts';
import { Poi } from '../../src/poi/poi.ts';
import type { PoiTask } from '../../src/poi/poi.ts';
import type { X2X3Timing } from '../../src/poi/x2x3-client.ts';
import { X2X3Delivery } from '../../src/poi/x2x3-delivery.ts';
import { DIRECTION, PAYLOAD_FORMAT } from '../../src/wire/x2x3/pdu.ts';
import { roleCertificates } from '../support/role-certificates.ts';
import { silent } from '../support/silent.ts';

export const DID = '00000000-0000-4000-8000-000000000001';
export const TASK: PoiTask = {
  xid: '11111111-0000-4000-8000-000000000001',
  deliveryType: 'X2andX3',
  dids: [DID],
};

const clock = systemClock();

/** Certificates of one authority for elements of the first home network. */
export async function elements<R extends Role>(
  folder: string,
  roles: readonly R[],
): Promise<Record<R, TlsMaterial>> {
  const files = await roleCertificates(folder, clock.now(), roles);
  const loaded = roles.map((role) => [role, loadTls(files[role], clock.now())] as const);
  return Object.fromEntries(loaded) as Record<R, TlsMaterial>;
}

export interface DeliveringPoiOptions {
  readonly tls: TlsMaterial;
  /** Of the one destination. */
  readonly host: string;
  readonly port: number;
  readonly timing?: X2X3Timing;
  readonly clock?: Clock;
  readonly setAside?: SetAside;
}

/** `log` has what it tells of its destination and tasks; the caller stops the delivery. */
export function deliveringPoi({ host, port, timing, ...options }: DeliveringPoiOptions) {
  const log: string[] = [];
  const issues = {
    raised: (_did: string, description: string) => void log.push(description),
    cleared: () => void log.push('cleared'),
    lostWithRemoved: (_did: string, description: string) => void log.push(description),
    taskIssue: (xid: string, description: string) => void log.push(`${xid} ${description}`),
  };
  const poi = new Poi({ nfId: 'cscf.home1.example', ipId: 'sip', logger: silent, issues });
  const delivery = new X2X3Delivery(poi, {
    ...{ clock, logger: silent, issues, hosts: new HostMap({ 'df.home1.example': '127.0.0.1' }) },
    ...options,
    timing: {
      ...{ busyKeepaliveMs: 20, firstPauseMs: 20, longestPauseMs: 50, acknowledgementMs: 60_000 },
      ...timing,
    },
  });
  delivery.open(DID, { host, port });
  const report = (payload: Uint8Array, task: PoiTask = TASK): void =>
    poi.report(
      {
        ...{ interface: 'x2', direction: DIRECTION.toTarget, format: PAYLOAD_FORMAT.sip },
        ...{ payload, correlation: new Uint8Array(8).fill(1), time: clock.now() },
      },
      [{ task }],
    );
  return { poi, delivery, report, log };
}
