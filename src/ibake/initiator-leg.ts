/** One answer to an I_MESSAGE_1, from R_MESSAGE_1 on. */
import type { Secret } from '../bytes/secret.ts';
import { DATA_TYPE } from '../mikey/registry.ts';
import { composeMessage, frontOf, type Seal } from './compose.ts';
import { sameEccpt, type Eccpt } from './eccpt.ts';
import { IbakeError } from './errors.ts';
import {
  headerOf,
  readIMessage2,
  readRMessage2,
  type IMessage1,
  type IMessage2,
  type RMessage1,
  type VerifiedMessage,
} from './messages.ts';
import { decodePoints, encodePoints, encodeSecretKey, identitiesOf, type Identities } from './plaintext.ts';
import type { PolicyTable } from './policy.ts';
import type { Endpoint } from './ports.ts';
import { drawSecretKey } from './recoverable-secret.ts';
import { drawMaterial, openAs, recipientOf, seal, sha256 } from './sealing.ts';
import { deferredSessions, verifies, type Csb, type CryptoSession, type CsbKeys } from './session-keys.ts';
import {
  agreeKeys,
  establish,
  isSameExchange,
  isSameIdentity,
  isSameMap,
  type CsbSession,
  type OwnPoint,
} from './session.ts';
import type { Timestamp } from './timestamps.ts';

/** What the legs of one offer share. */
export interface OfferState {
  readonly endpoint: Endpoint;
  readonly iMessage1: IMessage1;
  readonly own: OwnPoint;
  readonly csb: Csb;
  readonly policies: PolicyTable;
}

/** What R_MESSAGE_1 said, once opened. */
export interface Answer {
  /** Somebody else than the callee answers. */
  readonly isRetargeted: boolean;
  readonly isEchoed: boolean;
  readonly isMailbox: boolean;
  readonly eccptr: Eccpt;
}

export class InitiatorLeg {
  readonly #offer: OfferState;
  readonly #rMessage1: RMessage1;
  readonly #answer: Answer;
  readonly #keys: CsbKeys;
  readonly #iMessage2: IMessage2;
  #session: CsbSession | null;
  #deferredKey: Secret | null = null;

  constructor(offer: OfferState, rMessage1: RMessage1, answer: Answer) {
    this.#offer = offer;
    this.#rMessage1 = rMessage1;
    this.#answer = answer;
    this.#keys = agreeKeys(offer.own, answer.eccptr, offer.csb);
    this.#iMessage2 = readIMessage2(this.#compose());
    this.#session = answer.isEchoed ? this.#establish() : null;
  }

  /** IDRr of R_MESSAGE_1: who answers, to be shown to the user. */
  get responder(): string {
    return this.#rMessage1.idrr.uri;
  }

  get isRetargeted(): boolean {
    return this.#answer.isRetargeted;
  }

  /** Whether this goes to a mailbox. */
  get isMailbox(): boolean {
    return this.#answer.isMailbox;
  }

  /** I_MESSAGE_2. */
  get message(): Uint8Array {
    return this.#iMessage2.octets;
  }

  /** SK for content left with a mailbox; users of 16 octets take the first 16. */
  get deferredKey(): Secret | null {
    return this.#deferredKey;
  }

