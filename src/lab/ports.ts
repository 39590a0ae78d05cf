/**
 * Ports for one run of the laboratory: a block in a row, so that a run can say before it starts where everything will
 * be, and say the same again the next time.
 */
import { createServer } from 'node:net';
import { LabError } from './errors.ts';

/** TCP ports of one block; UDP ports for media follow. */
const TCP_PORTS = 64;
const MEDIA_PORTS = 512;
const BLOCK = TCP_PORTS + MEDIA_PORTS;
const LOWEST = 10_240;
const HIGHEST = 32_000;

/** Hands out the ports of a block. */
export class PortBlock {
  readonly base: number;
  #next: number;
  #nextMedia: number;

  constructor(base: number) {
    this.base = base;
    this.#next = base;
    this.#nextMedia = base + TCP_PORTS;
  }

  tcp(): number {
    if (this.#next >= this.base + TCP_PORTS) throw new LabError('ports', 'the block of ports is used up');
    return this.#next++;
  }

  /** A range of `count` UDP ports, from an even one. */
  media(count: number): { readonly address: string; readonly from: number; readonly to: number } {
    const from = this.#nextMedia;
    this.#nextMedia += count;
    if (this.#nextMedia > this.base + BLOCK) throw new LabError('ports', 'the block of ports is used up');
    return { address: '127.0.0.1', from, to: from + count - 1 };
  }
}

/**
 * A block none of whose TCP ports is taken: the one that begins at `base`, or the first free one for `null`.
 * @throws LabError `ports`
 */
export async function findPorts(base: number | null): Promise<PortBlock> {
  if (base !== null) {
    if (await isFree(base)) return new PortBlock(base);
    throw new LabError('ports', `some of the ports ${base} to ${base + TCP_PORTS - 1} are taken`);
  }
  const blocks = Math.floor((HIGHEST - LOWEST) / BLOCK);
  const first = process.pid % blocks;
  for (let tried = 0; tried < blocks; tried++) {
    const candidate = LOWEST + ((first + tried) % blocks) * BLOCK;
    if (await isFree(candidate)) return new PortBlock(candidate);
  }
  throw new LabError('ports', 'no block of free ports was found on 127.0.0.1');
}

async function isFree(base: number): Promise<boolean> {
  const checks = Array.from({ length: TCP_PORTS }, (_, at) => canListen(base + at));
  return (await Promise.all(checks)).every(Boolean);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
