/** The responder's exchange after R_MESSAGE_1: it waits for I_MESSAGE_2. */
import { equalOctets } from '../bytes/octets.ts';
import { DATA_TYPE } from '../mikey/registry.ts';
import { composeVerified, frontOf } from './compose.ts';
import { sameEccpt, type Eccpt } from './eccpt.ts';
import { IbakeError } from './errors.ts';
import { headerOf, readIMessage2, type IMessage1, type IMessage2, type RMessage1 } from './messages.ts';
import { decodePoints, encodePoints, identitiesOf } from './plaintext.ts';
import type { PolicyTable } from './policy.ts';
import type { Endpoint } from './ports.ts';
import { drawMaterial, openAs, recipientOf, seal, sha256 } from './sealing.ts';
import type { Csb, CsbKeys } from './session-keys.ts';
import {
  agreeKeys,
  establish,
  isSameExchange,
  isSameIdentity,
  isSameMap,
  type CsbSession,
  type OwnPoint,
} from './session.ts';

export interface ResponderState {
  readonly endpoint: Endpoint;
  readonly iMessage1: IMessage1;
  readonly rMessage1: RMessage1;
  readonly own: OwnPoint;
  /** `null` if I_MESSAGE_1 was for somebody else. */
  readonly eccpti: Eccpt | null;
  readonly csb: Csb;
  readonly policies: PolicyTable;
  readonly release: () => void;
}

export interface Confirmed {
  /** R_MESSAGE_2. */
  readonly message: Uint8Array;
  readonly session: CsbSession;
  /** Whether I_MESSAGE_2 has an ESK: a mailbox keeps the whole message and delivers it. */
  readonly hasDeferredKey: boolean;
}

export class ResponderLeg {
  readonly #state: ResponderState;
  #confirmed: { readonly iMessage2: Uint8Array; readonly result: Confirmed } | null = null;

  #isEnded = false;

  constructor(state: ResponderState) {
    this.#state = state;
  }

  /** IDRi: who calls, to be shown to the user. Proven only by I_MESSAGE_2. */
  get initiator(): string {
    return this.#state.iMessage1.idri.uri;
  }

  /** IDRr of I_MESSAGE_1: who was called. */
  get callee(): string {
    return this.#state.iMessage1.idrr.uri;
  }

  /** Whether I_MESSAGE_1 was for somebody else. */
  get isRetargeted(): boolean {
    return this.#state.eccpti === null;
  }

  /** R_MESSAGE_1. */
  get message(): Uint8Array {
    return this.#state.rMessage1.octets;
  }

  /** The keys in force; `null` before I_MESSAGE_2: no packet may be sent. */
  get session(): CsbSession | null {
    return this.#confirmed?.result.session ?? null;
  }

  /**
   * Checks I_MESSAGE_2 and answers it; the same answer if the same message comes again.
   * @throws IbakeError `malformed`, `identity` or `rejected`: to be discarded silently; the leg stays as it was.
   *   `state` after another I_MESSAGE_2 or `end`
   */
  confirm(iMessage2: Uint8Array): Confirmed {
    if (this.#confirmed !== null) {
      if (equalOctets(this.#confirmed.iMessage2, iMessage2)) return this.#confirmed.result;
      throw new IbakeError('state', 'the exchange is complete');
    }
    if (this.#isEnded) throw new IbakeError('state', 'the exchange has ended');
    const message = readIMessage2(iMessage2);
    this.#requireContinuation(message);
    const eccpti = this.#open(message);
    const { own, csb, policies, rMessage1 } = this.#state;
    const keys = agreeKeys(own, eccpti, csb);
    const session = establish(
      {
        role: 'responder',
        csb,
        keys,
        idri: rMessage1.idri,
        idrr: rMessage1.idrr,
        map: rMessage1.map,
        policies,
        latest: message.t,
        isDeferred: message.esk !== null,
      },
      { eccpti, eccptr: own.eccpt },
    );
    const result = {
      message: this.#compose(message, eccpti, keys),
      session,
      hasDeferredKey: message.esk !== null,
    };
    this.#confirmed = { iMessage2: iMessage2.slice(), result };
    return result;
  }

  /** Ends the exchange: the secret is wiped, the slot key may go. An established session lives on. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#state.own.secret.wipe();
    this.#state.release();
  }

  #requireContinuation(message: IMessage2): void {
    const { iMessage1, rMessage1, eccpti } = this.#state;
    const isContinuation =
      isSameExchange(rMessage1, message) &&
      isSameMap(rMessage1.map, message.map) &&
      isSameIdentity(rMessage1.idrr, message.idrr) &&
      equalOctets(iMessage1.rand, message.rand) &&
      message.t.order > rMessage1.t.order &&
      (message.esk === null || eccpti === null);
    if (!isContinuation) throw new IbakeError('rejected', 'not the continuation of this exchange');
  }

  /** The initiator's point, after the echo of one's own has been compared. */
  #open(message: IMessage2): Eccpt {
    const { endpoint, iMessage1, rMessage1, own, eccpti: known } = this.#state;
    const plaintext = openAs(endpoint, endpoint.device, message.t.seconds, message.ibake.encrData, {
      prefix: sha256(message.ibake.prefix),
      esk: message.esk === null ? null : sha256(message.esk.payload),
      transcript: sha256(iMessage1.octets, rMessage1.octets),
    });
    const { eccpti, eccptr } = decodePoints('I_MESSAGE_2', plaintext, identitiesOf(message));
    const point = known ?? eccpti;
    const isEcho = eccptr !== null && sameEccpt(eccptr, own.eccpt);
    const isOnce = (known === null) !== (eccpti === null);
    if (!isEcho || !isOnce || point?.curve.id !== own.eccpt.curve.id)
      throw new IbakeError('rejected', 'the echo is not what was sent');
    return point;
  }

  #compose(iMessage2: IMessage2, eccpti: Eccpt, keys: CsbKeys): Uint8Array {
    const { endpoint, csb, eccpti: known } = this.#state;
    const { t, idri, map } = iMessage2;
    const identities = identitiesOf(iMessage2);
    const parts = {
      header: headerOf(DATA_TYPE.R_MESSAGE_2, false, { ...csb, map }),
      front: frontOf(t, identities),
      transcript: null,
      esk: null,
    };
    if (known !== null) return composeVerified({ ...parts, ibake: null }, keys.mpk, csb, identities);
    const recipient = recipientOf(endpoint.districts, idri, t.seconds);
    const plaintext = encodePoints('R_MESSAGE_2', identities, { eccpti, eccptr: null });
    const material = drawMaterial(endpoint.random, recipient);
    return composeVerified(
      { ...parts, ibake: (bindings) => seal(endpoint.engine, recipient, material, plaintext, bindings) },
      keys.mpk,
      csb,
      identities,
    );
  }
}
