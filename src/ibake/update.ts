/**
 * CSB updates (RFC 6267 section 5.3, profile section 3): new points, new crypto sessions, or both, started by either side.
 *
 *     I_MESSAGE_1   HDR T IDRi IDRr [IBAKE] V      V under the MPK in force, or anyone could inject one
 *     R_MESSAGE_1   HDR T IDRi IDRr [IBAKE] V      V under the new MPK; without IBAKE under the one in force
 *
 * Initiator, responder, the directions of the map and the IDRs stay those of the initial exchange, whoever starts, and so
 * does the curve. ECCPTi is the point of the sender of this I_MESSAGE_1. There is no RAND: the CSB keeps its one. V takes
 * the echo's place. An update without IBAKE adds at least one crypto session. What a mailbox answered is not updated.
 *
 * Nobody sends under a new MKI before R_MESSAGE_1 is verified or, at the answerer, an SRTP or SRTCP packet has
 * authenticated under it: until then the answerer keeps sending under the session before.
 */
import type { CommonHeader, SrtpIdEntry } from '../mikey/header.ts';
import type { Payload } from '../mikey/payload.ts';
import { DATA_TYPE } from '../mikey/registry.ts';
import { composeVerified, frontOf, type Seal } from './compose.ts';
import { sameEccpt, type Eccpt } from './eccpt.ts';
import { IbakeError } from './errors.ts';
import {
  headerOf,
  prefixOf,
  readUpdateIMessage1,
  readUpdateRMessage1,
  type ClearIdentity,
  type SealedPart,
  type VerifiedMessage,
} from './messages.ts';
import { decodePoints, encodePoints, identitiesOf, type PlaintextForm, type PointPair } from './plaintext.ts';
import { policyByNumber } from './policy.ts';
import type { Endpoint } from './ports.ts';
import { SECRET_ROLE, type SecretRole } from './recoverable-secret.ts';
import { shortAuthenticationString } from './sas.ts';
import {
  drawMaterial,
  openAs,
  recipientOf,
  seal,
  sha256,
  type Recipient,
  type SealingMaterial,
} from './sealing.ts';
import { cryptoSessions, verifies, type CsbKeys } from './session-keys.ts';
import { agreeKeys, drawPoint, drawSpi, isSameIdentity, type CsbSession, type OwnPoint } from './session.ts';
import type { Timestamp } from './timestamps.ts';
import {
  addsCryptoSessions,
  answeredMap,
  isAnsweredMap,
  isStartedMap,
  startedMap,
  type AddedMedia,
  type FilledLines,
} from './update-map.ts';

export interface UpdateOptions {
  /** Whether to exchange new points. */
  readonly rekey: boolean;
  readonly added?: readonly AddedMedia[];
  readonly filled?: FilledLines;
}

/** The side that starts an update. */
export class UpdateOffer {
  readonly #endpoint: Endpoint;
  readonly #session: CsbSession;
  readonly #own: OwnPoint | null;
  readonly #message: VerifiedMessage;
  readonly #release: () => void;

  private constructor(
    endpoint: Endpoint,
    session: CsbSession,
    made: { own: OwnPoint | null; octets: Uint8Array; release: () => void },
  ) {
    this.#endpoint = endpoint;
    this.#session = session;
    this.#own = made.own;
    this.#message = readUpdateIMessage1(made.octets);
    this.#release = made.release;
  }

