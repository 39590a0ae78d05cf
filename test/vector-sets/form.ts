/**
 * The form of a set of vectors: JSON, one exchange a file. `0x…` are integers, other hex strings octets, messages base64,
 * the rest decimal. It is that of the independent sets in `test/vectors/v2`; what the sets here have besides is `legs`, for
 * an I_MESSAGE_1 that several devices answer, and `abandoned`, for one that nobody does. Nothing is imported here, so that
 * who judges a set by other means than the product's can read it as well.
 */

/** What a container was sealed with, and what it holds. */
export interface SealingForm {
  readonly recipientIdentity?: string;
  readonly plaintext?: string;
  readonly cek?: string;
  readonly rho?: string;
  readonly gcmNonce?: string;
}

export interface MessageForm extends SealingForm {
  readonly message: string;
  /** SHA-256 of all octets before the IBAKE payload (profile, section 2). */
  readonly prefixSha256?: string;
  readonly transcriptSha256?: string;
  readonly esk?: SealingForm & { readonly payloadSha256?: string };
  /** Of a message that ends in V. */
  readonly authKey?: string;
  readonly mac?: string;
}

export type ExchangeMessage = 'I_MESSAGE_1' | 'R_MESSAGE_1' | 'I_MESSAGE_2' | 'R_MESSAGE_2';

/** A point: x and y. */
export type PointForm = readonly [string, string];

export interface KeyForm {
  readonly uri: string;
  /** Unix seconds of its beginning. */
  readonly period?: number;
  readonly identityDER: string;
  readonly Qid?: PointForm;
  readonly Sid?: PointForm;
  readonly liSeed?: string;
}

export interface HomeForm {
  readonly district: string;
  readonly serial: number;
  readonly keyLifetime: number;
  readonly p?: string;
  readonly q?: string;
  readonly P?: PointForm;
  readonly Ppub?: PointForm;
  readonly masterSecret: string;
  readonly liRootKey: string;
  readonly bfPublicParametersDER: string;
  readonly user?: KeyForm & { readonly aor?: KeyForm };
  readonly users?: readonly KeyForm[];
}

/** A secret that a KMS can draw again (profile, section 5). */
export interface DrawnForm {
  readonly party?: string;
  readonly uri?: string;
  readonly role: number;
  readonly curve?: number;
  readonly slot?: number;
  readonly slotKey?: string;
  readonly context: string;
  readonly prefixSha256?: string;
  readonly secret?: string;
  readonly point?: string;
  readonly sk?: string;
}

export interface CryptoSessionForm {
  readonly csId: number;
  readonly direction: string;
  readonly ssrc: number;
  readonly mki: string;
  readonly policy?: number;
  readonly cipher?: string;
  readonly tek: string;
  readonly salt: string;
}

export interface KeysForm {
  readonly kSession?: string;
  readonly mpk: string;
  readonly tgk: string;
  readonly authKey?: string;
  readonly cryptoSessions: readonly CryptoSessionForm[];
  readonly sas: string;
}

export interface EntryForm {
  readonly policy: number;
  readonly ssrc: number;
  readonly roc: number;
}

export interface QuestionForm {
  readonly iMessage1: string;
  readonly rMessage1: string;
  readonly iMessage2?: string;
  readonly rMessage2?: string;
  readonly updates?: readonly { readonly iMessage1: string; readonly rMessage1: string }[];
}

export interface AskedForm {
  readonly party?: string;
  readonly kms: string;
  readonly target: string;
  readonly question: QuestionForm;
}

export interface AnsweredForm extends AskedForm {
  readonly answer: { readonly verified: boolean; readonly cryptoSessions: readonly object[] };
}

export interface RefusedForm extends AskedForm {
  readonly why: string;
  readonly failure: string;
}

/** One answer to an I_MESSAGE_1, to the end. */
export interface LegForm {
  readonly number: number;
  readonly time: { readonly T2: string };
  readonly uri: { readonly r: string };
  readonly spi: { readonly r: string };
  readonly map: readonly EntryForm[];
  readonly recoverableSecrets: readonly DrawnForm[];
  readonly messages: Readonly<Record<'R_MESSAGE_1' | 'I_MESSAGE_2' | 'R_MESSAGE_2', MessageForm>>;
  readonly keys: KeysForm;
}

