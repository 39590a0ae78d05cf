/** What a peer with all keys may still not do: forms, bindings, echoes and identities, each check on its own. */
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { curveById, publicPoint } from '../../src/ibake/curves.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import { readIMessage1, readIMessage2, readRMessage1, readRMessage2 } from '../../src/ibake/messages.ts';
import { respond } from '../../src/ibake/responder.ts';
import { sha256 } from '../../src/ibake/sealing.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { decodeMessage, encodeMessage } from '../../src/mikey/message.ts';
import type { CommonHeader } from '../../src/mikey/header.ts';
import type { Payload } from '../../src/mikey/payload.ts';
import { forged, type Forgery } from './support/forger.ts';
import { identityAt } from './support/network.ts';
import { ALICE, BOB, BOB_DESK, CAROL, Network, answered, completed } from './support/scenario.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof IbakeError) return error.code;
    throw error;
  }
}

function setup(seed: string, callee = BOB) {
  const network = new Network(seed);
  const bob = network.endpoint(callee === CAROL ? CAROL : BOB, callee === CAROL ? CAROL : BOB_DESK);
  const initiator = network.offer(network.endpoint(ALICE), BOB);
  return { network, bob, initiator };
}

/** Every sub-payload of a kind changed. */
const eachOf =
  <K extends Payload['kind']>(kind: K, change: (payload: Extract<Payload, { kind: K }>) => Payload) =>
  (payloads: Payload[]): Payload[] =>
    payloads.map((payload) =>
      payload.kind === kind ? change(payload as Extract<Payload, { kind: K }>) : payload,
    );
const firstPoint = (change: (point: Extract<Payload, { kind: 'eccpt' }>) => Payload) => {
  return (payloads: Payload[]) => {
    const at = payloads.findIndex(({ kind }) => kind === 'eccpt');
    return payloads.map((payload, i) => (i === at && payload.kind === 'eccpt' ? change(payload) : payload));
  };
};
const otherSpi = { kind: 'spi' as const, spi: new Uint8Array(8).fill(0x5a) };
const otherPoint = (curve: number) => {
  const { octets } = curveById(curve)!;
  return publicPoint(curveById(curve)!, Secret.of(new Uint8Array(octets).fill(3, 1)));
};
const mallory = eachOf('idr', (idr) => (idr.role === 1 ? { ...idr, data: utf8(CAROL) } : idr));
const hash = sha256(utf8('another'));
const withoutSecondPoint = (payloads: Payload[]) => payloads.slice(0, -1);

const BINDINGS: readonly (readonly [string, Forgery])[] = [
  ['bound to another prefix', { bindings: (known) => ({ ...known, prefix: hash }) }],
  ['bound to another transcript', { bindings: (known) => ({ ...known, transcript: hash }) }],
  ['bound to an ESK that does not follow', { bindings: (known) => ({ ...known, esk: hash }) }],
  ['with another initiator inside', { inside: mallory }],
];
const UNTIED: readonly [string, Forgery] = [
  'without its transcript',
  { bindings: (known) => ({ ...known, transcript: null }) },
];

describe('an I_MESSAGE_1 sealed well', () => {
  it.each<readonly [string, Forgery]>([
    ...BINDINGS,
    ['without a point', { inside: (payloads) => payloads.filter(({ kind }) => kind !== 'eccpt') }],
    ['with the SPI of another length', { inside: eachOf('eccpt', (p) => ({ ...p, kv: { kind: 'null' } })) }],
    [
      'with a point off the curve',
      { inside: eachOf('eccpt', (p) => ({ ...p, point: p.point.with(64, 0) })) },
    ],
  ])('but %s gets no answer, and leaves nothing in the replay cache', (_, forgery) => {
    const { network, bob, initiator } = setup('I_MESSAGE_1');
    const message = forged(initiator.message, network.home2, forgery);
    const verdict = respond(bob, message, { ssrcs: [1] });
    expect(verdict).toMatchObject({ kind: 'silence', reason: { code: 'rejected' } });
    expect(bob.replays.size).toBe(0);
    expect(respond(bob, forged(initiator.message, network.home2, {}), { ssrcs: [1] }).kind).toBe('answer');
  });

  it('for this device, but naming the address of record, gets no answer', () => {
    const { network, bob, initiator } = setup('device');
    const recipientIdentity = identityAt(network.home2, BOB_DESK, network.clock.now() / 1000);
    const message = forged(initiator.message, network.home2, { recipientIdentity });
    expect(respond(bob, message, { ssrcs: [1] })).toMatchObject({ kind: 'silence' });
  });

  it.each([
    ['of the period before', -86_400],
    ['of the next period', 86_400],
  ])('for the key %s is nobody’s here: no echo', (_, seconds) => {
    const { network, bob, initiator } = setup('period');
    const recipientIdentity = identityAt(network.home2, BOB, network.clock.now() / 1000 + seconds);
    const message = forged(initiator.message, network.home2, { recipientIdentity });
    expect(answered(bob, message).isRetargeted).toBe(true);
  });
});

