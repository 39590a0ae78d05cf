/**
 * A set of vectors computed again from its roots: LI roots, the clear parts of the messages, and the keys of containers,
 * which are chance. Everything else, secrets, points, K_SESSION, MPK, TGK, V, TEKs, salts, MKIs, short authentication
 * string and SRTP, follows; none of it is read from the set. By node:crypto, sharing no code with the product.
 */
import type { PrfHash } from '../../support/rfc3830.ts';
import { mac } from '../../support/rfc3830.ts';
import type { CryptoSessionForm, DeferredForm, ExchangeForm, HomeForm, MessageForm } from '../form.ts';
import {
  identitiesOf,
  payloadOf,
  pointsIn,
  policyIn,
  readContainer,
  readMessage,
  sealedOf,
  timeOf,
  TYPE,
  type RawMessage,
} from './mikey-reader.ts';
import {
  derived,
  drawn,
  hmac,
  identityInfo,
  opened,
  pointOf,
  secretOf,
  seedOf,
  sha256,
  slotKeyOf,
  spelt,
  srtpKey,
  srtpOf,
} from './primitives.ts';

const SLOT_SECONDS = 900;
const NTP_FROM_UNIX = 2_208_988_800;

/** What is common to all messages of a set. */
export interface Csb {
  readonly homes: readonly HomeForm[];
  readonly hash: PrfHash;
  readonly csbId: Buffer;
  readonly rand: Buffer;
  /** Announces the policies. */
  readonly iMessage1: RawMessage;
  /** ID data of initiator and responder, as in R_MESSAGE_1. */
  readonly idri: Buffer;
  readonly idrr: Buffer;
}

/** A secret drawn again. */
export interface Redrawn {
  readonly uri: string;
  readonly slot: number;
  readonly slotKey: string;
  readonly context: string;
  readonly prefixSha256: string;
  readonly secret: bigint;
  readonly point: string;
}

/** Keys computed again. */
export interface Rekeyed {
  readonly kSession: string;
  readonly mpk: string;
  readonly tgk: string;
  readonly authKey: string;
  readonly cryptoSessions: Omit<CryptoSessionForm, 'policy' | 'cipher'>[];
  readonly sas: string;
}

export function csbOf(set: ExchangeForm, rMessage1: MessageForm = set.messages.R_MESSAGE_1): Csb {
  const iMessage1 = readMessage(set.messages.I_MESSAGE_1.message);
  const answer = readMessage(rMessage1.message);
  return {
    homes: Object.values(set.kms),
    hash: iMessage1.prfFunc === 1 ? 'sha256' : 'sha1',
    csbId: iMessage1.csbId,
    rand: payloadOf(iMessage1, TYPE.rand).octets.subarray(2),
    iMessage1,
    idri: idOf(answer, 1),
    idrr: idOf(answer, 2),
  };
}

/** The secret of the sender of `form`; `before` is the I_MESSAGE_1 that it answers, `owner` the ID data of its sender. */
export function redrawn(csb: Csb, form: MessageForm, owner: Buffer, before?: MessageForm): Redrawn {
  const message = readMessage(form.message);
  const role = before === undefined ? 1 : 2;
  const prefixes = [before, form].flatMap((each) => (each === undefined ? [] : [ibakeOf(each).prefix]));
  const point = ownPoint(form, role);
  const context = contextOf(csb, message, role, point.curve, ibakeOf(form).encrData, sha256(...prefixes));
  const { slotKey, slot } = slotOf(csb, owner.toString(), timeOf(message));
  const secret = secretOf(slotKey, point.curve, context);
  return {
    ...{
      uri: owner.toString(),
      slot,
      slotKey: slotKey.toString('hex'),
      context: context.toString('hex'),
      secret,
    },
    prefixSha256: sha256(...prefixes).toString('hex'),
    point: pointOf(point.curve, secret).toString('hex'),
  };
}

