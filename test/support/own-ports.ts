/**
 * Blocks of ports that a test names to what it starts. Nothing takes one of them by itself: they lie above the ports
 * that the system hands out and the laboratory's runs look through. Who has a block listens on a port of its own
 * meanwhile, so that test files side by side, of two checkouts too, never name the same. Phones of tests have media from
 * 64,700 on.
 */
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { findPorts } from '../../src/lab/network/ports.ts';

const FIRST = 61_000;
const BLOCK = 752;
const BLOCKS = 4;
/** The ports by which blocks are held follow the last block. */
const HOLDS = FIRST + BLOCKS * BLOCK;

export interface OwnPorts {
  readonly base: number;
  release(): void;
}

/** Waits for a block that nobody has. */
export async function ownPorts(): Promise<OwnPorts> {
  for (let at = process.pid % BLOCKS; ; at = (at + 1) % BLOCKS) {
    const hold = await listenOn(HOLDS + at);
    if (hold !== null) {
      const base = FIRST + at * BLOCK;
      const block = await findPorts(base).catch(() => null);
      block?.release();
      if (block !== null) return { base, release: () => void hold.close() };
      hold.close();
    }
    await sleep(50);
  }
}

function listenOn(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      server.unref();
      resolve(server);
    });
  });
}
