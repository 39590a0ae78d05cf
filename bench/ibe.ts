/**
 * How long Boneh–Franklin takes at n = 3072, in milliseconds and as a multiple of OpenSSL's modular power over the same
 * prime of 1536 bits (a Diffie–Hellman shared secret), measured in the same run. Quote the ratios, not the times.
 *
 *     npx esbuild bench/ibe.ts --bundle --platform=node --format=esm | node --input-type=module
 */
import { createDiffieHellman, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fromBigInt, utf8 } from '../src/bytes/octets.ts';
import { bigIntEngine } from '../src/ibe/bigint-engine.ts';
import { decodeGroup } from '../src/ibe/demo-groups.ts';
import { drawMasterSecret } from '../src/ibe/setup.ts';

const ROUNDS = Number(process.argv[2] ?? 15);

function median(run: (round: number) => void): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS + 2; round++) {
    const start = performance.now();
    run(round);
    if (round >= 2) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1] ?? NaN;
}

const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
const file = path.resolve('assets/districts/demo-home1.json');
const { parameters, masterSecret } = drawMasterSecret(
  decodeGroup(JSON.parse(readFileSync(file, 'utf8'))),
  random,
);
const engine = bigIntEngine();
const name = (round: number): Uint8Array => utf8(`user ${round}`);
const message = random.bytes(16);
const rho = random.bytes(32);
engine.encrypt(parameters, utf8('first'), message, rho); // makes the district's tables

const keys = Array.from({ length: ROUNDS + 3 }, (_, round) =>
  engine.extract(parameters, masterSecret, utf8(`k ${round}`)),
);
const ciphertexts = keys.map((_, round) => engine.encrypt(parameters, utf8(`k ${round}`), message, rho));
const [key, ciphertext] = [keys[0], ciphertexts[0]];
if (key === undefined || ciphertext === undefined) throw new Error('no rounds');

const dh = createDiffieHellman(Buffer.from(fromBigInt(parameters.p, 192)), 2);
dh.setPrivateKey(randomBytes(192));
const peer = randomBytes(191);
const unit = median(() => dh.computeSecret(peer));

const rows: [string, number][] = [
  ['OpenSSL DH, 1536 bits (unit)', unit],
  ['encrypt, same recipient', median(() => engine.encrypt(parameters, utf8('first'), message, rho))],
  ['encrypt, new recipient', median((round) => engine.encrypt(parameters, name(round), message, rho))],
  ['decrypt, same private key', median(() => engine.decrypt(parameters, key, ciphertext))],
  [
    'decrypt, new private key',
    median((round) =>
      engine.decrypt(parameters, keys[round + 1] ?? key, ciphertexts[round + 1] ?? ciphertext),
    ),
  ],
  ['extract, new identity', median((round) => engine.extract(parameters, masterSecret, utf8(`x ${round}`)))],
  [
    'decrypt with the master secret, same identity',
    median(() => engine.decryptWithMaster(parameters, masterSecret, utf8('k 0'), ciphertext)),
  ],
];

for (const [what, ms] of rows)
  console.log(`${what.padEnd(54)}${ms.toFixed(2).padStart(9)} ms${(ms / unit).toFixed(1).padStart(8)}`);
