/**
 * The user equipment as a process: a phone behind one KMS and one CSCF.
 */
import { readFileSync } from 'node:fs';
import { whyOf } from '../../bytes/system-errors.ts';
import type { Opened, Started } from '../../bytes/opened.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { EndpointKeys } from '../../ibake/ports.ts';
import type { Datagrams } from '../../media/datagrams.ts';
import { udpDatagrams } from '../../net/datagrams.ts';
import { LiveTrust } from '../../net/live-tls.ts';
import { loadRevocation } from '../../net/tls.ts';
import type { TrustMaterial } from '../../net/tls.ts';
import { DeliveryOpener } from '../../endpoint/deferred-content.ts';
import { IbakeAgreement } from '../../endpoint/exchanges.ts';
import type { NamedFormat } from '../../endpoint/session-description.ts';
import { openEndpoint } from '../../endpoint/start.ts';
import type { Observed } from '../../sip/transactions.ts';
import { holdingState } from '../../storage/lock.ts';
import { UserEquipment } from './user-equipment.ts';
import { ConfigError } from '../../host/config.ts';
import { offerSettings } from './config.ts';
import type { UeConfig } from './config.ts';
import type { Running, Runtime } from '../../host/runtime.ts';

export interface RunningUe extends Running {
  readonly ue: UserEquipment;
  /** Where it is called. */
  readonly sip: NetworkAddress;
  /** Reads authorities and revocation lists again. @throws ConfigError, TlsError; what was in force then still is */
  reload(): void;
  /** Tells of every SIP message that is sent or received. */
  observe(observer: (observed: Observed) => void): void;
}

/** What stands in for parts of a phone. */
export interface UeParts {
  /** For UDP sockets, where somebody wants to watch them. */
  readonly datagrams?: Datagrams;
  /** For the keys that exchanges use: made from those that the phone holds. */
  readonly keys?: (held: EndpointKeys) => EndpointKeys;
}

/** Starts the phone; `ue.register()` makes it ready to call and be called. */
export function startUe(config: UeConfig, runtime: Runtime, parts: UeParts = {}): Promise<RunningUe> {
  const place = { entity: 'ue', files: [config.replays] };
  return holdingState(place, runtime.clock.now(), (opened) => startHolding(config, runtime, opened, parts));
}

async function startHolding(
  config: UeConfig,
  runtime: Runtime,
  opened: Opened,
  { datagrams, keys }: UeParts,
): Promise<Started<RunningUe>> {
  const { clock, logger, random } = runtime;
  const { device = config.identity } = config;
  const tls = new LiveTrust(trusted(config, clock.now()));
  const { username, agent, endpoint, keeper, sip, mediaAddress } = await openEndpoint(
    config,
    runtime,
    opened,
    {
      tls,
      keys,
      referrals: true,
    },
  );
  const agreement = new IbakeAgreement(endpoint, offerSettings(config));
  const opener = new DeliveryOpener(endpoint, keeper);
  const ue = new UserEquipment({
    username,
    agent,
    secure: config.cscf.url.sips,
    device,
    others: config.others,
    transfers: config.transfers,
    numbers: config.numbers,
    keys: {
      initiate: (callee, lines, curve) => agreement.initiate(callee, lines, curve),
      respond: (iMessage1, lines, protocols) => agreement.respond(iMessage1, lines, protocols),
      refresh: () => keeper.refresh(),
      stop: () => keeper.stop(),
      open: (messages) => opener.open(messages),
    },
    datagrams: datagrams ?? udpDatagrams(logger),
    ports: config.media,
    address: mediaAddress,
    policy: config.answer,
    rekeying: config.rekey,
    abilities: { mux: config.rtcp.mux, video: videoOf(config) },
    reportMs: config.rtcp.intervalMs === 0 ? null : config.rtcp.intervalMs,
    clock,
    random,
    logger,
  });
  opened.add(() => ue.stop());
  return {
    ue,
    sip,
    reload: () => void tls.replace(trusted(config, clock.now())),
    observe: (observer) => agent.layer.observe(observer),
  };
}

/* ---------------------------------------------------------------- helpers */

function videoOf({ video }: UeConfig): NamedFormat | null {
  return video === undefined ? null : { codec: video.codec, type: video.payloadType };
}

/** Whom servers must chain to, and what has been revoked. */
function trusted({ authorities: file, revocationLists = [] }: UeConfig, now: number): TrustMaterial {
  const authorities = readAuthorities(file);
  const revocation = loadRevocation({ authorities }, revocationLists, now);
  return revocation === null ? { authorities } : { authorities, revocation };
}

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('configuration', `authorities: cannot read ${file}: ${whyOf(cause)}`, { cause });
  }
}
