/**
 * One packet under one master key at a known index, without state: what `stream.ts` wraps for endpoints, and what a
 * recipient of intercepted packets uses alone, trying roll-over counters.
 *
 * SRTP with AES-CM and HMAC-SHA-1 (RFC 3711 sections 3.1, 4.1.1, 4.2), and with AES-GCM (RFC 7714 section 8):
 *
 *     | RTP header | encrypted payload | MKI | tag |      tag = HMAC(auth key, header ‖ encrypted payload ‖ ROC)
 *     | RTP header | ciphertext ‖ AEAD tag | MKI |        associated data = RTP header
 *
 *     IV of AES-CM = (salt · 2^16) XOR (SSRC · 2^64) XOR (index · 2^16)
 *     IV of GCM    = salt XOR (0 (16 bits) ‖ SSRC (32) ‖ ROC (32) ‖ SEQ (16))
 *
 * SRTCP (RFC 3711 section 3.4, RFC 7714 section 9); E is the top bit of the index word; its index has 31 bits:
 *
 *     | header, SSRC | encrypted rest | E‖index | MKI | tag |     tag = HMAC(auth key, all before the MKI)
 *     | header, SSRC | ciphertext ‖ AEAD tag | E‖index | MKI |    associated data = header, SSRC, E‖index
 *
 * The MKI is covered by no tag: a receiver may use it to find a key, and must not believe it.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { concat, equalOctets } from '../../bytes/octets.ts';
import { Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import { MediaError } from '../errors.ts';
import { decodeRtpHeader } from '../rtp.ts';
import type { SessionKeys } from './kdf.ts';
import { aesCounterMode, sessionKeys } from './kdf.ts';
import { packetIndex, rocOf } from './packet-index.ts';
import type { SrtpKeying, SrtpSuite } from './suites.ts';

/** RTCP common header and the sender's SSRC, which stay in the clear. */
const RTCP_CLEAR = 8;
const E_FLAG = 0x80000000;

export class SrtpTransform {
  readonly #suite: SrtpSuite;
  readonly #rtp: SessionKeys;
  readonly #rtcp: SessionKeys;

  constructor(suite: SrtpSuite, keys: { readonly rtp: SessionKeys; readonly rtcp: SessionKeys }) {
    this.#suite = suite;
    this.#rtp = keys.rtp;
    this.#rtcp = keys.rtcp;
  }

  /** The transform under the session keys of a master key. @throws MediaError `key` */
  static of(keying: SrtpKeying): SrtpTransform {
    const keys = { rtp: sessionKeys(keying, 'rtp'), rtcp: sessionKeys(keying, 'rtcp') };
    return new SrtpTransform(keying.suite, keys);
  }

