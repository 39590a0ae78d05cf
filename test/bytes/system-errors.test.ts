/** What the system says of files and sockets, in words. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { NetConnectOpts } from 'node:net';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/bytes/errors.ts';
import { isSystemError, systemWords, whyOf } from '../../src/bytes/system-errors.ts';

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const refused = (options: NetConnectOpts): Promise<Error> =>
  new Promise((resolve) => connect(options).once('error', resolve));

describe('an error of the system', () => {
  it('of a file is said in words, with the file where the system names it', () => {
    const missing = thrownBy(() => readFileSync('/nowhere/at/all'));
    expect(whyOf(missing)).toBe('there is no such file or folder');
    expect(messageOf(missing)).toBe('/nowhere/at/all: there is no such file or folder');
    expect(messageOf(thrownBy(() => readFileSync('/')))).toBe('it is a folder');
    expect(whyOf(thrownBy(() => readFileSync('/dev/null/x')))).toBe('a part of the path is a file');
  });

  it('of a socket is, with the address', async () => {
    // Port 1 of an address that nothing of this machine listens at.
    const tcp = await refused({ host: '127.254.254.1', port: 1 });
    expect(messageOf(tcp)).toBe('127.254.254.1:1: nobody listens there');
    expect(messageOf(await refused({ path: '/nowhere/control.sock' }))).toBe(
      '/nowhere/control.sock: nobody listens there',
    );
  });

  it('that stands for those of several addresses says what the first says', () => {
    const one = Object.assign(new Error('connect ECONNREFUSED ::1:5'), {
      ...{ code: 'ECONNREFUSED', syscall: 'connect', address: '::1', port: 5 },
    });
    expect(messageOf(new AggregateError([one, new Error('other')]))).toBe('[::1]:5: nobody listens there');
  });

  it('has words for each code that files, sockets and names have', () => {
    const unused =
      /^E(?:2BIG|ALREADY|BADMSG|CANCELED|CHILD|CONNABORTED|DEADLK|DESTADDRREQ|DOM|FAULT|IDRM|ILSEQ|INPROGRESS|INTR|ISCONN|MLINK|MULTIHOP|NETRESET|NODATA|NOEXEC|NOLCK|NOLINK|NOMSG|NOPROTOOPT|NOSR|NOSTR|NOSYS|NOTSOCK|NOTSUP|NOTTY|OPNOTSUPP|OVERFLOW|PROTO|PROTONOSUPPORT|PROTOTYPE|RANGE|SPIPE|SRCH|TIME|WOULDBLOCK)$/;
    const codes = Object.keys(constants.errno).filter((code) => !unused.test(code));
    expect(codes.filter((code) => systemWords(code) === null)).toEqual([]);
  });
});

it('what is not of the system says what it says', () => {
  const own = Object.assign(new Error('wrong'), { code: 'ENOENT' });
  expect(isSystemError(own)).toBe(false);
  expect([messageOf(own), messageOf('text'), whyOf(null)]).toEqual(['wrong', 'text', 'null']);
});