describe('an R_MESSAGE_1 sealed well', () => {
  it.each<readonly [string, Forgery]>([
    ...BINDINGS,
    UNTIED,
    ['with another SPI in the echo', { inside: firstPoint((p) => ({ ...p, kv: otherSpi })) }],
    ['with another point in the echo', { inside: firstPoint((p) => ({ ...p, point: otherPoint(8) })) }],
    ['with another curve', { inside: eachOf('eccpt', (p) => ({ ...p, curve: 11, point: otherPoint(11) })) }],
    ['without ECCPTr', { inside: withoutSecondPoint }],
  ])('but %s is refused, and the right one still taken', (_, forgery) => {
    const { network, bob, initiator } = setup('R_MESSAGE_1');
    const { message } = answered(bob, initiator.message);
    const { home1 } = network;
    expect(codeOf(() => initiator.answer(forged(message, home1, forgery)))).toBe('rejected');
    expect(initiator.answer(message).session).not.toBeNull();
  });

  it('but with an echo from somebody who was not called is refused', () => {
    const { network, bob, initiator } = setup('echo');
    const { message } = answered(network.endpoint(CAROL), initiator.message);
    // Carol has ECCPTi from Bob, and puts it before her own IDRr.
    const eccpti = eccptiOf(network, answered(bob, initiator.message).message);
    const inside = ([idri, idrr, eccptr]: Payload[]) => [idri!, eccpti, idrr!, eccptr!];
    expect(codeOf(() => initiator.answer(forged(message, network.home1, { inside })))).toBe('rejected');
  });
});

/** The initiator's point, as an R_MESSAGE_1 echoes it. */
function eccptiOf(network: Network, rMessage1: Uint8Array): Payload {
  let found: Payload | undefined;
  forged(rMessage1, network.home1, {
    inside: (payloads) => {
      found = payloads.find(({ kind }) => kind === 'eccpt');
      return payloads;
    },
  });
  return found!;
}

describe('an I_MESSAGE_2 sealed well', () => {
  it.each<readonly [string, Forgery]>([
    ...BINDINGS,
    UNTIED,
    ['with another SPI in the echo', { inside: eachOf('eccpt', (p) => ({ ...p, kv: otherSpi })) }],
    ['with another point in the echo', { inside: eachOf('eccpt', (p) => ({ ...p, point: otherPoint(8) })) }],
    ['with ECCPTi once more', { inside: ([a, b, c]) => [a!, c!, b!, c!] }],
    ['without the echo', { inside: withoutSecondPoint }],
  ])('but %s is refused: no keys, and the right one still taken', (_, forgery) => {
    const { network, bob, initiator } = setup('I_MESSAGE_2');
    const responder = answered(bob, initiator.message);
    const { message } = initiator.answer(responder.message);
    expect(codeOf(() => responder.confirm(forged(message, network.home2, forgery)))).toBe('rejected');
    expect(responder.session).toBeNull();
    expect(responder.confirm(message).session.cryptoSessions).toHaveLength(2);
  });

  it('without ECCPTi, to somebody who has not seen it, is refused', () => {
    const { network, bob, initiator } = setup('no point', CAROL);
    const responder = answered(bob, initiator.message);
    const { message } = initiator.answer(responder.message);
    const inside = ([idri, , ...rest]: Payload[]) => [idri!, ...rest];
    expect(codeOf(() => responder.confirm(forged(message, network.home2, { inside })))).toBe('rejected');
  });
});

