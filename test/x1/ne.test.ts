/** X1 at a network element: what its users could notice of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configReader } from '../../src/host/config.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import { X1_NE_CONFIG } from '../../src/x1/config.ts';
import { startX1Ne } from '../../src/x1/ne.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';
import { HashChainLog } from '../../src/evidence/log.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { CSCF_POLICY } from '../../src/x1/policy.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { loadTls } from '../../src/net/tls.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-x1-ne-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('an element with trouble to report', () => {
  it('R-21: takes nothing for it from the randomness that its users see nonces of', async () => {
    const clock = systemClock();
    const pki = await LabPki.create(folder, clock.now());
    const name = 'cscf.home1.example';
    const files = await pki.issue({ commonName: name, dnsNames: [name], roles: ['cscf'] });
    let drawn = 0;
    const random = {
      bytes: (length: number): Uint8Array => {
        drawn += length;
        return systemRandom().bytes(length);
      },
    };
    let attempted = (): void => undefined;
    const attempt = new Promise<void>((resolve) => (attempted = resolve));
    const warn = (_fields: object, message: string): void => {
      if (message === 'a report did not reach the ADMF') attempted();
    };
    const nothing = (): void => undefined;
    const config = {
      identifier: name,
      admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example/X1/ADMF' },
      store: path.join(folder, 'tasks.db'),
    };
    const tasks = await SqliteTaskStore.open(config.store);
    const element = await startX1Ne(configReader(X1_NE_CONFIG)(config), {
      policy: CSCF_POLICY,
      tls: loadTls(files, clock.now()),
      // Nobody listens there.
      hosts: new HostMap({ 'admf.home1.example': '127.0.0.1:9' }),
      state: { tasks, audit: new HashChainLog({ lines: () => [], append: nothing }, clock) },
      runtime: { clock, random, logger: { debug: nothing, info: nothing, warn, error: nothing } },
    });
    try {
      element.reporter.raised('11111111-1111-4111-8111-111111111111', 'connection closed');
      await attempt;
      expect(drawn).toBe(0);
    } finally {
      await element.stop();
      await tasks.close();
    }
  });
});
