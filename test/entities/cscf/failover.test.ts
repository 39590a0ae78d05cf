/** Another home with several CSCFs of which one fails: the call goes on to the next (RFC 3263 section 4.3). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NetworkAddress } from '../../../src/bytes/network-address.ts';
import { systemClock } from '../../../src/host/runtime.ts';
import type { UserAgent } from '../../../src/sip/agent.ts';
import { branchOf } from '../../../src/sip/fields.ts';
import type { FailedPlace } from '../../../src/sip/flow.ts';
import { Identifiers } from '../../../src/sip/identifiers.ts';
import type { SipRequest } from '../../../src/sip/message.ts';
import { makeResponse } from '../../../src/sip/response.ts';
import type { ServerTransaction } from '../../../src/sip/server-transaction.ts';
import { RFC_TIMERS } from '../../../src/sip/timers.ts';
import { TransactionLayer } from '../../../src/sip/transactions.ts';
import { testRandom } from '../../sip/support.ts';
import { silent } from '../../support/silent.ts';
import { Network, sdpBody } from './network.ts';
import type { Home } from './network.ts';

let network: Network;
let home1: Home;
let alice: UserAgent;
let home2: NetworkAddress;
/** Where home2.example is, in the order in which it is tried. */
let places: NetworkAddress[];
let avoided: FailedPlace[];
/** INVITEs that came to one that fails. */
let failing: SipRequest[];

beforeEach(async () => {
  // Of home1 alone timer B strikes after 64 T1.
  network = new Network({ ...RFC_TIMERS, t1: 40 });
  [places, avoided, failing] = [[], [], []];
  network.locator = {
    candidates: () => Promise.resolve(places),
    avoid: (place) => void avoided.push(place),
  };
  home1 = await network.home('home1.example', ['alice']);
  [network.locator, network.timers] = [null, undefined];
  const { ports } = await network.home('home2.example', ['bob']);
  home2 = { address: '127.0.0.1', port: ports.TCP };
  alice = await network.phone('alice', 'home1.example');
  const bob = await network.phone('bob', 'home2.example');
  bob.incoming = (call) => void call.accept(sdpBody(5000)).catch(() => undefined);
  await Promise.all([alice.register(), bob.register()]);
});

afterEach(() => network.close());

/** A CSCF that does this to every INVITE. */
async function failingCscf(treat: (transaction: ServerTransaction) => void): Promise<NetworkAddress> {
  const transport = network.transport();
  const at = await transport.listen('TCP', '127.0.0.1', 0);
  const layer = new TransactionLayer({
    ...{ transport, clock: systemClock(), logger: silent, sentBy: () => 'failing.example' },
    identifiers: new Identifiers(testRandom('failing')),
  });
  const ignore = (): void => undefined;
  layer.attach({
    request: (transaction) => {
      if (transaction.request.method !== 'INVITE') return;
      failing.push(transaction.request);
      treat(transaction);
    },
    ...{ ack: ignore, stray: ignore, closed: ignore },
  });
  return { address: at.address, port: at.port };
}

const answers =
  (status: number, retryAfter?: string) =>
  (transaction: ServerTransaction): void => {
    const response = makeResponse(transaction.request, status, { toTag: 'busy' });
    if (retryAfter !== undefined) response.set('Retry-After', retryAfter);
    transaction.respond(response);
  };

/** Calls bob; the status that it ended with. */
function call(): Promise<number> {
  return new Promise((resolve) => {
    const accepted = (leg: { ack(): void }): void => {
      leg.ack();
      resolve(200);
    };
    const failed = (_: unknown, response?: { readonly status: number } | null): void =>
      resolve(response?.status ?? 0);
    alice.invite('sip:bob@home2.example', { body: sdpBody(4000) }, { accepted, failed });
  });
}

describe('R-95: a call to a home of several CSCFs', () => {
  it.each<[string, (transaction: ServerTransaction) => void, number]>([
    ['answers 503', answers(503), 0],
    ['answers 503, and wants nothing for two minutes', answers(503, '120 (maintenance)'), 120],
    ['breaks the connection off', ({ flow }) => (flow as unknown as { end(): void }).end(), 30],
    ['says nothing', () => undefined, 30],
  ])('goes on to the next where one %s', async (_, treat, seconds) => {
    home1.interception.add('sip:alice@home1.example');
    const failed = await failingCscf(treat);
    places = [failed, home2];
    expect(await call()).toBe(200);
    expect([failing.length, avoided]).toEqual([1, [{ at: failed, seconds }]]);
    // The same request, but for the branch (and what the next home adds).
    const [first] = failing;
    const sent = home1.observed.filter(
      ({ direction, side, message }) =>
        direction === 'sent' &&
        side === 'client' &&
        message.kind === 'request' &&
        message.method === 'INVITE',
    );
    expect(sent.map(({ flow }) => flow.remote.port)).toEqual([failed.port, home2.port]);
    const branches = sent.map(({ message }) => branchOf(message.topVia));
    expect(new Set(branches).size).toBe(2);
    expect(branches[0]).toBe(branchOf(first!.topVia));
    const texts = sent.map(({ message }, at) =>
      Buffer.from(message.serialise()).toString().replace(branches[at]!, ''),
    );
    expect(texts[1]).toBe(texts[0]);
    // Interception has what the target sent and got, and that once.
    const invites = home1.interception.trace().filter((each) => each.endsWith('INVITE'));
    expect(invites).toEqual(['> INVITE', expect.stringMatching(/^< 1/), '< 200 INVITE']);
  });

  it('fails as the last of them did where all fail', async () => {
    const busy = await failingCscf(answers(503));
    places = [busy, await failingCscf(answers(503))];
    // A 503 says nothing of the node that hands it on (RFC 3261 section 16.7).
    expect(await call()).toBe(500);
    expect(failing.length).toBe(2);
    places = [await failingCscf(() => undefined)];
    expect(await call()).toBe(408);
  });

  it.each([
    ['rings before it answers 503', [180, 503]],
    ['answers anything else', [486]],
  ])('stays with one that %s', async (_, statuses) => {
    const busy = await failingCscf((transaction) =>
      statuses.forEach((status) => answers(status)(transaction)),
    );
    places = [busy, home2];
    expect(await call()).toBe(statuses.at(-1) === 503 ? 500 : 486);
    expect([failing.length, avoided]).toEqual([1, []]);
  });

  it('that is given up goes nowhere else', async () => {
    let given = (): void => undefined;
    const arrived = new Promise<void>((resolve) => (given = resolve));
    const silentOne = await failingCscf((transaction) => {
      transaction.handler = { cancelled: () => answers(503)(transaction) };
      given();
    });
    places = [silentOne, home2];
    const ended = new Promise<number>((resolve) => {
      const outgoing = alice.invite(
        'sip:bob@home2.example',
        { body: sdpBody(4000) },
        { accepted: () => resolve(200), failed: (_, response) => resolve(response?.status ?? 0) },
      );
      void arrived.then(() => outgoing.cancel());
    });
    expect(await ended).toBeGreaterThanOrEqual(400);
    expect(failing.length).toBe(1);
    expect(home1.observed.filter(({ flow }) => flow.remote.port === home2.port)).toEqual([]);
  });
});
