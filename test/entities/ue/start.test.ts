import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { startCscf } from '../../../src/entities/cscf/start.ts';
import { gatewayConfig } from '../../../src/entities/gateway/config.ts';
import { startGateway } from '../../../src/entities/gateway/start.ts';
import type { RunningGateway } from '../../../src/entities/gateway/start.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';
import type { Running } from '../../../src/host/runtime.ts';
import { ueConfig } from '../../../src/entities/ue/config.ts';
import { startUe } from '../../../src/entities/ue/start.ts';
import type { RunningUe, UeParts } from '../../../src/entities/ue/start.ts';
import { fromUtf8 } from '../../../src/bytes/octets.ts';
import { decodeG711, encodeG711 } from '../../../src/media/g711.ts';
import { decodeWav } from '../../../src/media/wav.ts';
import type { PhoneCall } from '../../../src/entities/ue/call.ts';
import type { TwoKms, UserName } from '../../support/two-kms.ts';
import { USERS, startTwoKms } from '../../support/two-kms.ts';
import { ownPorts } from '../../support/own-ports.ts';
import type { OwnPorts } from '../../support/own-ports.ts';
import { silent } from '../../support/silent.ts';
import { ignoringSeed } from '../../../src/lab/network/phone-faults.ts';
import { x1Settings } from '../../support/elements.ts';

const clock = systemClock();
const PAIR = { certificate: 'c', privateKey: 'k', kmsCertificate: 'e' };
const runtime = { clock, random: systemRandom(), logger: silent };
const speech = path.join(import.meta.dirname, '../../../assets/speech');

