/** What the CSCF takes of requests as a proxy (RFC 3261 section 16.3), and what it says of those that go nowhere. */
import type { Protocol } from '../../sip/flow.ts';
import type { Abilities } from '../../sip/verdict.ts';

const ABILITIES: Abilities = {
  role: 'proxy',
  methods: null,
  // sips: demands TLS all the way (RFC 5630): refused where it comes without, rather than carried in the clear.
  schemes: ['sip', 'tel'],
  options: [],
  bodies: null,
};
const TLS_ABILITIES: Abilities = { ...ABILITIES, schemes: ['sip', 'sips', 'tel'] };

export function abilitiesOver(protocol: Protocol): Abilities {
  return protocol === 'TLS' ? TLS_ABILITIES : ABILITIES;
}

/** Texts of warnings: RFC 5630's of sips: that cannot go on. */
export const ROUTE_WARNING = { 380: 'SIPS Not Allowed' } as const;