/** The SK of an I_MESSAGE_2's ESK. */
export function redrawnKey(csb: Csb, form: MessageForm): { readonly context: string; readonly sk: string } {
  const message = readMessage(form.message);
  const esk = sealedOf(message, TYPE.esk);
  if (esk === null) throw new Error('no ESK');
  const context = contextOf(csb, message, 3, 0, esk.encrData, sha256(ibakeOf(form).prefix));
  const { slotKey } = slotOf(csb, csb.idri.toString(), timeOf(message));
  const [sk] = drawn(slotKey, context, 32);
  return { context: context.toString('hex'), sk: sk?.toString('hex') ?? '' };
}

/**
 * Keys in force after `first` and `second`, an I_MESSAGE_1 and the R_MESSAGE_1 that answers it, whose points have the
 * secrets `secrets`; of the streams of `last`, the R_MESSAGE_1 whose map is in force.
 */
export function rekeyed(
  csb: Csb,
  [first, second]: readonly [MessageForm, MessageForm],
  secrets: readonly [bigint, bigint],
  startedBy: 'initiator' | 'responder' = 'initiator',
  last: MessageForm = second,
): Rekeyed {
  const [eccpti, eccptr] = [ownPoint(first, 1), ownPoint(second, 2)];
  const kSession = pointOf(eccpti.curve, ...secrets);
  const all = { csId: 0xff, csbId: Buffer.alloc(4, 0xff), rand: csb.rand };
  const octets = csb.hash === 'sha256' ? 32 : 20;
  const mpk = derived(csb.hash, kSession, { ...all, constant: '220e99a2' }, octets);
  const tgk = derived(csb.hash, kSession, { ...all, constant: '1f4d675b' }, octets);
  const text = [Buffer.from('SAS v1'), csb.csbId, csb.rand, csb.idri, csb.idrr, eccpti.octets, eccptr.octets];
  const isByInitiator = startedBy === 'initiator';
  const spis = { odd: (isByInitiator ? eccpti : eccptr).spi, even: (isByInitiator ? eccptr : eccpti).spi };
  return {
    ...{ kSession: kSession.toString('hex'), mpk: mpk.toString('hex'), tgk: tgk.toString('hex') },
    authKey: authKeyOf(csb, mpk).toString('hex'),
    cryptoSessions: sessionsOf(csb, tgk, last, spis),
    sas: spelt(hmac(mpk, ...text)),
  };
}

/** The MAC of V of a message that ends in it. */
export function macOf(csb: Csb, mpk: string, { message }: MessageForm): string {
  const octets = Buffer.from(message, 'base64');
  const authKey = authKeyOf(csb, Buffer.from(mpk, 'hex'));
  const covered = octets.subarray(0, octets.length - (csb.hash === 'sha256' ? 32 : 20));
  return mac(csb.hash, authKey, covered, csb.idri, csb.idrr).toString('hex');
}

/** The crypto sessions of content left with a mailbox: the initiator's, from the SK in the place of the TGK. */
export function contentOf(
  csb: Csb,
  sk: string,
  first: MessageForm,
  last: MessageForm,
): Rekeyed['cryptoSessions'] {
  const tgk = Buffer.from(sk, 'hex').subarray(0, csb.hash === 'sha256' ? 32 : 20);
  const { spi } = ownPoint(first, 1);
  return sessionsOf(csb, tgk, last, { odd: spi, even: spi }).filter(({ csId }) => csId % 2 === 1);
}

/** A packet of that content, protected. */
export function protectedPacket(
  csb: Csb,
  { csId, tek, salt, mki }: Rekeyed['cryptoSessions'][number],
  { rtp, roc }: DeferredForm['packets'][number],
): { readonly srtp: string; readonly ke: string; readonly ka: string; readonly ks: string } {
  const { gcm, key, salt: saltOctets } = policyIn(csb.iMessage1, csb.iMessage1.map[csId - 1]?.policy ?? 0);
  const [master, masterSalt] = [Buffer.from(tek, 'hex'), Buffer.from(salt, 'hex')];
  const ke = srtpKey(master, masterSalt, 0, key);
  const ka = srtpKey(master, masterSalt, 1, 20);
  const ks = srtpKey(master, masterSalt, 2, saltOctets);
  const srtp = srtpOf(Buffer.from(rtp, 'hex'), { ke, ka, ks, gcm }, Buffer.from(mki, 'hex'), roc);
  const hex = (octets: Buffer) => octets.toString('hex');
  return { srtp: hex(srtp), ke: hex(ke), ka: hex(ka), ks: hex(ks) };
}

