/** What the mediation reads off a PDU. */
import { uriHost } from '../../bytes/network-address.ts';
import { ATTRIBUTE } from '../../wire/x2x3/attributes.ts';
import type { Pdu } from '../../wire/x2x3/pdu.ts';
import { DIRECTION, numberAttribute, PAYLOAD_FORMAT, PDU_TYPE, textAttribute } from '../../wire/x2x3/pdu.ts';
import { parseTargetIdentifier } from '../../wire/x2x3/target.ts';
import type { DfEvent } from './events.ts';
import type { DfTask } from './ports.ts';
import type { CcRecord, ObservedIdentity, RecordDirection } from './records.ts';

/** The payload formats of X3 that are handed over. */
const CONTENT_FORMATS: ReadonlyMap<number, CcRecord['format']> = new Map([
  [PAYLOAD_FORMAT.rtp, 'rtp'],
  [PAYLOAD_FORMAT.ipv4, 'ipv4'],
  [PAYLOAD_FORMAT.ipv6, 'ipv6'],
]);

/** `null`: a payload of X3 that is not handed over. */
export function contentFormatOf({ payloadFormat }: Pick<Pdu, 'payloadFormat'>): CcRecord['format'] | null {
  return CONTENT_FORMATS.get(payloadFormat) ?? null;
}

export function directionOf(pdu: Pdu): RecordDirection {
  if (pdu.direction === DIRECTION.toTarget) return 'toTarget';
  return pdu.direction === DIRECTION.fromTarget ? 'fromTarget' : 'unknown';
}

/** Attribute 17, else the task's own identifiers. */
export function observedIdentities(pdu: Pdu, task: DfTask): readonly ObservedIdentity[] {
  const matched = textAttribute(pdu, ATTRIBUTE.matchedTarget);
  return matched === null ? task.targets : [parseTargetIdentifier(matched)];
}

/** `source>destination` of the packet, each `address:port`, of IPv6 `[address]:port`, as far as the POI told them. */
export function streamIdentifier(pdu: Pdu): string {
  const end = (v4: number, v6: number, port: number): string => {
    const address = textAttribute(pdu, v4) ?? textAttribute(pdu, v6);
    return address === null ? '' : `${uriHost(address)}:${numberAttribute(pdu, port) ?? ''}`;
  };
  const source = end(ATTRIBUTE.sourceIpv4, ATTRIBUTE.sourceIpv6, ATTRIBUTE.sourcePort);
  const destination = end(ATTRIBUTE.destinationIpv4, ATTRIBUTE.destinationIpv6, ATTRIBUTE.destinationPort);
  return source === '' && destination === '' ? '' : `${source}>${destination}`;
}

/** What a watcher is told of a PDU. */
export function receivedEvent(pdu: Pdu, at: number): DfEvent {
  const isSip = pdu.payloadFormat === PAYLOAD_FORMAT.sip;
  const [line = ''] = isSip ? Buffer.from(pdu.payload.subarray(0, 256)).toString('latin1').split('\r\n') : [];
  return {
    type: 'received',
    at,
    reference: pdu.type === PDU_TYPE.x2 ? 'x2' : 'x3',
    xid: pdu.xid,
    from: textAttribute(pdu, ATTRIBUTE.nfid) ?? '',
    octets: pdu.payload.length,
    summary: line,
  };
}
