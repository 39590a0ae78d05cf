/** What tests of others' phones share: two users of a tapped home, of whom alice is the target, and what they say. */
import { expect } from 'vitest';
import { recording, spoken } from '../../../src/lab/scenarios/call.ts';
import type { RecoveredCall, TappedHome } from './tapped-home.ts';

export interface PhoneOptions {
  readonly folder: string;
  readonly user: string;
  readonly domain: string;
  readonly password: string;
  /** Address and port of the CSCF. */
  readonly proxy: string;
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** Whom certificates must chain to, where it looks at them: a PEM file. */
  readonly authorities: string;
  /** What it plays, 8 kHz. */
  readonly speaks: Int16Array;
}

export const DOMAIN = 'home1.example';
export const USERS = ['alice', 'carol'] as const;
export type User = (typeof USERS)[number];

/** Samples. */
export const SPOKEN = 16_000;

/** Has been through G.711 already, so that no encoder has a choice. */
export const SPEECH: Readonly<Record<User, Int16Array>> = {
  alice: spoken(recording('alice').subarray(4000, 4000 + SPOKEN)),
  carol: spoken(recording('bob').subarray(4000, 4000 + SPOKEN)),
};

/** How a user's phone registers. */
export function accountAt(
  home: TappedHome,
  user: User,
): Omit<PhoneOptions, 'folder' | 'transport' | 'speaks'> {
  return {
    user,
    domain: DOMAIN,
    password: home.password(user),
    proxy: home.proxy,
    authorities: home.authorities,
  };
}

/** That there is the one call of alice, in the clear, with nothing missing. */
export function expectOneInTheClear(calls: readonly RecoveredCall[]): void {
  expect(calls).toHaveLength(1);
  const [{ report }] = calls as [RecoveredCall];
  expect(report).toMatchObject({ recovered: true, ended: true, targets: [`sip:alice@${DOMAIN}`] });
  expect(report.missing).toEqual({ hi2: [], hi3: [] });
  expect(report.streams.map(({ encrypted }) => encrypted)).toEqual([false, false]);
}
