/** A mailbox at home2 between alice and bob: on real sockets, with KMSs and CSCFs, media from phone to mailbox. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { startCscf } from '../../../src/entities/cscf/start.ts';
import { mailboxConfig } from '../../../src/entities/mailbox/config.ts';
import { startMailbox } from '../../../src/entities/mailbox/start.ts';
import type { RunningMailbox } from '../../../src/entities/mailbox/start.ts';
import { readMessageFile } from '../../../src/entities/mailbox/store/records.ts';
import { ueConfig } from '../../../src/entities/ue/config.ts';
import type { PhoneCall } from '../../../src/entities/ue/call.ts';
import { startUe } from '../../../src/entities/ue/start.ts';
import type { RunningUe } from '../../../src/entities/ue/start.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';
import type { Running } from '../../../src/host/runtime.ts';
import { decodeG711, encodeG711 } from '../../../src/media/g711.ts';
import { x1Settings } from '../../support/elements.ts';
import { ownPorts } from '../../support/own-ports.ts';
import type { OwnPorts } from '../../support/own-ports.ts';
import { silent } from '../../support/silent.ts';
import { startTwoKms, USERS } from '../../support/two-kms.ts';
import type { TwoKms, UserName } from '../../support/two-kms.ts';

const MAILBOX = 'sip:mailbox@home2.example';
const PSK = 'c3'.repeat(32);
const WAIT = { timeout: 30_000, interval: 20 };
const runtime = { clock: systemClock(), random: systemRandom(), logger: silent };

/** Half a second that is its own. */
const speech = Int16Array.from({ length: 4000 }, (_, at) => 9000 * Math.sin(at / 7) * Math.cos(at / 900));
const heardOf = (samples: Int16Array) => decodeG711(encodeG711(samples, 'pcma'), 'pcma');

