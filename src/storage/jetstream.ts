/**
 * Streams of messages that a NATS server with JetStream keeps in files, between processes that are on it.
 *
 *     publish ──► stream (file) ──► read, from a number on ──► trim, up to a number
 *
 * A message is stored when `publish` has given its number; until then nobody knows, and whoever asked asks again: a copy
 * of a message with the same id is stored once within `duplicateMs`, and later twice. What exceeds the octets of a stream
 * is refused (`full`), and what is in it stays. Readers keep no place at the server: they say from which number on.
 *
 * While there is no connection nothing is sent, so that nothing piles up in this process.
 */
import { DeliverPolicy, DiscardPolicy, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { jetstream, JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamClient, JetStreamManager, JsMsg, StreamInfo } from '@nats-io/jetstream';
import { connect, headers, nanos, usernamePasswordAuthenticator } from '@nats-io/transport-node';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { isoTime } from '../bytes/iso-time.ts';
import { toHex, utf8 } from '../bytes/octets.ts';
import type { Clock, Logger } from '../bytes/ports.ts';
import { whyOf } from '../bytes/system-errors.ts';
import { StorageError } from './errors.ts';
import { StreamReading } from './stream-reading.ts';
import type { StoredMessage } from './stream-reading.ts';

/** Where servers of one cluster are, and by what they are entered. */
export interface StreamAccess {
  /** `host:port` of each. */
  readonly servers: readonly string[];
  /** `null`: it is entered without a name, or by certificate alone. */
  readonly user: string | null;
  /** Read for each connection. */
  readonly password: () => string;
  /** `null`: in the clear. */
  readonly tls: StreamTls | null;
  /** Milliseconds that an answer, or a connection to be made, may take. */
  readonly timeoutMs: number;
}

export interface StreamTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name that the certificates of servers bear; absent: the host of each. */
  readonly servername?: string;
}

/** What a stream is. */
export interface StreamTerms {
  /** Letters, digits, - and _. */
  readonly name: string;
  /** The subjects whose messages it keeps. */
  readonly subjects: readonly string[];
  /** Octets that it keeps at most. */
  readonly octets: number;
  /** Messages that it keeps of a subject, the newest ones; absent: all. */
  readonly perSubject?: number;
  /** Messages of a subject beyond which it refuses others; absent: what all together may have is the bound. */
  readonly mostOfSubject?: number;
  /** Servers that have it. */
  readonly replicas: number;
}

export interface PublishOptions {
  /** Copies with the same id are stored once. */
  readonly id?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The number that the last message of the subject must have; 0: there must be none. */
  readonly after?: number;
}

/** How long copies are known by their ids. */
const DUPLICATES_MS = 120_000;
/** Time of one request for more messages. A server that is silent for so long is asked anew. */
const PULL_MS = 2_000;
/**
 * Messages that a reader asks for at a time, and how many of them are left to come when it asks for more. Not octets: of
 * those it would ask for as many as have come, and a server that has a longer message next refuses that; where nothing else
 * is asked for, nothing comes until two heartbeats were missed. Whoever lays them down puts 256 KiB in each at most, but for
 * a single larger PDU.
 */
const PULL_MESSAGES = 16;
const PULL_AGAIN_AT = 8;

