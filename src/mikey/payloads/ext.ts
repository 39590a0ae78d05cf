/**
 * General extension (RFC 3830 section 6.15), and the Key ID Information carried in type 3 (RFC 4563 section 4).
 *
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Next payload  ! Type          ! Length                        !
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     ! Data                                                          ~
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     Key ID:  !  Key ID Type  ! Key ID Length !            Key ID    ~
 */
import { Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import { asMikey } from '../errors.ts';
import { PAYLOAD_TYPE } from '../registry.ts';
import { countedOctets, number, payload } from './fields.ts';
import type { PayloadOf } from './fields.ts';

export type ExtPayload = PayloadOf<typeof ext>;

export const ext = payload(PAYLOAD_TYPE.EXT, 'ext', {
  type: number(1, 'EXT Type'),
  data: countedOctets(2, 'EXT Length', 'EXT Data'),
});

/** One Key ID Type sub-payload. */
export interface KeyId {
  readonly type: number;
  readonly id: Uint8Array;
}

/** The data of a general extension of type Key ID. */
export function decodeKeyIds(data: Uint8Array): KeyId[] {
  return asMikey('malformed', 'Key ID Information', () => {
    const reader = new Reader(data);
    const ids: KeyId[] = [];
    while (reader.remaining > 0) {
      const type = reader.u8('Key ID Type');
      ids.push({ type, id: reader.bytes(reader.u8('Key ID Length'), 'Key ID') });
    }
    return ids;
  });
}

export function encodeKeyIds(ids: readonly KeyId[]): Uint8Array {
  return asMikey('unencodable', 'Key ID Information', () => {
    const writer = new Writer();
    for (const { type, id } of ids) writer.u8(type).u8(id.length).bytes(id);
    return writer.finish();
  });
}
