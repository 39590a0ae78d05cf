/** Warrants on the officers' interface: each route reads its message and asks the desk. */
import type { Clock } from '../../../bytes/ports.ts';
import { present } from '../../../bytes/present.ts';
import {
  decodeAmendment,
  decodeDecision,
  decodeEntry,
  decodeExtension,
  decodeImport,
  decodeOrder,
  decodeSelection,
  IMPORTS_PATH,
  USUAL_PAGE,
  warrantPath,
  WARRANTS_PATH,
} from '../../../wire/officers/warrants.ts';
import type { Selection } from '../../../wire/officers/warrants.ts';
import type { Act } from '../acts.ts';
import type { Admf } from '../admf.ts';
import type { WarrantDesk } from '../desk.ts';
import { AdmfError } from '../errors.ts';
import type { OpenActName } from '../open-acts.ts';
import type { WarrantRecord } from '../warrants.ts';

import { ACTORS, openTo } from './open-to.ts';
import { actOf, actOnSeen, READERS } from './routes.ts';
import type { OfficerAnswer, OfficerCall, OfficerRoute } from './routes.ts';
import { eventJson, isAbout, progressJson, warrantJson } from './warrant-json.ts';

export interface WarrantRoutesOptions {
  readonly admf: Pick<Admf, 'degraded' | 'progress'>;
  readonly desk: WarrantDesk;
  readonly clock: Clock;
}

const ONE = `${WARRANTS_PATH}/:liid`;

export function warrantRoutes({ admf, desk, clock }: WarrantRoutesOptions): OfficerRoute[] {
  const answer = (record: WarrantRecord): OfficerAnswer => ({
    body: warrantJson(record, new Set(admf.degraded())),
    generation: record.version,
  });
  const known = (liid: string): WarrantRecord => {
    const record = desk.find(liid);
    if (record === null) throw new AdmfError('warrant-unknown', `there is no warrant ${liid}`);
    return record;
  };
  const act = (name: OpenActName, change: (call: OfficerCall) => Promise<WarrantRecord>): OfficerRoute => ({
    ...{ method: 'POST', path: `${ONE}/${name}`, roles: ACTORS[name] },
    answer: async (call) => answer(await change(call)),
  });
  const ordered = (name: OpenActName, carryOut: (liid: string, act: Act) => Promise<WarrantRecord>) =>
    act(name, (call) => carryOut(call.liid, actOf(call, decodeOrder(call.body))));

  return [
    {
      ...{ method: 'GET', path: WARRANTS_PATH, roles: READERS },
      answer: ({ query }) => ({
        body: pageOf(desk.list(), decodeSelection(query), new Set(admf.degraded())),
      }),
    },
    {
      ...{ method: 'GET', path: ONE, roles: READERS },
      answer: async ({ liid, person }) => {
        const history = await desk.history(liid);
        const record = known(liid);
        const { body, generation = 0 } = answer(record);
        const acts = openTo(person, desk.openActs(record, person.name, clock.now()));
        const elements = admf.progress(record).map(progressJson);
        return { body: { warrant: body, history: history.map(eventJson), acts, elements }, generation };
      },
    },
    {
      ...{ method: 'GET', path: `${ONE}/state`, roles: READERS },
      answer: ({ liid }) => answer(known(liid)),
    },
    {
      ...{ method: 'POST', path: WARRANTS_PATH, roles: ['officer'] },
      answer: async (call) => {
        const { warrant, reason, ...options } = decodeEntry(call.body);
        // Whole milliseconds, as answers have them.
        const startTime = warrant.startTime ?? Math.floor(clock.now());
        const made = await desk.enter({ ...warrant, startTime }, actOf(call, present({ reason })), options);
        return { ...answer(made), status: 201, location: warrantPath(warrant.liid) };
      },
    },
    {
      ...{ method: 'POST', path: IMPORTS_PATH, roles: ['officer'] },
      answer: async (call) => {
        const { warrants, submit } = decodeImport(call.body);
        return { body: await desk.importAll(warrants, actOf(call, {}), { submit }) };
      },
    },
    act('submit', (call) => desk.submit(call.liid, actOf(call, decodeDecision(call.body)))),
    act('approve', (call) => desk.approve(call.liid, actOnSeen(call, decodeDecision(call.body)))),
    act('reject', (call) => desk.reject(call.liid, actOnSeen(call, decodeOrder(call.body)))),
    act('amend', (call) => {
      const { changes, ...order } = decodeAmendment(call.body);
      return desk.amend(call.liid, changes, actOf(call, order));
    }),
    act('extend', (call) => {
      const { startTime, endTime, ...order } = decodeExtension(call.body);
      return desk.extend(call.liid, { startTime: startTime ?? null, endTime }, actOf(call, order));
    }),
    ordered('suspend', (liid, order) => desk.suspend(liid, order)),
    ordered('resume', (liid, order) => desk.resume(liid, order)),
    ordered('withdraw', (liid, order) => desk.withdraw(liid, order)),
  ];
}

/** By LIID, so that a page begins where the one before ended, whatever has come or gone meanwhile. */
function pageOf(all: readonly WarrantRecord[], selection: Selection, degraded: ReadonlySet<string>): object {
  const { after = '', limit = USUAL_PAGE } = selection;
  const found = all
    .filter((record) => record.warrant.liid > after && isSelected(record, selection, degraded))
    .sort((a, b) => (a.warrant.liid < b.warrant.liid ? -1 : 1));
  const page = found.slice(0, limit);
  const last = page.at(-1)?.warrant.liid;
  return {
    warrants: page.map((record) => warrantJson(record, degraded)),
    ...(found.length > page.length && last !== undefined ? { next: last } : {}),
  };
}

function isSelected(
  record: WarrantRecord,
  { state, target, pending, degraded: ill, imported }: Selection,
  degraded: ReadonlySet<string>,
): boolean {
  if (state?.includes(record.state) === false) return false;
  if (target !== undefined && !isAbout(record.warrant, target)) return false;
  if (pending !== undefined && !awaitsApproval(record)) return false;
  if (ill !== undefined && !degraded.has(record.warrant.liid)) return false;
  return imported === undefined || record.imported;
}

/** Whether an approver has to decide about it: itself, a change of it, or an emergency's second approval. */
export function awaitsApproval({ state, pending, emergency }: WarrantRecord): boolean {
  return state === 'submitted' || pending !== null || (emergency?.lapsesAt ?? null) !== null;
}
