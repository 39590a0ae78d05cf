/**
 * How many TCP connections there may be, and who goes first where one more does not fit.
 *
 * A connection is a stranger's until a request on it has proved whose it is: then it is known (`Flow.vouch`). Strangers
 * are bounded per address, known ones per owner, both together in number, and what all of them make this node hold in
 * octets. The first to go are strangers: of the address that has most of them, the oldest, so that whoever has come to
 * register has the longest time for it. Then comes the owner with most connections, and of those the one that has been
 * idle longest; nobody's only one. Connections that this node makes have a bound of their own.
 */
import { CutCounts } from '../bytes/cut-counts.ts';
import { countedAddress } from '../bytes/network-address.ts';
import type { Logger } from '../bytes/ports.ts';

export interface TcpLimits {
  /** Connections that others have made. */
  readonly most: number;
  /** Those of strangers at one address, or in one network of IPv6. */
  readonly perAddress: number;
  /** Those that are known as one's. */
  readonly perOwner: number;
  /** Connections that this node has made. */
  readonly outgoing: number;
  /** Octets that are held for all: of messages that are not whole yet, and for those who do not read. */
  readonly octets: number;
  /** Milliseconds without a message after which a stranger's connection is closed. */
  readonly strangerMs: number;
  /** The same of one that is known, or that this node has made: longer than registrations last by default. */
  readonly knownMs: number;
}

export const TCP_LIMITS: TcpLimits = {
  most: 1024,
  perAddress: 64,
  perOwner: 32,
  outgoing: 512,
  octets: 64 << 20,
  strangerMs: 60_000,
  knownMs: 7_500_000,
};

/** Why a connection was closed or refused by this node. */
export type TcpCut =
  | 'too-many'
  | 'too-many-of-address'
  | 'too-many-of-owner'
  | 'too-many-outgoing'
  | 'too-many-octets'
  | 'idle'
  | 'slow-sender'
  | 'slow-reader'
  /** Over TLS, a handshake that took too long. */
  | 'handshake'
  /** Over TLS, a certificate that is not trusted. */
  | 'untrusted';

/** A connection as it is counted. */
export interface Counted {
  /** Whom the address at its other end is counted for (`countedAddress`). */
  readonly countedFor: string;
  /** Whether this node has made it. */
  readonly outgoing: boolean;
  /** Whose it is; `null`: a stranger's. */
  readonly owner: string | null;
  /** When a message last went over it, in milliseconds. */
  readonly active: number;
  /** Octets that it makes this node hold. */
  readonly held: number;
  cut(reason: TcpCut): void;
}

export class TcpConnections {
  readonly limits: TcpLimits;
  /** Oldest first. */
  readonly #all = new Set<Counted>();
  readonly #cuts: CutCounts<TcpCut>;
  #held = 0;

  constructor(limits: TcpLimits, logger: Logger) {
    this.limits = limits;
    this.#cuts = new CutCounts(logger, 'a SIP connection was closed');
  }

  /** How many were closed or refused, by reason. */
  get cuts(): Readonly<Partial<Record<TcpCut, number>>> {
    return this.#cuts.all;
  }

  /** How many there are, and octets that they make this node hold. */
  get open(): { readonly incoming: number; readonly outgoing: number; readonly octets: number } {
    const incoming = this.#incoming().length;
    return { incoming, outgoing: this.#all.size - incoming, octets: this.#held };
  }

  /** Makes room for one that somebody makes from this address; `false`: there is none. */
  hasRoom(address: string): boolean {
    const { most, perAddress } = this.limits;
    const from = countedAddress(address);
    const strangers = this.#incoming().filter(({ owner }) => owner === null);
    const own = strangers.filter(({ countedFor }) => countedFor === from);
    if (own.length >= perAddress) own[0]?.cut('too-many-of-address');
    if (this.#incoming().length < most) return true;
    const victim = mostCrowded(strangers, ({ countedFor }) => countedFor)[0] ?? this.#spare();
    victim?.cut('too-many');
    if (victim === undefined) this.counted('too-many', address);
    return victim !== undefined;
  }

  /** Makes room for one more that this node makes; `false`: there is none. */
  hasRoomOut(making: number): boolean {
    const outgoing = [...this.#all].filter((each) => each.outgoing);
    if (outgoing.length + making < this.limits.outgoing) return true;
    const [victim] = byActivity(outgoing);
    victim?.cut('too-many-outgoing');
    return victim !== undefined;
  }

  add(connection: Counted): void {
    this.#all.add(connection);
  }

  delete(connection: Counted): void {
    this.#all.delete(connection);
  }

  /** A connection has become somebody's: of too many, the one that has been idle longest goes. */
  known(connection: Counted): void {
    const own = this.#incoming().filter(({ owner }) => owner === connection.owner);
    if (own.length <= this.limits.perOwner) return;
    byActivity(own.filter((each) => each !== connection))[0]?.cut('too-many-of-owner');
  }

  /** A connection makes this node hold so many octets more. */
  holds(more: number): void {
    this.#held += more;
    if (more <= 0 || this.#held <= this.limits.octets) return;
    for (const victim of byHoldings([...this.#all])) {
      if (this.#held <= this.limits.octets) return;
      victim.cut('too-many-octets');
    }
  }

  /** Counts a connection that was closed or refused. */
  counted(reason: TcpCut, address: string): void {
    this.#cuts.add(reason, { address });
  }

  #incoming(): Counted[] {
    return [...this.#all].filter(({ outgoing }) => !outgoing);
  }

  /** One of those that are known whose owner has others. */
  #spare(): Counted | undefined {
    const crowd = mostCrowded(this.#incoming(), ({ owner }) => owner ?? '');
    return crowd.length > 1 ? byActivity(crowd)[0] : undefined;
  }
}

/** Those that share what most of them share, in their order. */
function mostCrowded(connections: readonly Counted[], of: (connection: Counted) => string): Counted[] {
  const crowds = new Map<string, Counted[]>();
  for (const each of connections) {
    const crowd = crowds.get(of(each));
    if (crowd === undefined) crowds.set(of(each), [each]);
    else crowd.push(each);
  }
  return [...crowds.values()].reduce<Counted[]>(
    (most, crowd) => (crowd.length > most.length ? crowd : most),
    [],
  );
}

/** The one that has been idle longest first. */
function byActivity(connections: readonly Counted[]): Counted[] {
  return connections.toSorted((a, b) => a.active - b.active);
}

/** Strangers first, then those that make this node hold most. */
function byHoldings(connections: readonly Counted[]): Counted[] {
  const isKnown = ({ owner, outgoing }: Counted): number => Number(owner !== null || outgoing);
  const holding = connections.filter(({ held }) => held > 0);
  return holding.toSorted((a, b) => isKnown(a) - isKnown(b) || b.held - a.held);
}
