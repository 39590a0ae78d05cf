/** The exchange vectors as this room needs them. */
import { fromBase64, fromHex } from '../../../src/bytes/octets.ts';
import type { Clock } from '../../../src/bytes/ports.ts';
import { decodeBfPublicParameters } from '../../../src/ibe/parameters.ts';
import { canonicalIdentity } from '../../../src/ibake/identity.ts';
import { TimestampSource, readTimestamp, type Timestamp } from '../../../src/ibake/timestamps.ts';
import { vectorFile } from '../../support/shared.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { endpointFor, type TestHome } from './network.ts';
import { ScriptedRandom } from './scripted-random.ts';
import type { HomeForm } from '../../vector-sets/form.ts';

export const FILES = ['exchange-1.json', 'exchange-fork-gcm.json'] as const;

export type MessageName = 'I_MESSAGE_1' | 'R_MESSAGE_1' | 'I_MESSAGE_2' | 'R_MESSAGE_2';

interface VectorHome {
  readonly district: string;
  readonly serial: number;
  readonly keyLifetime: number;
  readonly masterSecret: string;
  readonly liRootKey: string;
  readonly bfPublicParametersDER: string;
  readonly user: {
    readonly uri: string;
    readonly identityDER: string;
    readonly liSeed: string;
    readonly aor?: { readonly uri: string; readonly identityDER: string };
  };
}

export interface Vector {
  readonly time: { readonly unix: number; readonly T1: string; readonly T2: string };
  readonly csbId: number;
  readonly rand: string;
  readonly curve: number;
  readonly prfFunc: number;
  readonly uri: { readonly i: string; readonly r: string };
  readonly ssrc: { readonly i: number; readonly r: number };
  readonly spi: { readonly i: string; readonly r: string };
  readonly kms: { readonly initiator: VectorHome; readonly responder: VectorHome };
  readonly recoverableSecrets: readonly {
    readonly curve: number;
    readonly role: number;
    readonly slot: number;
    readonly slotKey: string;
    readonly context: string;
    readonly secret: string;
  }[];
  readonly recoverableSK: { readonly role: number; readonly context: string; readonly sk: string };
  readonly x: string;
  readonly y: string;
  readonly xP: string;
  readonly yP: string;
  readonly messages: Readonly<
    Record<
      MessageName,
      {
        readonly message: string;
        readonly prefixSha256?: string;
        readonly transcriptSha256?: string;
        readonly plaintext?: string;
        readonly cek?: string;
        readonly rho?: string;
        readonly gcmNonce?: string;
        readonly authKey?: string;
        readonly mac?: string;
      }
    >
  >;
  readonly keys: {
    readonly kSession: string;
    readonly mpk: string;
    readonly tgk: string;
    readonly cryptoSessions: readonly {
      readonly csId: number;
      readonly direction: string;
      readonly ssrc: number;
      readonly mki: string;
      readonly tek: string;
      readonly salt: string;
    }[];
    readonly sas: string;
  };
}

export function loadVector(file: string): Vector {
  return vectorFile(file) as Vector;
}

export function homesOf({ kms }: Vector): { initiator: TestHome; responder: TestHome } {
  return { initiator: homeOf(kms.initiator), responder: homeOf(kms.responder) };
}

export function messageOf(vector: Vector, name: MessageName): Uint8Array {
  return fromBase64(vector.messages[name].message);
}

/** The T of a set's messages, whatever their fractions: no clock in milliseconds has them all. */
export class ScriptedTimestamps extends TimestampSource {
  readonly #script: Timestamp[];

  constructor(clock: Clock, ...script: readonly string[]) {
    super(clock);
    this.#script = script.map((ntp) => readTimestamp(fromHex(ntp)));
  }

  override next(after: Timestamp | null = null): Timestamp {
    const next = this.#script.shift();
    if (next === undefined || (after !== null && next.order <= after.order)) throw new Error('no such T');
    return next;
  }
}

/** Initiator and responder of a vector, each with the randomness that its messages were made with. */
export function endpointsOf(vector: Vector) {
  const { initiator, responder } = homesOf(vector);
  const clock = new ManualClock(vector.time.unix * 1000);
  const { I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2 } = vector.messages;
  const sealing = ({
    gcmNonce = '',
    cek = '',
    rho = '',
  }: {
    gcmNonce?: string;
    cek?: string;
    rho?: string;
  }) => [gcmNonce, cek, rho].map(fromHex);
  const csbId = fromHex(vector.csbId.toString(16).padStart(8, '0'));
  const randoms = {
    initiator: new ScriptedRandom(
      csbId,
      fromHex(vector.rand),
      fromHex(vector.spi.i),
      ...sealing(I_MESSAGE_1),
      ...sealing(I_MESSAGE_2),
    ),
    responder: new ScriptedRandom(fromHex(vector.spi.r), ...sealing(R_MESSAGE_1)),
  };
  const homes = [initiator, responder];
  const user = ({ user: { uri, aor } }: VectorHome) => ({ device: uri, addressOfRecord: aor?.uri ?? uri });
  return {
    randoms,
    initiator: {
      ...endpointFor(homes, user(vector.kms.initiator), { clock, random: randoms.initiator }),
      timestamps: new ScriptedTimestamps(clock, vector.time.T1, vector.time.T2),
    },
    responder: endpointFor(homes, user(vector.kms.responder), { clock, random: randoms.responder }),
  };
}

export function homeOf(home: HomeForm): TestHome {
  const user = home.user ?? home.users?.[0];
  if (user === undefined) throw new Error('a home without users');
  return {
    host: canonicalIdentity(user.uri).host,
    district: home.district,
    serial: home.serial,
    keyLifetime: home.keyLifetime,
    bf: decodeBfPublicParameters(fromBase64(home.bfPublicParametersDER)),
    masterSecret: BigInt(home.masterSecret),
    liRoot: fromHex(home.liRootKey),
  };
}
