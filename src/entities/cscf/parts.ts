/** What a CSCF is made of. */
import type { InterceptionTasks, ObservationReporter } from '../../poi/poi.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { Clock, Logger, Random } from '../../bytes/ports.ts';
import type { HostResolver } from '../../sip/flow.ts';
import type { TransactionLayer } from '../../sip/transactions.ts';
import type { AddressesOf, NamesOf } from './peers.ts';
import type { CscfSettings, MediaAnchor, MediaLosses, RegistrationStore, RestoredBinding } from './ports.ts';

export interface CscfParts {
  readonly settings: CscfSettings;
  readonly layer: TransactionLayer;
  readonly hosts: HostResolver;
  /** Where this node listens for SIP. */
  readonly listening?: readonly NetworkAddress[];
  /** Addresses of peers, by default what `hosts` says, and their names by DNS. */
  readonly addressesOf?: AddressesOf;
  readonly namesOf?: NamesOf;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where registrations are kept; absent: nowhere. */
  readonly registrations?: RegistrationStore;
  /** What was registered before a restart, by public identity, with the flows that lead there. */
  readonly restored?: ReadonlyMap<string, readonly RestoredBinding[]>;
  /** `null`: media go directly. */
  readonly anchor: MediaAnchor | null;
  /** Absent: nobody says which media are lost. */
  readonly losses?: MediaLosses | null;
  readonly tasks: InterceptionTasks;
  readonly poi: ObservationReporter;
}
