/** Settings of DNS, and which peers are looked for by SRV. */
import { describe, expect, it } from 'vitest';
import { DNS_SETTINGS } from '../../../src/entities/cscf/config-dns.ts';
import { strict } from '../../../src/bytes/schema.ts';
import { configReader } from '../../../src/host/config.ts';

const read = configReader(strict({ dns: DNS_SETTINGS }));

describe('R-95: settings of DNS', () => {
  it('are those of the system where nothing is said', () => {
    expect(read({}).dns).toEqual({ servers: [], timeoutMs: 2000 });
  });

  it.each(['192.0.2.53', '192.0.2.53:5353', '2001:db8::53', '[2001:db8::53]', '[2001:db8::53]:5353'])(
    '%s is a server',
    (server) => expect(read({ dns: { servers: [server] } }).dns.servers).toEqual([server]),
  );

  it.each([
    '',
    'dns.example',
    '192.0.2.53:',
    '192.0.2.53:0',
    '192.0.2.53:65536',
    '[192.0.2:53',
    '192.0.2.53:53:53',
  ])('“%s” is not', (server) =>
    expect(() => read({ dns: { servers: [server] } })).toThrow(/dns\.servers\[0\].*IP address, with a port/),
  );

  it.each([99, 10_001, 'soon'])('a time-out of %s is refused', (timeoutMs) => {
    expect(() => read({ dns: { timeoutMs } })).toThrow(/dns\.timeoutMs/);
  });
});
