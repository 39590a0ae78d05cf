/**
 * The bounds of every TLS listener, in time and in number. Whoever connects passes these phases:
 *
 *     handshake ──► silent ──► busy ◄──► idle
 *                   nothing    requests   between requests
 *                   asked yet  under way
 *
 *     phase       ends after                              then
 *     handshake   `handshakeMs`                           the connection is cut
 *     silent      `firstRequestMs` without a request      GOAWAY (HTTP/2), or the connection is closed
 *     idle        `idleMs` without a request              the same
 *     busy        `requestMs` with part of a request      408, and the connection is closed
 *                 `exchangeMs` with an answer not taken   the connection is cut, unless the answer lasts (events)
 *
 * Numbers are counted per listener, per address and per certificate (`most`, `perAddress`, `perPeer`): what one listener
 * holds takes nothing from another. Who is dropped first, where one more does not fit: whoever is not through the
 * handshake, the oldest first; on a listener without client certificates then whoever asks nothing, of the address that
 * holds most; never a connection that is being answered, nor an authenticated one for one that is not. If nobody can
 * go, the new connection is refused. Each cut is counted by its reason, and logged at intervals with the count.
 */
import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { CutCounts } from '../bytes/cut-counts.ts';
import { countedAddress } from '../bytes/network-address.ts';
import type { Logger } from '../bytes/ports.ts';
import { whyOf } from '../bytes/system-errors.ts';
import { listenerShare, publicShare } from './descriptors.ts';

export interface ConnectionLimits {
  /** Milliseconds from the connection to the end of the handshake. */
  readonly handshakeMs: number;
  /** Milliseconds from the handshake to a whole head of a request, or to the first octet. */
  readonly firstRequestMs: number;
  /** Milliseconds between the end of an exchange and the next request, or between octets. */
  readonly idleMs: number;
  /** Milliseconds from a request's head to its end. */
  readonly requestMs: number;
  /** Milliseconds from a request's head until its answer has been taken. */
  readonly exchangeMs: number;
  /** Connections of the listener. */
  readonly most: number;
  /** Connections of one address, or of one network of 64 bits of IPv6. */
  readonly perAddress: number;
  /** Connections under one certificate. */
  readonly perPeer: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  handshakeMs: 10_000,
  firstRequestMs: 10_000,
  idleMs: 60_000,
  requestMs: 30_000,
  exchangeMs: 120_000,
  most: 1_000,
  perAddress: 64,
  perPeer: 32,
};

/** X2, X3 and HI have keep-alives, by default every minute; three may be missed. */
export const STREAM_LIMITS: ConnectionLimits = {
  ...CONNECTION_LIMITS,
  firstRequestMs: 180_000,
  idleMs: 180_000,
};

/** Why a connection was cut or refused. */
export type CutReason =
  | 'handshake-failed'
  | 'handshake-time'
  | 'first-request-time'
  | 'idle-time'
  | 'request-time'
  | 'exchange-time'
  | 'too-many'
  | 'too-many-of-address'
  | 'too-many-of-peer'
  | 'revoked';

/** An exchange of HTTP, as far as its bounds need it; both versions have it. */
export interface BoundedExchange {
  readonly request: {
    /** Whether all of it has come. */
    readonly complete: boolean;
    /** HTTP/2: a request without a body, of which nobody reads an end. */
    readonly stream?: { readonly endAfterHeaders?: boolean };
    once(event: 'end' | 'close', listener: () => void): unknown;
  };
  readonly response: {
    readonly headersSent: boolean;
    once(event: 'close', listener: () => void): unknown;
    writeHead(status: number): unknown;
    end(): unknown;
  };
}

/** An HTTP/2 session, as far as its end goes. */
export interface BoundedSession {
  close(): void;
}

export interface ConnectionGuardOptions {
  /** The listener, for the log. */
  readonly name: string;
  readonly logger: Logger;
  readonly limits?: Partial<ConnectionLimits>;
  /** Whether clients show certificates: only then is an idle connection kept against a new one. */
  readonly mutual: boolean;
}

type Phase = 'handshake' | 'silent' | 'busy' | 'idle';

interface Connection {
  readonly raw: Socket;
  readonly address: string;
  socket: TLSSocket | null;
  session: BoundedSession | null;
  peer: string | null;
  phase: Phase;
  exchanges: number;
  timer: NodeJS.Timeout | null;
}

/** Milliseconds that a connection has for its goodbye. */
const FAREWELL_MS = 500;

export class ConnectionGuard {
  readonly #options: ConnectionGuardOptions;
  #limits: ConnectionLimits;
  /** By address and port of the other end, oldest first. */
  readonly #connections = new Map<string, Connection>();
  readonly #cuts: CutCounts<CutReason>;
  /** Answers that may be under way for longer than `exchangeMs`. */
  readonly #lasting = new WeakSet<object>();
  #closing = false;
  #emptied: (() => void) | null = null;

