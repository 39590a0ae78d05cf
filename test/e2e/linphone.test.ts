/**
 * Debian's linphonec at both ends of a call through our CSCF and media gateway, over TCP, without encryption. Its
 * contact has the port that it connects from, where nobody listens, and in dialogs it gives its GRUU. The caller is a
 * target: the LEMF has what both said, sample by sample.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recording, spoken } from '../../src/lab/scenarios/call.ts';
import { missingTool } from '../support/shared.ts';
import { Linphone } from './phones/linphone.ts';
import { shareOf, TappedHome } from './phones/tapped-home.ts';
import type { RecoveredCall } from './phones/tapped-home.ts';
import { temporaryFolder } from './support.ts';

type User = 'alice' | 'carol';
const USERS = ['alice', 'carol'] as const;
const SPOKEN = 16_000;
const domain = 'home1.example';

/** Has been through G.711 already, so that no encoder has a choice. */
const speech = {
  alice: spoken(recording('alice').subarray(4000, 4000 + SPOKEN)),
  carol: spoken(recording('bob').subarray(4000, 4000 + SPOKEN)),
};

describe.skipIf(missingTool('linphonec'))('Debian’s linphonec over TCP', () => {
  const folder = temporaryFolder();
  const phones = new Map<User, Linphone>();
  let home: TappedHome | null = null;
  let left = -1;
  let calls: RecoveredCall[] = [];

  const both = (each: (phone: Linphone) => Promise<void>): Promise<unknown> =>
    Promise.all([...phones.values()].map(each));

  beforeAll(async () => {
    home = await TappedHome.start(folder, USERS);
    for (const user of USERS) {
      const [password, proxy, speaks] = [home.password(user), home.proxy, speech[user]];
      const options = {
        folder: folder.at(user),
        user,
        domain,
        password,
        proxy,
        transport: 'tcp',
        speaks,
      } as const;
      phones.set(user, await Linphone.start(options));
    }
    phones.get('alice')?.dial(`sip:carol@${domain}`);
    await both((phone) => phone.says(/Media streams established/));
    await both((phone) => phone.hears(3));
    phones.get('carol')?.hangUp();
    await both((phone) => phone.says(/Call 1 with .* ended \(No error\)/));
    left = await home.callsLeft();
    calls = await home.recover();
  });

  afterAll(async () => {
    await both((phone) => phone.stop());
    await home?.stop();
    folder.remove();
  });

  function running(): TappedHome {
    if (home === null) throw new Error('not started');
    return home;
  }

  it('R-81: registers a contact with the port that it connects from', () => {
    const registered = running()
      .requests('received', 'REGISTER')
      .filter(({ text }) => /^Authorization: +Digest /m.test(text));
    expect(registered).toHaveLength(2);
    for (const { text, port } of registered)
      expect(text).toMatch(new RegExp(`^Contact: <sip:\\w+@127.0.0.1:${port};`, 'm'));
  });

  it('R-81: INVITE, and ACK and BYE to a GRUU, come to it on its own connection', () => {
    for (const [method, user] of [
      ['INVITE', 'carol'],
      ['ACK', 'carol'],
      ['BYE', 'alice'],
    ] as const) {
      const [request, ...more] = running().requests('sent', method);
      expect(more, method).toEqual([]);
      const at = `${method} sip:${user}@127.0.0.1:${request?.port};transport=tcp `;
      expect(request?.text.slice(0, at.length)).toBe(at);
      if (method === 'INVITE') continue;
      const [came] = running().requests('received', method);
      expect(came?.text).toContain(`${method} sip:${user}@${domain};gr=urn:uuid:`);
    }
    expect(left).toBe(0);
  });

  it('R-81: the LEMF has the one call, in the clear, with nothing missing', () => {
    expect(calls).toHaveLength(1);
    const [{ report }] = calls as [RecoveredCall];
    expect(report).toMatchObject({ recovered: true, ended: true, targets: [`sip:alice@${domain}`] });
    expect(report.missing).toEqual({ hi2: [], hi3: [] });
    expect(report.streams.map(({ encrypted }) => encrypted)).toEqual([false, false]);
  });

  it.each(USERS)('R-81: the LEMF has what %s played, sample by sample', (user) => {
    expect(shareOf(speech[user], calls[0]?.audio[user] ?? new Int16Array())).toBeGreaterThan(0.7);
    const heard = phones.get(user === 'alice' ? 'carol' : 'alice')?.heard ?? new Int16Array();
    expect(heard.some((sample) => Math.abs(sample) > 1000)).toBe(true);
  });
});
