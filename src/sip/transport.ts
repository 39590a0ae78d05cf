/**
 * The transport layer (RFC 3261 section 18): TCP and TLS with connection reuse, and UDP.
 *
 * A request to a destination uses the connection that is open to it, else opens one; a response uses the connection
 * that its request came on. Messages to one destination leave in the order in which they were given, also while the
 * connection is being made. The top Via of a request gets `received`, and `rport` where the client asked (18.2.1,
 * RFC 3581). A response never goes to a host that a Via names, be it by `received` or `maddr` of the sender's own: only
 * to where its request came from.
 *
 * Everything is bounded: octets of a message, connections (`TcpConnections`), octets waiting for a slow reader or for
 * the network, messages over UDP that wait to be served (`UdpIntake`), silence within a message and between messages.
 */
import { bareHost, endpointText, sameAddress, sameHost } from '../bytes/network-address.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect as connectTcp, isIPv6 } from 'node:net';
import type { Clock, Logger } from '../bytes/ports.ts';
import { whyOf } from '../bytes/system-errors.ts';
import { TcpFlow } from './connection.ts';
import type { TcpFlowParts } from './connection.ts';
import { SipError } from './errors.ts';
import type { Via } from './fields.ts';
import { DEFAULT_PORT, defaultPort, sourceOf } from './flow.ts';
import type { HopLocator, NextHop, Flow, HostResolver, Protocol } from './flow.ts';
import { DEFAULT_LIMITS } from './framing.ts';
import type { FramingLimits } from './framing.ts';
import { UdpIntake, MOST_WAITING } from './udp-intake.ts';
import type { Arrival } from './udp-intake.ts';
import { readMessage } from './message.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { endsOfSocket, Handshake } from './security.ts';
import type { SipSecurity } from './security.ts';
import { TCP_LIMITS, TcpConnections } from './tcp-connections.ts';
import type { TcpLimits } from './tcp-connections.ts';
import { paramOf, withParam } from './text.ts';
import { UdpPort } from './udp-port.ts';

/** Places of one next hop that are tried, each for the time that a connection has to be made. */
const MOST_PLACES = 5;
/** Seconds for which a place that could not be reached is tried last. */
export const AVOIDED_S = 30;

export interface TransportOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hosts: HostResolver;
  /** All places of a next hop, which are tried in turn; default: the one that `hosts` says. */
  readonly locator?: HopLocator;
  readonly limits?: FramingLimits;
  /** Bounds of TCP connections. */
  readonly connections?: Partial<TcpLimits>;
  /** Messages over UDP that wait to be served, at most. */
  readonly maxWaiting?: number;
  /** Milliseconds for a connection to be made; default 4,000. */
  readonly connectMs?: number;
  /** Certificates for TLS; without, there is none. */
  readonly security?: SipSecurity;
}

