/**
 * A district: its name, its key lifetime, and its parameters by serial (RFC 5408 section 4.2). Time is cut into periods
 * of the key lifetime (RFC 5409 section 2); parameters change at period boundaries only.
 *
 *     period(t)     = ⌊t / lifetime⌋ · lifetime
 *     serial(p)     = the highest serial whose notBefore is not after p (and whose notAfter is not before it)
 *     announced(s)  from one period before its notBefore
 *
 * The lifetime is the district's, the same for all serials: a lifetime that changed would move the boundaries that the
 * change itself has to respect.
 */
import { toBigInt } from '../../bytes/octets.ts';
import { districtOfHost } from '../../ibake/identity.ts';
import { isDemoGroup } from '../../ibe/demo-groups.ts';
import { validateBfParameters } from '../../ibe/parameters.ts';
import { isMasterSecretOf } from '../../ibe/setup.ts';
import type { DistrictParameters } from '../../ibe/system-parameters.ts';
import { KmsError } from './errors.ts';
import type { SerialRecord } from './ports.ts';

export interface DistrictSettings {
  /** URI of the parameters, e.g. `https://kms.home1.example/.well-known/ibe`. */
  readonly name: string;
  /** Seconds. */
  readonly keyLifetime: number;
  /** Whether the shared groups of the demo are acceptable. */
  readonly demo: boolean;
  /** Hosts whose identities it keys; without it the one that the name was made from. */
  readonly hosts?: readonly string[];
}

export class District {
  readonly name: string;
  readonly keyLifetime: number;
  readonly #demo: boolean;
  readonly #hosts: readonly string[] | null;
  readonly #serials: SerialRecord[] = [];

  constructor(settings: DistrictSettings) {
    this.name = settings.name;
    this.keyLifetime = settings.keyLifetime;
    this.#demo = settings.demo;
    this.#hosts = settings.hosts ?? null;
  }

  /** Whether identities at `host` are the operator's own, so that this KMS may key them. */
  serves(host: string): boolean {
    return this.#hosts?.includes(host) ?? districtOfHost(host) === this.name;
  }

  /** Takes up a serial. @throws KmsError `refused`, IbeError for unsound parameters */
  add(record: SerialRecord): void {
    if (isDemoGroup(record.bf) && !this.#demo)
      throw new KmsError('refused', `serial ${record.serial} uses a group of the demo: make one of your own`);
    validateBfParameters(record.bf);
    if (!isMasterSecretOf(record.bf, toBigInt(record.masterSecret.expose())))
      throw new KmsError('refused', `serial ${record.serial}: the master secret belongs to other parameters`);
    if (record.notBefore % this.keyLifetime !== 0)
      throw new KmsError('refused', `serial ${record.serial}: notBefore is not a period boundary`);
    const others = this.#serials.filter(({ serial }) => serial !== record.serial);
    if (others.some((other) => other.serial < record.serial !== other.notBefore < record.notBefore))
      throw new KmsError('refused', `serial ${record.serial}: a higher serial must begin later`);
    this.#serials.splice(0, this.#serials.length, ...others, record);
    this.#serials.sort((a, b) => b.serial - a.serial);
  }

  /** Start of the period that contains `time`. */
  periodOf(time: number): number {
    return Math.floor(time / this.keyLifetime) * this.keyLifetime;
  }

  /** The serial for a period by the sender's rule; `null` before the first and after the last. */
  serialFor(period: number): SerialRecord | null {
    const record = this.#serials.find(({ notBefore }) => notBefore <= period);
    return record !== undefined && record.notAfter >= period ? record : null;
  }

  /** Every serial that is valid for a period, highest first. */
  serialsFor(period: number): readonly SerialRecord[] {
    return serialsValidFor(this.#serials, period);
  }

  /** All serials, highest first. */
  get serials(): readonly SerialRecord[] {
    return this.#serials;
  }

  bySerial(serial: number): SerialRecord | null {
    return this.#serials.find((record) => record.serial === serial) ?? null;
  }

  isAnnounced(record: SerialRecord, now: number): boolean {
    return record.notBefore <= this.periodOf(now) + this.keyLifetime;
  }

  /** The serial after the one in force, once it is announced. */
  announcedAfter(record: SerialRecord, now: number): SerialRecord | null {
    const later = this.#serials.filter(
      (other) => other.serial > record.serial && this.isAnnounced(other, now),
    );
    return later.at(-1) ?? null;
  }

  /** What is published of a serial. */
  published(record: SerialRecord): DistrictParameters {
    return {
      district: this.name,
      serial: record.serial,
      notBefore: record.notBefore,
      notAfter: record.notAfter,
      keyLifetime: this.keyLifetime,
      bf: record.bf,
    };
  }
}

/** Those of `serials` that are valid for a period, in their order. */
export function serialsValidFor(serials: readonly SerialRecord[], period: number): readonly SerialRecord[] {
  return serials.filter(({ notBefore, notAfter }) => notBefore <= period && period <= notAfter);
}
