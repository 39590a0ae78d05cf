/**
 * Deferred delivery at the recipient (RFC 6267 sections 3.3 and 4.2.2.5, profile section 3): a mailbox delivers the three
 * messages of the exchange in which content was left with it, and the recipient opens the ESK, which is bound to the third.
 *
 *     I_MESSAGE_1     for the recipient: policies, and the SPI that is the MKI of the content
 *     R_MESSAGE_1     whose mailbox it is
 *     I_MESSAGE_2     map, T, and the ESK with SK, in the place of the TGK
 *
 * The SK does not prove who wrote the content: the initiator's identity is what the mailbox has verified. Messages of a
 * delivery may be old, and are not judged by skew; so what was heard once is remembered for as long as it would be taken. A
 * delivery that breaks off, since the mailbox was killed or told to end, begins anew, and that a bounded number of times.
 */
import { equalOctets, toHex, utf8 } from '../bytes/octets.ts';
import type { Secret } from '../bytes/secret.ts';
import { Writer } from '../bytes/writer.ts';
import { decodeContainer } from './container.ts';
import { IbakeError } from './errors.ts';
import type { SipIdentity } from './identity.ts';
import {
  readIMessage1,
  readIMessage2,
  readRMessage1,
  type IMessage1,
  type IMessage2,
  type RMessage1,
} from './messages.ts';
import { decodePoints, decodeSecretKey, identitiesOf } from './plaintext.ts';
import { readPolicies, requirePolicies } from './policy.ts';
import type { Endpoint } from './ports.ts';
import { isFor, openAs, sha256 } from './sealing.ts';
import { deferredSessions, type CryptoSession } from './session-keys.ts';
import { isFilledMap, isSameExchange, isSameIdentity, isSameMap } from './session.ts';

/** Seconds after T of I_MESSAGE_2 for which a delivery is taken, and remembered: a year. */
const DELIVERED_SECONDS = 366 * 86_400;
/** How often content is played that nobody has heard to its end. */
const BEGINNINGS = 3;

/** What a recipient opens deliveries with. */
export type ContentRecipient = Pick<
  Endpoint,
  'districts' | 'engine' | 'keys' | 'addressOfRecord' | 'device' | 'clock' | 'replays'
>;

export interface DeferredKey {
  /** IDRi, on the mailbox's word. */
  readonly initiator: string;
  readonly sk: Secret;
}

/** The messages of the exchange in which content was left with a mailbox. */
export interface DeliveredMessages {
  readonly iMessage1: Uint8Array;
  readonly rMessage1: Uint8Array;
  readonly iMessage2: Uint8Array;
}

/** Content that was left for this user. */
export interface DeferredContent {
  /** IDRi: who wrote it, on the mailbox's word. */
  readonly author: string;
  /** IDRr of R_MESSAGE_1: by way of whom it comes. */
  readonly mailbox: string;
  /** Of the author's streams. */
  readonly cryptoSessions: readonly CryptoSession[];
  /** The same for the same content, by whatever call it comes. */
  readonly id: string;
  /** Whether it may be played: never again once it was heard, and a few times as long as it breaks off. Durable. */
  begin(): boolean;
  /** It was heard to its end, or as far as the user wanted. Durable when it returns. */
  heard(): void;
}

/**
 * The times (Unix seconds) for which the user's private key is needed to open a delivery; `null` if it is for somebody
 * else, or has no ESK: judged by what stands in the clear, so that no key is asked for in vain.
 * @throws IbakeError `malformed`; `replayed` if it is older than what is remembered
 */
export function timesOf(
  endpoint: Pick<ContentRecipient, 'districts' | 'addressOfRecord' | 'device' | 'clock'>,
  messages: DeliveredMessages,
): readonly number[] | null {
  const iMessage1 = readIMessage1(messages.iMessage1);
  const { esk, t } = readIMessage2(messages.iMessage2);
  if (esk === null) return null;
  requireRemembered(endpoint, t.seconds);
  const isOwn =
    ownIdentityOf(endpoint, iMessage1.ibake.encrData, iMessage1.t.seconds) !== null &&
    ownIdentityOf(endpoint, esk.encrData, t.seconds) !== null;
  return isOwn ? [iMessage1.t.seconds, t.seconds] : null;
}

/**
 * What a mailbox delivers; `null` if it is for somebody else, or has no ESK.
 * @throws IbakeError `malformed`, `identity`; `rejected` if it is for this user and does not verify; `replayed` if it is
 *   older than what is remembered. PolicyError for a policy that is not supported
 */
export function openContent(endpoint: ContentRecipient, messages: DeliveredMessages): DeferredContent | null {
  const iMessage1 = readIMessage1(messages.iMessage1);
  const rMessage1 = readRMessage1(messages.rMessage1);
  const iMessage2 = readIMessage2(messages.iMessage2);
  const own = ownIdentityOf(endpoint, iMessage1.ibake.encrData, iMessage1.t.seconds);
  if (own === null || iMessage2.esk === null) return null;
  requireExchange(iMessage1, rMessage1, iMessage2);
  if (own.uri !== iMessage1.idrr.uri)
    throw new IbakeError('rejected', 'encrypted to another identity than it names');
  const expires = requireRemembered(endpoint, iMessage2.t.seconds);
  const { csbId, prfFunc } = iMessage1.header;
  const policies = readPolicies(iMessage1.policies, prfFunc);
  requirePolicies(iMessage2.map, policies);
  const mki = spiIn(endpoint, own, iMessage1);
  const deferred = openDeferred(endpoint, messages.iMessage2);
  if (deferred === null) return null;
  const csb = { csbId, prfFunc, rand: iMessage2.rand };
  const cryptoSessions = deferredSessions(deferred.sk, csb, iMessage2.map, policies, mki);
  deferred.sk.wipe();
  return {
    author: deferred.initiator,
    mailbox: rMessage1.idrr.uri,
    cryptoSessions,
    ...beginningsOf(endpoint, iMessage2, expires),
  };
}

