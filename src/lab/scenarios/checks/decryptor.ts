/**
 * Whether DFs have loaded what decrypts content: never, unless they are configured to. Asked of each DF where it runs,
 * of the engine that runs it.
 */
import { HOMES } from '../../network/home.ts';
import type { HomeName } from '../../network/home.ts';
import type { Network } from '../../network/network.ts';
import { counted } from './check.ts';
import type { Check } from './check.ts';

export interface LoadedCode {
  /** Modules in all. */
  readonly modules: number;
  /** Those that decrypt streams. */
  readonly decryptors: number;
}

/** The modules that decrypt what others have encrypted. */
const DECRYPTORS = ['/media/srtp/stream-decryptor.', '/df/decryption/opener.'];

/** To be asked while the network is up. */
export async function loadedCode(network: Network): Promise<Record<HomeName, LoadedCode>> {
  const of = (home: HomeName) => network.perform(['df', home], 'modules', DECRYPTORS);
  const [home1, home2] = await Promise.all([of('home1'), of('home2')]);
  const code = ({ modules, named }: { modules: number; named: number }) => ({ modules, decryptors: named });
  return { home1: code(home1), home2: code(home2) };
}

/** @param isWanted whether DFs are configured to decrypt */
export function decryptorChecks(
  loaded: Readonly<Record<HomeName, LoadedCode>>,
  isWanted: boolean,
): readonly Check[] {
  return HOMES.map((home) => {
    const { modules, decryptors } = loaded[home];
    const expected = isWanted
      ? { name: `the DF of ${home} has loaded the decryptor` }
      : { name: `the DF of ${home} has never loaded the decryptor` };
    return {
      ...expected,
      passed: modules > 0 && decryptors > 0 === isWanted,
      detail: `${counted(modules, 'module')}, ${decryptors} of them to decrypt streams`,
    };
  });
}
