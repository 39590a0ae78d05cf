/**
 * The districts that the user equipment deals with: its own and those of configured partners, no others (profile,
 * section 1). A district's name follows from the host of an identity, or from the operator's entry for that host, never
 * from a message.
 *
 *     district(host) = https://kms.HOST/.well-known/ibe
 *     period(t)      = ⌊t / key lifetime⌋ · key lifetime
 *     parameters(p)  = those of the highest serial whose notBefore is not after p
 *
 * What is fetched is validated before its first use: a group that is not what it claims would give the key away.
 */
import type { Logger } from '../bytes/ports.ts';
import { districtOfHost, periodStart } from '../ibake/identity.ts';
import { validateBfParameters } from '../ibe/parameters.ts';
import { decodeIbeSysParams, districtParameters } from '../ibe/system-parameters.ts';
import type { DistrictParameters } from '../ibe/system-parameters.ts';
import { isOfDistrict } from '../wire/pps/publication.ts';
import { EndpointError } from './errors.ts';
import type { KmsClient } from './ports.ts';

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
  readonly #logger: Logger;
  /** By district, highest serial first. */
  readonly #known = new Map<string, DistrictParameters[]>();

  constructor(kms: KmsClient, settings: HostDistricts, logger: Logger) {
    this.#kms = kms;
    this.#settings = settings;
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
   * @throws EndpointError `kms` if the user's own district cannot be had
   */
  async refresh(): Promise<void> {
    const [own, ...partners] = this.#settings.hosts.map((host) => this.nameOf(host) ?? '');
    if (own !== undefined) await this.#fetch(own);
    for (const partner of partners) {
      try {
        await this.#fetch(partner);
      } catch (error) {
        this.#logger.warn({ district: partner, error }, 'the parameters of a partner could not be had');
      }
    }
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

  /** The parameters in force, and those that are announced to follow. */
  async #fetch(district: string): Promise<void> {
    const { der, successor } = await this.#kms.fetchParameters(district);
    this.#take(district, der);
    if (successor === null) return;
    if (!isOfDistrict(successor, district)) {
      throw new EndpointError('kms', `${district} announces parameters of another place`);
    }
    this.#take(district, (await this.#kms.fetchParameters(successor)).der);
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
