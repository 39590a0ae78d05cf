/**
 * Ports for one run of the laboratory: a block in a row, so that a run can say before it starts where everything will
 * be, and say the same again the next time. The last TCP port of a block is listened on for as long as the block is in
 * use, and nothing else: two runs that begin at once, in one process or in two, never share a block.
 */
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { LabError } from '../errors.ts';

/** TCP ports of one block; UDP ports for media follow. */
const TCP_PORTS = 80;
const MEDIA_PORTS = 512;
const BLOCK = TCP_PORTS + MEDIA_PORTS;
const LOWEST = 10_240;
const HIGHEST = 32_000;

/** Hands out ports in a row. */
export class PortRange {
  readonly base: number;
  #next: number;
  #nextMedia: number;

  constructor(base: number) {
    this.base = base;
    this.#next = base;
    this.#nextMedia = base + TCP_PORTS;
  }

  tcp(): number {
    if (this.#next >= this.base + TCP_PORTS - 1) throw new LabError('ports', 'the block of ports is used up');
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

/** A block that nobody else has. */
export class PortBlock extends PortRange {
  readonly #hold: Server;

  constructor(base: number, hold: Server) {
    super(base);
    this.#hold = hold;
  }

  /** Gives the block back. */
  release(): void {
    this.#hold.close();
  }
}

/** @throws LabError `options` if a block cannot begin there */
export function checkBase(base: number): void {
  const last = 65_536 - BLOCK;
  if (base >= 1024 && base <= last) return;
  throw new LabError('options', `the first port, ${base}, is not from 1024 to ${last}: ${BLOCK} are needed`);
}

/**
 * A block none of whose TCP ports is taken: the one that begins at `base`, or the first free one for `null`.
 * @throws LabError `ports`, `options`
 */
export async function findPorts(base: number | null): Promise<PortBlock> {
  if (base !== null) {
    checkBase(base);
    const block = await take(base);
    if (block !== null) return block;
    throw new LabError('ports', `some of the ports ${base} to ${base + TCP_PORTS - 1} are taken`);
  }
  const blocks = Math.floor((HIGHEST - LOWEST) / BLOCK);
  const first = process.pid % blocks;
  for (let tried = 0; tried < blocks; tried++) {
    const block = await take(LOWEST + ((first + tried) % blocks) * BLOCK);
    if (block !== null) return block;
  }
  throw new LabError('ports', 'no block of free ports was found on 127.0.0.1');
}

/** The block that begins at `base`, or `null` if any of its ports is taken. */
async function take(base: number): Promise<PortBlock | null> {
  const hold = await listenOn(base + TCP_PORTS - 1);
  if (hold === null) return null;
  hold.unref();
  const ports = Array.from({ length: TCP_PORTS - 1 }, (_, at) => base + at);
  const free = await Promise.all(ports.map(isFree));
  if (free.every(Boolean)) return new PortBlock(base, hold);
  hold.close();
  return null;
}

async function isFree(port: number): Promise<boolean> {
  const server = await listenOn(port);
  if (server === null) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

function listenOn(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
