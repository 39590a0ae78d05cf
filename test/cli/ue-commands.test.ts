/** What a phone on the command line is told in a call, a line each: consultations. */
import { PassThrough } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { obey } from '../../src/cli/commands/ue-commands.ts';
import type { PhoneCall } from '../../src/entities/ue/call.ts';
import type { HomePhone, Homes } from '../entities/ue/support/homes.ts';
import { homesFor, PATIENCE, sip } from '../entities/ue/support/transfers.ts';

let homes: Homes;

/** Alice, told line by line what to do in a call with bob. */
async function toldInCall() {
  const [alice, , carol] = (await Promise.all(
    ['alice', 'bob', 'carol'].map((user) => homes.phone(user)),
  )) as [...[HomePhone, HomePhone, HomePhone]];
  const call = await alice.ue.call(sip('bob'));
  await call.established;
  const input = new PassThrough();
  const lines: string[] = [];
  const done = obey(alice.ue, call, input, (line) => lines.push(line));
  const tell = async (line: string): Promise<string> => {
    const before = lines.length;
    input.write(`${line}\n`);
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(before), PATIENCE);
    return lines.at(-1) ?? '';
  };
  const end = async (): Promise<void> => {
    await call.hangUp();
    await done;
  };
  return { alice, carol, call, tell, end };
}

const lastOf = (phone: HomePhone): PhoneCall => phone.incoming.at(-1)!;

describe('R-42: a consultation on the command line', () => {
  homesFor('test', (own) => void (homes = own));

  test.each([
    { before: [], state: 'the other end is not held any more', isHeld: false },
    { before: ['hold'], state: 'the other end is held, as before', isHeld: true },
  ])('leaves the first call as it was, after $before', async ({ before, state, isHeld }) => {
    const { carol, call, tell, end } = await toldInCall();
    for (const line of before) await tell(line);
    expect(await tell(`consult ${sip('carol')}`)).toContain(`consulting ${sip('carol')}`);
    expect(call.isHeld).toBe(true);
    expect(await tell('back')).toBe(state);
    expect(call.isHeld).toBe(isHeld);
    expect((await lastOf(carol).ended).reason).toBe('bye');
    await end();
  });

  test('ends as well where whoever was consulted has hung up, and may be had again', async () => {
    const { carol, call, tell, end } = await toldInCall();
    expect(await tell('back')).toContain('nobody is consulted');
    for (let time = 0; time < 2; time++) {
      await tell(`consult ${sip('carol')}`);
      await lastOf(carol).hangUp();
      await lastOf(carol).ended;
    }
    expect(await tell('back')).toBe('the other end is not held any more');
    expect(call.isHeld).toBe(false);
    await end();
  });

  test('with somebody who does not answer leaves it as it was, too', async () => {
    const { call, tell, end } = await toldInCall();
    expect(await tell('consult sip:nobody@home2.example')).toMatch(/^consult: /);
    expect(call.isHeld).toBe(false);
    await end();
  });
});
