/**
 * What the LEMFs of a warrant are told of the warrant itself (HI1-Operation of TS 102 232-1): that interception was
 * activated, modified or deactivated, and alarms. All of it happens within turns of the mediation, on its state: what was
 * told is kept with what is to be sent, so that a restart neither forgets nor repeats.
 *
 *     in force now?   told before?      tasks           told now
 *     yes             no                                liActivated
 *     yes             yes               all others      liDeactivated, liActivated
 *     yes             in other terms    some the same   liModified
 *     no              yes                               liDeactivated
 *
 * Where the store was put back from a copy, destinations of a warrant are first told by cINReset that its CINs go on from
 * another: calls that were under way, and those since the copy was made, do not go on under theirs. That goes for warrants
 * that the copy has, and for those that come in the day after, which the DF may have had before.
 *
 * Where calls are in partitions, what LEMFs are told of a warrant has one numbering, and partition 0 tells it. The others keep
 * what they would have told, since what they keep of a warrant goes by when it has ended; alarms they pass on, with what they
 * commit.
 *
 * In force is a warrant of which a task has a part whose time it is. That keys cannot be had is no alarm: it has a record
 * of its own.
 */
import type { Clock } from '../../bytes/ports.ts';
import { RevertibleMap } from '../../bytes/revertible-map.ts';
import type {
  CallPartition,
  DfTask,
  DfWarrants,
  PassedAlarm,
  StoredAlarm,
  TaskMediation,
  ToldWarrant,
  WarrantNotice,
} from './ports.ts';
import type { CinResetRecord, NoticeRecord, WarrantChangeRecord } from './records.ts';
import { isInForce, noticeDids } from './tasks.ts';
import type { WorkingState } from './working-state.ts';

/** Numbers a notification and lays it into the outbox of each destination. */
export type DeliverNotice = (record: NoticeRecord, dids: readonly string[]) => void;

/** Lays a cINReset into the outbox of each destination. */
export type TellReset = (record: CinResetRecord, dids: readonly string[]) => void;

/** What an alarm is about. */
export type WarrantAlarmCause = 'loss' | 'set-aside' | 'destination';

/** One cause has one alarm of a warrant in so many milliseconds; how many there were is told with the next. */
export const ALARM_PACE_MS = 60_000;

/** How long after a store was put back a warrant that is new to it may have been known before. */
const LATE_WARRANT_MS = 86_400_000;

/** Unix milliseconds; `null`: by itself it stays what it is. */
export type NextChange = number | null;

interface Pace {
  readonly liid: string;
  readonly cause: string;
  readonly about: string;
  /** When the last went out. */
  readonly at: number;
  /** What came since. */
  readonly more: number;
  readonly text: string;
}

export interface WarrantNoticeOptions {
  readonly warrants: DfWarrants;
  readonly clock: Clock;
  /** Of which calls it is; absent: of all. */
  readonly partition?: CallPartition | undefined;
}

export class WarrantNotices {
  readonly #options: WarrantNoticeOptions;
  readonly #currentState: () => WorkingState;
  readonly #deliver: DeliverNotice;
  readonly #reset: TellReset;
  readonly #paces = new RevertibleMap<string, Pace>();

  /** @param currentState asked in each turn: after a failure it is another */
  constructor(
    options: WarrantNoticeOptions,
    currentState: () => WorkingState,
    { notify, reset }: { readonly notify: DeliverNotice; readonly reset: TellReset },
  ) {
    this.#options = options;
    this.#currentState = currentState;
    this.#deliver = notify;
    this.#reset = reset;
  }

  /** Tells what has changed of a warrant. Gives when time alone will change it. */
  update(liid: string): NextChange {
    const now = this.#options.clock.now();
    const tasks = this.#options.warrants.tasksOf(liid);
    const present = toldOf(liid, tasks, now);
    this.#tellEpoch(liid, tasks, now);
    const { told } = this.#currentState().notice(liid);
    const isSame = told !== null && present?.tasks.some((task) => told.tasks.includes(task)) === true;
    if (told !== null && !isSame) this.#tell('li-deactivated', liid, told, now);
    if (present !== null && !isSame) this.#tell('li-activated', liid, present, now);
    if (present !== null && isSame && present.terms !== told.terms) {
      // Who is a destination no more is told as well: its warrant has changed.
      this.#tell('li-modified', liid, { ...present, dids: union(present.dids, told.dids) }, now);
    }
    const state = this.#currentState();
    const notice = state.notice(liid);
    if (!isKept(notice, present, tasks)) {
      const endedAt = present === null ? (told === null ? notice.endedAt : now) : null;
      const xids = tasks.length > 0 ? tasks.map(({ xid }) => xid) : notice.xids;
      state.putNotice({ ...notice, told: present, endedAt, xids });
    }
    return nextChange(liid, tasks, now);
  }

  /** Once, and before anything goes out under another CIN. */
  #tellEpoch(liid: string, tasks: readonly DfTask[], time: number): void {
    const state = this.#currentState();
    const { cinBase: cin } = state;
    const notice = state.notice(liid);
    if (notice.epoch === cin) return;
    const all = tasks.flatMap((task) => partsOf(task, liid)).flatMap(({ destinations }) => destinations);
    const dids = [...new Set(all.map(({ did }) => did))].filter((did) =>
      this.#options.warrants.isDestination(did),
    );
    if (dids.length === 0) return;
    const isKnown = notice.next > 0 || notice.told !== null;
    if (this.#tells && (isKnown || time - cin * 1000 < LATE_WARRANT_MS))
      this.#reset({ kind: 'cin-reset', liid, cin, time }, dids);
    state.putNotice({ ...notice, epoch: cin });
  }

