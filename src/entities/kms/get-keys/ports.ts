/** What get_keys asks the KMS's own records. Nothing here is of another KMS: the party's own always suffices. */
import type { LiRootState, SerialRecord } from '../ports.ts';

export interface GetKeysRecords {
  /** Name of this KMS's district. */
  readonly district: string;
  /** Seconds. */
  readonly keyLifetime: number;
  /** Every serial that is valid for the period, with its master secret. */
  serialsFor(period: number): readonly SerialRecord[];
  /** The seed issued to a device identity for a period; `null` if none was. */
  issuedSeed(uri: string, period: number): Promise<{ readonly serial: number } | null>;
  /** The LI root of the epoch that a period belongs to. */
  liRoot(period: number): Promise<LiRootState>;
}
