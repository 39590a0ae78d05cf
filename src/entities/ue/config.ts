/** The settings of the user equipment: a phone behind one KMS and one CSCF. They hold a pre-shared key and a password. */
import Type from 'typebox';
import { strict, Unfit } from '../../bytes/schema.ts';
import { ENDPOINT_SETTINGS, KEYED_IDENTITY } from '../../endpoint/config.ts';
import type { OfferSettings } from '../../endpoint/exchanges.ts';
import {
  ConfigError,
  configReader,
  count,
  flag,
  listOf,
  milliseconds,
  REVOCATION_LISTS,
} from '../../host/config.ts';
import type { ConfigOf, ConfigReader } from '../../host/config.ts';
import { filePath } from '../../host/config-paths.ts';
import { canonicalIdentity } from '../../ibake/identity.ts';
import { DEFAULT_POLICY, SRTP_POLICY } from '../../ibake/policy.ts';
import type { SrtpPolicy } from '../../ibake/policy.ts';
import { ECC_CURVE, PRF_FUNC } from '../../mikey/registry.ts';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import type { RekeySettings } from '../../endpoint/rekey-schedule.ts';
import type { AnswerPolicy } from './answering.ts';

const ANSWER = Type.Decode(
  strict(
    {
      policy: Type.Enum(['accept', 'reject', 'redirect'], {
        default: 'accept',
        description: '`accept`, `reject` or `redirect`',
      }),
      ringMs: Type.Optional({ ...milliseconds('before it rings'), absent: '100' }),
      answerMs: Type.Optional({ ...milliseconds('before it answers'), absent: '400' }),
      reliable: Type.Optional({ ...flag('whether it uses 100rel'), absent: 'true' }),
      status: Type.Optional(
        Type.Integer({
          minimum: 400,
          maximum: 699,
          description: 'with `reject`: the answer',
          absent: '603',
        }),
      ),
      to: Type.Optional(KEYED_IDENTITY('with `redirect`: whom to call instead')),
    },
    { default: {} },
  ),
  ({ policy, status, to, ...accepting }): AnswerPolicy => {
    const { ringMs = 100, answerMs = 400, reliable = true } = accepting;
    if (policy === 'redirect') {
      if (to === undefined) throw new Unfit('with redirect: to, where calls are to go');
      if (status !== undefined || Object.keys(accepting).length > 0)
        throw new Unfit('a policy without settings of the other: redirect has to');
      return { kind: 'redirect', to };
    }
    if (to !== undefined) throw new Unfit('a policy without settings of the other: to is of redirect');
    if (policy === 'accept') {
      if (status !== undefined)
        throw new Unfit('a policy without settings of the other: status is of reject');
      return { kind: 'accept', ringMs, answerMs, reliable };
    }
    if (Object.keys(accepting).length > 0)
      throw new Unfit('a policy without settings of the other: reject has status');
    return { kind: 'reject', status: status ?? 603 };
  },
);

type PrfName = keyof typeof PRF_FUNC;

const CURVES = [
  { name: 'P-256', id: ECC_CURVE.secp256r1 },
  { name: 'P-384', id: ECC_CURVE.secp384r1 },
  { name: 'P-521', id: ECC_CURVE.secp521r1 },
] as const;

const CODEC = 'a codec with its clock rate, such as H264/90000';

const VIDEO = Type.Optional(
  strict(
    {
      codec: Type.String({
        default: 'H264/90000',
        pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*/[1-9][0-9]{0,8}$',
        errorMessage: CODEC,
        description: `${CODEC}: its packets are opaque to the phone`,
      }),
      payloadType: Type.Integer({
        minimum: 96,
        maximum: 127,
        default: 96,
        description: 'payload type of its offers',
      }),
    },
    { description: 'offers video, and takes it where it is offered with this codec' },
  ),
);

