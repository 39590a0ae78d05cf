/**
 * The responder (RFC 6267 section 4.2.2, profile section 3).
 *
 *     I_MESSAGE_1 ─► mine, and sound                 R_MESSAGE_1 with an echo
 *                    for somebody else               R_MESSAGE_1 with ECCPTr alone, on curve 8
 *                    policy not supported            error message
 *                    mine but invalid, stale, seen   silence, whatever it is
 *     I_MESSAGE_2 ─► sound                           R_MESSAGE_2; keys are in force
 *
 * A mailbox is a responder to whom I_MESSAGE_1 is not addressed; it keeps I_MESSAGE_2 with its ESK as it came.
 */
import { equalOctets, toHex, utf8 } from '../bytes/octets.ts';
import { ClavigerError } from '../bytes/errors.ts';
import { Writer } from '../bytes/writer.ts';
import type { SrtpIdEntry } from '../mikey/header.ts';
import { DATA_TYPE } from '../mikey/registry.ts';
import { composeMessage, frontOf } from './compose.ts';
import { decodeContainer, type Container } from './container.ts';
import { DEFAULT_CURVE, curveById, type EcCurve } from './curves.ts';
import type { Eccpt } from './eccpt.ts';
import { errorMessage } from './error-message.ts';
import { IbakeError, PolicyError } from './errors.ts';
import type { SipIdentity } from './identity.ts';
import { headerOf, prefixOf, readIMessage1, readRMessage1, type IMessage1 } from './messages.ts';
import { decodePoints, encodePoints, identitiesOf } from './plaintext.ts';
import { readPolicies, requirePolicies, type PolicyTable } from './policy.ts';
import type { Endpoint } from './ports.ts';
import { SECRET_ROLE } from './recoverable-secret.ts';
import { ResponderLeg } from './responder-leg.ts';
import { drawMaterial, isFor, openAs, recipientOf, seal, sha256 } from './sealing.ts';
import type { Csb } from './session-keys.ts';
import { drawPoint, drawSpi } from './session.ts';

export interface ResponderOptions {
  /** For every m= line of the offer, in order: the SSRC that the responder will send with; 0 where it does not. */
  readonly ssrcs: readonly number[];
  /** The protocols of the offer's key management attributes (RFC 4567), in order. */
  readonly protocols?: readonly string[];
}

export type ResponderVerdict =
  | { readonly kind: 'answer'; readonly leg: ResponderLeg }
  | { readonly kind: 'error'; readonly message: Uint8Array; readonly errorNo: number }
  /** Nothing is to be answered; the reason is for this end's log alone. */
  | { readonly kind: 'silence'; readonly reason: Error };

/** What becomes of an I_MESSAGE_1. */
export function respond(
  endpoint: Endpoint,
  iMessage1: Uint8Array,
  options: ResponderOptions,
): ResponderVerdict {
  let message: IMessage1 | null = null;
  try {
    message = readIMessage1(iMessage1);
    return { kind: 'answer', leg: answer(endpoint, message, options) };
  } catch (error) {
    if (error instanceof PolicyError && message !== null) {
      return { kind: 'error', message: errorMessage(message, error.errorNo), errorNo: error.errorNo };
    }
    if (error instanceof ClavigerError) return { kind: 'silence', reason: error };
    throw error;
  }
}

/* ---------------------------------------------------------------- helpers */

function answer(endpoint: Endpoint, message: IMessage1, options: ResponderOptions): ResponderLeg {
  requireInTime(endpoint, message);
  requireProtocols(message, options.protocols ?? ['mikey']);
  const policies = readPolicies(message.policies, message.header.prfFunc);
  requirePolicies(message.map, policies);
  const map = filledMap(message.map, options.ssrcs);
  const eccpti = open(endpoint, message);
  // Only what is answered is remembered: others could fill the cache.
  requireFresh(endpoint, message);
  return makeLeg(endpoint, message, { policies, map, eccpti });
}

/** The initiator's point; `null` where the message is for somebody else. @throws IbakeError if it is mine but invalid */
function open(endpoint: Endpoint, message: IMessage1): Eccpt | null {
  const container = decodeContainer(message.ibake.encrData);
  const own = ownIdentityOf(endpoint, container, message.t.seconds);
  if (own === null) return null;
  const plaintext = openAs(endpoint, own, message.t.seconds, message.ibake.encrData, {
    prefix: sha256(message.ibake.prefix),
    esk: null,
    transcript: null,
  });
  if (own.uri !== message.idrr.uri)
    throw new IbakeError('rejected', 'encrypted to another identity than it names');
  return decodePoints('I_MESSAGE_1', plaintext, identitiesOf(message)).eccpti;
}

