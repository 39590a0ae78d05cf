/**
 * The answer to an I_MESSAGE_1 whose security policy is not supported (RFC 3830 sections 5.1.2 and 6.12): HDR T ERR, with
 * the CSB ID and T of what it answers. It is not authenticated, so whoever gets it may do no more than end the call.
 */
import { encodeMessage, decodeMessage, onlyPayload } from '../mikey/message.ts';
import { DATA_TYPE, ERROR_NO, nameOf, TS_TYPE } from '../mikey/registry.ts';
import { headerOf, type MessageBase } from './messages.ts';

export function errorMessage({ header, map, t }: MessageBase, errorNo: number): Uint8Array {
  const { prfFunc, csbId } = header;
  return encodeMessage({
    header: headerOf(DATA_TYPE.ERROR, false, { prfFunc, csbId, map }),
    payloads: [
      { kind: 't', tsType: TS_TYPE['NTP-UTC'], value: t.octets },
      { kind: 'err', errorNo, reserved: 0 },
    ],
  });
}

/** What an error message says. */
export interface MikeyRefusal {
  readonly csbId: number;
  readonly errorNo: number;
  /** As RFC 3830 table 6.12 has it: `Invalid SP`. */
  readonly name: string;
}

/** What an error message says; `null` for other messages. @throws MikeyError `malformed` */
export function readErrorMessage(octets: Uint8Array): MikeyRefusal | null {
  const message = decodeMessage(octets);
  if (message.header.dataType !== DATA_TYPE.ERROR) return null;
  const err = onlyPayload(message, 'err');
  if (err === null) return null;
  return {
    csbId: message.header.csbId,
    errorNo: err.errorNo,
    name: nameOf(ERROR_NO, err.errorNo) ?? 'unknown error',
  };
}
