import { describe, expect, it } from 'vitest';
import { lemfOption, parseDuration, targetOption, timeOption } from '../../../src/cli/officer/options.ts';
import { changesOf, entryOf } from '../../../src/cli/officer/contents.ts';
import { parseTime } from '../../../src/wire/officers/terms.ts';

describe('R-93: what an officer writes', () => {
  it.each([
    ['sip:alice@home1.example', 'sipUri', 'sip:alice@home1.example'],
    ['SIPS:alice@home1.example', 'sipUri', 'SIPS:alice@home1.example'],
    ['tel:+12125550101', 'telUri', 'tel:+12125550101'],
    ['impu=sip:a@b;x=y', 'impu', 'sip:a@b;x=y'],
    ['e164Number=12125550101', 'e164Number', '12125550101'],
  ])('%s is %s %s', (text, name, value) => {
    expect(targetOption(text)).toEqual({ name, value });
  });

  it.each(['alice', 'alice@home1.example', '', '=x', 'impu=', 'mailto:a@b', 'Impu=x'])(
    '“%s” is nobody’s identity',
    (text) => expect(() => targetOption(text)).toThrow(/does not say whose identity/),
  );

  it.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '2', 'h', '-2h', '2 h', '2H', '0s', '1.5h', '2y', '9999999999s', '2h!'])(
    '“%s” is not a duration',
    (text) => expect(parseDuration(text)).toBeNull(),
  );

  it.each([
    ['2030-01-31T12:00:00Z', '2030-01-31T12:00:00.000Z'],
    ['2030-01-31t12:00:00z', '2030-01-31T12:00:00.000Z'],
    ['2030-01-31T12:00:00.5+01:00', '2030-01-31T11:00:00.500Z'],
    ['2028-02-29T00:00:00-14:00', '2028-02-29T14:00:00.000Z'],
  ])('%s is a time', (text, utc) => {
    expect(new Date(parseTime(text) ?? NaN).toISOString()).toBe(utc);
  });

  it.each([
    '2030-01-31',
    '2030-01-31T12:00:00',
    '2030-02-30T12:00:00Z',
    '2029-02-29T12:00:00Z',
    '2030-01-31T24:00:00Z',
    '2030-13-01T00:00:00Z',
    '2030-00-01T00:00:00Z',
    '2030-01-31 12:00:00Z',
    '2030-01-31T12:00:60Z',
    '2030-01-31T12:00:00+25:00',
    '31.1.2030',
    'tomorrow',
  ])('“%s” is not a time', (text) => {
    expect(parseTime(text)).toBeNull();
    expect(() => timeOption('until', text, 0)).toThrow(/--until .* is not a time/);
  });

  it.each([
    ['lemf.example:7512', { hi2: { host: 'lemf.example', port: 7512 } }],
    ['10.0.0.1:1,2', { hi2: { host: '10.0.0.1', port: 1 }, hi3: { host: '10.0.0.1', port: 2 } }],
    [
      '[2001:db8::1]:7512,7513',
      { hi2: { host: '2001:db8::1', port: 7512 }, hi3: { host: '2001:db8::1', port: 7513 } },
    ],
  ])('%s is where HI2 and HI3 go', (text, lemf) => {
    expect(lemfOption(text)).toEqual(lemf);
  });

  it.each([
    'lemf',
    'lemf:',
    'lemf:0',
    'lemf:65536',
    'lemf:1,0',
    'lemf:1,2,3',
    ':7512',
    '2001:db8::1:7512',
    'a b:1',
  ])('“%s” does not say where HI2 goes', (text) =>
    expect(() => lemfOption(text)).toThrow(/does not say where HI2 goes/),
  );
});

describe('R-93: a warrant by options', () => {
  const all = { liid: 'L', target: ['sip:a@b'], delivery: 'IRI', until: '2h', lemf: 'lemf:1' };

  it('starts now, and lasts as long as it says', () => {
    const before = Date.now();
    const { startTime, endTime, ...rest } = entryOf(undefined, all, undefined) as Record<string, string>;
    expect(startTime).toBeUndefined();
    expect(Date.parse(endTime!) - before).toBeGreaterThanOrEqual(7_200_000 - 2);
    expect(Date.parse(endTime!) - Date.now()).toBeLessThanOrEqual(7_200_000 + 2);
    expect(rest).toEqual({
      liid: 'L',
      targets: [{ name: 'sipUri', value: 'sip:a@b' }],
      delivery: 'IRI',
      lemf: { hi2: { host: 'lemf', port: 1 } },
    });
  });

  it('lasts from its start on, where that is another', () => {
    expect(entryOf(undefined, { ...all, from: '2030-01-01T00:00:00Z' }, undefined)).toMatchObject({
      startTime: '2030-01-01T00:00:00.000Z',
      endTime: '2030-01-01T02:00:00.000Z',
    });
  });

  it('is delivered where the officer’s configuration says, unless it says otherwise', () => {
    const usual = { hi2: { host: 'usual', port: 7 } };
    const { lemf, ...others } = all;
    expect(entryOf(undefined, others, usual)).toMatchObject({ lemf: usual });
    expect(entryOf(undefined, { ...others, lemf }, usual)).toMatchObject({ lemf: { hi2: { host: 'lemf' } } });
  });

  it('names all that is missing at once', () => {
    expect(() => entryOf(undefined, { delivery: 'IRI' }, undefined)).toThrow(
      'a warrant needs --liid, --target, --until, --lemf as well',
    );
  });

  it('is in the file or in the options, not in both', () => {
    expect(() => entryOf('x.json', { until: '2h' }, undefined)).toThrow(/--until says something else/);
  });

  it('a change says what is to change', () => {
    expect(() => changesOf({})).toThrow(/nothing is said that should change/);
    expect(changesOf({ location: false })).toEqual({ location: false });
    expect(changesOf({ xk: 'lemf.home1.example' })).toEqual({ xk: 'lemf.home1.example' });
    expect(changesOf({ xk: false })).toEqual({ xk: false });
    expect(changesOf({ locationUponChange: true })).toEqual({ location: 'uponChange' });
    expect(() => changesOf({ location: false, locationUponChange: true })).toThrow(
      '--no-location and --location-upon-change',
    );
  });
});