const RTCP = strict(
  {
    intervalMs: milliseconds('mean milliseconds from one report to the next; 0: none is sent', {
      default: 5000,
    }),
    mux: flag('whether RTCP may be on the port of RTP, where the other end says so too', { default: false }),
  },
  { default: {} },
);
/** A number is keyed by the SIP identity that it belongs to (profile, section 1). */
function numberedIdentities(numbers: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(numbers).map(([number, uri]) => {
      try {
        return [addressOfRecord(parseUri(`tel:${number}`)), canonicalIdentity(uri).uri];
      } catch {
        throw new Unfit('telephone numbers, each with a SIP URI that can be keyed', number);
      }
    }),
  );
}

const REKEY = Type.Decode(
  strict(
    {
      everyMs: Type.Optional({
        ...milliseconds('after which the keys of a call are replaced', { min: 100 }),
        absent: 'never by time',
      }),
      everyPackets: Type.Optional({
        ...count('packets of this phone after which they are', { min: 10, max: 2 ** 31 }),
        absent: 'never by packets',
      }),
      method: Type.Enum(['UPDATE', 'INVITE'], {
        default: 'UPDATE',
        description: 'request that carries the new keys',
      }),
    },
    { default: {} },
  ),
  ({ everyMs = null, everyPackets = null, method }): RekeySettings => ({ everyMs, everyPackets, method }),
);

export const UE_CONFIG = strict({
  ...ENDPOINT_SETTINGS,
  authorities: filePath("PEM file: whom the KMSs' certificates must chain to, and over TLS the CSCF's"),
  revocationLists: REVOCATION_LISTS,
  mailboxes: listOf(KEYED_IDENTITY('identity of a mailbox'), {
    description: 'identities that messages for somebody else are left with, when they answer instead',
  }),
  answer: ANSWER,
  others: Type.Enum(['accept', 'refuse'], {
    default: 'accept',
    description:
      'whether a call goes on that somebody else answers than was called, because it was forwarded or redirected; who answered is shown',
  }),
  transfers: Type.Enum(['accept', 'refuse'], {
    default: 'accept',
    description:
      'whether the other end of a call may refer this phone to somebody else, whom it then calls, and give its place to somebody else',
  }),
  numbers: Type.Decode(
    Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'SIP URIs of telephone numbers that can be called by `tel:`, by number: `+15552001`',
    }),
    numberedIdentities,
  ),
  rekey: REKEY,
  suite: Type.Enum(
    Object.values(SRTP_POLICY).map(({ name }) => name),
    { default: DEFAULT_POLICY.name, description: 'what its offers ask for' },
  ),
  prf: Type.Enum(Object.keys(PRF_FUNC) as PrfName[], {
    default: 'PRF-HMAC-SHA-256',
    description:
      'pseudo-random function of its offers; `MIKEY-1`, of SHA-1, is not for suites with keys of 256 bits',
  }),
  curve: Type.Enum(
    CURVES.map(({ name }) => name),
    { default: 'P-256', description: 'elliptic curve of its offers: 8, 11 or 14 of RFC 6267' },
  ),
  video: VIDEO,
  rtcp: RTCP,
});

export type UeConfig = ConfigOf<typeof UE_CONFIG>;

const read = configReader(UE_CONFIG);

/** @throws ConfigError */
export const ueConfig: ConfigReader<typeof UE_CONFIG> = Object.assign(
  (json: unknown, file?: string): UeConfig => {
    const settings = read(json, file);
    const { prf, suite } = settings;
    if (prf === 'MIKEY-1' && policyNamed(suite).keyOctets === 32) {
      const from = file === undefined ? '' : `${file}: `;
      throw new ConfigError(
        'configuration',
        `${from}prf: expected PRF-HMAC-SHA-256 with suite ${suite}, since MIKEY-1 gives no keys of 256 bits`,
      );
    }
    return settings;
  },
  { schema: UE_CONFIG },
);

/** What its offers ask for, and whose answers they take. */
export function offerSettings({ suite, prf, curve, others, mailboxes }: UeConfig): Required<OfferSettings> {
  const { id } = CURVES.find(({ name }) => name === curve) ?? CURVES[0];
  return { policy: policyNamed(suite), prfFunc: PRF_FUNC[prf], curve: id, others, mailboxes };
}

function policyNamed(name: string): SrtpPolicy {
  return Object.values(SRTP_POLICY).find((policy) => policy.name === name) ?? DEFAULT_POLICY;
}