  constructor(options: ConnectionGuardOptions) {
    this.#options = options;
    this.#cuts = new CutCounts(options.logger, 'a connection was cut');
    this.#limits = { ...CONNECTION_LIMITS, ...options.limits };
    this.#leaveToOthers(options.mutual ? listenerShare() : publicShare());
  }

  /** How many connections were cut or refused, by reason. */
  get cuts(): Readonly<Partial<Record<CutReason, number>>> {
    return this.#cuts.all;
  }

  /** Connections at this time. */
  get open(): number {
    return this.#connections.size;
  }

  /** Connections at most. */
  get most(): number {
    return this.#limits.most;
  }

  watch(server: Server): void {
    server.on('connection', (raw: Socket) => this.#arrived(raw));
    server.on('secureConnection', (socket: TLSSocket) => this.#secured(socket));
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      const connection = this.#of(socket);
      const untrusted = whyUntrusted(socket);
      // Of a client whose certificate is not trusted Node has let go by now, and with it of where it was.
      if (untrusted !== null) this.#count('handshake-failed', 'an untrusted certificate', untrusted);
      else if (connection !== null && !connection.raw.destroyed)
        this.#count('handshake-failed', connection.address, whyOf(error));
      socket.destroy();
    });
  }

  /** Under whose certificate a connection is; `false`: there are too many of it, and this one was cut. */
  identified(socket: TLSSocket, peer: string): boolean {
    const connection = this.#of(socket);
    if (connection === null) return false;
    if (connection.peer === peer) return true;
    connection.peer = peer;
    const others = this.#uncut().filter((each) => each.peer === peer);
    if (others.length <= this.#limits.perPeer) return true;
    const victim = others.find((each) => each !== connection && isQuiet(each)) ?? connection;
    this.#cut(victim, 'too-many-of-peer', peer);
    return victim !== connection;
  }

  /** Cuts those whose certificate is not to be trusted any more. */
  cutRevoked(isRevoked: (socket: TLSSocket) => boolean): void {
    for (const connection of this.#uncut()) {
      if (connection.socket === null || !isRevoked(connection.socket)) continue;
      this.#cut(connection, 'revoked', connection.peer ?? connection.address);
    }
  }

  /** An HTTP/2 session has begun on a connection. */
  speaksHttp2(socket: Ends, session: BoundedSession): void {
    const connection = this.#of(socket);
    if (connection !== null) connection.session = session;
  }

  /** A request's head has been read. */
  exchange(socket: Ends, { request, response }: BoundedExchange): void {
    const connection = this.#of(socket);
    if (connection === null) return;
    this.#enter(connection, 'busy');
    connection.exchanges += 1;
    const { requestMs, exchangeMs } = this.#limits;
    const whole = setTimeout(() => {
      if (request.complete || request.stream?.endAfterHeaders === true) return;
      this.#count('request-time', connection.address);
      if (!response.headersSent) {
        response.writeHead(408);
        response.end();
      }
      this.#farewell(connection);
    }, requestMs);
    const taken = setTimeout(() => {
      if (!this.#lasting.has(response)) this.#cut(connection, 'exchange-time');
    }, exchangeMs);
    request.once('end', () => clearTimeout(whole));
    request.once('close', () => clearTimeout(whole));
    response.once('close', () => {
      clearTimeout(whole);
      clearTimeout(taken);
      connection.exchanges -= 1;
      if (connection.exchanges > 0) return;
      this.#enter(connection, 'idle');
      if (this.#closing) this.#farewell(connection);
    });
  }

  /** An answer that lasts, and whose end whoever writes it sees to: `exchangeMs` does not count for it. */
  lasts(response: object): void {
    this.#lasting.add(response);
  }

  /** For what is not HTTP: whoever sends octets is not idle. Silence is measured from one look to the next. */
  stream(socket: TLSSocket): void {
    const connection = this.#of(socket);
    if (connection === null) return;
    let seen = 0;
    const look = (reason: CutReason): void => {
      const isSilent = socket.bytesRead === seen;
      seen = socket.bytesRead;
      if (isSilent) this.#cut(connection, reason);
      else this.#wait(connection, this.#limits.idleMs, () => look('idle-time'));
    };
    this.#wait(connection, this.#limits.firstRequestMs, () => look('first-request-time'));
  }

  /**
   * Takes no more connections, says goodbye to those that ask nothing, and to each of the others when it has its answers;
   * what is left after `graceMs` is cut. Resolves when none is left.
   */
  close(graceMs: number): Promise<void> {
    this.#closing = true;
    for (const connection of this.#connections.values()) {
      if (connection.phase === 'handshake') connection.raw.destroy();
      else if (isQuiet(connection)) this.#farewell(connection);
    }
    const last = setTimeout(() => {
      this.cutAll();
    }, graceMs);
    return new Promise((resolve) => {
      this.#emptied = () => {
        clearTimeout(last);
        resolve();
      };
      if (this.#connections.size === 0) this.#emptied();
    });
  }

  /** Cuts every connection, and takes no more. */
  cutAll(): void {
    this.#closing = true;
    for (const { raw } of this.#connections.values()) raw.destroy();
  }

  #leaveToOthers(share: number): void {
    const { most } = this.#limits;
    if (most <= share) return;
    this.#limits = { ...this.#limits, most: share };
    const { name: listener, logger } = this.#options;
    logger.warn(
      { listener, wanted: most, taken: share },
      'the rest of the files of the process is for others',
    );
  }

  #arrived(raw: Socket): void {
    const { remoteAddress, remotePort } = raw;
    const address = countedAddress(remoteAddress ?? '');
    if (this.#closing || remoteAddress === undefined || !this.#hasRoom(address)) {
      raw.destroy();
      return;
    }
    const key = `${remoteAddress} ${String(remotePort)}`;
    const connection: Connection = {
      ...{ raw, address, socket: null, session: null, peer: null },
      ...{ phase: 'handshake', exchanges: 0, timer: null },
    };
    this.#connections.set(key, connection);
    raw.once('close', () => {
      if (connection.timer !== null) clearTimeout(connection.timer);
      if (this.#connections.get(key) === connection) this.#connections.delete(key);
      if (this.#connections.size === 0) this.#emptied?.();
    });
    this.#wait(connection, this.#limits.handshakeMs, () => this.#cut(connection, 'handshake-time'));
  }

  #secured(socket: TLSSocket): void {
    const connection = this.#of(socket);
    if (connection === null) return;
    connection.socket = socket;
    this.#enter(connection, 'silent');
  }

  #hasRoom(address: string): boolean {
    const { most, perAddress } = this.#limits;
    const own = this.#uncut().filter((each) => each.address === address);
    if (own.length >= perAddress && !this.#makeRoom(own, 'too-many-of-address', address)) return false;
    const all = this.#uncut();
    return all.length < most || this.#makeRoom(byHoldings(all), 'too-many', address);
  }

  /** Those that hold room: who was cut leaves it at once, and the map a little later. */
  #uncut(): Connection[] {
    return [...this.#connections.values()].filter(({ raw }) => !raw.destroyed);
  }

  /** Cuts one of those that may go first; `false`: none may, and the new one is refused. */
  #makeRoom(candidates: readonly Connection[], reason: CutReason, address: string): boolean {
    const victim =
      candidates.find(({ phase }) => phase === 'handshake') ??
      (this.#options.mutual ? undefined : candidates.find(isQuiet));
    if (victim === undefined) {
      this.#count(reason, address);
      return false;
    }
    this.#cut(victim, reason);
    return true;
  }

  #enter(connection: Connection, phase: Phase): void {
    connection.phase = phase;
    if (connection.timer !== null) clearTimeout(connection.timer);
    const { firstRequestMs, idleMs } = this.#limits;
    if (phase === 'silent')
      this.#wait(connection, firstRequestMs, () => this.#end(connection, 'first-request-time'));
    if (phase === 'idle') this.#wait(connection, idleMs, () => this.#end(connection, 'idle-time'));
  }

  #wait(connection: Connection, ms: number, action: () => void): void {
    if (connection.timer !== null) clearTimeout(connection.timer);
    connection.timer = setTimeout(action, ms);
    connection.timer.unref();
  }

  #end(connection: Connection, reason: CutReason): void {
    this.#count(reason, connection.address);
    this.#farewell(connection);
  }

