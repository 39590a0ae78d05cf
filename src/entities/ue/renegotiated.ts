/** Joins a call that is up with the renegotiation of its dialog: what either side offers from then on. */
import type { Logger, Clock, Random } from '../../bytes/ports.ts';
import type { CallMedia, ExchangeRole } from '../../endpoint/call-media.ts';
import type { EndpointError } from '../../endpoint/errors.ts';
import type { ExchangeResult } from '../../endpoint/key-exchange.ts';
import type { RekeySettings } from '../../endpoint/rekey-schedule.ts';
import { Renegotiation } from '../../endpoint/renegotiation.ts';
import type { OwnDescriptions } from '../../endpoint/session-description.ts';
import type { EndReason, Leg } from '../../sip/agent-types.ts';
import type { PhoneCall } from './call.ts';
import { Transfer } from './transfer.ts';
import type { Referrals } from './transfer.ts';

/** What every call of a phone is renegotiated with. */
export interface RenegotiatedParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly rekeying: RekeySettings;
  /** What becomes of referrals of the other end; `null`: they are declined. */
  readonly referrals: Referrals | null;
}

export interface SecuredCall {
  readonly leg: Leg;
  readonly call: PhoneCall;
  readonly media: CallMedia;
  readonly said: OwnDescriptions;
  readonly keys: ExchangeResult;
  readonly role: ExchangeRole;
}

/** Takes over the dialog of a call whose keys are there. */
export function renegotiated(
  { clock, random, logger, rekeying, referrals }: RenegotiatedParts,
  { leg, call, media, said, keys, role }: SecuredCall,
  ends: {
    readonly failed: (cause: EndpointError) => void;
    readonly ended: (reason: EndReason) => void;
  },
): Renegotiation {
  const renegotiation = new Renegotiation({
    leg,
    media,
    said,
    keys,
    role,
    rekeying,
    clock,
    random,
    logger,
    rekeyed: (result) => call.rekeyedWith(result),
    failed: ends.failed,
  });
  const transfer = new Transfer({ leg, call, referrals, clock, logger });
  media.onSwitched(() => renegotiation.switched());
  media.onSent(() => renegotiation.packetSent());
  leg.handler = {
    prack: (request) => renegotiation.offered(request),
    update: (request) => renegotiation.offered(request),
    reinvite: (request) => renegotiation.offered(request),
    other: (request) => transfer.request(request),
    ended: (reason) => {
      renegotiation.end();
      ends.ended(reason);
    },
  };
  call.renegotiatedBy(renegotiation);
  call.transferredBy(transfer);
  return renegotiation;
}