export class StreamServer {
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  readonly #readings = new Set<StreamReading>();
  #away: number | null = null;
  #disconnections = 0;
  #isClosed = false;

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    { timeoutMs }: StreamAccess,
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#connection = connection;
    this.#manager = manager;
    this.#client = jetstream(connection, { timeout: timeoutMs });
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#logger = logger;
    void this.#watch();
  }

  /** @throws StorageError `unavailable`, `refused` */
  static async connect(
    access: StreamAccess,
    ports: { readonly clock: Clock; readonly logger: Logger },
  ): Promise<StreamServer> {
    const { servers, user, password, tls, timeoutMs } = access;
    let connection: NatsConnection | null = null;
    try {
      connection = await connect({
        servers: [...servers],
        // Settings say how each server is entered: one that a server names besides may be anywhere.
        ignoreClusterUpdates: true,
        name: 'claviger',
        inboxPrefix: inboxOf(user),
        ...(user === null ? {} : { authenticator: usernamePasswordAuthenticator(user, password) }),
        tls,
        timeout: timeoutMs,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 200,
        reconnectJitter: 100,
        reconnectJitterTLS: 100,
        // Who changes a password has the processes that are there go on with the new one.
        ignoreAuthErrorAbort: true,
        pingInterval: timeoutMs,
        noAsyncTraces: true,
      });
      const manager = await jetstreamManager(connection, { timeout: timeoutMs });
      return new StreamServer(connection, manager, access, ports);
    } catch (cause) {
      await connection?.close();
      throw streamError(cause);
    }
  }

  /** Octets that a message may have, with its headers. */
  get largestMessage(): number {
    return this.#connection.info?.max_payload ?? 0;
  }

  /** Since when there is no connection (ISO 8601); `null`: there is one. */
  get awaySince(): string | null {
    return this.#away === null ? null : isoTime(this.#away);
  }

  /** How often the connection was lost. */
  get disconnections(): number {
    return this.#disconnections;
  }

  /** Makes a stream, or has one that is there be so. @throws StorageError */
  async keep({ name, subjects, octets, perSubject, mostOfSubject, replicas }: StreamTerms): Promise<void> {
    const terms = {
      subjects: [...subjects],
      max_bytes: octets,
      num_replicas: replicas,
      duplicate_window: nanos(DUPLICATES_MS),
      ...(mostOfSubject === undefined
        ? {}
        : { max_msgs_per_subject: mostOfSubject, discard_new_per_subject: true }),
    };
    await this.#asked(async () => {
      const known = await this.#manager.streams.info(name).catch(absent);
      if (known === null)
        await this.#manager.streams.add({
          ...terms,
          name,
          storage: StorageType.File,
          retention: RetentionPolicy.Limits,
          discard: perSubject === undefined ? DiscardPolicy.New : DiscardPolicy.Old,
          ...(perSubject === undefined ? {} : { max_msgs_per_subject: perSubject }),
        });
      else if (isOther(known, terms)) await this.#manager.streams.update(name, terms);
    });
  }

  /**
   * Stores a message; gives its number when the server has it in its file.
   * @throws StorageError `full`, `unavailable`, `refused`; `conflict` where the last one is not `after`
   */
  publish(
    stream: string,
    subject: string,
    octets: Uint8Array,
    options: PublishOptions = {},
  ): Promise<number> {
    const { id, headers: own, after } = options;
    return this.#asked(async () => {
      const { seq } = await this.#client.publish(subject, octets, {
        timeout: this.#timeoutMs,
        retries: 0,
        expect: { streamName: stream, ...(after === undefined ? {} : { lastSubjectSequence: after }) },
        ...(id === undefined ? {} : { msgID: id }),
        ...(own === undefined ? {} : { headers: headersOf(own) }),
      });
      return seq;
    });
  }

  /** Messages of a subject, or of those that a pattern names, from the first one after a number on, each once, in their order, until it is closed. */
  read(stream: string, subject: string, after: number): StreamReading {
    const reading: StreamReading = new StreamReading(after, {
      clock: this.#clock,
      logger: this.#logger,
      name: subject,
      closed: () => void this.#readings.delete(reading),
      open: async (next) => {
        const consumer = await this.#client.consumers.get(stream, {
          filter_subjects: subject,
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: next,
        });
        const messages = await consumer.consume({
          max_messages: PULL_MESSAGES,
          threshold_messages: PULL_AGAIN_AT,
          expires: PULL_MS,
          idle_heartbeat: PULL_MS / 2,
        });
        return { messages: map(messages, storedMessage), close: () => messages.close() };
      },
    });
    this.#readings.add(reading);
    return reading;
  }

  /** The newest message of a subject; `null`: there is none. @throws StorageError */
  async newest(stream: string, subject: string): Promise<StoredMessage | null> {
    return this.#asked(async () => {
      const found = await this.#manager.streams.getMessage(stream, { last_by_subj: subject });
      if (found === null) return null;
      const { seq: number, subject: of, data, header } = found;
      return { number, subject: of, octets: plain(data), header: (name) => header.get(name) };
    });
  }

  /**
   * Removes the messages of a subject up to a number. Who reads it by a pattern that names others as well may miss
   * messages of theirs: servers such as 2.9.10 have that reader go on behind them. `remove` does not. @throws StorageError
   */
  async trim(stream: string, subject: string, upTo: number): Promise<void> {
    const { last } = await this.#endOf(stream);
    if (upTo >= last) {
      // There is room for the other then.
      await this.#purge(stream, subject, last);
      await this.#goAbove(stream, last);
    }
    await this.#purge(stream, subject, upTo + 1);
  }

  /** How many messages of each subject that matches are there. @throws StorageError */
  async counts(stream: string, subjects: string): Promise<ReadonlyMap<string, number>> {
    return new Map((await this.#counted(stream, subjects)).filter(([subject]) => !isFloor(subject)));
  }

  /** The messages of a subject that are there, the oldest first, without their octets. @throws StorageError */
  async heads(stream: string, subject: string): Promise<StoredMessage[]> {
    const most = (await this.#counted(stream, subject)).reduce((sum, [, count]) => sum + count, 0);
    if (most === 0) return [];
    return this.#asked(async () => {
      const consumer = await this.#client.consumers.get(stream, {
        filter_subjects: subject,
        headers_only: true,
      });
      const heads: StoredMessage[] = [];
      for await (const message of await consumer.fetch({ max_messages: most, expires: PULL_MS })) {
        if (!isFloor(message.subject)) heads.push(storedMessage(message));
        if (message.info.pending === 0) break;
      }
      return heads;
    });
  }

  /** Removes one message, and has the server write over it. @throws StorageError */
  async remove(stream: string, number: number): Promise<void> {
    await this.#goAbove(stream, number);
    await this.#asked(() => this.#manager.streams.deleteMessage(stream, number).catch(isGone));
  }

  /** What a stream keeps now. @throws StorageError */
  async kept(stream: string): Promise<{ readonly messages: number; readonly octets: number }> {
    const { messages, bytes, subjects } = (
      await this.#asked(() => this.#manager.streams.info(stream, { subjects_filter: '>' }))
    ).state;
    const floors = Object.entries(subjects ?? {}).filter(([subject]) => isFloor(subject));
    const count = messages - floors.reduce((sum, [, each]) => sum + each, 0);
    return { messages: count, octets: count === 0 ? 0 : bytes };
  }

  /** When a stream was made, Unix milliseconds: numbers of messages begin anew with a stream. @throws StorageError */
  async madeAt(stream: string): Promise<number> {
    return Date.parse((await this.#asked(() => this.#manager.streams.info(stream))).created);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#readings].map((reading) => reading.close()));
    await this.#connection.close();
  }

  async #counted(stream: string, subjects: string): Promise<[subject: string, count: number][]> {
    const ask = () => this.#manager.streams.info(stream, { subjects_filter: subjects });
    return Object.entries((await this.#asked(ask)).state.subjects ?? {});
  }

  /** @param before the first number that stays */
  async #purge(stream: string, subject: string, before: number): Promise<void> {
    await this.#asked(() => this.#manager.streams.purge(stream, { filter: subject, seq: before }));
  }

  /** The last number that was given in a stream, and the subject of its floor. */
  async #endOf(stream: string): Promise<{ readonly last: number; readonly floor: string }> {
    const { state, config } = await this.#asked(() => this.#manager.streams.info(stream));
    const [subject = ''] = config.subjects;
    return { last: state.last_seq, floor: subject.replace(/\*$/, FLOOR) };
  }

  /**
   * Has a message be in the stream with a number above another: of a stream whose newest messages have gone a server such as
   * 2.9.10 that is killed does not know how far its numbers have come, and gives them again, which readers pass over.
   */
  async #goAbove(stream: string, number: number): Promise<void> {
    const { last, floor } = await this.#endOf(stream);
    if (last > number) return;
    await this.#purge(stream, floor, await this.publish(stream, floor, NOTHING));
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#away !== null || this.#connection.isClosed())
      throw new StorageError('unavailable', 'the stream server cannot be reached');
    try {
      return await ask();
    } catch (cause) {
      throw streamError(cause);
    }
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === 'reconnect') {
        this.#logger.info({}, 'the stream server is back');
        this.#away = null;
      }
      if (type !== 'disconnect' || this.#isClosed) continue;
      this.#disconnections += 1;
      this.#away ??= this.#clock.now();
      this.#logger.error({}, 'the connection to the stream server is lost');
    }
  }
}

