/**
 * Alice calls Bob, whose calls his CSCF forwards to Carol (RFC 6267 sections 3.2 and 7.4). Carol cannot open what was
 * encrypted to Bob, and Alice sees who it is that answers. Bob is no party to the keys: a warrant on him has the
 * signalling, and word that his KMS has no keys of this call.
 */
import { identityOf } from '../../network/home.ts';
import { callChecks } from '../checks/call.ts';
import { countChecks } from '../checks/counts.ts';
import type { CheckParts, Check } from '../checks/check.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { noticeCheck } from '../checks/notices.ts';
import { answererCheck } from '../checks/retargeting.ts';
import { signallingCheck } from '../checks/signalling.ts';
import { failureCheck, refusalCheck } from '../checks/target.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario, PartyConfig } from '../definition.ts';
import { liidOf } from '../warrants.ts';

const HOME2 = { domain: 'home2.example' };

export const retargeted: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob', 'carol'] },
  warrants: contentWarrants,
  configure: (party, config) => (party === 'cscf.home2' ? forwarding(config) : config),
  course: async (stage) => {
    const { network, targets } = stage;
    const call = await stage.call('alice', 'carol', 'bob');
    return (parts) => [
      ...callChecks(parts, call),
      answererCheck(call, network.identity('carol')),
      ...targets.flatMap((user) =>
        user === 'bob'
          ? originalCalleeChecks(parts)
          : [
              ...interceptedChecks(parts, user, call),
              keyRecordsCheck(parts, network.homeOf(user).name, liidOf(user), 2),
            ],
      ),
      ...elsewhereChecks(parts, targets),
    ];
  },
};

function forwarding(config: PartyConfig): PartyConfig {
  const subscribers = config['subscribers'] as readonly { readonly identity: string }[];
  return {
    ...config,
    subscribers: subscribers.map((subscriber) =>
      subscriber.identity === identityOf(HOME2, 'bob')
        ? { ...subscriber, forwardTo: identityOf(HOME2, 'carol') }
        : subscriber,
    ),
  };
}

/** Of somebody whose calls go to somebody else, who therefore has no part in the keys. */
function originalCalleeChecks(parts: CheckParts): Check[] {
  return [
    signallingCheck(parts, 'bob', 'carol'),
    ...countChecks(parts, 'home2'),
    noticeCheck(parts, 'home2'),
    refusalCheck(
      parts,
      'home2',
      'the KMS of home2 finds that bob has no part in the keys',
      'target-not-party',
    ),
    failureCheck(parts, 'bob', 'home2'),
  ];
}