describe('a call from alice at home1 to bob at home2, through KMSs, CSCFs and gateways on real sockets', () => {
  const started: Running[] = [];
  const gateways: RunningGateway[] = [];
  let own: OwnPorts;
  let two: TwoKms;
  let hosts: Record<string, string>;

  /** SIP and the first of the media ports of either home. */
  const portsOf = (user: UserName) => {
    const at = user === 'alice' ? 0 : 1;
    return { sip: own.base + at, media: own.base + 200 + 200 * at };
  };

  const startHome = async (user: UserName) => {
    const { host, partner } = USERS[user];
    const element = async (role: 'cscf' | 'gateway') => ({
      tls: await two.pki.issue({
        commonName: `${role}.${host}`,
        dnsNames: [`${role}.${host}`],
        roles: [role],
      }),
      x1: x1Settings(role, host, path.join(two.folder, `${role}-${host}.db`)),
      audit: path.join(two.folder, `${role}-${host}.jsonl`),
    });
    const ports = portsOf(user);
    const media = { from: ports.media, to: ports.media + 40 };
    const gateway = await startGateway(gatewayConfig({ ...(await element('gateway')), media }), runtime);
    gateways.push(gateway);
    hosts[`gateway.${host}:443`] = `127.0.0.1:${gateway.control.port}`;
    const cscf = await startCscf(
      cscfConfig({
        ...(await element('cscf')),
        hosts,
        domain: host,
        host: `cscf.${host}`,
        sip: { port: ports.sip },
        iq: { url: `https://gateway.${host}` },
        subscribers: [{ identity: `sip:${user}@${host}`, username: user, password: `of ${user}` }],
        peers: [{ domain: partner, cscf: `sip:cscf.${partner};transport=tcp` }],
      }),
      runtime,
    );
    started.push(cscf, gateway);
  };

  const phone = async (user: UserName, more: object = {}, parts: UeParts = {}): Promise<RunningUe> => {
    const from = portsOf(user).media + 50;
    const media = { from, to: from + 40 };
    return startUe(ueConfig({ ...two.ueConfig(user), hosts, media, ...more }), runtime, parts);
  };

  const connect = async (caller: RunningUe, callee: RunningUe): Promise<[PhoneCall, PhoneCall]> => {
    const incoming = new Promise<PhoneCall>((resolve) => callee.ue.onIncoming(resolve));
    const call = await caller.ue.call('sip:bob@home2.example');
    await call.established;
    const answered = await incoming;
    await answered.established;
    return [call, answered];
  };

  const recording = (user: UserName, seconds: number) =>
    decodeWav(new Uint8Array(readFileSync(path.join(speech, `${user}.wav`)))).subarray(
      4000,
      4000 + 8000 * seconds,
    );
  const heardOf = (samples: Int16Array) => decodeG711(encodeG711(samples, 'pcma'), 'pcma');

  beforeAll(async () => {
    own = await ownPorts();
    two = await startTwoKms(runtime);
    hosts = {
      ...two.hosts,
      'cscf.home1.example:5060': `127.0.0.1:${portsOf('alice').sip}`,
      'cscf.home2.example:5060': `127.0.0.1:${portsOf('bob').sip}`,
    };
    await startHome('alice');
    await startHome('bob');
  });
  afterAll(async () => {
    for (const each of started) await each.stop();
    await two.stop();
    own.release();
  });

  test('phones that know a key, a password and two URLs hear each other sample by sample, encrypted on the way', async () => {
    // A slow machine must not bring retransmissions into the count of messages.
    const [alice, bob] = [await phone('alice', { t1: 5000 }), await phone('bob', { t1: 5000 })];
    const messages: string[] = [];
    alice.observe(({ direction, octets }) =>
      messages.push(`${direction} ${fromUtf8(octets).split('\r\n')[0] ?? ''}`),
    );
    await alice.ue.register();
    await bob.ue.register();
    const [call, answered] = await connect(alice, bob);
    expect([call.peer, answered.peer]).toEqual(['sip:bob@home2.example', 'sip:alice@home1.example']);
    expect(call.sas).toBe(answered.sas);
    const [one, two_] = [recording('alice', 1), recording('bob', 1.2)];
    await Promise.all([call.play(one), answered.play(two_)]);
    await new Promise((done) => setTimeout(done, 100));
    await call.hangUp();
    await Promise.all([call.ended, answered.ended]);
    expect(answered.heard()).toEqual(heardOf(one));
    expect(call.heard()).toEqual(heardOf(two_));
    expect(call.statistics).toMatchObject({ sent: { packets: 50 }, received: { packets: 60, refused: 0 } });
    expect(messages.slice(4)).toEqual([
      'sent INVITE sip:bob@home2.example SIP/2.0',
      'received SIP/2.0 100 Trying',
      'received SIP/2.0 183 Session Progress',
      expect.stringMatching(/^sent PRACK /),
      'received SIP/2.0 200 OK',
      'received SIP/2.0 180 Ringing',
      'received SIP/2.0 200 OK',
      expect.stringMatching(/^sent ACK /),
      expect.stringMatching(/^sent BYE /),
      'received SIP/2.0 200 OK',
    ]);
    for (const gateway of gateways) {
      while (gateway.gateway.sessions > 0) await new Promise((done) => setTimeout(done, 10));
    }
    await alice.stop();
    await bob.stop();
  });

  test('without 100rel, and with a phone that ignores its seed, the call works all the same', async () => {
    const alice = await phone('alice', {}, { keys: (held) => ignoringSeed(held, runtime.random) });
    const bob = await phone('bob', { answer: { reliable: false } });
    await alice.ue.register();
    await bob.ue.register();
    const [call, answered] = await connect(alice, bob);
    const one = recording('alice', 0.5);
    await Promise.all([call.play(one), answered.play(one)]);
    await new Promise((done) => setTimeout(done, 100));
    await answered.hangUp();
    await Promise.all([call.ended, answered.ended]);
    expect(answered.heard()).toEqual(heardOf(one));
    expect(call.heard()).toEqual(heardOf(one));
    await alice.stop();
    await bob.stop();
  });

  test('a phone with a wrong password does not register, one with a wrong key gets none', async () => {
    const thief = await phone('alice', {
      cscf: { url: 'sip:cscf.home1.example;transport=tcp', username: 'alice', password: 'guess' },
    });
    await expect(thief.ue.register()).rejects.toMatchObject({ code: 'not-registered' });
    await thief.stop();
    const other = await phone('alice', {
      kms: { url: 'https://kms.home1.example', credential: 'alice', psk: '00'.repeat(32) },
    });
    await expect(other.ue.register()).rejects.toMatchObject({ code: 'refused' });
    await other.stop();
  });

  test('a callee who is not registered is told to the caller, and nothing stays behind', async () => {
    const alice = await phone('alice');
    await alice.ue.register();
    const call = await alice.ue.call('sip:bob@home2.example');
    expect(await call.ended).toMatchObject({ error: { code: 'call-failed' } });
    expect(alice.ue.calls).toEqual([]);
    await alice.stop();
  });

  test.each(['tcp', 'udp'])(
    'R-81: a phone that listens at every address names one that others reach, and is called there, over %s',
    async (transport) => {
      const every = { address: '0.0.0.0' };
      const cscf = {
        url: `sip:cscf.home1.example;transport=${transport}`,
        username: 'alice',
        password: 'of alice',
      };
      const from = portsOf('alice').media + 100;
      const media = { ...every, from, to: from + 40 };
      const [alice, bob] = [await phone('alice', { cscf, sip: every, media }), await phone('bob')];
      const sent: string[] = [];
      alice.observe(({ direction, octets }) => direction === 'sent' && sent.push(fromUtf8(octets)));
      await alice.ue.register();
      await bob.ue.register();
      const [call, answered] = await connect(alice, bob);
      await Promise.all([call.play(recording('alice', 0.2)), answered.play(recording('bob', 0.2))]);
      await new Promise((done) => setTimeout(done, 100));
      await answered.hangUp();
      await Promise.all([call.ended, answered.ended]);
      expect(call.heard()).toEqual(heardOf(recording('bob', 0.2)));
      const contact = `<sip:alice@127.0.0.1:${alice.sip.port};transport=${transport}>`;
      for (const method of ['REGISTER', 'INVITE']) {
        const message = sent.find((text) => text.startsWith(method)) ?? '';
        expect(message).toContain(`Contact: ${contact}`);
        expect(message).toContain(`Via: SIP/2.0/${transport.toUpperCase()} 127.0.0.1:${alice.sip.port};`);
      }
      expect(sent.join('')).toContain('c=IN IP4 127.0.0.1\r\n');
      expect(sent.join('')).not.toContain('0.0.0.0');
      await alice.stop();
      await bob.stop();
    },
  );

  test('R-81: a phone behind another address names that one', async () => {
    const alice = await phone('alice', { publicAddress: '192.0.2.7' });
    const sent: string[] = [];
    alice.observe(({ direction, octets }) => direction === 'sent' && sent.push(fromUtf8(octets)));
    await alice.ue.register();
    const call = await alice.ue.call('sip:bob@home2.example');
    await call.ended;
    await alice.stop();
    expect(sent[0]).toContain(`Contact: <sip:alice@192.0.2.7:${alice.sip.port};transport=tcp>`);
    expect(sent.join('')).toContain('c=IN IP4 192.0.2.7\r\n');
  });

  test('R-95: a phone reads whom it trusts again; what cannot be read changes nothing', async () => {
    const authorities = path.join(two.folder, 'trusted.pem');
    const right = readFileSync(two.ueConfig('alice')['authorities'] as string);
    writeFileSync(authorities, right);
    const alice = await phone('alice', { authorities });
    alice.reload();
    rmSync(authorities);
    expect(() => alice.reload()).toThrow(/authorities: cannot read/);
    await alice.ue.register();
    await alice.stop();
  });

  test.each([
    [{ publicAddress: '0.0.0.0' }, /publicAddress is not an IP address that others reach/],
    [{ publicAddress: 'phone.example' }, /publicAddress is not an IP address that others reach/],
    [{ identity: 'tel:+1' }, /identity is not a SIP URI/],
    [
      { cscf: { url: 'sips:cscf.home1.example;transport=udp', username: 'alice', password: 'p' } },
      /cscf.url is not a SIP URI over TCP, UDP or TLS/,
    ],
    [{ partners: [1] }, /partners\[0\]/],
    [{ suite: 'NULL' }, /suite/],
    [{ prf: 'SHA-3' }, /prf/],
    [{ curve: 'P-192' }, /curve/],
    [
      { prf: 'MIKEY-1', suite: 'AEAD_AES_256_GCM' },
      /prf: expected PRF-HMAC-SHA-256 with suite AEAD_AES_256_GCM/,
    ],
    [{ prf: 'MIKEY-1', suite: 'AES_256_CM_HMAC_SHA1_80' }, /prf: expected PRF-HMAC-SHA-256/],
    [{ video: { codec: 'H264' } }, /video.codec is not a codec with its clock rate/],
    [{ video: { payloadType: 8 } }, /video.payloadType/],
    [{ rtcp: { intervalMs: -1 } }, /rtcp.intervalMs/],
    [{ kms: { url: 'u', credential: 'c', psk: 'xyz' } }, /kms.psk is not octets in hexadecimal/],
    [{ kms: { url: 'u' } }, /kms is not credential and psk, or certificate/],
    [{ kms: { url: 'u', psk: '00' } }, /kms is not credential and psk, or certificate/],
    [{ kms: { url: 'u', psk: '00', credential: 'c', certificate: PAIR } }, /or certificate: not both/],
    [{ kms: { url: 'u', certificate: { certificate: 'c' } } }, /kms.certificate.privateKey/],
    [{ answer: { policy: 'maybe' } }, /answer.policy/],
    [{ skew: 0 }, /skew/],
    [{ skew: 3601 }, /skew/],
    [{ extra: 1 }, /extra: no such setting/],
  ])('a configuration with %j is refused', (wrong, message) => {
    expect(() => ueConfig({ ...two.ueConfig('alice'), ...wrong })).toThrow(message);
  });
});