  /** GOAWAY, or the end of the stream; whoever does not take it is cut. */
  #farewell(connection: Connection): void {
    const { session, socket, raw } = connection;
    if (session !== null) session.close();
    else socket?.end();
    this.#wait(connection, FAREWELL_MS, () => raw.destroy());
  }

  #cut(connection: Connection, reason: CutReason, whose = connection.address): void {
    this.#count(reason, whose);
    connection.raw.destroy();
  }

  #count(reason: CutReason, whose: string, detail?: string): void {
    this.#cuts.add(reason, { listener: this.#options.name, whose, detail });
  }

  #of({ remoteAddress, remotePort }: Ends): Connection | null {
    return this.#connections.get(`${String(remoteAddress)} ${String(remotePort)}`) ?? null;
  }
}

/** OpenSSL's code for what is wrong with the client's certificate; `null`: nothing that was looked at. */
function whyUntrusted(socket: TLSSocket): string | null {
  const code: unknown = socket.authorizationError;
  return typeof code === 'string' ? code : null;
}

/** A socket, or what stands for it, by its other end. */
interface Ends {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

function isQuiet({ phase }: Connection): boolean {
  return phase === 'silent' || phase === 'idle';
}

/** Those of the address that has most come first; within one, the oldest. */
function byHoldings(connections: readonly Connection[]): Connection[] {
  const held = new Map<string, number>();
  for (const { address } of connections) held.set(address, (held.get(address) ?? 0) + 1);
  return [...connections].sort((a, b) => (held.get(b.address) ?? 0) - (held.get(a.address) ?? 0));
}
