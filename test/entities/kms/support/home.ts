/** A KMS without sockets: a district, an in-memory store, a clock that the test moves. */
import { Secret } from '../../../../src/bytes/secret.ts';
import type { AuditEvent, AuditLog, AuditRecord } from '../../../../src/evidence/log.ts';
import { canonicalIdentity } from '../../../../src/ibake/identity.ts';
import { defaultEngine } from '../../../../src/ibe/default-engine.ts';
import type { CertificateTrust } from '../../../../src/entities/kms/authentication.ts';
import { District } from '../../../../src/entities/kms/district.ts';
import { decodeDistrictFile } from '../../../../src/entities/kms/district-file.ts';
import type { Enrolment } from '../../../../src/entities/kms/enrolment.ts';
import { enrol } from '../../../../src/entities/kms/enrolment.ts';
import { EngineGenerator } from '../../../../src/entities/kms/generator.ts';
import { KeyMaterial } from '../../../../src/entities/kms/key-material.ts';
import { epochOf, LiRoots } from '../../../../src/entities/kms/li-roots.ts';
import type { PrivateKeyGenerator } from '../../../../src/entities/kms/ports.ts';
import { RequestKeyService } from '../../../../src/entities/kms/request-key.ts';
import { SqliteKmsStore } from '../../../../src/entities/kms/store/sqlite.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { exampleFile, vectorFile } from '../../../support/shared.ts';

/** Keeps events in memory. */
export class MemoryAudit implements AuditLog {
  readonly events: AuditEvent[] = [];

  append(event: AuditEvent): AuditRecord {
    this.events.push(event);
    return { sequence: this.events.length - 1, time: '', event, hash: '' };
  }

  of(kind: string): AuditEvent[] {
    return this.events.filter((event) => event.kind === kind);
  }
}

/** Not random at all: a counter. */
export function counting(): { bytes: (length: number) => Uint8Array } {
  let next = 1;
  return { bytes: (length) => new Uint8Array(length).map(() => next++ & 0xff) };
}

export interface VectorHome {
  readonly district: string;
  readonly serial: number;
  readonly keyLifetime: number;
  readonly liRootKey: string;
  readonly user: {
    readonly uri: string;
    readonly identityDER: string;
    readonly Sid: readonly [string, string];
    readonly liSeed: string;
  };
}

type Role = 'initiator' | 'responder';

/** The home of one party of a vector set. */
export function vectorHome(file: string, role: Role): VectorHome {
  return (vectorFile(file) as { kms: Record<Role, VectorHome> }).kms[role];
}

/** Unix seconds of the exchange of a vector set. */
export function vectorTime(file: string): number {
  return (vectorFile(file) as { time: { unix: number } }).time.unix;
}

/** Some home, for tests that are not about the vectors. */
export function exampleHome(role: Role = 'initiator'): VectorHome {
  return (exampleFile('exchange-1.json') as { kms: Record<Role, VectorHome> }).kms[role];
}

/** A time at which that home has its keys. */
export function exampleTime(): number {
  return (exampleFile('exchange-1.json') as { time: { unix: number } }).time.unix;
}

export function engineGenerator(engine = defaultEngine()): EngineGenerator {
  return new EngineGenerator(engine);
}

export async function home(
  now = exampleTime(),
  vector = exampleHome(),
  generator: PrivateKeyGenerator = engineGenerator(),
  demo = false,
  certificates: CertificateTrust | null = null,
) {
  const { district: name, keyLifetime, serial, liRoot } = decodeDistrictFile(vector);
  const store = await SqliteKmsStore.open(':memory:');
  const clock = new ManualClock(now * 1000);
  const audit = new MemoryAudit();
  const random = counting();
  const { host } = canonicalIdentity(vector.user.uri);
  const district = new District({ name, keyLifetime, hosts: [host], demo });
  district.add(serial);
  await store.putSerial(serial);
  await store.keepLiRoot(epochOf(district.periodOf(now)), liRoot ?? Secret.of(random.bytes(32)));
  const roots = new LiRoots(store, random, audit);
  const material = new KeyMaterial(district, generator, roots);
  const settings = { district, skew: 300, nextPeriods: 31, mailboxRetention: 7 * 86_400 };
  const requestKey = new RequestKeyService(settings, {
    ...{ store, material, audit, clock, random, certificates },
  });
  return {
    district,
    store,
    clock,
    audit,
    random,
    roots,
    material,
    requestKey,
    enrol: (enrolment: Enrolment) => enrol(enrolment, { store, district, now: clock.now() / 1000 }),
  };
}

export function psk(fill: number): Secret {
  return Secret.of(new Uint8Array(32).fill(fill));
}
