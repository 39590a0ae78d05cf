/**
 * How long a LEMF takes to acknowledge, over real sockets with TLS and on a real disk: with nothing stored, with much
 * stored, and while that is recovered. The LEMF is a process; each acknowledgement is asked for after ten PDUs, and says
 * that they are on its disk.
 *
 *     benchmark, a DF ──HI3, TLS──► LEMF ─► hi3.ber ─► audio
 */
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { Secret } from '../../src/bytes/secret.ts';
import { HandoverClient } from '../../src/entities/df/listeners/handover-client.ts';
import { recordEncoder } from '../../src/entities/df/handover/encoder.ts';
import { lemfConfig } from '../../src/entities/lemf/config.ts';
import { startLemf } from '../../src/entities/lemf/start.ts';
import { SrtpSender } from '../../src/media/srtp/stream.ts';
import { SRTP_SUITE } from '../../src/media/srtp/suites.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { TlsFiles } from '../../src/net/tls.ts';
import { PsPduDeframer } from '../../src/wire/hi/deframer.ts';
import { LI_PS_DOMAIN } from '../../src/wire/hi/header.ts';
import { encodePsPdu } from '../../src/wire/hi/ps-pdu.ts';
import { packetOf } from './paced.ts';
import { Part, ready } from './parts.ts';
import { passed, runtime } from './runtime.ts';

const PDUS = 10;
const WARM_UP = 50;
const HOST = 'lemf.home1.example';
const { clock } = runtime;

export type ReceptionCase = 'nothing' | 'stored' | 'recovering';

export interface Reception {
  /** Milliseconds that each acknowledgement took, in order of length. */
  readonly times: readonly number[];
  /** Processor time of the LEMF in milliseconds, and of how many. */
  readonly cpuMs: number;
  readonly wallMs: number;
  /** Whether recovery was under way all the while. */
  readonly isWhole: boolean;
}

export interface ReceptionLoad {
  readonly acknowledgements: number;
  /** Milliseconds from one to the next. */
  readonly everyMs: number;
}

/* ---------------------------------------------------------------- the LEMF's process */

const RECOVERED = 'recovered';

export async function runRecoveringLemf(settings: unknown): Promise<void> {
  const { hi2, hi3 } = await startLemf(lemfConfig(settings), runtime, ({ type }) => {
    if (type === 'recovered') process.send?.(RECOVERED);
  });
  ready({ hi2: hi2.port, hi3: hi3.port });
}

/* ---------------------------------------------------------------- what is stored */

const encode = recordEncoder({ countryCode: 'DE', operator: 'home1', element: 'df.home1.example' });

/** Encrypted packets of one direction of a call, as records of HI3 from `from` on. */
function* content(cin: number, from = 0): Generator<Uint8Array> {
  const sender = new SrtpSender({
    suite: SRTP_SUITE.aesCm128HmacSha1Tag80,
    masterKey: Secret.of(new Uint8Array(16).fill(1)),
    masterSalt: Secret.of(new Uint8Array(14).fill(2)),
    ssrc: cin,
    mki: new Uint8Array(8),
    roc: 0,
  });
  const base = { liid: 'LIID-BENCH', cin, time: clock.now(), correlation: new Uint8Array(8) };
  for (let n = from; ; n++) {
    const packet = sender.protect(packetOf(cin, n, new Uint8Array(160).fill(n & 0xff)));
    yield encode(
      {
        ...base,
        kind: 'cc',
        direction: 'fromTarget',
        format: 'rtp',
        content: packet,
        streamIdentifier: 'a>b',
      },
      n,
    );
  }
}

/** Calls of 10,000 packets, each with its key, in a folder that is made: so many octets of HI3. */
export function storeContent(folder: string, most: number): void {
  mkdirSync(folder);
  const [hi2, hi3] = [
    openSync(path.join(folder, 'hi2.ber'), 'w'),
    openSync(path.join(folder, 'hi3.ber'), 'w'),
  ];
  for (let [cin, octets] = [1, 0]; octets < most; cin++) {
    const keyInfo = {
      csId: 1,
      key: Secret.of(new Uint8Array(16).fill(1)),
      salt: Secret.of(new Uint8Array(14).fill(2)),
    };
    const base = { liid: 'LIID-BENCH', cin, time: clock.now(), correlation: new Uint8Array(8), observed: [] };
    writeSync(hi2, encode({ ...base, kind: 'keys-available', keyInfo }, 0));
    const pdus: Uint8Array[] = [];
    for (const pdu of content(cin)) {
      pdus.push(pdu);
      octets += pdu.length;
      if (pdus.length >= 10_000) break;
    }
    writeSync(hi3, Buffer.concat(pdus));
  }
  closeSync(hi2);
  closeSync(hi3);
}

