/**
 * Alice calls Bob, whose phone says to call Carol (RFC 3261 section 8.1.3.4), which Alice's phone does: with another
 * exchange, of which Bob's phone knows nothing. A warrant on Bob has what was said to his phone and by it.
 */
import { toHex } from '../../../bytes/octets.ts';
import { readIMessage1 } from '../../../ibake/messages.ts';
import { DATA_TYPE } from '../../../mikey/registry.ts';
import { SessionDescription } from '../../../sip/sdp.ts';
import { identityOf } from '../../network/home.ts';
import type { SentMessage } from '../../network/signalling.ts';
import { callChecks } from '../checks/call.ts';
import { counted } from '../checks/check.ts';
import type { Check, CheckParts } from '../checks/check.ts';
import { countChecks } from '../checks/counts.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { keyRecordsCheck, keysOnHi2 } from '../checks/keys.ts';
import { noticeCheck } from '../checks/notices.ts';
import { answererCheck } from '../checks/retargeting.ts';
import { signallingCheck } from '../checks/signalling.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';
import { liidOf } from '../warrants.ts';

const CAROL = identityOf({ domain: 'home2.example' }, 'carol');

export const redirected: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob', 'carol'] },
  warrants: contentWarrants,
  configure: (party, config) =>
    party === 'bob' ? { ...config, answer: { policy: 'redirect', to: CAROL } } : config,
  course: async (stage) => {
    const { network, targets } = stage;
    const call = await stage.call('alice', 'carol', 'bob');
    return (parts) => [
      ...callChecks(parts, call),
      answererCheck(call, CAROL),
      newExchangeCheck(network.signalling.messages),
      ...targets.flatMap((user) =>
        user === 'bob'
          ? redirectorChecks(parts)
          : [
              ...interceptedChecks(parts, user, call),
              keyRecordsCheck(parts, network.homeOf(user).name, liidOf(user), 2),
            ],
      ),
      ...elsewhereChecks(parts, targets),
    ];
  },
};

/** The INVITE to another has another CSB ID, RAND and T. */
function newExchangeCheck(messages: readonly SentMessage[]): Check {
  const offers = messages
    .filter(({ from }) => from === 'alice')
    .flatMap(({ octets }) => SessionDescription.salvage(octets).mikeyMessages)
    .flatMap((octets) => octets ?? [])
    .filter((octets) => octets[1] === DATA_TYPE.I_MESSAGE_1)
    .map((octets) => readIMessage1(octets));
  const different = (of: (message: (typeof offers)[number]) => string): boolean =>
    new Set(offers.map(of)).size === offers.length;
  return {
    name: 'whoever is called instead is offered a new exchange',
    passed:
      offers.length === 2 &&
      different(({ header }) => String(header.csbId)) &&
      different(({ rand }) => toHex(rand)) &&
      different(({ t }) => String(t.order)),
    detail: `${counted(offers.length, 'I_MESSAGE_1')} of alice, CSB IDs ${offers.map(({ header }) => header.csbId.toString(16)).join(' and ')}`,
  };
}

/** Of somebody who was called, and said to call somebody else: no content, and nothing that there are keys for. */
function redirectorChecks(parts: CheckParts): Check[] {
  const packets = parts.course.recovered.home2.calls.reduce((sum, call) => sum + call.packets, 0);
  const keys = keysOnHi2(parts.scenario.options.out, 'home2').length;
  return [
    signallingCheck(parts, 'bob'),
    ...countChecks(parts, 'home2'),
    noticeCheck(parts, 'home2'),
    {
      name: 'nothing of the call with carol is intercepted under the warrant on bob',
      passed: packets === 0 && keys === 0,
      detail: `${counted(packets, 'packet')}, ${counted(keys, 'key')}`,
    },
  ];
}
