/** The settings of the user equipment: a phone behind one KMS and one CSCF. They hold a pre-shared key and a password. */
import { isIP } from 'node:net';
import Type from 'typebox';
import { bareHost, canonicalAddress } from '../../bytes/network-address.ts';
import { fromHex, utf8 } from '../../bytes/octets.ts';
import { strict, Unfit } from '../../bytes/schema.ts';
import { Secret } from '../../bytes/secret.ts';
import {
  ConfigError,
  configReader,
  flag,
  HOSTS,
  listener,
  listOf,
  mediaPorts,
  milliseconds,
  parsed,
  REVOCATION_LISTS,
  seconds,
  text,
} from '../../host/config.ts';
import type { ConfigOf, ConfigReader } from '../../host/config.ts';
import { filePath } from '../../host/config-paths.ts';
import type { OfferSettings } from '../../endpoint/exchanges.ts';
import { canonicalIdentity } from '../../ibake/identity.ts';
import { DEFAULT_POLICY, SRTP_POLICY } from '../../ibake/policy.ts';
import type { SrtpPolicy } from '../../ibake/policy.ts';
import { ECC_CURVE, PRF_FUNC } from '../../mikey/registry.ts';
import { instanceIn } from '../../endpoint/instance.ts';
import { nextHopOf } from '../../sip/flow.ts';
import type { NextHop } from '../../sip/flow.ts';
import { RFC_TIMERS } from '../../sip/timers.ts';
import { addressOfRecord, isSips, parseUri } from '../../sip/uri.ts';
import type { AnswerPolicy } from './callee.ts';

const KEYED = 'a SIP URI that can be keyed';
const keyed = (uri: string): string => canonicalIdentity(uri).uri;
const DEVICE = `${KEYED}, whose gr is a URN`;
/** The device's URN is what the phone registers, and what the registrar makes its GRUU from (RFC 5627). */
const keyedDevice = (uri: string): string => {
  const device = keyed(uri);
  if (instanceIn(device) === null && device.includes(';')) throw new Unfit(DEVICE);
  return device;
};

const REACHABLE = 'an IP address that others reach';

/** Where a phone sends everything. */
export interface Outbound extends NextHop {
  /** Whether it takes part in calls by sips:. */
  readonly sips: boolean;
}

const OUTBOUND = parsed(
  'SIP URI of the own CSCF; `transport=udp` for UDP, `transport=tls` for TLS, `sips:` for TLS and calls by sips: too',
  'a SIP URI',
  (text): Outbound => {
    const hop = nextHopOf(parseUri(text), 'TCP');
    if (hop === null) throw new Unfit('a SIP URI over TCP, UDP or TLS');
    return { ...hop, sips: isSips(text) };
  },
);

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
      to: Type.Optional(parsed('with `redirect`: whom to call instead', KEYED, keyed)),
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
        return [addressOfRecord(parseUri(`tel:${number}`)), keyed(uri)];
      } catch {
        throw new Unfit('telephone numbers, each with a SIP URI that can be keyed', number);
      }
    }),
  );
}

export const UE_CONFIG = strict({
  identity: parsed('address of record', KEYED, keyed),
  device: Type.Optional(
    Type.Decode(
      Type.String({
        errorMessage: DEVICE,
        description:
          'device identity, where there are several devices: the identity with `;gr=` and a URN, by which this device is registered and called (RFC 5627)',
        absent: 'the identity',
      }),
      keyedDevice,
    ),
  ),
  kms: strict({
    url: Type.Decode(text('the own KMS'), (url) => url.replace(/\/$/, '')),
    credential: text('name of the pre-shared key'),
    psk: Type.Decode(
      Type.String({
        pattern: '^([0-9a-fA-F]{2})+$',
        errorMessage: 'octets in hexadecimal',
        description: 'pre-shared key in hex',
      }),
      (hex) => Secret.of(fromHex(hex)),
    ),
  }),
  cscf: strict({
    url: OUTBOUND,
    username: text('for digest'),
    password: Type.Decode(text('for digest'), (password) => Secret.of(utf8(password))),
  }),
  partners: listOf(Type.String(), { description: 'hosts whose districts may be fetched' }),
  authorities: filePath("PEM file: whom the KMSs' certificates must chain to, and over TLS the CSCF's"),
  revocationLists: REVOCATION_LISTS,
  hosts: HOSTS,
  sip: listener('where it is called; over TLS, by the connection to the CSCF alone, what it says of that'),
  media: mediaPorts('where media are received'),
  publicAddress: Type.Optional(
    Type.Decode(
      Type.String({
        errorMessage: REACHABLE,
        description: 'named in Contact, Via and SDP; for who is reached otherwise than it listens',
        absent: 'where it listens; for 0.0.0.0 and ::, the own address towards the CSCF',
      }),
      (address) => {
        const bare = bareHost(address);
        if (isIP(bare) === 0 || ['0.0.0.0', '::'].includes(canonicalAddress(bare)))
          throw new Unfit(REACHABLE);
        return bare;
      },
    ),
  ),
  replays: filePath('SQLite file with the I_MESSAGE_1s that were answered'),
  answer: ANSWER,
  others: Type.Enum(['accept', 'refuse'], {
    default: 'accept',
    description:
      'whether a call goes on that somebody else answers than was called, because it was forwarded or redirected; who answered is shown',
  }),
  numbers: Type.Decode(
    Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'SIP URIs of telephone numbers that can be called by `tel:`, by number: `+15552001`',
    }),
    numberedIdentities,
  ),
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
  skew: seconds('seconds that clocks may differ by', { min: 1, max: 3600, default: 300 }),
  t1: milliseconds("RFC 3261's T1, its estimate of the round trip, milliseconds", {
    min: 10,
    max: 10_000,
    default: RFC_TIMERS.t1,
  }),
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
export function offerSettings({ suite, prf, curve, others }: UeConfig): Required<OfferSettings> {
  const { id } = CURVES.find(({ name }) => name === curve) ?? CURVES[0];
  return { policy: policyNamed(suite), prfFunc: PRF_FUNC[prf], curve: id, others };
}

function policyNamed(name: string): SrtpPolicy {
  return Object.values(SRTP_POLICY).find((policy) => policy.name === name) ?? DEFAULT_POLICY;
}
