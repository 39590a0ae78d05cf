/**
 * What a call costs the CSCF against Kamailio (`bench/peers/kamailio.cfg`): the same phones make the same calls through
 * either, in turns, so that both see the same machine. Processor time counts from the first call that is measured until
 * the last is over, so that what a proxy does later for earlier calls is in it.
 */
import path from 'node:path';
import type { TlsFiles } from '../../src/net/tls.ts';
import { messageOf } from '../../src/bytes/errors.ts';
import { startCscfProxy, startKamailio, withoutKamailio } from './proxies.ts';
import type { Proxy } from './proxies.ts';
import { passed } from './runtime.ts';
import { BenchPhone } from './sip-phones.ts';
import type { PhoneProtocol } from './sip-phones.ts';
import type { Found } from './table.ts';

/** Calls a second, and phones of either kind. */
const RATE = 150;
const PHONES = 50;
const ROUNDS = 5;
/** V8 compiles what runs often by its best compiler after some use: calls, since a busy machine makes fewer a second. */
const WARM_UP_CALLS = 1_500;
/** Of calls that came to nothing, at most: lost datagrams are not sent again by these phones. */
const LOST = 0.01;

const users = (kind: string): string[] => Array.from({ length: PHONES }, (_, n) => `${kind}${n}`);
const CALLERS = users('caller');
const CALLEES = users('callee');

/** Phones on one proxy, and what became of their calls. */
class Load {
  readonly proxy: Proxy;
  readonly #callers: readonly BenchPhone[];
  readonly #callees: readonly BenchPhone[];
  done = 0;
  readonly failed: string[] = [];

  private constructor(proxy: Proxy, callers: readonly BenchPhone[], callees: readonly BenchPhone[]) {
    this.proxy = proxy;
    this.#callers = callers;
    this.#callees = callees;
  }

  static async open(proxy: Proxy, protocol: PhoneProtocol): Promise<Load> {
    const open = (names: readonly string[]) =>
      Promise.all(names.map((name) => BenchPhone.open(name, protocol, proxy.port)));
    const load = new Load(proxy, await open(CALLERS), await open(CALLEES));
    for (const phone of load.#callees) await phone.register();
    return load;
  }

  /** So many calls a second, or as many as there are when each caller has one at a time. */
  async run(rate: number, calls: number): Promise<void> {
    const begun = performance.now();
    await Promise.all(
      this.#callers.map(async (caller, phone) => {
        for (let n = phone; n < calls; n += PHONES) {
          await passed(begun + (1000 * n) / rate - performance.now());
          await this.#call(caller, CALLEES[phone] ?? '');
        }
      }),
    );
  }

  async #call(caller: BenchPhone, callee: string): Promise<void> {
    try {
      await caller.call(callee);
      this.done++;
    } catch (error) {
      this.failed.push(messageOf(error));
    }
  }

  close(): void {
    for (const phone of [...this.#callers, ...this.#callees]) phone.close();
  }
}

/** @param folder of its own, on a disk */
export async function measureCalls(
  folder: string,
  tls: TlsFiles,
  seconds: number,
  protocol: PhoneProtocol,
  progress: (text: string) => void,
): Promise<Found> {
  const reason = withoutKamailio();
  if (reason !== null) return { value: null, reason };
  const open: { close?(): void; stop?(): Promise<void> }[] = [];
  try {
    const cscf = await startCscfProxy(folder, tls, [...CALLERS, ...CALLEES]);
    open.push(cscf);
    const kamailio = await startKamailio(path.join(folder, 'kamailio'));
    open.push(kamailio);
    const loads: Load[] = [];
    for (const proxy of [cscf, kamailio]) {
      const load = await Load.open(proxy, protocol);
      loads.push(load);
      open.push(load);
    }
    progress(`calls over ${protocol}: warming up`);
    for (const load of loads) await load.run(RATE, WARM_UP_CALLS);
    const calls = RATE * seconds;
    progress(`calls over ${protocol}: ${calls} through each, ${RATE} a second`);
    const before = loads.map(({ proxy, done }) => ({ ms: proxy.ms, done }));
    for (let round = 0; round < ROUNDS; round++)
      for (const load of loads) await load.run(RATE, calls / ROUNDS);
    const [own = NaN, reference = NaN] = loads.map(
      ({ proxy, done }, at) => (proxy.ms - (before[at]?.ms ?? 0)) / (done - (before[at]?.done ?? 0)),
    );
    for (const { failed, done, proxy } of loads) {
      const why = `${proxy.name}: ${failed.length} of ${done + failed.length} calls failed: ${failed[0] ?? ''}`;
      if (failed.length > LOST * done) return { value: null, reason: why };
    }
    const over = protocol === 'UDP' ? 'Udp' : 'Tcp';
    return {
      value: own / reference,
      notes: { [`cscf${over}Microseconds`]: own * 1000, [`kamailio${over}Microseconds`]: reference * 1000 },
    };
  } finally {
    for (const each of open.reverse()) {
      each.close?.();
      await each.stop?.();
    }
  }
}