/** Takes what arrives. `octets` are as received; `message` has `received` and `rport` in its top Via already. */
export interface TransportUser {
  arrived(message: SipRequest | SipResponse, octets: Uint8Array, flow: Flow): void;
  /** The same of what there is no place for among what waits to be served; absent: it is dropped. */
  refused?(message: SipRequest | SipResponse, octets: Uint8Array, flow: Flow): void;
  /** A request from this address for which there was neither a place nor time for an answer. */
  dropped?(address: string): void;
  /** A flow that broke: nothing more comes on it. */
  closed(flow: Flow): void;
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #limits: FramingLimits;
  #user: TransportUser | null = null;
  readonly #servers: Server[] = [];
  readonly #udp: UdpPort[] = [];
  readonly #intake: UdpIntake;
  readonly #connections: TcpConnections;
  readonly #flows = new Set<TcpFlow>();
  /** Outgoing connections by `address:port`, being made or open. */
  readonly #outgoing = new Map<string, Promise<TcpFlow>>();
  #stopped = false;
  #closing: Promise<void> | null = null;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#connections = new TcpConnections({ ...TCP_LIMITS, ...options.connections }, options.logger);
    this.#intake = new UdpIntake(options.maxWaiting ?? MOST_WAITING, {
      serve: (arrival) => this.#deliver(arrival),
      refuse: (arrival) => this.#refuse(arrival),
      drop: ({ address }) => this.#user?.dropped?.(address),
    });
  }

  /** TCP connections, what they make this node hold, and how many were closed or refused, by reason. */
  get connections(): Pick<TcpConnections, 'open' | 'cuts'> {
    return this.#connections;
  }

  /** Datagrams that were not sent because too many waited. */
  get unsent(): number {
    return this.#udp.reduce((sum, { unsent }) => sum + unsent, 0);
  }

  /** Where datagrams come to. */
  get udpPorts(): readonly number[] {
    return this.#udp.map(({ local }) => local.port);
  }

  /** Messages over UDP that wait to be served. */
  get waiting(): number {
    return this.#intake.waiting;
  }

  attach(user: TransportUser): void {
    this.#user = user;
  }

  /** Listens (port 0: any free one) and returns where. @throws SipError `unreachable` */
  async listen(protocol: Protocol, address: string, port: number): Promise<NetworkAddress> {
    const bound =
      protocol === 'UDP'
        ? (await this.#listenUdp(address, port)).local
        : await this.#listenTcp(protocol === 'TCP' ? this.#tcpServer() : this.#tlsServer(), address, port);
    return { address: bound.address, port: bound.port };
  }

  /** The flow to a destination: the one that is open, else a new one. @throws SipError `unreachable`, `too-large` */
  async flowTo(destination: NextHop): Promise<Flow> {
    const { hosts, locator } = this.#options;
    const { failed = [] } = destination;
    const last = failed.at(-1);
    if (last !== undefined) locator?.avoid(last);
    const found = await locator?.candidates(destination);
    const places = (found ?? [hosts.resolve(destination.host, destination.port)])
      .filter((place) => !failed.some(({ at }) => sameAddress(at, place)))
      .slice(0, MOST_PLACES);
    for (const [at, remote] of places.entries()) {
      try {
        return await this.#flowAt(destination, remote);
      } catch (error) {
        locator?.avoid({ at: remote, seconds: AVOIDED_S });
        if (at + 1 === places.length) throw error;
      }
    }
    return this.#fail(`nobody knows where ${destination.host} is${failed.length > 0 ? ' besides' : ''}`);
  }

  async #flowAt(destination: NextHop, remote: NetworkAddress): Promise<Flow> {
    if (destination.protocol === 'UDP') return this.udpFlow(remote);
    // A connection over TLS is to who is called so: another name at the same address is another's.
    const key = `${destination.protocol === 'TLS' ? destination.host : ''} ${remote.address}:${remote.port}`;
    const open = this.#outgoing.get(key);
    if (open !== undefined) return open;
    const connecting = this.#connect(destination, remote, key);
    this.#outgoing.set(key, connecting);
    connecting.catch(() => this.#outgoing.delete(key));
    return connecting;
  }

  /** A flow over UDP. @param source where its messages come from, if that is another port */
  async udpFlow(remote: NetworkAddress, source?: NetworkAddress): Promise<Flow> {
    return (await this.#udpTowards(remote)).flowTo(remote, source);
  }

  /** Stops listening and closes every flow once what was sent is out. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopped = true;
    this.#intake.close();
    const closing = [
      ...this.#servers.map((server) => new Promise<void>((done) => server.close(() => done()))),
      ...[...this.#flows].map((flow) => flow.end()),
      ...this.#udp.map((port) => port.close()),
    ];
    await Promise.all(closing);
  }

  #tcpServer(): Server {
    return createServer((socket) => {
      if (this.#admits(socket)) this.#adopt(socket, { outgoing: false, identities: null });
    });
  }

  #tlsServer(): Server {
    const security = this.#security();
    const server = security.server();
    const handshakes = new Map<string, Handshake>();
    server.on('connection', (raw: Socket) => {
      if (!this.#admits(raw)) return;
      const ends = endsOfSocket(raw);
      handshakes.set(ends, new Handshake(raw, this.#connections, this.#options.clock));
      raw.once('close', () => handshakes.delete(ends));
    });
    server.on('secureConnection', (socket) => {
      handshakes.get(endsOfSocket(socket))?.done();
      const identities = security.identities(socket);
      if (!this.#stopped && identities !== null) this.#adopt(socket, { outgoing: false, identities });
      else {
        if (identities === null) this.#connections.counted('untrusted', socket.remoteAddress ?? '');
        socket.destroy();
      }
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  #security(): SipSecurity {
    return this.#options.security ?? this.#fail('there are no certificates for TLS here');
  }

  #listenTcp(server: Server, address: string, port: number): Promise<AddressInfo> {
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new SipError('unreachable', `cannot listen on TCP ${address}:${port}`, { cause })),
      );
      server.listen(port, address, () => resolve(server.address() as AddressInfo));
    });
  }

  async #listenUdp(address: string, port: number): Promise<UdpPort> {
    const bound = await UdpPort.bind(address, port, {
      logger: this.#options.logger,
      received: (octets, source, at) => this.#datagram(octets, source, at),
    });
    this.#udp.push(bound);
    return bound;
  }

  /** A socket of the family of an address: one that is listened on, else one at any port. */
  async #udpTowards({ address }: NetworkAddress): Promise<UdpPort> {
    const open = this.#udp.find((port) => port.reaches(address));
    return open ?? this.#listenUdp(isIPv6(address) ? '::' : '0.0.0.0', 0);
  }

  /** Whether there is room for a connection; if not, it is cut. */
  #admits(socket: Socket): boolean {
    const address = socket.remoteAddress;
    const admitted = !this.#stopped && address !== undefined && this.#connections.hasRoom(address);
    if (!admitted) socket.destroy();
    return admitted;
  }

  #adopt(
    socket: Socket,
    kind: Pick<TcpFlowParts, 'outgoing' | 'identities'>,
    forget: () => void = () => undefined,
  ): TcpFlow {
    const flow: TcpFlow = new TcpFlow(socket, {
      clock: this.#options.clock,
      limits: this.#limits,
      connections: this.#connections,
      ...kind,
      user: {
        message: (message, octets) => this.#deliver({ message, octets, flow }),
        closed: () => {
          this.#flows.delete(flow);
          forget();
          this.#user?.closed(flow);
        },
      },
    });
    this.#flows.add(flow);
    return flow;
  }

  #connect({ protocol, host }: NextHop, remote: NetworkAddress, key: string): Promise<TcpFlow> {
    if (this.#stopped) return Promise.reject(new SipError('unreachable', 'the transport is closed'));
    const making = this.#outgoing.size - this.#connections.open.outgoing;
    if (!this.#connections.hasRoomOut(Math.max(0, making)))
      return Promise.reject(new SipError('too-large', 'too many connections'));
    return new Promise((resolve, reject) => {
      const secured = protocol === 'TLS' ? this.#security().connect(remote, host) : null;
      const socket = secured ?? connectTcp({ host: remote.address, port: remote.port, noDelay: true });
      const fail = (cause: unknown): void => {
        timer.cancel();
        socket.destroy();
        const why = secured === null ? '' : `: ${whyOf(cause)}`;
        reject(new SipError('unreachable', `no connection to ${endpointText(remote)}${why}`, { cause }));
      };
      const timer = this.#options.clock.after(this.#options.connectMs ?? 4000, () =>
        fail(new Error('timeout')),
      );
      socket.once('error', fail);
      socket.once(secured === null ? 'connect' : 'secureConnect', () => {
        timer.cancel();
        socket.off('error', fail);
        const identities = secured === null ? null : (this.#security().identities(secured) ?? []);
        resolve(this.#adopt(socket, { outgoing: true, identities }, () => this.#outgoing.delete(key)));
      });
    });
  }

  #datagram(octets: Uint8Array, source: NetworkAddress, at: UdpPort): void {
    if (octets.every((octet) => octet === 0x0d || octet === 0x0a || octet === 0)) return;
    try {
      const message = readMessage(octets);
      const port = message.kind === 'request' ? replyPort(message, source.port) : source.port;
      this.#intake.take({ message, octets, flow: at.flowTo({ address: source.address, port }, source) });
    } catch (cause) {
      if (!(cause instanceof SipError)) throw cause;
      this.#options.logger.warn(
        { from: source.address, problem: cause.message },
        'datagram is no SIP message',
      );
    }
  }

  /** A message that cannot be served costs itself, whoever is at fault: the node serves others. */
  #deliver(arrival: Arrival): void {
    this.#guarded(arrival, ({ message, octets, flow }) => this.#user?.arrived(message, octets, flow));
  }

  #refuse(arrival: Arrival): void {
    this.#guarded(arrival, ({ message, octets, flow }) => this.#user?.refused?.(message, octets, flow));
  }

  #guarded(arrival: Arrival, use: (arrival: Arrival) => void): void {
    if (this.#stopped) return;
    const { logger } = this.#options;
    const { message, flow } = arrival;
    const from = flow.remote.address;
    try {
      if (message.kind === 'request') markReceived(message, sourceOf(flow));
      use(arrival);
    } catch (cause) {
      if (cause instanceof SipError) logger.warn({ from, problem: cause.message }, 'SIP message dropped');
      else logger.error({ from, error: cause }, 'a SIP message could not be served');
    }
  }

  #fail(problem: string): never {
    throw new SipError('unreachable', problem);
  }
}