/** Which identity of this end's a container is for, if it holds that key. */
function ownIdentityOf(endpoint: Endpoint, container: Container, time: number): SipIdentity | null {
  const { addressOfRecord, device, keys } = endpoint;
  return (
    [addressOfRecord, device].find(
      (own) => isFor(endpoint, container, own, time) && keys.privateKey(own.uri, time) !== null,
    ) ?? null
  );
}

function makeLeg(
  endpoint: Endpoint,
  iMessage1: IMessage1,
  found: { policies: PolicyTable; map: readonly SrtpIdEntry[]; eccpti: Eccpt | null },
): ResponderLeg {
  const { t, idri, rand } = iMessage1;
  const { map, eccpti, policies } = found;
  const { csbId, prfFunc } = iMessage1.header;
  const csb: Csb = { csbId, prfFunc, rand };
  const release = endpoint.keys.hold(t.seconds);
  try {
    const curve = eccpti?.curve ?? defaultCurve();
    const identities = { idri: idri.data, idrr: utf8(endpoint.device.uri) };
    const spi = drawSpi(endpoint);
    const recipient = recipientOf(endpoint.districts, idri, t.seconds);
    const material = drawMaterial(endpoint.random, recipient);
    const header = headerOf(DATA_TYPE.R_MESSAGE_1, true, { ...csb, map });
    const front = frontOf(t, identities);
    const prefix = sha256(iMessage1.ibake.prefix, prefixOf(header, front));
    const own = drawPoint(endpoint, SECRET_ROLE.rMessage1, curve, spi, {
      time: t.seconds,
      context: { csbId, rand, t: t.octets, ...identities, nonce: material.nonce, prefix },
    });
    const points = { eccpti, eccptr: own.eccpt };
    const octets = composeMessage({
      header,
      front,
      transcript: sha256(iMessage1.octets),
      ibake: (bindings) =>
        seal(endpoint.engine, recipient, material, encodePoints('R_MESSAGE_1', identities, points), bindings),
      esk: null,
    });
    const rMessage1 = readRMessage1(octets);
    return new ResponderLeg({ endpoint, iMessage1, rMessage1, own, eccpti, csb, policies, release });
  } catch (error) {
    release();
    throw error;
  }
}

/** Skew is judged on I_MESSAGE_1 alone. */
function requireInTime({ clock, skew }: Endpoint, { t }: IMessage1): void {
  if (Math.abs(clock.now() / 1000 - t.seconds) > skew) throw new IbakeError('replayed', 'T outside the skew');
}

/** (own identity, IDRi, CSB ID, T, RAND), until T + skew has passed. */
function requireFresh({ replays, device, skew }: Endpoint, message: IMessage1): void {
  const { header, t, rand, idri } = message;
  const own = utf8(device.uri);
  const key = new Writer().u16(own.length).bytes(own).u16(idri.data.length).bytes(idri.data);
  key.u32(header.csbId).bytes(t.octets).bytes(rand);
  if (!replays.claim(toHex(sha256(key.finish())), t.seconds + skew + 1))
    throw new IbakeError('replayed', 'I_MESSAGE_1 was answered before');
}

/** RFC 4567's list of protocols, as the initiator offered it; without EXT only a list of one can be told. */
function requireProtocols({ protocols }: IMessage1, offered: readonly string[]): void {
  const isSame = protocols === null ? offered.length === 1 : equalOctets(protocols, utf8(offered.join(' ')));
  if (!isSame) throw new IbakeError('unacceptable', 'the list of protocols is not the one that was offered');
}

/** The responder's SSRCs go where the initiator left them open. */
function filledMap(map: readonly SrtpIdEntry[], ssrcs: readonly number[]): SrtpIdEntry[] {
  return map.map((entry, i) => {
    if (i % 2 === 0) return entry;
    if (entry.ssrc !== 0) throw new IbakeError('rejected', 'an SSRC of the responder that it did not choose');
    return { ...entry, ssrc: ssrcs[(i - 1) / 2] ?? 0 };
  });
}

function defaultCurve(): EcCurve {
  const curve = curveById(DEFAULT_CURVE);
  if (curve === null) throw new IbakeError('state', 'no default curve');
  return curve;
}
