/** The settings of whoever works at the ADMF's door for officers: which ADMF, and as whom. */
import Type from 'typebox';
import { strict, Unfit } from '../../bytes/schema.ts';
import { configReader, HOSTS, milliseconds, parsed, peerAddress, TLS_FILES } from '../../host/config.ts';
import type { ConfigOf } from '../../host/config.ts';

/** One of an ADMF's doors: an origin. @param example of one */
export function doorUrl(description: string, example: string) {
  const expected = `an https URL without a path, e.g. ${example}`;
  return parsed(description, expected, (text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    const isBare = url?.pathname === '/' && url.search + url.hash + url.username + url.password === '';
    if (url?.protocol !== 'https:' || !isBare) throw new Unfit(expected);
    return url.origin;
  });
}

export const OFFICER_CONFIG = strict({
  url: doorUrl("the ADMF's door for officers (its setting `officers`)", 'https://admf.home1.example:9443'),
  tls: TLS_FILES,
  hosts: HOSTS,
  lemf: Type.Optional(
    strict(
      { hi2: peerAddress('where HI2 goes'), hi3: Type.Optional(peerAddress('where HI3 goes')) },
      { description: 'where deliveries go unless `--lemf` says otherwise' },
    ),
  ),
  timeoutMs: milliseconds('for one call', { min: 1, default: 30_000 }),
});

export type OfficerConfig = ConfigOf<typeof OFFICER_CONFIG>;

/** @throws ConfigError */
export const officerConfig = configReader(OFFICER_CONFIG);
