/**
 * CSB updates (RFC 6267 section 5.3, profile section 3): new points, new crypto sessions, or both, started by either side.
 *
 *     I_MESSAGE_1   HDR T IDRi IDRr [IBAKE] V      V under the MPK in force, or anyone could inject one
 *     R_MESSAGE_1   HDR T IDRi IDRr [IBAKE] V      V under the new MPK; without IBAKE under the one in force
 *
 * Initiator, responder, the directions of the map and the IDRs stay those of the initial exchange, whoever starts. ECCPTi
 * is the point of the sender of this I_MESSAGE_1. There is no RAND: the CSB keeps its one. V takes the echo's place.
 *
 * Nobody sends under a new MKI before R_MESSAGE_1 is verified or, at the answerer, an SRTP or SRTCP packet has
 * authenticated under it: until then the answerer keeps sending under the session before.
 */
import type { SrtpIdEntry } from '../mikey/header.ts';
import { DATA_TYPE } from '../mikey/registry.ts';
import { composeVerified, frontOf, type Seal } from './compose.ts';
import { DEFAULT_CURVE, curveById, type EcCurve } from './curves.ts';
import { sameEccpt, type Eccpt } from './eccpt.ts';
import { IbakeError } from './errors.ts';
import {
  headerOf,
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
import {
  agreeKeys,
  drawPoint,
  drawSpi,
  isExtendedMap,
  isFilledMap,
  isSameIdentity,
  type CsbSession,
  type OwnPoint,
} from './session.ts';
import type { Timestamp } from './timestamps.ts';

/** One m= line that an update adds. */
export interface AddedMedia {
  /** SSRC that this end will send with; 0 where it does not. */
  readonly ssrc: number;
  /** 0, or a number of the initial exchange. */
  readonly policyNo: number;
}

export interface UpdateOptions {
  /** Whether to exchange new points. */
  readonly rekey: boolean;
  readonly added?: readonly AddedMedia[];
  readonly curve?: number;
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

  static start(endpoint: Endpoint, session: CsbSession, options: UpdateOptions): UpdateOffer {
    const { rekey, added = [], curve: curveId = DEFAULT_CURVE } = options;
    for (const { policyNo } of added) policyByNumber(session.policies, policyNo);
    const curve = curveById(curveId);
    if (curve === null) throw new IbakeError('state', 'no such curve');
    const t = endpoint.timestamps.next(session.latest);
    const release = endpoint.keys.hold(t.seconds);
    try {
      const map = [...session.map, ...added.flatMap((media) => addedEntries(session.role, media))];
      const drawn = rekey ? draw(endpoint, session, SECRET_ROLE.iMessage1, curve, t) : null;
      const octets = compose(session, {
        dataType: DATA_TYPE.I_MESSAGE_1,
        t,
        map,
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
      isFilledMap(asked.map, message.map) &&
      isOwnUntouched(this.#session.role, asked.map, message.map) &&
      isExtendedMap(this.#session.map, message.map) &&
      (message.ibake === null) === (this.#own === null);
    if (!isAnswer) throw rejected();
    const peer = message.ibake === null ? null : this.#open(message, message.ibake);
    return finish(this.#session, message, this.#own, peer);
  }

  /** Ends the update: its secret is wiped, the slot key may go. */
  end(): void {
    this.#own?.secret.wipe();
    this.#release();
  }

  #open(message: VerifiedMessage, ibake: SealedPart): Eccpt {
    const points = openPoints(this.#endpoint, 'R_MESSAGE_1', message, ibake, sha256(this.#message.octets));
    const { eccpti, eccptr } = points;
    const isEcho = eccpti !== null && this.#own !== null && sameEccpt(eccpti, this.#own.eccpt);
    if (!isEcho || eccptr === null) throw rejected();
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
 * Answers an update. `ssrcs` are this end's for the m= lines that it adds, in order; 0 where it does not send.
 * @throws IbakeError `malformed`, `identity`, `rejected` or `replayed`: silence; the session before stays
 */
export function answerUpdate(
  endpoint: Endpoint,
  session: CsbSession,
  iMessage1: Uint8Array,
  ssrcs: readonly number[] = [],
): UpdateAnswer {
  const asked = readUpdateIMessage1(iMessage1);
  requireUpdate(endpoint, session, asked);
  const map = filledMap(session, asked.map, ssrcs);
  const parts = { dataType: DATA_TYPE.R_MESSAGE_1, t: asked.t, map, transcript: sha256(iMessage1) };
  if (asked.ibake === null) {
    const octets = compose(session, { ...parts, keys: session.keys, ibake: null });
    return { message: octets, session: finish(session, readUpdateRMessage1(octets), null, null) };
  }
  const { eccpti } = openPoints(endpoint, 'I_MESSAGE_1', asked, asked.ibake, null);
  if (eccpti === null) throw rejected();
  const drawn = draw(endpoint, session, SECRET_ROLE.rMessage1, eccpti.curve, asked.t);
  const keys = agreeKeys(drawn.own, eccpti, session.csb);
  const ibake = sealer(endpoint, session, drawn, 'R_MESSAGE_1', eccpti);
  const octets = compose(session, { ...parts, keys, ibake });
  const after = finish(session, readUpdateRMessage1(octets), drawn.own, eccpti);
  for (const secret of [keys.mpk, keys.tgk, drawn.own.secret]) secret.wipe();
  return { message: octets, session: after };
}

/* ---------------------------------------------------------------- helpers */

interface Drawn {
  readonly own: OwnPoint;
  readonly recipient: Recipient;
  readonly material: SealingMaterial;
}

/** A new point of this end's, with the material of the container that will carry it. */
function draw(
  endpoint: Endpoint,
  session: CsbSession,
  role: SecretRole,
  curve: EcCurve,
  t: Timestamp,
): Drawn {
  const { csb } = session;
  const spi = drawSpi(endpoint);
  const recipient = recipientOf(endpoint.districts, peerOf(session), t.seconds);
  const material = drawMaterial(endpoint.random, recipient);
  const { csbId, rand } = csb;
  const context = { csbId, rand, t: t.octets, ...identitiesOf(session), nonce: material.nonce };
  const own = drawPoint(endpoint, role, curve, spi, { time: t.seconds, context });
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
  parts: {
    readonly dataType: number;
    readonly t: Timestamp;
    readonly map: readonly SrtpIdEntry[];
    readonly transcript: Uint8Array | null;
    readonly keys: CsbKeys;
    readonly ibake: Seal | null;
  },
): Uint8Array {
  const identities = identitiesOf(session);
  const isOffer = parts.dataType === DATA_TYPE.I_MESSAGE_1;
  const header = headerOf(parts.dataType, isOffer, { ...session.csb, map: parts.map });
  const front = frontOf(parts.t, identities);
  const { transcript, ibake } = parts;
  const message = { header, front, transcript, ibake, esk: null };
  return composeVerified(message, parts.keys.mpk, session.csb, identities);
}

/** The session after the message that ends the update, once its V has been checked. */
function finish(
  session: CsbSession,
  rMessage1: VerifiedMessage,
  own: OwnPoint | null,
  peer: Eccpt | null,
): CsbSession {
  const isRekeyed = own !== null && peer !== null;
  const keys = isRekeyed ? agreeKeys(own, peer, session.csb) : session.keys;
  if (!verifies(rMessage1, keys.mpk, session.csb)) throw rejected();
  const spis = !isRekeyed
    ? session.spis
    : session.role === 'initiator'
      ? { initiator: own.eccpt.spi, responder: peer.spi }
      : { initiator: peer.spi, responder: own.eccpt.spi };
  const { map, t } = rMessage1;
  return {
    ...session,
    keys,
    spis,
    map,
    latest: t,
    cryptoSessions: cryptoSessions(keys, session.csb, map, session.policies, spis),
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
  const isUpdate =
    isOfCsb(session, asked) &&
    isExtendedMap(session.map, asked.map) &&
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

/** CS 2k−1 goes from initiator to responder, 2k back. */
function addedEntries(role: CsbSession['role'], { ssrc, policyNo }: AddedMedia): SrtpIdEntry[] {
  const own = { policyNo, ssrc, roc: 0 };
  const other = { policyNo, ssrc: 0, roc: 0 };
  return role === 'initiator' ? [own, other] : [other, own];
}

/** Whether the answerer has left alone what is not its own to fill. */
function isOwnUntouched(
  role: CsbSession['role'],
  asked: readonly SrtpIdEntry[],
  answered: readonly SrtpIdEntry[],
): boolean {
  const own = role === 'initiator' ? 0 : 1;
  return asked.every(({ ssrc }, i) => i % 2 !== own || answered[i]?.ssrc === ssrc);
}

function filledMap(
  { role, map: known }: CsbSession,
  asked: readonly SrtpIdEntry[],
  ssrcs: readonly number[],
): SrtpIdEntry[] {
  const own = role === 'initiator' ? 0 : 1;
  return asked.map((entry, i) => {
    if (i < known.length || i % 2 !== own) return entry;
    if (entry.ssrc !== 0) throw rejected();
    return { ...entry, ssrc: ssrcs[(i - known.length - own) / 2] ?? 0 };
  });
}

function peerOf({ role, idri, idrr }: CsbSession): ClearIdentity {
  return role === 'initiator' ? idrr : idri;
}

function rejected(): IbakeError {
  return new IbakeError('rejected', 'not an update of this CSB that verifies');
}
