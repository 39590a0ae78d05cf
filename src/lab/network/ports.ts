/**
 * Ports for one run of the laboratory: a block in a row, so that a run can say before it starts where everything will
 * be, and say the same again the next time. The last TCP port of a block is listened on for as long as the block is in
 * use, and nothing else: two runs that begin at once, in one process or in two, never share a block.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { isSystemError, systemWords } from '../../bytes/system-errors.ts';
import { LabError } from '../errors.ts';

/** TCP ports of one block; UDP ports for media follow. */
const TCP_PORTS = 112;
const MEDIA_PORTS = 640;
const BLOCK = TCP_PORTS + MEDIA_PORTS;
const LOWEST = 10_240;
const HIGHEST = 32_000;
/** What the system says of a port that something listens on. */
const TAKEN = 'EADDRINUSE';

/** Where a laboratory is, by the version of IP that it uses. */
export const LOOPBACK_ADDRESS = { ipv4: '127.0.0.1', ipv6: '::1' } as const;

/** Hands out ports in a row. */
export class PortRange {
  readonly base: number;
  /** Where they are: a loopback address. */
  readonly address: string;
  #next: number;
  #nextMedia: number;

  constructor(base: number, address: string) {
    this.base = base;
    this.address = address;
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
    return { address: this.address, from, to: from + count - 1 };
  }
}

/** A block that nobody else has. */
export class PortBlock extends PortRange {
  readonly #hold: Server;

  constructor(base: number, hold: Server, address: string) {
    super(base, address);
    this.#hold = hold;
  }

  /** Gives the block back. */
  release(): void {
    this.#hold.close();
  }
}

/**
 * Whether something failed since a port was taken. A block is free when it is looked for; until all of it is in use,
 * others that look for no block may take a port of it.
 */
export function isPortTaken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (isSystemError(error) && error.code === TAKEN) return true;
  // Of an entity in a process of its own there is the text alone.
  const texts = [TAKEN, systemWords(TAKEN) ?? TAKEN];
  return texts.some((text) => error.message.includes(text)) || isPortTaken(error.cause);
}

/** @throws LabError `options` if a block cannot begin there */
export function checkBase(base: number): void {
  const last = 65_536 - BLOCK;
  if (base >= 1024 && base <= last) return;
  throw new LabError('options', `the first port, ${base}, is not from 1024 to ${last}: ${BLOCK} are needed`);
}

/**
 * A block of which no port but those for media is taken: the one that begins at `base`, or the first free one for `null`.
 * @throws LabError `ports`, `options`; also where the machine does not have the address
 */
export async function findPorts(
  base: number | null,
  address: string = LOOPBACK_ADDRESS.ipv4,
): Promise<PortBlock> {
  await checkAddress(address);
  if (base !== null) {
    checkBase(base);
    const block = await take(base, address);
    if (block !== null) return block;
    throw new LabError('ports', `some of the ports ${base} to ${base + TCP_PORTS - 1} are taken`);
  }
  const blocks = Math.floor((HIGHEST - LOWEST) / BLOCK);
  const first = process.pid % blocks;
  for (let tried = 0; tried < blocks; tried++) {
    const block = await take(LOWEST + ((first + tried) % blocks) * BLOCK, address);
    if (block !== null) return block;
  }
  throw new LabError('ports', `no block of free ports was found on ${address}`);
}

/** The block that begins at `base`, or `null` if any of its ports is taken. */
async function take(base: number, address: string): Promise<PortBlock | null> {
  const hold = await listenOn(base + TCP_PORTS - 1, address);
  if (hold === null) return null;
  hold.unref();
  const ports = Array.from({ length: TCP_PORTS - 1 }, (_, at) => base + at);
  const free = await Promise.all(ports.map((port) => isFree(port, address)));
  if (free.every(Boolean)) return new PortBlock(base, hold, address);
  hold.close();
  return null;
}

/** @throws LabError `ports` where nothing can listen at an address: a machine may have no IPv6 */
async function checkAddress(address: string): Promise<void> {
  const server = await listenOn(0, address);
  if (server === null) throw new LabError('ports', `this machine does not have the address ${address}`);
  await new Promise((resolve) => server.close(resolve));
}

/** For TCP and UDP: SIP listens on both. */
async function isFree(port: number, address: string): Promise<boolean> {
  const server = await listenOn(port, address);
  if (server === null) return false;
  await new Promise((resolve) => server.close(resolve));
  return isFreeForUdp(port, address);
}

function isFreeForUdp(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind({ port, address, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

function listenOn(port: number, address: string): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(null));
    server.listen(port, address, () => resolve(server));
  });
}
