/** The settings that every endpoint of MIKEY-IBAKE has, a phone or a mailbox. They hold a pre-shared key and a password. */
import { isIP } from 'node:net';
import Type from 'typebox';
import type { TObject } from 'typebox';
import { bareHost, canonicalAddress } from '../bytes/network-address.ts';
import { fromHex, utf8 } from '../bytes/octets.ts';
import { strict, Unfit } from '../bytes/schema.ts';
import { Secret } from '../bytes/secret.ts';
import { HOSTS, listener, listOf, mediaPorts, milliseconds, parsed, seconds, text } from '../host/config.ts';
import type { ConfigOf } from '../host/config.ts';
import { filePath } from '../host/config-paths.ts';
import { canonicalIdentity } from '../ibake/identity.ts';
import { nextHopOf } from '../sip/flow.ts';
import type { NextHop } from '../sip/flow.ts';
import { RFC_TIMERS } from '../sip/timers.ts';
import { isSips, parseUri } from '../sip/uri.ts';
import type { CredentialFiles } from './credentials.ts';
import { instanceIn } from './instance.ts';

const KEYED = 'a SIP URI that can be keyed';
const keyed = (uri: string): string => canonicalIdentity(uri).uri;

const DEVICE = `${KEYED}, whose gr is a URN`;
/** The device's URN is what it registers, and what the registrar makes its GRUU from (RFC 5627). */
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

/** An identity that keys are for, in its canonical form. */
export const KEYED_IDENTITY = (description: string) => parsed(description, KEYED, keyed);

/** Whether a device proves itself by a pre-shared key, or by a certificate. */
export type KmsProof =
  | { readonly kind: 'psk'; readonly credential: string; readonly psk: Secret }
  | ({ readonly kind: 'certificate' } & CredentialFiles);

const KMS = Type.Decode(
  strict({
    url: Type.Decode(text('the own KMS'), (url) => url.replace(/\/$/, '')),
    credential: Type.Optional(
      text('name of the pre-shared key', { absent: 'this with `psk`, or `certificate`' }),
    ),
    psk: Type.Optional(
      Type.Decode(
        Type.String({
          pattern: '^([0-9a-fA-F]{2})+$',
          errorMessage: 'octets in hexadecimal',
          description: 'pre-shared key in hex',
          absent: 'this with `credential`, or `certificate`',
        }),
        (hex) => Secret.of(fromHex(hex)),
      ),
    ),
    certificate: Type.Optional(
      strict(
        {
          certificate: filePath(
            'the own certificate, of an RSA key, with the device identity as a URI among its names; behind it those of the authorities between it and one that the KMS knows',
          ),
          privateKey: filePath('its private key'),
          kmsCertificate: filePath('the certificate of the KMS that requests are encrypted to'),
        },
        { description: 'by what the device proves itself to the KMS, in place of `credential` and `psk`' },
      ),
    ),
  }),
  ({ url, credential, psk, certificate }): { readonly url: string; readonly proof: KmsProof } => {
    if (certificate !== undefined) {
      if (credential !== undefined || psk !== undefined)
        throw new Unfit('credential and psk, or certificate: not both');
      return { url, proof: { kind: 'certificate', ...certificate } };
    }
    if (credential === undefined || psk === undefined)
      throw new Unfit('credential and psk, or certificate: what the device proves itself by');
    return { url, proof: { kind: 'psk', credential, psk } };
  },
);

export const ENDPOINT_SETTINGS = {
  identity: KEYED_IDENTITY('address of record'),
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
  kms: KMS,
  cscf: strict({
    url: OUTBOUND,
    username: text('for digest'),
    password: Type.Decode(text('for digest'), (password) => Secret.of(utf8(password))),
  }),
  partners: listOf(Type.String(), { description: 'hosts whose districts may be fetched' }),
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
  skew: seconds('seconds that clocks may differ by', { min: 1, max: 3600, default: 300 }),
  t1: milliseconds("RFC 3261's T1, its estimate of the round trip, milliseconds", {
    min: 10,
    max: 10_000,
    default: RFC_TIMERS.t1,
  }),
};

export type EndpointConfig = ConfigOf<TObject<typeof ENDPOINT_SETTINGS>>;
