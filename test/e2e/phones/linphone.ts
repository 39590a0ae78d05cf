/**
 * Debian's linphonec as a phone without a sound card: it plays a WAV file again and again, and records another; its
 * configuration lies in a folder of the test, and it is led by what is typed to it.
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodeWav } from '../../../src/media/wav.ts';
import { Child } from '../../support/child.ts';
import type { PhoneOptions } from './phone.ts';

/** Octets. */
const WAV_HEADER = 44;

/** What it would offer by itself: only A-law is left on, which any encoder does alike. */
const CODECS = [
  'PCMA/8000',
  'PCMU/8000',
  'opus/48000/2',
  'speex/8000',
  'speex/16000',
  'speex/32000',
  'G729/8000',
];

export class Linphone {
  readonly #child: Child;
  readonly #recording: string;

  private constructor(child: Child, recording: string) {
    this.#child = child;
    this.#recording = recording;
  }

  /** Starts it, and waits until it is registered. It answers by itself. */
  static async start(options: PhoneOptions): Promise<Linphone> {
    const { folder } = options;
    mkdirSync(path.join(folder, '.local/share/linphone'), { recursive: true });
    const [config, speaks] = [path.join(folder, 'linphonerc'), path.join(folder, 'speaks.wav')];
    writeFileSync(config, configuration(options), { mode: 0o600 });
    writeFileSync(speaks, encodeWav(options.speaks));
    const recording = path.join(folder, 'heard.wav');
    const child = Child.run('linphonec', ['-c', config, '-a'], folder);
    const phone = new Linphone(child, recording);
    try {
      child.type('soundcard use files');
      child.type(`play ${speaks}`);
      child.type(`record ${recording}`);
      await phone.says(/registered, identity=/, 'status register');
      return phone;
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  /** Calls a SIP URI. */
  dial(target: string): void {
    this.#child.type(`call ${target}`);
  }

  hangUp(): void {
    this.#child.type('terminate all');
  }

  /** Waits for what it tells its user, asking it again and again if `ask` is given. */
  async says(what: RegExp, ask?: string): Promise<void> {
    await this.#child.until(String(what), () => {
      if (ask !== undefined) this.#child.type(ask);
      return what.test(this.#child.output);
    });
  }

  /** Waits until it has recorded so many seconds of the other side. */
  async hears(seconds: number): Promise<void> {
    const recorded = (): number => statSync(this.#recording, { throwIfNoEntry: false })?.size ?? 0;
    await this.#child.until(`${seconds} s of the other side`, () => recorded() > seconds * 16_000);
  }

  /** What it has recorded of the other side, 8 kHz. The lengths in its WAV header are not right: samples follow it. */
  get heard(): Int16Array {
    const octets = readFileSync(this.#recording).subarray(WAV_HEADER);
    return Int16Array.from({ length: octets.length >> 1 }, (_, at) => octets.readInt16LE(2 * at));
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}

function configuration({ user, domain, password, proxy, transport }: PhoneOptions): string {
  const codecs = CODECS.map((codec, at) => {
    const [mime, rate, channels = '1'] = codec.split('/');
    const enabled = mime === 'PCMA' ? 1 : 0;
    return `[audio_codec_${at}]\nmime=${mime}\nrate=${rate}\nchannels=${channels}\nenabled=${enabled}\n`;
  }).join('');
  return `[sip]
default_proxy=0
bind_address=127.0.0.1
contact=sip:${user}@127.0.0.1
sip_port=-1
sip_tcp_port=-1
sip_tls_port=0
use_ipv6=0
guess_hostname=0
verify_server_certs=0
[net]
firewall_policy=0
mtu=1300
[rtp]
audio_rtp_port=-1
[video]
enabled=0
[misc]
store_friends=0
[sound]
echocancellation=0
[proxy_0]
reg_proxy=<sip:${proxy};transport=${transport}>
reg_route=<sip:${proxy};transport=${transport};lr>
reg_identity=<sip:${user}@${domain}>
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username=${user}
passwd=${password}
realm=${domain}
${codecs}`;
}
