/** What a network takes: arithmetic over measured costs, so that laws hold whatever the costs are. */
import { describe, expect, it } from 'vitest';
import { CapacityError } from '../../src/capacity/errors.ts';
import { estimate } from '../../src/capacity/estimate.ts';
import type { Estimate } from '../../src/capacity/estimate.ts';
import { loadOf } from '../../src/capacity/load.ts';
import { PARAMETER_NAMES, PARAMETERS, parametersOf } from '../../src/capacity/parameters.ts';
import type { Parameter, Parameters } from '../../src/capacity/parameters.ts';
import { COST_NAMES, octetsBeside, packetCost, RUNS, UNIT_COSTS } from '../../src/capacity/unit-costs.ts';

const of = (given: Partial<Parameters> = {}): Estimate => estimate(parametersOf(given));
const role = (found: Estimate, name: string) => found.roles.find((each) => each.role === name)!;
const rate = (found: Estimate, name: string) =>
  found.interfaces.find((each) => each.name === name)!.bitsPerSecond;

describe('parameters', () => {
  it('all have a default that is one of their values', () => {
    const byDefault = parametersOf({});
    expect(Object.keys(byDefault)).toEqual(PARAMETER_NAMES);
    expect(byDefault.callsPerSecond).toBe(byDefault.subscribers / 3600);
    expect(byDefault.targetShare).toBe((2 * byDefault.targets) / byDefault.subscribers);
  });

  it.each(PARAMETER_NAMES)('%s is refused in words beyond its bounds', (name) => {
    const { least, most, isWhole }: Parameter = PARAMETERS[name];
    const wrong = [least - 1, most + 1, NaN, Infinity, ...(isWhole === true ? [least + 0.5] : [])];
    for (const value of wrong) {
      expect(() => parametersOf({ [name]: value })).toThrow(CapacityError);
      expect(() => parametersOf({ [name]: value })).toThrow(
        new RegExp(`^${name}: .* is not a (whole )?number`),
      );
    }
  });

  it('are refused where more are under interception than there are', () => {
    expect(() => parametersOf({ subscribers: 10, targets: 11 })).toThrow(
      '11 are more than the 10 subscribers',
    );
  });
});

describe('the load', () => {
  it('is what the parameters say, by hand', () => {
    const load = loadOf(
      parametersOf({
        ...{ subscribers: 36_000, targets: 36, callsPerSecond: 10, callSeconds: 100, sipMessages: 16 },
        ...{ packetRate: 50, reportedMessages: 8, keysPerCall: 1, keyRecords: 2, destinations: 2 },
        ...{ keyRequestsPerDay: 1, busyHours: 10, warrantDays: 1, targetShare: 0.01 },
      }),
    );
    expect(load).toEqual({
      ...{ calls: 10, sip: 160, callsUp: 1000, targetCallsUp: 10, packets: 100_000, x2: 0.8, x3: 1000 },
      ...{ iri: (0.8 + 0.1 * 2) * 2, cc: 2000, getKeys: 0.1, requestKeys: 1, warrantChanges: 72 / 86_400 },
    });
  });
});

