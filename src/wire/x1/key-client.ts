/**
 * How a task at a KMS says for which LEMF's questions over Xk it is: by a destination whose address is
 *
 *     <deliveryAddress><uri>xk:lemf.home1.example</uri></deliveryAddress>          xk:NAME, a name in its certificate
 *
 * Nothing is delivered there: that LEMF comes and asks. A task without a destination is for questions of delivery functions.
 */
import type { DeliveryAddress, Destination } from './details.ts';

const SCHEME = 'xk:';

/** The address that stands for a LEMF. */
export function keyClientAddress(name: string): DeliveryAddress {
  return { kind: 'uri', value: `${SCHEME}${name}` };
}

/** The LEMF that a destination stands for; `null`: it is another destination. */
export function keyClientOf({ address }: Pick<Destination, 'address'>): string | null {
  if (address.kind !== 'uri' || !address.value.startsWith(SCHEME)) return null;
  const name = address.value.slice(SCHEME.length);
  return /^[A-Za-z0-9._-]{1,253}$/.test(name) ? name : null;
}
