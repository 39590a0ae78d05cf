import { beforeAll, describe, expect, test } from 'vitest';
import { loadDemoGroup } from '../../src/ibe/demo-groups.ts';
import { drawMasterSecret } from '../../src/ibe/setup.ts';
import type { BfParameters } from '../../src/ibe/parameters.ts';
import type { DistrictParameters } from '../../src/ibe/system-parameters.ts';
import { encodeIbeSysParams, sysParamsOf } from '../../src/ibe/system-parameters.ts';
import { Districts } from '../../src/endpoint/districts.ts';
import { EndpointError } from '../../src/endpoint/errors.ts';
import type { KmsClient } from '../../src/endpoint/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';

const DAY = 86_400;
const START = 20_000 * DAY;
describe('profile, section 1: whose parameters the endpoint uses', () => {
  let bf: BfParameters;
  let published: Map<string, DistrictParameters>;
  let asked: string[];
  /** Successors by URI. */
  let announced: Map<string, DistrictParameters>;
  let successor: string | null;
  /** Milliseconds that a KMS says, by URI. */
  let later: Map<string, number>;
  const clock = new ManualClock(START * 1000);
  const kms: KmsClient = {
    fetchParameters: (uri) => {
      asked.push(uri);
      const afterMs = later.get(uri);
      if (afterMs !== undefined) return Promise.resolve({ kind: 'later', afterMs });
      const found = published.get(uri) ?? announced.get(uri);
      if (found === undefined) return Promise.reject(new EndpointError('kms', 'no answer'));
      const der = encodeIbeSysParams(sysParamsOf(found));
      const parameters = { der, successor: announced.has(uri) ? null : successor };
      return Promise.resolve({ kind: 'parameters', parameters });
    },
    requestKeys: () => Promise.reject(new EndpointError('kms', 'not asked here')),
  };
  const at = (host: string, serial: number, more: Partial<DistrictParameters> = {}): DistrictParameters => ({
    district: `https://kms.${host}/.well-known/ibe`,
    serial,
    notBefore: START,
    notAfter: START + 100 * DAY,
    keyLifetime: DAY,
    bf,
    ...more,
  });
  const publish = (...parameters: DistrictParameters[]) => {
    published = new Map(parameters.map((each) => [each.district, each]));
    announced = new Map();
    successor = null;
    later = new Map();
  };
  const make = (...hosts: string[]) => {
    asked = [];
    return new Districts(kms, { hosts }, clock, silent);
  };

  beforeAll(() => {
    const seeded = { bytes: (length: number) => new Uint8Array(length).fill(7) };
    bf = drawMasterSecret(loadDemoGroup('home1'), seeded).parameters;
  });

  test('the own district and configured partners are asked, others have none', async () => {
    publish(at('home1.example', 1), at('home2.example', 7));
    const districts = make('home1.example', 'home2.example');
    await districts.refresh();
    expect(asked).toEqual([...published.keys()]);
    expect(districts.parameters('home2.example', START).serial).toBe(7);
    expect(districts.nameOf('evil.example')).toBeNull();
    expect(() => districts.parameters('evil.example', START)).toThrow(
      expect.objectContaining({ code: 'no-key' }),
    );
  });

  test('a partner that is away does not matter, the own KMS does', async () => {
    publish(at('home1.example', 1));
    await make('home1.example', 'home2.example').refresh();
    await expect(make('home2.example', 'home1.example').refresh()).rejects.toMatchObject({ code: 'kms' });
  });

  test('R-67: a partner that has too much to do is left alone until the time that it says', async () => {
    const [own, partner] = [at('home1.example', 1), at('home2.example', 7)];
    publish(own, partner);
    later.set(partner.district, 600_000);
    const districts = make('home1.example', 'home2.example');
    expect(await districts.refresh()).toBeNull();
    expect(districts.parametersOf(partner.district, START)).toBeNull();
    later.clear();
    await clock.pass(599_999);
    await districts.refresh();
    expect(asked).toEqual([own.district, partner.district, own.district]);
    await clock.pass(1);
    await districts.refresh();
    expect(districts.parameters('home2.example', START).serial).toBe(7);
  });

  test('R-67: an own KMS that has too much to do, or has the successor’s, says when to ask again', async () => {
    const own = at('home1.example', 1);
    publish(own);
    later.set(own.district, 5_000);
    expect(await make('home1.example').refresh()).toBe(5_000);
    publish(own);
    successor = `${own.district}?serial=5`;
    later.set(successor, 7_000);
    const districts = make('home1.example');
    expect(await districts.refresh()).toBe(7_000);
    expect(districts.parameters('home1.example', START).serial).toBe(1);
  });

  test('a period has the highest serial that began before it', async () => {
    const districts = make('home1.example');
    publish(at('home1.example', 1));
    await districts.refresh();
    publish(at('home1.example', 2, { notBefore: START + DAY }));
    await districts.refresh();
    const serials = [0, DAY - 1, DAY, 5 * DAY].map(
      (offset) => districts.parameters('home1.example', START + offset).serial,
    );
    expect(serials).toEqual([1, 1, 2, 2]);
    expect(districts.parametersOf('https://kms.home1.example/.well-known/ibe', START - 1)).toBeNull();
  });

  test('announced parameters are fetched ahead and used from their beginning', async () => {
    const districts = make('home1.example');
    const one = at('home1.example', 1);
    publish(one);
    successor = `${one.district}?serial=5`;
    announced.set(successor, at('home1.example', 5, { notBefore: START + DAY }));
    await districts.refresh();
    const serials = [DAY - 1, DAY].map(
      (offset) => districts.parameters('home1.example', START + offset).serial,
    );
    expect(serials).toEqual([1, 5]);
    successor = 'https://kms.evil.example/.well-known/ibe?serial=6';
    await expect(districts.refresh()).rejects.toMatchObject({ code: 'kms' });
    expect(asked).not.toContain(successor);
  });

  test('a KMS cannot publish another district’s parameters, nor unsound ones', async () => {
    const [one] = [at('home1.example', 1)];
    published = new Map([[one.district, at('home2.example', 1)]]);
    await expect(make('home1.example').refresh()).rejects.toMatchObject({ code: 'kms' });
    publish(at('home1.example', 1, { bf: { ...bf, Ppub: { x: 3n, y: 6n } } }));
    await expect(make('home1.example').refresh()).rejects.toMatchObject({ code: 'kms' });
  });
});