describe('costs', () => {
  it.each(COST_NAMES)('%s was measured, in a run that is named', (name) => {
    const { value, run, what } = UNIT_COSTS[name];
    // Tables grow by pages: a short run may see nothing of it.
    expect(value).toBeGreaterThan(/^database.*Keys?Octets$/.test(name) ? -1 : 0);
    expect(what).not.toBe('');
    expect(RUNS[run].command).toMatch(/^npm run bench:/);
    expect(RUNS[run].date).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  it.each([
    ...(['intake', 'mediation', 'dividedMediation', 'delivery'] as const),
    ...(['lemf', 'nats', 'dividedNats', 'database'] as const),
  ])('of a packet at the %s are those measured, and linear', (at) => {
    const [small, large] = [UNIT_COSTS[`${at}SmallPacket`].value, UNIT_COSTS[`${at}LargePacket`].value];
    expect(packetCost(at, 172)).toBe(small);
    expect(packetCost(at, 1200)).toBeCloseTo(large, 9);
    expect(packetCost(at, 686)).toBeCloseTo((small + large) / 2, 9);
  });
});

describe('machines', () => {
  const given = { subscribers: 10e6, targets: 5000 };
  const apart = { ...given, deliverers: 1 };

  it('have processor time that is the sum of rates times costs', () => {
    const parameters = parametersOf(given);
    const { load, roles } = estimate(parameters);
    const gateway = roles.find((each) => each.role === 'gateway')!;
    const { gatewayPacket, gatewayX3Packet, elementWarrant } = UNIT_COSTS;
    const byHand =
      (load.packets - load.x3) * gatewayPacket.value +
      load.x3 * gatewayX3Packet.value +
      load.warrantChanges * elementWarrant.value;
    expect(gateway.cores).toBeCloseTo(byHand / 1e6, 9);
    expect(gateway.processes).toBe(Math.ceil(gateway.cores / 0.6));
    expect(gateway.machines).toBe(Math.ceil(gateway.cores / 0.6 / 16) + 1);
  });

  it('have processor time that is twice as much with twice the network', () => {
    const [once, twice] = [of(apart), of({ ...apart, subscribers: 20e6, targets: 10_000 })];
    for (const { role: name, cores } of once.roles) expect(role(twice, name).cores).toBeCloseTo(2 * cores, 6);
    for (const { name, bitsPerSecond } of once.interfaces)
      expect(rate(twice, name)).toBeCloseTo(2 * bitsPerSecond, 0);
  });

  it('are no fewer with less headroom free, more that may fail, or smaller machines', () => {
    const base = of(apart);
    const worse = [of({ ...apart, headroom: 0.7 }), of({ ...apart, spare: 3 }), of({ ...apart, cores: 4 })];
    for (const found of worse)
      for (const { role: name, machines } of base.roles)
        expect(role(found, name).machines).toBeGreaterThanOrEqual(machines);
  });

  it('are as many as may fail and one more where there is next to nothing to do', () => {
    const found = of({ subscribers: 1, targets: 0, callsPerSecond: 0, spare: 2, replicas: 5 });
    expect(found.roles.map(({ machines }) => machines)).toEqual([3, 3, 3, 3, 3, 3, 3, 5, 5]);
    expect(found.limits).toEqual([]);
  });

  it('mediate and deliver in one process as long as one is enough, else in several of each', () => {
    const names = (found: Estimate): string[] =>
      found.roles.flatMap(({ role: name }) => (name.startsWith('DF') ? [name] : []));
    const parameters = parametersOf({ ...given, targetShare: 0.00001 });
    const one = estimate(parameters);
    const { mediationSip, elementWarrant } = UNIT_COSTS;
    const cores =
      (mediationSip.value * one.load.x2 +
        packetCost('mediation', parameters.packetOctets) * one.load.x3 +
        elementWarrant.value * one.load.warrantChanges) /
      1e6;
    expect(role(one, 'DF mediation and delivery')).toMatchObject({ cores, processes: 1 });
    expect([one.isDivided, cores / 0.6 < 1]).toEqual([false, true]);
    expect(names(one)).toEqual(['DF intake', 'DF mediation and delivery']);
    // As much as one process may have, and a little more.
    const share = (0.00001 * 0.6) / cores;
    expect(of({ ...given, targetShare: share * 0.99 }).isDivided).toBe(false);
    const several = of({ ...given, targetShare: share * 1.01 });
    expect(several.isDivided).toBe(true);
    expect(names(several)).toEqual(['DF intake', 'DF mediation', 'DF delivery']);
  });

  it('deliver in as many processes as are asked for at least, and in more where that is not enough', () => {
    const small = of({ ...apart, targetShare: 0.00001, deliverers: 7 });
    expect(role(small, 'DF delivery').processes).toBe(7);
    const { load, roles } = of({ ...apart, targetShare: 0.5 });
    const delivery = roles.find((each) => each.role === 'DF delivery')!;
    const byHand =
      UNIT_COSTS.deliverySip.value * load.iri +
      packetCost('delivery', parametersOf({}).packetOctets) * load.cc;
    expect(delivery.cores).toBeCloseTo(byHand / 1e6, 9);
    expect(delivery.processes).toBe(Math.ceil(delivery.cores / 0.6));
  });

  it('of a divided DF ask more of both engines, by what a PDU was measured to take', () => {
    const [one, several] = [of({ ...given, targetShare: 0.00001 }), of({ ...apart, targetShare: 0.00001 })];
    const { load } = one;
    const more = (name: string): number => (role(several, name).cores - role(one, name).cores) * 1e6;
    const packets = (of: 'database' | 'nats' | 'dividedNats') => packetCost(of, 182) * load.x3;
    const { databaseSip, natsSip, dividedNatsSip } = UNIT_COSTS;
    expect(more('PostgreSQL')).toBeCloseTo(databaseSip.value * load.x2 + packets('database'), 6);
    const nats = (dividedNatsSip.value - natsSip.value) * load.x2 + packets('dividedNats') - packets('nats');
    expect(more('NATS')).toBeCloseTo(3 * nats, 6);
    const perSecond = (found: Estimate, at: number): number => found.engines[at]!.perSecond;
    const { databaseSipStatements, databasePacketStatements } = UNIT_COSTS;
    expect(perSecond(several, 0) - perSecond(one, 0)).toBeCloseTo(
      databaseSipStatements.value * load.x2 + databasePacketStatements.value * load.x3,
      6,
    );
    expect(perSecond(several, 2) - perSecond(one, 2)).toBeCloseTo(load.iri + load.cc, 6);
  });

  it('say what a DF cannot be divided into, and what one database cannot take', () => {
    const all = (targetShare: number): string => of({ ...given, targetShare }).limits.join('\n');
    expect(all(0.00001)).toBe('');
    // As many mediators as there are partitions, at most, and a little more.
    const whole = of({ ...given, targetShare: 1 });
    const most = (256 * 0.6) / role(whole, 'DF mediation').cores;
    expect(all(most * 0.99)).not.toMatch(/partitions/);
    expect(all(most * 1.01)).toMatch(/A DF has 256 partitions at most/);
    const full = (16 * 0.6) / role(whole, 'PostgreSQL').cores;
    expect(all(full * 1.05)).toMatch(/PostgreSQL takes what is written on one machine: it needs \d+ cores/);
  });
});

describe('octets', () => {
  it('of storage are what interfaces carry in a day, for as long as it is kept', () => {
    const terms = { retentionDays: 30, busyHours: 10, outageSeconds: 100, replicas: 3 };
    // One process mediates and delivers.
    const parameters = parametersOf({ ...terms, targetShare: 0.00001 });
    const { storage, interfaces } = estimate(parameters);
    const bits = (name: string) => interfaces.find((each) => each.name === name)!.bitsPerSecond;
    const [lemfs, away, streams] = storage;
    const perSecond = (bits('HI2') + bits('HI3')) / 8;
    expect(lemfs!.octetsPerDay).toBeCloseTo(perSecond * 36_000, 0);
    expect(lemfs!.octets).toBeCloseTo(perSecond * 36_000 * 30, -3);
    expect(away!.octets).toBeCloseTo(perSecond * 100, 3);
    expect(streams!.octets).toBeCloseTo((bits('intakes to streams, and on to the mediation') / 8) * 300, 3);
  });

  it('of a divided DF go through the streams once more, and wait there for LEMFs that are away', () => {
    const terms = { outageSeconds: 100, replicas: 3, targetShare: 0.00001 };
    const parameters = parametersOf({ ...terms, deliverers: 2 });
    const { storage, interfaces, load } = estimate(parameters);
    const bits = (name: string) => interfaces.find((each) => each.name === name)!.bitsPerSecond;
    const { iriStream, ccStream, iri, cc } = octetsBeside(parameters);
    const relayed = bits('mediators to streams, and on to deliverers');
    expect(relayed).toBeCloseTo((load.iri * iriStream + load.cc * ccStream) * 8, 3);
    expect([iriStream > iri, ccStream > cc]).toEqual([true, true]);
    const away = storage.find(({ what }) => what === 'streams of LEMFs, while LEMFs are away')!;
    expect(away.octets).toBeCloseTo((relayed / 8) * 300, 3);
    const between = bits('between servers of the streams');
    expect(between).toBeCloseTo(2 * (relayed + bits('intakes to streams, and on to the mediation')), 3);
    expect(bits('PostgreSQL to its replicas')).toBeGreaterThan(
      estimate({ ...parameters, deliverers: 0 }).interfaces.find(
        ({ name }) => name === 'PostgreSQL to its replicas',
      )!.bitsPerSecond,
    );
  });

  it('of a packet grow on its way from X3 to a stream, and have the packet in them everywhere', () => {
    const parameters = parametersOf({});
    const beside = octetsBeside(parameters);
    expect(beside.x3).toBeGreaterThan(parameters.packetOctets);
    expect(beside.x3Stream).toBeGreaterThanOrEqual(beside.x3);
    expect(beside.cc).toBeGreaterThan(parameters.packetOctets);
    expect(beside.iri).toBeGreaterThan(parameters.sipOctets);
  });
});
