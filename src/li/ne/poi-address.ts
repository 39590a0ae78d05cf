/** Where a delivery address of X1 is, for destinations that are reached by TCP and TLS (TS 103 221-1 clause 6.3.1.2). */
import type { DeliveryAddress } from '../wire/x1/details.ts';

export interface DeliveryEndpoint {
  /** Host name or IP address. */
  readonly host: string;
  readonly port: number;
}

/**
 * An address and port of TCP, or a URI with a host and a port (`tls://df.home1.example:41000`); `null` for what cannot
 * be reached so: UDP, telephone numbers, mail, URIs without port.
 */
export function deliveryEndpoint(address: DeliveryAddress): DeliveryEndpoint | null {
  if (address.kind === 'ipAddressAndPort') {
    return address.transport === 'tcp' ? { host: address.address, port: address.port } : null;
  }
  if (address.kind !== 'uri') return null;
  const match = /^[a-z][a-z0-9+.-]*:\/\/(?:\[([^\]]+)\]|([^/?#:@[\]]+)):(\d{1,5})(?:[/?#]|$)/i.exec(
    address.value,
  );
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65535 ? null : { host, port };
}
