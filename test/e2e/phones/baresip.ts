/**
 * Debian's baresip as a phone without a sound card: it plays a WAV file, then silence; its configuration lies in a folder
 * of the test, and it is led over its control socket (netstrings of JSON; https://github.com/baresip/baresip/wiki,
 * ctrl_tcp). Its module `sndfile` leaves what went into its encoder and what came out of its decoder.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import path from 'node:path';
import { decodeWav, encodeWav } from '../../../src/media/wav.ts';
import { Child, freePort } from '../../support/child.ts';
import type { PhoneOptions } from './phone.ts';

export interface BaresipEvent {
  /** `CALL_INCOMING`, `CALL_ESTABLISHED`, `CALL_CLOSED`, … */
  readonly type?: string;
  readonly param?: string;
}

const MODULES = ['g711', 'aufile', 'sndfile'];
const APPLICATIONS = ['account', 'menu', 'ctrl_tcp'];

export class Baresip {
  readonly #child: Child;
  readonly #folder: string;
  readonly #socket: Socket;
  readonly events: BaresipEvent[] = [];
  #pending = '';

  private constructor(child: Child, folder: string, socket: Socket) {
    this.#child = child;
    this.#folder = folder;
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    socket.on('error', () => undefined);
  }

  /** Starts it, and waits until it is registered. */
  static async start(options: PhoneOptions): Promise<Baresip> {
    const { folder } = options;
    mkdirSync(folder, { recursive: true });
    const control = await freePort();
    writeFileSync(path.join(folder, 'config'), configuration(options, control));
    writeFileSync(path.join(folder, 'accounts'), account(options));
    writeFileSync(path.join(folder, 'speaks.wav'), encodeWav(options.speaks));
    const child = Child.run('baresip', ['-f', folder], folder);
    try {
      const socket = await connected(child, control);
      const phone = new Baresip(child, folder, socket);
      // Its event may come before anybody is on the control socket.
      await child.until('registered', () => /200 OK \(.*\) \[1 binding\]/.test(child.output));
      return phone;
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  /** Calls a SIP URI. */
  dial(target: string): void {
    this.#command('dial', target);
  }

  /** Waits for an event of this type. */
  async event(type: string): Promise<BaresipEvent> {
    const find = (): BaresipEvent | undefined => this.events.find((event) => event.type === type);
    await this.#child.until(type, () => find() !== undefined);
    return find() ?? {};
  }

  /** What went into its encoder. Its recorder writes when the call is over. */
  get said(): Int16Array {
    return this.#dump('enc');
  }

  /** What came out of its decoder. */
  get heard(): Int16Array {
    return this.#dump('dec');
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    await this.#child.stop();
  }

  #dump(kind: 'enc' | 'dec'): Int16Array {
    const [name, ...more] = readdirSync(this.#folder).filter((file) => file.endsWith(`-${kind}.wav`));
    if (name === undefined || more.length > 0) throw new Error(`not one recording of baresip's ${kind}oder`);
    return decodeWav(new Uint8Array(readFileSync(path.join(this.#folder, name))));
  }

  #command(command: string, params = ''): void {
    const text = JSON.stringify({ command, params, token: command });
    this.#socket.write(`${Buffer.byteLength(text)}:${text},`);
  }

  #take(text: string): void {
    this.#pending += text;
    for (;;) {
      const [head, length] = /^(\d+):/.exec(this.#pending) ?? [];
      if (head === undefined) return;
      const end = head.length + Number(length);
      if (this.#pending.length <= end) return;
      this.events.push(JSON.parse(this.#pending.slice(head.length, end)) as BaresipEvent);
      this.#pending = this.#pending.slice(end + 1);
    }
  }
}

function configuration({ folder, authorities }: PhoneOptions, control: number): string {
  return [
    'poll_method epoll',
    'sip_listen 127.0.0.1:0',
    'net_interface 127.0.0.1',
    'module_path /usr/lib/baresip/modules',
    `sip_cafile ${authorities}`,
    `audio_source aufile,${path.join(folder, 'speaks.wav')}`,
    'ausrc_srate 8000',
    'auplay_srate 8000',
    'ausrc_channels 1',
    'auplay_channels 1',
    `snd_path ${folder}`,
    `ctrl_tcp_listen 127.0.0.1:${control}`,
    ...MODULES.map((name) => `module ${name}.so`),
    ...APPLICATIONS.map((name) => `module_app ${name}.so`),
    '',
  ].join('\n');
}

function account({ user, domain, password, proxy, transport }: PhoneOptions): string {
  const settings = [
    `auth_user=${user}`,
    `auth_pass=${password}`,
    `outbound="sip:${proxy};transport=${transport}"`,
    'regint=600',
    'answermode=auto',
    'audio_codecs=pcma',
  ];
  return `<sip:${user}@${domain};transport=${transport}>;${settings.join(';')}\n`;
}

/** The control socket, as soon as somebody listens. */
async function connected(child: Child, port: number): Promise<Socket> {
  let socket: Socket | null = null;
  let trying = false;
  await child.until('its control socket', () => {
    if (socket === null && !trying) {
      trying = true;
      const attempt = connect(port, '127.0.0.1');
      attempt.once('connect', () => (socket = attempt));
      attempt.once('error', () => (trying = false));
    }
    return socket !== null;
  });
  return socket!;
}
