/**
 * Debian's `rtpengine` (package rtpengine-daemon) as a process beside ours, with `rtpengine.conf`, and its control protocol
 * as far as an anchored call needs it: datagrams of a cookie, a space and a bencoded dictionary.
 *
 *     offer(call, SDP of a) → SDP for b        answer(call, SDP of b) → SDP for a
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import path from 'node:path';

const CONFIG = path.join('bench', 'peers', 'rtpengine.conf');
const PROGRAM = 'rtpengine';
const ADDRESS = '127.0.0.1';
/** Attempts and milliseconds for each until an answer comes: at first it is starting. */
const ATTEMPTS = 100;
const ATTEMPT_MS = 100;

/** Whether it is installed. */
export function hasRtpengine(): boolean {
  return spawnSync(PROGRAM, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Ports of its media, both included, and of its control. */
export interface RtpenginePorts {
  readonly from: number;
  readonly to: number;
  readonly control: number;
}

export class Rtpengine {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #control: number;
  #cookies = 0;

  private constructor(child: ChildProcess, socket: Socket, control: number) {
    this.#child = child;
    this.#socket = socket;
    this.#control = control;
  }

  static async start({ from, to, control }: RtpenginePorts): Promise<Rtpengine> {
    const args = [
      ...['--config-file', CONFIG, '--interface', ADDRESS, '--listen-ng', `${ADDRESS}:${control}`],
      ...['--port-min', String(from), '--port-max', String(to)],
    ];
    const child = spawn(PROGRAM, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const socket = createSocket('udp4');
    socket.bind(0, ADDRESS);
    await once(socket, 'listening');
    const rtpengine = new Rtpengine(child, socket, control);
    try {
      await rtpengine.#ask({ command: 'ping' });
    } catch (error) {
      await rtpengine.stop();
      throw error;
    }
    return rtpengine;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Anchors a stream; ports of the parties, and where it receives from either. */
  async anchor(
    call: string,
    parties: Readonly<Record<'a' | 'b', number>>,
  ): Promise<Record<'a' | 'b', number>> {
    const offer = { command: 'offer', 'call-id': call, 'from-tag': 'a', sdp: sdp(parties.a) };
    const forB = portOf(await this.#ask(offer));
    const answer = { ...offer, command: 'answer', 'to-tag': 'b', sdp: sdp(parties.b) };
    return { a: portOf(await this.#ask(answer)), b: forB };
  }

  async stop(): Promise<void> {
    this.#socket.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** The answer's text. @throws if none comes, or it is not a good one */
  async #ask(question: Readonly<Record<string, string>>): Promise<string> {
    const cookie = `bench${this.#cookies++}`;
    const datagram = `${cookie} ${dictionary(question)}`;
    for (let attempt = 0; attempt < ATTEMPTS && this.#child.exitCode === null; attempt++) {
      this.#socket.send(datagram, this.#control, ADDRESS);
      const answer = await this.#answerTo(cookie);
      if (answer === null) continue;
      if (/6:result(2:ok|4:pong)/.test(answer)) return answer;
      throw new Error(`rtpengine: ${answer}`);
    }
    throw new Error('rtpengine does not answer');
  }

  #answerTo(cookie: string): Promise<string | null> {
    return new Promise((resolve) => {
      const done = (answer: string | null): void => {
        clearTimeout(timer);
        this.#socket.off('message', seen);
        resolve(answer);
      };
      const seen = (octets: Buffer): void => {
        const text = octets.toString();
        if (text.startsWith(`${cookie} `)) done(text);
      };
      const timer = setTimeout(() => done(null), ATTEMPT_MS);
      this.#socket.on('message', seen);
    });
  }
}

/** Bencoding: keys in order, every text after its length in octets. */
function dictionary(members: Readonly<Record<string, string>>): string {
  const text = (value: string): string => `${Buffer.byteLength(value)}:${value}`;
  const keys = Object.keys(members).sort();
  return `d${keys.map((key) => text(key) + text(members[key] ?? '')).join('')}e`;
}

function sdp(port: number): string {
  return [
    ...['v=0', `o=- 1 1 IN IP4 ${ADDRESS}`, 's=-', `c=IN IP4 ${ADDRESS}`, 't=0 0'],
    ...[`m=audio ${port} RTP/AVP 8`, ''],
  ].join('\r\n');
}

function portOf(answer: string): number {
  const port = Number(/m=audio (\d+) /.exec(answer)?.[1]);
  if (!(port > 0)) throw new Error(`rtpengine: no port in ${answer}`);
  return port;
}