/* ---------------------------------------------------------------- the delivery function */

/**
 * One run with a LEMF of its own, in a folder of its own below `root`.
 * @param stored the folder of `storeContent`
 */
export async function measureReception(
  root: string,
  stored: string,
  which: ReceptionCase,
  tls: Readonly<Record<'df' | 'lemf', TlsFiles>>,
  { acknowledgements, everyMs }: ReceptionLoad,
): Promise<Reception> {
  const folder = mkdtempSync(path.join(root, `${which}-`));
  mkdirSync(path.join(folder, 'lemf'));
  for (const name of which === 'nothing' ? [] : ['hi2.ber', 'hi3.ber'])
    copyFileSync(path.join(stored, name), path.join(folder, 'lemf', name));
  const lemf = await Part.start('recovering-lemf', {
    tls: tls.lemf,
    folder: path.join(folder, 'lemf'),
    hi2: { port: 0, peers: ['df.home1.example'] },
    hi3: { port: 0, peers: ['df.home1.example'] },
    recoverAfter: 50,
    ...(which === 'recovering' ? { recoverInto: path.join(folder, 'audio') } : {}),
  });
  const recovery = { isOver: false };
  lemf.onMessage((message) => (recovery.isOver ||= message === RECOVERED));
  const df = new HandoverEnd(tls.df, lemf.ports['hi3'] ?? 0);
  try {
    await df.opened;
    const pdus = content(1_000_000);
    const next = () =>
      Buffer.concat(
        Array.from({ length: PDUS }, () => (pdus.next().value ?? new Uint8Array()) as Uint8Array),
      );
    for (let n = 0; n < WARM_UP; n++) await df.acknowledged(next());
    if (which === 'recovering') await passed(1000);
    const cpuBefore = lemf.seconds;
    const start = performance.now();
    const times: number[] = [];
    while (times.length < acknowledgements && !(which === 'recovering' && recovery.isOver)) {
      times.push(await df.acknowledged(next()));
      await passed(start + times.length * everyMs - performance.now());
    }
    const wallMs = performance.now() - start;
    const cpuMs = (lemf.seconds - cpuBefore) * 1000;
    const isWhole = times.length === acknowledgements;
    return { times: times.sort((a, b) => a - b), cpuMs, wallMs, isWhole };
  } finally {
    df.close();
    await lemf.stop();
    rmSync(folder, { recursive: true, maxRetries: 5 });
  }
}

class HandoverEnd {
  readonly opened: Promise<void>;
  readonly #channel;
  readonly #deframer = new PsPduDeframer();
  #sequenceNumber = 0;
  #answered: () => void = () => undefined;

  constructor(tls: TlsFiles, port: number) {
    const hosts = new HostMap();
    hosts.set(`${HOST}:1`, `127.0.0.1:${port}`);
    const client = new HandoverClient({ tls: loadTls(tls, clock.now()), hosts });
    let opened: () => void = () => undefined;
    this.opened = new Promise((resolve) => (opened = resolve));
    this.#channel = client.open(
      { did: 'hi3', host: HOST, port: 1, by: 'DF3' },
      {
        opened,
        received: (octets) => {
          for (const _pdu of this.#deframer.push(octets)) this.#answered();
        },
        closed: (reason) => console.error('connection lost:', reason),
      },
    );
  }

  /** Sends PDUs and asks for their acknowledgement; milliseconds until it came. */
  async acknowledged(pdus: Uint8Array): Promise<number> {
    const request = encodePsPdu({
      header: {
        domainId: LI_PS_DOMAIN,
        liid: 'transport',
        operatorIdentifier: 'home1',
        sequenceNumber: this.#sequenceNumber++,
      },
      payload: { kind: 'tri', message: { type: 'pduAcknowledgementRequest' } },
    });
    const answer = new Promise<void>((resolve) => (this.#answered = resolve));
    const sent = performance.now();
    this.#channel.send(Buffer.concat([pdus, request]));
    await answer;
    return performance.now() - sent;
  }

  close(): void {
    this.#channel.close();
  }
}
