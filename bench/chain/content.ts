/** Packets of 200 streams through the chain, evenly paced, as media gateways send them: what one costs the DF. */
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { DIRECTION } from '../../src/wire/x2x3/pdu.ts';
import { TestPoi } from '../../test/entities/df/support.ts';
import { Delivered } from './delivered.ts';
import { DeliveryChain, Interception } from './delivery-chain.ts';
import type { ChainTls } from './delivery-chain.ts';
import { unitSeconds } from './machine.ts';
import { PACKET_MS, packetOf, spoken } from './paced.ts';
import { passed, runtime } from './runtime.ts';

const STREAMS = 200;
const WARM_UP_SECONDS = 3;
const WITHIN_MS = 60_000;
/** Octets after the header of RTP. */
const PAYLOAD = { g711: 160, video: 1188 };

export type ContentKind = keyof typeof PAYLOAD;

export interface ContentFigure {
  readonly units: number;
  readonly notes: Readonly<Record<string, number>>;
}

class Streams {
  readonly #poi = new TestPoi(runtime.clock, 'gateway.home1.example');
  readonly #payload: Uint8Array;
  readonly #kind: ContentKind;
  sent = 0;

  constructor(kind: ContentKind) {
    this.#payload = new Uint8Array(randomBytes(PAYLOAD[kind]));
    this.#kind = kind;
  }

  /** The next packets of some of the streams. */
  take(from: number, to: number, n: number): Uint8Array {
    const pdus: Uint8Array[] = [];
    for (let stream = from; stream < to; stream++) {
      const packet = packetOf(stream, n, this.#payload, this.#kind);
      pdus.push(this.#poi.x3(packet, DIRECTION.fromTarget, undefined, `content-${stream}`).octets);
      this.sent++;
    }
    return Buffer.concat(pdus);
  }
}

/** Sends for so long; resolves at the end. */
function send(interception: Interception, streams: Streams, seconds: number): Promise<void> {
  return spoken(STREAMS, seconds, (from, to, n) => interception.send(streams.take(from, to, n)));
}

/** @param kind a packet of 172 octets, or one of 1,200 */
export async function measureContent(
  folder: string,
  tls: ChainTls,
  seconds: number,
  kind: ContentKind,
  progress: (text: string) => void,
): Promise<ContentFigure> {
  const chain = await DeliveryChain.start(folder, tls);
  const interception = await Interception.open(chain.df.ports['x2x3'] ?? 0, tls.gateway);
  const count = { came: 0 };
  const delivered = new Delivered(path.join(chain.received, 'hi3.ber'), () => count.came++);
  const streams = new Streams(kind);
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
