/** A LEMF that moves while much waits for it, which one of several mediators hears of by X1 and another delivers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { recordEncoder } from '../../../src/entities/df/handover/encoder.ts';
import { JoinedOutbox } from '../../../src/entities/df/joined-outbox.ts';
import type { OutboxAppend } from '../../../src/entities/df/ports.ts';
import { startPartitions } from '../../../src/entities/df/start-delivery.ts';
import { PartitionedDfStore } from '../../../src/entities/df/store/postgresql-partitions.ts';
import { startLemf } from '../../../src/entities/lemf/start.ts';
import { STREAM_LIMITS } from '../../../src/net/connections.ts';
import { HostMap } from '../../../src/net/hosts.ts';
import { loadTls } from '../../../src/net/tls.ts';
import { StorageError } from '../../../src/storage/errors.ts';
import { TaskTable } from '../../../src/x1/tasks.ts';
import { elementRuntime as runtime } from '../../support/elements.ts';
import { deliveredOf } from '../../support/handed-over.ts';
import { missingPostgresql, testAccess } from '../../support/postgresql.ts';
import { roleCertificates } from '../../support/role-certificates.ts';
import { NAME } from './handover/pair.ts';
import { provisionStore } from './provisioned.ts';
import { NOTHING } from './store/compliance-values.ts';
import { Issues, TestKms } from './support.ts';

const LEMF = '00000000-0000-4000-8000-000000000002';
const PDUS = 300;
/** PDUs that are under way. */
const WINDOW = 8;

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-moved-'));
afterAll(() => rmSync(folder, { recursive: true }));
const encode = recordEncoder(NAME);

function pdu(n: number): OutboxAppend {
  const common = { liid: 'LIID-1', cin: 1, time: runtime.clock.now(), correlation: new Uint8Array(8) };
  const sip = utf8(`MESSAGE sip:b@home2.example SIP/2.0\r\n\r\n${n}`);
  const record = { ...common, direction: 'fromTarget', kind: 'sip-message', observed: [], sip } as const;
  return {
    ...{ did: LEMF, interface: 'hi2', liid: 'LIID-1', cin: 1, sequenceNumber: n },
    octets: encode(record, n),
  };
}

describe.skipIf(missingPostgresql())('A LEMF that X1 moves at one of several mediators', () => {
  it('R-56: is sent nothing more where it was, whoever delivers, once X1 is answered, and the rest where it is', async () => {
    const files = await roleCertificates(folder, runtime.clock.now(), ['df', 'lemf']);
    const lemfAt = async (name: string) => {
      const anyPort = { address: '127.0.0.1', port: 0, connections: STREAM_LIMITS };
      const place = path.join(folder, name);
      const lemf = await startLemf(
        { hi2: anyPort, hi3: anyPort, tls: files.lemf, folder: place, recoverAfter: 1 },
        runtime,
      );
      onTestFinished(() => lemf.stop());
      const numbers = (): number[] =>
        deliveredOf(path.join(place, 'hi2.ber')).map(({ header }) => header.sequenceNumber);
      return { port: lemf.hi2.port, numbers };
    };
    const [former, present] = [await lemfAt('former'), await lemfAt('present')];
    const access = await testAccess();
    const storeOf = async (instance: string) => {
      const store = await PartitionedDfStore.open(access, instance, 1, runtime);
      onTestFinished(() => store.close());
      return store;
    };
    const [a, b] = [await storeOf('a'), await storeOf('b')];
    await provisionStore(a.tasks(), former.port, 'LIID-1');
    const table = await TaskTable.open(runtime.clock, a.tasks());
    const elsewhere = await TaskTable.open(runtime.clock, b.tasks());
    const partition = await a.partition(0, { streamMadeAt: 1, token: 1 });
    const outbox = new JoinedOutbox();
    const running = await startPartitions(
      {
        ...{ setAside: path.join(folder, 'set-aside.db'), tls: loadTls(files.df, runtime.clock.now()) },
        ...{ hosts: new HostMap(), name: NAME, table, keys: new TestKms() },
        issues: Object.assign(new Issues(), { raised: () => undefined, cleared: () => undefined }),
        handover: { window: WINDOW, acknowledgeEvery: WINDOW, acknowledgeDelay: 5 },
      },
      runtime,
      {
        ...{ partitions: 1, outbox },
        sharedTasks: {
          get version() {
            return table.version;
          },
          refresh: () => table.refresh(),
          isOutdated: (error) => error instanceof StorageError && error.code === 'outdated',
        },
      },
      async (host) => {
        await host.open(0, partition);
        outbox.add(0, partition);
        return { failure: null, peers: () => [], stop: () => Promise.resolve() };
      },
    );
    onTestFinished(() => running.stop());
    await partition.commit({ ...NOTHING, outbox: Array.from({ length: PDUS }, (_, n) => pdu(n)) });
    await expect.poll(() => former.numbers().length, { interval: 5 }).toBeGreaterThan(5 * WINDOW);
    const [destination] = elsewhere.destinations();
    const address = {
      kind: 'ipAddressAndPort',
      address: '127.0.0.1',
      port: present.port,
      transport: 'tcp',
    } as const;
    await elsewhere.modifyDestination({ ...destination!, address });
    const sent = former.numbers().length;
    await expect.poll(() => partition.waiting(LEMF).count, { timeout: 20_000 }).toBe(0);
    // What was under way when it moved may have come there in the end, and comes again where it is.
    expect(former.numbers().length - sent).toBeLessThanOrEqual(WINDOW);
    expect(sent).toBeLessThan(PDUS - WINDOW);
    const all = new Set([...former.numbers(), ...present.numbers()]);
    expect([...all].sort((x, y) => x - y)).toEqual([...Array(PDUS).keys()]);
    expect(present.numbers().length).toBeGreaterThanOrEqual(PDUS - sent - WINDOW);
  });
});
