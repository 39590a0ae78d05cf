/**
 * Encrypts a content-encryption key to an identity, and decrypts it with the private key that a KMS would issue:
 * Boneh–Franklin over the demo's group. `claviger ibe setup` makes groups of one's own.
 *
 * Doors: `claviger/ibe`, and `claviger/ibake` for identities.
 */
import { randomBytes } from 'node:crypto';
import { decodeBfCiphertextBlock, encodeBfCiphertextBlock } from 'claviger/ibe/blocks';
import { defaultEngine } from 'claviger/ibe/default-engine';
import { loadDemoGroup } from 'claviger/ibe/demo-groups';
import { drawMasterSecret } from 'claviger/ibe/setup';
import { canonicalIdentity, districtOfHost, periodStart, publicIdentity } from 'claviger/ibake/identity';

const engine = defaultEngine();
const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
const { parameters, masterSecret } = drawMasterSecret(loadDemoGroup('home1'), random);

// Whoever knows the parameters can encrypt: the public key is the identity in a period.
const { uri, host } = canonicalIdentity('sips:Alice@HOME1.example;transport=tcp');
const today = periodStart(Date.now() / 1000, 86_400);
const identity = publicIdentity(uri, today, { district: districtOfHost(host), serial: 1 });
const key = random.bytes(16);
const block = encodeBfCiphertextBlock(engine.encrypt(parameters, identity, key, random.bytes(32)));
console.log(`${block.length} octets for ${uri}`);

// The KMS extracts the private key of an identity; its owner decrypts.
const privateKey = engine.extract(parameters, masterSecret, identity);
const opened = engine.decrypt(parameters, privateKey, decodeBfCiphertextBlock(block));
console.log(opened !== null && Buffer.compare(opened, key) === 0 ? 'the same key' : 'another key');

// Nobody else can, not with a key of the same KMS.
const bob = engine.extract(
  parameters,
  masterSecret,
  publicIdentity('sip:bob@home1.example', today, {
    district: districtOfHost(host),
    serial: 1,
  }),
);
console.log(
  engine.decrypt(parameters, bob, decodeBfCiphertextBlock(block)) === null
    ? 'nothing for bob'
    : 'a key for bob',
);
