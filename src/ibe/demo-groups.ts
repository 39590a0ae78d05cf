/**
 * Two groups made beforehand (n = 3072), so that the demo need not search for primes. Only p, q and P are kept; each
 * run draws its own master secrets. They are for the demo alone: a KMS asks `isDemoGroup` and refuses them elsewhere.
 *
 * A group that everybody shares is not broken by that. But discrete logarithms in F_p² get cheaper by work done once
 * for p, and an operator who has not made its own group has not set up anything.
 *
 * Made by `scripts/make-demo-districts.ts`; the files are `assets/districts/demo-home1.json` and `demo-home2.json`.
 */
import { readFileSync } from 'node:fs';
import Type from 'typebox';
import { derInteger, derSequence } from '../bytes/der.ts';
import { toHex } from '../bytes/octets.ts';
import { faultText, Form, strict } from '../bytes/schema.ts';
import { isOnCurve } from './curve.ts';
import { IbeError } from './errors.ts';
import { checkShape } from './group.ts';
import { GROUP_INTEGER, GROUP_POINT, hexOf, pointToJson } from './group-json.ts';
import { digest } from './hash.ts';
import type { BfGroup } from './setup.ts';

export type DemoHome = 'home1' | 'home2';

/** SHA-256 of the DER of SEQUENCE { p INTEGER, q INTEGER }. */
const FINGERPRINTS: Readonly<Record<DemoHome, string>> = {
  home1: 'ea1cc192475f3a6a678b1f95036154e30d44cacee78e0e9923a3cc2dabfdf3a4',
  home2: '1dd395364d1f7f346a296da6a89b29c1c0d8dc455bfd44edb9ff154d5eec4f9c',
};

/** Whether these are parameters over a group of the demo, whatever their points. */
export function isDemoGroup(params: { readonly p: bigint; readonly q: bigint }): boolean {
  return Object.values(FINGERPRINTS).includes(groupFingerprint(params));
}

/**
 * The pregenerated group of a demo home, from the package's assets.
 * @throws IbeError `malformed` if the file is not that group
 */
export function loadDemoGroup(home: DemoHome): BfGroup {
  const file = new URL(`../../assets/districts/demo-${home}.json`, import.meta.url);
  const group = decodeGroup(JSON.parse(readFileSync(file, 'utf8')));
  if (groupFingerprint(group) !== FINGERPRINTS[home]) {
    throw new IbeError('malformed', `demo-${home}.json is not the group it should be`);
  }
  return group;
}

export function groupFingerprint({ p, q }: { readonly p: bigint; readonly q: bigint }): string {
  return toHex(digest('sha256', derSequence(derInteger(p), derInteger(q))));
}

/** A group as JSON: integers in hex with 0x. */
export function encodeGroup({ hash, p, q, P }: BfGroup): object {
  return { hash, p: hexOf(p), q: hexOf(q), P: pointToJson(P) };
}

const GROUP = new Form(
  strict({ hash: Type.Literal('sha256'), p: GROUP_INTEGER, q: GROUP_INTEGER, P: GROUP_POINT }),
  { all: true },
);

/** @throws IbeError `malformed`, `parameters` or `point` */
export function decodeGroup(json: unknown): BfGroup {
  const group = GROUP.readOr(json, (faults) => {
    const told = faults.map((fault) => faultText(fault, 'all of it', 'field'));
    return new IbeError('malformed', `demo group: ${told.join('; ')}`);
  });
  checkShape(group.p, group.q);
  if (!isOnCurve(group.P, group.p)) throw new IbeError('point', 'demo group: P is not on the curve');
  return group;
}
