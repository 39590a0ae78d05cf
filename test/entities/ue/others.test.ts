/** Calls that somebody else answers than was called (RFC 6267 section 3.2): the caller's setting `others` decides. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { PhoneCall } from '../../../src/entities/ue/call.ts';
import { Homes, requestsOf } from './support/homes.ts';
import type { HomePhone } from './support/homes.ts';

const [BOB, CAROL] = ['sip:bob@home2.example', 'sip:carol@home2.example'];

let homes: Homes;
afterEach(() => homes.close());

/** Bob's calls go to carol, by his CSCF or by his phone. */
async function parties(
  way: 'proxy' | 'redirect',
  others: 'accept' | 'refuse',
): Promise<[HomePhone, HomePhone]> {
  homes = await Homes.open(way === 'proxy' ? { bob: CAROL } : {});
  const carol = await homes.phone('carol');
  await homes.phone('bob', way === 'redirect' ? { policy: { kind: 'redirect', to: CAROL } } : {});
  return [await homes.phone('alice', { others }), carol];
}

const WAYS = ['proxy', 'redirect'] as const;
const OFFERS = ['with an offer', 'without an offer'] as const;
const ALL = WAYS.flatMap((way) => OFFERS.map((offer) => [way, offer] as const));

function dial({ ue }: HomePhone, offer: (typeof OFFERS)[number]): Promise<PhoneCall> {
  return offer === 'with an offer' ? ue.call(BOB) : ue.callForOffer(BOB);
}

describe('R-42: a call that somebody else answers', () => {
  test.each(ALL)('by %s, %s: goes on where the setting says so, and shows who it is', async (way, offer) => {
    const [alice, carol] = await parties(way, 'accept');
    const call = await dial(alice, offer);
    await call.established;
    expect([call.called, call.peer, call.isRetargeted]).toEqual([BOB, CAROL, true]);
    expect(carol.incoming.map(({ peer }) => peer)).toEqual([alice.identity]);
  });

  test.each(ALL)(
    'by %s, %s: is given up where it is refused, before anything is said',
    async (way, offer) => {
      const [alice, carol] = await parties(way, 'refuse');
      const outcome = dial(alice, offer).then(async (call) => {
        await call.established;
        return call;
      });
      await expect(outcome).rejects.toMatchObject({ code: 'other-party' });
      await vi.waitFor(() => expect(carol.ue.calls).toEqual([]), { timeout: 30_000 });
      expect(requestsOf(carol.messages, 'INVITE')).toHaveLength(way === 'redirect' ? 0 : 1);
      expect(carol.incoming.map(({ statistics }) => statistics.received.packets)).toEqual(
        way === 'redirect' ? [] : [0],
      );
    },
  );
});
