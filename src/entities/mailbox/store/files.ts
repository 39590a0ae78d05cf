/**
 * Messages in files: `ID.left` while one is being left, `ID.message` once it is complete. Both are appended to only; the
 * second name is given when all is on disk. What a killed process has left is completed at the next start, as far as it
 * is whole.
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { toHex } from '../../../bytes/octets.ts';
import type { Logger, Random } from '../../../bytes/ports.ts';
import { appendWhole, syncFolder } from '../../../storage/files.ts';
import { openFolder } from '../../../storage/folder-format.ts';
import { MailboxError } from '../errors.ts';
import type { KeptMessage, KeptPacket, MessageHead, MessageStore, MessageWriter } from '../ports.ts';
import { readMessageFile, RecordChain } from './records.ts';

/** The records of `records.ts` and the names below. */
const FORMAT = { store: 'mailbox', version: 1 };

const LEFT = '.left';
const COMPLETE = '.message';
/** Put aside for whoever wants to look; nothing reads it again. */
const DAMAGED = '.damaged';

/** Packets between two times that what was written is forced to the disk: a second of speech. */
const SYNC_PACKETS = 50;

export class FileMessageStore implements MessageStore {
  readonly #folder: string;
  readonly #random: Random;
  readonly #waiting = new Map<string, KeptMessage>();
  /** Files at the start that were not whole: of these, what could be read is kept. */
  #recovered = 0;
  #damaged = 0;

  private constructor(folder: string, random: Random) {
    this.#folder = folder;
    this.#random = random;
  }

  /** @throws FileError, StorageError `newer`, `foreign`, `damaged`: then nothing is touched */
  static open(folder: string, random: Random, logger: Logger): FileMessageStore {
    openFolder(folder, FORMAT);
    const store = new FileMessageStore(folder, random);
    for (const name of readdirSync(folder).sort()) store.#find(name, logger);
    return store;
  }

  get waiting(): readonly KeptMessage[] {
    return [...this.#waiting.values()].sort((a, b) => a.head.time - b.head.time);
  }

  get counts(): { readonly recovered: number; readonly damaged: number } {
    return { recovered: this.#recovered, damaged: this.#damaged };
  }

  create(head: MessageHead): MessageWriter {
    const id = `${String(Math.floor(head.time)).padStart(14, '0')}-${toHex(this.#random.bytes(8))}`;
    const file = this.#path(id, LEFT);
    const writer = new FileWriter(file, openSync(file, 'ax', 0o600), head, (octets) => {
      renameSync(file, this.#path(id, COMPLETE));
      syncFolder(this.#folder);
      const message = { id, head, octets };
      this.#waiting.set(id, message);
      return message;
    });
    syncFolder(this.#folder);
    return writer;
  }

  packets(id: string): readonly KeptPacket[] {
    const read = readMessageFile(new Uint8Array(readFileSync(this.#path(id, COMPLETE))));
    if (!read.complete) throw new MailboxError('damaged', 'a message is not whole any more');
    return read.packets;
  }

  remove(id: string): void {
    if (!this.#waiting.delete(id)) return;
    rmSync(this.#path(id, COMPLETE), { force: true });
    syncFolder(this.#folder);
  }

  /** What can be read no more gives way to what comes. */
  setAside(id: string): void {
    if (!this.#waiting.delete(id)) return;
    this.#damaged++;
    renameSync(this.#path(id, COMPLETE), this.#path(id, DAMAGED));
    syncFolder(this.#folder);
  }

  #find(name: string, logger: Logger): void {
    const ending = [LEFT, COMPLETE].find((each) => name.endsWith(each));
    if (ending === undefined) return;
    const id = name.slice(0, -ending.length);
    const file = path.join(this.#folder, name);
    try {
      const read = readMessageFile(new Uint8Array(readFileSync(file)));
      if (!read.complete && read.packets.length === 0) {
        rmSync(file);
        return;
      }
      if (!read.complete) {
        complete(file, read.octets, new RecordChain(read.checksum).end());
        this.#recovered++;
      }
      if (ending === LEFT) renameSync(file, this.#path(id, COMPLETE));
      syncFolder(this.#folder);
      this.#waiting.set(id, { id, head: read.head, octets: read.octets });
    } catch (error) {
      if (!(error instanceof MailboxError)) throw error;
      this.#damaged++;
      logger.error({ file, error }, 'a message cannot be read, and is put aside');
      renameSync(file, this.#path(id, DAMAGED));
    }
  }

  #path(id: string, ending: string): string {
    return path.join(this.#folder, id + ending);
  }
}

class FileWriter implements MessageWriter {
  readonly #file: string;
  readonly #descriptor: number;
  readonly #chain = new RecordChain();
  readonly #completed: (octets: number) => KeptMessage;
  #octets = 0;
  #unsynced = 0;

  constructor(
    file: string,
    descriptor: number,
    head: MessageHead,
    completed: (octets: number) => KeptMessage,
  ) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.#completed = completed;
    this.#write(this.#chain.head(head));
    fsyncSync(descriptor);
  }

  get octets(): number {
    return this.#octets;
  }

  append(packet: KeptPacket): void {
    this.#write(this.#chain.packet(packet));
    if (++this.#unsynced < SYNC_PACKETS) return;
    this.#unsynced = 0;
    fsyncSync(this.#descriptor);
  }

  finish(): KeptMessage {
    this.#write(this.#chain.end());
    fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
    return this.#completed(this.#octets);
  }

  discard(): void {
    closeSync(this.#descriptor);
    rmSync(this.#file, { force: true });
  }

  #write(record: Uint8Array): void {
    appendWhole(this.#descriptor, this.#file, record);
    this.#octets += record.length;
  }
}

/** Cuts off what is not whole, and writes the end. */
function complete(file: string, octets: number, end: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  try {
    ftruncateSync(descriptor, octets);
  } finally {
    closeSync(descriptor);
  }
  const appending = openSync(file, 'a');
  try {
    appendWhole(appending, file, end);
    fsyncSync(appending);
  } finally {
    closeSync(appending);
  }
}
