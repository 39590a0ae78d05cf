/**
 * What REQUEST_KEY may give to whom: the plan of an answer, without any secret yet (profile, section 4).
 *
 *     private keys   the current and at most N next periods; past ones within the mailbox's retention, for addresses
 *                    of record only
 *     seeds          k₀ of the next period; of the current one kⱼ, j = ⌊(max(period, now − skew) − period) / 900⌋:
 *                    what the phone has erased is not given again
 *     serial         the one that the sender's rule selects, once it is announced
 *     order          nearest periods first, the future before the past
 */
import { SLOT_SECONDS } from '../../ibake/recoverable-secret.ts';
import type { WantedDates } from '../../wire/request-key/request.ts';
import type { District } from './district.ts';
import { identityAt } from './enrolment.ts';
import type { Device, SerialRecord, KmsSubscriber } from './ports.ts';

export interface IssuanceSettings {
  /** Seconds that clocks may differ by. */
  readonly skew: number;
  /** Future periods whose keys are given. */
  readonly nextPeriods: number;
  /** Seconds that a mailbox keeps messages. */
  readonly mailboxRetention: number;
}

export interface PlannedKey {
  readonly uri: string;
  readonly period: number;
  readonly serial: SerialRecord;
  /** The slot whose key is to be given; `null`: no seed. */
  readonly seedSlot: number | null;
}

/** Whether every identity asked for is one that this device may ask about. */
export function ownsAll(subscriber: KmsSubscriber, device: Device, uris: readonly string[]): boolean {
  const own = new Set([...subscriber.publicIdentities, ...device.identities.map(({ uri }) => uri)]);
  return uris.every((uri) => own.has(uri));
}

/** The keys and seeds for `uris`, in the order in which they are to be sent. */
export function planIssuance(
  subscriber: KmsSubscriber,
  device: Device,
  request: { readonly uris: readonly string[]; readonly wanted: WantedDates },
  context: { readonly district: District; readonly settings: IssuanceSettings; readonly now: number },
): PlannedKey[] {
  return periodsOf(request.wanted, context).flatMap((period) =>
    request.uris.flatMap((uri) => planKey(subscriber, device, uri, period, context) ?? []),
  );
}

/** Slot whose key is the oldest still given out for a period that has begun. */
export function oldestSlot(period: number, now: number, skew: number): number {
  return Math.floor((Math.max(period, now - skew) - period) / SLOT_SECONDS);
}

type Context = Parameters<typeof planIssuance>[3];

function periodsOf(wanted: WantedDates, { district, settings, now }: Context): number[] {
  const { keyLifetime } = district;
  const current = district.periodOf(now);
  const first = current - Math.ceil(settings.mailboxRetention / keyLifetime) * keyLifetime;
  const last = current + settings.nextPeriods * keyLifetime;
  const from = wanted.from ?? current;
  const to = wanted.to ?? (wanted.from === null ? current + 2 * keyLifetime : Infinity);
  const periods: number[] = [];
  for (let period = first; period <= last; period += keyLifetime) {
    if (period < to && period + keyLifetime > from) periods.push(period);
  }
  const distance = (period: number): number => Math.abs(period - current) - (period > current ? 0.5 : 0);
  return periods.sort((a, b) => distance(a) - distance(b));
}

function planKey(
  subscriber: KmsSubscriber,
  device: Device,
  uri: string,
  period: number,
  context: Context,
): PlannedKey | null {
  const { district, now } = context;
  const serial = district.serialFor(period);
  if (serial === null || !district.isAnnounced(serial, now)) return null;
  const isOwnDevice = identityAt(device, period) === uri;
  const isAddress = subscriber.publicIdentities.includes(uri);
  if (!isOwnDevice && !isAddress) return null;
  if (!isAddress && period < district.periodOf(now)) return null;
  if (isAnotherDevices(subscriber, device, uri, period)) return null;
  return { uri, period, serial, seedSlot: isOwnDevice ? seedSlot(period, context) : null };
}

/** An address that another device draws secrets under is that device's alone for the period. */
function isAnotherDevices(subscriber: KmsSubscriber, device: Device, uri: string, period: number): boolean {
  return subscriber.devices.some(
    (other) => other.credential !== device.credential && identityAt(other, period) === uri,
  );
}

function seedSlot(period: number, { district, settings, now }: Context): number | null {
  const current = district.periodOf(now);
  if (period === current + district.keyLifetime) return 0;
  return period === current ? oldestSlot(period, now, settings.skew) : null;
}
