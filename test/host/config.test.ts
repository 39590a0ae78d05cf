import { describe, expect, it } from 'vitest';
import { Fields } from '../../src/host/config.ts';

describe('a configuration', () => {
  const read = (value: unknown) => () => {
    const fields = new Fields(value);
    const result = {
      host: fields.string('host'),
      retries: fields.integer('retries', { max: 9, fallback: 3 }),
      mode: fields.oneOf('mode', ['on', 'off'], 'off'),
      listen: fields.listen('listen'),
      hosts: fields.hosts('hosts'),
      partners: fields.list('partners', (element, path) => new Fields(element, path).string('name')),
    };
    fields.end();
    return result;
  };

  it('takes its defaults where a field is missing', () => {
    expect(read({ host: 'a', partners: [{ name: 'b' }] })()).toEqual({
      host: 'a',
      retries: 3,
      mode: 'off',
      listen: { address: '127.0.0.1', port: 0 },
      hosts: {},
      partners: ['b'],
    });
  });

  it.each([
    [null, 'the configuration: an object is expected'],
    [{}, 'host is missing: a string'],
    [{ host: 1 }, 'host is not a string'],
    [{ host: 'a', retries: 10 }, 'retries is not a whole number from 0 to 9'],
    [{ host: 'a', mode: 'maybe' }, 'mode is not one of on, off'],
    [{ host: 'a', listen: { prot: 1 } }, 'listen.prot: no such setting'],
    [{ host: 'a', hosts: { x: 1 } }, 'hosts is not an object of strings'],
    [{ host: 'a', partners: [{}] }, 'partners[0].name is missing: a string'],
    [{ host: 'a', hots: {} }, 'hots: no such setting'],
  ])('%j is refused: %s', (value, message) => {
    expect(read(value)).toThrow(message);
  });
});
