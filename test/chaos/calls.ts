/**
 * Calls between two subscribers under interception, as a CSCF and a gateway see them: SIP with the MIKEY messages of an
 * exchange that the two have made with keys of their KMS, then packets, then an end.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Opened } from '../../src/bytes/opened.ts';
import { openEndpoint } from '../../src/endpoint/start.ts';
import { ueConfig } from '../../src/entities/ue/config.ts';
import type { Runtime } from '../../src/host/runtime.ts';
import { Initiator } from '../../src/ibake/initiator.ts';
import type { Endpoint } from '../../src/ibake/ports.ts';
import { LiveTrust } from '../../src/net/live-tls.ts';
import { PAYLOAD_FORMAT } from '../../src/wire/x2x3/pdu.ts';
import { acknowledging, reliable, sip } from '../entities/df/support.ts';
import type { Leg } from '../entities/df/support.ts';
import { answered, completed } from '../ibake/support/scenario.ts';
import type { Points } from './points.ts';
import type { ScaledSystem } from './system.ts';

/** Who calls, and who is called. */
export const PARTIES = { caller: 'alice', callee: 'carol' } as const;

/** Milliseconds between messages of a call. */
const STEP_MS = 60;
/** G.711 of 20 ms, encrypted; of a burst, as video has them. */
const PACKET = { speech: 172, burst: 1_300 };

export interface CallShape {
  readonly packets: number;
  /** Milliseconds between packets; 0: as fast as they can be reported. */
  readonly everyMs: number;
  readonly kind: keyof typeof PACKET;
}

export class Calls {
  readonly #caller: Endpoint;
  readonly #callee: Endpoint;
  readonly #points: Points;
  readonly #now: () => number;
  #count = 0;

  private constructor(parties: readonly [Endpoint, Endpoint], points: Points, now: () => number) {
    [this.#caller, this.#callee] = parties;
    this.#points = points;
    this.#now = now;
  }

  /** Both phones ask their KMS for keys. */
  static async open(system: ScaledSystem, points: Points, runtime: Runtime, opened: Opened): Promise<Calls> {
    const phone = async (user: string): Promise<Endpoint> => {
      const config = ueConfig(system.config(user), system.file(user));
      const tls = new LiveTrust({ authorities: readFileSync(config.authorities, 'utf8') });
      const { endpoint, keeper } = await openEndpoint(config, runtime, opened, { tls });
      opened.add(() => keeper.stop());
      await keeper.refresh();
      return endpoint;
    };
    const parties = [await phone(PARTIES.caller), await phone(PARTIES.callee)] as const;
    return new Calls(parties, points, () => runtime.clock.now());
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /** A call from its first message to its last, as long as nobody aborts it; then it ends at once. */
  async call({ packets, everyMs, kind }: CallShape, signal: AbortSignal): Promise<void> {
    const n = this.#count++;
    const messages = this.#exchange();
    const leg: Leg = { callId: `chaos-${n}@home1.example`, fromTag: `from-${n}`, toTag: `to-${n}` };
    const correlation = new Uint8Array(createHash('sha256').update(leg.callId).digest().subarray(0, 8));
    const parties = { from: this.#caller.addressOfRecord.uri, to: this.#callee.addressOfRecord.uri };
    const say = (...[line, tags, mikey, place]: Parameters<typeof sip>): Uint8Array =>
      sip(line, tags, mikey, { ...place, parties });
    const steps: readonly (readonly [Uint8Array, fromCaller: boolean])[] = [
      [say(`INVITE ${parties.to} SIP/2.0`, { ...leg, toTag: '' }, messages.iMessage1), true],
      [say('SIP/2.0 183 Session Progress', leg, messages.rMessage1, reliable()), false],
      [say('PRACK sip:carol@127.0.0.1 SIP/2.0', leg, messages.iMessage2, acknowledging()), true],
      [say('SIP/2.0 200 OK', leg, messages.rMessage2, { cseq: '2 PRACK' }), false],
      [say('SIP/2.0 200 OK', leg, null), false],
    ];
    for (const [message, fromCaller] of steps) {
      this.#x2(correlation, message, fromCaller);
      await sleep(STEP_MS);
    }
    for (let at = 0; at < packets && !signal.aborted; at++) {
      this.#x3(correlation, packetOf(n, at, PACKET[kind]), at % 2 === 0);
      if (everyMs > 0) await sleep(everyMs);
    }
    this.#x2(correlation, say('BYE sip:carol@127.0.0.1 SIP/2.0', leg, null), true);
  }

  #exchange(): Readonly<Record<'iMessage1' | 'rMessage1' | 'iMessage2' | 'rMessage2', string>> {
    const callee = this.#callee.addressOfRecord.uri;
    const offer = Initiator.offer(this.#caller, { callee, media: [{ ssrc: SSRC.caller }] });
    const made = completed(offer, answered(this.#callee, offer.message, { ssrcs: [SSRC.callee] }));
    const text = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
    return {
      ...{ iMessage1: text(made.iMessage1), rMessage1: text(made.rMessage1) },
      ...{ iMessage2: text(made.iMessage2), rMessage2: text(made.rMessage2) },
    };
  }

  #x2(correlation: Uint8Array, payload: Uint8Array, fromCaller: boolean): void {
    this.#report('cscf', correlation, { interface: 'x2', format: PAYLOAD_FORMAT.sip, payload }, fromCaller);
  }

  #x3(correlation: Uint8Array, payload: Uint8Array, fromCaller: boolean): void {
    this.#report(
      'gateway',
      correlation,
      { interface: 'x3', format: PAYLOAD_FORMAT.rtp, payload },
      fromCaller,
    );
  }

  #report(
    point: 'cscf' | 'gateway',
    correlation: Uint8Array,
    seen: { readonly interface: 'x2' | 'x3'; readonly format: number; readonly payload: Uint8Array },
    fromCaller: boolean,
  ): void {
    this.#points.report(point, { ...seen, correlation, time: this.#now() }, [
      { identity: this.#caller.addressOfRecord.uri, sent: fromCaller },
      { identity: this.#callee.addressOfRecord.uri, sent: !fromCaller },
    ]);
  }
}

const SSRC = { caller: 0x0102_0304, callee: 0x0a0b_0c0d };

/** An RTP packet that says of which call it is, and which: no two are alike. */
function packetOf(call: number, at: number, octets: number): Uint8Array {
  const packet = Buffer.alloc(octets);
  packet.writeUInt8(0x80, 0);
  packet.writeUInt8(8, 1);
  packet.writeUInt16BE(at >> 1, 2);
  packet.writeUInt32BE((at >> 1) * 160, 4);
  packet.writeUInt32BE(at % 2 === 0 ? SSRC.caller : SSRC.callee, 8);
  packet.write(`chaos-${call}@ ${at}`, 12);
  return new Uint8Array(packet);
}
