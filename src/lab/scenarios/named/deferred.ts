/**
 * Alice calls Bob, who is away: his home's mailbox answers, and keeps what she says without a key to it (RFC 6267 sections
 * 3.3 and 7.5). The mailbox ends and begins again; when Bob is back, it delivers, once.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningMailbox } from '../../../entities/mailbox/start.ts';
import type { PhoneCall } from '../../../entities/ue/call.ts';
import { decodeWav } from '../../../media/wav.ts';
import { LabError } from '../../errors.ts';
import { identityOf } from '../../network/home.ts';
import type { HomeName } from '../../network/home.ts';
import { compareSamples } from '../call.ts';
import type { HeardCall } from '../call.ts';
import { heardCheck } from '../checks/call.ts';
import { counted } from '../checks/check.ts';
import type { Check, CheckParts } from '../checks/check.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { recoveredIn } from '../course.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario, Judge } from '../definition.ts';
import type { Stage } from '../stage.ts';
import { liidOf } from '../warrants.ts';

const HOME2 = { domain: 'home2.example' };
const MAILBOX = identityOf(HOME2, 'mailbox');
const PATIENCE_MS = 60_000;
/** What the last packets may take through two gateways before alice hangs up. */
const LAST_PACKETS_MS = 150;
/**
 * Keys of a warrant on each: alice's call has two crypto sessions and the content; bob's has the content, in two calls, of
 * which each is a communication of its own to the LEMF.
 */
const KEYS: Readonly<Record<string, number>> = { alice: 3, bob: 2 };
/** Of one that comes between them: what was left before is heard now. */
const KEYS_BETWEEN: Readonly<Record<string, number>> = { bob: 1 };

export const deferred: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob', 'mailbox'] },
  warrants: contentWarrants,
  course: (stage) => leaveAndListen(stage, false),
};

/** The same, under a warrant that comes when the message waits already. */
export const delivered: DemoScenario = {
  ...deferred,
  warrants: () => [],
  course: (stage) => leaveAndListen(stage, true),
};

/** @param isBetween whether the warrants begin between the deposit and its delivery */
async function leaveAndListen(stage: Stage, isBetween: boolean): Promise<Judge> {
  const { network, targets } = stage;
  const bob = network.phone('bob').ue;
  await bob.unregister();
  const first = await network.startMailbox('home2');
  await until(() => first.mailbox.problem === null, 'the mailbox does not register');
  const left = await leave(stage);
  await until(() => first.mailbox.counts.kept === 1, 'the mailbox keeps nothing');
  await first.stop();
  for (const user of isBetween ? targets : []) await stage.issue({ user });
  const second = await network.startMailbox('home2');
  await until(() => second.mailbox.problem === null, 'the mailbox does not register again');
  const message = await listen(stage, second);
  await until(() => second.mailbox.counts.delivered === 1, 'the mailbox does not say that it has delivered');
  const waiting = second.mailbox.waiting.messages;
  await second.stop();
  return (parts) => [
    {
      name: 'alice leaves a message with the mailbox of home2, and hears its tone',
      passed: left.isLeft && left.peer === MAILBOX && left.heard().length > 0,
      detail: `${left.peer ?? 'nobody'}, ${counted(left.heard().length, 'sample')} heard`,
    },
    heardCheck('bob', 'alice', message.heard(), parts.voices['alice']),
    {
      name: 'bob sees that alice is the author, on the word of the mailbox',
      passed: message.author === network.identity('alice') && message.peer === MAILBOX,
      detail: `${message.author ?? 'nobody'}, by way of ${message.peer ?? 'nobody'}`,
    },
    {
      name: 'the message was kept over the end of the mailbox, and delivered once',
      passed: waiting === 0 && second.mailbox.counts.delivered === 1,
      detail: `${counted(second.mailbox.counts.delivered, 'delivery')}, ${counted(waiting, 'message')} left`,
    },
    ...targets.flatMap((user) => {
      const home = network.homeOf(user).name;
      return [
        ...(isBetween
          ? []
          : [contentCheck(parts, home, left.callId, `as she left it, under the warrant on ${user}`)]),
        ...(user === 'bob' ? [contentCheck(parts, home, message.callId, 'as it was delivered to bob')] : []),
        keyRecordsCheck(parts, home, liidOf(user), (isBetween ? KEYS_BETWEEN : KEYS)[user] ?? 0),
      ];
    }),
    ...elsewhereChecks(parts, targets),
  ];
}