/**
 * Where answers come to: subjects of the user's own, so that the server can be told that no other user hears them.
 * `_INBOX.claviger.…`; a user whose name is not made of letters, digits, - and _ by its octets in hex.
 */
export function inboxOf(user: string | null): string {
  if (user === null) return INBOX;
  return `${INBOX}.${/^[\w-]+$/.test(user) ? user : toHex(utf8(user))}`;
}

/* ---------------------------------------------------------------- helpers */

const INBOX = '_INBOX';

/** The last part of the subject of a message that is there for its number alone. */
const FLOOR = 'floor';
const NOTHING = new Uint8Array();

function isFloor(subject: string): boolean {
  return subject.endsWith(`.${FLOOR}`);
}

/** Of JetStream's own: the last message of the subject is another; there is no such stream. */
const WRONG_LAST = 10_071;
const NO_STREAM = 10_059;
/** There is no such message. */
const NO_MESSAGE: readonly number[] = [10_037, 10_043, 10_057];
/** Resources of the server: of the account, of storage. */
const RESOURCES: readonly number[] = [10_002, 10_023, 10_047];

/** What went wrong at a server, without what was sent. */
function streamError(cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  if (!(cause instanceof JetStreamApiError))
    return new StorageError('unavailable', `the stream server does not answer: ${whyOf(cause)}`, { cause });
  const { code, status, message } = cause;
  if (code === WRONG_LAST) return new StorageError('conflict', 'another message came first');
  if (RESOURCES.includes(code) || /^maximum (?:bytes|messages)/.test(message))
    return new StorageError('full', `the stream takes no more: ${message}`);
  return new StorageError(
    status >= 500 ? 'unavailable' : 'refused',
    `the stream server refuses: ${message} (${code})`,
  );
}

