/** The settings of HI1: who we are, which agencies there are, where they may have delivered to. */
import Type from 'typebox';
import { strict, Unfit } from '../../bytes/schema.ts';
import { count, httpsListener, listOf, parsed, peerAddress, text } from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';

const COUNTRY = parsed('country code of ISO 3166', 'two capital letters', (text) => {
  if (!/^[A-Z]{2}$/.test(text)) throw new Unfit('two capital letters');
  return text;
});

/** As whom one sends and receives. */
export const HI1_ENDPOINT = { country: COUNTRY, identifier: text('its identifier there') };

const PORTS = { min: 2, max: 65_535 };

const FINGERPRINT = parsed('SHA-256 of the certificate', '32 octets in hex with colons', (text) => {
  if (!/^(?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/.test(text)) throw new Unfit('32 octets in hex with colons');
  return text.toUpperCase();
});

const AGENCY = strict({
  name: text('an agency, for the record'),
  certificate: Type.Decode(
    strict({
      name: Type.Optional(text('a name in its certificate')),
      fingerprint: Type.Optional(FINGERPRINT),
    }),
    (certificate) => {
      const { name, fingerprint } = certificate;
      if ((name === undefined) === (fingerprint === undefined)) throw new Unfit('a name or a fingerprint');
      return certificate;
    },
  ),
  endpoints: listOf(strict(HI1_ENDPOINT), { description: 'as whom it may send; none: nothing is taken' }),
});

export const HI1_CONFIG = strict({
  listen: httpsListener('where agencies send'),
  endpoint: strict(HI1_ENDPOINT),
  nationalProfile: Type.Optional(
    strict(
      { owner: text('its owner'), version: text('its version') },
      { absent: "each request's own, which nothing depends on" },
    ),
  ),
  agencies: listOf(AGENCY),
  delivery: strict(
    {
      endpoints: listOf(
        strict({
          ...HI1_ENDPOINT,
          hi2: peerAddress('where HI2 goes'),
          hi3: Type.Optional(peerAddress('where HI3 goes')),
          xk: Type.Optional(
            Type.String({
              pattern: '^[A-Za-z0-9._-]{1,253}$',
              description:
                'the LEMF there, by a name in its certificate, where tasks may have it ask the KMS for keys itself (DeliveryProfile `KeysFromKms`)',
              absent: 'tasks that ask for that are refused',
              errorMessage: 'a name of letters, digits, dots and hyphens',
            }),
          ),
        }),
      ),
      ports: Type.Optional(
        strict(
          { hi2: count('port of HI2', PORTS), hi3: count('port of HI3', PORTS) },
          { absent: 'addresses without a port are refused' },
        ),
      ),
    },
    { default: {} },
  ),
});

export type Hi1Config = ConfigOf<typeof HI1_CONFIG>;
export type Hi1ConfigEndpoint = Hi1Config['endpoint'];