/**
 * The SK in a delivered I_MESSAGE_2; `null` if its ESK is for somebody else, or there is none.
 * @throws IbakeError `malformed`, `identity`, or `rejected` if it is for this user and does not verify
 */
export function openDeferred(
  endpoint: Pick<Endpoint, 'districts' | 'engine' | 'keys' | 'addressOfRecord' | 'device'>,
  iMessage2: Uint8Array,
): DeferredKey | null {
  const { esk, ibake, t, idri } = readIMessage2(iMessage2);
  if (esk === null) return null;
  const own = ownIdentityOf(endpoint, esk.encrData, t.seconds);
  if (own === null) return null;
  const bound = decodeContainer(ibake.encrData).bindings.esk;
  // Both hashes are public: that they differ may be told before the pairing.
  if (bound === null || !equalOctets(bound, sha256(esk.payload)))
    throw new IbakeError('rejected', 'the message says that another ESK follows');
  const plaintext = openAs(endpoint, own, t.seconds, esk.encrData, {
    prefix: sha256(ibake.prefix),
    esk: null,
    transcript: null,
  });
  return { initiator: idri.uri, sk: decodeSecretKey(plaintext, idri.data) };
}

/* ---------------------------------------------------------------- helpers */

/** Which identity of this user a container is for. */
function ownIdentityOf(
  endpoint: Pick<Endpoint, 'districts' | 'addressOfRecord' | 'device'>,
  encrData: Uint8Array,
  time: number,
): SipIdentity | null {
  const container = decodeContainer(encrData);
  const { addressOfRecord, device } = endpoint;
  return [addressOfRecord, device].find((own) => isFor(endpoint, container, own, time)) ?? null;
}

function requireExchange(iMessage1: IMessage1, rMessage1: RMessage1, iMessage2: IMessage2): void {
  const isExchange =
    isSameExchange(iMessage1, rMessage1) &&
    iMessage1.t.order === rMessage1.t.order &&
    isFilledMap(iMessage1.map, rMessage1.map) &&
    isSameExchange(rMessage1, iMessage2) &&
    isSameIdentity(rMessage1.idrr, iMessage2.idrr) &&
    isSameMap(rMessage1.map, iMessage2.map) &&
    equalOctets(iMessage1.rand, iMessage2.rand) &&
    iMessage2.t.order > iMessage1.t.order;
  if (!isExchange) throw new IbakeError('rejected', 'the messages of a delivery are not of one exchange');
}

/** The SPI of ECCPTi: what the author's packets have for an MKI. */
function spiIn(endpoint: ContentRecipient, own: SipIdentity, iMessage1: IMessage1): Uint8Array {
  const plaintext = openAs(endpoint, own, iMessage1.t.seconds, iMessage1.ibake.encrData, {
    prefix: sha256(iMessage1.ibake.prefix),
    esk: null,
    transcript: null,
  });
  const { eccpti } = decodePoints('I_MESSAGE_1', plaintext, identitiesOf(iMessage1));
  if (eccpti === null) throw new IbakeError('rejected', 'no ECCPTi');
  return eccpti.spi;
}

/** Until when (Unix seconds) a delivery is remembered. @throws IbakeError `replayed` if that is over */
function requireRemembered({ clock }: Pick<ContentRecipient, 'clock'>, seconds: number): number {
  const expires = seconds + DELIVERED_SECONDS;
  if (clock.now() / 1000 > expires) throw new IbakeError('replayed', 'a delivery of long ago');
  return expires;
}

/** One claim for each beginning; what was heard has none left. */
function beginningsOf(
  endpoint: ContentRecipient,
  iMessage2: IMessage2,
  expires: number,
): Pick<DeferredContent, 'id' | 'begin' | 'heard'> {
  const id = replayKey(endpoint, iMessage2);
  const keys = Array.from({ length: BEGINNINGS }, (_, nth) => (nth === 0 ? id : `${id} ${nth + 1}`));
  return {
    id,
    begin: () => keys.some((key) => endpoint.replays.claim(key, expires)),
    heard: () => keys.forEach((key) => endpoint.replays.claim(key, expires)),
  };
}

/** (own address of record, IDRi, CSB ID, T, RAND) of I_MESSAGE_2. */
function replayKey({ addressOfRecord }: ContentRecipient, { header, t, rand, idri }: IMessage2): string {
  const own = utf8(addressOfRecord.uri);
  const key = new Writer().u16(own.length).bytes(own).u16(idri.data.length).bytes(idri.data);
  key.u32(header.csbId).bytes(t.octets).bytes(rand);
  return `delivery ${toHex(sha256(key.finish()))}`;
}
