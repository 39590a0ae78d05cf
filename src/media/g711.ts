/**
 * G.711 companding: 16-bit linear samples to and from A-law and µ-law octets.
 *
 *     A-law: 13-bit magnitude, sign 1 = positive, even bits inverted (XOR 0x55)
 *     µ-law: 14-bit magnitude with bias 33 (132 in 16-bit scale), sign 1 = positive, all bits inverted
 *
 *     octet = sign (1) ‖ segment (3) ‖ position in the segment (4)
 *
 * A decoder gives the middle of the quantisation interval; coding what a decoder gave yields the same octet again
 * (for µ-law's negative zero, the positive one, which decodes alike).
 */

export type Companding = 'pcma' | 'pcmu';

const ALAW_INVERT = 0x55;
const MULAW_BIAS = 132;
const MULAW_CLIP = 32635;

export function encodeG711(samples: Int16Array, law: Companding): Uint8Array {
  const encode = law === 'pcma' ? encodeALaw : encodeMuLaw;
  return Uint8Array.from(samples, encode);
}

export function decodeG711(octets: Uint8Array, law: Companding): Int16Array {
  const table = law === 'pcma' ? ALAW_TABLE : MULAW_TABLE;
  const samples = new Int16Array(octets.length);
  for (let at = 0; at < octets.length; at++) samples[at] = table[octets[at] ?? 0] ?? 0;
  return samples;
}

function encodeALaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = sample >= 0 ? sample >> 4 : ~sample >> 4;
  const segment = 32 - Math.clz32(magnitude >> 4);
  const code = segment <= 1 ? magnitude : (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f);
  return (sign | code) ^ ALAW_INVERT;
}

function decodeALaw(octet: number): number {
  const code = octet ^ ALAW_INVERT;
  const segment = (code >> 4) & 7;
  const position = ((code & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? position : (position + 0x100) << (segment - 1);
  return (code & 0x80) !== 0 ? magnitude : -magnitude;
}

function encodeMuLaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = Math.min(sample >= 0 ? sample : -sample, MULAW_CLIP) + MULAW_BIAS;
  const segment = 31 - Math.clz32(magnitude) - 7;
  const position = (magnitude >> (segment + 3)) & 0x0f;
  return (~((segment << 4) | position) & 0x7f) | sign;
}

function decodeMuLaw(octet: number): number {
  const code = ~octet & 0x7f;
  const segment = code >> 4;
  const magnitude = ((((code & 0x0f) << 3) + MULAW_BIAS) << segment) - MULAW_BIAS;
  return (octet & 0x80) !== 0 ? magnitude : -magnitude;
}

const ALAW_TABLE = Int16Array.from({ length: 256 }, (_, octet) => decodeALaw(octet));
const MULAW_TABLE = Int16Array.from({ length: 256 }, (_, octet) => decodeMuLaw(octet));
