/** Sockets of a phone, and the beginnings of streams on them. */
import type { Clock, Random } from '../../bytes/ports.ts';
import { AudioStream } from '../../endpoint/audio-stream.ts';
import type { StreamMaker } from '../../endpoint/call-media.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import { randomOrigin } from '../../endpoint/rtp-origin.ts';
import type { SecuredStreamOptions } from '../../endpoint/secured-stream.ts';
import { VideoStream } from '../../endpoint/video-stream.ts';
import { bindPair } from '../../media/datagrams.ts';
import type { Datagrams, UdpPortRange } from '../../media/datagrams.ts';

export interface StreamSettings {
  readonly datagrams: Datagrams;
  readonly ports: UdpPortRange;
  readonly random: Random;
  readonly clock: Clock;
  /** Mean milliseconds from one RTCP report to the next; `null`: none is sent. */
  readonly reportMs?: number | null;
}

/** For one call. */
export function streamMaker({
  datagrams,
  ports,
  random,
  clock,
  reportMs = null,
}: StreamSettings): StreamMaker {
  // Opaque, and another in every call (RFC 3550 section 6.5.1): it says who speaks together, not who it is.
  let name: string | null = null;
  const options = async (): Promise<Omit<SecuredStreamOptions, 'rate'>> => {
    const sockets = await bindPair(datagrams, ports);
    if (sockets === null) throw new EndpointError('no-ports', 'no pair of ports is free');
    const origin = randomOrigin(random);
    if (reportMs === null) return { sockets, clock, origin };
    name ??= Buffer.from(random.bytes(12)).toString('base64');
    return { sockets, clock, origin, reports: { intervalMs: reportMs, name, random } };
  };
  return {
    audio: async () => new AudioStream(await options()),
    video: async () => new VideoStream(await options()),
  };
}
