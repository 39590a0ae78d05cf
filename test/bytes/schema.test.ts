import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { faultText, Form, strict, Unfit } from '../../src/bytes/schema.ts';

const RANGE = Type.Decode(
  strict({ from: Type.Integer({ default: 1 }), to: Type.Integer({ default: 9 }) }, { default: {} }),
  (range) => {
    if (range.from >= range.to) throw new Unfit('a range whose from is below to');
    return range;
  },
);

const SCHEMA = strict({
  host: Type.String(),
  retries: Type.Integer({ minimum: 0, maximum: 9, default: 3 }),
  mode: Type.Enum(['on', 'off'], { default: 'off' }),
  range: RANGE,
  hosts: Type.Record(Type.String(), Type.String(), { default: {} }),
  psk: Type.Optional(
    Type.Decode(Type.String({ pattern: '^([0-9a-f]{2})+$', errorMessage: 'octets in hex' }), (hex) =>
      Buffer.from(hex, 'hex'),
    ),
  ),
  partners: Type.Array(strict({ name: Type.String(), when: Type.Optional(Type.Integer()) }), { default: [] }),
  answer: Type.Optional(
    Type.Union([
      strict({ policy: Type.Literal('accept'), ringMs: Type.Integer() }),
      strict({ policy: Type.Literal('reject'), status: Type.Integer({ minimum: 400, maximum: 699 }) }),
      Type.Null(),
    ]),
  ),
});

const form = new Form(SCHEMA, { all: true });

function faults(value: unknown): string[] {
  const reading = form.read(value);
  return 'faults' in reading ? reading.faults.map((fault) => faultText(fault, 'it', 'setting')) : [];
}

