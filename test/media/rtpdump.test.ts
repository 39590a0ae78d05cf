/** Files of RTP packets as rtptools has them. */
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex } from '../../src/bytes/octets.ts';
import { readRtpDump, rtpDumpHeader, rtpDumpPacket } from '../../src/media/rtpdump.ts';

const SOURCE = { address: '192.0.2.7', port: 4000 };

describe('a file of RTP packets (R-45)', () => {
  it('has the octets that rtptools writes', () => {
    const file = concat(
      rtpDumpHeader(1_800_000_000_250, SOURCE),
      rtpDumpPacket({ offset: 20, octets: fromHex('8060000100000002') }),
    );
    expect(Buffer.from(file.subarray(0, 28)).toString('latin1')).toBe('#!rtpplay1.0 192.0.2.7/4000\n');
    expect(toHex(file.subarray(28))).toBe(
      ['6b49d200', '0003d090', 'c0000207', '0fa00000', '00100008', '00000014', '8060000100000002'].join(''),
    );
  });

  it('is read as it was written', () => {
    const packets = [0, 1, 65_000].map((length, at) => ({
      offset: 20 * at,
      octets: new Uint8Array(length).fill(at),
    }));
    const file = concat(rtpDumpHeader(1_800_000_000_250, SOURCE), ...packets.map(rtpDumpPacket));
    expect(readRtpDump(file)).toEqual({ start: 1_800_000_000_250, source: SOURCE, packets });
  });

  it.each([null, { address: '2001:db8::1', port: 4000 }])(
    'of a source that it has no room for: %j',
    (source) => {
      expect(readRtpDump(rtpDumpHeader(0, source)).source).toEqual({ address: '0.0.0.0', port: 0 });
    },
  );

  it('has room for no packet beyond 65,527 octets', () => {
    expect(() => rtpDumpPacket({ offset: 0, octets: new Uint8Array(65_528) })).toThrow(/longer/);
  });

  it('is refused where it is cut, or another file', () => {
    const file = concat(rtpDumpHeader(0, SOURCE), rtpDumpPacket({ offset: 0, octets: new Uint8Array(9) }));
    for (let length = 0; length < file.length; length++)
      if (length !== 28 + 16) expect(() => readRtpDump(file.subarray(0, length))).toThrow();
  });
});
