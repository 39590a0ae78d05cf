/**
 * Debian's baresip at both ends of a call through our CSCF and media gateway, without encryption, over UDP and over TCP.
 * The caller is a target: the LEMF has what both said, sample by sample.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recording, spoken } from '../../src/lab/scenarios/call.ts';
import { missingTool } from '../support/shared.ts';
import { Baresip } from './phones/baresip.ts';
import { shareOf, TappedHome } from './phones/tapped-home.ts';
import type { RecoveredCall } from './phones/tapped-home.ts';
import { temporaryFolder } from './support.ts';

type User = 'alice' | 'carol';
const USERS = ['alice', 'carol'] as const;
const SPOKEN = 16_000;
/** Samples after the speech. Baresip hangs up where its file ends: carol's is the shorter one. */
const SILENCE = { alice: 80_000, carol: 8000 };
const domain = 'home1.example';

/** Has been through G.711 already, so that no encoder has a choice. */
const speech = {
  alice: spoken(recording('alice').subarray(4000, 4000 + SPOKEN)),
  carol: spoken(recording('bob').subarray(4000, 4000 + SPOKEN)),
};

describe.skipIf(missingTool('baresip'))('Debian’s baresip', () => {
  describe.each(['udp', 'tcp'] as const)('over %s', (transport) => {
    const folder = temporaryFolder();
    const phones = new Map<User, Baresip>();
    let home: TappedHome | null = null;
    let left = -1;
    let calls: RecoveredCall[] = [];

    beforeAll(async () => {
      home = await TappedHome.start(folder, USERS);
      for (const user of USERS) {
        const speaks = new Int16Array(SPOKEN + SILENCE[user]);
        speaks.set(speech[user]);
        const [password, proxy] = [home.password(user), home.proxy];
        const options = { folder: folder.at(user), user, domain, password, proxy, transport, speaks };
        phones.set(user, await Baresip.start(options));
      }
      phones.get('alice')?.dial(`sip:carol@${domain}`);
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
        expect(more, method).toEqual([]);
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
      expect(calls).toHaveLength(1);
      const [{ report }] = calls as [RecoveredCall];
      expect(report).toMatchObject({ recovered: true, ended: true, targets: [`sip:alice@${domain}`] });
      expect(report.missing).toEqual({ hi2: [], hi3: [] });
      expect(report.streams.map(({ encrypted }) => encrypted)).toEqual([false, false]);
    });

    it.each(USERS)('R-81: the LEMF has what %s’s encoder was given, sample by sample', (user) => {
      const recovered = calls[0]?.audio[user] ?? new Int16Array();
      const said = phones.get(user)?.said ?? new Int16Array();
      // Who has not seen the BYE yet still speaks.
      expect(said.length - recovered.length).toBeGreaterThanOrEqual(0);
      expect(Buffer.from(recovered.buffer)).toEqual(
        Buffer.from(spoken(said.slice(0, recovered.length)).buffer),
      );
      expect(shareOf(speech[user], recovered)).toBeGreaterThan(0.7);
      const other = phones.get(user === 'alice' ? 'carol' : 'alice')?.heard ?? new Int16Array();
      expect(shareOf(speech[user], other)).toBeGreaterThan(0.5);
    });
  });
});
