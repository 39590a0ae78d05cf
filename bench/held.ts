/**
 * `npm run bench:held`: how long the DF's mediation takes for a PDU of a task that it knows, with so many PDUs waiting for
 * tasks that it does not know, in memory. Quote the ratio to none waiting.
 */
import { Mediation } from '../src/entities/df/mediation.ts';
import { SqliteDfStore } from '../src/entities/df/store/sqlite.ts';
import { systemClock } from '../src/host/runtime.ts';
import { ATTRIBUTE } from '../src/wire/x2x3/attributes.ts';
import { DIRECTION, encodePdu, PAYLOAD_FORMAT, PDU_TYPE, X2X3_VERSION } from '../src/wire/x2x3/pdu.ts';
import type { Pdu } from '../src/wire/x2x3/pdu.ts';

const WAITING = [0, 1_000, 10_000];
const PDUS = 400;
const KNOWN = '11111111-0000-4000-8000-000000000001';

const quiet = { debug: nothing, info: nothing, warn: nothing, error: nothing };
let next = 0;
const mediation = await Mediation.open(
  {
    store: await SqliteDfStore.open(':memory:'),
    tasks: { find: (xid) => (xid === KNOWN ? { xid, targets: [], mediations: [], activatedAt: 0 } : null) },
    warrants: { liids: () => [], tasksOf: () => [], deliveringTo: () => [], isDestination: () => true },
    encode: () => new Uint8Array(0),
    issues: { taskIssue: nothing, elementIssue: nothing },
    clock: systemClock(),
    logger: quiet,
  },
  nothing,
);

await measure();
console.log('waiting   µs a PDU   ratio');
let unit = NaN;
let waiting = 0;
for (const wanted of WAITING) {
  for (; waiting < wanted; waiting++) {
    await mediation.accept([pdu(`22222222-0000-4000-8000-${String(waiting % 100).padStart(12, '0')}`)]);
  }
  const micros = await measure();
  if (wanted === 0) unit = micros;
  const cells = [micros.toFixed(0).padStart(11), (micros / unit).toFixed(2).padStart(8)];
  console.log(`${String(wanted).padStart(7)}${cells.join('')}`);
}
await mediation.stop();

async function measure(): Promise<number> {
  const start = performance.now();
  for (let n = 0; n < PDUS; n++) await mediation.accept([pdu(KNOWN)]);
  return ((performance.now() - start) * 1000) / PDUS;
}

function pdu(xid: string): { pdu: Pdu; octets: Uint8Array; peer: string } {
  const made: Pdu = {
    version: X2X3_VERSION,
    type: PDU_TYPE.x3,
    payloadFormat: PAYLOAD_FORMAT.rtp,
    direction: DIRECTION.toTarget,
    xid,
    correlation: new Uint8Array(8),
    attributes: [{ kind: 'number', type: ATTRIBUTE.sequenceNumber, value: next++ }],
    payload: new Uint8Array(172),
  };
  return { pdu: made, octets: encodePdu(made), peer: 'gateway.home1.example' };
}

function nothing(): void {
  // A benchmark looks at times alone.
}
