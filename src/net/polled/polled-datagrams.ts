/**
 * UDP sockets of a thread that waits for nothing else (`epoll(7)`): a datagram takes two calls of the C library, and of
 * the socket's memory nothing is made but a view of what has come. What Node.js does for a datagram takes about half as
 * long again (docs/performance.md).
 *
 *     turn ──► epoll_wait ──► of each socket that has some: recvfrom, once ──► its listener ──► sendto
 *
 * A socket that has more is served again in the next turn, after the others. Whoever has told the thread something rings
 * its bell, which ends the wait, and is heard before what has come to sockets: what was said before a datagram was sent
 * holds when it comes.
 */
import { isIPv6 } from 'node:net';
import type { Logger } from '../../bytes/ports.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { Datagrams, DatagramSocket } from '../../media/datagrams.ts';
import { hasRung } from './bell.ts';
import type { Bell } from './bell.ts';
import { Descriptors } from './descriptors.ts';
import type { SharedDescriptors } from './descriptors.ts';
import {
  SOCKET_ADDRESS,
  readSocketAddress,
  socketAddressLength,
  writeSocketAddress,
} from './socket-addresses.ts';
import type { AddressFamily } from './socket-addresses.ts';
import { LINUX } from './system-calls.ts';
import type { SystemCalls } from './system-calls.ts';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';

const { EADDRINUSE, EACCES, EAGAIN, EINTR } = constants.errno;
/** No datagram has more octets. */
const MOST_OCTETS = 65_535;
/** Datagrams lie one after the other in pieces of memory of this size, which go when nobody has any of them. */
const PIECE = 4 * (MOST_OCTETS + 1);
/** Sockets of a turn at most. */
const MOST_EVENTS = 256;
/** 32-bit words of a `struct epoll_event`, which is packed on x86-64, and the word of its data in which the socket is. */
const EVENT = process.arch === 'x64' ? { words: 3, socket: 1 } : { words: 4, socket: 2 };
/** Of so many datagrams to one place that could not be sent, one is told. */
const TOLD_OF = 256;
/** How often a bell that goes on ringing is heard before what has come. */
const MOST_HEARD = 8;
/** What the bell has instead of a socket. */
const BELL = 0;

/** Memory whose address is known. */
class Memory {
  readonly buffer: ArrayBuffer;
  readonly at: number;
  readonly view: DataView;
  readonly words: Int32Array;

  constructor(octets: number, calls: Pick<SystemCalls, 'addressOf'>) {
    this.buffer = new ArrayBuffer(octets);
    this.at = calls.addressOf(this.buffer);
    this.view = new DataView(this.buffer);
    this.words = new Int32Array(this.buffer);
  }
}

export interface PolledParts {
  readonly calls: SystemCalls;
  readonly logger: Logger;
  /** Where it is noted what is open. */
  readonly shared: SharedDescriptors;
  readonly bell: Bell;
}

export class PolledDatagrams implements Datagrams {
  readonly #calls: SystemCalls;
  readonly #logger: Logger;
  readonly #descriptors: Descriptors;
  readonly #bell: Bell;
  readonly #epoll: number;
  readonly #event: Memory;
  readonly #events: Memory;
  readonly #from: Memory;
  readonly #fromLength: Memory;
  #piece: Memory;
  /** Octets of the piece that are given away. */
  #given = 0;
  /** By the number that the kernel has of them; 0 is the bell's. */
  readonly #sockets: (PolledSocket | undefined)[] = [undefined];
  #free: number[] = [];
  /** Numbers of sockets closed since the turn began: one that is told of in it is not another's. */
  #closed: number[] = [];
  #open = 0;
  /** What it waited by is closed, and its number may be anybody's in this process. */
  #isEnded = false;

  /** @throws Error of the system */
  constructor({ calls, logger, shared, bell }: PolledParts) {
    this.#calls = calls;
    this.#logger = logger;
    this.#descriptors = new Descriptors(shared, calls);
    this.#bell = bell;
    this.#event = new Memory(4 * EVENT.words, calls);
    this.#events = new Memory(4 * EVENT.words * MOST_EVENTS, calls);
    this.#from = new Memory(SOCKET_ADDRESS, calls);
    this.#fromLength = new Memory(8, calls);
    this.#piece = new Memory(PIECE, calls);
    this.#epoll = this.#opened(calls.epollCreate(LINUX.EPOLL_CLOEXEC), 'epoll_create1');
    this.#watch(bell.descriptor, BELL);
  }

  /** Sockets that are open. */
  get open(): number {
    return this.#open;
  }

