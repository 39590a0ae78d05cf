/**
 * Odd spellings of what SIP and SDP carry, and what becomes of each: `reads`: everybody who reads it finds the same
 * MIKEY message and the same media; or the status that a request with it is answered, so that nobody gets to read it.
 */
import { SDP_TYPE } from '../../src/sip/sdp.ts';

export interface Spelling {
  readonly name: string;
  readonly outcome: 'reads' | 400 | 415 | 488;
  /** The Content-Type line; `null`: none. */
  readonly type: string | null;
  readonly body: string;
}

const FIELD = `Content-Type: ${SDP_TYPE}`;

function lines(
  mikey: string,
  media = 'm=audio 40000 RTP/SAVP 8 0',
  connection = 'c=IN IP4 127.0.0.1',
): string[] {
  return ['v=0', 'o=alice 1 1 IN IP4 127.0.0.1', 's=-', connection, 't=0 0', mikey, media, 'a=sendrecv'];
}

/** The table, with the base64 of a MIKEY message in its places. */
export function spellings(base64: string): Spelling[] {
  const plain = lines(`a=key-mgmt:mikey ${base64}`);
  const row = (
    name: string,
    outcome: Spelling['outcome'],
    body: readonly string[] | string,
    type: string | null = FIELD,
  ): Spelling => ({
    name,
    outcome,
    type,
    body: typeof body === 'string' ? body : body.map((line) => `${line}\r\n`).join(''),
  });
  const keyed = (name: string, outcome: Spelling['outcome'], mikey: string): Spelling =>
    row(name, outcome, lines(mikey));
  const text = plain.map((line) => `${line}\r\n`).join('');
  return [
    row('as it should be', 'reads', plain),
    keyed('a blank after key-mgmt: (RFC 4567 section 3.1.1)', 'reads', `a=key-mgmt: mikey ${base64}`),
    keyed('several blanks after key-mgmt:', 'reads', `a=key-mgmt:   mikey   ${base64}`),
    keyed('a tab after key-mgmt:', 'reads', `a=key-mgmt:\tmikey\t${base64}`),
    keyed('MIKEY', 'reads', `a=key-mgmt:MIKEY ${base64}`),
    keyed('an upper-case attribute', 'reads', `a=KEY-MGMT:mikey ${base64}`),
    keyed('blanks at the end of key-mgmt', 'reads', `a=key-mgmt:mikey ${base64}  \t`),
    keyed('a blank before the colon', 'reads', `a=key-mgmt :mikey ${base64}`),
    keyed('a blank within the base64', 488, `a=key-mgmt:mikey ${base64.slice(0, 40)} ${base64.slice(40)}`),
    keyed('base64 that is cut short', 488, `a=key-mgmt:mikey ${base64.slice(0, 41)}`),
    keyed('no data', 488, 'a=key-mgmt:mikey'),
    keyed('a blank after a=', 488, `a= key-mgmt:mikey ${base64}`),
    keyed('a blank before a=', 488, ` a=key-mgmt:mikey ${base64}`),
    keyed('an upper-case letter before =', 488, `A=key-mgmt:mikey ${base64}`),
    row('LF line ends', 'reads', text.replaceAll('\r\n', '\n')),
    row('no end of the last line', 'reads', text.slice(0, -2)),
    row('CR line ends', 488, text.replaceAll('\r\n', '\r')),
    row('a blank line at the end', 'reads', `${text}\r\n`),
    row('a blank line within', 488, text.replace('t=0 0', 't=0 0\r\n')),
    row('blanks at the end of every line', 'reads', text.replaceAll('\r\n', ' \r\n')),
    row('several blanks in m=', 'reads', text.replace('m=audio 40000 ', 'm=audio 40000  ')),
    row('a tab in m=', 'reads', text.replace('m=audio 40000 ', 'm=audio\t40000 ')),
    row('c= in lower case', 'reads', text.replace('IN IP4 127.0.0.1\r\nt', 'in ip4 127.0.0.1\r\nt')),
    row('a host name in c=', 488, text.replace('IN IP4 127.0.0.1\r\nt', 'IN IP4 media.example\r\nt')),
    row('a fold', 488, text.replace(' RTP/SAVP', '\r\n RTP/SAVP')),
    row('a NUL', 488, text.replace('a=sendrecv', 'a=sendrecv\0')),
    row('blanks in the media type', 'reads', text, 'Content-Type: application / sdp'),
    row('a tab in the media type', 'reads', text, 'Content-Type:\tapplication/\tsdp'),
    row('a parameter of the media type', 'reads', text, 'Content-Type: application/sdp ; charset=utf-8'),
    row('a media type in capitals', 'reads', text, 'CONTENT-TYPE: Application/SDP'),
    row('a short form', 'reads', text, 'c: application/sdp'),
    row('a folded media type', 'reads', text, 'Content-Type:\r\n application/sdp'),
    row('no Content-Type', 400, text, null),
    row('a media type that is not one', 400, text, 'Content-Type: sdp'),
    row('an empty parameter of the media type', 400, text, 'Content-Type: application/sdp;'),
    row(
      'within another body',
      415,
      `--b\r\n${FIELD}\r\n\r\n${text}\r\n--b--\r\n`,
      'Content-Type: multipart/mixed;boundary=b',
    ),
  ];
}
