/** What a NATS server lets each role of a DF do, by the settings that `docs/operations.md` has: what it needs, and no more. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { connect, PermissionViolationError } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { dfProcessConfig } from '../../../src/entities/df/config.ts';
import type { DfRole } from '../../../src/entities/df/config.ts';
import { startRoles } from '../../../src/entities/df/start-roles.ts';
import { systemClock } from '../../../src/host/runtime.ts';
import { inboxOf, StreamServer } from '../../../src/storage/jetstream.ts';
import { fences, page } from '../../docs/support.ts';
import { deliveredOf } from '../../support/handed-over.ts';
import { elementRuntime as runtime } from '../../support/elements.ts';
import { missingNats, NatsServer } from '../../support/nats-server.ts';
import { silent } from '../../support/silent.ts';
import { callToLemf } from './call-to-lemf.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-rights-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [AUTHORIZATION = ''] = fences(page('docs/operations.md'))
  .map(({ lines }) => lines.join('\n'))
  .filter((text) => text.includes('user: intake'));
const DID = '00000000-0000-4000-8000-000000000002';

/** Tries things, and gives the subjects of those that the server refused as not permitted. */
async function refusals(
  nats: NatsServer,
  user: string,
  tries: (connection: NatsConnection) => readonly (() => Promise<unknown>)[],
): Promise<string[]> {
  const { servers, password } = nats.accessBy(user);
  const connection = await connect({
    ...{ servers: [...servers], user, pass: password(), inboxPrefix: inboxOf(user), noAsyncTraces: true },
  });
  const refused: string[] = [];
  const watching = (async () => {
    for await (const event of connection.status())
      if (event.type === 'error' && event.error instanceof PermissionViolationError)
        refused.push(event.error.subject);
  })();
  for (const attempt of tries(connection)) await attempt().catch(() => undefined);
  // Whatever was said before has been answered.
  await connection.flush();
  await connection.close();
  await watching;
  return refused;
}

const NOTHING = new Uint8Array();
/** A question to the server. */
const asks =
  (connection: NatsConnection, subject: string, body: object = {}) =>
  () =>
    connection.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 1_000 });
const says = (connection: NatsConnection, subject: string) => () =>
  jetstream(connection).publish(subject, NOTHING, { timeout: 1_000, retries: 0 });
const hears = (connection: NatsConnection, subject: string) => async () => {
  for await (const _ of connection.subscribe(subject, { max: 1 })) break;
};

describe.skipIf(missingNats())('R-57: a user of the NATS server for each role of a DF', () => {
  it('may do what the role needs, and read and say nothing else', async () => {
    const nats = await NatsServer.own({ authorization: AUTHORIZATION });
    onTestFinished(() => nats.remove());
    const chain = await callToLemf(folder);
    onTestFinished(() => chain.stop());
    const start = async (role: DfRole) => {
      const file = (name: string) => path.join(folder, `${role}.${name}`);
      const { store, x1, ...others } = chain.settings;
      const own =
        role === 'mediation' ? { store, x1 } : { store: file('db'), x1: { ...x1, store: file('tasks') } };
      const streams = { ...nats.settings('df1', role), partitions: 2, leaseMs: 1_000 };
      const settings = { ...others, ...own, audit: file('jsonl'), roles: [role], streams };
      const running = await startRoles(dfProcessConfig(settings), runtime);
      onTestFinished(() => running.stop());
      return running;
    };
    // Who may not make the streams waits for who does.
    const early = [start('intake'), start('delivery')] as const;
    await start('mediation');
    const [{ x2x3 }, delivery] = await Promise.all(early);
    await chain.report(x2x3?.port ?? 0, 60, () => undefined);
    const received = (kind: string) => deliveredOf(path.join(folder, 'lemf', `${kind}.ber`)).length;
    await expect.poll(() => [received('hi2'), received('hi3')]).toEqual([1, 60]);
    await expect
      .poll(async () => (await delivery.operation.state()).queues.map(({ entries }) => entries))
      .toEqual([0, 0, 0, 0]);

    const mediation = await StreamServer.connect(nats.accessBy('mediation'), {
      clock: systemClock(),
      logger: silent,
    });
    onTestFinished(() => mediation.close());
    const lemf = await mediation.newest('df1-lemf', `df1.lemf.${DID}`);
    const subjects = ['df1.lease.mediation', 'df1.lease.layout', `df1.lemf.${DID}`, `df1.hi2.${DID}`];
    const streams = ['df1-x2', 'df1-x3'];
    const reads = (stream: string) => [
      `STREAM.MSG.GET.${stream}`,
      `CONSUMER.CREATE.${stream}.c`,
      `STREAM.DELETE.${stream}`,
    ];
    const inboxes = (connection: NatsConnection, user: string) => [
      hears(connection, 'df1.>'),
      hears(connection, '>'),
      hears(connection, `_INBOX.${user}.>`),
    ];
    const intake = [...streams, 'df1-hi2', 'df1-hi3', 'df1-lemf'].flatMap(reads);
    intake.push('STREAM.PURGE.df1-x2', 'STREAM.CREATE.other', 'STREAM.UPDATE.df1-x2');
    expect(
      await refusals(nats, 'intake', (connection) => [
        ...[...subjects, `df1.told.${DID}`, `df1.delivery.${DID}`].map((subject) =>
          says(connection, subject),
        ),
        ...intake.map((subject) => asks(connection, subject)),
        ...inboxes(connection, 'mediation'),
      ]),
    ).toEqual([
      ...[...subjects, `df1.told.${DID}`, `df1.delivery.${DID}`],
      ...intake.map((subject) => `$JS.API.${subject}`),
      ...['df1.>', '>', '_INBOX.mediation.>'],
    ]);
    const delivering = streams.flatMap(reads);
    delivering.push('STREAM.DELETE.df1-hi2', 'STREAM.CREATE.other', 'STREAM.UPDATE.df1-hi2');
    expect(
      await refusals(nats, 'delivery', (connection) => [
        ...['df1.x2.0', 'df1.x3.1', ...subjects].map((subject) => says(connection, subject)),
        ...delivering.map((subject) => asks(connection, subject)),
        ...inboxes(connection, 'mediation'),
      ]),
    ).toEqual([
      ...['df1.x2.0', 'df1.x3.1', ...subjects],
      ...delivering.map((subject) => `$JS.API.${subject}`),
      ...['df1.>', '>', '_INBOX.mediation.>'],
    ]);
    expect((await mediation.newest('df1-lemf', `df1.lemf.${DID}`))?.number).toBe(lemf?.number);
  });
});
