/** An element with a point of interception over its restarts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { intake, streamKey } from '../../src/entities/df/intake.ts';
import { gatewayConfig } from '../../src/entities/gateway/config.ts';
import { startPoiElement } from '../../src/poi/element.ts';
import { decodePdu, DIRECTION, PAYLOAD_FORMAT } from '../../src/wire/x2x3/pdu.ts';
import type { Pdu } from '../../src/wire/x2x3/pdu.ts';
import { GATEWAY_POLICY } from '../../src/x1/policy.ts';
import { ElementHome, elementRuntime } from '../support/elements.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-element-'));
afterAll(() => rmSync(folder, { recursive: true }));

const DID = '00000000-0000-4000-8000-000000000001';
const XID = '00000000-0000-4000-8000-00000000000a';
const HOUR = 3_600_000;

it('R-23: restarted with its clock set back, nothing of a call that goes on passes for a copy', async () => {
  const home = await ElementHome.create(folder);
  const config = gatewayConfig(await home.settings('gateway', {}));
  const kind = { entity: 'gateway', policy: GATEWAY_POLICY, ipId: 'rtp' } as const;
  const now = elementRuntime.clock.now();
  /** What the element says of two packets, in a run that begins at that time. */
  const run = async (time: number): Promise<Pdu[]> => {
    const clock = { ...elementRuntime.clock, now: () => time };
    const element = await startPoiElement(config, kind, { ...elementRuntime, clock });
    for (const payload of ['one', 'two']) {
      const observation = {
        ...({ interface: 'x3', direction: DIRECTION.toTarget, format: PAYLOAD_FORMAT.rtp } as const),
        ...{ correlation: new Uint8Array(8), payload: utf8(payload), time },
      };
      element.poi.report(observation, [{ task: { xid: XID, deliveryType: 'X3Only', dids: [DID] } }]);
    }
    const queue = element.poi.open(DID);
    const pdus = [queue.next(), queue.next()].map((octets) => decodePdu(octets!));
    await element.stop();
    return pdus;
  };
  const known = new Map<string, NonNullable<Parameters<typeof intake>[2]>>();
  const taken = [...(await run(now)), ...(await run(now - HOUR))].map((pdu) => {
    const key = streamKey(pdu, 'gateway.home1.example');
    const place = intake(pdu, key, known.get(key) ?? null, now);
    if (place.kind === 'new' && place.stream !== null) known.set(key, place.stream);
    return [place.kind, place.kind === 'new' ? place.lost : null];
  });
  expect(taken).toEqual(Array.from({ length: 4 }, () => ['new', 0]));
  await home.close();
});