/** Section 18.2.1 and RFC 3581 section 4: where the request really came from, whatever its sender has put there. */
export function markReceived(request: SipRequest, source: NetworkAddress): void {
  const via = viaOf(request);
  if (via === null) return;
  const { version, transport, host, port } = via;
  const isAsked = paramOf(via.params, 'rport') !== null;
  const isClaimed = paramOf(via.params, 'received') !== null;
  if (!isAsked && !isClaimed && sameHost(bareHost(host), source.address)) return;
  let params = withParam(via.params, 'received', source.address);
  if (isAsked) params = withParam(params, 'rport', String(source.port));
  request.replaceTopVia({ version, transport, host, port, params });
}

/** The top Via, `null` where it is missing or malformed: such a request is answered where it came from. */
function viaOf(request: SipRequest): Via | null {
  try {
    return request.topVia;
  } catch (cause) {
    if (cause instanceof SipError) return null;
    throw cause;
  }
}

/** Over UDP answers go to the source port only where the client asks for it with `rport`, else to that of its Via. */
function replyPort(request: SipRequest, source: number): number {
  const via = viaOf(request);
  if (via === null) return source;
  return paramOf(via.params, 'rport') === null ? (via.port ?? DEFAULT_PORT) : source;
}

/**
 * Section 18.2.2: where a response goes whose request came on a connection that is gone: that host, the port of its Via.
 * Over TLS that host must have a certificate for its address, or the response is lost.
 */
export function responseDestination(response: SipResponse, flow: Flow): NextHop {
  const { port } = response.topVia;
  const { protocol } = flow;
  return { protocol, host: sourceOf(flow).address, port: port ?? defaultPort(protocol) };
}
