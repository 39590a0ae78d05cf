/** no setting makes a timer that is over at once, or a bound that bounds nothing. */
import { describe, expect, it } from 'vitest';
import { strict } from '../../src/bytes/schema.ts';
import { ADMF_CONFIG } from '../../src/entities/admf/config.ts';
import { CSCF_CONFIG } from '../../src/entities/cscf/config.ts';
import { DF_CONFIG } from '../../src/entities/df/config.ts';
import { GATEWAY_CONFIG } from '../../src/entities/gateway/config.ts';
import { KMS_CONFIG } from '../../src/entities/kms/config.ts';
import { LEMF_CONFIG } from '../../src/entities/lemf/config.ts';
import { UE_CONFIG } from '../../src/entities/ue/config.ts';
import { configReader } from '../../src/host/config.ts';

const CONFIGS = {
  admf: ADMF_CONFIG,
  cscf: CSCF_CONFIG,
  df: DF_CONFIG,
  gateway: GATEWAY_CONFIG,
  kms: KMS_CONFIG,
  lemf: LEMF_CONFIG,
  ue: UE_CONFIG,
};

interface NumberSetting {
  readonly place: string;
  readonly maximum: unknown;
}

/** Every number in a schema, wherever it stands. */
function numbersIn(schema: unknown, place: string): NumberSetting[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, maximum } = schema as Record<string, unknown>;
  if (type === 'integer' || type === 'number') return [{ place, maximum }];
  return Object.entries(schema).flatMap(([name, part]) => numbersIn(part, `${place}.${name}`));
}

describe('R-74: settings that are numbers', () => {
  it.each(Object.entries(CONFIGS))(
    'of %s have an upper bound each, times that of a timer',
    (name, schema) => {
      const numbers = numbersIn(schema, name);
      expect(numbers.length).toBeGreaterThan(3);
      expect(numbers.filter(({ maximum }) => typeof maximum !== 'number')).toEqual([]);
      const times = numbers.filter(({ place }) => place.endsWith('Ms'));
      expect(times.filter(({ maximum }) => Number(maximum) > 2 ** 31 - 1)).toEqual([]);
    },
  );
});

describe('R-74: the skew', () => {
  const read = (skew: number): number =>
    configReader(strict({ skew: KMS_CONFIG.properties.skew }))({ skew }).skew;

  it('of a KMS lets phones have the slots that they are called in, and no more', () => {
    expect([30, 300, 3600].map(read)).toEqual([30, 300, 3600]);
  });

  it.each([-1, 0, 29, 3601, 0.5])('of a KMS is not %s s', (skew) => {
    expect(() => read(skew)).toThrow(/skew is not a whole number from 30 to 3600/);
  });
});
