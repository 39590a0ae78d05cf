/**
 * The records of a message's file, each with a checksum over all before it:
 *
 *     length (4)   type (1)   body (length)   first 8 octets of SHA-256(checksum before ‖ type ‖ body)
 *
 *     0  head      JSON
 *     1  packet    m= line (1)   milliseconds (4)   SRTP packet
 *     2  end       empty: the message is complete
 *
 * A file is read up to the first record that is not whole: so much of a message was left when the process was killed.
 */
import { createHash } from 'node:crypto';
import Type from 'typebox';
import { BytesError } from '../../../bytes/errors.ts';
import { equalOctets, fromBase64, fromUtf8, toBase64, utf8 } from '../../../bytes/octets.ts';
import { Reader } from '../../../bytes/reader.ts';
import { Form, strict } from '../../../bytes/schema.ts';
import { Writer } from '../../../bytes/writer.ts';
import { MailboxError } from '../errors.ts';
import type { KeptPacket, MessageHead } from '../ports.ts';

const TYPE = { head: 0, packet: 1, end: 2 } as const;

const CHECKSUM_OCTETS = 8;
/** Octets of a record's body at most: a head has three MIKEY messages. */
const MAX_BODY = 1 << 20;

const TEXT = Type.String();
const COUNT = Type.Integer({ minimum: 0 });
const HEAD = new Form(
  strict({
    recipient: TEXT,
    initiator: TEXT,
    time: Type.Number(),
    messages: strict({ iMessage1: TEXT, rMessage1: TEXT, iMessage2: TEXT }),
    lines: COUNT,
    media: Type.Array(
      strict({
        index: COUNT,
        media: TEXT,
        protocol: TEXT,
        formats: Type.Array(TEXT),
        attributes: Type.Array(TEXT),
        clockRate: Type.Integer({ minimum: 1 }),
      }),
    ),
  }),
);

/** What a file holds, as far as it is whole. */
export interface ReadMessage {
  readonly head: MessageHead;
  readonly packets: readonly KeptPacket[];
  readonly complete: boolean;
  /** Octets of the records that are whole. */
  readonly octets: number;
  /** The checksum of the last of them. */
  readonly checksum: Uint8Array;
}

/** Makes records in the order of a file. */
export class RecordChain {
  #checksum: Uint8Array;

  /** @param checksum of the record before, where a file goes on */
  constructor(checksum: Uint8Array = new Uint8Array(CHECKSUM_OCTETS)) {
    this.#checksum = checksum;
  }

  head({ messages, ...head }: MessageHead): Uint8Array {
    const { iMessage1, rMessage1, iMessage2 } = messages;
    const texts = {
      iMessage1: toBase64(iMessage1),
      rMessage1: toBase64(rMessage1),
      iMessage2: toBase64(iMessage2),
    };
    return this.#record(TYPE.head, utf8(JSON.stringify({ ...head, messages: texts })));
  }

  packet({ index, at, octets }: KeptPacket): Uint8Array {
    return this.#record(TYPE.packet, new Writer().u8(index).u32(at).bytes(octets).finish());
  }

  end(): Uint8Array {
    return this.#record(TYPE.end, new Uint8Array());
  }

  #record(type: number, body: Uint8Array): Uint8Array {
    this.#checksum = checksumOf(this.#checksum, type, body);
    return new Writer(body.length + 13).u32(body.length).u8(type).bytes(body).bytes(this.#checksum).finish();
  }
}

/** @throws MailboxError `damaged` without a head that can be read */
export function readMessageFile(octets: Uint8Array): ReadMessage {
  const reader = new Reader(octets);
  let checksum: Uint8Array = new Uint8Array(CHECKSUM_OCTETS);
  let head: MessageHead | null = null;
  const packets: KeptPacket[] = [];
  let [complete, whole] = [false, 0];
  while (!complete) {
    const record = nextRecord(reader, checksum);
    if (record === null) break;
    const { type, body } = record;
    if ((head === null) !== (type === TYPE.head)) break;
    if (type === TYPE.head) head = readHead(body);
    else if (type === TYPE.packet) packets.push(readPacket(body));
    else complete = true;
    checksum = record.checksum;
    whole = record.end;
  }
  if (head === null) throw new MailboxError('damaged', 'a file is not that of a message');
  return { head, packets, complete, octets: whole, checksum };
}

/* ---------------------------------------------------------------- helpers */

function nextRecord(
  reader: Reader,
  before: Uint8Array,
): { type: number; body: Uint8Array; checksum: Uint8Array; end: number } | null {
  try {
    const length = reader.u32('length');
    if (length > MAX_BODY) return null;
    const type = reader.u8('type');
    const body = reader.bytes(length, 'body');
    const checksum = reader.bytes(CHECKSUM_OCTETS, 'checksum');
    const isWhole = type <= TYPE.end && equalOctets(checksum, checksumOf(before, type, body));
    return isWhole ? { type, body, checksum, end: reader.offset } : null;
  } catch (error) {
    if (error instanceof BytesError) return null;
    throw error;
  }
}

function checksumOf(before: Uint8Array, type: number, body: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(before).update(Uint8Array.of(type)).update(body);
  return new Uint8Array(hash.digest()).subarray(0, CHECKSUM_OCTETS);
}

function readHead(body: Uint8Array): MessageHead {
  const { messages, ...head } = HEAD.readOr(
    JSON.parse(fromUtf8(body)),
    () => new MailboxError('damaged', 'the head of a message cannot be read'),
  );
  return {
    ...head,
    messages: {
      iMessage1: fromBase64(messages.iMessage1),
      rMessage1: fromBase64(messages.rMessage1),
      iMessage2: fromBase64(messages.iMessage2),
    },
  };
}

function readPacket(body: Uint8Array): KeptPacket {
  const reader = new Reader(body);
  return { index: reader.u8('m= line'), at: reader.u32('milliseconds'), octets: reader.rest() };
}
