import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { PpsError } from '../../../src/wire/pps/errors.ts';
import {
  decodePublication,
  encodePublication,
  isOfDistrict,
  pathOfDistrict,
  serialOfQuery,
  uriOfSerial,
} from '../../../src/wire/pps/publication.ts';

const DISTRICT = 'https://kms.home1.example/.well-known/ibe';

describe('publication of parameters (RFC 5408 section 4)', () => {
  it('is read as it was written, with its successor and without', () => {
    for (const successor of [null, uriOfSerial(DISTRICT, 7)]) {
      const published = { der: Uint8Array.of(0x30, 0, 255), successor };
      const { body, link } = encodePublication(published);
      expect(decodePublication(utf8(body), link ?? '')).toEqual(published);
    }
  });

  it('base64 may be in lines; what is not base64 is refused', () => {
    expect(decodePublication(utf8('MAD/\r\n'), '').der).toEqual(Uint8Array.of(0x30, 0, 255));
    expect(() => decodePublication(utf8('<html>'), '')).toThrow(PpsError);
    expect(() => decodePublication(Uint8Array.of(0xff), '')).toThrow(PpsError);
  });

  it.each([
    [`<${DISTRICT}?serial=7>; rel="successor-version"`, `${DISTRICT}?serial=7`],
    [`<${DISTRICT}?serial=7> ; REL=successor-version`, `${DISTRICT}?serial=7`],
    [`<${DISTRICT}?serial=7>; rel="predecessor-version"`, null],
    ['', null],
  ])('a Link field %j announces %j', (link, successor) => {
    expect(decodePublication(utf8('MAA='), link).successor).toBe(successor);
  });

  it('a successor is of the district that announces it', () => {
    expect(isOfDistrict(uriOfSerial(DISTRICT, 7), DISTRICT)).toBe(true);
    expect(isOfDistrict('https://kms.home2.example/.well-known/ibe?serial=7', DISTRICT)).toBe(false);
    expect(isOfDistrict(`${DISTRICT}.evil.example?serial=7`, DISTRICT)).toBe(false);
    expect(pathOfDistrict(DISTRICT)).toBe('/.well-known/ibe');
  });

  it.each([
    [{}, null],
    [{ serial: '12' }, 12],
    [{ serial: '-1' }, undefined],
    [{ serial: ['1', '2'] }, undefined],
    [{ serial: '' }, undefined],
    [undefined, null],
  ])('the query %j asks for serial %j', (query, serial) => {
    expect(serialOfQuery(query)).toBe(serial);
  });
});
