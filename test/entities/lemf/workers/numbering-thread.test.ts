import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { concat } from '../../../../src/bytes/octets.ts';
import type { LemfEvent } from '../../../../src/entities/lemf/ports.ts';
import { LemfReceiver } from '../../../../src/entities/lemf/receiver.ts';
import { LemfFiles } from '../../../../src/entities/lemf/store/files.ts';
import { openScratch, removeOldNumbers, SqliteNumbers } from '../../../../src/entities/lemf/store/numbers.ts';
import { NumberingThread } from '../../../../src/entities/lemf/workers/numbering-thread.ts';
import { systemClock } from '../../../../src/host/runtime.ts';
import { LI_PS_DOMAIN } from '../../../../src/wire/hi/header.ts';
import { encodePsPdu } from '../../../../src/wire/hi/ps-pdu.ts';
import { silent } from '../../../support/silent.ts';
import { delivered, InterceptedCall, LIID } from '../call.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-numbering-'));
const DF = 'df.home1.example';
/** Enough that what comes meanwhile is worth another round of the thread. */
const old = new InterceptedCall('exchange-1.json', { packets: 600 });
const OLD = { hi2: delivered([...old.signalling, ...old.keys]), hi3: delivered(old.content) };
const other = delivered(new InterceptedCall('exchange-1.json', { packets: 3, law: 'pcmu' }).signalling);
const now = new InterceptedCall('exchange-1.json', { packets: 130, cin: 2 });
const NEW = { hi2: delivered([...now.signalling, ...now.keys]), hi3: delivered(now.content) };

afterAll(() => rmSync(root, { recursive: true }));

/** A LEMF with files. @param readFirst 0: a thread numbers them; Infinity: they are read before anything else */
class Started {
  readonly folder = mkdtempSync(path.join(root, 'lemf-'));
  readonly files = new LemfFiles(this.folder);
  readonly events: LemfEvent[] = [];
  readonly thread: NumberingThread;
  readonly receiver: LemfReceiver;
  readonly connection;

  constructor(readFirst: number, append: (files: LemfFiles) => void = () => undefined) {
    for (const kind of ['hi2', 'hi3'] as const) {
      for (const pdu of OLD[kind]) this.files.append(kind, pdu, DF);
    }
    append(this.files);
    const paths = { hi2: this.files.path('hi2'), hi3: this.files.path('hi3') };
    this.thread = new NumberingThread(this.folder, paths);
    this.receiver = new LemfReceiver({
      store: this.files,
      numbers: new SqliteNumbers(openScratch(':memory:')),
      elsewhere: this.thread,
      clock: systemClock(),
      logger: silent,
      readFirst,
      onEvent: (event) => this.events.push(event),
    });
    const channel = { send: () => undefined, close: () => undefined };
    this.connection = this.receiver.accept(channel, DF, 'hi2');
  }

  async caughtUp(): Promise<void> {
    await expect.poll(() => this.receiver.isIdle, { timeout: 50_000 }).toBe(true);
  }

  /** What was told, but for when. */
  get told(): object[] {
    return this.events.map(({ at: _, ...event }) => event);
  }

  async end(): Promise<void> {
    this.receiver.stop();
    await this.thread.close();
    await this.files.close();
  }
}

function reset(): Uint8Array {
  const header = {
    domainId: LI_PS_DOMAIN,
    liid: LIID,
    operatorIdentifier: 'home1',
    sequenceNumber: 0,
    cin: 1,
  };
  return encodePsPdu({ header, payload: { kind: 'tri', message: { type: 'cinReset' } } });
}

describe('R-73: what a LEMF has stored is numbered in a thread of its own', () => {
  const all: Started[] = [];
  const started = (...args: ConstructorParameters<typeof Started>): Started => {
    const lemf = new Started(...args);
    all.push(lemf);
    return lemf;
  };
  afterEach(async () => {
    for (const lemf of all.splice(0)) await lemf.end();
  });

  it('what comes meanwhile is told of in the order and with the verdicts of one that has read first', async () => {
    const batch = concat(...OLD.hi3.slice(0, 2), NEW.hi2[3]!, other[0]!, ...NEW.hi3, reset(), ...OLD.hi2);
    const [beside, first] = [started(0), started(Infinity)];
    for (const lemf of [beside, first]) lemf.connection.received(batch);
    expect(beside.receiver.behind).toBeGreaterThan(0);
    await beside.caughtUp();
    // The files hold HI2 and HI3 apart; within each the order is that of arrival.
    const ofKind = (lemf: Started, kind: string) =>
      lemf.told.filter((event) => JSON.stringify(event).includes(`"kind":"${kind}"`));
    for (const kind of ['hi2', 'hi3']) expect(ofKind(beside, kind)).toEqual(ofKind(first, kind));
    const types = (lemf: Started) => lemf.events.map(({ type }) => type).sort();
    expect(types(beside)).toEqual(types(first));
    const { stored: _, ...counts } = first.receiver.counts;
    expect(beside.receiver.counts).toMatchObject(counts);
  });

  it('what it knows is known here afterwards: copies, conflicts, numbers of communications', async () => {
    const [beside, first] = [started(0), started(Infinity)];
    await beside.caughtUp();
    for (const lemf of [beside, first]) {
      lemf.connection.received(concat(...OLD.hi3, ...OLD.hi2, other[0]!, ...NEW.hi3));
    }
    expect(beside.told).toEqual(first.told);
    expect(beside.receiver.counts).toEqual(first.receiver.counts);
    expect(beside.files.lengths).toEqual(first.files.lengths);
  });

  it('what it cannot read is damaged: nothing more is taken', async () => {
    const noCin = encodePsPdu({
      header: { domainId: LI_PS_DOMAIN, liid: LIID, operatorIdentifier: 'home1', sequenceNumber: 0 },
      payload: { kind: 'cc', packets: [] },
    });
    const damaged = started(0, (files) => files.append('hi3', noCin, DF));
    await expect.poll(() => damaged.receiver.broken).toMatch(/cannot be read \(.*has no CIN\)/);
  });

  it('leaves nothing behind: not when it is stopped in the middle, nor after a process that was killed', async () => {
    const stopped = started(0);
    stopped.receiver.stop();
    await stopped.thread.close();
    const numbers = (lemf: Started) =>
      readdirSync(lemf.folder).filter((name) => name.startsWith('.numbers-'));
    expect(numbers(stopped)).toEqual([]);
    expect(stopped.receiver.behind).toBeGreaterThan(0);
    mkdirSync(path.join(stopped.folder, '.numbers-left'));
    writeFileSync(path.join(stopped.folder, '.numbers-left', 'numbers'), 'what is left');
    removeOldNumbers(stopped.folder);
    expect(numbers(stopped)).toEqual([]);
  });
});
