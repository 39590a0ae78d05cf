/** What a mailbox keeps for whom and of whom, against its bounds. */
import { beforeEach, describe, expect, test } from 'vitest';
import { MailboxHoldings } from '../../../src/entities/mailbox/holdings.ts';
import type { MailboxLimits } from '../../../src/entities/mailbox/ports.ts';

const PLENTY: MailboxLimits = {
  ...{ messages: 100, messagesOfOne: 100, messagesFromOne: 100, messagesOfCaller: 100 },
  ...{ octets: 1000, octetsOfOne: 1000, octetsOfCaller: 1000, messageMs: 1, keepSeconds: 1 },
  ...{ calls: 10, callsOfCaller: 10, retryMs: 1 },
};
const owner = (recipient: string, caller: string) => ({ recipient, caller });

describe('R-42: what is kept', () => {
  let limits: MailboxLimits = PLENTY;
  let holdings: MailboxHoldings;
  const code = (work: () => unknown): unknown => {
    try {
      work();
      return 'taken';
    } catch (error) {
      return (error as { code: unknown }).code;
    }
  };
  const bounded = (more: Partial<MailboxLimits>): void => void (limits = { ...PLENTY, ...more });

  beforeEach(() => {
    limits = PLENTY;
    holdings = new MailboxHoldings(() => limits);
  });

  test.each([
    ['messages', { messages: 2 }, owner('carol', 'erin')],
    ['messages-for-recipient', { messagesOfOne: 2 }, owner('bob', 'erin')],
    ['messages-of-caller', { messagesOfCaller: 2 }, owner('carol', 'alice')],
    ['messages-of-caller-for-recipient', { messagesFromOne: 2 }, owner('bob', 'alice')],
    ['octets', { octets: 20 }, owner('carol', 'erin')],
    ['octets-for-recipient', { octetsOfOne: 20 }, owner('bob', 'erin')],
    ['octets-of-caller', { octetsOfCaller: 20 }, owner('carol', 'alice')],
  ] as const)('is refused, and counted, beyond the bound on %s, and taken below it', (bound, more, third) => {
    bounded(more);
    holdings.add(owner('bob', 'alice'), 10);
    expect(code(() => holdings.admit(third))).toBe('taken');
    holdings.add(owner('bob', 'alice'), 10);
    expect(code(() => holdings.open(third))).toBe('full');
    expect(Object.entries(holdings.refused).filter(([, count]) => count > 0)).toEqual([[bound, 1]]);
    // Whom the bound is not about has room.
    if (!['messages', 'octets'].includes(bound))
      expect(code(() => holdings.open(owner('dave', 'frank')))).toBe('taken');
    holdings.remove(owner('bob', 'alice'), 10);
    expect(code(() => holdings.open(third))).toBe('taken');
  });

  test('counts messages that are being left, all of them together, while they grow', () => {
    bounded({ octetsOfCaller: 100 });
    const one = holdings.open(owner('bob', 'alice'));
    const two = holdings.open(owner('carol', 'alice'));
    expect([one.grow(60), two.grow(40), one.grow(1), two.grow(1)]).toEqual([true, true, false, false]);
    expect(holdings.open(owner('bob', 'erin')).grow(90)).toBe(true);
    two.settle(null);
    expect(one.grow(40)).toBe(true);
    expect(holdings.all).toEqual({ messages: 2, octets: 190 });
    one.settle(120);
    expect(holdings.all).toEqual({ messages: 2, octets: 210 });
    expect(holdings.fill).toBe(0.21);
  });

  test('calls of one caller are bounded, whoever else calls', () => {
    bounded({ callsOfCaller: 1 });
    const over = holdings.takes('alice');
    expect(code(() => holdings.takes('alice'))).toBe('full');
    expect(code(() => holdings.takes('erin'))).toBe('taken');
    over();
    expect([code(() => holdings.takes('alice')), holdings.refused['calls-of-caller']]).toEqual(['taken', 1]);
  });

  test('what a reload has made smaller holds for what comes, and removes nothing', () => {
    holdings.add(owner('bob', 'alice'), 500);
    bounded({ octets: 100 });
    expect([holdings.fill, code(() => holdings.admit(owner('carol', 'erin')))]).toEqual([5, 'full']);
  });
});