  /** An SRTP packet of a plain RTP packet; the low 16 bits of the index are those of its sequence number. */
  protectRtp(packet: Uint8Array, roc: number, mki: Uint8Array): Uint8Array {
    const { header, length } = decodeRtpHeader(packet);
    const index = packetIndex(roc, header.sequenceNumber);
    const clear = packet.subarray(0, length);
    const plain = packet.subarray(length);
    if (this.#suite.cipher === 'aes-gcm') {
      return concat(clear, this.#seal(this.#rtp, gcmIv(this.#rtp, header.ssrc, index), clear, plain), mki);
    }
    const encrypted = this.#counter(this.#rtp, header.ssrc, index, plain);
    return concat(clear, encrypted, mki, this.#tag(this.#rtp, clear, encrypted, u32(roc)));
  }

  /**
   * The plain RTP packet of an SRTP packet under that ROC, or `null` if its tag does not verify.
   * @throws BytesError, MediaError `malformed` if it is no SRTP packet at all
   */
  unprotectRtp(packet: Uint8Array, roc: number, mkiLength: number): Uint8Array | null {
    const { header, length } = decodeRtpHeader(packet);
    const index = packetIndex(roc, header.sequenceNumber);
    const clear = packet.subarray(0, length);
    if (this.#suite.cipher === 'aes-gcm') {
      const sealed = slice(packet, length, packet.length - mkiLength, this.#suite.tagLength);
      const plain = this.#open(this.#rtp, gcmIv(this.#rtp, header.ssrc, index), clear, sealed);
      return plain === null ? null : concat(clear, plain);
    }
    const encrypted = slice(packet, length, packet.length - this.#suite.tagLength - mkiLength, 0);
    const tag = packet.subarray(packet.length - this.#suite.tagLength);
    if (!equalOctets(tag, this.#tag(this.#rtp, clear, encrypted, u32(roc)))) return null;
    return concat(clear, this.#counter(this.#rtp, header.ssrc, index, encrypted));
  }

  /** An SRTCP packet of a plain compound packet, always encrypted. */
  protectRtcp(packet: Uint8Array, index: number, mki: Uint8Array): Uint8Array {
    const clear = slice(packet, 0, RTCP_CLEAR, RTCP_CLEAR);
    const ssrc = new Reader(packet, 4).u32('SSRC');
    const plain = packet.subarray(RTCP_CLEAR);
    const word = u32(E_FLAG + index);
    if (this.#suite.cipher === 'aes-gcm') {
      const iv = gcmIv(this.#rtcp, ssrc, index);
      return concat(clear, this.#seal(this.#rtcp, iv, concat(clear, word), plain), word, mki);
    }
    const encrypted = this.#counter(this.#rtcp, ssrc, index, plain);
    return concat(clear, encrypted, word, mki, this.#tag(this.#rtcp, clear, encrypted, word));
  }

  /**
   * The plain compound packet of an SRTCP packet, encrypted or only authenticated, and its index; `null` if its tag
   * does not verify.
   * @throws BytesError, MediaError `malformed` if it is no SRTCP packet at all
   */
  unprotectRtcp(
    packet: Uint8Array,
    mkiLength: number,
  ): { readonly packet: Uint8Array; readonly index: number } | null {
    const gcm = this.#suite.cipher === 'aes-gcm';
    const trailer = 4 + mkiLength + (gcm ? 0 : this.#suite.tagLength);
    const wordAt = packet.length - trailer;
    const body = slice(packet, RTCP_CLEAR, wordAt, gcm ? this.#suite.tagLength : 0);
    const clear = packet.subarray(0, RTCP_CLEAR);
    const ssrc = new Reader(clear, 4).u32('SSRC');
    const word = packet.subarray(wordAt, wordAt + 4);
    const value = new Reader(word).u32('index');
    const encrypted = value >= E_FLAG;
    const index = value % E_FLAG;
    const plain = gcm
      ? this.#openRtcp(gcmIv(this.#rtcp, ssrc, index), clear, body, word, encrypted)
      : this.#verifyRtcp(ssrc, index, clear, body, packet, trailer, encrypted);
    return plain === null ? null : { packet: concat(clear, plain), index };
  }

  /** RFC 7714 section 9.3: without encryption, all but the tag is associated data. */
  #openRtcp(
    iv: Uint8Array,
    clear: Uint8Array,
    body: Uint8Array,
    word: Uint8Array,
    encrypted: boolean,
  ): Uint8Array | null {
    if (encrypted) return this.#open(this.#rtcp, iv, concat(clear, word), body);
    const tagAt = body.length - this.#suite.tagLength;
    const plain = body.subarray(0, tagAt);
    const opened = this.#open(this.#rtcp, iv, concat(clear, plain, word), body.subarray(tagAt));
    return opened === null ? null : plain;
  }

  #verifyRtcp(
    ssrc: number,
    index: number,
    clear: Uint8Array,
    body: Uint8Array,
    packet: Uint8Array,
    trailer: number,
    encrypted: boolean,
  ): Uint8Array | null {
    const word = packet.subarray(packet.length - trailer, packet.length - trailer + 4);
    const tag = packet.subarray(packet.length - this.#suite.tagLength);
    if (!equalOctets(tag, this.#tag(this.#rtcp, clear, body, word))) return null;
    return encrypted ? this.#counter(this.#rtcp, ssrc, index, body) : body;
  }

  #counter(keys: SessionKeys, ssrc: number, index: number, input: Uint8Array): Uint8Array {
    const iv = new Writer(16).u32(0).u32(ssrc).uint(index, 6).u16(0).finish();
    return aesCounterMode(keys.encryption, xor(iv, keys.salt), input);
  }

  #tag(keys: SessionKeys, ...authenticated: readonly Uint8Array[]): Uint8Array {
    const hmac = createHmac('sha1', keys.authentication);
    for (const part of authenticated) hmac.update(part);
    return new Uint8Array(hmac.digest().subarray(0, this.#suite.tagLength));
  }

  #seal(keys: SessionKeys, iv: Uint8Array, associated: Uint8Array, plain: Uint8Array): Uint8Array {
    const cipher = createCipheriv(gcmName(keys), keys.encryption, iv, {
      authTagLength: this.#suite.tagLength,
    });
    cipher.setAAD(associated);
    const encrypted = cipher.update(plain);
    cipher.final();
    return concat(encrypted, cipher.getAuthTag());
  }

  #open(keys: SessionKeys, iv: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    const tagAt = sealed.length - this.#suite.tagLength;
    const decipher = createDecipheriv(gcmName(keys), keys.encryption, iv, {
      authTagLength: this.#suite.tagLength,
    });
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(tagAt));
    const plain = decipher.update(sealed.subarray(0, tagAt));
    try {
      decipher.final();
    } catch {
      return null;
    }
    return new Uint8Array(plain);
  }
}

/** The MKI of an SRTP or SRTCP packet, before anything is verified. @throws MediaError `malformed` */
export function mkiOf(packet: Uint8Array, suite: SrtpSuite, mkiLength: number): Uint8Array {
  const end = packet.length - (suite.cipher === 'aes-gcm' ? 0 : suite.tagLength);
  return slice(packet, end - mkiLength, end, mkiLength).slice();
}

/* ---------------------------------------------------------------- helpers */

/** RFC 7714 sections 8.1 and 9.1; the SRTCP index stands right-justified where ROC and SEQ stand. */
function gcmIv(keys: SessionKeys, ssrc: number, index: number): Uint8Array {
  const iv = new Writer(12)
    .u16(0)
    .u32(ssrc)
    .u32(rocOf(index))
    .u16(index % 0x10000)
    .finish();
  return xor(iv, keys.salt);
}

function gcmName(keys: SessionKeys): 'aes-128-gcm' | 'aes-256-gcm' {
  return keys.encryption.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
}

/** `salt` XORed onto `block` from its first octet. */
function xor(block: Uint8Array, salt: Uint8Array): Uint8Array {
  return block.map((octet, at) => octet ^ (salt[at] ?? 0));
}

function u32(value: number): Uint8Array {
  return new Writer(4).u32(value).finish();
}

function slice(octets: Uint8Array, start: number, end: number, least: number): Uint8Array {
  if (start < 0 || end - start < least || end > octets.length) {
    throw new MediaError('malformed', `${octets.length} octets are too few for SRTP`);
  }
  return octets.subarray(start, end);
}
