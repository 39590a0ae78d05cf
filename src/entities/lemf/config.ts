/** The settings of the law enforcement monitoring facility. */
import Type from 'typebox';
import { strict } from '../../bytes/schema.ts';
import {
  configReader,
  HOSTS,
  httpsListenSettings,
  milliseconds,
  OPERATION_SETTINGS,
  seconds,
  streamListener,
  TLS_FILES,
} from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';
import { filePath } from '../../host/config-paths.ts';

const handoverListener = (description: string) =>
  streamListener(
    description,
    'names of the DFs that may',
    "`df.` and the domain of the own certificate's name",
  );

const XK = Type.Optional(
  strict(
    {
      url: Type.String({ pattern: '^https://', errorMessage: 'an https URL', description: 'the KMS; https' }),
      hosts: HOSTS,
      attemptMs: milliseconds('for one attempt', { min: 1, default: 5_000 }),
    },
    {
      description:
        'where the LEMF asks for keys itself that it sees the exchange of and that no record brought, while running with `recoverInto`, and by `lemf recover --xk`; KMS and warrant must let it; absent: it asks nobody',
    },
  ),
);

/** The door for analysts; without it there is none. */
const ANALYSTS = strict({
  ...httpsListenSettings(
    'where analysts see the calls that were handed over, and hear them; needs `recoverInto`',
  ),
  peers: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    maxItems: 10_000,
    description: 'names in the certificates of those who are admitted, with the role `analyst`',
    errorMessage: 'a list of names, one at least',
  }),
  console: Type.Boolean({
    default: false,
    description: 'whether the door has the pages of `claviger console` below `/console/`, for their browsers',
  }),
});

export const LEMF_CONFIG = strict({
  hi2: handoverListener('where delivery functions connect for HI2; either port takes both'),
  hi3: handoverListener('where they connect for HI3'),
  tls: TLS_FILES,
  xk: XK,
  folder: filePath('where `hi2.ber` and `hi3.ber`, all that was received, are kept'),
  ...OPERATION_SETTINGS,
  analysts: Type.Optional(ANALYSTS),
  recoverInto: Type.Optional(filePath('folder for audio and `recover.json` while running')),
  retention: Type.Optional(
    seconds(
      'seconds after the end of a warrant after which all that is kept of it is deleted, on record in `audit.jsonl` in `folder`',
      { min: 1 },
    ),
  ),
  recoverAfter: milliseconds('milliseconds of quiet after which recovery runs', { min: 1, default: 1500 }),
});

export type LemfConfig = ConfigOf<typeof LEMF_CONFIG>;

/** @throws ConfigError */
export const lemfConfig = configReader(LEMF_CONFIG);
