/** What lies between those who mediate and those who deliver, for tests: outboxes, streams of PS-PDUs, and who reads them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { recordEncoder } from '../../src/entities/df/handover/encoder.ts';
import { handoverStreams } from '../../src/entities/df/listeners/handover-streams.ts';
import type { HandoverStreamSettings } from '../../src/entities/df/listeners/handover-streams.ts';
import { StreamedOutbox } from '../../src/entities/df/listeners/streamed-outbox.ts';
import type { StreamedOutboxOptions } from '../../src/entities/df/listeners/streamed-outbox.ts';
import type { OutboxAppend } from '../../src/entities/df/ports.ts';
import { SqliteDfStore } from '../../src/entities/df/store/sqlite.ts';
import type { StreamServer } from '../../src/storage/jetstream.ts';
import { NAME } from '../entities/df/handover/pair.ts';
import { NOTHING } from '../entities/df/store/compliance-values.ts';
import { OwnStreams, STREAM_PORTS } from './own-streams.ts';

export const LEMF = '00000000-0000-4000-8000-000000000002';
export const OTHER_LEMF = '00000000-0000-4000-8000-000000000003';

const encode = recordEncoder(NAME);

/** A PDU of a call: a record of HI2, or a packet of so many octets. */
export function psPdu(did: string, liid: string, n: number, octets?: number): OutboxAppend {
  const common = { liid, cin: 1, time: 1_000, correlation: new Uint8Array(8) };
  const call = { ...common, direction: 'fromTarget' } as const;
  const sip = utf8(`MESSAGE sip:b@home2.example SIP/2.0\r\n\r\n${n}`);
  const made =
    octets === undefined
      ? encode({ ...call, kind: 'sip-message', observed: [], sip }, n)
      : encode(
          { ...call, kind: 'cc', format: 'rtp', content: new Uint8Array(octets), streamIdentifier: '' },
          n,
        );
  const reference = octets === undefined ? 'hi2' : 'hi3';
  return { did, interface: reference, liid, cin: 1, sequenceNumber: n, octets: made };
}

export type HandoverWaySettings = HandoverStreamSettings & { readonly leaseMs: number };

export class HandoverWays {
  readonly #streams = new OwnStreams();
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'claviger-handover-ways-'));
  #count = 0;

  /** To be made in a `describe`. */
  constructor() {
    afterAll(() => rmSync(this.#folder, { recursive: true }));
  }

  get server(): StreamServer {
    return this.#streams.server;
  }

  streams(): Promise<HandoverWaySettings> {
    const octets = { hi2Octets: 4 << 20, hi3Octets: 4 << 20 };
    return this.#streams.make({ replicas: 1, leaseMs: 500, ...octets }, handoverStreams);
  }

  /** An outbox of somebody who mediates, for as long as the test takes. */
  async store(): Promise<SqliteDfStore> {
    const opened = await SqliteDfStore.open(path.join(this.#folder, `${++this.#count}.sqlite`));
    onTestFinished(() => opened.close());
    return opened;
  }

  append(outbox: SqliteDfStore, ...all: OutboxAppend[]) {
    return outbox.commit({ ...NOTHING, outbox: all });
  }

  /** The outbox of somebody who delivers, and has all destinations. */
  read(
    settings: HandoverWaySettings,
    changes: Partial<Pick<StreamedOutboxOptions, 'holds' | 'clock'>> = {},
  ): StreamedOutbox {
    const outbox = new StreamedOutbox({
      ...{ server: this.server, settings, holds: () => true, ...STREAM_PORTS },
      refuse: () => Promise.reject(new Error('all of it is understood')),
      ...changes,
    });
    onTestFinished(() => outbox.stop());
    return outbox;
  }
}
