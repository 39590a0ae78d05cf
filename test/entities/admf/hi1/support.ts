/** HI1 of an ADMF with a home's elements in one process, without network; all answers are judged by ETSI's schemas. */
import { expect } from 'vitest';
import { systemRandom } from '../../../../src/host/runtime.ts';
import { WarrantDesk } from '../../../../src/entities/admf/desk.ts';
import type { DeskOptions } from '../../../../src/entities/admf/desk.ts';
import { ExchangeBook } from '../../../../src/entities/admf/hi1/exchange-book.ts';
import type { ExchangeBounds } from '../../../../src/entities/admf/hi1/exchange-book.ts';
import { FollowUp } from '../../../../src/entities/admf/hi1/follow-up.ts';
import type { Agency } from '../../../../src/entities/admf/hi1/ports.ts';
import { Hi1Service } from '../../../../src/entities/admf/hi1/service.ts';
import { checkWarrant } from '../../../../src/entities/admf/hi1/warrant-check.ts';
import { decodeHi1Message, encodeHi1Message } from '../../../../src/wire/hi1/messages.ts';
import type { Hi1Header, Hi1Message, Hi1Request, Hi1Response } from '../../../../src/wire/hi1/messages.ts';
import type { Hi1Object } from '../../../../src/wire/hi1/objects.ts';
import { Gathered } from '../../../support/gathered.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { missingShared, missingTool } from '../../../support/shared.ts';
import { silent } from '../../../support/silent.ts';
import { HI1_SCHEMA, judged } from '../../../wire/hi1/support.ts';
import { breathe, home, HOUR, NOW } from '../support.ts';

export const CSP = { CountryCode: 'XX', UniqueIdentifier: 'ACTOR02' };
export const POLICE: Agency = {
  name: 'police',
  endpoints: [{ CountryCode: 'XX', UniqueIdentifier: 'ACTOR01' }],
};
export const CUSTOMS: Agency = {
  name: 'customs',
  endpoints: [{ CountryCode: 'XX', UniqueIdentifier: 'CUSTOMS' }],
};
/** The only officer. */
export const OFFICER = { by: 'anna', reason: 'ordered by the court' };

const answers = new Gathered<Uint8Array>();

/** At the end of a test file: every answer that it has got is valid. */
export function judgeAnswers(): void {
  answers.judgedAtEnd((all) => {
    expect(all).not.toEqual([]);
    if (!missingShared(HI1_SCHEMA) && !missingTool('xmllint')) expect(judged(all)).toBe('');
  });
}

export const etsi = (Name: string, Value: string) => ({ Owner: 'ETSI', Name, Value });
export const uuid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export const at = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

type Members = Readonly<Record<string, unknown>>;

export function authorisation(number: number, members: Members = {}): Hi1Object {
  const base = {
    AuthorisationReference: `W${number}`,
    AuthorisationTimespan: { StartTime: at(NOW), EndTime: at(NOW + HOUR) },
  };
  return objectOf('AuthorisationObject', number, { ...base, ...members });
}

/** A task of authorisation 1, unless it says otherwise. */
export function task(number: number, members: Members = {}): Hi1Object {
  return objectOf('LITaskObject', number, {
    AssociatedObjects: [uuid(1)],
    Reference: `LIID${number}`,
    TargetIdentifier: { TargetIdentifierValues: [target('SIPURI', 'sip:alice@home1.example')] },
    DeliveryType: etsi('TaskDeliveryType', 'IRIandCC'),
    DeliveryDetails: [{ DeliveryAddress: { kind: 'FQDN', value: 'lemf.example' } }],
    ...members,
  });
}

/** A destination that is named by an end point, with a profile. */
export function deliveredTo(UniqueIdentifier: string, DeliveryProfile?: object) {
  const value = { CountryCode: 'XX', UniqueIdentifier };
  const profile = DeliveryProfile === undefined ? {} : { DeliveryProfile };
  return { DeliveryAddress: { kind: 'EndpointID', value }, ...profile };
}

export function target(FormatName: string, Value: string) {
  return { FormatType: { FormatOwner: 'ETSI', FormatName }, Value };
}

export function objectOf(kind: string, number: number, members: Members): Hi1Object {
  return { kind, identifier: uuid(number), members, unknown: [] } as unknown as Hi1Object;
}

/** What one asks, without numbers. */
export type Asked = Hi1Request extends infer R
  ? R extends Hi1Request
    ? Omit<R, 'id'> & { id?: string }
    : never
  : never;

export const create = (...objects: readonly Hi1Object[]): Asked[] =>
  objects.map((object) => ({ action: 'CREATE', object }));
export const update = (...objects: readonly Hi1Object[]): Asked[] =>
  objects.map((object) => ({ action: 'UPDATE', object }));
export const get = (...numbers: readonly number[]): Asked[] =>
  numbers.map((number) => ({ action: 'GET', identifier: uuid(number) }));
export const list = (kind?: string): Asked[] => [
  { action: 'LIST', ...(kind === undefined ? {} : { objectType: etsi('ObjectType', kind) }) },
];

export interface AskOptions {
  readonly path?: string;
  readonly agency?: Agency;
  readonly transaction?: string;
  readonly header?: Partial<Hi1Header>;
}

let transactions = 0;