  bind(address: string, port: number): Promise<DatagramSocket | null> {
    return new Promise((resolve) => resolve(this.#bind(address, port)));
  }

  /**
   * Waits for datagrams so many milliseconds at most, or until the bell rings, and hands on what has come.
   * @param heard called before if the bell has rung; it may open and close sockets
   */
  turn(ms: number, heard: () => void): void {
    if (this.#closed.length > 0) this.#free.push(...this.#closed.splice(0));
    let count = this.#wait(ms);
    // Again, if it rang meanwhile: what comes after that may have been waiting for what was said.
    for (let times = 0; times < MOST_HEARD && !this.#isEnded && hasRung(this.#bell); times++) {
      heard();
      count = this.#wait(0);
    }
    const { words } = this.#events;
    for (let event = 0; event < count; event++) {
      const number = words[EVENT.words * event + EVENT.socket] ?? BELL;
      if (number === BELL) this.#calls.read(this.#bell.descriptor, this.#fromLength.at, 8);
      else this.#receive(this.#sockets[number]);
    }
  }

  /** Nothing is received afterwards. Its sockets are to be closed before. */
  end(): void {
    this.#isEnded = true;
    this.#descriptors.close(this.#epoll);
  }

  /** @returns how many sockets have datagrams, the bell counted as one */
  #wait(ms: number): number {
    if (this.#isEnded) return 0;
    const count = this.#calls.epollWait(this.#epoll, this.#events.at, MOST_EVENTS, ms);
    if (count < 0) this.#report(null, 'epoll_wait');
    return count;
  }

  #receive(socket: PolledSocket | undefined): void {
    if (socket === undefined) return;
    if (this.#given + MOST_OCTETS > PIECE) {
      this.#piece = new Memory(PIECE, this.#calls);
      this.#given = 0;
    }
    const piece = this.#piece;
    const begin = this.#given;
    this.#fromLength.words[0] = SOCKET_ADDRESS;
    const length = this.#calls.recvfrom(
      socket.descriptor,
      piece.at + begin,
      MOST_OCTETS,
      LINUX.MSG_DONTWAIT,
      this.#from.at,
      this.#fromLength.at,
    );
    if (length < 0) {
      this.#report(socket.local, 'recvfrom');
      return;
    }
    this.#given += length;
    socket.came(new Uint8Array(piece.buffer, begin, length), this.#from.view);
  }

  /** Where octets lie that are to be sent. */
  #addressOf(octets: Uint8Array): number {
    const { buffer, at } = this.#piece;
    return octets.buffer === buffer ? at + octets.byteOffset : this.#calls.addressOf(octets);
  }

  #bind(address: string, port: number): DatagramSocket | null {
    if (this.#isEnded) throw failure('socket', constants.errno.EBADF);
    const calls = this.#calls;
    const family: AddressFamily = isIPv6(address) ? 6 : 4;
    const kind = LINUX.SOCK_DGRAM | LINUX.SOCK_NONBLOCK | LINUX.SOCK_CLOEXEC;
    const descriptor = this.#opened(
      calls.socket(family === 6 ? LINUX.AF_INET6 : LINUX.AF_INET, kind, 0),
      'socket',
    );
    try {
      const local = this.#named(descriptor, { address, port }, family);
      if (local === null) {
        this.#descriptors.close(descriptor);
        return null;
      }
      const number = this.#free.pop() ?? this.#sockets.length;
      this.#watch(descriptor, number);
      const socket = new PolledSocket(descriptor, family, local, {
        calls,
        logger: this.#logger,
        addressOf: (octets) => this.#addressOf(octets),
        closed: () => this.#close(number),
      });
      this.#sockets[number] = socket;
      this.#open++;
      return socket;
    } catch (error) {
      this.#descriptors.close(descriptor);
      throw error;
    }
  }

  /** Binds a socket. @returns where it is, or `null` if the port is taken */
  #named(descriptor: number, wanted: NetworkAddress, family: AddressFamily): NetworkAddress | null {
    const { view, at } = this.#from;
    if (!writeSocketAddress(view, wanted, family)) throw failure('bind', constants.errno.EINVAL);
    if (this.#calls.bind(descriptor, at, socketAddressLength(family)) < 0) {
      const errno = this.#calls.errno();
      if (errno === EADDRINUSE || errno === EACCES) return null;
      throw failure('bind', errno);
    }
    this.#fromLength.words[0] = SOCKET_ADDRESS;
    if (this.#calls.getsockname(descriptor, at, this.#fromLength.at) < 0)
      throw failure('getsockname', this.#calls.errno());
    return { address: wanted.address, port: readSocketAddress(view).port };
  }

  #close(number: number): void {
    const socket = this.#sockets[number];
    if (socket === undefined) return;
    this.#sockets[number] = undefined;
    this.#closed.push(number);
    this.#open--;
    this.#descriptors.close(socket.descriptor);
  }

