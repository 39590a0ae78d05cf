/**
 * What the operating system says of files, sockets and names, in words: its own text (`ENOENT: no such file or directory,
 * open …`) names a call that nobody has made. What to do about it, the command line says (`cli/failure.ts`).
 */

/** An error of a call to the system, as Node.js throws it or hands it to a callback. */
export interface SystemError extends Error {
  /** `ENOENT`, `ECONNREFUSED`, … */
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission is missing',
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EAFNOSUPPORT: 'this machine has no addresses of that family',
  EAGAIN: 'nothing can be read there now',
  EAI_AGAIN: 'no name server answers',
  EBADF: 'it is not open',
  EBUSY: 'it is in use',
  ECONNABORTED: 'the connection was ended',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the other end has cut the connection',
  EDQUOT: 'the quota of the disk is used up',
  EEXIST: 'something of that name is there',
  EFBIG: 'the file would be too large',
  EHOSTDOWN: 'that machine does not answer',
  EHOSTUNREACH: 'there is no way to that address',
  EINVAL: 'that is not possible there',
  EIO: 'the disk has failed',
  EISDIR: 'it is a folder',
  ELOOP: 'links lead round in a circle',
  EMFILE: 'this process has as many files and connections open as it may',
  EMSGSIZE: 'it is too large for a datagram',
  ENAMETOOLONG: 'the name is too long',
  ENETDOWN: 'the network is down',
  ENETUNREACH: 'there is no way to that network',
  ENFILE: 'this machine has as many files open as it may',
  ENOBUFS: 'the system has no room left for it',
  ENODEV: 'nothing is behind that name',
  ENOENT: 'there is no such file or folder',
  ENOMEM: 'no memory is left',
  ENOSPC: 'the disk is full',
  ENOTCONN: 'the connection has ended',
  ENOTDIR: 'a part of the path is a file',
  ENOTEMPTY: 'the folder is not empty',
  ENOTFOUND: 'that name is not known',
  ENXIO: 'nothing is behind that name',
  EPERM: 'the system does not permit it',
  EPIPE: 'the other end has ended the connection',
  EROFS: 'the file system is read-only',
  ESTALE: 'the file system that it was on is gone',
  ETIMEDOUT: 'there was no answer in time',
  ETXTBSY: 'it is in use',
  EXDEV: 'it is on another disk',
};

export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** What a code of the system means; `null`: it is not one that this table has. */
export function systemWords(code: string): string | null {
  return WORDS[code] ?? null;
}

/** Why something failed, in words and without the place, which whoever tried it names: `cannot read FILE: WHY`. */
export function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses of one host were tried: each has failed, and the first says why.
  if (error instanceof AggregateError && error.errors.length > 0) return whyOf(error.errors[0]);
  if (!isSystemError(error)) return error.message;
  if (error.code === 'ENOENT' && error.syscall === 'connect') return 'nobody listens there';
  return systemWords(error.code) ?? error.message;
}

/** The path or address that the system names; `null`: none, or the words of `whyOf` are its own and name it. */
export function fileOf(error: unknown): string | null {
  const of = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  if (!isSystemError(of) || systemWords(of.code) === null) return null;
  const { path, address, port, hostname } = of;
  if (path !== undefined) return path;
  if (address === undefined) return hostname ?? null;
  if (port === undefined || port < 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