/** Alice calls bob, and says what she has to say to whoever answers. */
async function leave(stage: Stage): Promise<PhoneCall> {
  const { network, recordings } = stage;
  const dialled = stage.elapsed();
  const call = await network.phone('alice').ue.call(network.identity('bob'));
  await call.established;
  const established = stage.elapsed();
  await call.play(recordings['alice'] ?? new Int16Array());
  await sleep(LAST_PACKETS_MS);
  await call.hangUp();
  await call.ended;
  const times = { dialled, established, ended: stage.elapsed() };
  stage.ended({ callId: call.callId, caller: endOf('alice', call), callee: nobody('mailbox'), times });
  return call;
}

/** Bob is back: what the mailbox has for him. */
async function listen(stage: Stage, { mailbox }: RunningMailbox): Promise<PhoneCall> {
  const bob = stage.network.phone('bob').ue;
  const dialled = stage.elapsed();
  const incoming = new Promise<PhoneCall>((resolve) => bob.onIncoming(resolve));
  await bob.register();
  let message: PhoneCall | null = null;
  void incoming.then((call) => (message = call));
  await until(() => message !== null, `the mailbox does not deliver: ${JSON.stringify(mailbox.counts)}`);
  const call = await incoming;
  await call.established;
  const established = stage.elapsed();
  await call.ended;
  const times = { dialled, established, ended: stage.elapsed() };
  stage.ended({ callId: call.callId, caller: nobody('mailbox'), callee: endOf('bob', call), times });
  return call;
}

/** That a LEMF recovered, of one call, what alice said. */
function contentCheck(parts: CheckParts, home: HomeName, callId: string, how: string): Check {
  const calls = parts.course.recovered[home].calls.filter(({ callIds }) => callIds.includes(callId));
  const compared = calls
    .flatMap(({ streams }) => streams)
    .flatMap(({ file }) => {
      if (file === null) return [];
      const samples = decodeWav(
        new Uint8Array(readFileSync(path.join(recoveredIn(parts.state, home), file))),
      );
      return [compareSamples(samples, parts.voices['alice'] ?? new Int16Array())];
    });
  const found = compared.find(({ equal }) => equal);
  return {
    name: `the LEMF of ${home} recovered what alice said, ${how}`,
    passed: found !== undefined,
    detail: (found ?? compared[0])?.detail ?? calls[0]?.explanation ?? 'no content was delivered',
  };
}

function endOf(user: string, call: PhoneCall): HeardCall {
  const { statistics, sas, peer } = call;
  return { user, heard: call.heard(), statistics, sas, peer };
}

/** An end that is not a phone. */
function nobody(user: string): HeardCall {
  const none = { ssrc: 0, packets: 0 };
  const statistics: HeardCall['statistics'] = {
    sent: none,
    received: { ...none, refused: 0 },
    sessions: [],
    reports: { sent: 0, received: 0, refused: 0, lost: 0, told: null, left: false },
    video: null,
  };
  return { user, heard: new Int16Array(), statistics, sas: null, peer: null };
}

/** @throws LabError `call` */
async function until(met: () => boolean, problem: string): Promise<void> {
  for (let waited = 0; !met(); waited += 20) {
    if (waited > PATIENCE_MS) throw new LabError('call', problem);
    await sleep(20);
  }
}
