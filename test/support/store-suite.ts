/** The frame of the compliance suites: one a port, run against every backend that there is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe } from 'vitest';

type OpenStore<Store> = Store & { close(): Promise<void> | void };

export interface StoreBackend<Store> {
  readonly name: string;
  /** Opens what is at `place`, a path that is new for each test and nothing stands at yet; a backend may add to it. */
  open(place: string): Promise<OpenStore<Store>>;
}

/** The store of the test that is running. */
export interface CurrentStore<Store> {
  readonly store: Store;
  /** Closes it and opens it again, as a restart does. */
  reopen(): Promise<void>;
}

export function storeSuite<Store>(
  port: string,
  backend: StoreBackend<Store>,
  tests: (current: CurrentStore<Store>) => void,
): void {
  describe(`the ${port} store, by ${backend.name}`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-store-'));
    let opened: OpenStore<Store>;
    let place = '';
    let tried = 0;
    beforeEach(async () => {
      place = path.join(folder, String(++tried));
      opened = await backend.open(place);
    });
    afterEach(async () => {
      await opened.close();
    });
    afterAll(() => rmSync(folder, { recursive: true }));
    tests({
      get store() {
        return opened;
      },
      reopen: async () => {
        await opened.close();
        opened = await backend.open(place);
      },
    });
  });
}
