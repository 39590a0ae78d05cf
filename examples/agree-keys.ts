/**
 * Two parties of two homes agree on SRTP keys by MIKEY-IBAKE. The four messages would go in the SDP of a call; here
 * they are handed over. Each home's KMS is an object with a master secret and an LI root.
 *
 * Doors: `claviger/ibake` has the state machines, `claviger/ibe` the KMS's part, `claviger/bytes` what both rest on.
 */
import { randomBytes } from 'node:crypto';
import { Secret } from 'claviger/bytes/secret';
import { canonicalIdentity, districtOfHost, periodStart, publicIdentity } from 'claviger/ibake/identity';
import { Initiator } from 'claviger/ibake/initiator';
import type { Endpoint } from 'claviger/ibake/ports';
import { advanceSlotKey, liSeed, slotOf } from 'claviger/ibake/recoverable-secret';
import { respond } from 'claviger/ibake/responder';
import type { CsbSession } from 'claviger/ibake/session';
import { TimestampSource } from 'claviger/ibake/timestamps';
import { defaultEngine } from 'claviger/ibe/default-engine';
import { loadDemoGroup } from 'claviger/ibe/demo-groups';
import { drawMasterSecret } from 'claviger/ibe/setup';
import type { DistrictParameters } from 'claviger/ibe/system-parameters';

const DAY = 86_400;
const engine = defaultEngine();
const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
const clock = {
  now: () => Date.now(),
  after: (ms: number, action: () => void) => {
    const timer = setTimeout(action, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** What a home's KMS publishes, and what it keeps. */
function makeHome(name: 'home1' | 'home2') {
  const host = `${name}.example`;
  const { parameters: bf, masterSecret } = drawMasterSecret(loadDemoGroup(name), random);
  const district: DistrictParameters = {
    district: districtOfHost(host),
    serial: 1,
    notBefore: 0,
    notAfter: 2 ** 40,
    keyLifetime: DAY,
    bf,
  };
  return { host, district, masterSecret, liRoot: Secret.of(random.bytes(32)) };
}

const homes = [makeHome('home1'), makeHome('home2')];

function homeOf(host: string) {
  const home = homes.find((known) => known.host === host);
  if (home === undefined) throw new Error(`${host} is not configured`);
  return home;
}

/** A phone that has asked its KMS for keys and seed. A real one keeps them, and keeps its replays on disk. */
function phone(address: string): Endpoint {
  const device = canonicalIdentity(address);
  const { district, masterSecret, liRoot } = homeOf(device.host);
  const identityAt = (time: number) => publicIdentity(device.uri, periodStart(time, DAY), district);
  const seen = new Set<string>();
  return {
    addressOfRecord: device,
    device,
    engine,
    clock,
    random,
    timestamps: new TimestampSource(clock),
    districts: { parameters: (host) => homeOf(host).district },
    keys: {
      privateKey: (uri, time) =>
        uri === device.uri ? engine.extract(district.bf, masterSecret, identityAt(time)) : null,
      slotKey: (_uri, time) =>
        advanceSlotKey(liSeed(liRoot, identityAt(time)), slotOf(time, periodStart(time, DAY))),
      hold: () => () => undefined,
    },
    replays: { claim: (key) => !seen.has(key) && seen.add(key).has(key) },
    skew: 300,
  };
}

const alice = phone('sip:alice@home1.example');
const bob = phone('sip:bob@home2.example');

const offer = Initiator.offer(alice, { callee: bob.addressOfRecord.uri, media: [{ ssrc: 0x0a11ce01 }] });
const verdict = respond(bob, offer.message, { ssrcs: [0x0b0b0001] });
if (verdict.kind !== 'answer') throw new Error(`bob does not answer: ${verdict.kind}`);
const leg = offer.answer(verdict.leg.message);
const confirmed = verdict.leg.confirm(leg.message);
const session = leg.verify(confirmed.message);
offer.end();
verdict.leg.end();

const keysOf = ({ cryptoSessions }: CsbSession) =>
  cryptoSessions.map(({ csId, direction, ssrc, tek }) => ({ csId, direction, ssrc: ssrc.toString(16), tek }));
console.log(`alice talks to ${leg.responder}, reads ${session.sas}`);
console.log(`bob talks to ${verdict.leg.initiator}, reads ${confirmed.session.sas}`);
console.log(keysOf(session));
const theirs = keysOf(confirmed.session);
const same = keysOf(session).every(({ tek }, at) => theirs[at]?.tek.equals(tek) === true);
console.log(same ? 'the same keys' : 'different keys');
