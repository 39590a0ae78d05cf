/**
 * Enrolment: which identities a subscriber has, and which device draws its secrets under which.
 *
 * A device identity is an address of record with `;gr=…`. A subscriber with one device may use the address of record
 * itself; then no second device gets that identity's seed, and a second device gets the address's private key only for
 * periods after the first has moved to `gr` (profile, section 1). A move takes effect at the next period boundary.
 */
import { canonicalIdentity } from '../../ibake/identity.ts';
import { IbakeError } from '../../ibake/errors.ts';
import type { District } from './district.ts';
import { KmsError } from './errors.ts';
import type { Device, DeviceIdentity, KmsSubscriber, SubscriberStore } from './ports.ts';

/** A subscriber as the operator's provisioning states it now. */
export interface Enrolment {
  readonly id: string;
  readonly publicIdentities: readonly string[];
  readonly aliases: readonly string[];
  readonly devices: readonly (Pick<Device, 'credential'> &
    Partial<Pick<Device, 'psk' | 'certified'>> & { readonly identity: string })[];
}

/** Where subscribers are enrolled, and when. */
export interface EnrolmentContext {
  readonly store: SubscriberStore;
  readonly district: District;
  /** Unix seconds. */
  readonly now: number;
}

/** Brings the store to what `enrolment` says of one subscriber. @throws KmsError `refused` */
export async function enrol(enrolment: Enrolment, context: EnrolmentContext): Promise<KmsSubscriber> {
  const subscriber = await enrolled(enrolment, context);
  await context.store.putSubscriber(subscriber, context.now);
  return subscriber;
}

/**
 * Brings the store to what `enrolments` say, which are all that there are: an identity that one of them had may be
 * another's now, and a subscriber that is not among them is one no more. What they held before stays known.
 * @throws KmsError `refused`; then nothing has changed
 */
export async function enrolAll(enrolments: readonly Enrolment[], context: EnrolmentContext): Promise<void> {
  const subscribers = await Promise.all(enrolments.map((each) => enrolled(each, context)));
  await context.store.putSubscribers(subscribers, context.now);
}

async function enrolled(
  enrolment: Enrolment,
  { store, district, now }: EnrolmentContext,
): Promise<KmsSubscriber> {
  checkIdentities(enrolment, district);
  const known = await store.subscriber(enrolment.id);
  const boundary = district.periodOf(now) + district.keyLifetime;
  const subscriber = {
    id: enrolment.id,
    publicIdentities: enrolment.publicIdentities,
    aliases: enrolment.aliases,
    devices: enrolment.devices.map((device) => ({
      credential: device.credential,
      psk: device.psk ?? null,
      certified: device.certified ?? false,
      identities: moved(
        known?.devices.find(({ credential }) => credential === device.credential),
        device.identity,
        boundary,
      ),
    })),
  };
  checkSharing(subscriber);
  return subscriber;
}

/** The identities that a device has at a period. */
export function identityAt(device: Device, period: number): string | null {
  return device.identities.find((identity) => holds(identity, period))?.uri ?? null;
}

function holds(identity: DeviceIdentity, period: number): boolean {
  return identity.from <= period && (identity.until === null || period < identity.until);
}

/** The device's identities after it is stated to have `uri`: unchanged, its first one, or a move at the boundary. */
function moved(known: Device | undefined, uri: string, boundary: number): DeviceIdentity[] {
  const before = known?.identities ?? [];
  const current = before.at(-1);
  if (current === undefined) return [{ uri, from: 0, until: null }];
  if (current.uri === uri) return [...before];
  const ended = before
    .filter(({ from }) => from < boundary)
    .map((identity) => ({ ...identity, until: Math.min(identity.until ?? boundary, boundary) }));
  return [...ended, { uri, from: boundary, until: null }];
}

function checkIdentities(enrolment: Enrolment, district: District): void {
  if (enrolment.publicIdentities.length === 0)
    throw new KmsError('refused', `${enrolment.id}: no public identity`);
  const all = [...enrolment.publicIdentities, ...enrolment.devices.map(({ identity }) => identity)];
  const odd = all.find((uri) => !isCanonical(uri));
  if (odd !== undefined) throw new KmsError('refused', `${enrolment.id}: ${odd} is not in canonical form`);
  const foreign = all.find((uri) => !district.serves(canonicalIdentity(uri).host));
  if (foreign !== undefined)
    throw new KmsError(
      'refused',
      `${enrolment.id}: ${foreign} is of a host that this district does not serve`,
    );
  if (enrolment.publicIdentities.some((uri) => uri.includes(';')))
    throw new KmsError('refused', `${enrolment.id}: a public identity has no parameters`);
  const unproved = enrolment.devices.find(({ psk = null, certified = false }) => psk === null && !certified);
  if (unproved !== undefined)
    throw new KmsError(
      'refused',
      `${enrolment.id}: ${unproved.credential} has neither a pre-shared key nor a certificate`,
    );
  const stray = enrolment.devices.find(
    ({ identity }) => !enrolment.publicIdentities.includes(canonicalIdentity(identity).addressOfRecord),
  );
  if (stray !== undefined)
    throw new KmsError('refused', `${stray.identity} is not a device of ${enrolment.id}'s addresses`);
  if (enrolment.aliases.some((alias) => !/^tel:\+?[0-9]+$/.test(alias)))
    throw new KmsError('refused', `${enrolment.id}: an alias is a tel: URI without separators or parameters`);
}

function isCanonical(uri: string): boolean {
  try {
    return canonicalIdentity(uri).uri === uri;
  } catch (error) {
    if (error instanceof IbakeError) return false;
    throw error;
  }
}

/** No two devices may have one identity at the same time. */
function checkSharing(subscriber: KmsSubscriber): void {
  const identities = subscriber.devices.flatMap((device, i) =>
    device.identities.map((identity) => ({ ...identity, device: i })),
  );
  for (const a of identities) {
    const clash = identities.some((b) => b.device !== a.device && b.uri === a.uri && overlaps(a, b));
    if (clash) throw new KmsError('refused', `${a.uri} cannot be the identity of two devices`);
  }
}

function overlaps(a: DeviceIdentity, b: DeviceIdentity): boolean {
  return a.from < (b.until ?? Infinity) && b.from < (a.until ?? Infinity);
}
