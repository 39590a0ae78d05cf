/**
 * Processes that share a database, each under a name of its own. A connection of its own holds the name as a lock, which
 * the server drops with the connection, and once a second writes that the process is there: so it is known whether the
 * database can be written.
 *
 *     process   instance (name), sequence and hash of the newest record of that process's audit log, when it was seen
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import { isoTime } from '../bytes/iso-time.ts';
import type { HeadMemory } from '../evidence/kept-log.ts';
import { StorageError } from './errors.ts';
import { statements } from './migrations.ts';
import { clientConfig, databaseError } from './postgresql.ts';
import type { DatabaseAccess } from './postgresql.ts';
import { countColumn, nullable, patternColumn, TableReader } from './stored-tables.ts';

/** The migration that adds the table. */
export const PROCESSES = statements(
  `CREATE TABLE process (instance TEXT PRIMARY KEY, sequence BIGINT, hash TEXT, seen DOUBLE PRECISION)`,
);

const HEAD = new TableReader('process', {
  sequence: nullable(countColumn),
  hash: nullable(patternColumn(/^[0-9a-f]{64}$/, 'a hash in hex')),
});

/** The end of the audit log of one of the processes, remembered in the database. */
export function instanceHead<Tables>(db: Kysely<Tables>, instance: string): HeadMemory {
  return {
    load: async () => {
      const { rows } = await sql`SELECT sequence, hash FROM process WHERE instance = ${instance}`.execute(db);
      if (rows.length === 0) return null;
      const { sequence, hash } = HEAD.read(rows[0]);
      return sequence === null || hash === null ? null : { sequence, hash };
    },
    save: async ({ sequence, hash }) => {
      await sql`INSERT INTO process (instance, sequence, hash) VALUES (${instance}, ${sequence}, ${hash})
        ON CONFLICT (instance) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash`.execute(db);
    },
  };
}

/** How often it is looked, milliseconds. */
export const LOOK_MS = 1_000;
/** How long the start waits for a process that is just ending, at least. */
const PATIENCE_MS = 2_000;

/** What is held, and what is done with each look at it. */
export interface HeldName {
  /** The lock's; in the schema of the access. */
  readonly name: string;
  /** Of whoever has it: `another process with …`. */
  readonly holder: string;
  /** Milliseconds after which the server ends a connection of which it hears nothing; absent: it waits for it. */
  readonly silenceMs?: number;
  /** Milliseconds that the start waits for it; absent: so long as a process takes that is just ending. */
  readonly patienceMs?: number;
  /** By the connection that holds the lock, first when it has it. @throws whatever means that the database cannot be used */
  look(client: pg.Client): Promise<void>;
  /** Another has the lock, perhaps a former connection of this process. @throws where it is known whose it is */
  taken?(client: pg.Client): Promise<void>;
}

export interface LockPorts {
  readonly clock: Clock;
  readonly logger: Logger;
}

export class InstanceLock {
  readonly #access: DatabaseAccess;
  readonly #held: HeldName;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #client: pg.Client | null = null;
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;
  #problem: { readonly text: string; readonly since: number } | null = null;

