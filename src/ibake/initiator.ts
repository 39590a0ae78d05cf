/**
 * The initiator (RFC 6267 section 4.2.2, profile section 3). One I_MESSAGE_1 may reach several devices: each answer, in its
 * own early dialog, has an exchange of its own from there on.
 *
 *     offer ── I_MESSAGE_1 ──► answer(R_MESSAGE_1) ──► leg ── I_MESSAGE_2 ──► verify(R_MESSAGE_2)
 *                              answer(R_MESSAGE_1′) ─► leg′ …
 *
 *     echo in R_MESSAGE_1     keys are in force at once; I_MESSAGE_2 has no ECCPTi
 *     no echo                 retargeted, or a mailbox: I_MESSAGE_2 repeats ECCPTi, keys are in force after R_MESSAGE_2's
 *                             echo. To an accepted mailbox goes an ESK too
 */
import { toHex, utf8 } from '../bytes/octets.ts';
import { Reader } from '../bytes/reader.ts';
import type { SrtpIdEntry } from '../mikey/header.ts';
import type { Payload } from '../mikey/payload.ts';
import { DATA_TYPE, EXT_TYPE, PRF_FUNC } from '../mikey/registry.ts';
import { composeMessage, frontOf } from './compose.ts';
import { DEFAULT_CURVE, curveById } from './curves.ts';
import { sameEccpt, type Eccpt } from './eccpt.ts';
import { IbakeError } from './errors.ts';
import { canonicalIdentity } from './identity.ts';
import { InitiatorLeg, type OfferState } from './initiator-leg.ts';
import {
  headerOf,
  prefixOf,
  readIMessage1,
  readRMessage1,
  type IMessage1,
  type RMessage1,
} from './messages.ts';
import { decodePoints, encodePoints, identitiesOf } from './plaintext.ts';
import { DEFAULT_POLICY, policyPayload, readPolicies, type SrtpPolicy } from './policy.ts';
import type { Endpoint } from './ports.ts';
import { SECRET_ROLE } from './recoverable-secret.ts';
import { drawMaterial, openAs, recipientOf, seal, sha256 } from './sealing.ts';
import type { Csb } from './session-keys.ts';
import { drawPoint, drawSpi, isFilledMap, isSameExchange } from './session.ts';

/** One m= line as the initiator offers it. */
export interface OfferedMedia {
  /** SSRC that the initiator will send with; 0 for a line that is not used (port 0). */
  readonly ssrc: number;
  /** AES-CM-128 with HMAC-SHA-1-80 unless said otherwise. */
  readonly policy?: SrtpPolicy;
}

export interface Offer {
  /** Whom the user calls: an address of record, or a device. */
  readonly callee: string;
  /** Every m= line of the SDP, in order. */
  readonly media: readonly OfferedMedia[];
  /** Policies that no line has yet, for lines that updates may add; numbered after those of the lines. */
  readonly laterPolicies?: readonly SrtpPolicy[];
  readonly curve?: number;
  readonly prfFunc?: number;
  /** The protocols of the SDP's key management attributes (RFC 4567), in order. */
  readonly protocols?: readonly string[];
}

/** What the initiator decides about who answers; called after the answer has been opened and before anything is sent. */
export interface ResponderPolicy {
  /** Whether to go on with this responder. Default: yes. */
  readonly acceptResponder?: (responder: string, isRetargeted: boolean) => boolean;
  /** Whether a responder that could not open I_MESSAGE_1 is a mailbox to leave content with. Default: no. */
  readonly acceptMailbox?: (responder: string) => boolean;
}

export class Initiator {
  readonly #state: OfferState;
  readonly #release: () => void;
  readonly #legs = new Map<string, InitiatorLeg>();
  #isEnded = false;

  private constructor(state: OfferState, release: () => void) {
    this.#state = state;
    this.#release = release;
  }

