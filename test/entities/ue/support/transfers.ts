/** What tests of transferred calls share: homes of their own, and what there is of a call. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import type { PhoneCall } from '../../../../src/entities/ue/call.ts';
import type { Leg } from '../../../../src/sip/agent-types.ts';
import { Homes } from './homes.ts';
import type { HomePhone } from './homes.ts';

export const PATIENCE = { timeout: 30_000 };

/** Homes of each test's own, or of one for a group that leaves its call as it is. @param opened told of them */
export function homesFor(each: 'test' | 'group', opened: (homes: Homes) => void): void {
  const [before, after] = each === 'test' ? [beforeEach, afterEach] : [beforeAll, afterAll];
  let homes: Homes;
  before(async () => {
    homes = await Homes.open();
    opened(homes);
  });
  after(() => homes.close());
}

export const sip = (user: string): string => `sip:${user}@home2.example`;

/** The leg of a call that is up. */
export function legOf(call: PhoneCall): Leg {
  const leg = call.legs.find(({ state }) => state === 'confirmed');
  if (leg === undefined) throw new Error('no dialog is up');
  return leg;
}

export async function oneCallOf(phone: HomePhone): Promise<PhoneCall> {
  await vi.waitFor(() => expect(phone.incoming).toHaveLength(1), PATIENCE);
  return phone.incoming[0]!;
}
