/**
 * Debian's Kamailio in the place of the other home: bob registers there, and alice, who is a target in our home1, calls
 * him and is called by him. The key exchanges go through Kamailio, home1 intercepts them, and the LEMF has keys and audio.
 */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSamples, placeCall, spoken } from '../../src/lab/scenarios/call.ts';
import type { CallOutcome } from '../../src/lab/scenarios/call.ts';
import { issueWarrant } from '../../src/lab/network/officer.ts';
import { warrantOn } from '../../src/lab/scenarios/warrants.ts';
import { Network } from '../../src/lab/network/network.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import type { RecoveryReport } from '../../src/entities/lemf/recover.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { missingTool } from '../support/shared.ts';
import { Kamailio } from './phones/kamailio.ts';
import { octetsOf, recordsOf, shortRecordings, signallingOf, temporaryFolder } from './support.ts';

const recordings = shortRecordings(2);
const USERS = ['alice', 'bob'] as const;
/** Home2 has its KMS alone; the CSCF of home1 is started once it knows how to speak to Kamailio. */
const LEFT_OUT = [
  ...(['cscf', 'gateway', 'df', 'admf', 'lemf'] as const).map(
    (entity) => ({ entity, home: 'home2' }) as const,
  ),
  { entity: 'cscf', home: 'home1' } as const,
];

describe.skipIf(missingTool('kamailio'))('Kamailio as the other home', () => {
  describe.each(['tcp', 'udp'] as const)('over %s', (transport) => {
    const folder = temporaryFolder();
    const [out, state, audio] = [folder.at('out'), folder.at('state'), folder.at('audio')];
    const calls: CallOutcome[] = [];
    let network: Network | null = null;
    let kamailio: Kamailio | null = null;
    let port = 0;
    let report: RecoveryReport;

    beforeAll(async () => {
      const timeline = new Timeline(() => performance.now());
      const users = { home1: ['alice'], home2: ['bob'] };
      network = await Network.start({ state, out, users, timeline, leaveOut: LEFT_OUT });
      const { home1, home2 } = network.plan.homes;
      port = home2.ports['cscf.sip'] ?? 0;
      kamailio = await Kamailio.start({
        folder: folder.at('kamailio'),
        domain: home2.domain,
        port,
        password: home2.subscribers[0]?.password ?? '',
        peer: { domain: home1.domain, cscf: 'cscf.home1.example', port: home1.ports['cscf.sip'] ?? 0 },
        transport,
      });
      const peers = [{ domain: home2.domain, cscf: `sip:cscf.home2.example;transport=${transport}` }];
      Object.assign(network.configOf('cscf', 'home1'), { peers });
      await network.startEntity('cscf', 'home1');
      await issueWarrant(network.running('admf', 'home1'), warrantOn(network, 'alice', Date.now()));
      await network.register();
      const elapsed = (): number => timeline.elapsed();
      for (const [caller, callee] of [USERS, USERS.toReversed()] as [string, string][])
        calls.push(await placeCall(network, { caller, callee, recordings, elapsed }));
      for (const element of ['cscf', 'gateway'] as const)
        expect(await network.running(element, 'home1').drain(20_000)).toBe(true);
      await network.running('df', 'home1').settle(20_000);
      report = await network.running('lemf', 'home1').recover(audio);
    });

    afterAll(async () => {
      await network?.stop();
      await kamailio?.stop();
      folder.remove();
    });

    it('R-81: the key exchanges go through it, and both hear each other', () => {
      expect(calls.map(({ caller }) => caller.user)).toEqual(USERS);
      for (const { caller, callee } of calls) {
        expect(caller.sas).toMatch(/^\w{4}-/);
        expect(caller.sas).toBe(callee.sas);
        for (const [end, other] of [
          [caller, callee],
          [callee, caller],
        ] as const)
          expect(compareSamples(end.heard, spoken(recordings[other.user as 'alice' | 'bob']))).toMatchObject({
            equal: true,
          });
      }
      const between = signallingOf(out).filter(
        ({ from, to }) => from === 'cscf.home1' && to === 'cscf.home2',
      );
      const carrying = between.filter(({ text }) => /^(?:INVITE|PRACK) [^]*^a=key-mgmt:mikey/m.test(text));
      expect(carrying.map(({ text }) => text.split(' ')[0])).toEqual(['INVITE', 'PRACK']);
      const invite = between.find(({ text }) => text.startsWith('INVITE '))?.text ?? '';
      expect(invite).toContain(`\r\nVia: SIP/2.0/${transport.toUpperCase()} cscf.home1.example`);
    });

    it('R-81: home1 intercepts them: the LEMF has all keys, and the audio sample by sample', () => {
      const records = recordsOf(state, 'home1', 'lemf', 'hi2.ber');
      expect(records.filter(({ keys }) => keys !== undefined)).toHaveLength(4);
      expect(report.calls).toHaveLength(2);
      for (const { recovered, ended, streams } of report.calls) {
        expect([recovered, ended]).toEqual([true, true]);
        for (const user of USERS) {
          const { file = '' } =
            streams.find((stream) => stream.file?.endsWith(`-${user}.wav`) === true) ?? {};
          const samples = decodeWav(octetsOf(path.join(audio, file ?? '')));
          expect(compareSamples(samples, spoken(recordings[user]))).toMatchObject({ equal: true });
        }
      }
    });
  });
});
