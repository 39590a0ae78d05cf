/**
 * A store of a delivery function as a process of its own, which commits as fast as it can until it is killed:
 * `node main.mjs DATABASE`. It says first what it has found; what it has committed it writes down beside the database, as
 * whoever is told of it would.
 */
import { appendFileSync } from 'node:fs';
import type { OutboxAppend, StoredKeySession } from '../../../../src/entities/df/ports.ts';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import { CALL, NOTHING } from './compliance-values.ts';

/** What there is after a start. */
export interface FoundInStore {
  readonly nextHi2: number;
  readonly nextHi3: number;
  readonly streamNext: number;
  /** The number of HI3 with which the key management of the call changed last. */
  readonly keyed: number;
  /** Numbers that wait. */
  readonly hi2: readonly number[];
  readonly lemf: readonly number[];
  readonly other: readonly number[];
  readonly damage: readonly string[];
}

const file = process.argv[2] ?? '';
const store = await SqliteDfStore.open(file, 'thread');
const damage: string[] = [];
store.watchDamage((text) => damage.push(text));
const { communications, streams, keySessions } = await store.load();
let { nextHi2, nextHi3 } = communications[0] ?? { nextHi2: 0, nextHi3: 0 };
let keyed = Number(keySessions[0]?.session.accepted?.[0] ?? 0);
const waiting = await store.pending('lemf', 0, 1_000_000);
const numbers = (reference: string): number[] =>
  waiting.flatMap((entry) => (entry.interface === reference ? [entry.sequenceNumber] : []));
const found: FoundInStore = {
  ...{ nextHi2, nextHi3, streamNext: streams[0]?.nextSequenceNumber ?? 0, keyed, damage },
  ...{ hi2: numbers('hi2'), lemf: numbers('hi3') },
  other: (await store.pending('other', 0, 1_000_000)).map((entry) => entry.sequenceNumber),
};
process.stdout.write(`${JSON.stringify(found)}\n`);

const append = (did: string, reference: 'hi2' | 'hi3', sequenceNumber: number): OutboxAppend => ({
  ...{ did, interface: reference, liid: CALL.liid, cin: CALL.cin, sequenceNumber },
  octets: new Uint8Array(100 + (sequenceNumber % 300)).fill(sequenceNumber),
});
/** As kept after content with that number. */
const session = (number: number): StoredKeySession => ({
  session: {
    ...{ xid: 'X', correlation: CALL.correlation, observed: [], messages: [], questions: [], delivered: [] },
    accepted: [String(number)],
  },
  lastSeen: CALL.lastSeen,
});
/** What has to be in the database. */
const loss = {
  ...({ did: 'lemf', liid: CALL.liid, interface: 'hi3', cin: CALL.cin } as const),
  ...{ first: 0, last: 0, pdus: 1, octets: 1, since: 0 },
};
for (let round = 0; ; round++) {
  const outbox: OutboxAppend[] = [];
  for (let n = 0; n <= round % 4; n++, nextHi3++)
    outbox.push(append('lemf', 'hi3', nextHi3), append('other', 'hi3', nextHi3));
  if (round % 5 === 0) outbox.push(append('lemf', 'hi2', nextHi2++));
  const isKeyed = round % 3 === 0;
  if (isKeyed) keyed = nextHi3;
  await store.commit({
    ...NOTHING,
    keySessions: isKeyed ? [session(keyed)] : [],
    losses: round % 7 === 3 ? [loss] : [],
    streams: [{ key: 's', nextSequenceNumber: nextHi3, lastTime: nextHi3 }],
    communications: [{ ...CALL, nextHi2, nextHi3, standing: 'proven' }],
    outbox,
  });
  appendFileSync(`${file}.committed`, `${nextHi2} ${nextHi3} ${keyed}\n`);
  if (round % 6 !== 0) continue;
  const [, , content] = (await store.pending('lemf', 0, 1000)).filter((entry) => entry.interface === 'hi3');
  if (content !== undefined) await store.acknowledge('lemf', content.position);
  if (round % 12 === 0) await store.upkeep();
}