describe('a form that is none', () => {
  const { initiator, bob } = setup('forms');
  const responder = answered(bob, initiator.message);
  const call = completed(initiator, responder);
  const esk = { kind: 'esk' as const, encrData: new Uint8Array(4) };
  const rand = { kind: 'rand' as const, rand: new Uint8Array(16) };
  const ext = { kind: 'ext' as const, type: 1, data: utf8('mikey') };
  const messages = [
    ['I_MESSAGE_1', call.iMessage1, readIMessage1],
    ['R_MESSAGE_1', call.rMessage1, readRMessage1],
    ['I_MESSAGE_2', call.iMessage2, readIMessage2],
    ['R_MESSAGE_2', call.rMessage2, readRMessage2],
  ] as const;

  describe.each(messages)('%s', (name, octets, read) => {
    const { header, payloads } = decodeMessage(octets);
    const verdict = (change: Partial<CommonHeader>, changed: readonly Payload[] = payloads) =>
      codeOf(() => read(encodeMessage({ header: { ...header, ...change }, payloads: changed })));

    it('is read as it was sent, whatever its V flag', () => {
      expect(verdict({})).toBe('accepted');
      expect(verdict({ v: !header.v })).toBe('accepted');
    });

    it('with a payload left out, moved, or twice: malformed', () => {
      payloads.forEach((payload, i) => {
        const without = payloads.filter((_, at) => at !== i);
        // EXT may be absent.
        if (payload.kind !== 'ext') expect(verdict({}, without), `no ${payload.kind}`).toBe('malformed');
        const twice = [...payloads.slice(0, i), payload, ...payloads.slice(i)];
        expect(verdict({}, twice), `two ${payload.kind}`).toBe('malformed');
        if (i > 0) {
          const moved = [...payloads.slice(0, i - 1), payload, payloads[i - 1]!, ...payloads.slice(i + 1)];
          expect(verdict({}, moved), `${payload.kind} moved`).toBe('malformed');
        }
      });
    });

    it('with a payload that it does not have: malformed', () => {
      if (name !== 'I_MESSAGE_2') expect(verdict({}, [...payloads, esk])).toBe('malformed');
      expect(verdict({}, [...payloads, rand])).toBe('malformed');
      expect(verdict({}, [...payloads, { kind: 'unknown', type: 99, data: Uint8Array.of(0) }])).toBe(
        'malformed',
      );
      if (name !== 'I_MESSAGE_1')
        expect(verdict({}, [...payloads.slice(0, -1), ext, ...payloads.slice(-1)])).toBe('malformed');
    });

    it('of another version, data type or PRF, or with a map that is not SRTP-ID in pairs: malformed', () => {
      expect(verdict({ version: 2 })).toBe('malformed');
      expect(verdict({ dataType: 4 })).toBe('malformed');
      expect(verdict({ prfFunc: 2 })).toBe('malformed');
      expect(verdict({ csIdMapType: 1, csIdMap: { kind: 'empty' } })).toBe('malformed');
      const generic = { csIdMapType: 2, csCount: 0, csIdMap: { kind: 'generic-id' as const, entries: [] } };
      expect(verdict(generic)).toBe('malformed');
      for (const count of [0, 1, 3]) {
        const entries = Array.from({ length: count }, () => ({ policyNo: 0, ssrc: 1, roc: 0 }));
        expect(verdict({ csCount: count, csIdMap: { kind: 'srtp-id', entries } }), `${count}`).toBe(
          'malformed',
        );
      }
    });

    it('with another type of T, role or type of IDR, a short RAND, another extension: malformed', () => {
      const changed = (change: (payload: Payload) => Payload) => verdict({}, payloads.map(change));
      const each = (kind: Payload['kind'], change: object) =>
        changed((payload) => (payload.kind === kind ? { ...payload, ...change } : payload));
      expect(each('t', { tsType: 1 })).toBe('malformed');
      expect(each('t', { tsType: 3, value: new Uint8Array(4) })).toBe('malformed');
      expect(each('idr', { role: 1 })).toBe('malformed');
      expect(each('idr', { type: 0 })).toBe('malformed');
      expect(each('idr', { data: utf8('SIP:alice@home1.example') })).toBe('identity');
      if (name.startsWith('I_')) expect(each('rand', { rand: new Uint8Array(15) })).toBe('malformed');
      if (name === 'I_MESSAGE_1') expect(each('ext', { type: 0 })).toBe('malformed');
    });
  });
});
