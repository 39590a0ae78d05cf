/** Start of interception with established session on X2, judged by an independent codec. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { HiError } from '../../../src/wire/hi/errors.ts';
import { decodeSessionStart, encodeSessionStart } from '../../../src/wire/hi/session-start.ts';
import { askOracle, compileOracle, TIME_TO_COMPILE, withoutOracle } from '../../support/asn1-oracle.ts';

const XID = '11111111-2222-4333-8444-555555555555';
const CORRELATION = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const START = {
  time: 1_900_000_000_000,
  offer: { head: utf8('INVITE sip:bob@home2.example SIP/2.0\r\n\r\n'), sdp: utf8('v=0\r\n') },
  answer: { head: utf8('SIP/2.0 183 Session Progress\r\n\r\n'), sdp: utf8('v=0\r\ns=-\r\n') },
};

describe('R-33: start of interception with established session, on X2', () => {
  const octets = encodeSessionStart(START, XID, CORRELATION);

  it('comes back as it was', () => {
    expect(decodeSessionStart(octets)).toEqual(START);
  });

  it.each([
    ['with octets behind it', () => Uint8Array.from([...octets, 0])],
    ['cut short', () => octets.slice(0, -1)],
    ['as a continue record', () => Uint8Array.from([0xa3, ...octets.slice(1)])],
    ['nothing at all', () => new Uint8Array()],
  ])('is refused %s', (_, spoilt) => {
    expect(() => decodeSessionStart(spoilt())).toThrow(HiError);
  });

  describe.skipIf(withoutOracle())('with the oracle', () => {
    beforeAll(compileOracle, TIME_TO_COMPILE);

    it('is an EpsIRIsContent with iMSevent 4, offer and answer', () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'claviger-start-'));
      const file = path.join(folder, 'start.ber');
      writeFileSync(file, octets);
      const { status, stderr, pdus } = askOracle(file, 'eps-iri');
      rmSync(folder, { recursive: true });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(pdus.join('')).toContain('startOfInterceptionForIMSEstablishedSession');
      for (const field of ['sipMessageHeaderOffer', 'sipMessageHeaderAnswer', 'sdpOffer', 'sdpAnswer'])
        expect(pdus.join('')).toContain(field);
    });
  });
});