  /** Something is wrong of a warrant. @param about what makes alarms of one cause different ones */
  alarm(liid: string, cause: string, text: string, about = ''): void {
    const key = JSON.stringify([liid, cause, about]);
    const now = this.#options.clock.now();
    const pace = this.#paces.get(key);
    if (pace !== undefined && now - pace.at < ALARM_PACE_MS) {
      this.#paces.set(key, { ...pace, more: pace.more + 1, text });
      return;
    }
    this.#paces.set(key, { liid, at: now, more: 0, text, cause, about });
    this.#sound({ liid, text, key: { cause, about } }, now);
  }

  /** Tells an alarm of another partition, where none of its kind was told a moment ago. */
  take({ id, liid, text, key }: StoredAlarm): void {
    this.#currentState().took(id);
    if ('did' in key) this.report(liid, text, key.did);
    else this.alarm(liid, key.cause, text, key.about);
  }

  /** Tells at once what must not be told later: the LEMFs of a warrant, or of one that has none any more, that one. */
  report(liid: string, text: string, did: string): void {
    const now = this.#options.clock.now();
    const isThere = this.#options.warrants.tasksOf(liid).length > 0;
    if (isThere || !this.#tells) this.#sound({ liid, text, key: { did } }, now);
    else this.#tellPresent({ kind: 'li-alarm', liid, time: now, information: text }, [did]);
  }

  /** Tells of alarms that came soon after others. */
  catchUp(): void {
    const now = this.#options.clock.now();
    for (const [key, pace] of this.#paces) {
      if (now - pace.at < ALARM_PACE_MS) continue;
      if (pace.more === 0) this.#paces.delete(key);
      else {
        const { liid, more, cause, about } = pace;
        const text = more === 1 ? pace.text : `${pace.text} (the last of ${more})`;
        this.#sound({ liid, text, key: { cause, about } }, now);
        this.#paces.set(key, { ...pace, at: now, more: 0 });
      }
    }
  }

  /** What was told is durable. */
  kept(): void {
    this.#paces.keep();
  }

  /** Nothing of it is: it is told again. */
  undone(): void {
    this.#paces.revert();
  }

  /** Whether it is here that LEMFs are told. */
  get #tells(): boolean {
    return (this.#options.partition?.partition ?? 0) === 0;
  }

  #sound(alarm: PassedAlarm, time: number): void {
    if (!this.#tells) {
      this.#currentState().pass(alarm);
      return;
    }
    const { liid, text: information } = alarm;
    const parts = this.#options.warrants.tasksOf(liid).flatMap((task) => partsOf(task, liid));
    this.#deliver({ kind: 'li-alarm', liid, time, information }, noticeDids(parts));
  }

  #tell(
    kind: WarrantChangeRecord['kind'],
    liid: string,
    { dids, targets }: Pick<ToldWarrant, 'dids' | 'targets'>,
    time: number,
  ): void {
    this.#tellPresent({ kind, liid, time, target: targets === '' ? null : targets }, dids);
  }

  #tellPresent(record: NoticeRecord, dids: readonly string[]): void {
    if (!this.#tells) return;
    const there = dids.filter((did) => this.#options.warrants.isDestination(did));
    this.#deliver(record, there);
  }
}

/* ---------------------------------------------------------------- helpers */

function partsOf(task: DfTask, liid: string): TaskMediation[] {
  return task.mediations.filter((part) => part.liid === liid);
}

/** What there is to tell of a warrant that is in force; `null`: it is not. */
function toldOf(liid: string, tasks: readonly DfTask[], now: number): ToldWarrant | null {
  const inForce = tasks.filter((task) => partsOf(task, liid).some((part) => isInForce(part, now)));
  if (inForce.length === 0) return null;
  const parts = inForce.flatMap((task) => partsOf(task, liid));
  const names = [...new Set(inForce.flatMap(({ targets }) => targets.map(({ value }) => value)))].sort();
  return {
    tasks: inForce.map(({ xid, activatedAt }) => `${xid} ${activatedAt}`).sort(),
    terms: JSON.stringify([names, parts.map(termsOf).sort()]),
    targets: names.join(', '),
    dids: noticeDids(parts),
  };
}

function termsOf({ delivers, start, end, destinations }: TaskMediation): string {
  return JSON.stringify([delivers, start, end, destinations.map(({ did }) => did).sort()]);
}

/** Whether the store has it as it is. */
function isKept(notice: WarrantNotice, present: ToldWarrant | null, tasks: readonly DfTask[]): boolean {
  const { told, xids } = notice;
  const isSame = JSON.stringify(told) === JSON.stringify(present);
  return isSame && (present === null || tasks.every(({ xid }) => xids.includes(xid)));
}

function nextChange(liid: string, tasks: readonly DfTask[], now: number): NextChange {
  const bounds = tasks.flatMap((task) => partsOf(task, liid)).flatMap(({ start, end }) => [start, end]);
  const later = bounds.filter((bound) => bound !== null).filter((bound) => bound > now);
  return later.length === 0 ? null : Math.min(...later);
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}
