/** Load that comes as evenly as timers allow, and packets of which it is made. */
import { encodeRtp } from '../../src/media/rtp.ts';
import { passed } from './runtime.ts';

/** A stream has a packet so often; so often a share of the streams has one. */
export const PACKET_MS = 20;
const WRITE_MS = 5;
const SHARES = PACKET_MS / WRITE_MS;

/** Calls `send` so many times a second; resolves at the end. */
export async function paced(rate: number, seconds: number, send: (n: number) => void): Promise<void> {
  const begun = performance.now();
  const total = Math.round(rate * seconds);
  for (let n = 0; n < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - begun) * rate) / 1000) + 1);
    while (n < due) send(n++);
    await passed(1);
  }
}

/**
 * Every 5 ms a quarter of the streams has its next packet; resolves at the end.
 * @param say for the streams from `from` to before `to`, of which it is packet `n`
 */
export async function spoken(
  streams: number,
  seconds: number,
  say: (from: number, to: number, n: number) => void,
): Promise<void> {
  const begun = performance.now();
  const writes = Math.round((seconds * 1000) / WRITE_MS);
  const share = streams / SHARES;
  for (let n = 0; n < writes; n++) {
    const part = n % SHARES;
    say(part * share, (part + 1) * share, Math.floor(n / SHARES));
    await passed(begun + (n + 1) * WRITE_MS - performance.now());
  }
}

/** Packet `n` of a stream: of G.711 (PCMA), or of video in 50 frames a second. */
export function packetOf(
  ssrc: number,
  n: number,
  payload: Uint8Array,
  kind: 'g711' | 'video' = 'g711',
): Uint8Array {
  const [payloadType, ticks] = kind === 'g711' ? [8, 160] : [96, 1800];
  return encodeRtp({
    ...{ marker: false, payloadType, sequenceNumber: n & 0xffff, timestamp: (ticks * n) >>> 0, ssrc },
    ...{ csrc: [], extension: null, payload },
  });
}