describe('R-42, R-45: deferred delivery between phones that know a key, a password and two URLs', () => {
  const started: Running[] = [];
  let ports: OwnPorts;
  let two: TwoKms;
  let hosts: Record<string, string>;
  let folder: string;
  const phones: Partial<Record<UserName, RunningUe>> = {};

  const portOf = (user: UserName): number => ports.base + (user === 'bob' ? 1 : 0);

  const startHome = async (user: UserName): Promise<void> => {
    const { host, partner } = USERS[user];
    const identity = `sip:${user}@${host}`;
    const withMailbox = [
      { identity, username: user, password: `of ${user}`, mailbox: MAILBOX, mailboxAfterMs: 300 },
      { identity: MAILBOX, username: 'mailbox', password: 'of mailbox' },
    ];
    const cscf = await startCscf(
      cscfConfig({
        tls: await two.pki.issue({ commonName: `cscf.${host}`, dnsNames: [`cscf.${host}`], roles: ['cscf'] }),
        x1: x1Settings('cscf', host, path.join(two.folder, `cscf-${host}.db`)),
        audit: path.join(two.folder, `cscf-${host}.jsonl`),
        hosts,
        domain: host,
        host: `cscf.${host}`,
        sip: { port: portOf(user) },
        subscribers: user === 'bob' ? withMailbox : [{ identity, username: user, password: `of ${user}` }],
        peers: [{ domain: partner, cscf: `sip:cscf.${partner};transport=tcp` }],
      }),
      runtime,
    );
    started.push(cscf);
  };

  const phone = async (user: UserName, more: object = {}): Promise<RunningUe> => {
    const running = await startUe(ueConfig({ ...two.ueConfig(user), hosts, ...more }), runtime);
    await running.ue.register();
    phones[user] = running;
    return running;
  };

  const mailbox = async (more: object = {}): Promise<RunningMailbox> => {
    const running = await startMailbox(
      mailboxConfig({
        identity: MAILBOX,
        kms: { url: 'https://kms.home2.example', credential: 'mailbox', psk: PSK },
        cscf: { url: 'sip:cscf.home2.example;transport=tcp', username: 'mailbox', password: 'of mailbox' },
        partners: ['home1.example'],
        hosts,
        replays: path.join(two.folder, 'mailbox-replays.db'),
        folder,
        tls: await two.pki.issue({
          commonName: 'mailbox.home2.example',
          dnsNames: ['mailbox.home2.example'],
          roles: ['mailbox'],
        }),
        ...more,
      }),
      runtime,
    );
    await vi.waitFor(() => expect(running.mailbox.problem).toBeNull(), WAIT);
    return running;
  };

  /** Alice calls bob, and says what she has to say to whoever answers. */
  const leave = async (): Promise<PhoneCall> => {
    const call = await phones.alice!.ue.call('sip:bob@home2.example');
    await call.established;
    await call.play(speech);
    await call.hangUp();
    await call.ended;
    return call;
  };

  const files = (): string[] =>
    readdirSync(path.join(folder, 'messages')).filter((name) => name !== 'format.json');

  beforeAll(async () => {
    two = await startTwoKms(runtime, { mailbox: PSK });
    ports = await ownPorts();
    hosts = {
      ...two.hosts,
      'cscf.home1.example:5060': `127.0.0.1:${portOf('alice')}`,
      'cscf.home2.example:5060': `127.0.0.1:${portOf('bob')}`,
    };
    folder = path.join(two.folder, 'mailbox');
    await startHome('alice');
    await startHome('bob');
    await phone('alice', { mailboxes: [MAILBOX] });
  });
  afterAll(async () => {
    for (const each of Object.values(phones)) await each.stop();
    for (const each of started) await each.stop();
    await two.stop();
    ports.release();
  });

  test('what alice says while bob is away is what bob hears when he registers, once, also over a restart of the mailbox', async () => {
    const first = await mailbox();
    const call = await leave();
    expect([call.isLeft, call.peer]).toEqual([true, MAILBOX]);
    // The tone, under the call's own keys.
    expect(call.statistics.received.packets).toBeGreaterThan(0);
    await vi.waitFor(() => expect(first.mailbox.counts.kept).toBe(1), WAIT);
    await first.stop();
    const [file = ''] = files();
    const { packets, head, complete } = readMessageFile(readFileSync(path.join(folder, 'messages', file)));
    expect([head.recipient, head.initiator, complete]).toEqual([
      'sip:bob@home2.example',
      'sip:alice@home1.example',
      true,
    ]);
    expect(packets).toHaveLength(25);

    const second = await mailbox();
    const bob = await phone('bob');
    const message = await new Promise<PhoneCall>((resolve) => bob.ue.onIncoming(resolve));
    await message.ended;
    expect([message.author, message.peer, message.sas]).toEqual(['sip:alice@home1.example', MAILBOX, null]);
    expect(message.heard()).toEqual(heardOf(speech));
    expect(message.statistics).toMatchObject({ sent: { packets: 0 }, received: { packets: 25, refused: 0 } });
    await vi.waitFor(() => expect(second.mailbox.counts.delivered).toBe(1), WAIT);
    expect(files()).toEqual([]);
    await bob.stop();
    await second.stop();
  });

  test('R-42: a mailbox that is told to end while it delivers delivers again; what was heard to its end is not heard again', async () => {
    const first = await mailbox();
    const call = await leave();
    expect(call.isLeft).toBe(true);
    await vi.waitFor(() => expect(first.mailbox.counts.kept).toBe(1), WAIT);
    const heard: PhoneCall[] = [];
    const bob = await phone('bob');
    bob.ue.onIncoming((incoming) => void heard.push(incoming));
    await vi.waitFor(() => expect(heard[0]?.statistics.received.packets).toBeGreaterThan(2), WAIT);
    const kept = files().map((name) => [name, readFileSync(path.join(folder, 'messages', name))] as const);
    await first.stop();
    await heard[0]?.ended;
    expect(heard[0]?.statistics.received.packets).toBeLessThan(25);
    expect(files()).toHaveLength(1);

    const second = await mailbox();
    const ends = () => second.mailbox.counts.delivered + second.mailbox.counts.declined;
    await vi.waitFor(() => expect(ends()).toBe(1), WAIT);
    expect(second.mailbox.counts).toMatchObject({ delivered: 1, declined: 0 });
    await heard[1]?.ended;
    expect(heard[1]?.heard()).toEqual(heardOf(speech));
    expect(files()).toEqual([]);
    await second.stop();
    // As if it had been killed after it was heard, and before it was removed.
    for (const [name, octets] of kept) writeFileSync(path.join(folder, 'messages', name), octets);
    const third = await mailbox();
    await vi.waitFor(() => expect(third.mailbox.counts.declined).toBe(1), WAIT);
    expect([heard[2]?.heard(), files()]).toEqual([new Int16Array(), []]);
    await bob.stop();
    await third.stop();
  });

  test('a call that rings on is left with the mailbox; one who does not take it for one leaves nothing', async () => {
    const running = await mailbox();
    const bob = await phone('bob', { answer: { answerMs: 60_000 } });
    const call = await leave();
    expect([call.isLeft, call.peer]).toEqual([true, MAILBOX]);
    await vi.waitFor(() => expect(running.mailbox.counts.kept).toBe(1), WAIT);
    await phones.alice!.stop();
    await phone('alice');
    const refused = await phones.alice!.ue.call('sip:bob@home2.example');
    await refused.ended;
    expect([refused.isLeft, refused.peer === MAILBOX]).toEqual([false, false]);
    expect(running.mailbox.counts).toMatchObject({ kept: 1, empty: 1 });
    expect(files()).toHaveLength(1);
    await bob.stop();
    await running.stop();
  });
});
