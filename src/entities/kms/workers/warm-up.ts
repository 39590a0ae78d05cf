/**
 * What a thread that answers questions would else do at its first: compile forms and the engine, make the tables of its
 * district, and run all that once or twice, which is when V8 compiles it better. On values that stand here; no master
 * secret is used.
 */
import { utf8 } from '../../../bytes/octets.ts';
import { Secret } from '../../../bytes/secret.ts';
import { curveById, DEFAULT_CURVE, publicPoint, sharedPoint } from '../../../ibake/curves.ts';
import { bfHashLength } from '../../../ibe/bf.ts';
import { DEFAULT_BOUNDS } from '../../../ibe/bf-engine.ts';
import type { IbeEngine } from '../../../ibe/engine.ts';
import type { SerialRecord } from '../ports.ts';
import { readQuestion } from '../asked-question.ts';

/** Times that an opening is run: of a third, an engine keeps the identity's private key. */
const OPENINGS = 2;

/** In steps, so that a thread can do other work in between. @throws IbeError for parameters that cannot be used */
export function* warmUp(
  engine: IbeEngine,
  serials: readonly Pick<SerialRecord, 'bf'>[],
): Generator<undefined, void> {
  readQuestion('{}');
  yield;
  agreeWithOneself();
  // An engine keeps the tables of so many; the highest serials are in use, or will be.
  for (const { bf } of serials.slice(0, DEFAULT_BOUNDS.districts)) {
    for (let n = 0; n < OPENINGS; n++) {
      yield;
      openNothing(engine, bf);
    }
  }
}

function agreeWithOneself(): void {
  const curve = curveById(DEFAULT_CURVE);
  if (curve === null) return;
  const secret = Secret.of(new Uint8Array(curve.octets).fill(1));
  sharedPoint(curve, secret, publicPoint(curve, secret)).wipe();
}

/** An engine does the same work for what is not a ciphertext. */
function openNothing(engine: IbeEngine, bf: SerialRecord['bf']): void {
  const length = bfHashLength(bf);
  const ciphertext = { u: bf.P, v: new Uint8Array(length), w: new Uint8Array(length) };
  engine.decryptWithMaster(bf, 1n, utf8('nobody'), ciphertext);
}
