/**
 * An ADMF that dies while it works off what an agency asks for, between any two writes or requests: the agency sends again
 * what got no answer, and what comes of it all is as if nobody had died.
 */
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../../../src/host/runtime.ts';
import { WarrantDesk } from '../../../../src/entities/admf/desk.ts';
import { ExchangeBook } from '../../../../src/entities/admf/hi1/exchange-book.ts';
import { FollowUp } from '../../../../src/entities/admf/hi1/follow-up.ts';
import type { Hi1Store, StoredObject } from '../../../../src/entities/admf/hi1/ports.ts';
import { Hi1Service } from '../../../../src/entities/admf/hi1/service.ts';
import { checkWarrant } from '../../../../src/entities/admf/hi1/warrant-check.ts';
import type { AdmfStore } from '../../../../src/entities/admf/ports.ts';
import { decodeHi1Message, encodeHi1Message } from '../../../../src/wire/hi1/messages.ts';
import type { Hi1Object } from '../../../../src/wire/hi1/objects.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { silent } from '../../../support/silent.ts';
import { drawing, Mortal } from '../mortal.ts';
import { breathe, home, HOUR, NOW } from '../support.ts';
import type { Home } from '../support.ts';
import {
  authorisation,
  create,
  CSP,
  etsi,
  objectOf,
  OFFICER,
  POLICE,
  task,
  update,
  uuid,
} from './support.ts';
import type { Asked } from './support.ts';

const SLOW = process.env['CLAVIGER_SLOW'] !== undefined;
const DEATHS = SLOW ? 1000 : 40;
const TASKS = 4;
const SEED = Number(process.env['CLAVIGER_SEED'] ?? Date.now() % 1_000_000);

/** A request that the agency sends until it is answered. */
interface Sending {
  readonly octets: Uint8Array;
  answer: Uint8Array | null;
}

function dyingHi1(store: Hi1Store, mortal: Mortal): Hi1Store {
  const writes = ['save', 'erase', 'forgetExchanges'];
  return new Proxy(store, {
    get: (target, name) => {
      const held: unknown = Reflect.get(target, name, target);
      if (typeof held !== 'function') return held;
      const bound = held.bind(target) as (...given: readonly unknown[]) => Promise<unknown>;
      if (!writes.includes(String(name))) return bound;
      return (...given: readonly unknown[]) => mortal.around(() => bound(...given));
    },
  });
}

async function born(bench: Home, clock: ManualClock, left: number) {
  const mortal = new Mortal(left);
  const { store } = bench;
  const dying: AdmfStore = {
    load: () => store.load(),
    history: (liid) => store.history(liid),
    saveDid: (key, did) => mortal.around(() => store.saveDid(key, did)),
    saveWarrants: (records, entries) => mortal.around(() => store.saveWarrants(records, entries)),
  };
  bench.onDocument = () => mortal.step();
  const common = {
    audit: mortal.audit(),
    clock: mortal.clock(clock),
    random: systemRandom(),
    logger: silent,
  };
  const admf = await bench.open({ ...common, store: dying, drainMs: 500, settleMs: 100 });
  const desk = new WarrantDesk(admf, { ...common, approval: 'two', emergencyMs: HOUR });
  const hi1 = dyingHi1(store.hi1, mortal);
  const exchanges = new ExchangeBook({ store: hi1, clock });
  const followUp = new FollowUp({
    ...{ ...common, store: hi1, exchanges, desk },
    ...{ retentionMs: 100 * HOUR, settleMs: 100 },
  });
  const service = new Hi1Service({
    ...{ ...common, store: hi1, exchanges, followUp, own: CSP },
    setting: { endpoints: [], ports: { hi2: 8002, hi3: 8003 } },
    findWarrant: (liid) => desk.find(liid),
    checkWarrant: (warrant, now) => checkWarrant(warrant, { host: 'df.home1.example', port: 7001 }, now),
  });
  const begun = followUp.begin();
  // Only the dead may fail at that.
  await (left === Infinity ? begun : begun.catch(() => undefined));
  return { mortal, admf, desk, followUp, service };
}

type Life = Awaited<ReturnType<typeof born>>;

let transactions = 0;

function sendingOf(asked: readonly Asked[], now: number): Sending {
  transactions += 1;
  const [sender = CSP] = POLICE.endpoints;
  const octets = encodeHi1Message({
    header: {
      ...{ sender, receiver: CSP, transaction: uuid(1_000_000 + transactions), timestamp: now },
      version: { etsi: 'V1.12.1', profileOwner: 'XX', profileVersion: 'v1.0' },
    },
    payload: { kind: 'requests', actions: asked.map((each, at) => ({ id: String(at), ...each })) },
  });
  return { octets, answer: null };
}

async function send({ service }: Life, sending: Sending): Promise<void> {
  try {
    const answer = await service.answer(sending.octets, '/', POLICE);
    // One that says to send it again (3003) is none.
    const { payload } = decodeHi1Message(answer!);
    if (payload.kind !== 'error' || payload.error.ErrorCode !== 3003) sending.answer = answer;
  } catch {
    // It could not be put on record, and so was not answered.
  }
}

/** Something that an agency may ask for; most of it is refused in most states. */
function wish(draw: (below: number) => number, now: number): Asked[] {
  const number = 10 + draw(TASKS);
  const of = (members: Readonly<Record<string, unknown>>): Hi1Object =>
    objectOf('LITaskObject', number, members);
  const desired = ['Active', 'Suspended', 'Suspended', 'Cancelled'][draw(4)] ?? '';
  const delivery = ['IRIOnly', 'IRIandCC'][draw(2)] ?? '';
  const span = { EndTime: `${new Date(now + HOUR + draw(100) * 1000).toISOString().slice(0, 19)}Z` };
  const wishes: Asked[][] = [
    create(task(number)),
    create(task(number)),
    update(of({ DesiredStatus: etsi('TaskDesiredStatus', desired) })),
    update(of({ DeliveryType: etsi('TaskDeliveryType', delivery) })),
    update(of({ Timespan: span })),
  ];
  return wishes[draw(wishes.length)] ?? [];
}

