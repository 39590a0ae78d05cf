/** A DNS server for tests (RFC 1035 section 4, RFC 2782), on UDP at loopback: it answers what a table says. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { ipv4Octets, ipv6Octets } from '../../src/wire/x2x3/addresses.ts';

export type DnsRecord =
  | { readonly type: 'A' | 'AAAA'; readonly ttl?: number; readonly address: string }
  | {
      readonly type: 'SRV';
      readonly ttl?: number;
      readonly priority?: number;
      readonly weight?: number;
      readonly port: number;
      readonly target: string;
    };

const TYPE = { A: 1, AAAA: 28, SRV: 33 } as const;
const NXDOMAIN = 3;
const SERVFAIL = 2;

export class DnsServer {
  /** By names in lower case. */
  readonly records = new Map<string, readonly DnsRecord[]>();
  /** Questions, `SRV _sip._tcp.home2.example`. */
  readonly asked: string[] = [];
  /** How it fails, if it does. */
  failing: 'silent' | 'servfail' | null = null;
  readonly #socket: Socket = createSocket('udp4');

  /** Begins to answer, and gives where. */
  async start(): Promise<string> {
    this.#socket.on('message', (question, from) => {
      const answer = this.#answer(question);
      if (answer !== null) this.#socket.send(answer, from.port, from.address);
    });
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  stop(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer | null {
    const { name, end } = nameAt(question, 12);
    const type = question.readUInt16BE(end);
    const word = Object.entries(TYPE).find(([, number]) => number === type)?.[0] ?? String(type);
    this.asked.push(`${word} ${name}`);
    if (this.failing === 'silent') return null;
    const known = this.records.get(name);
    const found = (known ?? []).filter((record) => TYPE[record.type] === type);
    const code = this.failing === 'servfail' ? SERVFAIL : known === undefined ? NXDOMAIN : 0;
    const answers = code === 0 ? found : [];
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(answers.length, 6);
    head.fill(0, 8, 12);
    return Buffer.concat([head, question.subarray(12, end + 4), ...answers.map(encoded)]);
  }
}

/** One resource record, about the name of the question. */
function encoded(record: DnsRecord): Buffer {
  const data = dataOf(record);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(TYPE[record.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(record.ttl ?? 60, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function dataOf(record: DnsRecord): Uint8Array {
  if (record.type !== 'SRV')
    return isIPv6(record.address) ? ipv6Octets(record.address) : ipv4Octets(record.address);
  const { priority = 0, weight = 0, port, target } = record;
  const numbers = Buffer.alloc(6);
  [priority, weight, port].forEach((value, at) => numbers.writeUInt16BE(value, 2 * at));
  const labels = target.split('.').filter((label) => label !== '');
  const name = labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  return Buffer.concat([numbers, ...name, Buffer.of(0)]);
}

function nameAt(octets: Buffer, from: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = from;
  for (let length = octets[at] ?? 0; length > 0; length = octets[at] ?? 0) {
    labels.push(octets.toString('latin1', at + 1, at + 1 + length).toLowerCase());
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}
