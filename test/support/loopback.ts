/** Whether this machine has ::1: containers may have no IPv6. */
import { networkInterfaces } from 'node:os';

export const HAS_IPV6 = Object.values(networkInterfaces()).some(
  (addresses) => addresses?.some(({ address }) => address === '::1') === true,
);
