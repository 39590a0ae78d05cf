/** Acknowledgement by destination: what a DF does without it, and what counts as delivered. */
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../../src/host/config.ts';
import { acknowledgementOf } from '../../../../src/entities/df/handover/acknowledgement.ts';
import type { Acknowledgement } from '../../../../src/entities/df/handover/acknowledgement.ts';
import { dfConfig } from '../../../../src/entities/df/config.ts';
import { Pair, settle } from './pair.ts';

const pairs: Pair[] = [];

/** A DF whose only destination is opened. */
async function opened(acknowledgement: Acknowledgement, pdus: number, more = {}): Promise<Pair> {
  const p = await Pair.make({ acknowledgement, ...more });
  pairs.push(p);
  await p.append(pdus);
  p.manager.start();
  p.peer.open();
  await settle();
  return p;
}

const decline = { type: 'optionResponse', accepted: [], declined: [0] } as const;

afterEach(async () => {
  for (const made of pairs.splice(0)) {
    made.manager.stop();
    await made.store.close();
  }
});

describe('R-95: acknowledgement by a LEMF', () => {
  it('required: one that declines gets nothing, and is tried again', async () => {
    const p = await opened('required', 2);
    p.peer.answer('optionRequest', decline);
    await settle();
    expect(p.peer.delivered).toEqual([]);
    expect(p.peer.closedByUs).toBe(true);
    expect(await p.waiting()).toBe(2);
  });

  it('preferred: one that declines gets all, which counts as delivered when it answers a later keep-alive', async () => {
    const p = await opened('preferred', 3);
    expect(p.peer.delivered).toEqual([]);
    p.peer.answer('optionRequest', decline);
    await settle();
    expect(p.peer.delivered).toEqual([0, 1, 2]);
    expect(await p.waiting()).toBe(3);
    p.clock.advance(250);
    expect(p.peer.tri('pduAcknowledgementRequest')).toEqual([]);
    await p.append(1);
    p.peer.answer('keepAlive', { type: 'keepAliveResponse' });
    await settle();
    // The fourth came after the keep-alive.
    expect(await p.waiting()).toBe(1);
    p.clock.advance(250);
    p.peer.answer('keepAlive', { type: 'keepAliveResponse' });
    await settle();
    expect(await p.waiting()).toBe(0);
    expect(p.manager.unacknowledged).toBe(4);
  });

  it('preferred: one that agrees acknowledges, and an answer to a keep-alive is none', async () => {
    const p = await opened('preferred', 1, { keepAliveInterval: 100 });
    p.peer.agree();
    await settle();
    p.clock.advance(150);
    p.peer.answer('keepAlive', { type: 'keepAliveResponse' });
    await settle();
    expect(await p.waiting()).toBe(1);
    p.clock.advance(250);
    p.peer.acknowledge();
    await settle();
    expect([await p.waiting(), p.manager.unacknowledged]).toEqual([0, 0]);
  });

  it('preferred: one that knows no options gets all when it has not answered for long enough', async () => {
    const p = await opened('preferred', 1);
    p.clock.advance(29_999);
    await settle();
    expect(p.peer.delivered).toEqual([]);
    p.clock.advance(1);
    await settle();
    expect(p.peer.delivered).toEqual([0]);
    expect(p.manager.ready('d1')).toBe(true);
  });

  it('off: nothing is asked, one keep-alive is under way at a time, and a lost connection loses nothing before it', async () => {
    const p = await opened('off', 250, { acknowledgeEvery: 100 });
    expect(p.peer.tri('optionRequest')).toEqual([]);
    expect(p.peer.delivered).toHaveLength(250);
    p.clock.advance(250);
    expect(p.peer.tri('keepAlive')).toHaveLength(1);
    p.peer.answer('keepAlive', { type: 'keepAliveResponse' });
    await settle();
    expect(await p.waiting()).toBe(150);
    p.peer.lose();
    p.clock.advance(250);
    p.peer.open();
    await settle();
    expect(p.connections).toHaveLength(2);
    expect(p.peer.delivered[0]).toBe(100);
  });

  it('off: one that answers no keep-alive is disconnected, and what it was sent is sent again', async () => {
    const p = await opened('off', 1);
    p.clock.advance(250);
    p.clock.advance(59_999);
    expect(p.peer.closedByUs).toBe(false);
    p.clock.advance(1);
    expect(p.peer.closedByUs).toBe(true);
    expect(await p.waiting()).toBe(1);
  });

  it('is by address: the port’s row, else the host’s, else what holds for all', () => {
    const terms = {
      acknowledgement: 'required',
      destinations: [
        { host: 'LEMF.example', acknowledgement: 'preferred' },
        { host: 'lemf.example', port: 2, acknowledgement: 'off' },
      ],
    } as const;
    const of = (host: string, port: number): string => acknowledgementOf(terms, { host, port });
    expect([of('lemf.example', 1), of('lemf.EXAMPLE', 2), of('other.example', 2)]).toEqual([
      ...['preferred', 'off', 'required'],
    ]);
  });

  it.each([
    [{ acknowledgement: 'sometimes' }, /handover\.acknowledgement/],
    [{ destinations: [{ host: 'a' }] }, /handover\.destinations\[0\]\.acknowledgement/],
    [
      {
        destinations: [
          { host: 'a', acknowledgement: 'off' },
          { host: 'A', acknowledgement: 'off' },
        ],
      },
      /one row for A/,
    ],
    [{ destinations: [{ host: 'a', port: 0, acknowledgement: 'off' }] }, /port/],
  ])('settings that say nothing clear are refused: %j', (handover, message) => {
    expect(() => dfConfig({ handover })).toThrow(ConfigError);
    expect(() => dfConfig({ handover })).toThrow(message);
  });
});