  /**
   * The crypto sessions of content left with a mailbox, in place of those of this end's streams (profile, section 3); `null`
   * where this is not one, or before R_MESSAGE_2.
   */
  contentSessions(): CryptoSession[] | null {
    if (this.#deferredKey === null || this.#session === null) return null;
    const { csb, map, policies, spis } = this.#session;
    return deferredSessions(this.#deferredKey, csb, map, policies, spis.initiator);
  }

  /** The keys in force; `null` as long as no echo has been seen: no packet may be sent. */
  get session(): CsbSession | null {
    return this.#session;
  }

  /**
   * Checks R_MESSAGE_2, which ends the exchange.
   * @throws IbakeError `malformed`, `identity` or `rejected`: to be discarded silently; the leg stays as it was
   */
  verify(rMessage2: Uint8Array): CsbSession {
    const message = readRMessage2(rMessage2);
    const iMessage2 = this.#iMessage2;
    const isAnswer =
      isSameExchange(iMessage2, message) &&
      isSameMap(iMessage2.map, message.map) &&
      isSameIdentity(iMessage2.idrr, message.idrr) &&
      iMessage2.t.order === message.t.order &&
      (message.ibake === null) === this.#answer.isEchoed;
    if (!isAnswer) throw new IbakeError('rejected', 'not an answer to this I_MESSAGE_2');
    if (!verifies(message, this.#keys.mpk, this.#offer.csb))
      throw new IbakeError('rejected', 'R_MESSAGE_2 does not verify');
    if (message.ibake !== null) this.#requireEcho(message, message.ibake);
    this.#session ??= this.#establish();
    return this.#session;
  }

  #requireEcho(message: VerifiedMessage, ibake: { encrData: Uint8Array; prefix: Uint8Array }): void {
    const { endpoint, own } = this.#offer;
    const plaintext = openAs(endpoint, endpoint.device, message.t.seconds, ibake.encrData, {
      prefix: sha256(ibake.prefix),
      esk: null,
      transcript: null,
    });
    const { eccpti } = decodePoints('R_MESSAGE_2', plaintext, {
      idri: message.idri.data,
      idrr: message.idrr.data,
    });
    if (eccpti === null || !sameEccpt(eccpti, own.eccpt))
      throw new IbakeError('rejected', 'the echo is not what was sent');
  }

  #compose(): Uint8Array {
    const { endpoint, iMessage1, own, csb } = this.#offer;
    const { idrr, map } = this.#rMessage1;
    const t = endpoint.timestamps.next(iMessage1.t);
    const identities = identitiesOf(this.#rMessage1);
    const points = { eccpti: this.#answer.isEchoed ? null : own.eccpt, eccptr: this.#answer.eccptr };
    const recipient = recipientOf(endpoint.districts, idrr, t.seconds);
    return composeMessage({
      header: headerOf(DATA_TYPE.I_MESSAGE_2, true, { ...csb, map }),
      front: frontOf(t, identities, [{ kind: 'rand', rand: csb.rand }]),
      transcript: sha256(iMessage1.octets, this.#rMessage1.octets),
      ibake: (bindings) =>
        seal(
          endpoint.engine,
          recipient,
          drawMaterial(endpoint.random, recipient),
          encodePoints('I_MESSAGE_2', identities, points),
          bindings,
        ),
      esk: this.#answer.isMailbox ? this.#secretKey(t, identities) : null,
    });
  }

  /** The ESK is for the callee of I_MESSAGE_1; the mailbox cannot open it. */
  #secretKey(t: Timestamp, identities: Identities): Seal {
    const { endpoint, iMessage1, csb } = this.#offer;
    const recipient = recipientOf(endpoint.districts, iMessage1.idrr, t.seconds);
    return (bindings) => {
      const material = drawMaterial(endpoint.random, recipient);
      const slotKey = endpoint.keys.slotKey(endpoint.device.uri, t.seconds);
      const { csbId, rand } = csb;
      const { prefix } = bindings;
      const context = { csbId, rand, t: t.octets, ...identities, nonce: material.nonce, prefix };
      const sk = drawSecretKey(slotKey, context);
      slotKey.wipe();
      this.#deferredKey = sk;
      return seal(endpoint.engine, recipient, material, encodeSecretKey(identities.idri, sk), bindings);
    };
  }

  #establish(): CsbSession {
    const { csb, policies, own } = this.#offer;
    const { idri, idrr, map } = this.#rMessage1;
    const { t: latest } = this.#iMessage2;
    const isDeferred = this.#answer.isMailbox;
    return establish(
      { role: 'initiator', csb, keys: this.#keys, idri, idrr, map, policies, latest, isDeferred },
      { eccpti: own.eccpt, eccptr: this.#answer.eccptr },
    );
  }
}