/** For a stream that is not there. */
function absent(error: unknown): null {
  if (error instanceof JetStreamApiError && error.code === NO_STREAM) return null;
  throw error;
}

/** For a message that is not there. */
function isGone(error: unknown): boolean {
  if (error instanceof JetStreamApiError && NO_MESSAGE.includes(error.code)) return true;
  throw error;
}

function isOther({ config }: StreamInfo, terms: Readonly<Record<string, unknown>>): boolean {
  const known = new Map<string, unknown>(Object.entries(config));
  return Object.entries(terms).some(
    ([name, value]) => JSON.stringify(known.get(name)) !== JSON.stringify(value),
  );
}

function headersOf(own: Readonly<Record<string, string>>): MsgHdrs {
  const made = headers();
  for (const [name, value] of Object.entries(own)) made.set(name, value);
  return made;
}

function storedMessage(message: JsMsg): StoredMessage {
  return {
    number: message.seq,
    subject: message.subject,
    octets: plain(message.data),
    header: (name) => message.headers?.get(name) ?? '',
  };
}

/** The library's octets are buffers of Node's. */
function plain({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

async function* map<A, B>(from: AsyncIterable<A>, to: (value: A) => B): AsyncGenerator<B, void> {
  for await (const value of from) yield to(value);
}
