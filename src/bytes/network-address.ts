/** One end of a connection or of datagrams: an IP address, or a host name where nothing resolves it, and a port. */
export interface NetworkAddress {
  readonly address: string;
  readonly port: number;
}

export function sameAddress(a: NetworkAddress, b: NetworkAddress): boolean {
  return a.port === b.port && a.address === b.address;
}
