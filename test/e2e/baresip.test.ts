/**
 * Debian's baresip at both ends of a call through our CSCF and media gateway, without encryption, over UDP, over TCP, and in long
 * runs over TLS.
 * The caller is a target: the LEMF has what both said, sample by sample.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spoken } from '../../src/lab/scenarios/call.ts';
import { missingTool } from '../support/shared.ts';
import { Baresip } from './phones/baresip.ts';
import { accountAt, DOMAIN, expectOneInTheClear, SPEECH, SPOKEN, USERS } from './phones/phone.ts';
import type { User } from './phones/phone.ts';
import { shareOf, TappedHome } from './phones/tapped-home.ts';
import type { RecoveredCall } from './phones/tapped-home.ts';
import { temporaryFolder } from './support.ts';

const SLOW = process.env['CLAVIGER_SLOW'] !== undefined;

/** Samples after the speech. Baresip hangs up where its file ends: carol's is the shorter one. */
const SILENCE = { alice: 80_000, carol: 8000 };

describe.skipIf(missingTool('baresip'))('Debian’s baresip', () => {
  // Over TLS in long runs alone: it is the same once a connection stands.
  const transports = ['udp', 'tcp', ...(SLOW ? (['tls'] as const) : [])] as const;
  describe.each(transports)('over %s', (transport) => {
    const folder = temporaryFolder();
    const phones = new Map<User, Baresip>();
    let home: TappedHome | null = null;
    let left = -1;
    let calls: RecoveredCall[] = [];

    beforeAll(async () => {
      home = await TappedHome.start(folder, USERS, transport === 'tls');
      const proxy = transport === 'tls' ? home.securedProxy : home.proxy;
      for (const user of USERS) {
        const speaks = new Int16Array(SPOKEN + SILENCE[user]);
        speaks.set(SPEECH[user]);
        phones.set(
          user,
          await Baresip.start({
            ...accountAt(home, user),
            proxy,
            folder: folder.at(user),
            transport,
            speaks,
          }),
        );
      }
      phones.get('alice')?.dial(`sip:carol@${DOMAIN}`);
      for (const event of ['CALL_ESTABLISHED', 'CALL_CLOSED'])
        await Promise.all([...phones.values()].map((phone) => phone.event(event)));
      left = await home.callsLeft();
      calls = await home.recover();
    });

    afterAll(async () => {
      await Promise.all([...phones.values()].map((phone) => phone.stop()));
      await home?.stop();
      folder.remove();
    });

    function running(): TappedHome {
      if (home === null) throw new Error('not started');
      return home;
    }

    it('R-81: registers with a digest, and what is for it goes where it registered from', () => {
      const registered = running().requests('received', 'REGISTER');
      expect(registered.filter(({ text }) => /^Authorization: Digest /m.test(text))).toHaveLength(2);
      expect(new Set(registered.map(({ protocol }) => protocol))).toEqual(new Set([transport.toUpperCase()]));
      const ports = new Set(registered.map(({ port }) => port));
      for (const method of ['INVITE', 'ACK', 'BYE']) {
        const [request, ...more] = running().requests('sent', method);
        // On a slow machine one over UDP comes again, as it was.
        expect(
          more.filter(({ text }) => text !== request?.text),
          method,
        ).toEqual([]);
        expect(ports.has(request?.port ?? 0), method).toBe(true);
      }
    });

    it('R-81: the call ends at both with the BYE of the one who was called', () => {
      const [bye] = running().requests('sent', 'BYE');
      expect(bye?.text).toMatch(/^From: .*carol@/m);
      expect(running().seen.filter(({ text }) => /^SIP\/2.0 481/.test(text))).toEqual([]);
      expect(left).toBe(0);
    });

    it('R-81: the LEMF has the one call, in the clear, with nothing missing', () => {
      expectOneInTheClear(calls);
    });

    it.each(USERS)('R-81: the LEMF has what %s’s encoder was given, sample by sample', (user) => {
      const recovered = calls[0]?.audio[user] ?? new Int16Array();
      const said = phones.get(user)?.said ?? new Int16Array();
      // Who has not seen the BYE yet still speaks.
      expect(said.length - recovered.length).toBeGreaterThanOrEqual(0);
      expect(Buffer.from(recovered.buffer)).toEqual(
        Buffer.from(spoken(said.slice(0, recovered.length)).buffer),
      );
      expect(shareOf(SPEECH[user], recovered)).toBeGreaterThan(0.7);
      const other = phones.get(user === 'alice' ? 'carol' : 'alice')?.heard ?? new Int16Array();
      // What comes too late on a slow machine is not heard.
      expect(shareOf(SPEECH[user], other)).toBeGreaterThan(0.2);
    });
  });
});
