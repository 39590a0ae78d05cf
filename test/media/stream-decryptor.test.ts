/** Which key opens a packet of a stream whose keys change. */
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/bytes/secret.ts';
import { StreamDecryptor } from '../../src/media/srtp/stream-decryptor.ts';
import type { CandidateKey } from '../../src/media/srtp/stream-decryptor.ts';
import { encodeRtp } from '../../src/media/rtp.ts';
import { SrtpSender } from '../../src/media/srtp/stream.ts';
import { SRTP_SUITE } from '../../src/media/srtp/suites.ts';

const SUITE = SRTP_SUITE.aesCm128HmacSha1Tag80;
const octets = (length: number, generation: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (generation >> (8 * (at % 2))) & 0xff);

function keyOf(generation: number, mkiLength = 8): CandidateKey {
  const key = Secret.of(octets(16, generation));
  return { csId: 1, suite: SUITE, key, salt: Secret.of(octets(14, generation)), roc: 0, mkiLength };
}

/** Packets of one stream: each list under the next key, numbers going on. */
function spoken(generations: number, each: number, mkiLength = 8, first = 65_400) {
  const packets: { readonly octets: Uint8Array; readonly number: number }[] = [];
  let after: number | null = null;
  for (let generation = 1; generation <= generations; generation++) {
    const { key: masterKey, salt: masterSalt } = keyOf(generation);
    const mki = octets(mkiLength, generation);
    const sender: SrtpSender = new SrtpSender({ suite: SUITE, masterKey, masterSalt, ssrc: 7, mki }, after);
    for (let n = 0; n < each; n++) {
      const number = (first + packets.length) & 0xffff;
      const plain = encodeRtp({
        ...{ marker: false, payloadType: 8, sequenceNumber: number, timestamp: 0, ssrc: 7 },
        ...{ csrc: [], extension: null, payload: Uint8Array.of(1) },
      });
      packets.push({ octets: sender.protect(plain), number });
    }
    after = sender.highest;
  }
  return packets;
}

const keys = (count: number, mkiLength = 8) =>
  Array.from({ length: count }, (_, at) => keyOf(at + 1, mkiLength));

describe('the keys of a stream', () => {
  test('R-43, R-45: each packet opens under its own, through every change and over the roll-over of its numbers', () => {
    const packets = spoken(60, 4);
    const decryptor = new StreamDecryptor(keys(60));
    const opened = packets.map((packet) => decryptor.open(packet.octets, packet.number));
    expect(opened.every((packet) => packet !== null)).toBe(true);
    expect(opened.map((packet) => packet?.index)).toEqual(packets.map((_, at) => 65_400 + at));
    expect(decryptor.used.map((use) => use.packets)).toEqual(Array.from({ length: 60 }, () => 4));
  });

  test('R-43, R-45: packets that overtake others at a change open too, and so does what comes late', () => {
    const packets = spoken(3, 4);
    const decryptor = new StreamDecryptor(keys(3));
    const order = [0, 1, 4, 2, 5, 3, 8, 6, 7, 9, 11, 10];
    const opened = order.map((at) => decryptor.open(packets[at]!.octets, packets[at]!.number));
    expect(opened.map((packet) => packet?.index)).toEqual(order.map((at) => 65_400 + at));
  });

  test('R-43, R-45: a key under which nothing came is passed over', () => {
    const packets = spoken(5, 2).filter((_, at) => Math.floor(at / 2) % 2 === 0);
    const decryptor = new StreamDecryptor(keys(5));
    expect(packets.every((packet) => decryptor.open(packet.octets, packet.number) !== null)).toBe(true);
    expect(decryptor.used).toHaveLength(3);
  });

  test('R-45: packets without MKI open under whichever of the keys they are', () => {
    const packets = spoken(3, 4, 0, 100);
    const decryptor = new StreamDecryptor(keys(3, 0));
    const order = [0, 1, 4, 2, 5, 3, 8, 6, 7, 9];
    const opened = order.map((at) => decryptor.open(packets[at]!.octets, packets[at]!.number));
    expect(opened.map((packet) => packet?.index)).toEqual(order.map((at) => 100 + at));
  });

  test('R-45: what opens under none is told so, and hides none of the others', () => {
    const packets = spoken(4, 2);
    const decryptor = new StreamDecryptor(keys(4));
    for (const { octets: packet, number } of packets) {
      const altered = packet.map((octet, at) => (at === 12 ? octet ^ 1 : octet));
      expect(decryptor.open(altered, number)).toBeNull();
      expect(decryptor.open(packet, number)).not.toBeNull();
    }
    expect(decryptor.open(new Uint8Array(12).fill(0x80), 1)).toBeNull();
  });
});