export async function openHi1(
  desk: Partial<DeskOptions> = {},
  {
    file = ':memory:',
    retentionMs = 100 * HOUR,
    bounds = {},
    now = NOW,
  }: {
    readonly file?: string;
    readonly retentionMs?: number;
    readonly bounds?: Partial<ExchangeBounds>;
    readonly now?: number;
  } = {},
) {
  const clock = new ManualClock(now);
  const bench = await home(clock, undefined, file);
  const admf = await bench.open({ drainMs: 5000, retentionMs });
  const officers = new WarrantDesk(admf, {
    ...{ approval: 'two', emergencyMs: HOUR / 2, random: systemRandom(), audit: bench.audit },
    ...desk,
  });
  const store = bench.store.hi1;
  const start = () => {
    const exchanges = new ExchangeBook({ store, clock, ...bounds });
    const common = { store, clock, logger: silent, audit: bench.audit, exchanges };
    const followUp = new FollowUp({
      ...common,
      desk: officers,
      random: systemRandom(),
      retentionMs,
      settleMs: 1000,
    });
    const service = new Hi1Service({
      ...common,
      followUp,
      own: CSP,
      setting: {
        endpoints: [
          {
            ...{ country: 'XX', identifier: 'LEMF1' },
            ...{ hi2: { host: 'lemf2.example', port: 9002 }, hi3: { host: 'lemf2.example', port: 9003 } },
          },
          {
            ...{ country: 'XX', identifier: 'LEMF2', xk: 'lemf.police.example' },
            ...{ hi2: { host: 'lemf3.example', port: 9002 }, hi3: { host: 'lemf3.example', port: 9003 } },
          },
          {
            ...{ country: 'XX', identifier: 'LEMF3', xk: 'lemf.stranger.example' },
            ...{ hi2: { host: 'lemf4.example', port: 9002 }, hi3: { host: 'lemf4.example', port: 9003 } },
          },
        ],
        ports: { hi2: 8002, hi3: 8003 },
      },
      findWarrant: (liid) => officers.find(liid),
      checkWarrant: (warrant, now) => checkWarrant(warrant, { host: 'df.home1.example', port: 7001 }, now),
    });
    return { followUp, service, exchanges };
  };
  const running = start();

  const messageOf = (asked: readonly Asked[], options: AskOptions = {}): Hi1Message => {
    const { agency = POLICE, header = {} } = options;
    transactions += 1;
    const { transaction = uuid(1_000_000 + transactions) } = options;
    const [sender = CSP] = agency.endpoints;
    return {
      header: {
        ...{ sender, receiver: CSP, transaction, timestamp: clock.now() },
        version: { etsi: 'V1.12.1', profileOwner: 'XX', profileVersion: 'v1.0' },
        ...header,
      },
      payload: {
        kind: 'requests',
        actions: asked.map((action, index) => ({ id: String(index), ...action })),
      },
    };
  };
  /** The answer in full. */
  const exchange = async (asked: readonly Asked[], options: AskOptions = {}) => {
    const { path = '/', agency = POLICE } = options;
    const octets = encodeHi1Message(messageOf(asked, options));
    const answer = await running.service.answer(octets, path, agency);
    if (answer !== null) answers.add(answer);
    return { octets, answer, message: answer === null ? null : decodeHi1Message(answer) };
  };
  /** The answers to actions, or the one error. */
  const ask = async (asked: readonly Asked[], options: AskOptions = {}): Promise<readonly Hi1Response[]> => {
    const { message } = await exchange(asked, options);
    if (message?.payload.kind === 'error')
      return [{ id: 'whole', action: 'ErrorInformation', ...message.payload.error }];
    return message?.payload.kind === 'responses' ? message.payload.actions : [];
  };
  /** What became of each action: `done`, or the error's code. */
  const outcomes = async (asked: readonly Asked[], options: AskOptions = {}) =>
    (await ask(asked, options)).map((each) => (each.action === 'ErrorInformation' ? each.ErrorCode : 'done'));
  const object = async (number: number, agency = POLICE): Promise<Members> => {
    const [answer] = await ask(get(number), { agency });
    if (answer?.action !== 'GETResponse' || answer.object.kind === 'other')
      throw new Error('there is no such object');
    return answer.object.members;
  };
  const statusOf = async (number: number): Promise<unknown> => {
    const { AuthorisationStatus, Status } = await object(number);
    const entry = (AuthorisationStatus ?? Status) as { readonly Value: string } | undefined;
    return entry?.Value;
  };
  /** Lets what follows happen. */
  const settle = async (ms = 0): Promise<void> => {
    for (let i = 0; i < 5; i += 1) {
      await breathe();
      await running.followUp.queue.ended();
    }
    if (ms > 0) await clock.pass(ms);
    for (let i = 0; i < 5; i += 1) {
      await breathe();
      await running.followUp.queue.ended();
    }
  };
  /** Details of all notifications, in order. */
  const notices = async (): Promise<unknown[]> => {
    const [listed] = await ask(list('Notification'));
    if (listed?.action !== 'LISTResponse') return [];
    const asked = listed.records.map(({ identifier }): Asked => ({ action: 'GET', identifier }));
    if (asked.length === 0) return [];
    const found = await ask(asked);
    return found.map((each) =>
      each.action === 'GETResponse' && each.object.kind === 'NotificationObject'
        ? each.object.members.NotificationDetails
        : null,
    );
  };
  return {
    ...bench,
    clock,
    admf,
    desk: officers,
    running,
    start,
    messageOf,
    exchange,
    ask,
    outcomes,
    object,
    statusOf,
    settle,
    notices,
  };
}

/** An authorisation with one task, approved and active. */
export async function active() {
  const lab = await openHi1();
  expect(
    await lab.outcomes(create(authorisation(1), task(2)), {
      path: '/li/authorisation/new',
    }),
  ).toEqual(['done', 'done']);
  await lab.settle();
  await lab.desk.approve('LIID2', OFFICER);
  await lab.settle();
  return lab;
}
