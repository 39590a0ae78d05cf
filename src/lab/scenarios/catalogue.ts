/** The scenarios of the demo by name. What a scenario needs is loaded with it, not by whoever asks for help. */
import { nearestName } from '../../bytes/suggestion.ts';
import { LabError } from '../errors.ts';
import type { DemoScenario } from './definition.ts';

export interface ScenarioEntry {
  readonly name: string;
  /** What happens, in one line of help. */
  readonly summary: string;
  /**
   * What `--target` may be, the default first: `none`, `both` (alice and bob), or a user. One alone: the scenario is about
   * that target.
   */
  readonly targets: readonly [string, ...string[]];
  /** Whether entities may go down and phones misbehave in it: its checks know what to expect then. */
  readonly faults?: true;
  /** Whether it needs time to pass, which stands still in a run with a seed. */
  readonly needsTime?: true;
  readonly load: (run?: { readonly processes?: boolean }) => Promise<DemoScenario>;
}

export const SCENARIOS: readonly ScenarioEntry[] = [
  {
    name: 'plain',
    summary: 'alice calls bob',
    targets: ['alice', 'bob', 'both', 'none'],
    faults: true,
    load: async () => (await import('./named/plain.ts')).plain,
  },
  {
    name: 'forked',
    summary: 'alice calls bob, who has three phones; one answers',
    targets: ['bob', 'alice', 'both'],
    load: async () => (await import('./named/forked.ts')).forked,
  },
  {
    name: 'retargeted',
    summary: 'alice calls bob, whose CSCF forwards to carol',
    targets: ['carol', 'alice', 'bob'],
    load: async () => (await import('./named/retargeted.ts')).retargeted,
  },
  {
    name: 'redirected',
    summary: 'alice calls bob, whose phone says to call carol',
    targets: ['carol', 'alice', 'bob'],
    load: async () => (await import('./named/redirected.ts')).redirected,
  },
  {
    name: 'mid-call',
    summary: 'the warrant comes when the call stands',
    targets: ['alice', 'bob', 'both'],
    load: async () => (await import('./named/mid-call.ts')).midCall,
  },
  {
    name: 'second-warrant',
    summary: 'a second warrant comes when the call stands',
    targets: ['alice', 'bob', 'both'],
    load: async () => (await import('./named/second-warrant.ts')).secondWarrant,
  },
  {
    name: 'without-content',
    summary: 'a warrant for signalling alone',
    targets: ['alice', 'bob', 'both'],
    load: async () => (await import('./named/without-content.ts')).withoutContent,
  },
  {
    name: 'deferred',
    summary: 'alice calls bob, who is away; a mailbox keeps what she says, and delivers it',
    targets: ['bob', 'alice', 'both', 'none'],
    load: async () => (await import('./named/deferred.ts')).deferred,
  },
  {
    name: 'delivered',
    summary: 'the same, under a warrant on bob that comes when the message waits already',
    targets: ['bob'],
    load: async () => (await import('./named/deferred.ts')).delivered,
  },
  {
    name: 'rekeyed',
    summary: 'the keys of a call are replaced 40 times, by time and by packets',
    targets: ['alice', 'bob', 'both', 'none'],
    load: async () => (await import('./named/rekeyed.ts')).rekeyed,
  },
  {
    name: 'medium-added',
    summary: 'alice adds video to a call that stands',
    targets: ['alice', 'bob', 'both', 'none'],
    load: async () => (await import('./named/medium-added.ts')).mediumAdded,
  },
  {
    name: 'held',
    summary: 'alice and bob hold the call in turn, and then speak',
    targets: ['alice', 'bob', 'both', 'none'],
    load: async () => (await import('./named/held.ts')).held,
  },
  {
    name: 'network-decryption',
    summary: 'the DF decrypts; content goes to the LEMF in the clear, and keys to nobody',
    targets: ['alice', 'bob', 'both'],
    load: async () => (await import('./named/network-decryption.ts')).networkDecryption,
  },
  {
    name: 'offerless',
    summary: 'alice calls without an offer, and bob begins the key exchange',
    targets: ['alice', 'bob', 'both', 'none'],
    load: async () => (await import('./named/offerless.ts')).offerless,
  },
  {
    name: 'transferred',
    summary: 'alice calls bob and carol, and has the two speak with each other',
    targets: ['bob', 'alice', 'carol', 'both'],
    load: async () => (await import('./named/transferred.ts')).transferred,
  },
  {
    name: 'pke',
    summary: 'phones get their keys by certificates, and alice calls bob',
    targets: ['alice', 'bob', 'both', 'none'],
    load: async () => (await import('./named/pke.ts')).certified,
  },
  {
    name: 'midnight',
    summary: 'the key period ends while the call is being set up',
    targets: ['alice', 'bob', 'both', 'none'],
    needsTime: true,
    load: async ({ processes = false } = {}) => (await import('./named/midnight.ts')).midnight(processes),
  },
];

export const DEFAULT_SCENARIO = 'plain';

/** @throws LabError `options` for a name that is not in the list */
export function scenarioNamed(name: string): ScenarioEntry {
  const names = SCENARIOS.map((entry) => entry.name);
  const entry = SCENARIOS.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  const near = nearestName(name, names);
  const question = near === '' ? '.' : `; did you mean ${near}?`;
  throw new LabError('options', `there is no scenario ${name}${question} There are ${names.join(', ')}`);
}

/** Users with a warrant on them, by what `--target` says. @throws LabError `options` where the scenario does not have it */
export function targetsOf({ name, targets }: ScenarioEntry, target: string = targets[0]): readonly string[] {
  if (!targets.includes(target))
    throw new LabError(
      'options',
      `nobody is intercepted as ${target} in the scenario ${name}: choose ${targets.join(', ')}`,
    );
  if (target === 'none') return [];
  return target === 'both' ? ['alice', 'bob'] : [target];
}
