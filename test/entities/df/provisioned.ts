/** What a delivery function, a process, is started with: a task for the caller of the vectors, and a KMS that knows the call. */
import { httpsServer, listen } from '../../../src/net/https.ts';
import { loadTls } from '../../../src/net/tls.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { encodeGetKeysResponse, GET_KEYS_PATH } from '../../../src/wire/xk/get-keys.ts';
import type { Runtime } from '../../../src/host/runtime.ts';
import type { TaskStore } from '../../../src/x1/task-changes.ts';
import { SqliteTaskStore } from '../../../src/x1/task-store.ts';
import type { Destination } from '../../../src/wire/x1/details.ts';
import { putTask } from '../../x1/stored-task.ts';
import { keysOf, vector, XID } from './support.ts';

const LEMF = '00000000-0000-4000-8000-000000000002';
const LEMF_FOR_CONTENT = '00000000-0000-4000-8000-000000000003';

/** A task with one warrant and one destination for all. @param port where the LEMF takes HI2 and HI3 */
export async function provisionDf(file: string, port: number, liid: string): Promise<void> {
  const store = await SqliteTaskStore.open(file);
  await provisionStore(store, port, liid);
  await store.close();
}

/** The same in a store that is open. */
export function provisionStore(store: Pick<TaskStore, 'commit'>, port: number, liid: string): Promise<void> {
  const task = {
    xid: XID,
    targets: [{ name: 'sipUri', value: vector().uri.i }],
    deliveryType: 'X2andX3',
    dids: [LEMF],
    mediation: [{ liid, deliveryType: 'HI2andHI3', dids: [] }],
  } as const;
  const address = { kind: 'ipAddressAndPort', address: '127.0.0.1', port, transport: 'tcp' } as const;
  return putTask(store, task, address);
}

/** The same with a destination for HI2 and another for HI3. */
export async function provisionApart(
  file: string,
  ports: { readonly hi2: number; readonly hi3: number },
  liid: string,
): Promise<void> {
  const store = await SqliteTaskStore.open(file);
  await provisionStore(store, ports.hi2, liid);
  const { tasks, destinations } = await store.load();
  const content: Destination = {
    did: LEMF_FOR_CONTENT,
    deliveryType: 'X3Only',
    address: { kind: 'ipAddressAndPort', address: '127.0.0.1', port: ports.hi3, transport: 'tcp' },
  };
  const both = tasks.map((record) => ({
    ...record,
    task: { ...record.task, dids: [LEMF, LEMF_FOR_CONTENT] },
  }));
  const signalling = destinations.map((one): Destination => ({ ...one, deliveryType: 'X2Only' }));
  await store.commit({
    tasks: new Map(both.map((record) => [record.task.xid, record])),
    destinations: new Map([...signalling, content].map((one) => [one.did, one])),
  });
  await store.close();
}

/** Answers every question, whatever it is, with the keys of the vectors' call. */
export async function startKeySource(
  tls: TlsFiles,
  { clock, logger }: Pick<Runtime, 'clock' | 'logger'>,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = httpsServer({
    ...{ name: 'Xk', tls: loadTls(tls, clock.now()), logger },
    ...{ authentication: 'mutual', minVersion: 'TLSv1.3' },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  const answer = Buffer.from(encodeGetKeysResponse(keysOf(vector())).expose());
  server.post(GET_KEYS_PATH, (_request, reply) => reply.type('application/json').send(answer));
  return { port: await listen(server, '127.0.0.1', 0), close: () => server.close() };
}
