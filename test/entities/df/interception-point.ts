/** A point of interception that reports a call's messages and packets to a DF over X2 and X3. */
import { systemClock } from '../../../src/host/runtime.ts';
import { HostMap } from '../../../src/net/hosts.ts';
import type { TlsMaterial } from '../../../src/net/tls.ts';
import { Poi } from '../../../src/poi/poi.ts';
import type { PoiIssues } from '../../../src/poi/poi.ts';
import type { X2X3Timing } from '../../../src/poi/x2x3-client.ts';
import { X2X3Delivery } from '../../../src/poi/x2x3-delivery.ts';
import { PAYLOAD_FORMAT } from '../../../src/wire/x2x3/pdu.ts';
import { silent } from '../../support/silent.ts';
import { correlationOf, LEG, XID } from './support.ts';

const DID = '00000000-0000-4000-8000-000000000001';
const NO_ISSUES: PoiIssues = {
  raised: () => undefined,
  cleared: () => undefined,
  lostWithRemoved: () => undefined,
  taskIssue: () => undefined,
};

export interface InterceptionPointOptions {
  readonly tls: TlsMaterial;
  /** Where the DF listens. */
  readonly port: number;
  readonly timing: X2X3Timing;
  readonly issues?: PoiIssues;
}

export function interceptionPoint({ tls, port, timing, issues = NO_ISSUES }: InterceptionPointOptions) {
  const clock = systemClock();
  const poi = new Poi({ nfId: 'cscf.home1.example', ipId: 'sip', logger: silent, issues });
  const delivery = new X2X3Delivery(poi, {
    ...{ hosts: new HostMap(), tls, clock, logger: silent, issues, timing },
  });
  delivery.open(DID, { host: '127.0.0.1', port });
  const report = (
    reference: 'x2' | 'x3',
    payload: Uint8Array,
    direction: number,
    callId = LEG.callId,
  ): void =>
    poi.report(
      {
        interface: reference,
        direction,
        format: reference === 'x2' ? PAYLOAD_FORMAT.sip : PAYLOAD_FORMAT.rtp,
        payload,
        correlation: correlationOf(callId),
        time: clock.now(),
      },
      [{ task: { xid: XID, deliveryType: 'X2andX3', dids: [DID] } }],
    );
  return { delivery, report };
}
