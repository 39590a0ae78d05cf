/**
 * Which PDUs are new. After a reconnect a POI sends again what was not acknowledged; the copies are known by their
 * place in the stream (XID, DID, NFID, IPID, correlation, type: TS 103 221-2 clause 5.3.9) and are dropped. Streams are
 * apart by certificate as well: what one POI sends under the names of another must not make the other's PDUs pass for
 * copies.
 *
 * A number below the expected one with a later time stamp than any before is not a copy: the POI has restarted and counts
 * from 0 again. A number above it is measured loss. A PDU without a sequence number cannot be told from a copy
 * and is taken.
 */
import { toHex } from '../../bytes/octets.ts';
import { RecentlyMade } from '../../bytes/recently-made.ts';
import { ATTRIBUTE } from '../../wire/x2x3/attributes.ts';
import type { Pdu } from '../../wire/x2x3/pdu.ts';
import { numberAttribute, PDU_TYPE, textAttribute, timestampOf } from '../../wire/x2x3/pdu.ts';
import type { StreamState } from './ports.ts';

export type Intake =
  | { readonly kind: 'copy' }
  /** `lost`: PDUs that never came before this one; `stream` is `null` for a PDU without number. */
  | { readonly kind: 'new'; readonly stream: StreamState | null; readonly lost: number };

/** @param peer name of the POI, by its certificate */
export function streamKey(pdu: Pdu, peer: string): string {
  const names = [ATTRIBUTE.did, ATTRIBUTE.nfid, ATTRIBUTE.ipid].map((type) => textAttribute(pdu, type) ?? '');
  return JSON.stringify([peer, pdu.type, pdu.xid, ...names, toHex(pdu.correlation)]);
}

interface KnownStream {
  readonly type: number;
  readonly peer: string;
  readonly xid: string;
  readonly did: string | null;
  readonly nfid: string | null;
  readonly ipid: string | null;
  readonly key: string;
}

/** Streams whose keys are kept. */
const KEPT_STREAMS = 4_096;

/** Keys of streams: packet after packet has that of the one before it. */
export class StreamNames {
  readonly #ofContent = new RecentlyMade<KnownStream>(KEPT_STREAMS);
  readonly #ofOthers = new RecentlyMade<KnownStream>(KEPT_STREAMS);

  /** As `streamKey`. @param call the correlation, hex */
  of(pdu: Pdu, peer: string, call: string): string {
    const streams = pdu.type === PDU_TYPE.x3 ? this.#ofContent : this.#ofOthers;
    const did = textAttribute(pdu, ATTRIBUTE.did);
    const nfid = textAttribute(pdu, ATTRIBUTE.nfid);
    const ipid = textAttribute(pdu, ATTRIBUTE.ipid);
    const known = streams.get(call);
    const isSame =
      known?.xid === pdu.xid &&
      known.type === pdu.type &&
      known.peer === peer &&
      known.did === did &&
      known.nfid === nfid &&
      known.ipid === ipid;
    if (isSame) return known.key;
    const { type, xid } = pdu;
    return streams.put(call, { type, peer, xid, did, nfid, ipid, key: streamKey(pdu, peer) }).key;
  }

  /** Streams that have ended are not kept: all are forgotten, and those that go on are known again. */
  forget(): void {
    this.#ofContent.clear();
    this.#ofOthers.clear();
  }
}

/** The call that a stream is of: its correlation, hex; empty for a key that says none. */
export function correlationOfStream(key: string): string {
  return /"([0-9a-f]*)"\]$/.exec(key)?.[1] ?? '';
}

/** Where a PDU stands in the stream of that key. `now` stands in for a time stamp that the POI left out. */
export function intake(pdu: Pdu, key: string, known: StreamState | null, now: number): Intake {
  const sequenceNumber = numberAttribute(pdu, ATTRIBUTE.sequenceNumber);
  if (sequenceNumber === null) return { kind: 'new', stream: null, lost: 0 };
  const time = timestampOf(pdu);
  const expected = known?.nextSequenceNumber ?? 0;
  const restarted = sequenceNumber < expected && time !== null && known !== null && time > known.lastTime;
  if (sequenceNumber < expected && !restarted) return { kind: 'copy' };
  const stream = {
    key,
    nextSequenceNumber: (sequenceNumber + 1) % 2 ** 32,
    lastTime: Math.max(time ?? now, known?.lastTime ?? 0),
  };
  return { kind: 'new', stream, lost: restarted ? sequenceNumber : sequenceNumber - expected };
}