  private constructor(access: DatabaseAccess, held: HeldName, { clock, logger }: LockPorts) {
    this.#access = access;
    this.#held = held;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @throws StorageError `locked` if another process has the name; `unavailable`, `refused` */
  static hold(access: DatabaseAccess, instance: string, ports: LockPorts): Promise<InstanceLock> {
    return InstanceLock.holdName(
      access,
      {
        name: `instance\n${instance}`,
        holder: `another process with the instance ${instance}`,
        // The server learns that one was killed when the statement ends that it was at.
        patienceMs: Math.max(PATIENCE_MS, access.timeoutMs),
        look: (client) => seen(client, instance, ports.clock),
      },
      ports,
    );
  }

  /** @throws as `hold`, and what the first look throws */
  static async holdName(access: DatabaseAccess, held: HeldName, ports: LockPorts): Promise<InstanceLock> {
    const lock = new InstanceLock(access, held, ports);
    await lock.#connect(held.patienceMs ?? PATIENCE_MS);
    try {
      await lock.#lookBy();
    } catch (error) {
      await lock.#drop();
      throw error;
    }
    lock.#later();
    return lock;
  }

  /** Why the database cannot be used now, and since when (ISO 8601); `null`: it can. */
  get problem(): { readonly text: string; readonly since: string } | null {
    return this.#problem === null ? null : { ...this.#problem, since: isoTime(this.#problem.since) };
  }

  async release(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#looking;
    await this.#drop();
  }

  #later(): void {
    if (this.#isClosed) return;
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#looking = this.#look();
    });
  }

  async #look(): Promise<void> {
    try {
      if (this.#client === null) await this.#connect(0);
      await this.#lookBy();
      if (this.#problem !== null) this.#logger.info({}, 'the database is back');
      this.#problem = null;
    } catch (error) {
      await this.#drop();
      const { message } = databaseError(error);
      if (this.#problem === null) this.#logger.error({ reason: message }, 'the database cannot be used');
      this.#problem = { text: message, since: this.#problem?.since ?? this.#clock.now() };
    }
    this.#later();
  }

  async #connect(patienceMs: number): Promise<void> {
    // The server answers a look within the time, or the connection is given up.
    const { timeoutMs } = this.#access;
    const config = clientConfig(this.#access);
    const { silenceMs } = this.#held;
    const silence = silenceMs === undefined ? '' : ` -c idle_session_timeout=${silenceMs}`;
    const options = `${config.options ?? ''}${silence}`;
    const client = new pg.Client({ ...config, options, query_timeout: timeoutMs });
    client.on('error', () => {
      if (this.#client === client) this.#client = null;
    });
    try {
      await client.connect();
      const isHeld = await this.#acquired(client, patienceMs);
      if (!isHeld) throw await this.#taken(client);
    } catch (error) {
      void end(client);
      throw databaseError(error);
    }
    this.#client = client;
  }

  async #acquired(client: pg.Client, patienceMs: number): Promise<boolean> {
    const lock = "hashtextextended(current_schema() || E'\\n' || $1, 0)";
    const until = performance.now() + patienceMs;
    for (let looks = 0; ; looks++) {
      const { rows } = await client.query<{ held: boolean }>(`SELECT pg_try_advisory_lock(${lock}) AS held`, [
        this.#held.name,
      ]);
      const isHeld = rows[0]?.held === true;
      if (isHeld || performance.now() >= until) return isHeld;
      if (looks === 0)
        this.#logger.info(
          { ms: patienceMs },
          `the database is in use by ${this.#held.holder}, which is waited for`,
        );
      await sleep(50);
    }
  }

  async #taken(client: pg.Client): Promise<StorageError> {
    await this.#held.taken?.(client);
    const { schema, database } = this.#access;
    return new StorageError(
      'locked',
      `schema ${schema} of database ${database} is in use by ${this.#held.holder}`,
    );
  }

  async #lookBy(): Promise<void> {
    if (this.#client === null) throw new StorageError('unavailable', 'the database cannot be reached');
    try {
      await this.#held.look(this.#client);
    } catch (error) {
      throw databaseError(error);
    }
  }

  #drop(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    return client === null ? Promise.resolve() : end(client);
  }
}

/** Writes that a process is there. */
export async function seen(client: pg.Client, instance: string, clock: Clock): Promise<void> {
  await client.query(
    `INSERT INTO process (instance, seen) VALUES ($1, $2)
      ON CONFLICT (instance) DO UPDATE SET seen = excluded.seen`,
    [instance, clock.now() / 1000],
  );
}

/** Resolves when it is closed, or soon, whatever the server does. */
function end(client: pg.Client): Promise<void> {
  return Promise.race([
    client.end().catch(() => undefined),
    new Promise<void>((resolve) => setTimeout(resolve, 500).unref()),
  ]);
}
