/**
 * The answer to an I_MESSAGE_1 whose security policy is not supported (RFC 3830 sections 5.1.2 and 6.12): HDR T ERR, with
 * the CSB ID and T of what it answers. It is not authenticated, so whoever gets it may do no more than end the call.
 */
import { encodeMessage, decodeMessage, onlyPayload } from '../mikey/message.ts';
import { DATA_TYPE, TS_TYPE } from '../mikey/registry.ts';
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

/** CSB ID and error number of an error message; `null` for other messages. @throws MikeyError `malformed` */
export function readErrorMessage(octets: Uint8Array): { csbId: number; errorNo: number } | null {
  const message = decodeMessage(octets);
  if (message.header.dataType !== DATA_TYPE.ERROR) return null;
  const err = onlyPayload(message, 'err');
  return err === null ? null : { csbId: message.header.csbId, errorNo: err.errorNo };
}
