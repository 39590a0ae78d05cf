/**
 * The districts that the user equipment deals with: its own and those of configured partners, no others (profile,
 * section 1). A district's name follows from the host of an identity, or from the operator's entry for that host, never
 * from a message.
 *
 *     district(host) = https://kms.HOST/.well-known/ibe
 *     period(t)      = ⌊t / key lifetime⌋ · key lifetime
 *     parameters(p)  = those of the highest serial whose notBefore is not after p
 *
 * A KMS that has too much to do says when to ask again (Retry-After), and is left alone until then.
 *
 * What is fetched is validated before its first use: a group that is not what it claims would give the key away.
 */
import type { Clock, Logger } from '../bytes/ports.ts';
import { districtOfHost, periodStart } from '../ibake/identity.ts';
import { validateBfParameters } from '../ibe/parameters.ts';
import { decodeIbeSysParams, districtParameters } from '../ibe/system-parameters.ts';
import type { DistrictParameters } from '../ibe/system-parameters.ts';
import { isOfDistrict } from '../wire/pps/publication.ts';
import { EndpointError } from './errors.ts';
import type { KmsClient } from './ports.ts';
import { restFor } from './rest.ts';

export interface HostDistricts {
  /** Hosts of identities: the user's own first, then those of partners. */
  readonly hosts: readonly string[];
  /** Districts of hosts that do not follow the rule. */
  readonly districts?: Readonly<Record<string, string>>;
}

/** Which parameters hold for an identity; what the exchanges ask. */
export class Districts {
  readonly #kms: KmsClient;
  readonly #settings: HostDistricts;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** By district, highest serial first. */
  readonly #known = new Map<string, DistrictParameters[]>();
  /** When partners' districts may be asked again, Unix milliseconds. */
  readonly #askAgainAt = new Map<string, number>();

  constructor(kms: KmsClient, settings: HostDistricts, clock: Clock, logger: Logger) {
    this.#kms = kms;
    this.#settings = settings;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The district of identities at `host`; `null` for a host that is not configured. */
  nameOf(host: string): string | null {
    if (!this.#settings.hosts.includes(host)) return null;
    const { districts = {} } = this.#settings;
    return Object.hasOwn(districts, host) ? (districts[host] ?? null) : districtOfHost(host);
  }

  /**
   * Fetches what all districts publish now. A partner that does not answer is logged and tried again next time.
   * @returns after how many milliseconds the user's own KMS wants to be asked again; `null`: it has answered
   * @throws EndpointError `kms` if the user's own district cannot be had
   */
  async refresh(): Promise<number | null> {
    const [own, ...partners] = this.#settings.hosts.map((host) => this.nameOf(host) ?? '');
    const afterMs = own === undefined ? null : await this.#fetch(own);
    if (afterMs !== null) return afterMs;
    for (const partner of partners) await this.#fetchOfPartner(partner);
    return null;
  }

  /**
   * The parameters for identities at `host` in the period that contains `time` (Unix seconds).
   * @throws EndpointError `no-key` if none are known
   */
  parameters(host: string, time: number): DistrictParameters {
    const found = this.parametersOf(this.nameOf(host) ?? '', time);
    if (found === null) throw new EndpointError('no-key', `no parameters are known for ${host}`);
    return found;
  }

  /** The same by district; `null` if none are known. */
  parametersOf(district: string, time: number): DistrictParameters | null {
    const serials = this.#known.get(district) ?? [];
    return (
      serials.find(({ keyLifetime, notBefore, notAfter }) => {
        const period = periodStart(time, keyLifetime);
        return notBefore <= period && period <= notAfter;
      }) ?? null
    );
  }

  async #fetchOfPartner(district: string): Promise<void> {
    const now = this.#clock.now();
    if (now < (this.#askAgainAt.get(district) ?? now)) return;
    try {
      const afterMs = await this.#fetch(district);
      if (afterMs === null) return;
      this.#askAgainAt.set(district, now + restFor(afterMs));
      this.#logger.warn({ district, afterMs }, 'the KMS of a partner has too much to do');
    } catch (error) {
      this.#logger.warn({ district, error }, 'the parameters of a partner could not be had');
    }
  }

  /**
   * The parameters in force, and those that are announced to follow.
   * @returns after how many milliseconds their KMS wants to be asked again; `null`: it has answered
   */
  async #fetch(district: string): Promise<number | null> {
    const answer = await this.#kms.fetchParameters(district);
    if (answer.kind === 'later') return answer.afterMs;
    const { der, successor } = answer.parameters;
    this.#take(district, der);
    if (successor === null) return null;
    if (!isOfDistrict(successor, district)) {
      throw new EndpointError('kms', `${district} announces parameters of another place`);
    }
    const next = await this.#kms.fetchParameters(successor);
    if (next.kind === 'later') return next.afterMs;
    this.#take(district, next.parameters.der);
    return null;
  }

  #take(district: string, der: Uint8Array): void {
    const parameters = readParameters(der, district);
    const known = this.#known.get(district) ?? [];
    if (known.some(({ serial }) => serial === parameters.serial)) return;
    validate(parameters);
    this.#known.set(
      district,
      [...known, parameters].sort((a, b) => b.serial - a.serial),
    );
  }
}

function readParameters(der: Uint8Array, district: string): DistrictParameters {
  let parameters: DistrictParameters;
  try {
    parameters = districtParameters(decodeIbeSysParams(der));
  } catch (cause) {
    throw new EndpointError('kms', `what ${district} publishes cannot be understood`, { cause });
  }
  if (parameters.district !== district) {
    throw new EndpointError('kms', `${district} publishes the parameters of ${parameters.district}`);
  }
  return parameters;
}

function validate({ district, bf }: DistrictParameters): void {
  try {
    validateBfParameters(bf);
  } catch (cause) {
    throw new EndpointError('kms', `the parameters of ${district} are unsound`, { cause });
  }
}
