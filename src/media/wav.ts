/**
 * WAV files as everything here makes and takes them: 16-bit linear PCM, mono, 8 kHz. Little endian.
 *
 *     "RIFF" ‖ length (4) ‖ "WAVE" ‖ chunks: id (4) ‖ length (4) ‖ data ‖ a zero octet if the length is odd
 *     "fmt ": format 1 = PCM (2) ‖ channels (2) ‖ samples/s (4) ‖ octets/s (4) ‖ octets a frame (2) ‖ bits a sample (2)
 *     "data": samples
 *
 * Chunks besides these two are passed over; a file that ends early, or says otherwise than it is, is refused.
 */
import { MediaError } from './errors.ts';

export const WAV_SAMPLE_RATE = 8000;

const HEADER = 44;
const FORMAT = { tag: 1, channels: 1, sampleRate: WAV_SAMPLE_RATE, octetRate: 16000, frame: 2, bits: 16 };

/** The length of a file has 32 bits: 74 hours. */
export const WAV_MOST_SAMPLES = Math.floor((0xffffffff - (HEADER - 8)) / 2);

export function encodeWav(samples: Int16Array): Uint8Array {
  const octets = new Uint8Array(HEADER + 2 * samples.length);
  octets.set(wavHeader(samples.length));
  const view = new DataView(octets.buffer);
  samples.forEach((sample, at) => view.setInt16(HEADER + 2 * at, sample, true));
  return octets;
}

/** What stands before so many samples, `WAV_MOST_SAMPLES` at most, that end the file. @throws MediaError `too-large` */
export function wavHeader(samples: number): Uint8Array {
  if (samples > WAV_MOST_SAMPLES)
    throw new MediaError('too-large', `${samples} samples are too many for WAV`);
  const octets = new Uint8Array(HEADER);
  const view = new DataView(octets.buffer);
  writeId(octets, 0, 'RIFF');
  view.setUint32(4, HEADER + 2 * samples - 8, true);
  writeId(octets, 8, 'WAVE');
  writeId(octets, 12, 'fmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, FORMAT.tag, true);
  view.setUint16(22, FORMAT.channels, true);
  view.setUint32(24, FORMAT.sampleRate, true);
  view.setUint32(28, FORMAT.octetRate, true);
  view.setUint16(32, FORMAT.frame, true);
  view.setUint16(34, FORMAT.bits, true);
  writeId(octets, 36, 'data');
  view.setUint32(40, 2 * samples, true);
  return octets;
}

/** @throws MediaError `malformed`, `unsupported` */
export function decodeWav(octets: Uint8Array): Int16Array {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  if (octets.length < 12 || readId(octets, 0) !== 'RIFF' || readId(octets, 8) !== 'WAVE') {
    throw new MediaError('malformed', 'not a WAV file');
  }
  if (view.getUint32(4, true) !== octets.length - 8) throw new MediaError('malformed', 'WAV file cut short');
  let format = false;
  for (let at = 12; at < octets.length;) {
    if (at + 8 > octets.length) throw new MediaError('malformed', 'WAV chunk header cut short');
    const id = readId(octets, at);
    const length = view.getUint32(at + 4, true);
    const start = at + 8;
    if (start + length > octets.length) throw new MediaError('malformed', `WAV chunk ${id} cut short`);
    if (id === 'fmt ') {
      checkFormat(new DataView(octets.buffer, octets.byteOffset + start, length));
      format = true;
    } else if (id === 'data') {
      if (!format) throw new MediaError('malformed', 'WAV samples before their format');
      if (length % 2 !== 0) throw new MediaError('malformed', 'half a WAV sample');
      return Int16Array.from({ length: length / 2 }, (_, i) => view.getInt16(start + 2 * i, true));
    }
    at = start + length + (length % 2);
  }
  throw new MediaError('malformed', 'WAV file without samples');
}

function checkFormat(view: DataView): void {
  if (view.byteLength < 16) throw new MediaError('malformed', 'WAV format chunk cut short');
  const told = {
    tag: view.getUint16(0, true),
    channels: view.getUint16(2, true),
    sampleRate: view.getUint32(4, true),
    octetRate: view.getUint32(8, true),
    frame: view.getUint16(12, true),
    bits: view.getUint16(14, true),
  };
  const same = Object.entries(FORMAT).every(([name, value]) => told[name as keyof typeof told] === value);
  if (!same) {
    const { tag, channels, sampleRate, bits } = told;
    const found = `format ${tag}, ${channels} channels, ${sampleRate} Hz, ${bits} bits`;
    throw new MediaError('unsupported', `WAV must be 16-bit PCM, mono, 8000 Hz; this is ${found}`);
  }
}

function writeId(octets: Uint8Array, at: number, id: string): void {
  for (let i = 0; i < 4; i++) octets[at + i] = id.charCodeAt(i);
}

function readId(octets: Uint8Array, at: number): string {
  return String.fromCharCode(...octets.subarray(at, at + 4));
}
