/** Who took part in a run, and of which home they are, as the timeline says. */
import { HOMES } from '../network/home.ts';
import type { TimelineEntry } from '../timeline.ts';

export interface HomeEnds {
  readonly name: string;
  /** Phones, and the mailbox, by the names that they have in the record. */
  readonly ends: readonly string[];
}

const ELEMENT = /^(?:kms|cscf|gateway|df|admf|lemf|mailbox)\.(\w+)$/;
const SERVED = /^(?:cscf|kms)\.(\w+)$/;

/** Home of an element, of a mailbox; `null` of a phone, which has none in its name. */
export function homeInName(party: string): string | null {
  return ELEMENT.exec(party)?.[1] ?? null;
}

/** `alice` of `sip:alice@home1.example`; `null` of what is not a SIP URI with a user. */
export function userIn(uri: string): string | null {
  return /^sips?:([^@;]+)@/.exec(uri)?.[1] ?? null;
}

/** Each home with those that its CSCF or its KMS serves, as they come up. */
export function homesOf(timeline: readonly TimelineEntry[]): HomeEnds[] {
  const homes = new Map<string, Set<string>>(HOMES.map((home) => [home, new Set()]));
  for (const { reference, from, to } of timeline) {
    if (reference !== 'Gm' && reference !== 'REQUEST_KEY') continue;
    for (const [end, server] of [
      [from, to],
      [to, from],
    ] as const) {
      const home = SERVED.exec(server)?.[1];
      if (home !== undefined && SERVED.exec(end) === null) homes.get(home)?.add(end);
    }
  }
  return [...homes].map(([name, ends]) => ({ name, ends: withoutDoubles([...ends]) }));
}

/** A mailbox asks for keys as a user, and speaks SIP as an element: it is one. */
function withoutDoubles(ends: readonly string[]): string[] {
  return ends.filter((end) => !ends.some((other) => other !== end && other.startsWith(`${end}.`)));
}
