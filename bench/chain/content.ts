/** Packets of 200 streams through the chain, evenly paced, as media gateways send them: what one costs the DF. */
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { DIRECTION } from '../../src/wire/x2x3/pdu.ts';
import { encodeRtp } from '../../src/media/rtp.ts';
import { TestPoi } from '../../test/entities/df/support.ts';
import { Delivered } from './delivered.ts';
import { DeliveryChain, Interception } from './delivery-chain.ts';
import type { ChainTls } from './delivery-chain.ts';
import { unitSeconds } from './machine.ts';
import { passed, runtime } from './runtime.ts';

const STREAMS = 200;
/** A stream has a packet each 20 ms; every 5 ms a quarter of the streams has one, in one write. */
const PACKET_MS = 20;
const WRITE_MS = 5;
const WARM_UP_SECONDS = 3;
const WITHIN_MS = 60_000;

export interface ContentFigure {
  readonly units: number;
  readonly notes: Readonly<Record<string, number>>;
}

class Streams {
  readonly #poi = new TestPoi(runtime.clock, 'gateway.home1.example');
  readonly #payload: Uint8Array;
  readonly #isVideo: boolean;
  sent = 0;

  /** @param octets of the payload of RTP */
  constructor(octets: number, isVideo: boolean) {
    this.#payload = new Uint8Array(randomBytes(octets));
    this.#isVideo = isVideo;
  }

  /** The next packets of some of the streams. */
  take(from: number, to: number, n: number): Uint8Array {
    const pdus: Uint8Array[] = [];
    for (let stream = from; stream < to; stream++) {
      const packet = encodeRtp({
        marker: false,
        payloadType: this.#isVideo ? 96 : 8,
        sequenceNumber: n & 0xffff,
        timestamp: (n * (this.#isVideo ? 1800 : 160)) >>> 0,
        ssrc: stream,
        csrc: [],
        extension: null,
        payload: this.#payload,
      });
      pdus.push(this.#poi.x3(packet, DIRECTION.fromTarget, undefined, `content-${stream}`).octets);
      this.sent++;
    }
    return Buffer.concat(pdus);
  }
}

/** Sends for so long; resolves at the end. */
async function send(interception: Interception, streams: Streams, seconds: number): Promise<void> {
  const begun = performance.now();
  const writes = Math.round((seconds * 1000) / WRITE_MS);
  const parts = PACKET_MS / WRITE_MS;
  const share = STREAMS / parts;
  for (let n = 0; n < writes; n++) {
    const part = n % parts;
    interception.send(streams.take(part * share, (part + 1) * share, Math.floor(n / parts)));
    await passed(begun + (n + 1) * WRITE_MS - performance.now());
  }
}

/** @param kind a packet of 172 octets, or one of 1,200 */
export async function measureContent(
  folder: string,
  tls: ChainTls,
  seconds: number,
  kind: 'g711' | 'video',
  progress: (text: string) => void,
): Promise<ContentFigure> {
  const chain = await DeliveryChain.start(folder, tls);
  const interception = await Interception.open(chain.df.ports['x2x3'] ?? 0, tls.gateway);
  const count = { came: 0 };
  const delivered = new Delivered(path.join(chain.received, 'hi3.ber'), () => count.came++);
  const streams = new Streams(kind === 'g711' ? 160 : 1188, kind === 'video');
  const settle = async (): Promise<void> => {
    const end = performance.now() + WITHIN_MS;
    while (count.came < streams.sent && performance.now() < end) await passed(5);
    if (count.came < streams.sent) throw new Error(`${streams.sent - count.came} packets did not come`);
  };
  try {
    progress(`content, ${kind}: warming up`);
    await send(interception, streams, WARM_UP_SECONDS);
    await settle();
    progress(`content, ${kind}: ${(STREAMS * 1000) / PACKET_MS} packets a second for ${seconds} s`);
    const unitBefore = unitSeconds();
    const before = { df: chain.df.seconds, lemf: chain.lemf.seconds, sent: streams.sent };
    const begun = performance.now();
    await send(interception, streams, seconds);
    const sending = (performance.now() - begun) / 1000;
    await settle();
    const wall = (performance.now() - begun) / 1000;
    const packets = streams.sent - before.sent;
    const spent = (chain.df.seconds - before.df) / packets;
    const unit = (unitBefore + unitSeconds()) / 2;
    return {
      units: spent / unit,
      notes: {
        [`${kind}Microseconds`]: spent * 1e6,
        [`${kind}LemfMicroseconds`]: ((chain.lemf.seconds - before.lemf) / packets) * 1e6,
        [`${kind}OfferedPerSecond`]: packets / sending,
        [`${kind}TakenPerSecond`]: packets / wall,
      },
    };
  } finally {
    delivered.close();
    interception.close();
    await chain.stop();
  }
}