/** Another officer than whoever proposed it approves what waits. */
async function approveAll({ desk }: Life): Promise<void> {
  for (const { warrant, state, pending } of desk.list())
    if (state === 'submitted' || pending !== null)
      await desk.approve(warrant.liid, OFFICER).catch(() => undefined);
}

async function settle(life: Life, clock: ManualClock): Promise<void> {
  for (let i = 0; i < 6; i += 1) {
    await breathe();
    await life.followUp.queue.ended();
    clock.advance(150);
  }
  await breathe();
}

describe(`R-91: an ADMF that is killed ${DEATHS} times over HI1 (seed ${SEED})`, { timeout: 600_000 }, () => {
  it('R-91: works off what was stored, once', async () => {
    const draw = drawing(SEED);
    const clock = new ManualClock(NOW);
    const bench = await home(clock);
    const span = {
      AuthorisationTimespan: { EndTime: new Date(NOW + 90 * HOUR).toISOString().replace('.000', '') },
    };
    const sent = [sendingOf(create(authorisation(1, span)), NOW)];
    for (let deaths = 0; deaths < DEATHS; deaths += 1) {
      const life = await born(bench, clock, 1 + draw(30));
      const isAlive = (): boolean => !life.mortal.isDead;
      for (let turn = 0; turn < 3 && isAlive(); turn += 1) {
        sent.push(sendingOf(wish(draw, clock.now()), clock.now()));
        for (const each of sent) if (each.answer === null && isAlive()) await send(life, each);
        if (draw(2) === 0) await approveAll(life);
        clock.advance(draw(400));
        for (let i = draw(4); i > 0; i -= 1) await new Promise((resolve) => setImmediate(resolve));
      }
      life.mortal.isDead = true;
      await breathe();
    }
    const last = await born(bench, clock, Infinity);
    for (const each of sent) if (each.answer === null) await send(last, each);
    await settle(last, clock);
    await approveAll(last);
    await settle(last, clock);
    await requireWhole(last, bench, sent);
    await last.followUp.stop();
  });
});

async function requireWhole(life: Life, { store, elements }: Home, sent: readonly Sending[]): Promise<void> {
  // Each request has one answer, which it gets again: as it was, if it has changed something.
  const done = sent.filter(({ answer }) => {
    const { payload } = decodeHi1Message(answer!);
    return (
      payload.kind === 'responses' && payload.actions.every(({ action }) => action !== 'ErrorInformation')
    );
  });
  expect(done.length).toBeGreaterThan(0);
  for (const { octets, answer } of done)
    expect(await life.service.answer(octets, '/', POLICE)).toEqual(answer);
  expect((await store.hi1.exchangesKept('police')).count).toBe(done.length);

  const objects = await store.hi1.list('police', { kind: null, since: null, most: -1 });
  const tasks = objects.filter(({ object }) => object.kind === 'LITaskObject');
  const notices = objects.filter(({ object }) => object.kind === 'NotificationObject');
  // A generation is one request that was done.
  const generations = objects.filter(({ object }) => object.kind !== 'NotificationObject');
  expect(generations.reduce((sum, { generation }) => sum + generation, 0)).toBe(done.length);
  // One warrant a task, in the state that the task says, and nothing is left to be done that could be.
  const warrants = life.desk.list();
  const references = tasks.map(({ object }) => `HI1 police ${object.identifier}`);
  expect(warrants.map(({ reference }) => reference).sort()).toEqual(
    references.filter((each) => life.desk.findByReference(each) !== null).sort(),
  );
  for (const each of tasks) {
    const record = life.desk.findByReference(`HI1 police ${each.object.identifier}`);
    // One that was cancelled before it was entered never is.
    if (record === null) expect(each.status, each.object.identifier).toBe('Cancelled');
    else if (['active', 'suspended'].includes(record.state))
      expect(each.status?.toLowerCase()).toBe(record.state);
    if (each.task?.due !== 'nothing') expect(record?.state).not.toBe('active');
  }
  // Each change of a status was told once.
  for (const each of [...tasks, objects[0]!])
    expect(toldOf(each, notices)).toEqual(distinct(toldOf(each, notices)));
  for (const each of tasks.filter(({ status }) => status !== 'AwaitingApproval'))
    expect(toldOf(each, notices).at(-1)).toBe(each.status);
  // The elements hold what is active.
  const active = warrants.filter(({ state }) => state === 'active').map(({ xid }) => xid);
  expect(
    elements.cscf.table
      .tasks()
      .map(({ xid }) => xid)
      .sort(),
  ).toEqual(active.sort());
}

/** The statuses that notifications have told of an object, in order. */
function toldOf({ object }: StoredObject, notices: readonly StoredObject[]): string[] {
  return notices
    .filter((each) => each.object.members.AssociatedObjects?.includes(object.identifier))
    .map(({ object: notice }) =>
      notice.kind === 'NotificationObject' ? (notice.members.NotificationDetails ?? '') : '',
    )
    .map((text) => text.replace(/^.* is /, ''));
}

/** Without those that are as the one before. */
function distinct(texts: readonly string[]): string[] {
  return texts.filter((text, at) => text !== texts[at - 1]);
}