  /** @throws IbakeError `state` where there is nothing to update, or not in this way; PolicyError */
  static start(endpoint: Endpoint, session: CsbSession, options: UpdateOptions): UpdateOffer {
    const { rekey, added = [], filled = new Map() } = options;
    if (session.isDeferred) throw new IbakeError('state', 'what a mailbox answered is not updated');
    if (!rekey && added.length === 0 && filled.size === 0)
      throw new IbakeError('state', 'an update without points adds crypto sessions');
    for (const { policyNo } of added) policyByNumber(session.policies, policyNo);
    const map = startedMap(session, added, filled);
    const t = endpoint.timestamps.next(session.latest);
    const release = endpoint.keys.hold(t.seconds);
    try {
      const place = placeOf(session, DATA_TYPE.I_MESSAGE_1, t, map);
      const drawn = rekey ? draw(endpoint, session, SECRET_ROLE.iMessage1, t, sha256(place.prefix)) : null;
      const octets = compose(session, place, {
        transcript: null,
        keys: session.keys,
        ibake: drawn === null ? null : sealer(endpoint, session, drawn, 'I_MESSAGE_1', null),
      });
      return new UpdateOffer(endpoint, session, { own: drawn?.own ?? null, octets, release });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** I_MESSAGE_1 of the update. */
  get message(): Uint8Array {
    return this.#message.octets;
  }

  /**
   * The session after the update.
   * @throws IbakeError `malformed`, `identity` or `rejected`: to be discarded silently; the session before stays
   */
  complete(rMessage1: Uint8Array): CsbSession {
    const message = readUpdateRMessage1(rMessage1);
    const asked = this.#message;
    const isAnswer =
      isOfCsb(this.#session, message) &&
      message.t.order === asked.t.order &&
      isAnsweredMap(this.#session.role, asked.map, message.map) &&
      (message.ibake === null) === (this.#own === null);
    if (!isAnswer) throw rejected();
    if (this.#own === null || message.ibake === null) return finish(this.#session, message, null);
    const eccptr = this.#open(message, message.ibake, this.#own);
    return finish(this.#session, message, { own: this.#own, eccpti: this.#own.eccpt, eccptr });
  }

  /** Ends the update: its secret is wiped, the slot key may go. */
  end(): void {
    this.#own?.secret.wipe();
    this.#release();
  }

  /** The answerer's point, once the echo of one's own has been compared. */
  #open(message: VerifiedMessage, ibake: SealedPart, own: OwnPoint): Eccpt {
    const points = openPoints(this.#endpoint, 'R_MESSAGE_1', message, ibake, sha256(this.#message.octets));
    const { eccpti, eccptr } = points;
    if (eccpti === null || !sameEccpt(eccpti, own.eccpt)) throw rejected();
    if (eccptr?.curve.id !== this.#session.curve.id) throw rejected();
    return eccptr;
  }
}

/** The answer to an update, and the session after it. */
export interface UpdateAnswer {
  /** R_MESSAGE_1 of the update. */
  readonly message: Uint8Array;
  readonly session: CsbSession;
}

/**
 * Answers an update. `ssrcs` are this end's for the m= lines that it adds, in order, 0 where it does not send; `filled`
 * those for lines on which it did not send so far.
 * @throws IbakeError `malformed`, `identity`, `rejected` or `replayed`: silence; the session before stays. `state` for
 *   `filled` that does not fit
 */
export function answerUpdate(
  endpoint: Endpoint,
  session: CsbSession,
  iMessage1: Uint8Array,
  ssrcs: readonly number[] = [],
  filled: FilledLines = new Map(),
): UpdateAnswer {
  const asked = readUpdateIMessage1(iMessage1);
  requireUpdate(endpoint, session, asked);
  const map = answeredMap(session, asked.map, ssrcs, filled);
  const place = placeOf(session, DATA_TYPE.R_MESSAGE_1, asked.t, map);
  const transcript = sha256(iMessage1);
  if (asked.ibake === null) {
    const octets = compose(session, place, { transcript, keys: session.keys, ibake: null });
    return { message: octets, session: finish(session, readUpdateRMessage1(octets), null) };
  }
  const { eccpti } = openPoints(endpoint, 'I_MESSAGE_1', asked, asked.ibake, null);
  if (eccpti?.curve.id !== session.curve.id) throw rejected();
  const prefix = sha256(asked.ibake.prefix, place.prefix);
  const drawn = draw(endpoint, session, SECRET_ROLE.rMessage1, asked.t, prefix);
  const { own } = drawn;
  const keys = agreeKeys(own, eccpti, session.csb);
  const ibake = sealer(endpoint, session, drawn, 'R_MESSAGE_1', eccpti);
  const octets = compose(session, place, { transcript, keys, ibake });
  const after = finish(session, readUpdateRMessage1(octets), { own, eccpti, eccptr: own.eccpt });
  for (const secret of [keys.mpk, keys.tgk, own.secret]) secret.wipe();
  return { message: octets, session: after };
}

/* ---------------------------------------------------------------- helpers */

interface Drawn {
  readonly own: OwnPoint;
  readonly recipient: Recipient;
  readonly material: SealingMaterial;
}

/** A message up to where its IBAKE would be. */
interface Place {
  readonly header: CommonHeader;
  readonly front: readonly Payload[];
  /** What its IBAKE is bound to. */
  readonly prefix: Uint8Array;
}

/** Both points of a rekeying, one's own with its secret. */
interface Rekeying {
  readonly own: OwnPoint;
  readonly eccpti: Eccpt;
  readonly eccptr: Eccpt;
}

function placeOf(session: CsbSession, dataType: number, t: Timestamp, map: readonly SrtpIdEntry[]): Place {
  const header = headerOf(dataType, dataType === DATA_TYPE.I_MESSAGE_1, { ...session.csb, map });
  const front = frontOf(t, identitiesOf(session));
  return { header, front, prefix: prefixOf(header, front) };
}

/** A new point of this end's, with the material of the container that will carry it. */
function draw(
  endpoint: Endpoint,
  session: CsbSession,
  role: SecretRole,
  t: Timestamp,
  prefix: Uint8Array,
): Drawn {
  const spi = drawSpi(endpoint);
  const recipient = recipientOf(endpoint.districts, peerOf(session), t.seconds);
  const material = drawMaterial(endpoint.random, recipient);
  const { csbId, rand } = session.csb;
  const context = { csbId, rand, t: t.octets, ...identitiesOf(session), nonce: material.nonce, prefix };
  const own = drawPoint(endpoint, role, session.curve, spi, { time: t.seconds, context });
  return { own, recipient, material };
}

/** Seals this end's point, and in an R_MESSAGE_1 the echo of the other's. */
function sealer(
  endpoint: Endpoint,
  session: CsbSession,
  { own, recipient, material }: Drawn,
  form: PlaintextForm,
  peer: Eccpt | null,
): Seal {
  const points: PointPair =
    peer === null ? { eccpti: own.eccpt, eccptr: null } : { eccpti: peer, eccptr: own.eccpt };
  return (bindings) =>
    seal(endpoint.engine, recipient, material, encodePoints(form, identitiesOf(session), points), bindings);
}

function compose(
  session: CsbSession,
  { header, front }: Place,
  { transcript, keys, ibake }: { transcript: Uint8Array | null; keys: CsbKeys; ibake: Seal | null },
): Uint8Array {
  const message = { header, front, transcript, ibake, esk: null };
  return composeVerified(message, keys.mpk, session.csb, identitiesOf(session));
}

/** The session after the message that ends the update, once its V has been checked. */
function finish(session: CsbSession, rMessage1: VerifiedMessage, rekeying: Rekeying | null): CsbSession {
  const { csb, policies } = session;
  const { map, t } = rMessage1;
  if (rekeying === null) {
    if (!addsCryptoSessions(session.map, map) || !verifies(rMessage1, session.keys.mpk, csb))
      throw rejected();
    const sessions = cryptoSessions(session.keys, csb, map, policies, session.spis);
    return { ...session, map, latest: t, cryptoSessions: sessions };
  }
  const { own, eccpti, eccptr } = rekeying;
  const isStarter = own.eccpt === eccpti;
  const keys = agreeKeys(own, isStarter ? eccptr : eccpti, csb);
  if (!verifies(rMessage1, keys.mpk, csb)) throw rejected();
  const isStartedByInitiator = isStarter === (session.role === 'initiator');
  const spis = isStartedByInitiator
    ? { initiator: eccpti.spi, responder: eccptr.spi }
    : { initiator: eccptr.spi, responder: eccpti.spi };
  return {
    ...session,
    keys,
    spis,
    map,
    latest: t,
    cryptoSessions: cryptoSessions(keys, csb, map, policies, spis),
    sas: shortAuthenticationString(keys.mpk, csb, identitiesOf(session), { eccpti, eccptr }),
  };
}

function openPoints(
  endpoint: Endpoint,
  form: PlaintextForm,
  message: VerifiedMessage,
  ibake: SealedPart,
  transcript: Uint8Array | null,
): PointPair {
  const plaintext = openAs(endpoint, endpoint.device, message.t.seconds, ibake.encrData, {
    prefix: sha256(ibake.prefix),
    esk: null,
    transcript,
  });
  return decodePoints(form, plaintext, identitiesOf(message));
}

function requireUpdate({ clock, skew }: Endpoint, session: CsbSession, asked: VerifiedMessage): void {
  if (Math.abs(clock.now() / 1000 - asked.t.seconds) > skew || asked.t.order <= session.latest.order)
    throw new IbakeError('replayed', 'T outside the skew, or not after the last');
  const starter = session.role === 'initiator' ? 'responder' : 'initiator';
  const isUpdate =
    !session.isDeferred &&
    isOfCsb(session, asked) &&
    isStartedMap(starter, session.map, asked.map) &&
    asked.map.slice(session.map.length).every(({ policyNo }) => session.policies.has(policyNo)) &&
    verifies(asked, session.keys.mpk, session.csb);
  if (!isUpdate) throw rejected();
}

function isOfCsb({ csb, idri, idrr }: CsbSession, { header, ...message }: VerifiedMessage): boolean {
  return (
    header.csbId === csb.csbId &&
    header.prfFunc === csb.prfFunc &&
    isSameIdentity(idri, message.idri) &&
    isSameIdentity(idrr, message.idrr)
  );
}

function peerOf({ role, idri, idrr }: CsbSession): ClearIdentity {
  return role === 'initiator' ? idrr : idri;
}

function rejected(): IbakeError {
  return new IbakeError('rejected', 'not an update of this CSB that verifies');
}
