/**
 * Which links hold, from what a self-test has seen. A link is `not checked` where something before it failed, or where
 * whoever would know cannot be asked; it is never taken to hold without a sign of it.
 */
import type {
  CallEvidence,
  Deed,
  DfEvidence,
  Inspected,
  LemfEvidence,
  SelfTestEvidence,
} from './evidence.ts';
import { LINKS } from './links.ts';
import type { LinkName } from './links.ts';

export type LinkState = 'ok' | 'FAILED' | 'not checked';

export interface JudgedLink {
  readonly link: LinkName;
  readonly title: string;
  readonly state: LinkState;
  readonly detail: string;
  /** What to look at where it failed. */
  readonly look: string | null;
}

interface Finding {
  readonly state: LinkState;
  readonly detail: string;
}

const ok = (detail: string): Finding => ({ state: 'ok', detail });
const failed = (detail: string): Finding => ({ state: 'FAILED', detail });
const unchecked = (detail: string): Finding => ({ state: 'not checked', detail });

/** All links, in the order in which a call needs them. */
export function judgeLinks(evidence: SelfTestEvidence): JudgedLink[] {
  const findings = findingsOf(evidence);
  return (Object.keys(LINKS) as LinkName[]).map((link) => {
    const { state, detail } = findings[link];
    const { title, look } = LINKS[link];
    return { link, title, state, detail, look: state === 'FAILED' ? look : null };
  });
}

function findingsOf(evidence: SelfTestEvidence): Record<LinkName, Finding> {
  const { entities, entered, active, away, caller, callee, call, withdrawn } = evidence;
  return {
    entities: entitiesFinding(entities),
    officers: deed(entered, 'entered and approved', ''),
    x1: xOneFinding(active, away),
    'request-key': both(caller.keys, callee.keys, 'parameters, keys and seeds fetched'),
    registration: both(caller.registration, callee.registration, 'both phones registered'),
    call: callFinding(call),
    keys: keysFinding(call),
    media: mediaFinding(call),
    ...deliveryFindings(evidence),
    withdrawal: deed(withdrawn, 'nothing is left of it at any element', 'no warrant was entered'),
    silence: silenceFinding(evidence),
  };
}

function entitiesFinding(entities: SelfTestEvidence['entities']): Finding {
  if (entities === null) return unchecked('no configuration of an entity was named');
  const { asked, unready } = entities;
  return unready.length === 0 ? ok(`${asked} say that they are ready`) : failed(unready.join('; '));
}

function xOneFinding(active: Deed, away: readonly string[]): Finding {
  const finding = deed(active, 'active: every element has acknowledged its tasks', 'no warrant was entered');
  if (finding.state !== 'FAILED' || away.length === 0) return finding;
  return failed(`${finding.detail}; away from X1: ${away.join(', ')}`);
}

function deed(it: Deed, good: string, undone: string): Finding {
  if (!it.done) return unchecked(undone);
  return it.trouble === null ? ok(good) : failed(it.trouble);
}

function both(caller: Deed, callee: Deed, good: string): Finding {
  const findings = [deed(caller, good, ''), deed(callee, good, '')];
  const troubles = findings.filter(({ state }) => state === 'FAILED').map(({ detail }) => detail);
  if (troubles.length > 0) return failed([...new Set(troubles)].join('; '));
  return findings.every(({ state }) => state === 'ok') ? ok(good) : unchecked('a phone has no keys');
}

const NO_CALL = 'there was no call';

function callFinding(call: CallEvidence | null): Finding {
  if (call === null) return unchecked('the phones are not registered');
  return call.trouble === null || call.keysFailed ? ok('answered at the other end') : failed(call.trouble);
}

function keysFinding(call: CallEvidence | null): Finding {
  if (call === null) return unchecked(NO_CALL);
  if (call.keysFailed) return failed(call.trouble ?? '');
  if (call.trouble !== null) return unchecked(NO_CALL);
  const [one, other] = call.sas;
  return one !== null && one === other
    ? ok('both ends read the same short authentication string')
    : failed(`the ends read ${one ?? 'nothing'} and ${other ?? 'nothing'}`);
}

function mediaFinding(call: CallEvidence | null): Finding {
  if (call === null || call.trouble !== null) return unchecked(NO_CALL);
  const wrong = call.heard.filter(({ equal }) => !equal);
  const [first] = wrong;
  return first === undefined ? ok('each end heard all that the other said') : failed(first.detail);
}

type DeliveryLink = 'x2' | 'x3' | 'xk' | 'hi2' | 'hi2-keys' | 'hi3' | 'audio';

