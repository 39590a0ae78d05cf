/** What a mailbox keeps, over its own end. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Deliveries } from '../../../src/entities/mailbox/deliveries.ts';
import type { DeliveryEnd } from '../../../src/entities/mailbox/delivery.ts';
import { paced } from '../../../src/entities/mailbox/pace.ts';
import type { KeptPacket, MessageHead } from '../../../src/entities/mailbox/ports.ts';
import { FileMessageStore } from '../../../src/entities/mailbox/store/files.ts';
import { seededRandom } from '../../../src/host/runtime.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';

const BOB = 'sip:bob@home2.example';
const MEDIA = [
  { index: 0, media: 'audio', protocol: 'RTP/SAVP', formats: ['8'], attributes: [], clockRate: 8000 },
] as const;
const HEAD: MessageHead = {
  recipient: BOB,
  initiator: 'sip:alice@home1.example',
  time: 1_700_000_000_000,
  messages: { iMessage1: Uint8Array.of(1), rMessage1: Uint8Array.of(2), iMessage2: Uint8Array.of(3) },
  lines: 1,
  media: MEDIA,
};

/** An RTP packet of 20 octets, whose header alone is looked at. */
function packet(timestamp: number, at: number): KeptPacket {
  const octets = new Uint8Array(20).fill(timestamp & 0xff);
  octets[0] = 0x80;
  new DataView(octets.buffer).setUint32(4, timestamp);
  return { index: 0, at, octets };
}
const PACKETS = [0, 1, 2].map((n) => packet(160 * n, 20 * n));

describe('R-42: messages in files', () => {
  let folder: string;
  const open = () => FileMessageStore.open(folder, seededRandom('store', 'mailbox'), silent);
  /** Beside the file that says which version these are. */
  const files = (): string[] => readdirSync(folder).filter((name) => name !== 'format.json');
  const only = (): string => path.join(folder, files()[0]!);

  const leave = (store: FileMessageStore) => {
    const writer = store.create(HEAD);
    for (const each of PACKETS) writer.append(each);
    return writer;
  };

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'claviger-mailbox-'));
  });

  test('are there after a restart as they were left, and gone once they are removed', () => {
    const { id } = leave(open()).finish();
    const store = open();
    expect(store.waiting).toMatchObject([{ id, head: HEAD }]);
    expect(store.packets(id)).toEqual(PACKETS);
    store.remove(id);
    expect([open().waiting, files()]).toEqual([[], []]);
  });

  test('a message that a killed mailbox had begun is kept up to its last whole packet', () => {
    leave(open());
    appendFileSync(only(), Uint8Array.of(0, 0, 0, 25, 1, 0, 0));
    const store = open();
    const [message] = store.waiting;
    expect([store.counts, store.packets(message!.id)]).toEqual([{ recovered: 1, damaged: 0 }, PACKETS]);
    expect([open().counts.recovered, open().packets(message!.id)]).toEqual([0, PACKETS]);
  });

  test('one of which nothing came is none', () => {
    open().create(HEAD);
    expect([open().waiting, files()]).toEqual([[], []]);
  });

  test('an altered octet ends a message before its packet; in the head, the file is put aside', () => {
    leave(open()).finish();
    const octets = readFileSync(only());
    const alter = (at: number) => {
      const altered = new Uint8Array(octets);
      altered[at]! ^= 1;
      writeFileSync(only(), altered);
    };
    // Of the last packet, before the 13 octets of the end.
    alter(octets.length - 13 - 9);
    const store = open();
    expect(store.packets(store.waiting[0]!.id)).toEqual(PACKETS.slice(0, 2));
    writeFileSync(only(), octets);
    alter(20);
    expect([open().waiting, files()]).toEqual([[], [expect.stringMatching(/\.damaged$/)]]);
  });
});

describe('R-42: who is to have what', () => {
  const clock = new ManualClock(HEAD.time);
  const tried: string[] = [];
  let end: DeliveryEnd = 'later';
  const setUp = (...ids: string[]) => {
    tried.length = 0;
    const waiting = ids.map((id) => ({ id, head: { ...HEAD, time: clock.now() }, octets: 1 }));
    const deliveries = new Deliveries({
      store: {
        waiting,
        packets: () => PACKETS,
        remove: (id) =>
          void waiting.splice(
            waiting.findIndex((each) => each.id === id),
            1,
          ),
        setAside: () => undefined,
      },
      deliver: ({ id }) => {
        tried.push(id);
        return Promise.resolve(end);
      },
      hasRoom: () => true,
      limits: () => ({ keepSeconds: 3600, retryMs: 60_000 }),
      clock,
      logger: silent,
    });
    deliveries.start();
    return { deliveries, waiting };
  };

  test('what is not taken is tried again later, or as soon as the recipient is there', async () => {
    end = 'later';
    const { deliveries, waiting } = setUp('one');
    await clock.pass(59_000);
    expect(tried).toHaveLength(1);
    deliveries.reached(BOB);
    await clock.pass(1_000);
    expect(tried).toHaveLength(2);
    await clock.pass(61_000);
    expect([tried.length, waiting.length, deliveries.counts.later]).toEqual([3, 1, 3]);
    deliveries.stop();
  });

  test('what is delivered or declined is not tried again; one after the other', async () => {
    end = 'delivered';
    const { deliveries, waiting } = setUp('one', 'two');
    await clock.pass(3_000);
    expect([tried, waiting, deliveries.counts.delivered]).toEqual([['one', 'two'], [], 2]);
    deliveries.stop();
    end = 'declined';
    const other = setUp('three');
    await clock.pass(200_000);
    expect([tried, other.waiting, other.deliveries.counts.declined]).toEqual([['three'], [], 1]);
    other.deliveries.stop();
  });

  test('what has waited too long is removed, and counted', async () => {
    end = 'later';
    const { deliveries, waiting } = setUp('one');
    await clock.pass(3_602_000);
    expect([waiting, deliveries.counts.expired]).toEqual([[], 1]);
    deliveries.stop();
  });
});

describe('R-42: how stored packets are paced', () => {
  const dues = (...packets: KeptPacket[]) => paced(packets, MEDIA).map(({ due }) => due);

  test('by their time stamps, also over the end of 32 bits, whatever delay they came with', () => {
    expect(dues(packet(2 ** 32 - 160, 0), packet(0, 37), packet(160, 38))).toEqual([0, 20, 40]);
    expect(dues(packet(0, 0), packet(320, 20), packet(160, 21))).toEqual([0, 20, 40]);
  });

  test('by the time of their coming, where time stamps say something else altogether', () => {
    expect(dues(packet(0, 0), packet(80_000_000, 20), packet(80_000_160, 40))).toEqual([0, 20, 40]);
  });
});
