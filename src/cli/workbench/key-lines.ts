/**
 * Keys that opened packets as lines for other programs, each below a comment that says of what they are:
 *
 *     sdes        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BASE64|MKI:LENGTH             RFC 4568, for whatever takes SDES
 *     libsrtp     rtp_decoder -s AES_CM_128_HMAC_SHA1_80 -k HEX -f 'FILTER'               its program that opens captures
 *     wireshark   SRTP SSRC SUITE MKI HEX ROC                                             tools/wireshark/claviger-srtp.lua
 *
 * HEX is key and salt, one after the other. `rtp_decoder` knows no MKI. Of packets that have one it is told to take MKI and
 * tag off without looking at them; the filter finds the packets by what they are to have there. With GCM, which cannot leave
 * out the tag, and where a stream is taken up after its first 65,536 packets, it opens nothing: then the line is a comment.
 */
import { concat, fromHex, toHex } from '../../bytes/octets.ts';
import { Secret } from '../../bytes/secret.ts';
import type { ObservedKey } from '../../entities/lemf/group.ts';
import type { SrtpSuite } from '../../media/srtp/suites.ts';
import { formatCryptoAttribute } from '../../sip/sdes.ts';

export const KEY_FORMATS = ['sdes', 'libsrtp', 'wireshark'] as const;

export type KeyFormat = (typeof KEY_FORMATS)[number];

/** What a line is made of. */
interface ShownKey {
  /** Of the file, from 1. */
  readonly number: number;
  readonly ssrc: string;
  readonly suite: SrtpSuite;
  readonly keyAndSalt: Secret;
  /** In hex; empty: the packets have none. */
  readonly mki: string;
  /** Roll-over counter of the first packet. */
  readonly roc: number;
}

const FORMATS: Readonly<Record<KeyFormat, (key: ShownKey) => string>> = {
  sdes: ({ number, suite, keyAndSalt, mki }) =>
    `a=${formatCryptoAttribute(number, suite.name, keyAndSalt, fromHex(mki))}`,
  libsrtp: decoderLine,
  wireshark: ({ ssrc, suite, keyAndSalt, mki, roc }) =>
    ['SRTP', ssrc, suite.name, mki === '' ? '-' : mki, toHex(keyAndSalt.expose()), roc].join(' '),
};

/** A key that opened packets: of what it is, and its line. */
export interface PrintedKey {
  readonly ssrc: string;
  readonly direction: ObservedKey['direction'];
  /** `source>destination` as delivered. */
  readonly path: string | null;
  /** `null`: the key of the SDP. */
  readonly csId: number | null;
  readonly suite: string;
  /** In hex; empty: the packets have none. */
  readonly mki: string;
  /** Roll-over counter of the first packet. */
  readonly roc: number;
  readonly packets: number;
  readonly line: string;
}

/** @param number of the key in the file, from 1 */
export function printedKey(
  format: KeyFormat,
  { ssrc, direction, path, use }: ObservedKey,
  number: number,
): PrintedKey {
  const { csId, suite, key, mki, packets, firstIndex } = use;
  const named = ssrc.toString(16).padStart(8, '0');
  const keyAndSalt = Secret.of(concat(key.key.expose(), key.salt.expose()));
  const roc = Math.floor(firstIndex / 0x1_0000);
  try {
    const line = FORMATS[format]({ number, ssrc: named, suite, keyAndSalt, mki, roc });
    return { ssrc: named, direction, path, csId, suite: suite.name, mki, roc, packets, line };
  } finally {
    keyAndSalt.wipe();
  }
}

/** A comment that says of what the key is, and its line, each with its end. */
export function keyLines({ ssrc, direction, path, csId, packets, line }: PrintedKey): string {
  const where = [`SSRC ${ssrc}`, direction, ...(path === null ? [] : [path])];
  const from = csId === null ? 'key of the SDP' : `CS ID ${csId}`;
  return `# ${[...where, from, `${packets} packets`].join(', ')}\n${line}\n`;
}

function decoderLine({ ssrc, suite, keyAndSalt, mki, roc }: ShownKey): string {
  const isMarked = mki !== '';
  const filter = [
    `udp[16:4]=0x${ssrc}`,
    ...(isMarked ? marked(mki, suite.cipher === 'aes-gcm' ? 0 : suite.tagLength) : []),
  ].join(' and ');
  const bits = suite.keyLength * 8;
  const protection =
    suite.cipher === 'aes-gcm'
      ? `-g -e ${bits} -t ${suite.tagLength}`
      : isMarked
        ? `-e ${bits} -t ${suite.tagLength + mki.length / 2}`
        : `-a -e ${bits} -t ${suite.tagLength}`;
  const line = `rtp_decoder ${protection} -k ${toHex(keyAndSalt.expose())} -f '${filter}'`;
  if (suite.cipher === 'aes-gcm' && isMarked)
    return `# not by rtp_decoder, which knows no MKI (here ${mki}): ${line}`;
  return roc === 0
    ? line
    : `# not by rtp_decoder, which begins at roll-over counter 0 (here ${roc}): ${line}`;
}

/** Terms of a filter of pcap: that packets have this MKI before their tag. */
function marked(mki: string, tagLength: number): string[] {
  const octets = mki.length / 2;
  const terms: string[] = [];
  for (let at = 0; at < octets;) {
    const size = octets - at >= 4 ? 4 : octets - at >= 2 ? 2 : 1;
    const before = tagLength + octets - at;
    terms.push(`udp[udp[4:2]-${before}:${size}]=0x${mki.slice(2 * at, 2 * (at + size))}`);
    at += size;
  }
  return terms;
}
