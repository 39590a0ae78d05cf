/**
 * One home of the laboratory without phones, for phones of others: they register with a user's password at the CSCF, whose
 * name in SIP is an address, since they look names up in a DNS that knows none of ours. One user is under a warrant.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeWav } from '../../../src/media/wav.ts';
import type { Protocol } from '../../../src/sip/flow.ts';
import { Network } from '../../../src/lab/network/network.ts';
import type { Entity } from '../../../src/lab/network/home.ts';
import { Timeline } from '../../../src/lab/timeline.ts';
import { issueWarrant } from '../../../src/lab/network/officer.ts';
import { warrantOn } from '../../../src/lab/scenarios/warrants.ts';
import type { CallReport } from '../../../src/entities/lemf/recover.ts';
import type { Folder } from '../support.ts';

/** Those that see to a call and its interception, in the order of starting. */
const NEEDED: readonly Entity[] = ['kms', 'lemf', 'df', 'gateway', 'cscf', 'admf'];
const SETTLE_MS = 15_000;
/** Milliseconds that the end of a call may take. */
const CALL_MS = 5000;
/** Samples. */
const PIECE = 800;

/** A SIP message that the CSCF received or sent, and the port of the far end. */
export interface SeenMessage {
  readonly direction: 'received' | 'sent';
  readonly protocol: Protocol;
  readonly port: number;
  readonly text: string;
}

export interface RecoveredCall {
  readonly report: CallReport;
  /** Samples by the user that spoke. */
  readonly audio: Readonly<Record<string, Int16Array>>;
}

export class TappedHome {
  readonly network: Network;
  readonly #folder: Folder;
  /** What has gone through the CSCF. */
  readonly seen: SeenMessage[] = [];

  private constructor(network: Network, folder: Folder) {
    this.network = network;
    this.#folder = folder;
  }

  /** Starts the home of `users`, the first of whom is the target. @param sipTls whether SIP is over TLS too */
  static async start(folder: Folder, users: readonly string[], sipTls = false): Promise<TappedHome> {
    const timeline = new Timeline(() => performance.now());
    const [state, out] = [folder.at('state'), folder.at('out')];
    const network = await Network.layOut({
      state,
      out,
      users: { home1: users, home2: [] },
      timeline,
      sipTls,
    });
    const home = new TappedHome(network, folder);
    // Two challenges keep a widespread phone out.
    Object.assign(network.configOf('cscf', 'home1'), { host: '127.0.0.1', algorithms: ['MD5'] });
    try {
      for (const entity of NEEDED) await network.startEntity(entity, 'home1');
      network.running('cscf', 'home1').observe(({ direction, flow: { protocol, remote }, octets }) => {
        const text = Buffer.from(octets).toString('latin1');
        home.seen.push({ direction, protocol, port: remote.port, text });
      });
      const admf = network.running('admf', 'home1');
      await issueWarrant(admf, warrantOn(network, users[0] ?? '', Date.now()));
    } catch (error) {
      await network.stop();
      throw error;
    }
    return home;
  }

  /** Where the CSCF listens for SIP over TLS. */
  get securedProxy(): string {
    return `127.0.0.1:${this.network.running('cscf', 'home1').sipTls?.port ?? 0}`;
  }

  /** Whom certificates chain to: a PEM file. */
  get authorities(): string {
    return this.#folder.at('state/pki/ca.pem');
  }

  /** Where the CSCF listens, TCP and UDP. */
  get proxy(): string {
    return `127.0.0.1:${this.network.running('cscf', 'home1').sip.port}`;
  }

  password(user: string): string {
    const { subscribers } = this.network.plan.homes.home1;
    return subscribers.find((subscriber) => subscriber.user === user)?.password ?? '';
  }

  /** The requests of a method that the CSCF received or sent. */
  requests(direction: SeenMessage['direction'], method: string): SeenMessage[] {
    return this.seen.filter((seen) => seen.direction === direction && seen.text.startsWith(`${method} `));
  }

  /** Waits a while for the end of all calls. @returns how many the CSCF still keeps */
  async callsLeft(): Promise<number> {
    const { cscf } = this.network.running('cscf', 'home1');
    for (const end = performance.now() + CALL_MS; cscf.calls > 0 && performance.now() < end;) await sleep(50);
    return cscf.calls;
  }

  /** What the LEMF makes of everything so far: its calls, in the order in which they began. */
  async recover(): Promise<RecoveredCall[]> {
    for (const element of ['cscf', 'gateway'] as const)
      if (!(await this.network.running(element, 'home1').drain(SETTLE_MS))) throw new Error('the DF lags');
    await this.network.running('df', 'home1').settle(SETTLE_MS);
    const folder = this.#folder.at('audio');
    const { calls } = await this.network.running('lemf', 'home1').recover(folder);
    return calls.map((report) => ({ report, audio: audioOf(report, folder) }));
  }

  stop(): Promise<void> {
    return this.network.stop();
  }
}

/**
 * How much of `speech` is in `audio`, sample by sample: the share of its pieces of 100 ms that are found there one after
 * the other. A busy machine makes a phone leave gaps between them.
 */
export function shareOf(speech: Int16Array, audio: Int16Array): number {
  const text = Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength);
  const pieces = Math.floor(speech.length / PIECE);
  let [found, from] = [0, 0];
  for (let at = 0; at < pieces; at++) {
    const piece = speech.slice(at * PIECE, (at + 1) * PIECE);
    const place = text.indexOf(Buffer.from(piece.buffer), from);
    if (place < 0) continue;
    found++;
    from = place + piece.byteLength;
  }
  return found / pieces;
}

function audioOf({ streams }: CallReport, folder: string): Record<string, Int16Array> {
  const audio: Record<string, Int16Array> = {};
  for (const { file } of streams) {
    const user = /-(\w+)\.wav$/.exec(file ?? '')?.[1];
    if (file === null || user === undefined) continue;
    audio[user] = decodeWav(new Uint8Array(readFileSync(path.join(folder, file))));
  }
  return audio;
}