  /** Draws a new CSB ID, RAND and point. A retry after a failure is a new offer (but after 401 and 407). */
  static offer(endpoint: Endpoint, offer: Offer): Initiator {
    const csb = drawCsb(endpoint, offer.prfFunc ?? PRF_FUNC['PRF-HMAC-SHA-256']);
    const t = endpoint.timestamps.next();
    const release = endpoint.keys.hold(t.seconds);
    try {
      const curve = curveById(offer.curve ?? DEFAULT_CURVE);
      if (curve === null) throw new IbakeError('state', 'no such curve');
      const callee = canonicalIdentity(offer.callee);
      const identities = { idri: utf8(endpoint.device.uri), idrr: utf8(callee.uri) };
      const { map, payloads } = offeredMedia(offer.media, offer.laterPolicies ?? []);
      const spi = drawSpi(endpoint);
      const recipient = recipientOf(endpoint.districts, callee, t.seconds);
      const material = drawMaterial(endpoint.random, recipient);
      const header = headerOf(DATA_TYPE.I_MESSAGE_1, true, { ...csb, map });
      const front = [
        ...frontOf(t, identities, [{ kind: 'rand', rand: csb.rand }]),
        ...payloads,
        protocolList(offer.protocols ?? ['mikey']),
      ];
      const prefix = sha256(prefixOf(header, front));
      const { csbId, rand } = csb;
      const own = drawPoint(endpoint, SECRET_ROLE.iMessage1, curve, spi, {
        time: t.seconds,
        context: { csbId, rand, t: t.octets, ...identities, nonce: material.nonce, prefix },
      });
      const points = { eccpti: own.eccpt, eccptr: null };
      const octets = composeMessage({
        header,
        front,
        transcript: null,
        ibake: (bindings) =>
          seal(
            endpoint.engine,
            recipient,
            material,
            encodePoints('I_MESSAGE_1', identities, points),
            bindings,
          ),
        esk: null,
      });
      const iMessage1 = readIMessage1(octets);
      const policies = readPolicies(iMessage1.policies, csb.prfFunc);
      return new Initiator({ endpoint, iMessage1, own, csb, policies }, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** I_MESSAGE_1. */
  get message(): Uint8Array {
    return this.#state.iMessage1.octets;
  }

  get csbId(): number {
    return this.#state.csb.csbId;
  }

  /**
   * The leg of an answer; the same one if the same answer comes again.
   * @throws IbakeError `malformed`, `identity`, `rejected`: to be discarded silently; `unacceptable`: this responder is
   *   not wanted; `curve`: an offer on the responder's may follow; `state` after `end`
   */
  answer(rMessage1: Uint8Array, policy: ResponderPolicy = {}): InitiatorLeg {
    const key = toHex(sha256(rMessage1));
    const known = this.#legs.get(key);
    if (known !== undefined) return known;
    if (this.#isEnded) throw new IbakeError('state', 'the exchange has ended');
    const message = readRMessage1(rMessage1);
    requireAnswer(this.#state.iMessage1, message);
    const points = this.#open(message);
    const isRetargeted = message.idrr.addressOfRecord !== this.#state.iMessage1.idrr.addressOfRecord;
    const { acceptResponder = () => true, acceptMailbox = () => false } = policy;
    if (!acceptResponder(message.idrr.uri, isRetargeted))
      throw new IbakeError('unacceptable', 'the responder is not accepted');
    const leg = new InitiatorLeg(this.#state, message, {
      isRetargeted,
      isEchoed: points.isEchoed,
      eccptr: points.eccptr,
      isMailbox: !points.isEchoed && acceptMailbox(message.idrr.uri),
    });
    this.#legs.set(key, leg);
    return leg;
  }

  /** Ends all exchanges of this offer: the secret is wiped, the slot key may go. Established sessions live on. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#state.own.secret.wipe();
    this.#release();
  }

  /** The responder's point, and whether it echoed this end's. */
  #open(message: RMessage1): { eccptr: Eccpt; isEchoed: boolean } {
    const { endpoint, iMessage1, own } = this.#state;
    const plaintext = openAs(endpoint, endpoint.device, message.t.seconds, message.ibake.encrData, {
      prefix: sha256(message.ibake.prefix),
      esk: null,
      transcript: sha256(iMessage1.octets),
    });
    const { eccpti, eccptr } = decodePoints('R_MESSAGE_1', plaintext, identitiesOf(message));
    if (eccptr === null) throw new IbakeError('rejected', 'no ECCPTr');
    if (eccpti === null) {
      if (eccptr.curve.id !== own.eccpt.curve.id)
        throw new IbakeError('curve', 'the responder is on another curve: offer again on that one');
      return { eccptr, isEchoed: false };
    }
    // Who was not addressed cannot know ECCPTi but from who was.
    const isAddressed = message.idrr.addressOfRecord === iMessage1.idrr.addressOfRecord;
    if (!isAddressed || !sameEccpt(eccpti, own.eccpt) || eccptr.curve.id !== eccpti.curve.id)
      throw new IbakeError('rejected', 'the echo is not what was sent');
    return { eccptr, isEchoed: true };
  }
}

/* ---------------------------------------------------------------- helpers */

/** R_MESSAGE_1 repeats what it answers, and fills in the responder's SSRCs. */
function requireAnswer(iMessage1: IMessage1, rMessage1: RMessage1): void {
  const isOwnUntouched = iMessage1.map.every(({ ssrc }, i) => i % 2 === 1 || rMessage1.map[i]?.ssrc === ssrc);
  const isAnswer =
    isSameExchange(iMessage1, rMessage1) &&
    iMessage1.t.order === rMessage1.t.order &&
    isFilledMap(iMessage1.map, rMessage1.map) &&
    isOwnUntouched;
  if (!isAnswer) throw new IbakeError('rejected', 'not an answer to this I_MESSAGE_1');
}

function drawCsb({ random }: Endpoint, prfFunc: number): Csb {
  const csbId = new Reader(random.bytes(4)).u32('CSB ID');
  return { csbId, prfFunc, rand: random.bytes(16) };
}

/** The map with two entries for each m= line, and the SPs that it refers to. */
function offeredMedia(
  media: readonly OfferedMedia[],
  later: readonly SrtpPolicy[],
): { map: SrtpIdEntry[]; payloads: Payload[] } {
  const numbers = new Map<SrtpPolicy['name'], number>([[DEFAULT_POLICY.name, 0]]);
  const payloads: Payload[] = [];
  const numberOf = (policy: SrtpPolicy): number => {
    const known = numbers.get(policy.name);
    if (known !== undefined) return known;
    const policyNo = numbers.size;
    numbers.set(policy.name, policyNo);
    payloads.push(policyPayload(policyNo, policy));
    return policyNo;
  };
  const map = media.flatMap(({ ssrc, policy = DEFAULT_POLICY }) => {
    const policyNo = numberOf(policy);
    return [
      { policyNo, ssrc, roc: 0 },
      { policyNo, ssrc: 0, roc: 0 },
    ];
  });
  for (const policy of later) numberOf(policy);
  return { map, payloads };
}

/** Authenticates RFC 4567's list against a bidding down. */
function protocolList(protocols: readonly string[]): Payload {
  return { kind: 'ext', type: EXT_TYPE['SDP IDs'], data: utf8(protocols.join(' ')) };
}
