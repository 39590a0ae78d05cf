/**
 * The calls of the C library that sockets need, as far as Node.js has no way to them: Linux on x86-64 and ARM64, with the
 * package `koffi`, which is optional. Memory is told by its address, so that a call makes nothing; what lies there must
 * be held by whoever calls, and is not moved (the store of an ArrayBuffer is not).
 */
import type koffi from 'koffi';

/** `recvfrom(2)` and `sendto(2)`, but that the one is told where the length of the address is, the other the length. */
type Transfer = (
  socket: number,
  octets: number,
  length: number,
  flags: number,
  address: number,
  addressLength: number,
) => number;

/** As `socket(2)`, `epoll(7)` and others of Linux have them; −1 is a failure, of which `errno` says why. */
export interface SystemCalls {
  socket(family: number, type: number, protocol: number): number;
  bind(socket: number, address: number, length: number): number;
  getsockname(socket: number, address: number, length: number): number;
  readonly recvfrom: Transfer;
  readonly sendto: Transfer;
  epollCreate(flags: number): number;
  epollCtl(epoll: number, operation: number, descriptor: number, event: number): number;
  epollWait(epoll: number, events: number, most: number, ms: number): number;
  eventfd(count: number, flags: number): number;
  read(descriptor: number, octets: number, length: number): number;
  write(descriptor: number, octets: number, length: number): number;
  close(descriptor: number): number;
  /** Why the last call failed. */
  errno(): number;
  /** Where memory lies. */
  addressOf(memory: ArrayBuffer | Uint8Array): number;
}

/** Numbers of Linux, the same on both architectures. */
export const LINUX = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_DGRAM: 2,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  MSG_DONTWAIT: 0x40,
  EPOLL_CLOEXEC: 0o2000000,
  EPOLL_CTL_ADD: 1,
  EPOLLIN: 1,
  EFD_NONBLOCK: 0o4000,
  EFD_CLOEXEC: 0o2000000,
} as const;

const ARCHITECTURES = ['x64', 'arm64'];

/** @returns `null` where there are none: another system, or no `koffi` */
export async function systemCalls(): Promise<SystemCalls | null> {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch)) return null;
  let library: typeof koffi;
  try {
    library = (await import('koffi')).default;
  } catch {
    return null;
  }
  return callsOf(library);
}

function callsOf({ load, errno, address }: typeof koffi): SystemCalls {
  // The process itself has the C library, whichever it is.
  const library = load(null);
  const func = (definition: string): ((...values: number[]) => number) => library.func(definition);
  return {
    socket: func('int socket(int, int, int)'),
    bind: func('int bind(int, uintptr_t, uint32_t)'),
    getsockname: func('int getsockname(int, uintptr_t, uintptr_t)'),
    recvfrom: func('intptr_t recvfrom(int, uintptr_t, size_t, int, uintptr_t, uintptr_t)'),
    sendto: func('intptr_t sendto(int, uintptr_t, size_t, int, uintptr_t, uint32_t)'),
    epollCreate: func('int epoll_create1(int)'),
    epollCtl: func('int epoll_ctl(int, int, int, uintptr_t)'),
    epollWait: func('int epoll_wait(int, uintptr_t, int, int)'),
    eventfd: func('int eventfd(uint32_t, int)'),
    read: func('intptr_t read(int, uintptr_t, size_t)'),
    write: func('intptr_t write(int, uintptr_t, size_t)'),
    close: func('int close(int)'),
    errno: () => errno(),
    addressOf: (memory) => Number(address(memory)),
  };
}