describe('a form', () => {
  it('gives the value with its defaults, decoded, and leaves what is given as it was', () => {
    const given = { host: 'a', psk: '0102', partners: [{ name: 'b' }], answer: null };
    expect(form.read(given)).toEqual({
      value: {
        host: 'a',
        retries: 3,
        mode: 'off',
        range: { from: 1, to: 9 },
        hosts: {},
        psk: Buffer.of(1, 2),
        partners: [{ name: 'b' }],
        answer: null,
      },
    });
    expect(given).toEqual({ host: 'a', psk: '0102', partners: [{ name: 'b' }], answer: null });
  });

  it.each([
    [null, ['it is not an object']],
    [[], ['it is not an object']],
    [{}, ['host is missing: a string']],
    [{ host: 1 }, ['host is not a string']],
    [{ host: 'a', retries: 10 }, ['retries is not a whole number from 0 to 9']],
    [{ host: 'a', retries: '1' }, ['retries is not a whole number from 0 to 9']],
    [{ host: 'a', retries: 1.5 }, ['retries is not a whole number from 0 to 9']],
    [{ host: 'a', mode: 'maybe' }, ['mode is not one of on, off']],
    [{ host: 'a', range: { form: 1 } }, ['range.form: no such setting; did you mean from?']],
    [{ host: 'a', range: { from: 9 } }, ['range is not a range whose from is below to']],
    [{ host: 'a', hosts: { x: 1 } }, ['hosts.x is not a string']],
    [{ host: 'a', partners: [{ name: 'b' }, {}] }, ['partners[1].name is missing: a string']],
    [{ host: 'a', psk: 'xyz' }, ['psk is not octets in hex']],
    [{ hots: 'a' }, ['host is missing: a string', 'hots: no such setting; did you mean hosts?']],
    [{ host: 'a', Retries: 1 }, ['Retries: no such setting; did you mean retries?']],
    [{ host: 'a', colour: 1 }, ['colour: no such setting']],
    [
      { host: 'a', answer: { policy: 'reject', status: 200 } },
      ['answer.status is not a whole number from 400 to 699'],
    ],
    [{ host: 'a', answer: { policy: 'accept', ringMs: 1, status: 486 } }, ['answer.status: no such setting']],
    [{ host: 'a', answer: { policy: 'perhaps' } }, ['answer is not an object or an object or null']],
  ])('%j: %j', (value, expected) => expect(faults(value)).toEqual(expected));

  it('tells of all faults at once, decoders’ too', () => {
    expect(
      faults({
        host: 1,
        retires: 1,
        mode: 2,
        range: { from: 5, to: 5 },
        hosts: { x: 1, y: {} },
        psk: 'no',
        partners: [{}, { name: 1, wen: 2 }],
        answer: { policy: 'reject' },
      }).sort(),
    ).toEqual([
      'answer.status is missing: a whole number from 400 to 699',
      'host is not a string',
      'hosts.x is not a string',
      'hosts.y is not a string',
      'mode is not one of on, off',
      'partners[0].name is missing: a string',
      'partners[1].name is not a string',
      'partners[1].wen: no such setting; did you mean when?',
      'psk is not octets in hex',
      'range is not a range whose from is below to',
      'retires: no such setting; did you mean retries?',
    ]);
  });

  it('tells of one fault where the sender may be anybody', () => {
    const list = new Form(Type.Array(Type.Integer()));
    expect(list.read(Array.from({ length: 1000 }, () => 'x'))).toEqual({
      faults: [{ path: '[0]', problem: 'wrong', expected: 'a whole number' }],
    });
  });

  it('tells of so many faults at most, and of one where a list or what is unknown is longer than it may be', () => {
    const list = strict({ list: Type.Array(strict({ n: Type.Integer() }), { maxItems: 50 }) });
    const count = (value: unknown): number => {
      const reading = new Form(list, { all: true }).read(value);
      return 'faults' in reading ? reading.faults.length : 0;
    };
    const bad = (length: number): unknown[] => Array.from({ length }, () => ({}));
    expect(count({ list: bad(20) })).toBe(20);
    expect(count({ list: bad(50) })).toBe(32);
    expect(count({ list: bad(51) })).toBe(1);
    const unknown = Object.fromEntries(bad(33).map((value, at) => [`x${at}`, value]));
    expect(count(unknown)).toBe(1);
    expect(count({ list: [unknown] })).toBe(1);
    expect(count({ list: [{ n: 1, ...unknown, x32: undefined }, { n: 'a' }] })).toBe(1);
  });

  it('leaves out what an open object has beside its own, and keeps what has no form', () => {
    const open = Type.Object({ a: Type.Object({ b: Type.Integer() }), inner: Type.Unknown() });
    const inner = { deep: [{ er: 1 }] };
    expect(new Form(open).read({ a: { b: 1, c: inner }, inner, more: inner })).toEqual({
      value: { a: { b: 1 }, inner },
    });
  });

  it('says of which member a decoder speaks', () => {
    const range = Type.Decode(strict({ from: Type.Integer(), to: Type.Integer() }), ({ from, to }) => {
      if (from > to) throw new Unfit('at most to', 'from');
      return to - from;
    });
    expect(new Form(strict({ range })).read({ range: { from: 2, to: 1 } })).toEqual({
      faults: [{ path: 'range.from', problem: 'wrong', expected: 'at most to' }],
    });
  });

  it('tells of the faults of the alternative that is meant, also where one lies in another', () => {
    const one = strict({ n: Type.Integer() });
    const form = new Form(strict({ some: Type.Union([one, Type.Array(one)]) }), { all: true });
    expect(form.read({ some: [{}] })).toEqual({
      faults: [{ path: 'some[0].n', problem: 'missing', expected: 'a whole number' }],
    });
  });

  it('never quotes what was found, and cuts the names that it quotes', () => {
    const told = faults({
      host: { secret: 1 },
      psk: 'secret',
      mode: 'secret',
      ['n'.repeat(2000)]: 'secret',
    });
    expect(told.join()).not.toContain('secret');
    expect(told.join().length).toBeLessThan(300);
  });

  it('does not take members of Object.prototype for its own', () => {
    expect(faults(JSON.parse('{ "host": "a", "__proto__": 1, "constructor": 2 }'))).toEqual([
      '__proto__: no such setting',
      'constructor: no such setting',
    ]);
  });
});