/** ID data of an IDR of a role: 1 initiator, 2 responder. */
export function idOf(message: RawMessage, role: number): Buffer {
  const [one] = identitiesOf(message, role);
  if (one === undefined) throw new Error(`no IDR with role ${role}`);
  return one;
}

/** What an IBAKE container holds, once it has authenticated with everything that it is bound to. */
export function plaintextOf(form: MessageForm): Buffer {
  return opened(readContainer(ibakeOf(form).encrData), form.cek ?? '');
}

/* ---------------------------------------------------------------- helpers */

function ibakeOf({ message }: MessageForm) {
  const ibake = sealedOf(readMessage(message), TYPE.ibake);
  if (ibake === null) throw new Error('no IBAKE');
  return ibake;
}

/** The point that a message's sender adds: the only one of an I_MESSAGE_1, the last of an R_MESSAGE_1. */
function ownPoint(form: MessageForm, role: number) {
  const points = pointsIn(plaintextOf(form));
  const own = role === 1 ? points[0] : points.at(-1);
  if (own === undefined) throw new Error('no point');
  return own;
}

function contextOf(
  { csbId, rand }: Csb,
  message: RawMessage,
  role: number,
  curve: number,
  encrData: Buffer,
  prefix: Buffer,
): Buffer {
  const counted = (data: Buffer) => [Buffer.of(data.length >> 8, data.length & 0xff), data];
  return Buffer.concat([
    ...[Buffer.of(role, curve), csbId, timeOf(message), Buffer.of(rand.length), rand],
    ...[...counted(idOf(message, 1)), ...counted(idOf(message, 2))],
    ...[readContainer(encrData).nonce, prefix],
  ]);
}

function slotOf({ homes }: Csb, uri: string, t: Buffer): { readonly slotKey: Buffer; readonly slot: number } {
  const host = /@([^;]+)/.exec(uri)?.[1] ?? '';
  const home = homes.find(({ district }) => district.startsWith(`https://kms.${host}/`));
  if (home === undefined) throw new Error(`no home of ${uri}`);
  const ntp = t.readUInt32BE(0);
  const seconds = (ntp < 0x80000000 ? ntp + 2 ** 32 : ntp) - NTP_FROM_UNIX;
  const period = Math.floor(seconds / home.keyLifetime) * home.keyLifetime;
  const slot = Math.floor((seconds - period) / SLOT_SECONDS);
  const identity = identityInfo(home.district, home.serial, uri, period);
  return { slotKey: slotKeyOf(seedOf(home.liRootKey, identity), slot), slot };
}

function authKeyOf({ hash, csbId, rand }: Csb, mpk: Buffer): Buffer {
  return derived(hash, mpk, { constant: '2d22ac75', csId: 0xff, csbId, rand }, hash === 'sha256' ? 32 : 20);
}

function sessionsOf(
  { hash, csbId, rand, iMessage1 }: Csb,
  tgk: Buffer,
  last: MessageForm,
  spis: { readonly odd: Buffer; readonly even: Buffer },
): Rekeyed['cryptoSessions'] {
  return readMessage(last.message).map.flatMap(({ policy, ssrc }, at) => {
    if (ssrc === 0) return [];
    const csId = at + 1;
    const { key, salt } = policyIn(iMessage1, policy);
    const isOdd = csId % 2 === 1;
    const of = (constant: string, octets: number) =>
      derived(hash, tgk, { constant, csId, csbId, rand }, octets).toString('hex');
    return {
      ...{ csId, direction: isOdd ? 'initiator to responder' : 'responder to initiator', ssrc },
      ...{ mki: (isOdd ? spis.odd : spis.even).toString('hex') },
      ...{ tek: of('2ad01c64', key), salt: of('39a2c14b', salt) },
    };
  });
}