/** What the DF took in follows from what the LEMF has, and else from what the DF counts. */
function deliveryFindings({ active, call, df, lemf }: SelfTestEvidence): Record<DeliveryLink, Finding> {
  const counted = 'seen' in df ? df.seen : null;
  const held = 'seen' in lemf ? lemf.seen : null;
  const none = beforeDelivery(active);
  const noCall = none ?? (call === null || call.trouble !== null ? unchecked(NO_CALL) : null);
  const x2 =
    held !== null && held.records.sip > 0
      ? ok('SIP came to the LEMF')
      : taken(none ?? (call === null ? unchecked(NO_CALL) : null), df, 'x2');
  const x3 = held !== null && held.packets > 0 ? ok('media came to the LEMF') : taken(noCall, df, 'x3');
  const keysHeld = held !== null && held.records.keys > 0;
  const xk = keysHeld ? ok('keys came to the LEMF') : xkFinding(noCall, df, held);
  const lost = counted === null ? '' : waitingText(counted);
  const hand = (has: boolean, before: Finding, what: string): Finding => {
    if (has) return ok(`${what} at the LEMF`);
    if (before.state === 'FAILED') return unchecked('nothing of it came as far as the DF');
    if (before.state === 'not checked') return unchecked(before.detail);
    if (held !== null) return failed(`no ${what} at the LEMF${lost}`);
    if (counted === null) return unchecked(unseenText(lemf));
    if (counted.waiting === 0 && counted.lemfsDown.length === 0)
      return ok(`nothing waits at the DF; the LEMF itself was not looked at: ${unseenText(lemf)}`);
    return failed(`not delivered${lost}`);
  };
  return {
    x2,
    x3,
    xk,
    hi2: hand(held !== null && held.records.sip > 0, x2, 'records'),
    'hi2-keys': hand(keysHeld, xk, 'keys'),
    hi3: hand(held !== null && held.packets > 0, x3, 'content'),
    audio: audioFinding(noCall, lemf),
  };
}

/** Why there may be nothing to deliver. */
function beforeDelivery(active: Deed): Finding | null {
  if (!active.done) return unchecked('no warrant was entered');
  return active.trouble === null ? null : unchecked('the warrant was not active');
}

function taken(before: Finding | null, df: Inspected<DfEvidence>, reference: 'x2' | 'x3'): Finding {
  const count = 'seen' in df ? df.seen.received[reference] : 0;
  if (count > 0) return ok(`${count} PDUs at the DF`);
  if (before !== null) return before;
  return 'seen' in df ? failed('no PDU came to the DF') : unchecked(df.unseen);
}

function xkFinding(before: Finding | null, df: Inspected<DfEvidence>, held: LemfEvidence | null): Finding {
  const outcomes = 'seen' in df ? Object.entries(df.seen.keyRequests).filter(([, count]) => count > 0) : [];
  if (outcomes.some(([outcome]) => outcome === 'answered')) return ok('the KMS gave keys to the DF');
  const text = outcomes.map(([outcome, count]) => `${outcome} ${count}`).join(', ');
  if (text !== '') return failed(`the DF got no keys: ${text}`);
  if (held !== null && held.records.keyFailures > 0)
    return failed('the LEMF was told that there are no keys');
  if (before !== null) return before;
  return 'seen' in df ? failed('the DF asked for no keys') : unchecked(df.unseen);
}

function audioFinding(before: Finding | null, lemf: Inspected<LemfEvidence>): Finding {
  if (!('seen' in lemf)) return unchecked(lemf.unseen);
  const { audio, explanation } = lemf.seen;
  const wrong = audio.find(({ equal }) => !equal);
  if (audio.length === 2 && wrong === undefined) return ok('what both said was recovered, sample by sample');
  if (before !== null && audio.length === 0) return before;
  return failed(wrong?.detail ?? explanation ?? 'nothing was recovered');
}

function silenceFinding({ withdrawn, second, active }: SelfTestEvidence): Finding {
  if (second === null || !withdrawn.done || withdrawn.trouble !== null)
    return unchecked('there was no call after a withdrawal');
  if (second.trouble !== null) return failed(`the second call: ${second.trouble}`);
  if ('seen' in second.lemf) {
    const { records, packets } = second.lemf.seen;
    const count = records.sip + records.keys + records.keyFailures + packets;
    if (count > 0) return failed(`the LEMF has ${count} PDUs of a call after the withdrawal`);
    return active.done && active.trouble === null
      ? ok('the second call left nothing at the LEMF')
      : unchecked('the first call was not intercepted either');
  }
  if (!('seen' in second.df)) return unchecked(unseenText(second.lemf));
  const { x2, x3 } = second.df.seen.received;
  return x2 + x3 === 0
    ? ok('the second call left nothing at the DF')
    : unchecked(`${x2 + x3} PDUs came to the DF, perhaps of other warrants; the LEMF cannot be looked at`);
}

function waitingText({ waiting, lemfsDown }: DfEvidence): string {
  const parts = [
    ...(waiting > 0 ? [`${waiting} PDUs wait at the DF`] : []),
    ...(lemfsDown.length > 0 ? [`not connected: ${lemfsDown.join(', ')}`] : []),
  ];
  return parts.length === 0 ? '' : `; ${parts.join('; ')}`;
}

function unseenText(inspected: Inspected<unknown>): string {
  return 'unseen' in inspected ? inspected.unseen : '';
}
