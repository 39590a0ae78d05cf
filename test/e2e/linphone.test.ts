/**
 * Debian's linphonec at both ends of a call through our CSCF and media gateway, over TCP, without encryption. Its
 * contact has the port that it connects from, where nobody listens, and in dialogs it gives its GRUU. The caller is a
 * target: the LEMF has what both said, sample by sample.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTool } from '../support/shared.ts';
import { Linphone } from './phones/linphone.ts';
import { accountAt, DOMAIN, expectOneInTheClear, SPEECH, USERS } from './phones/phone.ts';
import type { User } from './phones/phone.ts';
import { shareOf, TappedHome } from './phones/tapped-home.ts';
import type { RecoveredCall } from './phones/tapped-home.ts';
import { temporaryFolder } from './support.ts';

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
      const options = { folder: folder.at(user), transport: 'tcp', speaks: SPEECH[user] } as const;
      phones.set(user, await Linphone.start({ ...accountAt(home, user), ...options }));
    }
    phones.get('alice')?.dial(`sip:carol@${DOMAIN}`);
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
      expect(came?.text).toContain(`${method} sip:${user}@${DOMAIN};gr=urn:uuid:`);
    }
    expect(left).toBe(0);
  });

  it('R-81: the LEMF has the one call, in the clear, with nothing missing', () => {
    expectOneInTheClear(calls);
  });

  it.each(USERS)('R-81: the LEMF has what %s played, sample by sample', (user) => {
    expect(shareOf(SPEECH[user], calls[0]?.audio[user] ?? new Int16Array())).toBeGreaterThan(0.7);
    const heard = phones.get(user === 'alice' ? 'carol' : 'alice')?.heard ?? new Int16Array();
    expect(heard.some((sample) => Math.abs(sample) > 1000)).toBe(true);
  });
});
