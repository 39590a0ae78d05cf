/** What the DF keeps to know copies, when strangers begin ever new calls in a target's name. */
import { describe, expect, it } from 'vitest';
import { KNOWN_STREAM_LIMITS, Streams } from '../../../src/entities/df/streams.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { start } from './delivery-function.ts';
import type { Df } from './delivery-function.ts';
import { call, handedOver, LEG, sip, task, XID } from './support.ts';
import type { Step } from './support.ts';

const LIMITS = { proven: 3, others: 10 };

const limited = (): Promise<Df> => start([task(XID, 'LIID-1')], { streams: LIMITS });

/** So many calls that were refused, of Call-IDs of their own. */
async function strangers({ mediation, poi, clock }: Df, prefix: string, count: number): Promise<void> {
  clock.advance(10);
  const batch = Array.from({ length: count }, (_, at) => {
    const leg = { callId: `${prefix}-${at}`, fromTag: 'claimed', toTag: '' };
    const steps: Step[] = [
      [sip('INVITE sip:bob@home2.example SIP/2.0', leg, null), DIRECTION.fromTarget],
      [sip('SIP/2.0 407 Proxy Authentication Required', leg, null), DIRECTION.toTarget],
    ];
    return steps.map((step) => poi.x2(step, XID, leg.callId));
  });
  await mediation.accept(batch.flat());
}

const kept = async ({ store }: Df): Promise<number> => (await store.load()).streams.length;

describe('R-65: streams of calls that nobody has proven', () => {
  it('are bounded, counted, and take no place from a target’s call, before and after a restart', async () => {
    const df = await limited();
    // One that has content, and one of which nothing came after the message that proves it.
    const rings = { ...LEG, callId: 'rings' };
    const own = [
      ...[...call().map((step) => df.poi.x2(step)), df.poi.x3(Uint8Array.of(1))],
      ...call(rings)
        .slice(0, 2)
        .map((step) => df.poi.x2(step, XID, rings.callId)),
    ];
    await df.mediation.accept(own);
    await strangers(df, 'one', 25);
    expect(await kept(df)).toBe(LIMITS.proven + LIMITS.others);
    expect(df.mediation.losses.streamsForgotten).toBe(15);
    await df.kill();
    await strangers(df, 'two', 25);
    expect(await kept(df)).toBe(LIMITS.proven + LIMITS.others);
    const before = (await handedOver(df.store)).length;
    await df.mediation.accept(own);
    expect(await handedOver(df.store)).toHaveLength(before);
    expect(df.issues.log.filter((text) => text.includes('were lost'))).toEqual([]);
  });

  it('and those of proven calls are bounded, too: the longest silent is forgotten', async () => {
    const df = await limited();
    const contents = [1, 2, 3, 4].map((n) =>
      df.poi.x3(Uint8Array.of(n), DIRECTION.toTarget, XID, `call-${n}`),
    );
    for (const pdu of contents) await df.mediation.accept([pdu]);
    expect(await kept(df)).toBe(LIMITS.proven);
    const before = (await handedOver(df.store)).length;
    await df.mediation.accept(contents.slice(1));
    expect(await handedOver(df.store)).toHaveLength(before);
  });

  it('one that is heard of again is not the longest silent any more', () => {
    const streams = new Streams([], { ...KNOWN_STREAM_LIMITS, others: 2 }, () => false);
    const put = (name: string, at: number): void =>
      streams.put({ key: JSON.stringify([name, 'ab']), nextSequenceNumber: 1, lastTime: at });
    for (const [at, name] of ['a', 'b', 'a', 'c'].entries()) put(name, at);
    expect(streams.take().forgottenStreams).toEqual([JSON.stringify(['b', 'ab'])]);
  });
});
