/**
 * What each element must hold for the warrants that are in force: pure functions, from which everything else follows by
 * comparison with what the elements do hold.
 *
 *     element    task of a warrant                                 destinations
 *     CSCF       X2Only, to the DF                                 the DF's X2/X3 listener
 *     gateway    X3Only, to the DF; with content only              the DF's X2/X3 listener
 *     DF         HI2 (and HI3) to the LEMF, one MediationDetails   the LEMF: one DID for HI2 (X2Only), one for HI3
 *                with LIID, times and scope                        (X3Only), or one for both (X2andX3) at one address
 *     KMS        X2Only, no destinations, one MediationDetails     none
 *                with the validity; with content only; another   the LEMF that may ask
 *                for the LEMF that may ask it itself, if one may  it itself
 *
 * A DF knows from a destination's delivery type whether it is for HI2 or for HI3. Elements that intercept hold a task
 * only while the warrant is in force, because the times of a task are in MediationDetails, which are not for them.
 * Keys open content; a warrant without content gets no task at the KMS, and so no keys.
 */
import { bareHost, canonicalAddress, endpointText } from '../../bytes/network-address.ts';
import type { DeliveryAddress, DeliveryType, Destination, InterceptTask } from '../../wire/x1/details.ts';
import { keyClientAddress } from '../../wire/x1/key-client.ts';
import type { X1RequestBody } from '../../wire/x1/requests.ts';
import { lemfTaskXid } from '../../wire/xk/lemf-task.ts';
import { targetKind } from '../../x1/target-keys.ts';
import type { ElementKind } from './ports.ts';
import type { Held } from './view.ts';
import { areAmong, isDraining, lemfOf, periodOf, xidsOf } from './warrants.ts';
import type { CarriedPeriod, HostPort, Warrant, WarrantRecord } from './warrants.ts';

/** Tasks and destinations of one element, by XID and DID. */
export interface Holdings {
  readonly tasks: ReadonlyMap<string, InterceptTask>;
  readonly destinations: ReadonlyMap<string, Destination>;
  /** XIDs of the tasks that need a destination, by DID. */
  readonly users: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The DID that stands for a destination. */
export type DidOf = (key: string) => string;

/** What one element must hold for one warrant. */
interface Wanted {
  readonly task: InterceptTask;
  /** At the KMS: for the LEMF that may ask it itself. */
  readonly lemfTask: InterceptTask | null;
  readonly destinations: readonly Destination[];
}

/** What a warrant leads to under this XID and at these times, whatever state it is in. */
interface KnownWanted extends Pick<WarrantRecord, 'xid' | 'from' | 'until' | 'periods'> {
  readonly ofKind: Map<ElementKind, Wanted>;
}

/** What was made for warrants before: a warrant does not change, and so neither does what it leads to. */
type TaskMemo = WeakMap<Warrant, KnownWanted>;

interface PlanContext {
  /** Where the DF takes X2 and X3. */
  readonly x2x3: HostPort;
  readonly didOf: DidOf;
}

/** The kinds of elements, those that answer and receive before those that ask and send. */
export const PROVISIONING_ORDER: readonly ElementKind[] = ['kms', 'df', 'gateway', 'cscf'];

/** Elements that intercept. */
export function isPoi(kind: ElementKind): boolean {
  return kind === 'cscf' || kind === 'gateway';
}

/** What the elements of each kind must hold, brought up to date warrant by warrant. */
export class ElementPlan {
  readonly #context: PlanContext;
  readonly #memo: TaskMemo = new WeakMap();
  readonly #of: Readonly<Record<ElementKind, KindPlan>>;

  constructor(context: PlanContext) {
    this.#context = context;
    const empty = (): KindPlan => ({ tasks: new Map(), destinations: new Map(), users: new Map() });
    this.#of = { kms: empty(), df: empty(), gateway: empty(), cscf: empty() };
  }

