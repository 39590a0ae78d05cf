/**
 * `npm run bench:ports`: how long the gateway takes for an offer of one audio stream, with so many calls up, over real
 * sockets on loopback. Four sockets are bound for each; finding their ports must not grow with the calls.
 */
import { systemClock } from '../src/host/runtime.ts';
import { udpDatagrams } from '../src/net/datagrams.ts';
import type { WantedSession } from '../src/wire/iq/sessions.ts';
import { localGateway } from '../test/entities/gateway/local-gateway.ts';

const UP = [0, 500, 1000, 2000];
const OFFERS = 50;

const quiet = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const gateway = localGateway({
  datagrams: udpDatagrams(quiet),
  ports: { address: '127.0.0.1', from: 10_240, to: 30_719 },
  poi: { report: nothing },
  tasks: { revision: 0, match: () => [] },
  clock: systemClock(),
  logger: quiet,
});
const wanted: WantedSession = {
  correlation: new Uint8Array(8),
  parties: { a: [], b: [] },
  sdps: { a: null, b: null },
  streams: [{ a: { address: '127.0.0.1', port: 40_000 }, b: null }],
};

console.log('calls up   median ms   highest ms');
for (const up of UP) {
  for (let n = gateway.sessions; n < up; n++) await gateway.put(`up ${n}`, wanted);
  const times: number[] = [];
  for (let n = 0; n < OFFERS; n++) {
    const start = performance.now();
    await gateway.put('offer', wanted);
    times.push(performance.now() - start);
    await gateway.delete('offer');
  }
  times.sort((x, y) => x - y);
  const cells = [times[OFFERS / 2] ?? NaN, times.at(-1) ?? NaN].map((ms) => ms.toFixed(2).padStart(12));
  console.log(`${String(up).padStart(8)}${cells.join('')}`);
}
await gateway.stop();

function nothing(): void {
  // A benchmark looks at times alone.
}