  #opened(descriptor: number, call: string): number {
    if (descriptor < 0) throw failure(call, this.#calls.errno());
    if (!this.#descriptors.opened(descriptor)) throw failure(call, constants.errno.EMFILE);
    return descriptor;
  }

  #watch(descriptor: number, number: number): void {
    const { words, at } = this.#event;
    words[0] = LINUX.EPOLLIN;
    words[EVENT.socket] = number;
    if (this.#calls.epollCtl(this.#epoll, LINUX.EPOLL_CTL_ADD, descriptor, at) < 0)
      throw failure('epoll_ctl', this.#calls.errno());
  }

  #report(local: NetworkAddress | null, call: string): void {
    const errno = this.#calls.errno();
    if (errno === EAGAIN || errno === EINTR) return;
    this.#logger.warn({ local, error: failure(call, errno) }, 'a media socket reported an error');
  }
}

interface SocketParts {
  readonly calls: SystemCalls;
  readonly logger: Logger;
  readonly addressOf: (octets: Uint8Array) => number;
  readonly closed: () => void;
}

class PolledSocket implements DatagramSocket {
  readonly local: NetworkAddress;
  readonly descriptor: number;
  readonly #family: AddressFamily;
  readonly #calls: SystemCalls;
  readonly #addressOf: SocketParts['addressOf'];
  #listener: ((octets: Uint8Array, from: NetworkAddress) => void) | null = null;
  /** Whom the last datagram came from, and the words by which that is known. */
  #from: NetworkAddress | null = null;
  readonly #fromWords = new Int32Array(SOCKET_ADDRESS / 4);
  /** Where the last one went, and the same for the system; `false`: there is no such place. */
  #to: NetworkAddress | null = null;
  #isPlace = false;
  readonly #place: Memory;
  #unsent = 0;
  readonly #parts: SocketParts;
  #isOpen = true;

  constructor(descriptor: number, family: AddressFamily, local: NetworkAddress, parts: SocketParts) {
    this.descriptor = descriptor;
    this.local = local;
    this.#family = family;
    this.#calls = parts.calls;
    this.#addressOf = parts.addressOf;
    this.#parts = parts;
    this.#place = new Memory(SOCKET_ADDRESS, parts.calls);
  }

  onDatagram(listener: (octets: Uint8Array, from: NetworkAddress) => void): void {
    this.#listener = listener;
  }

  send(octets: Uint8Array, to: NetworkAddress): void {
    if (!this.#isOpen) return;
    if (to !== this.#to) this.#aim(to);
    const { at } = this.#place;
    const sent = this.#isPlace
      ? this.#calls.sendto(
          this.descriptor,
          this.#addressOf(octets),
          octets.length,
          LINUX.MSG_DONTWAIT,
          at,
          socketAddressLength(this.#family),
        )
      : -1;
    if (sent < 0) this.#tell(to, this.#isPlace ? this.#calls.errno() : constants.errno.EAFNOSUPPORT);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#listener = null;
    this.#parts.closed();
  }

  /** A datagram, and where it came from as the system says it. */
  came(octets: Uint8Array, from: DataView): void {
    this.#listener?.(octets, this.#source(from));
  }

  /** The same object as before for one that goes on: of each datagram the words are compared, and no text is made. */
  #source(from: DataView): NetworkAddress {
    const known = this.#fromWords;
    const words = socketAddressLength(this.#family) / 4;
    let isSame = this.#from !== null;
    for (let word = 0; word < words; word++) {
      const value = from.getInt32(4 * word, true);
      if (known[word] === value) continue;
      known[word] = value;
      isSame = false;
    }
    if (this.#from === null || !isSame) this.#from = readSocketAddress(from);
    return this.#from;
  }

  #aim(to: NetworkAddress): void {
    const isSame = this.#to?.port === to.port && this.#to.address === to.address;
    this.#to = to;
    if (isSame) return;
    this.#unsent = 0;
    this.#isPlace = writeSocketAddress(this.#place.view, to, this.#family);
  }

  #tell(to: NetworkAddress, errno: number): void {
    if (this.#unsent++ % TOLD_OF > 0) return;
    const error = failure('sendto', errno);
    this.#parts.logger.debug({ local: this.local, to, error }, 'a datagram could not be sent');
  }
}

function failure(call: string, errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${call}: ${code}`), { code, errno: -errno, syscall: call });
}
