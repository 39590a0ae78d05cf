/**
 * Requests of a laboratory's law enforcement agency over HI1, as files that `claviger hi1 send` takes: an authorisation
 * with one task on the home's first subscriber, its extension and its cancellation, and what is on record.
 */
import type { Random } from '../../bytes/ports.ts';
import { etsiWord } from '../../wire/hi1/dictionaries.ts';
import { encodeHi1Message } from '../../wire/hi1/messages.ts';
import type { Hi1Request } from '../../wire/hi1/messages.ts';
import type { Hi1KnownObject } from '../../wire/hi1/objects.ts';
import { randomUuid } from '../../x1/requester.ts';
import { HI1_PARTIES } from '../network/home-configs.ts';
import { identityOf } from '../network/home.ts';
import type { HomePlan } from '../network/home.ts';

const DAY_MS = 86_400_000;
/** How long the authorisation is for, and for how long its extension. */
const DAYS = 30;
const LONGER_DAYS = 60;

/** The requests by the names of their files. @param now Unix milliseconds: their time, and the authorisation's start */
export function agencyRequests(
  home: HomePlan,
  { now, random }: { readonly now: number; readonly random: Random },
): Readonly<Record<'new' | 'extend' | 'cancel' | 'list', Uint8Array>> {
  const newId = (): string => randomUuid(random);
  const [authorisation, task] = [newId(), newId()];
  const [subscriber] = home.subscribers;
  const message = (...actions: readonly Hi1Request[]): Uint8Array =>
    encodeHi1Message({
      header: {
        sender: endpoint(HI1_PARTIES.agency),
        receiver: endpoint(HI1_PARTIES.operator),
        transaction: newId(),
        timestamp: now,
        version: { etsi: 'V1.12.1', profileOwner: 'XX', profileVersion: 'v1.0' },
      },
      payload: { kind: 'requests', actions },
    });
  const ofAuthorisation = (
    members: Extract<Hi1KnownObject, { kind: 'AuthorisationObject' }>['members'],
  ): Hi1KnownObject => ({ kind: 'AuthorisationObject', identifier: authorisation, members, unknown: [] });
  const until = (days: number): string => secondOf(now + days * DAY_MS);
  return {
    new: message(
      {
        ...{ id: '0', action: 'CREATE' },
        object: ofAuthorisation({
          AuthorisationReference: 'W-1',
          AuthorisationTimespan: { StartTime: secondOf(now), EndTime: until(DAYS) },
        }),
      },
      {
        ...{ id: '1', action: 'CREATE' },
        object: {
          ...{ kind: 'LITaskObject', identifier: task, unknown: [] },
          members: {
            AssociatedObjects: [authorisation],
            Reference: 'LIID-HI1',
            TargetIdentifier: {
              TargetIdentifierValues: [
                {
                  FormatType: { FormatOwner: 'ETSI', FormatName: 'SIPURI' },
                  Value: identityOf(home, subscriber?.user ?? 'alice'),
                },
              ],
            },
            DeliveryType: etsiWord('TaskDeliveryType', 'IRIandCC'),
            DeliveryDetails: [
              {
                DeliveryAddress: { kind: 'EndpointID', value: endpoint(HI1_PARTIES.lemf) },
                HandoverFormat: etsiWord('HandoverFormat', 'TS102232-5'),
              },
            ],
          },
        },
      },
    ),
    extend: message({
      ...{ id: '0', action: 'UPDATE' },
      object: ofAuthorisation({ AuthorisationTimespan: { EndTime: until(LONGER_DAYS) } }),
    }),
    cancel: message({
      ...{ id: '0', action: 'UPDATE' },
      object: ofAuthorisation({
        AuthorisationDesiredStatus: etsiWord('AuthorisationDesiredStatus', 'Cancelled'),
      }),
    }),
    list: message({ id: '0', action: 'LIST' }),
  };
}

function endpoint({ country, identifier }: { readonly country: string; readonly identifier: string }) {
  return { CountryCode: country, UniqueIdentifier: identifier };
}

/** Whole seconds, as times of HI1 are. */
function secondOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
