/** Opens the console on loopback as one person: what `claviger console` and `claviger demo --console` print a link of. */
import type { OfficerConfig } from '../entities/admf/config-officer.ts';
import { systemClock, systemRandom } from '../host/runtime.ts';
import { loadTls } from '../net/tls.ts';
import type { Bridge, BridgeOptions } from '../console/bridge.ts';

/** @param more `port`: 0 for any free one @throws ConsoleError, TlsError */
export async function openConsole(
  officer: OfficerConfig,
  more: Pick<BridgeOptions, 'logger' | 'port' | 'laboratory'>,
): Promise<Bridge> {
  const { builtConsole } = await import('../console/built.ts');
  const { startBridge } = await import('../console/bridge.ts');
  const tls = loadTls(officer.tls, systemClock().now());
  return startBridge({ ...more, pages: await builtConsole(), officer, random: systemRandom(), tls });
}