  /** As `missedEnd`. */
  missedEnd(
    record: WarrantRecord | null,
    held: Held<InterceptTask>,
    now: number,
  ): InterceptTask | 'unknown' | null {
    return missedEnd(record, held, now, this.#context.didOf);
  }

  /** What an element of a kind must hold. */
  holdings(kind: ElementKind): Holdings {
    return this.#of[kind];
  }

  /** What an element of a kind must hold for one warrant; `null`: nothing. */
  task(kind: ElementKind, record: WarrantRecord): InterceptTask | null {
    return this.#of[kind].tasks.get(record.xid) ?? null;
  }

  /** By XID, what an element of a kind must hold for one warrant; `null`: nothing. */
  tasks(kind: ElementKind, record: WarrantRecord): Map<string, InterceptTask | null> {
    const { tasks } = this.#of[kind];
    const xids = kind === 'kms' ? xidsOf(record) : [record.xid];
    return new Map(xids.map((xid) => [xid, tasks.get(xid) ?? null]));
  }

  /** DIDs that the warrant needs at elements of a kind, or would, if it were in force. */
  dids(kind: ElementKind, record: WarrantRecord): readonly string[] {
    return this.#wanted(kind, record).destinations.map(({ did }) => did);
  }

  /** A warrant has come, or is another than before. Gives the DIDs of destinations that this may concern. */
  put(before: WarrantRecord | null, after: WarrantRecord): Set<string> {
    const touched = new Set<string>();
    for (const kind of PROVISIONING_ORDER) {
      const of = this.#of[kind];
      const [old, now] = [this.#inForce(kind, before), this.#inForce(kind, after)];
      if (old === now && before?.xid === after.xid) continue;
      if (before !== null && old !== null) {
        for (const { xid } of tasksOf(old)) of.tasks.delete(xid);
        for (const { did } of old.destinations) touched.add(leave(of, did, before.xid));
      }
      if (now === null) continue;
      for (const task of tasksOf(now)) of.tasks.set(task.xid, task);
      for (const destination of now.destinations) touched.add(enter(of, destination, after.xid));
    }
    return touched;
  }

  #inForce(kind: ElementKind, record: WarrantRecord | null): Wanted | null {
    return record !== null && concerns(kind, record) ? this.#wanted(kind, record) : null;
  }

  #wanted(kind: ElementKind, record: WarrantRecord): Wanted {
    const { warrant, xid, from, until, periods } = record;
    const last = this.#memo.get(warrant);
    const isSame =
      last?.xid === xid && last.from === from && last.until === until && last.periods === periods;
    const known: KnownWanted = isSame ? last : { xid, from, until, periods, ofKind: new Map() };
    if (known !== last) this.#memo.set(warrant, known);
    const wanted = known.ofKind.get(kind) ?? wantedFor(kind, record, this.#context);
    known.ofKind.set(kind, wanted);
    return wanted;
  }
}

/** All that a warrant can lead to, in force: what it creates and activates at elements of every kind. */
export function requestsFor(record: WarrantRecord, context: PlanContext): X1RequestBody[] {
  const inForce: WarrantRecord = { ...record, state: 'active' };
  return PROVISIONING_ORDER.filter((kind) => concerns(kind, inForce)).flatMap((kind) => {
    const wanted = wantedFor(kind, inForce, context);
    return [
      ...wanted.destinations.map((destination) => ({ type: 'CreateDestination' as const, destination })),
      ...tasksOf(wanted).map((task) => ({ type: 'ActivateTask' as const, task })),
    ];
  });
}

/** What begins within so many milliseconds may have begun by the time that the KMS comes to what it is told. */
const SOON_MS = 60_000;

/**
 * What a KMS that has missed an end must be told before anything else, so that the time after it is not covered: the task
 * as it holds it, with that end; if nothing of it was covered, with the earliest end that there can be. `unknown`: that
 * takes to know what it holds. A name of the target that was taken from the warrant and belongs to it again ends what
 * is held, too, and so does a LEMF that may ask again: names and times go together.
 */
function missedEnd(
  record: WarrantRecord | null,
  held: Held<InterceptTask>,
  now: number,
  didOf: DidOf,
): InterceptTask | 'unknown' | null {
  if (record === null || held === undefined) return null;
  if (held === null) return 'unknown';
  const [validity] = held.mediation;
  const { startTime = 0, endTime = Infinity } = validity ?? {};
  if (validity === undefined || startTime > now + SOON_MS) return null;
  const isKeyedTo = (xk: string | undefined): boolean =>
    held.xid === record.xid || (xk !== undefined && held.dids.includes(didOf(lemfKey(xk))));
  let end: number | null = null;
  for (const { from, until, delivery, targets = record.warrant.targets, xk } of periodsOf(record)) {
    const isNext = end === null ? from <= startTime && startTime < until : from === end;
    const isKeyed = delivery === 'IRI+CC' && isKeyedTo(xk);
    if (isNext && isKeyed && areAmong(held.targets, targets)) end = until;
  }
  end ??= startTime + 1;
  return endTime <= end ? null : { ...held, mediation: [{ ...validity, endTime: end }] };
}

interface KindPlan {
  readonly tasks: Map<string, InterceptTask>;
  readonly destinations: Map<string, Destination>;
  /** XIDs by DID. */
  readonly users: Map<string, Set<string>>;
}

function enter({ destinations, users }: KindPlan, destination: Destination, xid: string): string {
  const { did } = destination;
  // The same DID is the same place; of equal ones the first is kept.
  if (!destinations.has(did)) destinations.set(did, destination);
  users.set(did, (users.get(did) ?? new Set()).add(xid));
  return did;
}

function leave({ destinations, users }: KindPlan, did: string, xid: string): string {
  const of = users.get(did);
  of?.delete(xid);
  if (of?.size === 0) {
    users.delete(did);
    destinations.delete(did);
  }
  return did;
}

function wantedFor(kind: ElementKind, record: WarrantRecord, context: PlanContext): Wanted {
  if (kind === 'kms') return wantedAtKms(record, context);
  const destinations = destinationsFor(kind, record.warrant, context);
  const dids = destinations.map(({ did }) => did);
  return { task: taskFor(kind, record, dids), lemfTask: null, destinations };
}

function wantedAtKms(record: WarrantRecord, { didOf }: PlanContext): Wanted {
  const task = taskFor('kms', record, []);
  const lemf = lemfOf(record.warrant);
  const lemfTask = lemf === null ? null : lemfTaskFor(record, lemf, didOf(lemfKey(lemf)));
  if (lemf === null || lemfTask === null) return { task, lemfTask: null, destinations: [] };
  const key = lemfKey(lemf);
  const address = keyClientAddress(lemf);
  const destination: Destination = { did: didOf(key), friendlyName: key, deliveryType: 'X2Only', address };
  return { task, lemfTask, destinations: [destination] };
}

/** Names the destination that stands for a LEMF that asks, for good. */
function lemfKey(name: string): string {
  return `LEMF Xk ${name}`;
}

function tasksOf({ task, lemfTask }: Wanted): InterceptTask[] {
  return lemfTask === null ? [task] : [task, lemfTask];
}

/** For as long as that LEMF may ask; once nobody intercepts any more, about what it could ask about until then. */
function lemfTaskFor(record: WarrantRecord, lemf: string, did: string): InterceptTask | null {
  const { warrant, from } = record;
  const span = presentSpan(record, 'kms', lemf);
  if (span === null && isDraining(record)) return null;
  const { from: startTime, until: endTime } = span ?? { from, until: warrant.endTime };
  const task = taskFor('kms', record, [did]);
  const mediation = task.mediation.map((validity) => ({ ...validity, startTime, endTime }));
  return { ...task, xid: lemfTaskXid(warrant.liid), mediation };
}

function taskFor(kind: ElementKind, record: WarrantRecord, dids: readonly string[]): InterceptTask {
  const { warrant, xid, from } = record;
  const { liid } = warrant;
  const { from: startTime, until: endTime } = presentSpan(record, kind) ?? {
    from,
    until: warrant.endTime,
  };
  const base = { xid, targets: warrant.targets, dids };
  const withContent = warrant.delivery === 'IRI+CC';
  switch (kind) {
    case 'cscf':
      return { ...base, deliveryType: 'X2Only', mediation: [] };
    case 'gateway':
      return { ...base, deliveryType: 'X3Only', mediation: [] };
    case 'kms':
      return {
        ...base,
        targets: keyedTargets(warrant.targets),
        deliveryType: 'X2Only',
        mediation: [{ liid, deliveryType: 'HI2Only', startTime, endTime, dids: [] }],
      };
    case 'df':
      return {
        ...base,
        deliveryType: withContent ? 'X2andX3' : 'X2Only',
        mediation: [
          {
            liid,
            deliveryType: withContent ? 'HI2andHI3' : 'HI2Only',
            startTime,
            endTime,
            dids,
            scoping: [{ location: locationOf(warrant) }],
          },
        ],
      };
  }
}

function locationOf({ location = false }: Warrant) {
  if (location === false) return 'doNotReport';
  return [{ beginningAndEnd: true, ...(location === 'uponChange' ? { uponChange: true } : {}) }];
}

/** Keys are a subscriber's: a device beside one narrows what is intercepted, not what the KMS knows it by. */
function keyedTargets(targets: Warrant['targets']): Warrant['targets'] {
  const subscribers = targets.filter((target) => targetKind(target) !== 'equipment');
  return subscribers.length === 0 ? targets : subscribers;
}

/** Names a destination for good: what it is for and where it is. */
export function destinationKey(purpose: string, { host, port }: HostPort): string {
  return `${purpose} ${endpointText({ address: canonicalAddress(bareHost(host)), port })}`;
}

function concerns(kind: ElementKind, record: WarrantRecord): boolean {
  const { warrant, state } = record;
  if ((kind === 'gateway' || kind === 'kms') && warrant.delivery === 'IRI') return false;
  const intercepts = state === 'provisioning' || state === 'active';
  if (isPoi(kind)) return intercepts;
  return intercepts || state === 'approved' || (isDraining(record) && presentSpan(record, kind) !== null);
}

interface Span {
  readonly from: number;
  readonly until: number;
}

/** What it has covered and covers, in order. */
function periodsOf({ warrant, from, until, periods }: WarrantRecord): readonly CarriedPeriod[] {
  const present = periodOf(warrant, from, until ?? warrant.endTime);
  return [...periods, present].filter((period) => period.from < period.until);
}

/**
 * Since when and until when it has covered without a gap what it covers now: at the KMS, content of these very names.
 * `null`: no time. @param lemf for that LEMF to ask about; `null`: for DFs
 */
function presentSpan(
  { warrant, from, until, periods }: WarrantRecord,
  kind: ElementKind,
  lemf: string | null = null,
): Span | null {
  const span = { from, until: until ?? warrant.endTime };
  const { targets } = warrant;
  for (const past of [...periods].reverse()) {
    const { targets: names = targets } = past;
    const isKeyed = past.delivery === 'IRI+CC' && (lemf === null || past.xk === lemf);
    const isSame = isKeyed && areAmong(names, targets) && areAmong(targets, names);
    if (past.until !== span.from) break;
    if (kind === 'kms' && !isSame) break;
    span.from = past.from;
  }
  return span.from < span.until ? span : null;
}

function destinationsFor(
  kind: Exclude<ElementKind, 'kms'>,
  { lemf, delivery }: Warrant,
  { x2x3, didOf }: PlanContext,
): Destination[] {
  if (isPoi(kind)) return [destinationAt('DF X2/X3', x2x3, 'X2andX3', didOf)];
  const { hi2, hi3 } = lemf;
  if (delivery === 'IRI' || hi3 === undefined) return [destinationAt('LEMF HI2', hi2, 'X2Only', didOf)];
  if (hi2.host === hi3.host && hi2.port === hi3.port) {
    return [destinationAt('LEMF HI2/HI3', hi2, 'X2andX3', didOf)];
  }
  return [destinationAt('LEMF HI2', hi2, 'X2Only', didOf), destinationAt('LEMF HI3', hi3, 'X3Only', didOf)];
}

function destinationAt(purpose: string, at: HostPort, deliveryType: DeliveryType, didOf: DidOf): Destination {
  const key = destinationKey(purpose, at);
  return { did: didOf(key), friendlyName: key, deliveryType, address: addressOf(at) };
}

/** An IP address as such; a name as `tls://HOST:PORT`, because the peer must show a certificate for that name. */
function addressOf({ host: written, port }: HostPort): DeliveryAddress {
  const host = canonicalAddress(bareHost(written));
  if (/^[0-9.]+$/.test(host)) return { kind: 'ipAddressAndPort', address: host, port, transport: 'tcp' };
  if (host.includes(':')) {
    return { kind: 'ipAddressAndPort', address: fullIpv6(host), port, transport: 'tcp' };
  }
  return { kind: 'uri', value: `tls://${host}:${port}` };
}

/** TS 103 280 has IPv6 addresses in eight groups of four digits. */
function fullIpv6(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros =
    tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return [...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(':');
}
