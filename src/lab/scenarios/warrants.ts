/** Warrants on users of the laboratory. */
import type { Warrant } from '../../entities/admf/warrants.ts';
import { hostOf } from '../network/home.ts';
import type { Network } from '../network/network.ts';

/** A warrant of a scenario: on a user, to the LEMF of the user's home. */
export interface WarrantPlan {
  readonly user: string;
  /** Default: `LIID-` and the user in capitals. Each runs once. */
  readonly liid?: string;
  /** What is not as usual: identities and content, from an hour ago to tomorrow. */
  readonly parts?: Partial<Omit<Warrant, 'liid'>>;
}

/** A warrant for content on a user, from an hour before `now` to a day after, to the LEMF of the user's home. */
export function warrantOn(network: Network, user: string, now: number, liid = liidOf(user)): Warrant {
  const home = network.homeOf(user);
  const lemf = hostOf('lemf', home);
  const subscriber = home.subscribers.find((candidate) => candidate.user === user);
  return {
    liid,
    targets: [
      { name: 'sipUri', value: network.identity(user) },
      ...(subscriber === undefined ? [] : [{ name: 'telUri' as const, value: subscriber.tel }]),
    ],
    delivery: 'IRI+CC',
    startTime: now - 3_600_000,
    endTime: now + 86_400_000,
    lemf: { hi2: { host: lemf, port: 7512 }, hi3: { host: lemf, port: 7513 } },
  };
}

export function liidOf(user: string): string {
  return `LIID-${user.toUpperCase()}`;
}