export interface UpdateForm {
  readonly number: number;
  readonly startedBy: 'initiator' | 'responder';
  readonly ibake: boolean;
  readonly time: { readonly unix: number; readonly T: string };
  readonly spi?: { readonly ECCPTi: string; readonly ECCPTr: string };
  readonly recoverableSecrets?: readonly DrawnForm[];
  readonly map: readonly EntryForm[];
  readonly messages: Readonly<Record<'I_MESSAGE_1' | 'R_MESSAGE_1', MessageForm>>;
  readonly keys: KeysForm;
  readonly getKeys: readonly AnsweredForm[];
}

export interface DeferredForm {
  readonly sk: string;
  readonly inPlaceOfTgk: string;
  readonly cryptoSessions: readonly CryptoSessionForm[];
  readonly packets: readonly {
    readonly csId: number;
    readonly roc: number;
    readonly rtp: string;
    readonly payload: string;
    /** Session keys of RFC 3711: encryption, authentication (none with GCM), salt. */
    readonly sessionKeys: { readonly ke: string; readonly ka?: string; readonly ks: string };
    readonly srtp: string;
  }[];
}

export interface ExchangeForm {
  readonly about: string;
  readonly variant: string;
  readonly time: { readonly unix: number; readonly T1: string; readonly T2: string };
  readonly csbId: number;
  readonly rand: string;
  readonly curve: number;
  readonly prfFunc: number;
  /** `r` is who answers, in a set with `mailbox` whom I_MESSAGE_1 is for; `callee` where they differ otherwise. */
  readonly uri: {
    readonly i: string;
    readonly r: string;
    readonly aor?: string;
    readonly mailbox?: string;
    readonly callee?: string;
  };
  readonly policies?: Readonly<Record<string, unknown>>;
  readonly spi: { readonly i: string; readonly r?: string; readonly mailbox?: string };
  readonly kms: Readonly<Record<string, HomeForm>>;
  readonly recoverableSecrets: readonly DrawnForm[];
  readonly recoverableSK?: DrawnForm;
  readonly map?: readonly EntryForm[];
  readonly messages: Readonly<Record<ExchangeMessage, MessageForm>>;
  readonly keys: KeysForm;
  readonly legs?: readonly LegForm[];
  readonly abandoned?: Readonly<Record<string, MessageForm>>;
  readonly updates?: readonly UpdateForm[];
  readonly deferred?: DeferredForm;
  readonly altered?: Readonly<Record<string, string>>;
  readonly getKeys?: readonly AnsweredForm[];
  readonly getKeysRefused?: readonly RefusedForm[];
}

/** A device asks its KMS for keys (RFC 6267 section 4.2.1). */
/** REQUEST_KEY with certificates: DER in base64, private keys as PKCS #8. */
export interface CertifiedForm {
  readonly certificates: Readonly<Record<'device' | 'kms' | 'authority', string>>;
  readonly privateKeys: Readonly<Record<'device' | 'kms' | 'authority', string>>;
  /** What PKE carries, and the seed of its OAEP encoding. */
  readonly envelopeKey: string;
  readonly oaepSeed: string;
  /** Of SIGN's PSS encoding. */
  readonly pssSalt: string;
}

export interface RequestKeyForm {
  readonly about: string;
  readonly variant: string;
  readonly time: { readonly unix: number; readonly T: string };
  readonly csbId: number;
  readonly rand: string;
  readonly prfFunc: number;
  readonly credential: string;
  /** In its place `certified`, where the device has a certificate. */
  readonly psk?: string;
  readonly certified?: CertifiedForm;
  readonly kms: { readonly own: HomeForm };
  readonly messages: Readonly<
    Record<
      'REQUEST_KEY_INIT' | 'REQUEST_KEY_RESP',
      {
        readonly message: string;
        readonly authKey?: string;
        readonly mac?: string;
        readonly encrKey?: string;
        readonly saltKey?: string;
        readonly plaintext?: string;
      }
    >
  >;
  /** What the answer gives, in its order; Unix seconds. `slotStart` is absent for the key of a period's first slot. */
  readonly issued: readonly {
    readonly uri: string;
    readonly from: number;
    readonly to: number;
    readonly identityDER: string;
    readonly Sid: PointForm;
    readonly seed?: { readonly key: string; readonly slotStart?: number };
  }[];
}
